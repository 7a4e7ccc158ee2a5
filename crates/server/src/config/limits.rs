//! Section `limits`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::driver::Bounds;

/// How much runs at a time. A run is active while something of it is in flight, not while it sleeps or is paused.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Active runs of this server; more are queued.
    pub executions_active_max: usize,
    /// Active runs of one tenant on this server; more are queued.
    pub executions_active_per_tenant_max: usize,
    /// Active runs of one workspace on this server; more are queued.
    pub executions_active_per_workspace_max: usize,
    /// Runs that this server keeps in memory, sleeping and paused ones too; more are queued.
    pub executions_held_max: usize,
    /// Queued runs of this server; past it new ones are answered with 429.
    pub executions_queued_max: usize,
    /// Queued runs of one workspace on this server; past it new ones are answered with 429.
    pub executions_queued_per_workspace_max: usize,
    /// Steps that the embedded runner carries out at a time; more wait.
    pub runner_capacity: usize,
    /// Milliseconds that a run may take if its workflow does not say.
    pub execution_run_time_ms: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            executions_active_max: 1_000,
            executions_active_per_tenant_max: 500,
            executions_active_per_workspace_max: 200,
            executions_held_max: 50_000,
            executions_queued_max: 100_000,
            executions_queued_per_workspace_max: 10_000,
            runner_capacity: 64,
            execution_run_time_ms: types::limits::EXECUTION_RUN_TIME_MS_DEFAULT,
        }
    }
}

impl Limits {
    /// What the driver keeps to.
    pub(crate) fn bounds(&self) -> Bounds {
        Bounds {
            active: self.executions_active_max,
            active_per_tenant: self.executions_active_per_tenant_max,
            active_per_workspace: self.executions_active_per_workspace_max,
            held: self.executions_held_max,
            queued: self.executions_queued_max,
            queued_per_workspace: self.executions_queued_per_workspace_max,
        }
    }
}
