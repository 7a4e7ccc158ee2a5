//! What handlers take from a request besides their context: a JSON body and query parameters, with errors by
//! contract.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use bytes::Bytes;
use http::{HeaderValue, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::App;
use crate::error::{ApiError, code};

/// Levels of nesting of a JSON body.
const BODY_DEPTH_MAX: usize = 100;
/// Bytes of a body that is too large which are read and thrown away before the answer.
const DRAINED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long that may take.
const DRAIN_TIME: Duration = Duration::from_secs(3);

/// A JSON body. An empty body reads as an empty object, for clients that send none where all members are
/// optional.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let limit = app.config().server.body_bytes_max;
        let bytes = read_body(request, limit, app.config().server.body_timeout()).await?;
        object(text_of(&bytes)?).map(Body)
    }
}

/// A JSON body that is an object, or a text which is the JSON of one: the contract says that of a record.
pub(crate) struct ObjectOrText<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for ObjectOrText<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let limit = app.config().server.body_bytes_max;
        let bytes = read_body(request, limit, app.config().server.body_timeout()).await?;
        let text = text_of(&bytes)?;
        if !text.trim_ascii_start().starts_with('"') {
            return object(text).map(ObjectOrText);
        }
        let inner: String = serde_json::from_str(text).map_err(unexpected)?;
        object(&inner).map(ObjectOrText)
    }
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(&code::BODY_INVALID, message)
}

fn unexpected(error: serde_json::Error) -> ApiError {
    invalid(format!("the body is not what this route expects: {error}"))
}

/// Serde passes over what it ignores without looking at it: whether it is UTF-8, and how deep it is.
fn text_of(bytes: &[u8]) -> Result<&str, ApiError> {
    std::str::from_utf8(bytes).map_err(|_| invalid("the body is not UTF-8"))
}

fn object<T: DeserializeOwned>(text: &str) -> Result<T, ApiError> {
    let text = if text.is_empty() { "{}" } else { text };
    if is_deeper_than(text, BODY_DEPTH_MAX) {
        return Err(invalid(format!("the body is nested deeper than {BODY_DEPTH_MAX} levels")));
    }
    let body = serde_json::from_str(text).map_err(unexpected)?;
    // Serde would read an array as an object's members in their order.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(invalid("the body must be a JSON object"));
    }
    Ok(body)
}

/// Whether lists and objects lie in each other more than `levels` times, in what may or may not be JSON.
fn is_deeper_than(text: &str, levels: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > levels {
            return true;
        }
    }
    false
}

/// A JSON body that is an array.
pub(crate) struct Items<T>(pub(crate) Vec<T>);

impl<T: DeserializeOwned> FromRequest<App> for Items<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let limit = app.config().server.body_bytes_max;
        let bytes = read_body(request, limit, app.config().server.body_timeout()).await?;
        let text = text_of(&bytes)?;
        if is_deeper_than(text, BODY_DEPTH_MAX) {
            return Err(invalid(format!("the body is nested deeper than {BODY_DEPTH_MAX} levels")));
        }
        if !text.trim_ascii_start().starts_with('[') {
            return Err(invalid("the body must be a JSON array"));
        }
        serde_json::from_str(text).map(Items).map_err(unexpected)
    }
}

/// A body as it came.
pub(crate) struct RawBody(pub(crate) Bytes);

impl FromRequest<App> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let server = &app.config().server;
        read_body(request, server.body_bytes_max, server.body_timeout()).await.map(RawBody)
    }
}

async fn read_body(request: Request, limit: usize, timeout: Duration) -> Result<Bytes, ApiError> {
    let announced = request.headers().get(http::header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let asks_first = request.headers().contains_key(http::header::EXPECT);
    let mut body = request.into_body();
    if announced.is_none_or(|length| length <= limit) {
        let reading = Limited::new(&mut body, limit).collect();
        match tokio::time::timeout(timeout, reading).await {
            Ok(Ok(read)) => return Ok(read.to_bytes()),
            Ok(Err(error)) if !error.is::<LengthLimitError>() => {
                return Err(ApiError::new(&code::BODY_INVALID, "the body ended before it was complete"));
            }
            Ok(Err(_)) => {}
            Err(_) => {
                let seconds = timeout.as_secs_f64();
                let message = format!("the body did not arrive within {seconds} s");
                return Err(ApiError::new(&code::BODY_TIMEOUT, message));
            }
        }
    }
    if !asks_first {
        drain(&mut body).await;
    }
    let message = format!("the body is larger than the {limit} bytes this route accepts");
    Err(ApiError::new(&code::BODY_TOO_LARGE, message))
}

/// A client that still sends does not read yet: were the connection closed under it, it would not see the answer.
pub(super) async fn drain(body: &mut axum::body::Body) {
    let mut bytes_left = DRAINED_BYTES_MAX;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            if bytes > bytes_left {
                return;
            }
            bytes_left -= bytes;
        }
    };
    // Whoever sends for longer than that may miss the answer.
    let _ = tokio::time::timeout(DRAIN_TIME, reading).await;
}

/// Parameters in the query.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        axum::extract::Query::try_from_uri(&parts.uri).map(|query| Query(query.0)).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            ApiError::new(&code::PARAMETER_INVALID, format!("a query parameter cannot be read: {cause}"))
        })
    }
}

/// The list query.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct ListQuery {
    pub(crate) q: Option<String>,
}

/// The entity tags of what the caller has already, `If-None-Match`.
pub(crate) struct KnownTags(Option<HeaderValue>);

impl<S: Sync> FromRequestParts<S> for KnownTags {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.get(header::IF_NONE_MATCH).cloned()))
    }
}

impl KnownTags {
    /// Whether `tag` is among them, by weak comparison (RFC 9110, 8.8.3.2).
    pub(crate) fn include(&self, tag: &str) -> bool {
        let known = self.0.as_ref().and_then(|known| known.to_str().ok());
        known.is_some_and(|known| {
            known.split(',').map(str::trim).any(|known| known == "*" || opaque(known) == opaque(tag))
        })
    }
}

/// What stands in the quotes of a tag, with them.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_outside_of_texts() {
        for (text, depth) in [
            ("{}", 1),
            (r#"{"a": [1, {"b": []}]}"#, 4),
            (r#"{"a": "[[[[", "b\\": "}{"}"#, 1),
            (r#"{"\"[": [[]]}"#, 3),
            ("[[[", 3),
            ("]]][", 1),
            ("", 0),
        ] {
            assert!(!is_deeper_than(text, depth), "{text}");
            assert!(depth == 0 || is_deeper_than(text, depth - 1), "{text}");
        }
    }
}
