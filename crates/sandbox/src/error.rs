//! Why a program was not run. How a program that was run ended is no error: see [`crate::End`].

use crate::Language;

/// Why a program was not run, or why nothing is known of it.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The kernel forbids a part that the sandbox must have, and the operator did not accept less.
    #[error("the sandbox cannot be used: {0}")]
    Forbidden(String),
    /// The host process did not come up.
    #[error("the sandbox's host process did not start: {0}")]
    Start(String),
    /// A language cannot be had on this machine.
    #[error("code in {language} cannot be run: {why}")]
    NoLanguage {
        /// Which.
        language: Language,
        /// Why.
        why: String,
    },
    /// The program is out of bounds.
    #[error("{0}")]
    Invalid(String),
    /// The program's place could not be prepared.
    #[error("the sandbox could not be prepared: {0}")]
    Prepare(String),
    /// The host process or the interpreter that the program was forked from died. The program is gone too; another
    /// host is started for the next one.
    #[error("the sandbox's {0} died while the program ran")]
    Lost(&'static str),
    /// The sandbox was given up by its owner.
    #[error("the sandbox is closed")]
    Closed,
}

impl SandboxError {
    /// Whether the same program may well succeed when it is tried again. That it was not partly run is not said.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Prepare(_))
    }

    pub(crate) fn invalid(text: String) -> Self {
        Self::Invalid(text)
    }
}
