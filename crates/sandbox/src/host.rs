//! The host process: what the runner starts to run programs in. It reads one setup, moves into namespaces of its own,
//! and then prepares cells, hands programs to them and reports how they ended, until the runner's end of the socket
//! is closed. It has one thread, no environment, and no descriptor but that socket.

mod cell;
mod confine;
mod init;
mod javascript;
mod landlock;
mod memory;
mod namespaces;
mod probe;
mod reduced;
mod root;
mod seccomp;
mod serve;
mod step;
mod zygote;

use std::fmt::Display;
use std::os::fd::{AsFd as _, FromRawFd as _, OwnedFd};
use std::process::exit;

use crate::wire::{self, FromHost, Setup};

pub(crate) use javascript::PRELUDE as JAVASCRIPT_PRELUDE;
pub(crate) use zygote::PRELUDE as PYTHON_PRELUDE;

/// What the host's command line has after the program's name.
pub const HOST_ARGUMENT: &str = "sandbox-host";

/// What went wrong in a sentence. Nothing here is caught by kind.
type Outcome<T = ()> = Result<T, String>;

/// Says what was being done when something failed.
trait Context<T> {
    fn context(self, what: impl Display) -> Outcome<T>;
}

impl<T, E: Display> Context<T> for Result<T, E> {
    fn context(self, what: impl Display) -> Outcome<T> {
        self.map_err(|error| format!("{what}: {error}"))
    }
}

/// Whether this process was started to be a host.
pub fn is_host() -> bool {
    std::env::args_os().nth(1).is_some_and(|argument| argument == HOST_ARGUMENT)
}

/// Is the host process, with the runner's socket as standard input. Must be called before any thread is started.
pub fn host_main() -> ! {
    match run() {
        Ok(()) => exit(0),
        Err(why) => {
            // The runner reads this stream and logs it.
            #[allow(clippy::print_stderr)]
            {
                eprintln!("{why}");
            }
            exit(1)
        }
    }
}

fn run() -> Outcome {
    confine::close_from(3)?;
    // SAFETY: standard input is the runner's socket by contract; the copy is ours alone, and closed on exec.
    let socket = unsafe { OwnedFd::from_raw_fd(libc::fcntl(0, libc::F_DUPFD_CLOEXEC, 3)) };
    let null = std::fs::File::open("/dev/null").context("open `/dev/null`")?;
    nix::unistd::dup2_stdin(&null).context("close standard input")?;
    let first = wire::receive::<Setup>(socket.as_fd()).context("read the setup")?;
    let Some((setup, preludes)) = first else { return Ok(()) };
    let [python_prelude, javascript_prelude] = <[OwnedFd; 2]>::try_from(preludes)
        .map_err(|preludes| format!("{} preludes, not two", preludes.len()))?;

    let mut report = probe::probe(&setup.without);
    let place = if report.is_full() {
        let inside = namespaces::enter(&mut report)?;
        let Some(place) = inside else { return Ok(()) };
        place
    } else if setup.reduced && report.allows_reduced() {
        namespaces::stay_outside(&mut report)?
    } else {
        return wire::send(socket.as_fd(), &FromHost::Ready { report }, &[]).context("report");
    };
    let host = serve::Host::new(socket, setup, place, report, python_prelude, javascript_prelude)?;
    host.serve()
}
