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
use types::{RunnerId, Timestamp};

pub use assignment::{Assignment, AttemptToken, ConnectionGrant, NetworkPolicy};
pub use outcome::{ActionError, Outcome, SecretUse};

/// The version of these messages. The server speaks the lower of its own and the runner's.
pub const PROTOCOL_VERSION: u32 = 3;
/// The oldest version that a server speaks. Version 2 knows neither [`ToRunner::Received`] and [`ToRunner::Beat`] nor
/// [`ToServer::Draining`] and [`ToServer::Goodbye`], and its runner does not say who it is.
pub const PROTOCOL_VERSION_MIN: u32 = 2;

/// The status with which a server closes the websocket of a runner that it will not have however often it comes: what the
/// runner says of itself cannot be. The reason is beside it.
pub const CLOSED_REFUSED: u16 = 4000;

/// What a server says to a runner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToRunner {
    /// The answer to [`ToServer::Hello`]: work may come.
    Welcome {
        /// The version that both speak from now on.
        version: u32,
        /// Milliseconds between two heartbeats. After three missed ones the runner counts as gone.
        heartbeat_ms: u64,
    },
    /// Run one attempt of a step.
    Assign {
        /// Everything that the runner needs for it.
        assignment: Box<Assignment>,
    },
    /// The answer to a heartbeat, since version 3: how long the runner may begin attempts of that term of the server's
    /// lease, counted from when it sent the heartbeat.
    Beat {
        /// That of the heartbeat.
        beat: u64,
        /// The term.
        term: u64,
        /// Milliseconds.
        holds_ms: u64,
    },
    /// The reports on these attempts have arrived, since version 3: the runner need not keep them.
    Received {
        /// Which ones.
        tokens: Vec<AttemptToken>,
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
        /// Who it is, since version 3; absent for one that cannot be told again when it comes back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        runner: Option<RunnerInfo>,
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
        /// Counts from 1, since version 3; 0: no answer is wanted.
        #[serde(default, skip_serializing_if = "is_zero")]
        beat: u64,
    },
    /// The runner takes no more attempts, since version 3; those that come all the same are not begun.
    Draining,
    /// The last message, since version 3: there is nothing left to report, and the runner does not come back.
    Goodbye,
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

/// A runner that comes back after its link was cut is told by its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerInfo {
    /// New at each start of the process.
    pub id: RunnerId,
    /// What its operator calls it.
    pub name: String,
    /// The program's version.
    pub software: String,
    /// The attempts that it has received and not been told [`ToRunner::Received`] of.
    #[serde(default)]
    pub held: Vec<AttemptToken>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde hands a reference
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests;
