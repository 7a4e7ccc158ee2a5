//! Contents in a folder. One is there as a whole or not at all: it is renamed to its name once it is on the disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::io::AsyncReadExt as _;

use super::{Content, Reading};

/// Bytes that are read at a time.
const PART_BYTES: usize = 64 * 1024;
/// Times that a content is put into its folder: whoever removes the last one from there takes the folder along.
const TRIES_MAX: usize = 5;

/// The folder.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(root: PathBuf) -> Self {
        Self(root)
    }

    pub(super) async fn put(&self, name: &str, content: Content) -> io::Result<()> {
        let (root, path) = (self.0.clone(), self.0.join(name));
        blocking(move || {
            let parent = path.parent().unwrap_or(&root);
            let mut tries = 1;
            loop {
                fs::create_dir_all(parent)?;
                match fs::rename(content.path(), &path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound && tries < TRIES_MAX => tries += 1,
                    done => break done?,
                }
            }
            // Names are lost with the power as contents are.
            for folder in parent.ancestors().take_while(|folder| folder.starts_with(&root)) {
                fs::File::open(folder)?.sync_all()?;
            }
            Ok(())
        })
        .await
    }

    pub(super) async fn open(&self, name: &str) -> io::Result<Option<Reading>> {
        let file = match tokio::fs::File::open(self.0.join(name)).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(parts_of(file)))
    }

    pub(super) async fn remove(&self, name: &str) -> io::Result<()> {
        let (root, path) = (self.0.clone(), self.0.join(name));
        blocking(move || {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let is_below = |folder: &&Path| folder.starts_with(&root) && **folder != *root;
            for folder in path.ancestors().skip(1).take_while(is_below) {
                // Others may still be there.
                if fs::remove_dir(folder).is_err() {
                    break;
                }
            }
            Ok(())
        })
        .await
    }
}

/// A file, a part at a time.
pub(super) fn parts_of(file: tokio::fs::File) -> Reading {
    let parts = futures_util::stream::try_unfold(file, async |mut file| {
        let mut part = vec![0; PART_BYTES];
        let bytes = file.read(&mut part).await?;
        part.truncate(bytes);
        Ok((bytes > 0).then(|| (Bytes::from(part), file)))
    });
    parts.boxed()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
