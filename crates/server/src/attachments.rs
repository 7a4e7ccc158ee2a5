//! Files of records, from a client or a step into the storage and back. The order is that of `store::blobs`: the content is on
//! the disk, then it is claimed, then it is put where it lies, then a record refers to it. Whatever ends it in between leaves a
//! content that no record refers to, and the job of `blob_removal` finds it.

use std::io;

use futures_util::TryStreamExt as _;
use store::Db;
use store::blobs::{self, Blob, Claim};
use store::records::Attachment;
use types::{BlobId, Id, SystemRng, Timestamp, WorkspaceId};

use crate::blobs::{Blobs, Content, Draft, DraftError, Drafts, Reading};
use crate::config::Attachments as Settings;
use crate::error::{ApiError, ApiResult, code};
use crate::http::excerpt;

/// Bytes of a file's name.
pub(crate) const NAME_BYTES_MAX: usize = 255;
/// Bytes of a content type with its parameters.
pub(crate) const CONTENT_TYPE_BYTES_MAX: usize = 255;
/// What a file is that nobody has said anything of.
const CONTENT_TYPE_DEFAULT: &str = "application/octet-stream";

/// What keeps files of records.
pub(crate) struct Attachments {
    db: Db,
    blobs: Blobs,
    drafts: Drafts,
    settings: Settings,
}

/// What a file is called, and what it holds: as somebody said, and may be said.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    name: String,
    content_type: String,
}

/// A content that is there and claimed, and the value of a field that refers to it.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) blob: Blob,
    pub(crate) attachment: Attachment,
}

impl Attachments {
    pub(crate) fn new(db: Db, blobs: Blobs, drafts: Drafts, settings: Settings) -> Self {
        Self { db, blobs, drafts, settings }
    }

    /// Where contents lie.
    pub(crate) fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// What is on its way in.
    pub(crate) fn drafts(&self) -> &Drafts {
        &self.drafts
    }

    /// Bytes of one file.
    pub(crate) fn file_bytes_max(&self) -> u64 {
        self.settings.file_bytes_max
    }

    /// Checks what somebody says that a file is called and holds.
    pub(crate) fn label(&self, name: &str, content_type: Option<&str>) -> ApiResult<Label> {
        check_name(name)?;
        let content_type = content_type.map(str::trim).filter(|kind| !kind.is_empty());
        let content_type = content_type.unwrap_or(CONTENT_TYPE_DEFAULT);
        let kind = essence(content_type)?;
        let allowed = &self.settings.content_types;
        if !allowed.is_empty() && !allowed.iter().any(|allowed| is_of(&kind, allowed)) {
            let message =
                format!("files of type `{kind}` are not taken; those of {} are", allowed.join(", "));
            return Err(invalid(message));
        }
        Ok(Label { name: name.to_owned(), content_type: content_type.to_owned() })
    }

    /// Begins a file that comes in.
    pub(crate) async fn begin(&self, now: Timestamp) -> ApiResult<Draft> {
        let id: BlobId = Id::new(now, &mut SystemRng);
        self.drafts.begin(id, self.settings.file_bytes_max).await.map_err(unavailable)
    }

    /// What a part was not taken for.
    pub(crate) fn refused(&self, error: DraftError) -> ApiError {
        match error {
            DraftError::TooLarge => self.too_large(),
            DraftError::Io(error) => unavailable(error),
        }
    }

    /// The answer to a file that is too large.
    pub(crate) fn too_large(&self) -> ApiError {
        let bytes = self.settings.file_bytes_max;
        ApiError::new(&code::BODY_TOO_LARGE, format!("the file has more than {bytes} bytes"))
    }

    /// Keeps what has come in; a record that is to refer to it must do so within the time that claims hold.
    pub(crate) async fn keep(
        &self,
        workspace: WorkspaceId,
        draft: Draft,
        label: Label,
        now: Timestamp,
    ) -> ApiResult<Kept> {
        let content = draft.finish().await.map_err(unavailable)?;
        let size_bytes = i64::try_from(content.bytes).map_err(ApiError::internal)?;
        let attachment = Attachment {
            id: Id::new(now, &mut SystemRng),
            name: label.name,
            content_type: label.content_type,
            size_bytes,
            sha256: content.sha256.clone(),
            created_at: now,
        };
        let blob = self.claim(workspace, &attachment, now).await?;
        // Where a record has referred to it, it is there.
        if !blob.is_stored {
            self.put(&blob, content, now).await?;
        }
        Ok(Kept { blob, attachment })
    }

    async fn put(&self, blob: &Blob, content: Content, now: Timestamp) -> ApiResult<()> {
        self.blobs.put(blob, content, now).await.map_err(unavailable)
    }

    async fn claim(&self, workspace: WorkspaceId, file: &Attachment, now: Timestamp) -> ApiResult<Blob> {
        let new = Blob {
            id: Id::new(now, &mut SystemRng),
            workspace_id: workspace,
            sha256: file.sha256.clone(),
            size_bytes: file.size_bytes,
            is_stored: false,
        };
        let bytes_max = i64::try_from(self.settings.workspace_bytes_max).unwrap_or(i64::MAX);
        let claim = self.db.write(async move |tx| blobs::claim(tx, &new, bytes_max, now).await).await?;
        match claim {
            Claim::Held(blob) => Ok(blob),
            Claim::TooMuch(held) => {
                let message = format!(
                    "the workspace's files have {held} bytes, and with this one more than the {bytes_max} that they may"
                );
                let error = ApiError::new(&code::ATTACHMENT_LIMIT, message);
                Err(error.with_data("bytes", held).with_data("bytes_max", bytes_max))
            }
        }
    }

    /// Begins to read the content that a value refers to; none if it has gone, so that the value must be another one now.
    pub(crate) async fn open(
        &self,
        workspace: WorkspaceId,
        file: &Attachment,
        now: Timestamp,
    ) -> ApiResult<Option<Reading>> {
        let Some(blob) = blobs::find(&self.db, workspace, &file.sha256).await? else { return Ok(None) };
        self.blobs.open(&blob, now).await.map_err(unavailable)
    }

    /// The same as a whole, for a file whose size has been looked at; none as there.
    pub(crate) async fn read(
        &self,
        workspace: WorkspaceId,
        file: &Attachment,
        now: Timestamp,
    ) -> ApiResult<Option<Vec<u8>>> {
        let Some(mut reading) = self.open(workspace, file, now).await? else { return Ok(None) };
        let mut content = Vec::new();
        while let Some(part) = reading.try_next().await.map_err(unavailable)? {
            content.extend_from_slice(&part);
        }
        Ok(Some(content))
    }
}

/// The storage of files cannot be used now.
fn unavailable(error: io::Error) -> ApiError {
    let message = "where files lie cannot be reached or is full; nothing was written";
    ApiError::new(&code::STORAGE_UNAVAILABLE, message).with_cause(error)
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(&code::ATTACHMENT_INVALID, message)
}

/// A name is no path, and can stand in a header.
fn check_name(name: &str) -> ApiResult<()> {
    let refused = |why: String| Err(invalid(format!("`name` is `{}`: {why}", excerpt(name))));
    if name.trim().is_empty() {
        return Err(invalid("`name` is missing: it says what the file is called"));
    }
    if name.len() > NAME_BYTES_MAX {
        return refused(format!("it has {} bytes, more than {NAME_BYTES_MAX}", name.len()));
    }
    if name.chars().any(char::is_control) {
        return refused("it must not hold control characters".to_owned());
    }
    if name.contains(['/', '\\']) || name == "." || name == ".." {
        return refused("it must be a name without a folder".to_owned());
    }
    Ok(())
}

/// The type without its parameters, in lower case.
fn essence(content_type: &str) -> ApiResult<String> {
    let refused =
        |why: String| invalid(format!("the header `Content-Type` is `{}`: {why}", excerpt(content_type)));
    if content_type.len() > CONTENT_TYPE_BYTES_MAX {
        return Err(refused(format!("it has more than {CONTENT_TYPE_BYTES_MAX} bytes")));
    }
    let is_token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_kind = kind.split_once('/').is_some_and(|(kind, rest)| is_token(kind) && is_token(rest));
    let is_plain = content_type.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if !is_kind || !is_plain {
        return Err(refused("a type is needed, as in `application/pdf`".to_owned()));
    }
    Ok(kind)
}

/// Whether a type is one that is allowed: `image/png` is of `image/*`.
fn is_of(kind: &str, allowed: &str) -> bool {
    match allowed.strip_suffix('*') {
        Some(beginning) => kind.starts_with(&beginning.to_ascii_lowercase()),
        None => kind.eq_ignore_ascii_case(allowed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_path_and_short_enough() {
        for good in ["a", "report.pdf", "Bericht \"ü\".pdf", &"x".repeat(NAME_BYTES_MAX), "..a"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        let long = "é".repeat(NAME_BYTES_MAX / 2 + 1);
        for bad in ["", "  ", "a/b", "..\\b", ".", "..", "a\nb", "a\u{7f}", "\0", &long] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_content_type_is_one() {
        assert_eq!(essence("Text/HTML; charset=\"utf-8\"").unwrap(), "text/html");
        assert!(essence(&format!("a/{}", "b".repeat(CONTENT_TYPE_BYTES_MAX - 2))).is_ok());
        let long = format!("a/{}", "b".repeat(CONTENT_TYPE_BYTES_MAX - 1));
        for bad in ["html", "text/", "/x", "a b/c", "text/html; x=ü", &long] {
            assert!(essence(bad).is_err(), "{bad}");
        }
        assert!(
            is_of("image/png", "image/*")
                && is_of("image/png", "Image/PNG")
                && !is_of("image/png", "image/p")
        );
    }
}
