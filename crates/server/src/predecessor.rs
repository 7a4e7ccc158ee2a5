//! The last server on the same data folder. Who holds the folder's lock knows that it is gone, and need not wait for the
//! end of its lease to go on with its runs: a restart takes milliseconds, not the time of a lease.
//!
//! Nothing depends on it: a folder that is new, or shared with a server that lives, leaves everything to the lease.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

use types::ServerId;

/// The file that names the server, in its data folder.
const FILE: &str = "server-id";
/// Bytes of it that are looked at: an id has 36.
const FILE_BYTES_MAX: u64 = 64;

/// The data folder, held by this process alone as long as this lives.
#[derive(Debug)]
pub(crate) struct Held {
    file: File,
}

impl Held {
    /// Takes the folder; none if another process holds it.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub(crate) fn take(folder: &Path) -> io::Result<Option<Self>> {
        let options = OpenOptions::new().create(true).truncate(false).read(true).write(true).clone();
        let file = options.open(folder.join(FILE))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// The server that held it before; none if there was none, or the file says nothing sensible.
    pub(crate) fn predecessor(&self) -> Option<ServerId> {
        let mut text = String::new();
        (&self.file).take(FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
        text.trim().parse().ok()
    }

    /// Names this server to its successor.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn name(&mut self, id: ServerId) -> io::Result<()> {
        self.file.rewind()?;
        self.file.set_len(0)?;
        writeln!(self.file, "{id}")
    }
}

#[cfg(test)]
mod tests {
    use types::{SeededRng, Timestamp};

    use super::*;

    #[test]
    fn the_successor_learns_who_was_there_and_only_when_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let id = ServerId::new(Timestamp::from_millis(1), &mut SeededRng::from_seed([7; 32]));
        let mut first = Held::take(folder.path()).unwrap().unwrap();
        assert_eq!(first.predecessor(), None);
        first.name(id).unwrap();
        assert!(Held::take(folder.path()).unwrap().is_none(), "it lives");
        drop(first);
        assert_eq!(Held::take(folder.path()).unwrap().unwrap().predecessor(), Some(id));
    }

    #[test]
    fn nonsense_in_the_file_is_nobody() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "x".repeat(1000)).unwrap();
        let mut held = Held::take(folder.path()).unwrap().unwrap();
        assert_eq!(held.predecessor(), None);
        let id = ServerId::new(Timestamp::from_millis(1), &mut SeededRng::from_seed([7; 32]));
        held.name(id).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join(FILE)).unwrap(), format!("{id}\n"));
    }
}
