//! The root that all cells share, prepared once: a small file system in memory with the machine's programs and
//! libraries bound into it, read-only, and hardly anything else. A cell adds its own `/tmp` and `/proc`.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};

use super::{Context as _, Outcome};
use crate::wire::PythonHome;

/// Where the root can be mounted: a folder that the host itself needs nothing from. The first that exists is used.
const PLACES: [&str; 5] = ["/mnt", "/media", "/srv", "/run", "/tmp"];
/// Programs and libraries, where they exist.
const FOLDERS: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"];
/// What programs read below `/etc`: the authorities of TLS, and names that Debian's tools go by.
const ETC_FOLDERS: [&str; 4] =
    ["/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/ca-certificates", "/etc/alternatives"];
/// Copied: where libraries are, and which time it is where the machine stands.
const ETC_FILES: [&str; 2] = ["/etc/ld.so.cache", "/etc/localtime"];
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];
/// Bytes of a copied file.
const COPY_BYTES_MAX: u64 = 1024 * 1024;

const READ_ONLY: u64 = 1;
const NO_SUID: u64 = 2;
const NO_DEVICES: u64 = 4;
const NO_EXECUTION: u64 = 8;
const RECURSIVE: i32 = 0x8000;

/// The folders that a cell mounts over.
pub(super) const TMP: &str = "tmp";
/// Of the cell's own `/tmp`.
pub(super) const SHM: &str = "/tmp/shm";
pub(super) const PROC: &str = "proc";
pub(super) const PACKAGES: &str = "packages";

/// Prepares it in the host's own mount namespace. Where it is.
pub(super) fn prepare(python: Option<&PythonHome>) -> Outcome<PathBuf> {
    let place = PLACES.iter().map(Path::new).find(|place| place.is_dir());
    let root = place.ok_or_else(|| format!("none of `{}` exists", PLACES.join("`, `")))?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let options = Some("size=16m,nr_inodes=4096,mode=755");
    mount(Some("root"), root, Some("tmpfs"), flags, options).context("mount the root")?;
    for folder in [TMP, PROC, PACKAGES, "dev", "etc"] {
        make_folder(&root.join(folder))?;
    }
    for folder in FOLDERS {
        bind_folder(root, Path::new(folder))?;
    }
    for folder in python.map(|python| &python.folders[..]).unwrap_or_default() {
        let shown = FOLDERS.iter().any(|shown| folder.starts_with(shown));
        if !shown {
            bind_folder(root, folder)?;
        }
    }
    etc(root)?;
    devices(root)?;
    set_attributes(root, READ_ONLY | NO_SUID | NO_DEVICES, false)?;
    Ok(root.to_owned())
}

/// What a root would show, for the reduced form that has none.
pub(super) fn readable(python: Option<&PythonHome>) -> Vec<PathBuf> {
    let fixed = FOLDERS.iter().chain(&ETC_FOLDERS).chain(&ETC_FILES).map(PathBuf::from);
    let of_python = python.map(|python| python.folders.clone()).unwrap_or_default();
    fixed.chain(of_python).collect()
}

/// Mounts one folder into a root, read-only, at this place in it.
pub(super) fn bind(from: &Path, to: &Path) -> Outcome {
    let shown = from.display();
    let none = None::<&str>;
    mount(Some(from), to, none, MsFlags::MS_BIND | MsFlags::MS_REC, none)
        .context(format!("bind `{shown}`"))?;
    set_attributes(to, READ_ONLY | NO_SUID | NO_DEVICES, true)
}

fn bind_folder(root: &Path, folder: &Path) -> Outcome {
    let Ok(kind) = fs::symlink_metadata(folder) else { return Ok(()) };
    let to = inside(root, folder)?;
    if kind.is_symlink() {
        let target = fs::read_link(folder).context(format!("read the link `{}`", folder.display()))?;
        return symlink(target, &to).context(format!("link `{}`", to.display()));
    }
    make_folder(&to)?;
    bind(folder, &to)
}

fn etc(root: &Path) -> Outcome {
    for folder in ETC_FOLDERS.iter().map(Path::new).filter(|folder| folder.is_dir()) {
        let to = inside(root, folder)?;
        make_folder(&to)?;
        bind(folder, &to)?;
    }
    for file in ETC_FILES {
        let small = fs::metadata(file).is_ok_and(|metadata| metadata.len() <= COPY_BYTES_MAX);
        if small {
            let bytes = fs::read(file).context(format!("read `{file}`"))?;
            write(root, file, &bytes)?;
        }
    }
    write(root, "/etc/passwd", b"root:x:0:0::/:/bin/false\nstep:x:1000:1000::/tmp/work:/bin/bash\n")?;
    write(root, "/etc/group", b"root:x:0:\nstep:x:1000:\n")?;
    write(root, "/etc/hosts", b"127.0.0.1 localhost\n::1 localhost\n")?;
    write(root, "/etc/nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files\n")
}

fn devices(root: &Path) -> Outcome {
    for device in DEVICES {
        let from = Path::new("/dev").join(device);
        let to = root.join("dev").join(device);
        fs::write(&to, "").context(format!("make `{}`", to.display()))?;
        let none = None::<&str>;
        mount(Some(&from), &to, none, MsFlags::MS_BIND, none)
            .context(format!("bind `{}`", from.display()))?;
        set_attributes(&to, READ_ONLY | NO_SUID | NO_EXECUTION, false)?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        // Semaphores of Python's `multiprocessing` are files there; within the size of the private folder.
        ("shm", SHM),
    ] {
        symlink(target, root.join("dev").join(name)).context(format!("link `/dev/{name}`"))?;
    }
    Ok(())
}

fn inside(root: &Path, path: &Path) -> Outcome<PathBuf> {
    let relative = path.strip_prefix("/").context(format!("`{}` is not absolute", path.display()))?;
    Ok(root.join(relative))
}

fn make_folder(path: &Path) -> Outcome {
    fs::create_dir_all(path).context(format!("make `{}`", path.display()))?;
    // Whatever the umask of who started the runner.
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(path, mode).context(format!("open `{}` for reading", path.display()))
}

fn write(root: &Path, file: &str, bytes: &[u8]) -> Outcome {
    let to = inside(root, Path::new(file))?;
    fs::write(&to, bytes).context(format!("write `{}`", to.display()))?;
    let mode = fs::Permissions::from_mode(0o644);
    fs::set_permissions(&to, mode).context(format!("open `{}` for reading", to.display()))
}

/// Sets attributes of a mount, of those below it too if it is said so.
fn set_attributes(path: &Path, set: u64, all: bool) -> Outcome {
    let shown = path.display();
    let named = CString::new(path.as_os_str().as_encoded_bytes()).context("a path")?;
    let attributes = [set, 0, 0, 0];
    let flags = if all { RECURSIVE } else { 0 };
    // SAFETY: the path is a terminated text, the attributes are the four words that the kernel takes; both outlive the
    // call.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            named.as_ptr(),
            flags,
            attributes.as_ptr(),
            size_of_val(&attributes),
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()).context(format!("protect `{shown}`")) }
}
