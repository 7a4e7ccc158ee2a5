//! A run's events as they happen.

use http::{HeaderMap, HeaderName};
use serde::Deserialize;

use super::feed::{Feed, take_place};
use super::message::Framing;
use super::{actions_of, find};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::excerpt;
use crate::http::extract::Query;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Where the stream begins, for clients that cannot set a header.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::http) struct EventsQuery {
    last_event_id: Option<String>,
}

/// Every line of the run's journal as an event, those to come too, until the run has ended.
pub(in crate::http) async fn events(
    ctx: Ctx,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> ApiResult {
    let said = last_event(&headers, query.last_event_id.as_deref())?;
    let full = find(&ctx).await?;
    let place = take_place(&ctx)?;
    let actions = actions_of(&ctx, &full).await?;
    Ok(Feed::new(ctx, &headers, full.execution, actions, (Framing::Events, said), place).into_response())
}

/// The number of the last event that the client has: 0 if it has none. Browsers send the header when they connect
/// again, to the address that they had at first.
fn last_event(headers: &HeaderMap, query: Option<&str>) -> ApiResult<i64> {
    let given = match headers.get(LAST_EVENT_ID) {
        Some(header) => Some(header.to_str().unwrap_or("\u{fffd}")),
        None => query,
    };
    let Some(text) = given.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(0) };
    text.parse().ok().filter(|number: &i64| *number >= 0).ok_or_else(|| {
        let message = format!("`{}` is not the id of an event, which is a number", excerpt(text));
        ApiError::new(&code::PARAMETER_INVALID, message)
    })
}
