//! What happens to every request and every answer: request ids, compression, panics, the empty workspace.
//!
//! One service around the whole router, called by hyper itself: layers of the router would be boxed once more for
//! every route and every request.

use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::response::{IntoResponse, Response};
use axum::routing::future::RouteFuture;
use futures_util::TryFutureExt as _;
use futures_util::future::BoxFuture;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use hyper::body::Incoming;
use tower::Service as _;
use tower_http::compression::Compression;
use tower_http::compression::predicate::Predicate;
use tracing::Span;
use types::{Rng as _, SystemRng};

use super::access::API_KEY_HEADER;
use super::peer::Peer;
use super::routes::BASE;
use crate::error::{ApiError, Failure};

/// Names a request, in the answer and in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of a caller's own request id; a longer one is replaced.
const REQUEST_ID_CHARS_MAX: usize = 64;
/// Bytes below which an answer is not worth compressing.
const COMPRESSED_BYTES_MIN: u64 = 860;

/// The API, as hyper calls it. Clones share it.
#[derive(Clone)]
pub(crate) struct Api {
    plain: Router,
    /// The same for callers that name the encodings they accept.
    compressing: Compression<Router, WorthCompressing>,
    /// The other end of the connection; none of one that is not known.
    peer: Option<IpAddr>,
}

impl Api {
    pub(super) fn new(router: Router) -> Self {
        let compressing = Compression::new(router.clone()).compress_when(WorthCompressing);
        Self { plain: router, compressing, peer: None }
    }

    /// The same, for a connection from there.
    pub(crate) fn for_peer(&self, peer: IpAddr) -> Self {
        Self { peer: Some(peer), ..self.clone() }
    }
}

impl hyper::service::Service<Request<Incoming>> for Api {
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, mut request: Request<Incoming>) -> Answering {
        name_no_workspace(request.uri_mut());
        // Who reads with a key is not asked from where, and most do.
        let asked = |headers: &HeaderMap| {
            headers.contains_key(header::UPGRADE) || !headers.contains_key(API_KEY_HEADER)
        };
        if let Some(peer) = self.peer.filter(|_| request.method() != Method::GET || asked(request.headers()))
        {
            request.extensions_mut().insert(Peer(peer));
        }
        let id = request_id(&request);
        let span = tracing::debug_span!("request", request.id = %id.to_str().unwrap_or_default());
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let routed = if request.headers().contains_key(header::ACCEPT_ENCODING) {
            let answer = self.compressing.clone().call(request.map(Body::new));
            Routed::Compressing(Box::pin(answer.map_ok(|answer| answer.map(Body::new))))
        } else {
            Routed::Plain(self.plain.clone().call(request))
        };
        Answering { id, method, uri, span, routed }
    }
}

/// An answer on its way.
pub(crate) struct Answering {
    id: HeaderValue,
    method: Method,
    uri: Uri,
    span: Span,
    routed: Routed,
}

// The large one is the usual one: to box it is what this file avoids.
#[allow(clippy::large_enum_variant)]
enum Routed {
    Plain(RouteFuture<Infallible>),
    Compressing(BoxFuture<'static, Result<Response, Infallible>>),
}

impl Future for Answering {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let entered = this.span.enter();
        // A handler that panics answers like one that fails. The panic itself goes to the log where it happens.
        let polled = catch_unwind(AssertUnwindSafe(|| this.routed.poll(cx)))
            .unwrap_or_else(|_| Poll::Ready(ApiError::internal("a handler panicked").into_response()));
        let mut answer = ready!(polled);
        drop(entered);
        if let Some(failure) = answer.extensions_mut().remove::<Failure>() {
            this.log(&answer, failure);
        }
        answer.headers_mut().insert(REQUEST_ID, this.id.clone());
        Poll::Ready(Ok(answer))
    }
}

impl Answering {
    /// Here and nowhere else: one line a failure, with everything that is known of it.
    fn log(&self, answer: &Response, Failure { identifier, cause }: Failure) {
        let (id, method, path) = (self.id.to_str().unwrap_or_default(), &self.method, self.uri.path());
        let (status, cause) = (answer.status().as_u16(), cause.unwrap_or_default());
        tracing::error!(request.id = id, %method, path, status, identifier, cause, "request failed");
    }
}

impl Routed {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Response> {
        match self {
            Self::Plain(answer) => {
                let Ok(mut answer) = ready!(Pin::new(answer).poll(cx));
                if WorthCompressing.should_compress(&answer) {
                    // What a cache must know: who accepts an encoding gets other bytes.
                    answer.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
                }
                Poll::Ready(answer)
            }
            Self::Compressing(answer) => {
                let Ok(answer) = ready!(answer.as_mut().poll(cx));
                Poll::Ready(answer)
            }
        }
    }
}

/// Which answers are compressed for callers that accept it: long enough ones, of text.
#[derive(Clone, Copy)]
struct WorthCompressing;

impl Predicate for WorthCompressing {
    fn should_compress<B: HttpBody>(&self, answer: &http::Response<B>) -> bool {
        let kind = answer.headers().get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        let is_text = kind.starts_with(b"application/json") || kind.starts_with(b"text/");
        // What has no length yet comes bit by bit, and would be held back to be compressed.
        is_text && answer.body().size_hint().exact().is_some_and(|bytes| bytes >= COMPRESSED_BYTES_MIN)
    }
}

/// Clients send `/workspace//playbooks` when they know no workspace: the same as naming none at all.
fn name_no_workspace(uri: &mut Uri) {
    let Some(rest) = uri.path().strip_prefix(BASE).and_then(|path| path.strip_prefix("/workspace//")) else {
        return;
    };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    if let Ok(path) = PathAndQuery::try_from(format!("{BASE}/{rest}{query}")) {
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(path);
        if let Ok(named) = Uri::from_parts(parts) {
            *uri = named;
        }
    }
}

/// The caller's own id, if it is short and plain, else a new one.
fn request_id<B>(request: &Request<B>) -> HeaderValue {
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
