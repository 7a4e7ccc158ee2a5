//! What an expression is evaluated against: its roots, the instant and the randomness of the evaluation,
//! and its limits. All of it is handed in; the evaluator itself knows no clock and no generator.

use types::{Rng, Timestamp};

use crate::value::lookup;
use crate::{Limits, Map, Value};

/// The roots that an expression can name, such as `inputs` and `steps`.
pub trait Scope {
    /// The value of a root; `None` if there is none of that name, which reads as `nil`.
    fn root(&self, name: &str) -> Option<&Value>;

    /// The names of the roots, for `$env` and for hints.
    fn names(&self) -> Vec<&str>;
}

impl Scope for Map {
    fn root(&self, name: &str) -> Option<&Value> {
        lookup(self, name)
    }

    fn names(&self) -> Vec<&str> {
        self.keys().map(AsRef::as_ref).collect()
    }
}

/// What one evaluation needs.
pub struct Context<'a> {
    /// The roots.
    pub scope: &'a dyn Scope,
    /// What `now()` answers, the same throughout the evaluation.
    pub now: Timestamp,
    /// Where `random_uuid()` takes its bytes from.
    pub rng: &'a mut dyn Rng,
    /// What the evaluation may use up.
    pub limits: &'a Limits,
}

impl<'a> Context<'a> {
    /// A context with the default limits.
    pub fn new(scope: &'a dyn Scope, now: Timestamp, rng: &'a mut dyn Rng) -> Self {
        static DEFAULT: Limits = Limits::DEFAULT;
        Self { scope, now, rng, limits: &DEFAULT }
    }

    /// The same context with other limits.
    pub fn with_limits(self, limits: &'a Limits) -> Self {
        Self { limits, ..self }
    }
}
