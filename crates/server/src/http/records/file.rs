//! The files of records: put, get, remove. A file is sent and read a part at a time; it is never in memory as a whole.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::blobs;
use store::records::{self, Attachment as File, Change, Shape};
use store::tables::{FieldType, TableField};
use store::{Read, Tx};
use types::RecordId;
use utoipa::ToSchema;

use super::{changes, id_of, not_found, operations, to_read, to_write};
use crate::attachments::Kept;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::hand::Hand;
use crate::http::answer::json;
use crate::http::executions::disposition;
use crate::http::extract::{KnownTags, Query};
use crate::http::incoming::Incoming;
use crate::http::{EDIT_TRIES, excerpt, others_came_between};

/// What a browser may do with a file that it shows all the same: nothing.
const POLICY: &str = "sandbox; default-src 'none'";

/// A file of a record: what the field of a record holds.
#[derive(Serialize, ToSchema)]
#[schema(as = models::Attachment)]
pub(crate) struct Attachment {
    /// Another one with each file that is put there.
    pub id: String,
    /// Without a folder.
    pub name: String,
    /// What whoever sent it said.
    pub content_type: String,
    pub size_bytes: i64,
    /// In lower-case hexadecimal digits.
    pub sha256: String,
    /// When it was put there.
    pub created_at: i64,
}

impl From<File> for Attachment {
    fn from(file: File) -> Self {
        let File { id, name, content_type, size_bytes, sha256, created_at } = file;
        let (id, created_at) = (id.to_string(), created_at.as_millis());
        Self { id, name, content_type, size_bytes, sha256, created_at }
    }
}

/// The parameter `name`.
#[derive(Debug, Deserialize)]
pub(crate) struct FileQuery {
    name: Option<String>,
}

/// Puts a file into a field of a record, in place of the one that is there; answers the field's value.
pub(in crate::http) async fn put(
    ctx: Ctx,
    Query(query): Query<FileQuery>,
    mut incoming: Incoming,
) -> ApiResult {
    let kept = match take(&ctx, query.name.as_deref().unwrap_or_default(), &mut incoming).await {
        Ok(kept) => kept,
        Err(error) => return Err(incoming.refuse(error).await),
    };
    let db = ctx.db().clone();
    let file = kept.attachment.clone();
    db.write(async move |tx| {
        let shape = to_write(&ctx, tx).await?;
        let (field, id) = (field_of(&shape, ctx.param("field"))?, id_of(&ctx, &shape)?);
        set(&Hand::of_caller(&ctx), tx, &shape, (field, id), Some(&kept)).await
    })
    .await?;
    json(&Attachment::from(file))
}

/// Reads what comes in, if there is a place for it, and keeps it.
async fn take(ctx: &Ctx, name: &str, incoming: &mut Incoming) -> ApiResult<Kept> {
    let attachments = ctx.app().attachments();
    let label = attachments.label(name, incoming.content_type().as_deref())?;
    let shape = to_read(ctx).await?;
    field_of(&shape, ctx.param("field"))?;
    let id = id_of(ctx, &shape)?;
    if records::get(ctx.db(), &shape, id).await?.is_none() {
        return Err(not_found(&shape, ctx.id_text()));
    }
    if incoming.announced().is_some_and(|bytes| bytes > attachments.file_bytes_max()) {
        return Err(attachments.too_large());
    }
    let mut draft = attachments.begin(ctx.now()).await?;
    while let Some(part) = incoming.next().await? {
        draft.write(&part).await.map_err(|error| attachments.refused(error))?;
    }
    attachments.keep(ctx.workspace(), draft, label, ctx.now()).await
}

/// The file of a field of a record, or 304 if the caller has it.
pub(in crate::http) async fn get(ctx: Ctx, known: KnownTags) -> ApiResult {
    for _ in 0..EDIT_TRIES {
        let shape = to_read(&ctx).await?;
        let (field, id) = (field_of(&shape, ctx.param("field"))?, id_of(&ctx, &shape)?);
        let file = match find(ctx.db(), &shape, field, id).await {
            Ok(file) => file,
            Err(error) if *error.code() == code::INTERNAL && shape.has_changed(ctx.db()).await? => continue,
            Err(error) => return Err(error),
        };
        let tag = format!("\"{}\"", file.sha256);
        if known.include(&tag) {
            let mut response = StatusCode::NOT_MODIFIED.into_response();
            response.headers_mut().insert(header::ETAG, text(tag)?);
            return Ok(response);
        }
        // If others replace it at this moment, its content may be gone already.
        let reading = ctx.app().attachments().open(ctx.workspace(), &file, ctx.now()).await?;
        if let Some(reading) = reading {
            return answer(&file, tag, Body::from_stream(reading));
        }
    }
    Err(others_came_between("file"))
}

fn answer(file: &File, tag: String, body: Body) -> ApiResult {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, text(file.content_type.clone())?);
    headers.insert(header::CONTENT_LENGTH, text(file.size_bytes.to_string())?);
    headers.insert(header::CONTENT_DISPOSITION, text(disposition(&file.name))?);
    headers.insert(header::ETAG, text(tag)?);
    // Whatever somebody has put there, a browser must not take it for a page of this server.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    Ok(response)
}

fn text(value: String) -> ApiResult<HeaderValue> {
    HeaderValue::try_from(value).map_err(ApiError::internal)
}

/// Removes the file of a field of a record; answers the record's id.
pub(in crate::http) async fn delete(ctx: Ctx) -> ApiResult {
    let db = ctx.db().clone();
    let id = db
        .write(async move |tx| {
            let shape = to_write(&ctx, tx).await?;
            let (field, id) = (field_of(&shape, ctx.param("field"))?, id_of(&ctx, &shape)?);
            find(tx, &shape, field, id).await?;
            set(&Hand::of_caller(&ctx), tx, &shape, (field, id), None).await?;
            Ok::<_, ApiError>(id)
        })
        .await?;
    json(&id)
}

/// The attachment field of that name.
pub(crate) fn field_of<'s>(shape: &'s Shape, name: &str) -> ApiResult<&'s TableField> {
    let field = shape.field(name).ok_or_else(|| {
        let message = format!("table `{}` has no field `{}`", shape.table.name, excerpt(name));
        ApiError::new(&code::TABLE_FIELD_NOT_FOUND, message)
    })?;
    if field.field_type != FieldType::Attachment {
        let kind = field.field_type.as_str();
        let message =
            format!("field `{name}` has the type `{kind}`; files lie in fields of type `attachment`");
        return Err(ApiError::new(&code::ATTACHMENT_INVALID, message));
    }
    Ok(field)
}

/// The file that the field of the record holds.
pub(crate) async fn find(
    read: &impl Read,
    shape: &Shape,
    field: &TableField,
    id: RecordId,
) -> ApiResult<File> {
    let record = records::get(read, shape, id).await?;
    let record = record.ok_or_else(|| not_found(shape, &id.to_string()))?;
    let value = record.values.get(&field.name).unwrap_or(&Value::Null);
    if value.is_null() {
        let message = format!("field `{}` of record `{id}` holds no file", field.name);
        return Err(ApiError::new(&code::ATTACHMENT_NOT_FOUND, message));
    }
    File::of(value).ok_or_else(|| ApiError::internal(format!("record `{id}` holds what is no file")))
}

/// Makes the field of the record hold a file, or none, as any other change of a record is made.
pub(crate) async fn set(
    hand: &Hand,
    tx: &Tx<'_>,
    shape: &Shape,
    (field, id): (&TableField, RecordId),
    kept: Option<&Kept>,
) -> ApiResult<()> {
    let held = records::hold(tx, shape, &[id]).await?;
    let before = held.first().ok_or_else(|| not_found(shape, &id.to_string()))?;
    refer(tx, shape, kept, shape.contents_of(before, |name| name == field.name), hand).await?;
    let value = kept.map_or(Value::Null, |kept| kept.attachment.value());
    let changes = [Change { id, values: Map::from_iter([(field.name.clone(), value)]) }];
    changes::note_updates(hand, tx, shape, &changes).await?;
    records::update(tx, shape, &changes, hand.now, &hand.by).await?;
    let entry = operations::entry_of_one(hand, "record.edited", shape, id);
    let file = kept.map(|kept| &kept.attachment);
    let file = file.map(|file| serde_json::json!({"name": file.name, "sha256": file.sha256}));
    let entry = crate::audit::also(entry, serde_json::json!({"field": field.name, "file": file}));
    Ok(store::audit::record(tx, &entry).await?)
}

/// A record refers to the kept content from now on, and not to those that are gone.
async fn refer(
    tx: &Tx<'_>,
    shape: &Shape,
    kept: Option<&Kept>,
    mut gone: Vec<String>,
    hand: &Hand,
) -> ApiResult<()> {
    let workspace = shape.table.workspace_id;
    let Some(kept) = kept else { return Ok(blobs::look_soon(tx, workspace, &gone).await?) };
    let sha256 = &kept.attachment.sha256;
    gone.retain(|gone| gone != sha256);
    // In the order of `look_soon`, so that two who change places never wait for each other.
    let later = gone.extract_if(.., |gone| *gone > *sha256).collect::<Vec<_>>();
    blobs::look_soon(tx, workspace, &gone).await?;
    if !blobs::refer(tx, &kept.blob, hand.now).await? {
        let message = "the file came in too slowly; nothing was written, try again";
        return Err(ApiError::new(&code::STORAGE_UNAVAILABLE, message));
    }
    Ok(blobs::look_soon(tx, workspace, &later).await?)
}
