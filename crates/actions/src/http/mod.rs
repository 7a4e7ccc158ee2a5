//! The one HTTP client: guarded against the network around the runner, bounded in time and bytes. Used by
//! the http action, by the authentication of connections and by their tests.

mod client;
mod dial;
mod failure;
mod redirect;
mod request;
mod resolver;
mod tls;
mod token_cache;

pub use client::{HttpClient, Signer};
pub use request::{
    Attributes, HostRule, OutgoingRequest, REDIRECTS_MAX, RESPONSE_BYTES_MAX, Response, SendOptions,
};
pub use resolver::{Resolver, SystemResolver};
pub use token_cache::{Token, TokenCache};

use types::Timestamp;

/// What authentication may use besides the request.
pub struct AuthContext<'a> {
    /// For token requests.
    pub http: &'a HttpClient,
    /// The instant for signatures and expiry.
    pub now: Timestamp,
    /// Tokens fetched before.
    pub token_cache: &'a TokenCache,
    /// Told the host (`host` or `host:port`) each time a secret is sent somewhere other than with the
    /// authenticated request itself, such as to a token endpoint.
    pub secret_sent_to: &'a (dyn Fn(&str) + Send + Sync),
}
