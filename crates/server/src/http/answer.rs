//! Answers: JSON, pages with projection, entity tags.

use axum::response::IntoResponse;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use store::Query;
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult};

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
    let body = serde_json::to_vec(value).map_err(ApiError::internal)?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response())
}

/// One page of a list; with `select`, of each row only the members named.
pub(crate) fn page<T: Serialize>(query: &Query, total: u64, rows: &[T]) -> ApiResult {
    let info = PagingInfo {
        limit: i64::try_from(query.limit).unwrap_or(i64::MAX),
        offset: i64::try_from(query.offset).unwrap_or(i64::MAX),
        total: i64::try_from(total).unwrap_or(i64::MAX),
    };
    if query.select.is_empty() {
        return json(&Page { info, results: rows });
    }
    let projected: Result<Vec<Value>, _> = rows.iter().map(|row| project(row, &query.select)).collect();
    json(&Page { info, results: &projected.map_err(ApiError::internal)? })
}

fn project(row: &impl Serialize, select: &[&str]) -> serde_json::Result<Value> {
    let mut row = serde_json::to_value(row)?;
    if let Value::Object(members) = &mut row {
        members.retain(|name, _| select.contains(&name.as_str()));
    }
    Ok(row)
}

/// A JSON answer that carries `ETag: "version"`, or 304 without a body when the caller has that version.
pub(crate) fn json_with_etag(request: &HeaderMap, version: &str, value: &impl Serialize) -> ApiResult {
    // The tag is weak: compression changes the bytes, not what they say.
    let tag = format!("W/\"{version}\"");
    let known = request.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let matches = known.is_some_and(|known| {
        known.split(',').map(str::trim).any(|candidate| candidate == "*" || same_tag(candidate, &tag))
    });
    let mut response = if matches { StatusCode::NOT_MODIFIED.into_response() } else { json(value)? };
    let tag = HeaderValue::from_str(&tag).map_err(ApiError::internal)?;
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}

/// Weak comparison (RFC 9110, 8.8.3.2).
fn same_tag(left: &str, right: &str) -> bool {
    left.strip_prefix("W/").unwrap_or(left) == right.strip_prefix("W/").unwrap_or(right)
}
