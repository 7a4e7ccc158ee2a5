//! Opening the connection to a server: an HTTP request that becomes a websocket, over TLS unless the server is on this
//! machine or the operator insists. Both sides agree on the key under which secrets travel.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Certificate, Client, StatusCode, Url};
use rustls::pki_types::CertificateDer;
use secrets::Secret;
use secrets::session::{Offer, SessionKey};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use types::Rng;

use crate::MESSAGE_BYTES_MAX;
use crate::link::LinkError;
use crate::traffic::Watched;

/// Where servers take runners.
const PATH: &str = "api/v1/runner_link";
/// The two halves of the session key.
const RUNNER_KEY_HEADER: &str = "nictate-runner-key";
const SERVER_KEY_HEADER: &str = "nictate-server-key";
/// For TCP, TLS and the answer.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Bytes of a refusal that are read.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// The websocket.
pub(crate) type Socket = WebSocketStream<Watched<reqwest::Upgraded>>;

/// A server to connect to, and as what.
pub struct RemoteServer {
    url: Url,
    token: Secret<String>,
    http: Client,
}

/// What became of an attempt to connect.
pub(crate) enum Dialled {
    Open(Box<Socket>, SessionKey),
    Refused(LinkError),
    /// Why not, for now.
    Unreachable(String),
}

/// Whether secrets may travel over a connection that is not encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plaintext {
    /// Only to this machine itself.
    LoopbackOnly,
    /// Whatever lies between: the operator vouches for it.
    Allowed,
}

impl RemoteServer {
    /// The server at `url`, `https://nictate.example.com`; the token must open the group of that name, if one is given.
    /// The `authorities` are trusted besides those of the machine.
    ///
    /// # Errors
    /// An address, token or certificate that cannot be used, or plain HTTP where it is not allowed.
    pub fn new(
        url: &str,
        group: Option<&str>,
        token: Secret<String>,
        plaintext: Plaintext,
        authorities: &[CertificateDer<'static>],
    ) -> Result<Self, LinkError> {
        let unusable = |text: String| LinkError::Unusable(text);
        let mut address = Url::parse(url)
            .map_err(|error| unusable(format!("`{url}` is no address of a server: {error}")))?;
        let loopback = match address.host_str() {
            Some("localhost") => true,
            Some(host) => host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
            None => false,
        };
        match address.scheme() {
            "https" => {}
            "http" if loopback || plaintext == Plaintext::Allowed => {}
            "http" => {
                let text = format!(
                    "`{url}` is not encrypted, and secrets would travel to another machine; use https"
                );
                return Err(unusable(text));
            }
            other => return Err(unusable(format!("`{url}` begins with `{other}:`, not with `https:`"))),
        }
        if token.expose().is_empty() || !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unusable("the token is empty or has characters that no token has".to_owned()));
        }
        if let Ok(mut segments) = address.path_segments_mut() {
            segments.pop_if_empty().extend(PATH.split('/'));
        }
        if let Some(group) = group {
            address.query_pairs_mut().append_pair("group", group);
        }
        // A second install answers with the first one, which is the same.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("nictate-runner/", env!("CARGO_PKG_VERSION")))
            .http1_only()
            .connect_timeout(CONNECT_TIME)
            // The token must not follow a redirect to another host.
            .redirect(reqwest::redirect::Policy::none());
        if loopback {
            builder = builder.no_proxy();
        }
        if !authorities.is_empty() {
            let authorities: Result<Vec<_>, _> =
                authorities.iter().map(|der| Certificate::from_der(der)).collect();
            let authorities = authorities
                .map_err(|error| unusable(format!("an authority's certificate cannot be used: {error}")))?;
            builder = builder.tls_certs_merge(authorities);
        }
        let http = builder.build().map_err(|error| unusable(format!("cannot set up HTTP: {error}")))?;
        Ok(Self { url: address, token, http })
    }

    /// The address, for people.
    pub fn address(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}

/// Connects once.
pub(crate) async fn dial(server: &RemoteServer, rng: &mut dyn Rng) -> Dialled {
    let Ok(offer) = Offer::new(rng) else {
        return Dialled::Unreachable("no session key can be made".to_owned());
    };
    let mut nonce = [0; 16];
    rng.fill(&mut nonce);
    let nonce = STANDARD.encode(nonce);
    let request = server
        .http
        .get(server.url.clone())
        .bearer_auth(server.token.expose())
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", &nonce)
        .header(RUNNER_KEY_HEADER, offer.public());
    let answer = match tokio::time::timeout(CONNECT_TIME, request.send()).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Dialled::Unreachable(chain(&error)),
        Err(_) => return Dialled::Unreachable("no answer in time".to_owned()),
    };
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        return refused(answer).await;
    }
    let header =
        |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (accepted, key) = (header("sec-websocket-accept"), header(SERVER_KEY_HEADER));
    if accepted.as_deref() != Some(derive_accept_key(nonce.as_bytes()).as_str()) {
        return Dialled::Unreachable("what answers there speaks no websocket".to_owned());
    }
    let Ok(session) = offer.agree(&key.unwrap_or_default()) else {
        return Dialled::Unreachable("the server has sent no half of a session key".to_owned());
    };
    match answer.upgrade().await {
        Ok(upgraded) => {
            let config = websocket_config();
            let upgraded = Watched::new(upgraded);
            let socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await;
            Dialled::Open(Box::new(socket), session)
        }
        Err(error) => Dialled::Unreachable(chain(&error)),
    }
}

fn websocket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX))
}

/// A refusal that time will not change ends the runner.
async fn refused(mut answer: reqwest::Response) -> Dialled {
    let status = answer.status();
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        if body.len() + chunk.len() > REFUSAL_BYTES_MAX {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    let said = serde_json::from_slice::<serde_json::Value>(&body).ok();
    let said = said.as_ref().and_then(|body| body["message"].as_str());
    let message = said.map_or_else(|| format!("the server answers {status}"), str::to_owned);
    if status.is_client_error()
        && status != StatusCode::TOO_MANY_REQUESTS
        && status != StatusCode::REQUEST_TIMEOUT
    {
        return Dialled::Refused(LinkError::Refused { status: status.as_u16(), message });
    }
    Dialled::Unreachable(message)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_goes_to_this_machine_alone_unless_it_is_allowed() {
        let server = |url: &str, plaintext| {
            RemoteServer::new(url, Some("dmz"), Secret::from("nct_x"), plaintext, &[])
                .map(|server| server.url.to_string())
        };
        for url in
            ["http://127.0.0.1:8700", "http://[::1]:8700/", "http://localhost", "https://nictate.example"]
        {
            let reached = server(url, Plaintext::LoopbackOnly).unwrap();
            assert!(reached.ends_with("/api/v1/runner_link?group=dmz"), "{reached}");
        }
        let refused = server("http://10.0.0.1", Plaintext::LoopbackOnly).unwrap_err().to_string();
        assert!(refused.contains("not encrypted"), "{refused}");
        assert!(server("http://10.0.0.1", Plaintext::Allowed).is_ok());
        for bad in ["", "ftp://x", "nictate.example"] {
            assert!(server(bad, Plaintext::Allowed).is_err(), "{bad}");
        }
    }
}
