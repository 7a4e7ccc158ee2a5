//! The first process of a cell: builds the cell from within, starts its program (Python's is forked from the warm
//! interpreter instead and comes in through the namespaces that this process hands out), and waits. When it is
//! killed, everything in its pid namespace is.

use std::convert::Infallible;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{
    ForkResult, Gid, Uid, chdir, chown, fork, pause, pivot_root, sethostname, setresgid, setresuid, setsid,
};
use serde::{Deserialize, Serialize};

use super::javascript::Engine;
use super::namespaces::{INIT_UID, Place, STEP_UID, detach_old_root};
use super::root::{PACKAGES, PROC, SHM, TMP, bind};
use super::{Context as _, Outcome, confine, landlock, step};
use crate::Language;
use crate::wire::{self, Status};

/// Where a program is when it starts.
pub(super) const WORK: &str = "/tmp/work";
/// Where the proxy listens, on the loopback of a cell with guarded network.
pub(super) const PROXY_PORT: u16 = 3128;
/// Files and folders in a cell's `/tmp`.
const TMP_INODES_MAX: u32 = 16 * 1024;
/// The namespaces that a program comes in through, in this order; the pid namespace is the last.
const NAMESPACES: [&str; 6] = ["user", "mnt", "net", "ipc", "uts", "pid"];

/// What kind of cell it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) language: Language,
    pub(super) tmp_bytes: u64,
    pub(super) packages: Option<PathBuf>,
    pub(super) guarded: bool,
}

/// To the host.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum InitSays {
    /// The cell is there; with descriptors: namespaces (Python only), file rules, the proxy's listening socket.
    Built { namespaces: bool, rules: bool, listener: bool },
    /// It could not be built.
    Broken { why: String },
    /// Its program has ended.
    Ended { status: Status },
}

/// What the process needs of the host that it was forked from.
pub(super) struct Inherited<'a> {
    pub(super) place: Place,
    pub(super) root: &'a Path,
    pub(super) engine: Option<&'a Engine>,
    /// Of the reduced form: the cell's folder, and what may be read.
    pub(super) reduced: Option<(PathBuf, &'a [PathBuf])>,
}

impl Inherited<'_> {
    /// Where a program is when it starts.
    pub(super) fn work(&self) -> PathBuf {
        self.reduced.as_ref().map_or_else(|| PathBuf::from(WORK), |(folder, _)| folder.join("work"))
    }
}

/// Is the first process. Both sockets are its own ends; everything else that the host has open is closed.
pub(super) fn be(spec: &Spec, inherited: &Inherited<'_>, host: OwnedFd, program: OwnedFd) -> ! {
    let Ok((host, program)) = keep_two(host, program) else { end(1) };
    match live(spec, inherited, &host, program) {
        Ok(never) => match never {},
        Err(why) => {
            // If the host is gone, so is this process in a moment.
            let _ = wire::send(host.as_fd(), &InitSays::Broken { why }, &[]);
            end(1)
        }
    }
}

pub(super) fn end(code: i32) -> ! {
    // SAFETY: ends the process without running what the host registered for its own end.
    unsafe { libc::_exit(code) }
}

fn keep_two(host: OwnedFd, program: OwnedFd) -> Outcome<(OwnedFd, OwnedFd)> {
    let aside = |fd: &OwnedFd| {
        // SAFETY: duplicates a descriptor above those that are to be overwritten.
        let raw = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 512) };
        if raw < 0 { Err(std::io::Error::last_os_error()).context("keep a socket") } else { Ok(raw) }
    };
    let (high_host, high_program) = (aside(&host)?, aside(&program)?);
    // Their numbers are reused below.
    std::mem::forget((host, program));
    // SAFETY: whatever 3 and 4 were in the host is of no use here, and nothing here owns them.
    let (host, program) = unsafe {
        libc::dup3(high_host, 3, libc::O_CLOEXEC);
        libc::dup3(high_program, 4, libc::O_CLOEXEC);
        use std::os::fd::FromRawFd as _;
        (OwnedFd::from_raw_fd(3), OwnedFd::from_raw_fd(4))
    };
    confine::close_from(5)?;
    Ok((host, program))
}

fn live(spec: &Spec, inherited: &Inherited<'_>, host: &OwnedFd, program: OwnedFd) -> Outcome<Infallible> {
    confine::die_with_parent()?;
    if wire::receive_bytes(host.as_fd()).context("wait for the uids")?.is_none() {
        end(1);
    }
    let (namespaces, rules) = match &inherited.reduced {
        None => {
            let namespaces = if spec.language == Language::Python { open_namespaces()? } else { Vec::new() };
            build(spec, inherited)?;
            (namespaces, if inherited.place.landlock { landlock::rules()? } else { None })
        }
        Some((folder, readable)) => {
            setsid().context("make a session")?;
            nix::sys::prctl::set_child_subreaper(true).context("inherit orphans")?;
            confine::be_killed_first();
            let readable: Vec<&Path> = readable.iter().chain(&spec.packages).map(PathBuf::as_path).collect();
            (Vec::new(), landlock::rules_for(&readable, folder)?)
        }
    };
    let listener = if spec.guarded { Some(listen()?) } else { None };
    let says = InitSays::Built {
        namespaces: !namespaces.is_empty(),
        rules: rules.is_some(),
        listener: listener.is_some(),
    };
    let descriptors = namespaces.iter().map(File::as_fd);
    let descriptors = descriptors.chain(rules.as_ref().map(|rules| rules.as_fd()));
    let descriptors: Vec<_> = descriptors.chain(listener.as_ref().map(|listener| listener.as_fd())).collect();
    wire::send(host.as_fd(), &says, &descriptors).context("tell that the cell is there")?;
    drop((namespaces, listener));

    if spec.language == Language::Python {
        drop((rules, program));
        // Orphans of the program are this process's children; the kernel clears them away by itself then.
        // SAFETY: installs no handler.
        unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }.context("ignore children")?;
        loop {
            pause();
        }
    }
    // SAFETY: the process has one thread.
    match unsafe { fork() }.context("fork")? {
        ForkResult::Child => step::be(spec, inherited, program, rules),
        ForkResult::Parent { child } => {
            drop((rules, program));
            loop {
                let status = match waitpid(None, None) {
                    Ok(WaitStatus::Exited(pid, code)) if pid == child => Status::Exited(code),
                    Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                        Status::Signaled(signal as i32)
                    }
                    Ok(_) | Err(nix::errno::Errno::EINTR) => continue,
                    Err(errno) => return Err(errno).context("wait for the program"),
                };
                wire::send(host.as_fd(), &InitSays::Ended { status }, &[]).context("tell the end")?;
                end(0)
            }
        }
    }
}

fn open_namespaces() -> Outcome<Vec<File>> {
    let open =
        |name| File::open(format!("/proc/self/ns/{name}")).context(format!("open the {name} namespace"));
    NAMESPACES.into_iter().map(open).collect()
}

fn build(spec: &Spec, inherited: &Inherited<'_>) -> Outcome {
    let root = inherited.root;
    let none = None::<&str>;
    confine::be_killed_first();
    // A mount of its own can be made the root; the inherited one is locked to what it was copied with.
    mount(Some(root), root, none, MsFlags::MS_BIND | MsFlags::MS_REC, none).context("bind the root")?;
    if let Some(packages) = &spec.packages {
        bind(packages, &root.join(PACKAGES))?;
    }
    if inherited.place.own_uids {
        let (uid, gid) = (Uid::from_raw(INIT_UID), Gid::from_raw(INIT_UID));
        setresgid(gid, gid, gid).context("change the gid")?;
        setresuid(uid, uid, uid).context("change the uid")?;
        // Forgotten by the kernel when the uid changes.
        confine::die_with_parent()?;
    }
    nix::sys::prctl::set_dumpable(false).context("hide from others")?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let options = format!("size={},nr_inodes={TMP_INODES_MAX},mode=1777", spec.tmp_bytes);
    mount(Some("tmp"), &root.join(TMP), Some("tmpfs"), flags, Some(options.as_str()))
        .context("mount `/tmp`")?;
    if inherited.place.proc {
        let place = root.join(PROC);
        let flags = flags | MsFlags::MS_NOEXEC | MsFlags::MS_RDONLY;
        let options = Some("subset=pid,hidepid=invisible");
        // Kernels before 5.8 know neither.
        mount(Some("proc"), &place, Some("proc"), flags, options)
            .or_else(|_| mount(Some("proc"), &place, Some("proc"), flags, none))
            .context("mount `/proc`")?;
    }
    chdir(root).context("enter the root")?;
    pivot_root(".", ".").context("change the root")?;
    detach_old_root()?;
    chdir("/").context("enter the root")?;
    fs::create_dir(WORK).context("make the working folder")?;
    fs::create_dir(SHM).context("make the folder of shared memory")?;
    let step = (Uid::from_raw(STEP_UID), Gid::from_raw(STEP_UID));
    for folder in [WORK, SHM] {
        chown(folder, Some(step.0), Some(step.1)).context("hand over the working folder")?;
    }
    sethostname("sandbox").context("set the host name")
}

/// Brings the loopback interface up and listens on it. Who accepts is in another network namespace: a socket stays in
/// the one it was made in.
fn listen() -> Outcome<TcpListener> {
    // SAFETY: all bytes of the structure may be zero; it is filled in below as the kernel reads it.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(*b"lo") {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    request.ifr_ifru.ifru_flags = i16::try_from(libc::IFF_UP).unwrap_or(1);
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").context("make a socket")?;
    // SAFETY: the request is of the type that this call takes and outlives it.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    if done != 0 {
        return Err(std::io::Error::last_os_error()).context("bring up the loopback interface");
    }
    TcpListener::bind(("127.0.0.1", PROXY_PORT)).context("listen for the proxy")
}
