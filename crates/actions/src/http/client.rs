//! The guarded client. Every request of every action goes through [`HttpClient::send`]; there is no other
//! way out. No proxy from the environment, no redirect it has not looked at, no address it has not judged.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use reqwest::Url;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::failure::{address_refused, transport};
use super::redirect::{follow, same_origin};
use super::request::host_and_port;
use super::resolver::{GuardedResolver, Resolver, SystemResolver};
use super::tls::{TlsSettings, authorities};
use super::{OutgoingRequest, Response, SendOptions};
use crate::guard::NetworkPolicy;
use crate::{ActionError, ErrorCode};

/// For one TCP and TLS handshake, within the time of the whole exchange.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Connection pools, one for each combination of TLS settings and network policy; past it all are dropped.
const POOLS_MAX: usize = 64;
/// Bytes set aside for a body on the peer's word alone.
const CAPACITY_BYTES_MAX: usize = 256 * 1024;
/// What this client calls itself.
const USER_AGENT: &str = concat!("nictate/", env!("CARGO_PKG_VERSION"));

/// Puts a connection's credentials into a request. Asked at each hop whose host may have them.
pub trait Signer: Send + Sync {
    /// Authenticates `request`.
    fn sign<'a>(&'a self, request: &'a mut OutgoingRequest) -> BoxFuture<'a, Result<(), ActionError>>;
}

/// The client under one network policy. Cheap to clone; all views share their connections.
#[derive(Clone)]
pub struct HttpClient {
    shared: Arc<Shared>,
    policy: Arc<NetworkPolicy>,
}

struct Shared {
    resolver: Arc<dyn Resolver>,
    roots: Vec<CertificateDer<'static>>,
    pools: Mutex<HashMap<PoolKey, reqwest::Client>>,
}

/// What two requests must agree in to share a connection.
#[derive(PartialEq, Eq, Hash)]
struct PoolKey {
    policy: Arc<NetworkPolicy>,
    insecure: bool,
    /// SHA-256 of the CA and of the identity: the key itself need not live in a map.
    trust: [u8; 32],
}

impl HttpClient {
    /// A client that resolves names through the operating system and trusts the public authorities.
    pub fn new(policy: NetworkPolicy) -> Self {
        Self::with_resolver(policy, Arc::new(SystemResolver))
    }

    /// A client with another resolver, for tests and for deployments that bring their own.
    pub fn with_resolver(policy: NetworkPolicy, resolver: Arc<dyn Resolver>) -> Self {
        let shared = Shared { resolver, roots: Vec::new(), pools: Mutex::default() };
        Self { shared: Arc::new(shared), policy: Arc::new(policy) }
    }

    /// The same client, trusting the certificates in `pem` too. For the deployment's own authority; call it
    /// before the client is shared.
    ///
    /// # Errors
    /// If `pem` holds no certificate that can be used as an authority.
    pub fn trusting(self, pem: &str) -> Result<Self, ActionError> {
        let mut roots = self.shared.roots.clone();
        roots.extend(authorities(pem)?);
        let shared = Shared { resolver: Arc::clone(&self.shared.resolver), roots, pools: Mutex::default() };
        Ok(Self { shared: Arc::new(shared), policy: self.policy })
    }

    /// The authorities that are trusted besides the public ones.
    pub fn authorities(&self) -> &[CertificateDer<'static>] {
        &self.shared.roots
    }

    pub(super) fn policy(&self) -> &NetworkPolicy {
        &self.policy
    }

    pub(super) async fn resolve(&self, host: String) -> std::io::Result<Vec<IpAddr>> {
        self.shared.resolver.resolve(host).await
    }

    /// The same client under another policy.
    pub fn under(&self, policy: NetworkPolicy) -> Self {
        Self { shared: Arc::clone(&self.shared), policy: Arc::new(policy) }
    }

    /// Sends `request` as it is and reads the whole answer, following redirects as `options` say. Any
    /// status is an answer, not an error.
    pub async fn send(
        &self,
        request: OutgoingRequest,
        options: &SendOptions,
    ) -> Result<Response, ActionError> {
        self.send_signed(request, options, None).await
    }

    /// Like [`HttpClient::send`], authenticating the request at each hop that may have the credentials:
    /// with `allowed_hosts`, each hop must be one of them or the call fails with `host_not_allowed`;
    /// without, only hops of the first one's origin are signed. Credentials never follow a redirect from
    /// `https` to `http`.
    pub async fn send_signed(
        &self,
        request: OutgoingRequest,
        options: &SendOptions,
        signer: Option<&dyn Signer>,
    ) -> Result<Response, ActionError> {
        let host = host_and_port(&request.url);
        let exchange = self.exchange(request, options, signer);
        tokio::time::timeout(options.timeout, exchange).await.unwrap_or_else(|_| {
            let seconds = options.timeout.as_secs_f64();
            let message = format!("no complete answer from `{host}` within {seconds} s");
            Err(ActionError::transient(ErrorCode::Timeout, message))
        })
    }

    async fn exchange(
        &self,
        request: OutgoingRequest,
        options: &SendOptions,
        signer: Option<&dyn Signer>,
    ) -> Result<Response, ActionError> {
        let started = Instant::now();
        let client = self.pool(options)?;
        let first = request.url.clone();
        let mut next = request;
        let mut hop = 0;
        loop {
            self.judge(&next.url, options)?;
            let mut outgoing = next.clone();
            if let Some(signer) = signer
                && may_sign(&first, &next.url, options)?
            {
                signer.sign(&mut outgoing).await?;
                // Signing may have changed the address.
                self.judge(&outgoing.url, options)?;
            }
            let host = host_and_port(&outgoing.url);
            let answer =
                client.execute(into_reqwest(outgoing)).await.map_err(|error| transport(&host, &error))?;
            if options.redirects > 0
                && let Some(following) = follow(&next, answer.status(), answer.headers())?
            {
                if hop >= options.redirects {
                    let message = format!("host `{host}` redirects again after {hop} redirects");
                    return Err(ActionError::new(ErrorCode::TooManyRedirects, message));
                }
                next = following;
                hop += 1;
                continue;
            }
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = read(answer, &host, options.max_bytes).await?;
            return Ok(Response { status, url: next.url, headers, body, duration: started.elapsed() });
        }
    }

    /// Whether `url` may be requested at all.
    fn judge(&self, url: &Url, options: &SendOptions) -> Result<(), ActionError> {
        let refuse = |why: &str| Err(ActionError::new(ErrorCode::UrlInvalid, why));
        if !matches!(url.scheme(), "http" | "https") {
            return refuse(&format!("scheme `{}` is not `http` or `https`", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("the URL holds a user or password; put it into a connection");
        }
        let Some(host) = url.host_str() else {
            return refuse("the URL has no host");
        };
        if options.allowed_hosts.as_ref().is_some_and(|allowed| !allowed(host)) {
            let message = format!("the connection may not be used for host `{host}`");
            return Err(ActionError::new(ErrorCode::HostNotAllowed, message));
        }
        // An address in the URL never passes the resolver.
        if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            let endpoint = SocketAddr::new(address, url.port_or_known_default().unwrap_or(0));
            self.policy
                .check_endpoint(endpoint)
                .map_err(|kind| address_refused(&address.to_string(), kind))?;
        }
        Ok(())
    }

    /// A client without the guard, for a service that the operator has named: it trusts whom this one trusts, and follows no
    /// redirect.
    ///
    /// # Errors
    /// If there can be no such client.
    pub fn unguarded(&self) -> Result<reqwest::Client, ActionError> {
        let roots = &self.shared.roots;
        let tls = TlsSettings { deployment_roots: roots, ca_pem: None, identity_pem: None, insecure: false };
        let builder = reqwest::Client::builder().tls_backend_preconfigured(tls.client_config()?);
        plain(builder)
    }

    fn pool(&self, options: &SendOptions) -> Result<reqwest::Client, ActionError> {
        let identity = options.identity_pem.as_ref().map(|pem| pem.expose().as_str());
        let key = PoolKey {
            policy: Arc::clone(&self.policy),
            insecure: options.insecure,
            trust: trust_hash(options.ca_pem.as_deref(), identity),
        };
        let mut pools = self.shared.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = pools.get(&key) {
            return Ok(client.clone());
        }
        let tls = TlsSettings {
            deployment_roots: &self.shared.roots,
            ca_pem: options.ca_pem.as_deref(),
            identity_pem: identity,
            insecure: options.insecure,
        };
        let client = self.build(&tls)?;
        if pools.len() >= POOLS_MAX {
            pools.clear();
        }
        pools.insert(key, client.clone());
        Ok(client)
    }

    fn build(&self, tls: &TlsSettings<'_>) -> Result<reqwest::Client, ActionError> {
        let (inner, policy) = (Arc::clone(&self.shared.resolver), Arc::clone(&self.policy));
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.client_config()?)
            .dns_resolver(GuardedResolver { inner, policy });
        plain(builder)
    }
}

/// What all clients have in common.
fn plain(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, ActionError> {
    builder
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .build()
        .map_err(|error| ActionError::new(ErrorCode::Internal, format!("no HTTP client: {error}")))
}

/// Whether the credentials may go to `next`. An error where the request must not go on without them.
fn may_sign(first: &Url, next: &Url, options: &SendOptions) -> Result<bool, ActionError> {
    if first.scheme() == "https" && next.scheme() == "http" {
        let message =
            format!("a redirect to `http://{}` would send the credentials unencrypted", host_and_port(next));
        return Err(ActionError::new(ErrorCode::RedirectRefused, message));
    }
    // A listed host has been judged already.
    Ok(options.allowed_hosts.is_some() || same_origin(first, next))
}

fn into_reqwest(outgoing: OutgoingRequest) -> reqwest::Request {
    let mut request = reqwest::Request::new(outgoing.method, outgoing.url);
    *request.headers_mut() = outgoing.headers;
    if !outgoing.body.is_empty() {
        *request.body_mut() = Some(outgoing.body.into());
    }
    request
}

/// The whole body; reading stops as soon as it is too long.
async fn read(mut answer: reqwest::Response, host: &str, max_bytes: usize) -> Result<Bytes, ActionError> {
    let too_large = || {
        let message = format!("the response of `{host}` is larger than {max_bytes} bytes");
        ActionError::new(ErrorCode::ResponseTooLarge, message)
    };
    let announced = answer.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    if announced > max_bytes {
        return Err(too_large());
    }
    let mut body = BytesMut::with_capacity(announced.min(CAPACITY_BYTES_MAX));
    while let Some(chunk) = answer.chunk().await.map_err(|error| transport(host, &error))? {
        if body.len() + chunk.len() > max_bytes {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn trust_hash(ca: Option<&str>, identity: Option<&str>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [ca, identity] {
        let part = part.unwrap_or_default();
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
