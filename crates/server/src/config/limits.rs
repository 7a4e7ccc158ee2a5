//! Section `limits`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much runs at a time.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Runs in flight on this server; past it new ones are answered with 429.
    pub executions_in_flight_max: usize,
    /// Steps that the embedded runner carries out at a time; more wait.
    pub runner_capacity: usize,
    /// Milliseconds that a run may take if its workflow does not say.
    pub execution_run_time_ms: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            executions_in_flight_max: 10_000,
            runner_capacity: 64,
            execution_run_time_ms: types::limits::EXECUTION_RUN_TIME_MS_DEFAULT,
        }
    }
}
