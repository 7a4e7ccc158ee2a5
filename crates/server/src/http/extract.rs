//! What handlers take from a request besides their context: a JSON body and query parameters, with errors by
//! contract.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::App;
use crate::error::{ApiError, code};

/// A JSON body. An empty body reads as an empty object, for clients that send none where all members are
/// optional.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let limit = app.config().server.body_bytes_max;
        let bytes = read_body(request, limit, app.config().server.body_timeout()).await?;
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        // serde_json refuses more than 128 levels of nesting, so a deep body is an error like any other.
        let body = serde_json::from_slice(bytes).map_err(|error| {
            let message = format!("the body is not what this route expects: {error}");
            ApiError::new(&code::BODY_INVALID, message)
        })?;
        // Serde would read an array as an object's members in their order.
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(ApiError::new(&code::BODY_INVALID, "the body must be a JSON object"));
        }
        Ok(Body(body))
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

async fn read_body(request: Request, limit: usize, timeout: std::time::Duration) -> Result<Bytes, ApiError> {
    let too_large = || {
        ApiError::new(
            &code::BODY_TOO_LARGE,
            format!("the body is larger than the {limit} bytes this route accepts"),
        )
    };
    let announced = request.headers().get(http::header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let read = axum::body::to_bytes(request.into_body(), limit);
    match tokio::time::timeout(timeout, read).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_length_limit(&error) => Err(too_large()),
        Ok(Err(_)) => Err(ApiError::new(&code::BODY_INVALID, "the body ended before it was complete")),
        Err(_) => {
            let seconds = timeout.as_secs();
            Err(ApiError::new(&code::BODY_TIMEOUT, format!("the body did not arrive within {seconds} s")))
        }
    }
}

fn is_length_limit(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<http_body_util::LengthLimitError>())
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
