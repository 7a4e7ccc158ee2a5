//! A local HTTP server that stands for vendors: records every request, answers as its path says.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    /// With the query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    /// A header; empty if it was not sent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// The server. Ends with the test.
#[derive(Clone)]
pub(crate) struct Tool {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    gate: Arc<Semaphore>,
}

impl Tool {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let tool = Self { url, seen: Arc::default(), gate: Arc::new(Semaphore::new(0)) };
        let router = Router::new().fallback(answer).with_state(tool.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        tool
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Lets so many requests to `/gate` through, of those that wait or are to come.
    pub(crate) fn let_through(&self, requests: usize) {
        self.gate.add_permits(requests);
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The requests so far to paths that begin so.
    pub(crate) fn seen_at(&self, path: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.path.starts_with(path)).collect()
    }
}

/// - `/status/401` answers that status, and the key it was sent
/// - `/echo` answers what it was sent
/// - `/gate` answers when it is [let through](Tool::let_through)
/// - `/fails-once` answers 503 the first time
/// - `/hang-once` does not answer the first time
/// - anything else answers `{"ok": true}`
async fn answer(
    State(tool): State<Tool>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.to_string();
    let body = String::from_utf8_lossy(&body).into_owned();
    let seen = Seen { method, path: path.clone(), headers, body };
    let authorization = seen.header("authorization").to_owned();
    let (status, reply) = match uri.path().strip_prefix("/status/") {
        Some(status) => (status.parse().unwrap(), json!({"sent": authorization})),
        None if path.starts_with("/echo") => {
            (200, json!({"authorization": authorization, "body": seen.body}))
        }
        None => (200, json!({"ok": true})),
    };
    let first = {
        let mut all = tool.seen.lock().unwrap();
        all.push(seen);
        all.iter().filter(|seen| seen.path == path).count() == 1
    };
    let status = if uri.path() == "/fails-once" && first { 503 } else { status };
    if uri.path() == "/hang-once" && first {
        std::future::pending::<()>().await;
    }
    if uri.path().starts_with("/gate") {
        tool.gate.acquire().await.unwrap().forget();
    }
    let headers = [("content-type", "application/json")];
    (StatusCode::from_u16(status).unwrap(), headers, reply.to_string()).into_response()
}
