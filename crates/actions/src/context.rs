//! What an action is given and where it speaks to while it runs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value as Json};
use types::{Clock, ConnectionId};

use crate::connection_types::Credential;
use crate::http::{HttpClient, TokenCache};
use crate::{ActionError, ActionSpec, CodeHost};

/// An action that a runner carries out. One value per action; it keeps no state between runs.
pub trait Effect: Send + Sync {
    /// What the catalog says about it.
    fn spec(&self) -> ActionSpec;

    /// Does it once. Dropping the future stops it; what has gone out by then has gone out.
    fn run<'a>(&'a self, cx: ActionContext<'a>) -> BoxFuture<'a, Result<Json, ActionError>>;
}

/// Everything that one attempt of an action may use.
#[derive(Clone, Copy)]
pub struct ActionContext<'a> {
    /// The inputs by name, every expression evaluated.
    pub inputs: &'a Map<String, Json>,
    /// What the step's program sees of the run, a JSON object; none if it may read nothing of it.
    pub context: Option<&'a str>,
    /// The folder of the Python packages that its code imports.
    pub packages: Option<&'a Path>,
    /// The connections that the step names, opened.
    pub connections: &'a [Connection],
    /// What is left for the attempt. The runner ends it then in any case; an action that knows its own
    /// time can say better what it waited for.
    pub timeout: Duration,
    /// The same for all attempts of the step in the run.
    pub idempotency_key: &'a str,
    /// The whole answer is wanted, not the body alone.
    pub include_full_response: bool,
    /// The way out, under the attempt's network policy.
    pub http: &'a HttpClient,
    /// Where code is run.
    pub code: &'a CodeHost,
    /// Tokens fetched by earlier attempts.
    pub token_cache: &'a TokenCache,
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// Where it speaks to.
    pub sink: &'a dyn Sink,
}

/// A connection, opened for one attempt. No `Debug`: the credential holds plaintext.
#[derive(Clone)]
pub struct Connection {
    /// The connection.
    pub id: ConnectionId,
    /// Its name, for messages.
    pub name: String,
    /// Its type and attributes.
    pub credential: Arc<Credential>,
}

/// Hears what an action has to say while it runs. The runner redacts what it hears.
pub trait Sink: Send + Sync {
    /// A line for the run's log.
    fn log(&self, line: &str);

    /// The run's variable `name` is `value` from now on, if the action succeeds.
    fn set_variable(&self, name: String, value: Json);

    /// A secret of `connection` is about to go to `host` (`host` or `host:port`).
    fn secret_used(&self, connection: ConnectionId, host: &str);
}
