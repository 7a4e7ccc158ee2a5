//! How an attempt ended.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use types::{ConnectionId, Timestamp};

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Outcome {
    /// It has an output.
    Succeeded {
        /// The step's output.
        output: Json,
        /// The variables that the action sets, by name.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        variables: Map<String, Json>,
    },
    /// It failed.
    Failed {
        /// Why.
        error: ActionError,
    },
    /// It was stopped because the server asked for it.
    Cancelled,
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionError {
    /// A documented code, `http_status`.
    pub code: String,
    /// One sentence for people.
    pub message: String,
    /// Whether the same attempt may succeed later with nothing changed. Says nothing of whether it may
    /// have happened already.
    #[serde(default)]
    pub retryable: bool,
    /// More for programs, such as the status and body of an HTTP answer.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub data: Json,
}

/// A connection's secret went to a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretUse {
    /// The connection.
    pub connection_id: ConnectionId,
    /// `host`, or `host:port` if the port is not the scheme's own.
    pub host: String,
    /// When.
    pub at: Timestamp,
}
