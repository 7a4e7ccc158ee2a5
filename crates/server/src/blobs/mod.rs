//! Where the contents of files lie: in a folder, or in an S3-compatible storage. A content is named by its workspace, its
//! SHA-256 and the id of its row ([`store::blobs`]), never by anything that a client said. The id is never used again, so that
//! whoever is late in removing a content removes no other one.

mod draft;
mod folder;
mod s3;

use std::io;
use std::path::Path;

use actions::http::HttpClient;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use store::blobs::Blob;
use types::Timestamp;

pub(crate) use draft::{Content, Draft, DraftError, Drafts};
use folder::Folder;
use s3::S3;

use crate::config::Attachments;

/// The folder of files, in the data folder.
const FOLDER: &str = "attachments";
/// The folder of what is on its way in, in that one.
const DRAFTS: &str = "incoming";

/// A content that is read as it is needed.
pub(crate) type Reading = BoxStream<'static, io::Result<Bytes>>;

/// What keeps contents.
pub(crate) enum Blobs {
    /// A folder.
    Folder(Folder),
    /// An S3-compatible storage.
    S3(Box<S3>),
}

impl Blobs {
    /// As configured.
    ///
    /// # Errors
    /// If the storage's address cannot be used.
    pub(crate) fn new(data: &Path, config: &Attachments, http: &HttpClient) -> Result<Self, String> {
        if config.is_in_s3() {
            return Ok(Self::S3(Box::new(S3::new(config, http)?)));
        }
        Ok(Self::Folder(Folder::new(data.join(FOLDER))))
    }

    /// Puts a content there. What is there already is the same.
    ///
    /// # Errors
    /// If it cannot be kept; it is not there then, or whole.
    pub(crate) async fn put(&self, blob: &Blob, content: Content, now: Timestamp) -> io::Result<()> {
        match self {
            Self::Folder(folder) => folder.put(&name(blob), content).await,
            Self::S3(s3) => s3.put(&name(blob), content, now).await,
        }
    }

    /// Begins to read a content; none if it is not there.
    ///
    /// # Errors
    /// If nobody knows.
    pub(crate) async fn open(&self, blob: &Blob, now: Timestamp) -> io::Result<Option<Reading>> {
        match self {
            Self::Folder(folder) => folder.open(&name(blob)).await,
            Self::S3(s3) => s3.open(&name(blob), now).await,
        }
    }

    /// Removes a content, if it is there.
    ///
    /// # Errors
    /// If it may still be there.
    pub(crate) async fn remove(&self, blob: &Blob, now: Timestamp) -> io::Result<()> {
        match self {
            Self::Folder(folder) => folder.remove(&name(blob)).await,
            Self::S3(s3) => s3.remove(&name(blob), now).await,
        }
    }
}

/// What is on its way into the storage lies here first.
pub(crate) fn drafts(data: &Path) -> Drafts {
    Drafts::new(data.join(FOLDER).join(DRAFTS))
}

/// `<workspace>/<two digits of the SHA-256>/<SHA-256>-<id of the row>`.
fn name(blob: &Blob) -> String {
    let Blob { id, workspace_id, sha256, .. } = blob;
    let first = sha256.get(..2).unwrap_or_default();
    format!("{workspace_id}/{first}/{sha256}-{}", id.as_uuid().simple())
}
