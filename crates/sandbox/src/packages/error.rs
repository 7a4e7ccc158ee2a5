//! Why packages could not be resolved or installed. No message holds what is hidden of the settings.

use std::time::Duration;

/// Why packages could not be resolved or installed.
#[derive(Debug, thiserror::Error)]
pub enum PackagesError {
    /// There is no `uv`, or it does not start.
    #[error("packages need `uv`: {0}")]
    NoUv(String),
    /// A setting, the requirements or a lock are out of bounds.
    #[error("{0}")]
    Invalid(String),
    /// The interpreter does not say what it is, or is older than the lock is for.
    #[error("{0}")]
    Interpreter(String),
    /// The index has nothing that fits; what `uv` said.
    #[error("the packages cannot be resolved: {0}")]
    Resolve(String),
    /// A file could not be fetched, or is another one than was locked; what `uv` said.
    #[error("the packages cannot be installed: {0}")]
    Install(String),
    /// An environment or what was fetched for it is larger than it may be.
    #[error("{0}")]
    TooLarge(String),
    /// It was killed, or given up.
    #[error("{doing} took longer than `{}` s", limit.as_secs_f64())]
    TimedOut {
        /// What took so long.
        doing: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// The folder of packages cannot be used.
    #[error("the folder of packages: {0}")]
    Folder(String),
}

impl PackagesError {
    /// Whether the same call may well succeed when it is tried again. What `uv` says may be of either kind and counts as
    /// final.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::TimedOut { .. } | Self::Folder(_))
    }
}
