//! What goes out and what comes back: plain values, so that authentication can be written and tested
//! without a network.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use reqwest::Url;
use secrets::Secret;

/// Redirects that are followed if the caller does not say.
pub const REDIRECTS_MAX: usize = 10;
/// Bytes of a response body, decompressed, if the caller does not say.
pub const RESPONSE_BYTES_MAX: usize = 20 * 1024 * 1024;

/// A connection's attributes in plaintext, by name. They live only while a step runs.
pub type Attributes = BTreeMap<String, Secret<String>>;

/// A request before it is sent. No `Debug`: after authentication it holds a credential.
#[derive(Clone)]
pub struct OutgoingRequest {
    /// The method.
    pub method: Method,
    /// Absolute, `http` or `https`, without user information.
    pub url: Url,
    /// The headers; `Host` and `Content-Length` are added when it is sent.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
}

impl OutgoingRequest {
    /// A request without headers and body.
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// The host, lower case, as a secret's use is recorded; with the port if it is not the scheme's own.
    pub fn host(&self) -> String {
        host_and_port(&self.url)
    }
}

/// `host` or `host:port` if the port is not the scheme's own.
pub(crate) fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Says whether a request may go to a host (a name or an address as it stands in the URL, no port).
pub type HostRule = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// How a request is sent.
#[derive(Clone)]
pub struct SendOptions {
    /// Certificate chain and private key in PEM, for mutual TLS.
    pub identity_pem: Option<Arc<Secret<String>>>,
    /// Certificates in PEM that are trusted besides the public ones.
    pub ca_pem: Option<String>,
    /// The server's certificate is not checked at all.
    pub insecure: bool,
    /// For the whole exchange, redirects and body included.
    pub timeout: Duration,
    /// Redirects that are followed; with 0 the redirect itself is the answer.
    pub redirects: usize,
    /// Which hosts the request may go to, asked at each hop. None: any.
    pub allowed_hosts: Option<HostRule>,
    /// Bytes of the response body, decompressed, that are read at most.
    pub max_bytes: usize,
}

impl Default for SendOptions {
    fn default() -> Self {
        Self {
            identity_pem: None,
            ca_pem: None,
            insecure: false,
            timeout: Duration::from_millis(types::limits::STEP_TIMEOUT_MS_DEFAULT),
            redirects: REDIRECTS_MAX,
            allowed_hosts: None,
            max_bytes: RESPONSE_BYTES_MAX,
        }
    }
}

/// The answer, whole.
#[derive(Clone)]
pub struct Response {
    /// The status, whatever it is.
    pub status: StatusCode,
    /// Where the answer came from, after redirects.
    pub url: Url,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Bytes,
    /// From the first byte sent to the last one read, redirects included.
    pub duration: Duration,
}
