//! What the kernel allows, found out by trying each part in a child that ends at once.

use std::path::PathBuf;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Gid, Uid, fork, setgroups, setresgid, setresuid};

use super::{landlock, memory, seccomp};
use crate::report::{Part, PartState, Report};

/// Tries all parts but those to leave out. `/proc` is found out later, when the host is inside.
pub(super) fn probe(without: &[Part]) -> Report {
    let user = try_namespaces(CloneFlags::empty());
    let needs_user = || PartState::Absent("needs a user namespace".to_owned());
    let is_there = matches!(user, PartState::Present(_));
    let with = |flag| if is_there { try_namespaces(flag) } else { needs_user() };
    let state = |part| match part {
        part if without.contains(&part) => PartState::Absent("left out".to_owned()),
        Part::User => user.clone(),
        Part::Mount if is_there => try_mounts(),
        Part::Mount => needs_user(),
        Part::Pid => with(CloneFlags::CLONE_NEWPID),
        Part::Network => with(CloneFlags::CLONE_NEWNET),
        Part::Ipc => with(CloneFlags::CLONE_NEWIPC),
        Part::Uts => with(CloneFlags::CLONE_NEWUTS),
        Part::Seccomp => try_seccomp(),
        Part::Rlimits | Part::Proc => PartState::Present(None),
        Part::Landlock => match landlock::version() {
            Some(version) => PartState::Present(Some(version.to_string())),
            None => PartState::Absent("the kernel has none".to_owned()),
        },
        Part::Cgroup => match memory::join_group() {
            Ok(form) => PartState::Present(Some(form)),
            Err(why) => PartState::Absent(why),
        },
    };
    Report { parts: Part::ALL.into_iter().map(|part| (part, state(part))).collect() }
}

fn try_namespaces(flag: CloneFlags) -> PartState {
    let errno = in_child(|| match unshare(flag | CloneFlags::CLONE_NEWUSER) {
        Ok(()) => 0,
        Err(errno) => errno as i32,
    });
    outcome(errno)
}

/// A mount namespace is of no use where mounting is forbidden in it, as by the usual profile of Docker.
fn try_mounts() -> PartState {
    let errno = in_child(|| {
        let none = None::<&str>;
        let tried = unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)
            .and_then(|()| mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none))
            .and_then(|()| mount(Some("probe"), "/", Some("tmpfs"), MsFlags::empty(), none));
        tried.map_or_else(|errno| errno as i32, |()| 0)
    });
    outcome(errno)
}

/// Whether a process of ours may take on another uid.
pub(super) fn can_change_uid(uid: u32) -> bool {
    let change = || {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(uid));
        let changed =
            setgroups(&[]).and_then(|()| setresgid(gid, gid, gid)).and_then(|()| setresuid(uid, uid, uid));
        i32::from(changed.is_err())
    };
    in_child(change) == 0
}

/// Whether a process of ours with this uid can list all of these.
pub(super) fn can_list(uid: u32, folders: &[PathBuf]) -> bool {
    let list = || {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(uid));
        let changed =
            setgroups(&[]).and_then(|()| setresgid(gid, gid, gid)).and_then(|()| setresuid(uid, uid, uid));
        i32::from(changed.is_err() || folders.iter().any(|folder| std::fs::read_dir(folder).is_err()))
    };
    in_child(list) == 0
}

fn try_seccomp() -> PartState {
    let errno = in_child(|| {
        let refused = nix::sys::prctl::set_no_new_privs().is_err()
            || seccomp::install(&mut seccomp::program(seccomp::Sockets::Local)).is_err();
        if refused { libc::EINVAL } else { 0 }
    });
    outcome(errno)
}

fn outcome(errno: i32) -> PartState {
    match errno {
        0 => PartState::Present(None),
        errno => PartState::Absent(nix::errno::Errno::from_raw(errno).desc().to_lowercase()),
    }
}

/// What a child answers with, as its exit code.
fn in_child(answer: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the process has one thread, so the child finds no lock held by another.
    match unsafe { fork() } {
        Ok(ForkResult::Child) => {
            let code = answer();
            // SAFETY: ends the child without running what the parent registered for its own end.
            unsafe { libc::_exit(code) }
        }
        Ok(ForkResult::Parent { child }) => match waitpid(child, None) {
            Ok(WaitStatus::Exited(_, code)) => code,
            _ => libc::EIO,
        },
        Err(errno) => errno as i32,
    }
}
