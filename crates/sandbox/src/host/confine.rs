//! How a process gives up what it could do: rights, descriptors, limits, system calls. Python's half of this stands
//! in zygote.py and does the same in the same order.

use std::fs;

use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid, setsid};

use super::namespaces::Place;
use super::{Context as _, Outcome};
use crate::wire::Go;

/// Descriptors that a program may have open at a time.
pub(super) const DESCRIPTORS_MAX: u64 = 256;
/// Bytes of address space that a fresh bash maps before it does anything.
pub(super) const BASH_BYTES: u64 = 64 * 1024 * 1024;

/// A uid of 0 means nothing, keeps nothing, raises nothing; and that is locked.
const SECURE_BITS: u64 = 0b1110_1111;

/// Closes every descriptor from this one on.
pub(super) fn close_from(first: u32) -> Outcome {
    // SAFETY: whoever calls this is about to lose its state on purpose and keeps no owner of such a descriptor that it
    // uses or drops afterwards.
    let done = unsafe { libc::close_range(first, u32::MAX, 0) };
    if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()).context("close descriptors") }
}

/// Is killed when the process that forked it dies.
pub(super) fn die_with_parent() -> Outcome {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL).context("tie to the parent")
}

/// Is killed before others when the machine's memory is short, with all that it will start.
pub(super) fn be_killed_first() {
    // Without /proc it is as likely as others.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
}

/// Gives up all rights for good: another uid, no capability, no way to get one.
pub(super) fn drop_rights(place: Place) -> Outcome {
    // Without a pid namespace the group of the cell's first process is what is killed.
    if place.namespaces {
        setsid().context("make a session")?;
    }
    for (resource, most) in [
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_NOFILE, DESCRIPTORS_MAX),
        (Resource::RLIMIT_MEMLOCK, 0),
        (Resource::RLIMIT_MSGQUEUE, 0),
        (Resource::RLIMIT_RTPRIO, 0),
        (Resource::RLIMIT_SIGPENDING, DESCRIPTORS_MAX),
    ] {
        setrlimit(resource, most, most).context(format!("limit {resource:?}"))?;
    }
    nix::sys::prctl::set_no_new_privs().context("refuse new privileges")?;
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as u64, "clear ambient capabilities")?;
    let mut capability = 0;
    while prctl(libc::PR_CAPBSET_DROP, capability, "drop a capability").is_ok() {
        capability += 1;
    }
    // The kernel says "invalid" for the first number that is none. Who has no right over capabilities outside has none
    // to drop either.
    let powerless = !place.namespaces && !place.own_uids;
    if capability < 32 && !powerless {
        return Err("the capabilities could not be dropped".to_owned());
    }
    let locked = prctl(libc::PR_SET_SECUREBITS, SECURE_BITS, "lock the secure bits");
    if !powerless {
        locked?;
    }
    // Denied where groups may not be set; there are none that matter behind the mounts.
    let _ = setgroups(&[]);
    if let Some(id) = place.step_uid() {
        let (uid, gid) = (Uid::from_raw(id), Gid::from_raw(id));
        setresgid(gid, gid, gid).context("change the gid")?;
        setresuid(uid, uid, uid).context("change the uid")?;
    }
    let header = [0x2008_0522_u32, 0];
    let nothing = [0_u32; 6];
    // SAFETY: version 3 takes a header of two words and data of six, which both outlive the call.
    let done = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), nothing.as_ptr()) };
    if done != 0 {
        return Err(std::io::Error::last_os_error()).context("drop the capabilities");
    }
    // Forgotten by the kernel when the uid changes.
    die_with_parent()
}

/// The limits of this program.
pub(super) fn limit(go: &Go, mapped_bytes: u64) -> Outcome {
    let memory = go.memory_bytes.saturating_add(mapped_bytes);
    for (resource, soft, hard) in [
        (Resource::RLIMIT_AS, memory, memory),
        (Resource::RLIMIT_FSIZE, go.file_bytes, go.file_bytes),
        (Resource::RLIMIT_NPROC, go.processes.into(), go.processes.into()),
        // The signal of the soft limit says why; the hard one is for who ignores it.
        (Resource::RLIMIT_CPU, go.cpu_s, go.cpu_s + 1),
    ] {
        setrlimit(resource, soft, hard).context(format!("limit {resource:?}"))?;
    }
    Ok(())
}

fn prctl(option: i32, argument: u64, what: &str) -> Outcome {
    // SAFETY: none of the options used here takes a pointer.
    let done = unsafe { libc::prctl(option, argument, 0_u64, 0_u64, 0_u64) };
    if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()).context(what) }
}
