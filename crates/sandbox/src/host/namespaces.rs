//! How the host leaves the machine behind: a child in a user, mount, pid, network, ipc and uts namespace of its own
//! goes on as the host, while the process that the runner started waits for it. As root, two uids without rights
//! are mapped beside the host's own, one for the first process of a cell and one for its program.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use nix::mount::{MntFlags, MsFlags, mount};
use nix::sched::CloneFlags;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, umask};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, getegid, geteuid, setgroups, setsid};

use super::{Context as _, Outcome};
use crate::report::{Part, PartState, Report};

/// On the machine, when the host is started by root: of the first process of a cell, and of its program. Nobody's by
/// custom; within what containers map.
const INIT_UID_OUTSIDE: u32 = 65_530;
pub(super) const STEP_UID_OUTSIDE: u32 = 65_531;
/// In a cell.
pub(super) const INIT_UID: u32 = 0;
pub(super) const STEP_UID: u32 = 1000;

/// What the host found on its way in.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Whether cells have two uids of their own, or share the one of who started the runner.
    pub(super) own_uids: bool,
    /// Whether `/proc` can be mounted for a pid namespace.
    pub(super) proc: bool,
    /// Whether the kernel's file rules are used.
    pub(super) landlock: bool,
    /// Whether there are namespaces at all. Without, cells are the reduced form.
    pub(super) namespaces: bool,
}

impl Place {
    /// The uid that a program takes on, in the namespace that it does so in. None keeps the one it has.
    pub(super) fn step_uid(self) -> Option<u32> {
        match (self.namespaces, self.own_uids) {
            (true, _) => Some(STEP_UID),
            (false, true) => Some(STEP_UID_OUTSIDE),
            (false, false) => None,
        }
    }

    /// `uid_map` and `gid_map` of a cell, as seen from the host's namespace.
    pub(super) fn cell_map(self) -> String {
        if self.own_uids { format!("{INIT_UID} 1 1\n{STEP_UID} 2 1\n") } else { format!("{STEP_UID} 0 1\n") }
    }
}

/// A child, with these namespaces of its own: 0 in the child, its pid in the parent.
pub(super) fn fork_into(flags: CloneFlags) -> Outcome<Option<Pid>> {
    let flags = libc::c_long::from(flags.bits() | libc::SIGCHLD);
    // SAFETY: this is fork with namespaces: no memory is shared and the stack is copied. The process has one thread,
    // so that no lock can be held by another.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    match pid {
        0 => Ok(None),
        pid if pid > 0 => Ok(Some(Pid::from_raw(i32::try_from(pid).unwrap_or(i32::MAX)))),
        _ => Err(std::io::Error::last_os_error()).context("fork"),
    }
}

/// Goes on in a child inside its namespaces. `None` in the process that was left outside, when the child has ended.
pub(super) fn enter(report: &mut Report) -> Outcome<Option<Place>> {
    let all = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWUTS;
    let landlock = report.has(Part::Landlock);
    // Where the machine's own /proc is masked, as in many containers, none can be mounted for a new pid namespace. The
    // host then stays in the pid namespace that the old one shows.
    if report.has(Part::Proc) {
        match try_enter(all, true, landlock)? {
            Entered::Inside(place) => return Ok(Some(place)),
            Entered::Ended => return Ok(None),
            Entered::NoProc(_) => {
                let why = "none can be mounted beside a masked one".to_owned();
                set(report, Part::Proc, PartState::Absent(why));
            }
        }
    }
    match try_enter(all - CloneFlags::CLONE_NEWPID, false, landlock)? {
        Entered::Inside(place) => Ok(Some(place)),
        Entered::Ended => Ok(None),
        Entered::NoProc(why) => Err(why),
    }
}

pub(super) fn set(report: &mut Report, part: Part, state: PartState) {
    for (other, old) in &mut report.parts {
        if *other == part {
            old.clone_from(&state);
        }
    }
}

/// Goes on where it is, for the reduced form.
pub(super) fn stay_outside(report: &mut Report) -> Outcome<Place> {
    set(report, Part::Proc, PartState::Absent("needs a pid namespace".to_owned()));
    // It may lead its session already.
    let _ = setsid();
    umask(Mode::from_bits_truncate(0o022));
    let own_uids = super::probe::can_change_uid(STEP_UID_OUTSIDE);
    Ok(Place { own_uids, proc: false, landlock: true, namespaces: false })
}

enum Entered {
    Inside(Place),
    Ended,
    NoProc(String),
}

fn try_enter(flags: CloneFlags, own_proc: bool, landlock: bool) -> Outcome<Entered> {
    let (mut outer, mut inner) = UnixStream::pair().context("make a socket")?;
    let Some(child) = fork_into(flags)? else {
        drop(outer);
        super::confine::die_with_parent()?;
        let mut byte = [0];
        if inner.read_exact(&mut byte).is_err() {
            std::process::exit(1);
        }
        let own_uids = byte == *b"2";
        match settle(own_uids, own_proc) {
            Ok(()) => {
                inner.write_all(b"+").context("tell that the namespaces are there")?;
                return Ok(Entered::Inside(Place { own_uids, proc: own_proc, landlock, namespaces: true }));
            }
            Err(why) => {
                // Nobody else is told if the parent is gone.
                let _ = inner.write_all(why.as_bytes());
                std::process::exit(1);
            }
        }
    };
    drop(inner);
    let own_uids = map(child)?;
    outer.write_all(if own_uids { b"2" } else { b"1" }).context("tell which uids are mapped")?;
    let mut answer = [0; 512];
    let length = outer.read(&mut answer).context("wait for the namespaces")?;
    let answer = String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).into_owned();
    if answer != "+" {
        // It ends by itself; this is for when it cannot.
        let _ = kill(child, Signal::SIGKILL);
        let _ = waitpid(child, None);
        if own_proc && answer.starts_with("mount `/proc`") {
            return Ok(Entered::NoProc(answer));
        }
        return Err(answer);
    }
    // The socket is the child's; if this process kept it, its end would not be seen.
    super::confine::close_from(3)?;
    loop {
        match waitpid(child, None) {
            Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => return Ok(Entered::Ended),
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno).context("wait for the host"),
        }
    }
}

/// Maps uids and gids of the child; whether cells have two of their own.
fn map(child: Pid) -> Outcome<bool> {
    let (uid, gid) = (geteuid(), getegid());
    if uid.is_root() {
        let map = |own: u32| format!("0 {own} 1\n1 {INIT_UID_OUTSIDE} 1\n2 {STEP_UID_OUTSIDE} 1\n");
        if write_maps(child, &map(uid.as_raw()), &map(gid.as_raw()), true).is_ok() {
            return Ok(true);
        }
    }
    write_maps(child, &format!("0 {uid} 1\n"), &format!("0 {gid} 1\n"), false)?;
    Ok(false)
}

/// Writes the maps of a child's user namespace. Without rights over groups the kernel wants `setgroups` denied first.
pub(super) fn write_maps(child: Pid, uids: &str, gids: &str, groups: bool) -> Outcome {
    let write = |name: &str, text: &str| {
        fs::write(format!("/proc/{child}/{name}"), text).context(format!("write `{name}`"))
    };
    if !groups {
        write("setgroups", "deny")?;
    }
    write("gid_map", gids)?;
    write("uid_map", uids)
}

fn settle(own_uids: bool, own_proc: bool) -> Outcome {
    setsid().context("make a session")?;
    umask(Mode::from_bits_truncate(0o022));
    if own_uids {
        setgroups(&[]).context("drop the groups")?;
    }
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).context("make the mounts private")?;
    if own_proc {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some("proc"), "/proc", Some("proc"), flags, none).context("mount `/proc`")?;
    }
    Ok(())
}

/// Unmounts what is mounted over the whole old root, once a new one is pivoted to.
pub(super) fn detach_old_root() -> Outcome {
    nix::mount::umount2(".", MntFlags::MNT_DETACH).context("leave the old root")
}
