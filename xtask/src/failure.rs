//! Why a command did not do its work, as one sentence for the person at the terminal.
//! There is one kind of failure here: nothing in this crate decides by the kind.

use std::fmt;

/// A sentence: lowercase, no full stop, naming the thing and the value.
#[derive(Debug)]
pub(crate) struct Failure(String);

/// What a command gives back.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Says what was being done when something below failed.
pub(crate) trait Context<T> {
    /// `doing` completes the sentence "cannot ...".
    fn context(self, doing: impl fmt::Display) -> Outcome<T>;
}

impl<T, E: fmt::Display> Context<T> for Result<T, E> {
    fn context(self, doing: impl fmt::Display) -> Outcome<T> {
        self.map_err(|error| Failure(format!("cannot {doing}: {error}")))
    }
}
