//! The host's side of the warm Python interpreter: how it is started, and what is said to it. zygote.py is the other
//! side.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::namespaces::Place;
use super::seccomp::{self, Sockets};
use super::{Context as _, Outcome};
use crate::payload::anonymous;
use crate::wire::{self, PythonHome, Status};

const PROGRAM: &str = include_str!("zygote.py");
/// The prelude if the owner gives none.
pub(crate) const PRELUDE: &str = include_str!("prelude.py");

/// The filters that it is given.
const FILTERS: [Sockets; 3] = [Sockets::Local, Sockets::Internet, Sockets::None];

/// The place of a filter in what the interpreter was given.
pub(super) fn filter_of(place: Place, guarded: bool) -> usize {
    match (place.namespaces, guarded) {
        (true, false) => 0,
        (true, true) => 1,
        (false, _) => 2,
    }
}

/// To the interpreter; with the cell's namespaces, the program's end of its socket, and the file rules if there are.
#[derive(Serialize)]
pub(super) struct Fork {
    pub(super) cell: u64,
    /// Which filter: the place in the order in which they were given.
    pub(super) filter: usize,
    pub(super) rules: bool,
    /// The cell's folder, in the reduced form. There are no namespaces to enter then.
    pub(super) folder: Option<PathBuf>,
    /// The uid that the program takes on.
    pub(super) uid: Option<u32>,
}

/// From the interpreter.
#[derive(Deserialize)]
pub(super) enum ZygoteSays {
    Forked { cell: u64, pid: i32 },
    Refused { cell: u64, why: String },
    Ended { pid: i32, status: Status },
}

/// A running interpreter.
pub(super) struct Zygote {
    pub(super) socket: OwnedFd,
    pub(super) pid: Pid,
}

impl Zygote {
    /// Starts it. It warms up by itself; what is said to it meanwhile waits in its socket.
    pub(super) fn start(python: &PythonHome, prelude: &OwnedFd) -> Outcome<Self> {
        let (socket, theirs) = wire::pair().context("make a socket")?;
        let mut command = Command::new(&python.executable);
        // Isolated, without `site`, without writing bytecode, texts as UTF-8 whatever the locale.
        command.args(["-I", "-S", "-B", "-X", "utf8", "-c", PROGRAM]);
        command.env_clear().current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
        // SAFETY: between fork and exec only calls that are safe there: two of the kernel's.
        unsafe {
            use std::os::fd::AsRawFd as _;
            use std::os::unix::process::CommandExt as _;
            let theirs = theirs.as_raw_fd();
            command.pre_exec(move || {
                if theirs == 3 {
                    libc::fcntl(3, libc::F_SETFD, 0);
                } else if libc::dup2(theirs, 3) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
                Ok(())
            });
        }
        let child = command.spawn().context(format!("start `{}`", python.executable.display()))?;
        drop(theirs);
        let filter = |sockets| anonymous(&[&seccomp::bytes(sockets)]).context("write a filter");
        let filters = FILTERS.into_iter().map(filter).collect::<Outcome<Vec<_>>>()?;
        let filters = filters.iter().map(|filter| filter.as_fd());
        let descriptors: Vec<_> = std::iter::once(prelude.as_fd()).chain(filters).collect();
        wire::send_bytes(socket.as_fd(), b"warm", &descriptors)
            .context("tell the interpreter its prelude")?;
        Ok(Self { socket, pid: Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX)) })
    }

    pub(super) fn fork(&self, fork: &Fork, descriptors: &[BorrowedFd<'_>]) -> Outcome {
        wire::send(self.socket.as_fd(), fork, descriptors).context("ask the interpreter for a process")
    }
}
