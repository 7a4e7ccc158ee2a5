//! A sandbox whose host is this crate's own, and programs run in it. Not every test binary uses all of it.
#![allow(dead_code)]

use sandbox::{Finished, HostCommand, Program, Sandbox, SandboxSettings};
use tokio_util::sync::CancellationToken;

const HOST: &str = env!("CARGO_BIN_EXE_sandbox-host");

pub(crate) fn settings() -> SandboxSettings {
    SandboxSettings::new(HostCommand { program: HOST.into(), arguments: vec!["sandbox-host".to_owned()] })
}

/// A host in a container as they are: part of `/proc` is covered, so that the kernel lets none be mounted.
pub(crate) fn masked_proc() -> SandboxSettings {
    let script = format!("mount -t tmpfs mask /proc/tty && exec {HOST} sandbox-host");
    let arguments = ["-Urm", "/bin/sh", "-c", &script].map(str::to_owned).to_vec();
    SandboxSettings::new(HostCommand { program: "/usr/bin/unshare".into(), arguments })
}

/// A host on a kernel that gives no user namespaces.
pub(crate) fn without_namespaces() -> SandboxSettings {
    let script = format!("echo 0 >/proc/sys/user/max_user_namespaces && exec {HOST} sandbox-host");
    let arguments = ["-Ur", "/bin/sh", "-c", &script].map(str::to_owned).to_vec();
    SandboxSettings::new(HostCommand { program: "/usr/bin/unshare".into(), arguments })
}

/// The same, as root in a container: it may take on other uids.
pub(crate) fn without_namespaces_as_root() -> SandboxSettings {
    let script = format!(
        "import os, ctypes
ready, mapped = os.pipe(), os.pipe()
child = os.fork()
if child:
    os.read(ready[0], 1)
    for name in ('uid_map', 'gid_map'):
        open(f'/proc/{{child}}/{{name}}', 'w').write('0 0 65536')
    os.write(mapped[1], b'x')
    os._exit(os.waitpid(child, 0)[1] >> 8)
assert ctypes.CDLL(None).unshare(0x10000000) == 0
os.write(ready[1], b'x')
os.read(mapped[0], 1)
open('/proc/sys/user/max_user_namespaces', 'w').write('0')
os.execv('{HOST}', ['{HOST}', 'sandbox-host'])"
    );
    let line = "exec python3 -I -S -c \"$0\"".to_owned();
    let arguments = vec!["-c".to_owned(), line, script];
    let mut settings = SandboxSettings::new(HostCommand { program: "/bin/sh".into(), arguments });
    // One that others than its owner may read.
    settings.python = Some("/usr/bin/python3".into());
    settings
}

/// A host that may make namespaces and not mount in them, as under the usual profile of Docker.
pub(crate) fn without_mounts() -> SandboxSettings {
    let mount = nix::libc::SYS_mount;
    let script = format!(
        "import ctypes, os, struct
libc = ctypes.CDLL(None)
code = ((0x20, 0, 0, 0), (0x15, 0, 1, {mount}), (6, 0, 0, 0x5000D), (6, 0, 0, 0x7FFF0000))
code = b''.join(struct.pack('HBBI', *one) for one in code)
buffer = ctypes.create_string_buffer(code, len(code))
program = ctypes.create_string_buffer(struct.pack('HxxxxxxP', 4, ctypes.addressof(buffer)))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, program) == 0
os.execv('{HOST}', ['{HOST}', 'sandbox-host'])"
    );
    let arguments = vec!["-c".to_owned(), "exec python3 -I -S -c \"$0\"".to_owned(), script];
    let mut settings = SandboxSettings::new(HostCommand { program: "/bin/sh".into(), arguments });
    settings.python = Some("/usr/bin/python3".into());
    settings
}

pub(crate) async fn full(settings: SandboxSettings) -> Sandbox {
    let sandbox = Sandbox::start(settings).await.expect("the host starts");
    assert!(sandbox.report().is_full(), "{}", sandbox.report());
    sandbox
}

pub(crate) async fn sandbox() -> Sandbox {
    full(settings()).await
}

pub(crate) async fn run(sandbox: &Sandbox, program: Program) -> Finished {
    sandbox.run(program, &|_, _| {}, &CancellationToken::new()).await.expect("the program is run")
}
