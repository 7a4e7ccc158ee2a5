//! Bounds on memory and processes beyond what a process can be limited to by itself. All programs and the host are in
//! one control group if one can be written, so that the machine is safe whatever they do; within it, the host looks
//! every few milliseconds what each program's processes hold together. A group per program is not used: moving a
//! process into one waits for the kernel's RCU, measured at 10 ms and one at a time.

use std::fs;
use std::path::{Path, PathBuf};

use nix::unistd::Pid;

use super::{Context as _, Outcome};

/// Processes and threads of all programs together.
const GROUP_PROCESSES_MAX: u32 = 16 * 1024;
/// The part of the machine's memory that all programs together may have, in percent.
const GROUP_MEMORY_PERCENT: u64 = 75;
/// Processes of one program that are looked at.
const LOOKED_AT_MAX: usize = 4096;

/// Moves this process into a group of its own, in every hierarchy that bounds memory or processes. How many it is.
pub(super) fn join_group() -> Outcome<String> {
    let groups = fs::read_to_string("/proc/self/cgroup").context("read the control groups")?;
    let total = total_bytes()?;
    let memory = (total / 100 * GROUP_MEMORY_PERCENT).to_string();
    let processes = GROUP_PROCESSES_MAX.to_string();
    let name = "nictate-sandbox";
    let mut joined = Vec::new();
    let mut why = "no group can be written".to_owned();
    for (controllers, own) in memberships(&groups) {
        let of = |controller: &str| controllers.split(',').any(|other| other == controller);
        let (root, files, form) = if of("memory") {
            ("/sys/fs/cgroup/memory", vec![("memory.limit_in_bytes", &memory)], "v1 memory")
        } else if of("pids") {
            ("/sys/fs/cgroup/pids", vec![("pids.max", &processes)], "v1 processes")
        } else if controllers.is_empty() && Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
            ("/sys/fs/cgroup", vec![("memory.max", &memory), ("pids.max", &processes)], "v2")
        } else {
            continue;
        };
        let folder: PathBuf = Path::new(root).join(own).join(format!("{name}-{}", std::process::id()));
        match join(&folder, &files) {
            Ok(()) => joined.push(form),
            Err(error) => {
                // It may not have been made at all.
                let _ = fs::remove_dir(&folder);
                why = error;
            }
        }
    }
    sweep();
    if joined.is_empty() { Err(why) } else { Ok(joined.join(", ")) }
}

fn join(folder: &Path, files: &[(&str, &String)]) -> Outcome {
    let shown = folder.display();
    fs::create_dir(folder).context(format!("make `{shown}`"))?;
    for (name, value) in files {
        fs::write(folder.join(name), value.as_str()).context(format!("write `{name}`"))?;
    }
    fs::write(folder.join("cgroup.procs"), "0").context("join the group")
}

/// Controllers and path below their hierarchy's root of each group in a `/proc/…/cgroup`, whose lines are
/// `number:controllers:/path`.
fn memberships(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        Some((controllers, path.trim_start_matches('/')))
    })
}

/// Groups of hosts that are gone are empty and can be removed; the others refuse.
fn sweep() {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    for (controllers, own) in memberships(&own) {
        let root = match controllers {
            "" => "/sys/fs/cgroup".to_owned(),
            name => format!("/sys/fs/cgroup/{name}"),
        };
        let folder = Path::new(&root).join(own);
        let Some(parent) = folder.parent().filter(|_| own.contains("nictate-sandbox-")) else { continue };
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let of = name.strip_prefix("nictate-sandbox-");
            if of.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                // One that is in use after all is not empty, and stays.
                let _ = fs::remove_dir(entry.path());
            }
        }
    }
}

fn total_bytes() -> Outcome<u64> {
    let text = fs::read_to_string("/proc/meminfo").context("read the machine's memory")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib =
        line.and_then(|line| line.trim().split(' ').next()).and_then(|number| number.parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| "the machine's memory is not told".to_owned())
}

/// What processes hold.
pub(super) struct Held {
    /// Memory that is not shared with others.
    pub(super) bytes: u64,
    /// How many there are.
    pub(super) processes: usize,
}

/// What these processes and all that came from them hold.
pub(super) fn held(roots: &[Pid]) -> Held {
    let mut open: Vec<i32> = roots.iter().map(|pid| pid.as_raw()).collect();
    let mut looked_at = 0;
    let mut pages = 0;
    while let Some(pid) = open.pop() {
        looked_at += 1;
        if looked_at > LOOKED_AT_MAX {
            break;
        }
        // One that has ended meanwhile holds nothing.
        let statm = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
        let mut numbers = statm.split(' ').skip(1).map(|number| number.parse::<u64>().unwrap_or(0));
        let (resident, shared) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        pages += resident.saturating_sub(shared);
        for thread in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            open.extend(children.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
        }
    }
    Held { bytes: pages * page_bytes(), processes: looked_at }
}

/// Bytes of address space that a process has mapped.
pub(super) fn mapped_bytes() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').next().and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * page_bytes()
}

fn page_bytes() -> u64 {
    // SAFETY: asks for a constant of the machine.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}
