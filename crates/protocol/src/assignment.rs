//! What a runner is given to do.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use types::{ConnectionId, ExecutionId};

/// Names one attempt of one step, never used twice. A report with the token of an older attempt is ignored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptToken(String);

impl AttemptToken {
    /// A token of that text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AttemptToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One attempt of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// The attempt.
    pub token: AttemptToken,
    /// The run that the step belongs to.
    pub execution_id: ExecutionId,
    /// The step's id in the workflow.
    pub step_id: String,
    /// The step's path in the run, loop turns included: `S4[3].S6`.
    pub path: String,
    /// Counts from 1.
    pub attempt: u32,
    /// The action's full name, `http.requestV2`.
    pub action: String,
    /// The action's inputs, every expression evaluated: an object.
    pub inputs: Json,
    /// What the action's program sees of the run: a JSON object of `inputs`, `steps`, `variables`, `event` and
    /// `metadata`, those that it may read. As text, because nobody between engine and program reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The Python packages that its code imports: exact versions and hashes of files, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<String>,
    /// The connections that the step names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<ConnectionGrant>,
    /// Milliseconds until the attempt fails with `timeout`.
    pub timeout_ms: u64,
    /// The same for all attempts of the step in the run: services that take one do the thing once.
    pub idempotency_key: String,
    /// The action's whole answer (status, headers, body) instead of the body alone.
    #[serde(default)]
    pub include_full_response: bool,
    /// Which networks the attempt may reach.
    #[serde(default)]
    pub network: NetworkPolicy,
    /// The term of the server's lease in which the attempt was written down: it may begin as long as that holds.
    #[serde(default)]
    pub lease_term: u64,
}

/// The use of one connection by one attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConnectionGrant {
    /// The connection.
    pub id: ConnectionId,
    /// Its name, for messages.
    pub name: String,
    /// The key under which the step names it.
    pub type_name: String,
    /// The type's definition; absent for a type that the runner has itself under `type_name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<Json>,
    /// The runner's secret manager that keeps the secrets: the secret attributes are what they are called there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_manager: Option<String>,
    /// All attributes, sealed under the link's session key for this attempt's token.
    pub sealed_attributes: String,
}

/// What an attempt may reach beyond the public Internet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkPolicy {
    /// Loopback and private networks. Metadata addresses stay closed.
    #[serde(default)]
    pub allow_private: bool,
    /// Networks that are open whatever they are, `10.1.0.0/16`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_networks: Vec<String>,
    /// Single ports of single addresses that are open whatever they are, `127.0.0.1:8700`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_endpoints: Vec<String>,
}
