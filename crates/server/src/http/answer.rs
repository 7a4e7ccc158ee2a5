//! Answers: JSON, pages with projection, entity tags.

use std::borrow::Cow;
use std::fmt::Display;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use store::Query;
use utoipa::ToSchema;

use super::extract::KnownTags;
use crate::error::{ApiError, ApiResult};

/// Room to begin a body with: most are shorter, and growing from nothing copies them several times.
const BODY_BYTES_USUAL: usize = 1024;

/// Where a page lies in its list, `api_responses.PagingInfo`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = api_responses::PagingInfo)]
#[allow(missing_docs)]
pub(super) struct PagingInfo {
    pub limit: i64,
    pub offset: i64,
    pub total: i64,
}

#[derive(Serialize)]
struct Page<'a, T> {
    #[serde(flatten)]
    info: PagingInfo,
    results: &'a [T],
}

/// A JSON answer.
pub(crate) fn json(value: &impl Serialize) -> ApiResult {
    let mut body = Vec::with_capacity(BODY_BYTES_USUAL);
    serde_json::to_writer(&mut body, value).map_err(ApiError::internal)?;
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// An answer without a body.
pub(crate) fn empty() -> ApiResult {
    Ok(Response::new(Body::empty()))
}

/// One page of a list; with `select`, of each row only the members named.
pub(crate) fn page<T: Serialize>(query: &Query, total: u64, rows: &[T]) -> ApiResult {
    if query.select.is_empty() {
        return json(&Page { info: PagingInfo::of(query, total), results: rows });
    }
    let (info, results) = page_parts(query, total, rows)?;
    json(&Page { info, results: &results })
}

/// The parts of a page, for an answer that has more to it.
pub(super) fn page_parts<T: Serialize>(
    query: &Query,
    total: u64,
    rows: &[T],
) -> ApiResult<(PagingInfo, Vec<Value>)> {
    let projected: Result<Vec<Value>, _> = rows.iter().map(|row| project(row, &query.select)).collect();
    Ok((PagingInfo::of(query, total), projected.map_err(ApiError::internal)?))
}

impl PagingInfo {
    /// Of a page that the query asked for.
    pub(super) fn of(query: &Query, total: u64) -> Self {
        Self {
            limit: i64::try_from(query.limit).unwrap_or(i64::MAX),
            offset: i64::try_from(query.offset).unwrap_or(i64::MAX),
            total: i64::try_from(total).unwrap_or(i64::MAX),
        }
    }
}

fn project(row: &impl Serialize, select: &[Cow<'static, str>]) -> serde_json::Result<Value> {
    let mut row = serde_json::to_value(row)?;
    if let Value::Object(members) = &mut row
        && !select.is_empty()
    {
        members.retain(|name, _| select.iter().any(|selected| selected == name));
    }
    Ok(row)
}

/// A JSON answer that carries `ETag: "version"`, or 304 without a body when the caller has that version.
pub(crate) fn json_with_etag(known: &KnownTags, version: impl Display, value: &impl Serialize) -> ApiResult {
    // The tag is weak: compression changes the bytes, not what they say.
    let tag = format!("W/\"{version}\"");
    let mut response =
        if known.include(&tag) { StatusCode::NOT_MODIFIED.into_response() } else { json(value)? };
    let tag = HeaderValue::try_from(tag).map_err(ApiError::internal)?;
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}

/// Why a body that is sent while it is read breaks off: it ends without its last chunk then, so that nobody takes it for
/// whole. `what` is for the log.
pub(super) fn broken_off(what: &str, error: ApiError) -> std::io::Error {
    tracing::warn!(error = %error.message(), "{what} broke off");
    std::io::Error::other(format!("{what} broke off"))
}
