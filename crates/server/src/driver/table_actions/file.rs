//! Steps on the files of records.

use actions::Inputs;
use serde_json::{Value, json};
use store::records;
use store::tables::TableField;
use types::{ExecutionId, RecordId};

use super::input::{self, refused};
use super::{Done, Inner};
use crate::attachments::Kept;
use crate::error::{ApiError, ApiResult, code};
use crate::hand::Hand;
use crate::http::excerpt;
use crate::http::records::file as files;
use crate::http::tables as schemas;

/// Bytes of a content that a step answers: as JSON it may have six times as many, and is no larger than outputs may be.
pub(super) const CONTENT_BYTES_MAX: i64 = 3 * 1024 * 1024;
/// Bytes of a file of a run that are written at a time.
const PART_BYTES: usize = 64 * 1024;
/// Times that a file is read that others replace meanwhile.
const READ_TRIES: usize = 8;

/// Which file is meant.
pub(super) struct Place {
    table: String,
    record: String,
    column: String,
}

/// A file that is to be put there; none to empty the column.
pub(super) struct SetFile {
    pub(super) place: Place,
    pub(super) kept: Option<Kept>,
}

impl Place {
    pub(super) fn read(inputs: &Inputs<'_>) -> Done<Self> {
        let text = |name: &str| Ok(inputs.text(name).map_err(refused)?.trim().to_owned());
        Ok(Self { table: input::table(inputs)?, record: text("record_id")?, column: text("column")? })
    }

    /// The table's name.
    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// The field and the record in that table.
    pub(super) fn within<'s>(&self, shape: &'s records::Shape) -> ApiResult<(&'s TableField, RecordId)> {
        let id = self.record.parse().map_err(|_| {
            let message = format!("table `{}` has no record `{}`", self.table, excerpt(&self.record));
            ApiError::new(&code::RECORD_NOT_FOUND, message)
        })?;
        Ok((files::field_of(shape, &self.column)?, id))
    }
}

/// What there is to tell of the file, with its content if it is asked for.
pub(super) async fn content(inner: &Inner, hand: &Hand, place: &Place, shows: bool) -> ApiResult<Value> {
    for _ in 0..READ_TRIES {
        let shape = records::shape(&inner.db, hand.workspace, &place.table).await?;
        let shape = shape.ok_or_else(|| schemas::not_found(&place.table))?;
        let (field, id) = place.within(&shape)?;
        let file = files::find(&inner.db, &shape, field, id).await?;
        let mut told = json!({
            "file_name": file.name, "content_type": file.content_type, "size_bytes": file.size_bytes
        });
        if !shows {
            return Ok(told);
        }
        if file.size_bytes > CONTENT_BYTES_MAX {
            let bytes = file.size_bytes;
            let message =
                format!("file `{}` has {bytes} bytes; a step answers up to {CONTENT_BYTES_MAX}", file.name);
            return Err(ApiError::new(&code::ATTACHMENT_TOO_LARGE, message));
        }
        if let Some(content) = inner.attachments.read(hand.workspace, &file, hand.now).await? {
            told["content"] = String::from_utf8(content).ok().into();
            return Ok(told);
        }
    }
    let message = format!("the file of table `{}` is being changed by others", place.table);
    Err(ApiError::new(&code::STORAGE_UNAVAILABLE, message))
}

/// The file of that name that a step of the run has left, where files of records lie. A record must refer to it next.
pub(super) async fn take(
    inner: &Inner,
    hand: &Hand,
    (execution, name): (ExecutionId, &str),
) -> ApiResult<Kept> {
    let found = store::files::newest(&inner.db, hand.workspace, execution, name).await?;
    let (file, json) = found.ok_or_else(|| {
        let message = format!("no step of the run has left a file `{}`", excerpt(name));
        ApiError::new(&code::FILE_NOT_FOUND, message)
    })?;
    let content: String = match json.starts_with('"') {
        true => serde_json::from_str(&json).map_err(ApiError::internal)?,
        false => json,
    };
    let attachments = &inner.attachments;
    let label = attachments.label(&file.name, Some(&file.content_type))?;
    let mut draft = attachments.begin(hand.now).await?;
    for part in content.as_bytes().chunks(PART_BYTES) {
        draft.write(part).await.map_err(|error| attachments.refused(error))?;
    }
    attachments.keep(hand.workspace, draft, label, hand.now).await
}

impl SetFile {
    /// Does it; what the step answers.
    pub(super) async fn carry_out(&self, tx: &store::Tx<'_>, hand: &Hand) -> ApiResult<Value> {
        let shape = records::shape_to_use(tx, hand.workspace, &self.place.table).await?;
        let shape = shape.ok_or_else(|| schemas::not_found(&self.place.table))?;
        files::set(hand, tx, &shape, self.place.within(&shape)?, self.kept.as_ref()).await?;
        let file = self.kept.as_ref().map(|kept| kept.attachment.value());
        Ok(json!({"file": file}))
    }
}
