//! What happens to every request and every answer: request ids, compression, panics, the empty workspace.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Uri};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate as _, SizeAbove};
use types::{Rng as _, SystemRng};

use super::routes::BASE;
use crate::error::{ApiError, Failure};

/// Names a request, in the answer and in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of a caller's own request id; a longer one is replaced.
const REQUEST_ID_CHARS_MAX: usize = 64;
/// Bytes below which an answer is not worth compressing.
const COMPRESSED_BYTES_MIN: u64 = 860;

/// Puts the layers around the routes.
pub(super) fn wrap(router: Router) -> Router {
    let compression =
        CompressionLayer::new().compress_when(SizeAbove::new(COMPRESSED_BYTES_MIN).and(is_text));
    let panics = CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
        // The panic itself went to the log where it happened.
        ApiError::internal("a handler panicked").into_response()
    });
    // One stack, so that each route is boxed once. The first is the outermost.
    router.layer((from_fn(with_request_id), compression, panics))
}

fn is_text(_: http::StatusCode, _: http::Version, headers: &http::HeaderMap, _: &http::Extensions) -> bool {
    let kind = headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/json") || kind.starts_with("text/"))
}

/// Clients send `/workspace//playbooks` when they know no workspace: the same as naming none at all. To be done
/// before routing, so it is no layer.
pub(crate) fn name_no_workspace(mut request: Request) -> Request {
    let Some(rest) =
        request.uri().path().strip_prefix(BASE).and_then(|path| path.strip_prefix("/workspace//"))
    else {
        return request;
    };
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    if let Ok(path) = PathAndQuery::try_from(format!("{BASE}/{rest}{query}")) {
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = Some(path);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

async fn with_request_id(request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = tracing::info_span!("request", request.id = %id.to_str().unwrap_or_default());
    let mut response = tracing::Instrument::instrument(next.run(request), span).await;
    // Here and nowhere else: one line a failure, with everything that is known of it.
    if let Some(Failure { identifier, cause }) = response.extensions_mut().remove::<Failure>() {
        let (id, status) = (id.to_str().unwrap_or_default(), response.status().as_u16());
        let cause = cause.unwrap_or_default();
        tracing::error!(request.id = id, %method, path, status, identifier, cause, "request failed");
    }
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The caller's own id, if it is short and plain, else a new one.
fn request_id(request: &Request) -> HeaderValue {
    let plain = |id: &&HeaderValue| {
        let bytes = id.as_bytes();
        let fits = (1..=REQUEST_ID_CHARS_MAX).contains(&bytes.len());
        fits && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
    };
    if let Some(id) = request.headers().get(REQUEST_ID).filter(plain) {
        return id.clone();
    }
    HeaderValue::try_from(new_request_id()).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

/// This process's random part and a count: unique without asking the system for randomness each time.
fn new_request_id() -> String {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let process = PROCESS.get_or_init(|| {
        let mut random = [0; 8];
        SystemRng.fill(&mut random);
        u64::from_le_bytes(random)
    });
    format!("{process:016x}{:08x}", COUNT.fetch_add(1, Ordering::Relaxed))
}
