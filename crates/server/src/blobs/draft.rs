//! A file on its way in: written to a temporary file while its SHA-256 is taken, so that its name and length are known before
//! it is kept. Whatever ends it early takes the temporary file along; what a crash leaves is cleared once nobody writes it.

use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use aws_lc_rs::digest;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use types::{BlobId, Timestamp};

/// Whoever runs the server, and nobody else.
const MODE: u32 = 0o600;

/// The folder of temporary files.
pub(crate) struct Drafts(PathBuf);

/// Why a part was not taken.
#[derive(Debug)]
pub(crate) enum DraftError {
    /// The file would have more bytes than it may.
    TooLarge,
    /// It cannot be written.
    Io(io::Error),
}

impl From<io::Error> for DraftError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A file that is being written.
pub(crate) struct Draft {
    file: File,
    path: Temporary,
    hash: digest::Context,
    bytes: u64,
    bytes_max: u64,
}

/// A file that is whole, on the disk.
pub(crate) struct Content {
    path: Temporary,
    /// Its SHA-256, in lower-case hexadecimal digits.
    pub(crate) sha256: String,
    /// Its length.
    pub(crate) bytes: u64,
}

/// The path of a file that goes with it.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It may have been put elsewhere.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Drafts {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Begins a file of that id, which may have so many bytes.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(crate) async fn begin(&self, id: BlobId, bytes_max: u64) -> io::Result<Draft> {
        let path = self.0.join(id.as_uuid().simple().to_string());
        tokio::fs::create_dir_all(&self.0).await?;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true).mode(MODE);
        let file = tokio::fs::OpenOptions::from(options).open(&path).await?;
        Ok(Draft {
            file,
            path: Temporary(path),
            hash: digest::Context::new(&digest::SHA256),
            bytes: 0,
            bytes_max,
        })
    }

    /// Removes the files that nobody has written to since `before`; how many those were.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub(crate) async fn clear(&self, before: Timestamp) -> io::Result<usize> {
        let mut cleared = 0;
        let mut entries = match tokio::fs::read_dir(&self.0).await {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        while let Some(entry) = entries.next_entry().await? {
            // One that has gone meanwhile is none.
            let Ok(data) = entry.metadata().await else { continue };
            let age = data.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            let written = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
            if data.is_file() && written < before.as_millis() {
                tokio::fs::remove_file(entry.path()).await?;
                cleared += 1;
            }
        }
        Ok(cleared)
    }
}

impl Draft {
    /// Adds a part.
    ///
    /// # Errors
    /// If the file is too large with it, or cannot be written.
    pub(crate) async fn write(&mut self, part: &[u8]) -> Result<(), DraftError> {
        self.bytes += part.len() as u64;
        if self.bytes > self.bytes_max {
            return Err(DraftError::TooLarge);
        }
        self.hash.update(part);
        Ok(self.file.write_all(part).await?)
    }

    /// The file is whole: it is on the disk when this has ended.
    ///
    /// # Errors
    /// If that is not so.
    pub(crate) async fn finish(mut self) -> io::Result<Content> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        let sha256 = self.hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Content { path: self.path, sha256, bytes: self.bytes })
    }
}

impl Content {
    /// Where it lies until it is put elsewhere.
    pub(super) fn path(&self) -> &Path {
        &self.path.0
    }
}
