//! Section `sessions`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How long people stay signed in. Keys of the API have no end.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sessions {
    /// Milliseconds after its last use for which a session is good; at least 120000.
    pub idle_timeout_ms: u64,
    /// Milliseconds after signing in for which a session is good, however much it is used; at least 120000.
    pub age_ms_max: u64,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { idle_timeout_ms: 12 * 60 * 60 * 1000, age_ms_max: 7 * 24 * 60 * 60 * 1000 }
    }
}

impl Sessions {
    /// [`Sessions::idle_timeout_ms`] as a length of time.
    pub fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    /// [`Sessions::age_ms_max`] as a length of time.
    pub fn age_max(&self) -> Duration {
        Duration::from_millis(self.age_ms_max)
    }
}
