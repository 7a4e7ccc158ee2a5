//! Messages between server and runner, and their version.
//!
//! Plain data with a JSON form; who sends them over what is not decided here, an embedded runner speaks
//! the same ones over a channel. No message holds a secret in plaintext: what a connection holds travels
//! sealed, so that a message may be printed, logged or stored.
//!
//! A link begins with the runner's [`ToServer::Hello`], answered by [`ToRunner::Welcome`]. Unknown fields
//! are ignored, so that adding an optional one needs no new version; anything else does.

mod assignment;
mod outcome;

use serde::{Deserialize, Serialize};
use types::Timestamp;

pub use assignment::{Assignment, AttemptToken, ConnectionGrant, NetworkPolicy};
pub use outcome::{ActionError, Outcome, SecretUse};

/// The version of these messages. Server and runner must agree on it.
pub const PROTOCOL_VERSION: u32 = 2;

/// What a server says to a runner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToRunner {
    /// The answer to [`ToServer::Hello`]: work may come.
    Welcome {
        /// The server's [`PROTOCOL_VERSION`].
        version: u32,
        /// Milliseconds between two heartbeats. After three missed ones the runner counts as gone.
        heartbeat_ms: u64,
    },
    /// Run one attempt of a step.
    Assign {
        /// Everything that the runner needs for it.
        assignment: Box<Assignment>,
    },
    /// Stop an attempt. It is still reported as finished, as cancelled if it was in time.
    Cancel {
        /// Which one.
        token: AttemptToken,
    },
}

/// What a runner says to a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToServer {
    /// The first message.
    Hello {
        /// The runner's [`PROTOCOL_VERSION`].
        version: u32,
        /// What the runner is for: the group a workflow names, the network it stands in.
        labels: Vec<String>,
        /// Attempts that it runs at the same time.
        capacity: u32,
    },
    /// An attempt has begun.
    Started {
        /// Which one.
        token: AttemptToken,
        /// When.
        at: Timestamp,
    },
    /// A line that an attempt wrote, redacted.
    Log {
        /// Which one.
        token: AttemptToken,
        /// When.
        at: Timestamp,
        /// Without the line's end.
        line: String,
    },
    /// The runner lives.
    Heartbeat {
        /// The attempts that it is running. One that the server believes here and that is missing is lost.
        running: Vec<AttemptToken>,
    },
    /// An attempt was not begun, and will not be: the term of the lease that it was assigned under had ended.
    NotBegun {
        /// Which one.
        token: AttemptToken,
    },
    /// An attempt has ended. Said once for every assignment that was received and begun.
    Finished {
        /// Which one.
        token: AttemptToken,
        /// How it ended, redacted.
        outcome: Outcome,
        /// Where its connections' secrets went, for the audit log.
        secret_uses: Vec<SecretUse>,
    },
}

#[cfg(test)]
mod tests;
