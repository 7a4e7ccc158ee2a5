//! Section `history`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much of the past is kept. Runs that have not ended are always kept.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct History {
    /// Days that a run is kept after its end; 0: any number.
    pub executions_age_days_max: u32,
    /// Runs that a workspace keeps, the newest ones; 0: any number.
    pub executions_per_workspace_max: u32,
    /// Milliseconds between two looks for runs that are to be deleted.
    pub sweep_pause_ms: u64,
}

impl Default for History {
    fn default() -> Self {
        Self { executions_age_days_max: 90, executions_per_workspace_max: 100_000, sweep_pause_ms: 60_000 }
    }
}

impl History {
    /// [`History::executions_age_days_max`] as a length of time, if there is a bound.
    pub fn age_max(&self) -> Option<Duration> {
        let days = u64::from(self.executions_age_days_max);
        (days > 0).then(|| Duration::from_secs(days * 24 * 60 * 60))
    }

    /// [`History::sweep_pause_ms`] as a length of time.
    pub fn sweep_pause(&self) -> Duration {
        Duration::from_millis(self.sweep_pause_ms)
    }
}
