//! How far a run is: the word in the database and the word of the public API.

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExecutionState {
    /// Accepted, not started.
    Queued,
    /// A step runs, or is about to.
    Running,
    /// Nothing runs until a time comes or somebody answers.
    Waiting,
    /// Stopped until somebody decides.
    Paused,
    /// Ended well.
    Completed,
    /// Ended by an error.
    Failed,
    /// Ended by somebody.
    Cancelled,
    /// Ended because it took too long.
    TimedOut,
}

impl ExecutionState {
    /// Every state there is.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Running,
        Self::Waiting,
        Self::Paused,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::TimedOut,
    ];

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
        }
    }

    /// The word of the public API: `state` and `state_ui`.
    pub const fn public_name(self) -> &'static str {
        match self {
            Self::Queued => "Queued",
            Self::Running => "Running",
            Self::Waiting => "Pending",
            Self::Paused => "Paused",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
            Self::TimedOut => "Timeout",
        }
    }

    /// The state of that word in the database.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether the run has ended.
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::TimedOut)
    }
}

/// The public word, for lists to compare with.
pub(super) const PUBLIC_STATE: &str = "CASE state WHEN 'queued' THEN 'Queued' WHEN 'running' THEN 'Running' \
     WHEN 'waiting' THEN 'Pending' WHEN 'paused' THEN 'Paused' WHEN 'completed' THEN 'Completed' \
     WHEN 'failed' THEN 'Failed' WHEN 'cancelled' THEN 'Cancelled' ELSE 'Timeout' END";

/// The public words, each beside the database's.
pub(super) const PUBLIC_STATES: &[(&str, &str)] = &{
    let mut words = [("", ""); ExecutionState::ALL.len()];
    let mut index = 0;
    while index < words.len() {
        let state = ExecutionState::ALL[index];
        words[index] = (state.public_name(), state.as_str());
        index += 1;
    }
    words
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sql_knows_the_same_public_words() {
        for state in ExecutionState::ALL {
            let arm = format!("WHEN '{}' THEN '{}'", state.as_str(), state.public_name());
            let is_last = state == ExecutionState::TimedOut && PUBLIC_STATE.ends_with("ELSE 'Timeout' END");
            assert!(PUBLIC_STATE.contains(&arm) || is_last, "{state:?}");
            assert_eq!(ExecutionState::from_name(state.as_str()), Some(state));
        }
    }
}
