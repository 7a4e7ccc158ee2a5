//! A program's process for bash and JavaScript: gives up its rights, waits for the program, and becomes it. For Python
//! the same is done by a fork of the interpreter, in zygote.py.

use std::convert::Infallible;
use std::ffi::CString;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{chdir, dup2_stderr, dup2_stdin, dup2_stdout, execve};

use super::init::{Inherited, PROXY_PORT, Spec, end};
use super::namespaces::Place;
use super::seccomp::{self, Sockets};
use super::{Context as _, Outcome, confine, landlock};
use crate::Language;
use crate::payload::{self, Payload};
use crate::wire::{self, Go};

/// The packet that says that a process has given up its rights.
pub(super) const CONFINED: &[u8] = b"confined";
/// First byte of what comes through the descriptor for results: the program was not run.
pub(super) const FAILED: u8 = b'F';
/// The name of a bash program, beside its working folder.
const SCRIPT: &str = "step.sh";

/// Is the program's process. `socket` is its end; `rules` are the cell's.
pub(super) fn be(spec: &Spec, inherited: &Inherited<'_>, socket: OwnedFd, rules: Option<OwnedFd>) -> ! {
    let Err(why) =
        confine(spec, inherited.place, socket.as_fd(), rules).and_then(|()| wait(spec, inherited, socket));
    // Before it has its program there is nobody else to tell. Standard error is the host's then.
    let _ = writeln!(std::io::stderr(), "a program's process: {why}");
    end(1)
}

fn confine(spec: &Spec, place: Place, socket: BorrowedFd<'_>, rules: Option<OwnedFd>) -> Outcome {
    confine::drop_rights(place)?;
    if let Some(rules) = rules {
        landlock::restrict(rules)?;
    }
    let sockets = match (place.namespaces, spec.guarded) {
        (false, _) => Sockets::None,
        (true, true) => Sockets::Internet,
        (true, false) => Sockets::Local,
    };
    seccomp::install(&mut seccomp::program(sockets))?;
    wire::send_bytes(socket, CONFINED, &[]).context("tell that it is confined")
}

fn wait(spec: &Spec, inherited: &Inherited<'_>, socket: OwnedFd) -> Outcome<Infallible> {
    let Some((go, descriptors)) = wire::receive::<Go>(socket.as_fd()).context("wait for a program")? else {
        end(0)
    };
    drop(socket);
    let [program, stdout, stderr, result] = <[OwnedFd; 4]>::try_from(descriptors)
        .map_err(|descriptors| format!("{} descriptors, not four", descriptors.len()))?;
    let mut result = File::from(result);
    match go_on(spec, inherited, &go, program, stdout, stderr, &mut result) {
        Ok(code) => end(code),
        Err(why) => {
            // The runner sees at least that nothing came.
            let _ = result.write_all(&[&[FAILED], why.as_bytes()].concat());
            end(1)
        }
    }
}

fn go_on(
    spec: &Spec,
    inherited: &Inherited<'_>,
    go: &Go,
    program: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
    result: &mut File,
) -> Outcome<i32> {
    let payload = payload::read(program).context("read the program")?;
    let work = inherited.work();
    chdir(&work).context("enter the working folder")?;
    put_files(&payload)?;
    let null = File::open("/dev/null").context("open `/dev/null`")?;
    dup2_stdin(&null).context("close standard input")?;
    dup2_stdout(&stdout).context("open standard output")?;
    dup2_stderr(&stderr).context("open standard error")?;
    drop((null, stdout, stderr));
    if spec.language == Language::JavaScript {
        let engine = inherited.engine.ok_or("no engine for JavaScript")?;
        confine::limit(go, engine.mapped_bytes)?;
        return engine.run(&payload, go.memory_bytes, result);
    }
    let tmp = work.parent().unwrap_or(&work);
    let script = tmp.join(SCRIPT).display().to_string();
    fs::write(&script, &payload.code).context("write the program")?;
    confine::limit(go, confine::BASH_BYTES)?;
    let text = |text: &str| CString::new(text).context("a text");
    let arguments = ["bash", "--noprofile", "--norc", &script];
    let arguments = arguments.into_iter().map(text).collect::<Outcome<Vec<_>>>()?;
    let mut environment = vec![
        "PATH=/usr/local/bin:/usr/bin:/bin".to_owned(),
        format!("HOME={}", work.display()),
        format!("TMPDIR={}", tmp.display()),
        "LANG=C.UTF-8".to_owned(),
    ];
    if go.guarded {
        let proxy = ["http_proxy", "https_proxy"];
        environment.extend(proxy.map(|name| format!("{name}=http://127.0.0.1:{PROXY_PORT}")));
    }
    let environment = environment.iter().map(|entry| text(entry)).collect::<Outcome<Vec<_>>>()?;
    // This process ignores it, as every program in Rust; pipelines of a shell end by it.
    // SAFETY: installs no handler.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.context("let pipes end programs")?;
    // The result's descriptor is closed by this, as all others but the three are.
    execve(&text("/bin/bash")?, &arguments, &environment).context("start `/bin/bash`")?;
    Ok(1)
}

fn put_files(payload: &Payload) -> Outcome {
    for (name, content) in &payload.files {
        if let Some(folder) = Path::new(name).parent() {
            fs::create_dir_all(folder).context(format!("make the folder of `{name}`"))?;
        }
        fs::write(name, content).context(format!("write the input file `{name}`"))?;
    }
    Ok(())
}
