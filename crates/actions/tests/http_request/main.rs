//! `http.requestV2` at its outer boundary: against servers on this machine, with a resolver that answers
//! what the test wants.

// Helpers of a test may stop it: clippy's leave covers the test functions only.
#![allow(clippy::unwrap_used, clippy::panic)]

mod authenticated;
mod guarded;
mod limits;
mod plain;
mod redirects;
mod server;
mod tls;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actions::connection_types::{Credential, Registry};
use actions::guard::NetworkPolicy;
use actions::http::{HttpClient, Resolver, TokenCache};
use actions::{ActionContext, ActionError, Catalog, CodeHost, Connection, Sink};
use futures_util::future::BoxFuture;
use secrets::Secret;
use serde_json::Value as Json;
use types::{ConnectionId, FixedClock, Timestamp};

/// A runner's share of the world.
struct World {
    http: HttpClient,
    names: Arc<Names>,
    tokens: TokenCache,
    connections: Vec<Connection>,
    timeout: Duration,
    full: bool,
    heard: Heard,
}

impl World {
    /// A world whose names all lead to this machine, which may be reached.
    fn open() -> Self {
        Self::under(NetworkPolicy { allow_private: true, ..NetworkPolicy::default() })
    }

    fn under(policy: NetworkPolicy) -> Self {
        let names = Arc::new(Names::default());
        Self {
            http: HttpClient::with_resolver(policy, names.clone()),
            names,
            tokens: TokenCache::default(),
            connections: Vec::new(),
            timeout: Duration::from_secs(20),
            full: false,
            heard: Heard::default(),
        }
    }

    /// Adds a connection of a type that ships.
    fn connected(mut self, type_name: &str, attributes: &[(&str, &str)]) -> Self {
        let kind = Registry::builtin().get(type_name).unwrap().clone();
        let attributes =
            attributes.iter().map(|(name, value)| ((*name).to_owned(), Secret::from(*value))).collect();
        let credential = Arc::new(Credential::new(kind, &attributes));
        self.connections.push(Connection {
            id: ConnectionId::of_name("c"),
            name: "my connection".to_owned(),
            credential,
        });
        self
    }

    async fn run(&self, inputs: Json) -> Result<Json, ActionError> {
        let action = Catalog::builtin().effect("http.requestV2").unwrap();
        let clock = FixedClock::new(Timestamp::from_millis(1_700_000_000_000));
        let cx = ActionContext {
            inputs: inputs.as_object().unwrap(),
            context: None,
            packages: None,
            connections: &self.connections,
            timeout: self.timeout,
            idempotency_key: "run-1/S1",
            include_full_response: self.full,
            http: &self.http,
            code: &CodeHost::off(),
            token_cache: &self.tokens,
            clock: &clock,
            sink: &self.heard,
        };
        action.run(cx).await
    }

    /// The code and sentence of the failure.
    async fn failure(&self, inputs: Json) -> String {
        let error = self.run(inputs).await.unwrap_err();
        format!("{}: {}", error.code.as_str(), error.message)
    }
}

/// A resolver that knows what the test told it; every other name is this machine.
#[derive(Default)]
struct Names {
    known: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    /// `name` has these addresses, separated by spaces; told several times, they answer in turn, and the
    /// last one stays.
    fn tell(&self, name: &str, addresses: &str) {
        let addresses = addresses.split_whitespace().map(|address| address.parse().unwrap()).collect();
        self.known.lock().unwrap().entry(name.to_owned()).or_default().push_back(addresses);
    }
}

impl Resolver for Names {
    fn resolve(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let answers =
            self.known.lock().unwrap().get_mut(&host).map(|answers| {
                if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() }
            });
        self.asked.lock().unwrap().push(host);
        Box::pin(async { Ok(answers.unwrap_or_else(|| vec![[127, 0, 0, 1].into()])) })
    }
}

/// What the action said.
#[derive(Default)]
struct Heard {
    lines: Mutex<Vec<String>>,
    secret_uses: Mutex<Vec<String>>,
}

impl Sink for Heard {
    fn log(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }

    fn set_variable(&self, _: String, _: Json) {}

    fn secret_used(&self, connection: ConnectionId, host: &str) {
        assert_eq!(connection, ConnectionId::of_name("c"));
        self.secret_uses.lock().unwrap().push(host.to_owned());
    }
}
