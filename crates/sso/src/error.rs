//! Why somebody could not be signed in, for those who are told and for those who look into it.

use std::error::Error;

/// Why a provider's word could not be had, or not be believed. The texts are for logs and the audit log: they name no
/// secret, and may name what the provider said.
#[derive(Debug, thiserror::Error)]
pub enum SsoError {
    /// The provider is configured so that it cannot be asked.
    #[error("{0}")]
    Settings(String),
    /// The provider cannot be reached, is too slow, or fails.
    #[error("the provider does not answer: {0}")]
    Unavailable(String),
    /// The provider answers something that no provider answers.
    #[error("the provider's answer cannot be used: {0}")]
    Unusable(String),
    /// The provider does not take the code.
    #[error("the provider refuses the code: {0}")]
    CodeRefused(String),
    /// The ID token, or what goes with it, must not be believed.
    #[error("the ID token is refused: {0}")]
    TokenRefused(String),
}

/// Characters of what a provider said that are repeated.
const SAID_CHARS_MAX: usize = 300;

/// An error with its causes, short and in one line: much of it is written by others.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text.chars().filter(|c| !c.is_control()).take(SAID_CHARS_MAX).collect()
}
