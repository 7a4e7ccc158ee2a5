//! Connection types against a server on this machine: what arrives for each scheme, what is never sent, and
//! what the connection test makes of the answers.

// Helpers of a test may stop it: clippy's leave covers the test functions only.
#![allow(clippy::unwrap_used, clippy::panic)]

mod schemes;
mod server;
mod tokens;
mod verification;

use std::sync::{Arc, Mutex};

use actions::connection_types::{ConnectionType, Credential};
use actions::guard::NetworkPolicy;
use actions::http::{
    Attributes, AuthContext, HttpClient, OutgoingRequest, Response, SendOptions, TokenCache,
};
use actions::{ActionError, ErrorCode};
use types::Timestamp;

/// 2015-08-30T12:36:00Z.
const NOW: Timestamp = Timestamp::from_millis(1_440_938_160_000);

/// A runner's share of the world.
struct World {
    http: HttpClient,
    tokens: TokenCache,
    secret_sent_to: Mutex<Vec<String>>,
}

impl World {
    fn new() -> Self {
        Self {
            http: HttpClient::new(policy()),
            tokens: TokenCache::default(),
            secret_sent_to: Mutex::default(),
        }
    }

    /// Calls `call` with a context at `NOW` plus so many seconds.
    async fn at<T>(&self, seconds: u64, call: impl AsyncFnOnce(&AuthContext<'_>) -> T) -> T {
        let now = NOW.saturating_add(std::time::Duration::from_secs(seconds));
        let told = |host: &str| self.secret_sent_to.lock().unwrap().push(host.to_owned());
        let cx = AuthContext { http: &self.http, now, token_cache: &self.tokens, secret_sent_to: &told };
        call(&cx).await
    }

    /// Sends an authenticated `GET` of `url`, as the http action does.
    async fn get(&self, credential: &Arc<Credential>, url: &str) -> Result<Response, ActionError> {
        self.get_at(0, credential, url).await
    }

    async fn get_at(
        &self,
        seconds: u64,
        credential: &Arc<Credential>,
        url: &str,
    ) -> Result<Response, ActionError> {
        let request = OutgoingRequest::new(http::Method::GET, credential.url(url)?);
        let mut options = SendOptions::default();
        credential.configure(&mut options)?;
        self.at(seconds, async |cx| {
            self.http.send_signed(request, &options, Some(&credential.signer(cx))).await
        })
        .await
    }

    async fn verify(&self, credential: &Arc<Credential>) -> Result<(), ActionError> {
        self.at(0, async |cx| actions::connection_types::verify(credential, cx, &policy()).await).await
    }
}

fn policy() -> NetworkPolicy {
    NetworkPolicy { allow_private: true, ..NetworkPolicy::default() }
}

/// A credential of a type made of `rest`, with fields `base_url`, `user` and the secrets `secret` and `other`.
fn credential(rest: &str, attributes: &[(&str, &str)]) -> Arc<Credential> {
    let document = format!(
        "
name: acme
display_name: Acme
description: The Acme console.
category: endpoint
plugin_name: acme
documentation_url: https://acme.example/docs
fields:
  - {{name: base_url, display_name: Address, input_type: url}}
  - {{name: user, display_name: User}}
  - {{name: secret, display_name: Secret, input_type: textarea, secret: true}}
  - {{name: other, display_name: Other, input_type: password, secret: true}}
  - {{name: method, display_name: Method, input_type: select, options: [one, two], default: one}}
base_url: '{{base_url}}'
allowed_hosts: ['{{base_url}}']
{rest}"
    );
    let kind = ConnectionType::from_yaml("acme.yaml", &document).unwrap();
    of_type(Arc::new(kind), attributes)
}

fn of_type(kind: Arc<ConnectionType>, attributes: &[(&str, &str)]) -> Arc<Credential> {
    let attributes: Attributes =
        attributes.iter().map(|(name, text)| ((*name).to_owned(), (*text).into())).collect();
    Arc::new(Credential::new(kind, &attributes))
}

/// The code and message of what must have failed.
fn failure<T>(result: Result<T, ActionError>) -> (ErrorCode, String) {
    match result {
        Ok(_) => panic!("succeeded"),
        Err(error) => (error.code, error.message),
    }
}
