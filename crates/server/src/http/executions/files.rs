//! The files that the steps of a run have left.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, header};
use serde::Serialize;
use store::files::{self, File};
use store::{Defaults, Field, FieldMap};
use types::ExecutionId;
use utoipa::ToSchema;

use super::not_found;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::page;
use crate::http::excerpt;
use crate::http::extract::{ListQuery, Query};

/// The members of a row. Files come in the order in which they were left, and cannot be filtered.
static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::computed("content_type"),
        Field::computed("created_at"),
        Field::computed("id"),
        Field::computed("name"),
        Field::computed("path"),
        Field::computed("size_bytes"),
    ],
    defaults: Defaults { sort: &[], search: &[] },
};

/// A file that a step of a run has left.
#[derive(Serialize, ToSchema)]
#[schema(as = models::ExecutionFile)]
pub(crate) struct ExecutionFile {
    /// `text/plain; charset=utf-8` or `application/json`.
    pub content_type: String,
    /// When the step ended.
    pub created_at: i64,
    pub id: String,
    /// Without a folder.
    pub name: String,
    /// The path of the step that left it.
    pub path: String,
    pub size_bytes: i64,
}

impl From<File> for ExecutionFile {
    fn from(file: File) -> Self {
        let File { id, path, name, content_type, size_bytes, created_at } = file;
        let (id, created_at) = (id.to_string(), created_at.as_millis());
        Self { content_type, created_at, id, name, path, size_bytes }
    }
}

/// The files of a run, without their contents.
pub(crate) async fn list_files(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = crate::http::parse_q(list.q.as_deref(), &FIELDS)?;
    let id = known_run(&ctx).await?;
    let (total, files) = files::list(ctx.db(), ctx.workspace(), id, (query.limit, query.offset)).await?;
    let rows: Vec<ExecutionFile> = files.into_iter().map(ExecutionFile::from).collect();
    page(&query, total, &rows)
}

/// The content of one file.
pub(crate) async fn file(ctx: Ctx) -> ApiResult {
    let run = known_run(&ctx).await?;
    let text = ctx.param("file_id");
    let missing =
        || ApiError::new(&code::FILE_NOT_FOUND, format!("the execution has no file `{}`", excerpt(text)));
    let id = text.parse().map_err(|_| missing())?;
    let (file, json) = files::get(ctx.db(), ctx.workspace(), run, id).await?.ok_or_else(missing)?;
    let content = match json.starts_with('"') {
        true => serde_json::from_str(&json).map_err(ApiError::internal)?,
        false => json,
    };
    let mut response = Response::new(Body::from(content));
    let headers = response.headers_mut();
    let value = |text: String| HeaderValue::try_from(text).map_err(ApiError::internal);
    headers.insert(header::CONTENT_TYPE, value(file.content_type)?);
    headers.insert(header::CONTENT_DISPOSITION, value(disposition(&file.name))?);
    // Whatever a tool has answered, a browser must not take it for a page of this server.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

pub(super) async fn known_run(ctx: &Ctx) -> ApiResult<ExecutionId> {
    let id = ctx.id_text().parse().map_err(|_| not_found(ctx))?;
    let found = store::executions::outputs(ctx.db(), ctx.workspace(), id).await?;
    found.map(|_| id).ok_or_else(|| not_found(ctx))
}

/// To be saved under that name, which may hold anything: once in the letters that every client reads, once in full
/// (RFC 6266, RFC 8187).
pub(crate) fn disposition(name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-._ ".contains(letter);
    let short: String = name.chars().map(|letter| if plain(letter) { letter } else { '_' }).collect();
    let encoded = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    let full: String = name.bytes().map(encoded).collect();
    format!("attachment; filename=\"{short}\"; filename*=UTF-8''{full}")
}

#[cfg(test)]
mod tests {
    use super::disposition;

    #[test]
    fn a_name_cannot_leave_its_header() {
        let check = |name: &str, expected: &str| {
            assert_eq!(disposition(name), format!("attachment; {expected}"));
        };
        check("S1.json", "filename=\"S1.json\"; filename*=UTF-8''S1.json");
        check("a\"; b=ü", "filename=\"a__ b__\"; filename*=UTF-8''a%22%3B%20b%3D%C3%BC");
    }
}
