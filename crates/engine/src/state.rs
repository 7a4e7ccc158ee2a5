//! How runs and steps stand, and why they failed, as the journal and the API name it.

use serde::{Deserialize, Serialize};

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepError {
    /// A documented code, `http_status`.
    pub code: String,
    /// For people; holds no secret.
    pub message: String,
}

impl StepError {
    /// An error whose message is cut to [`crate::limits::ERROR_MESSAGE_BYTES_MAX`].
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > crate::limits::ERROR_MESSAGE_BYTES_MAX {
            let mut end = crate::limits::ERROR_MESSAGE_BYTES_MAX;
            while !message.is_char_boundary(end) {
                end -= 1;
            }
            message.truncate(end);
            message.push('…');
        }
        Self { code: code.into(), message }
    }
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    /// The step's error code, or one of the run's own: `execution_timeout`, `step_limit`, `output_error`.
    pub code: String,
    /// For people; holds no secret.
    pub message: String,
    /// The path of the step that brought it about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // the names say it
pub enum RunState {
    Queued,
    Running,
    Waiting,
    Paused,
    Completed,
    Failed,
    Cancelled,
    TimedOut,
}

impl RunState {
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

    /// The name in the database and in the field `state`.
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

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether nothing can happen any more.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::TimedOut)
    }
}

/// How a step ended, or that it has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // the names say it
pub enum StepState {
    Running,
    #[serde(rename = "OK")]
    Ok,
    Failed,
    Skipped,
    Cancelled,
    InDoubt,
}

impl StepState {
    /// The name in the field `state` of a step and in `steps.<id>.status`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Ok => "OK",
            Self::Failed => "Failed",
            Self::Skipped => "Skipped",
            Self::Cancelled => "Cancelled",
            Self::InDoubt => "InDoubt",
        }
    }

    /// The number in `step_results`, which clients decode as an integer.
    pub const fn as_number(self) -> i64 {
        match self {
            Self::Running => 0,
            Self::Ok => 1,
            Self::Failed => 2,
            Self::Skipped => 3,
            Self::Cancelled => 4,
            Self::InDoubt => 5,
        }
    }
}
