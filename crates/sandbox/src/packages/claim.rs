//! Locks of files, by which callers and processes agree: shared by those who use something, exclusive for who makes or
//! removes it. The kernel gives them up with the process.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

/// How often a file may be removed by another while it is claimed.
const TURNS: usize = 16;

/// Held until it is dropped.
#[derive(Debug)]
pub(super) struct Claim(File);

impl Claim {
    /// None if someone makes or removes it.
    pub(super) fn shared(path: &Path) -> io::Result<Option<Self>> {
        Self::locked(path, |file| told(file.try_lock_shared()))
    }

    /// None if anyone has a claim.
    pub(super) fn exclusive(path: &Path) -> io::Result<Option<Self>> {
        Self::locked(path, |file| told(file.try_lock()))
    }

    /// Waits on this thread for who has it exclusively; nobody keeps that for longer than removing files takes.
    pub(super) fn wait_shared(path: &Path) -> io::Result<Self> {
        let claim = Self::locked(path, |file| file.lock_shared().map(|()| true))?;
        claim.ok_or_else(|| io::Error::other("its lock is not to be had"))
    }

    /// The file that is locked.
    pub(super) fn file(&self) -> &File {
        &self.0
    }

    fn locked(path: &Path, lock: impl Fn(&File) -> io::Result<bool>) -> io::Result<Option<Self>> {
        for _ in 0..TURNS {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(path)?;
            if !lock(&file)? {
                return Ok(None);
            }
            // It may be one that was removed after it was opened: then nobody else meets this lock.
            let (ours, theirs) = (file.metadata()?, fs::metadata(path));
            if theirs.is_ok_and(|theirs| (theirs.dev(), theirs.ino()) == (ours.dev(), ours.ino())) {
                return Ok(Some(Self(file)));
            }
        }
        Ok(None)
    }
}

fn told(locked: Result<(), TryLockError>) -> io::Result<bool> {
    match locked {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_share_and_one_excludes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let (one, other) = (Claim::shared(&path).unwrap(), Claim::shared(&path).unwrap());
        assert!(one.is_some() && other.is_some());
        assert!(Claim::exclusive(&path).unwrap().is_none());
        drop((one, other));
        let alone = Claim::exclusive(&path).unwrap();
        assert!(alone.is_some() && Claim::shared(&path).unwrap().is_none());
        // Who removes the file gives it up to those who make it anew.
        fs::remove_file(&path).unwrap();
        assert!(Claim::exclusive(&path).unwrap().is_some());
    }
}
