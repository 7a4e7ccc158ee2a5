//! A body that is read as it comes, however large it is.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;

use super::extract::drain;
use crate::App;
use crate::error::{ApiError, ApiResult, code};

/// The body, and what was said of it.
pub(super) struct Incoming {
    body: Body,
    headers: HeaderMap,
    /// For how long nothing may come.
    patience: Duration,
}

impl FromRequest<App> for Incoming {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let patience = app.config().server.body_timeout();
        let (parts, body) = request.into_parts();
        Ok(Self { body, headers: parts.headers, patience })
    }
}

impl Incoming {
    /// The next part.
    pub(super) async fn next(&mut self) -> ApiResult<Option<Bytes>> {
        loop {
            let frame = tokio::time::timeout(self.patience, self.body.frame()).await.map_err(|_| {
                let seconds = self.patience.as_secs_f64();
                ApiError::new(&code::BODY_TIMEOUT, format!("nothing of the file has come for {seconds} s"))
            })?;
            match frame {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
                Some(Err(_)) => {
                    return Err(ApiError::new(&code::BODY_INVALID, "the file ended before it was complete"));
                }
            }
        }
    }

    /// How many bytes it says it has.
    pub(super) fn announced(&self) -> Option<u64> {
        self.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    /// What it says it is; text that cannot be read is told as it can be.
    pub(super) fn content_type(&self) -> Option<String> {
        let said = self.headers.get(header::CONTENT_TYPE)?;
        Some(String::from_utf8_lossy(said.as_bytes()).into_owned())
    }

    /// Reads what is left, up to a bound, before it is refused: a client that still sends does not read yet.
    pub(super) async fn refuse(mut self, error: ApiError) -> ApiError {
        // One that has stopped sending need not be waited for again.
        let has_stopped = [code::BODY_TIMEOUT, code::BODY_INVALID].contains(error.code());
        if !has_stopped && !self.headers.contains_key(header::EXPECT) {
            drain(&mut self.body).await;
        }
        error
    }
}
