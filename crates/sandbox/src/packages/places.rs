//! What lies where in the folder of packages.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Read by `uv` where it is started: what a lock is for. It is no use to resolve for systems that have no sandbox.
const PROJECT: &str = "[tool.uv]
environments = [\"sys_platform == 'linux' and implementation_name == 'cpython'\"]
";
/// Bytes of an environment's name.
const KEY_BYTES: usize = 64;

pub(super) struct Places {
    folder: PathBuf,
}

impl Places {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Finished environments by their key, each with its claim beside it.
    pub(super) fn environments(&self) -> PathBuf {
        self.folder.join("environments")
    }

    pub(super) fn environment(&self, key: &str) -> PathBuf {
        self.environments().join(key)
    }

    /// Claimed by who uses the environment. Holds its size; was last changed when it was last used.
    pub(super) fn claim(&self, key: &str) -> PathBuf {
        self.environments().join(format!("{key}.lock"))
    }

    /// What is being made and removed: `<key>.<number>`. Whoever has the key's claim may remove it.
    pub(super) fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// What `uv` has fetched.
    pub(super) fn cache(&self) -> PathBuf {
        self.folder.join("cache")
    }

    /// Claimed by who uses the cache.
    pub(super) fn cache_claim(&self) -> PathBuf {
        self.folder.join("cache.lock")
    }

    /// The home of `uv`, and where it is started.
    pub(super) fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    /// Makes what is missing.
    pub(super) fn prepare(&self) -> io::Result<()> {
        // Where no root can be mounted, programs with a user of their own pass through these.
        for (folder, mode) in [(self.folder.clone(), 0o755), (self.environments(), 0o755)] {
            make(&folder, mode)?;
        }
        for folder in [self.work(), self.cache(), self.home()] {
            make(&folder, 0o700)?;
        }
        let project = self.home().join("pyproject.toml");
        if fs::read_to_string(&project).is_ok_and(|text| text == PROJECT) {
            return Ok(());
        }
        // Renamed, since another process may read it.
        let new = self.home().join(format!("pyproject.{}", std::process::id()));
        fs::write(&new, PROJECT)?;
        fs::rename(new, project)
    }

    /// A new folder to work in.
    pub(super) fn new_work(&self, key: &str) -> io::Result<PathBuf> {
        let mut number: u64 = 0;
        loop {
            let path = self.work().join(format!("{key}.{number}"));
            match fs::create_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
                Ok(()) => return Ok(path),
            }
        }
    }

    /// The environments and folders of work, by their keys.
    pub(super) fn keyed(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let key = name.to_str().and_then(|name| name.get(..KEY_BYTES));
            if let Some(key) = key.filter(|_| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
                found.push((key.to_owned(), entry.path()));
            }
        }
        Ok(found)
    }
}

fn make(folder: &Path, mode: u32) -> io::Result<()> {
    if fs::metadata(folder)
        .is_ok_and(|metadata| metadata.is_dir() && metadata.permissions().mode() & 0o777 == mode)
    {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(mode))
}
