//! File rules of the kernel as a second wall behind the mounts: a program may read and execute what its root shows,
//! and change what lies in its own temporary folder. Where a kernel has no Landlock, the mounts hold alone.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd};
use std::path::Path;

use super::{Context as _, Outcome};

const ASK_VERSION: u32 = 1;
const RULE_PATH_BENEATH: i32 = 1;
const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
/// All that the first version knows.
const ALL_FIRST: u64 = (1 << 13) - 1;
/// Moving between folders, of the second version.
const REFER: u64 = 1 << 13;
/// Truncating, of the third.
const TRUNCATE: u64 = 1 << 14;
/// Signals and abstract sockets of processes outside, of the sixth.
const SCOPES: u64 = 0b11;

#[repr(C)]
struct Ruleset {
    files: u64,
    network: u64,
    scoped: u64,
}

#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: i32,
}

/// The version that the kernel has; none if it has none.
pub(super) fn version() -> Option<u32> {
    // SAFETY: asking for the version takes neither a ruleset nor a size.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0_usize, 0_usize, ASK_VERSION) };
    u32::try_from(version).ok().filter(|version| *version > 0)
}

/// The rules of a cell, made inside its root. Nothing if the kernel has no Landlock.
pub(super) fn rules() -> Outcome<Option<OwnedFd>> {
    rules_for(&[Path::new("/")], Path::new("/tmp"))
}

/// Rules by which these may be read and executed, if they are there, and what lies in the folder changed.
pub(super) fn rules_for(readable: &[&Path], folder: &Path) -> Outcome<Option<OwnedFd>> {
    let Some(version) = version() else { return Ok(None) };
    let files = ALL_FIRST | if version >= 2 { REFER } else { 0 } | if version >= 3 { TRUNCATE } else { 0 };
    let ruleset = Ruleset { files, network: 0, scoped: if version >= 6 { SCOPES } else { 0 } };
    // An older kernel takes the shorter form of the structure.
    let size = if version >= 6 { 24_usize } else { 8 };
    // SAFETY: the structure outlives the call and has at least the size that is told.
    let made = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, &raw const ruleset, size, 0_u32) };
    let made = i32::try_from(made).unwrap_or(-1);
    if made < 0 {
        return Err(io::Error::last_os_error()).context("make file rules");
    }
    // SAFETY: the kernel has just made it for us.
    let rules = unsafe { OwnedFd::from_raw_fd(made) };
    for path in readable.iter().filter(|path| path.exists()) {
        let of_file = EXECUTE | READ_FILE;
        allow(&rules, path, if path.is_dir() { of_file | READ_DIR } else { of_file })?;
    }
    allow(&rules, folder, files)?;
    for device in ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"] {
        allow(&rules, Path::new(device), READ_FILE | WRITE_FILE)?;
    }
    Ok(Some(rules))
}

/// Puts the calling process under the rules, with all that it will start.
pub(super) fn restrict(rules: impl AsFd) -> Outcome {
    let rules = rules.as_fd().as_raw_fd();
    // SAFETY: takes a descriptor and no memory.
    let done = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules, 0_u32) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()).context("take on the file rules") }
}

fn allow(rules: &OwnedFd, path: &Path, allowed: u64) -> Outcome {
    let shown = path.display();
    let named = CString::new(path.as_os_str().as_encoded_bytes()).context("a path")?;
    // SAFETY: the path is a terminated text that outlives the call.
    let opened = unsafe { libc::open(named.as_ptr(), libc::O_PATH | libc::O_CLOEXEC) };
    if opened < 0 {
        return Err(io::Error::last_os_error()).context(format!("open `{shown}`"));
    }
    // SAFETY: the kernel has just made it for us.
    let opened = unsafe { OwnedFd::from_raw_fd(opened) };
    let rule = PathBeneath { allowed, parent: opened.as_raw_fd() };
    // SAFETY: the rule outlives the call; its layout is the kernel's.
    let done = unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            rules.as_raw_fd(),
            RULE_PATH_BENEATH,
            &raw const rule,
            0_u32,
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error()).context(format!("a file rule for `{shown}`"))
    }
}
