//! The Python packages of a local run: resolved when the first step needs them, and the same for the rest of it.

use std::collections::HashMap;
use std::sync::Arc;

use actions::CodeHost;
use engine::{Packages, StepError};
use types::Requirement;

/// What has been resolved.
pub(super) struct Locks {
    code: Arc<CodeHost>,
    known: HashMap<Arc<[Requirement]>, String>,
}

impl Locks {
    pub(super) fn new(code: Arc<CodeHost>) -> Self {
        Self { code, known: HashMap::new() }
    }

    /// The lock that a step's code is run with; none if it requires nothing.
    pub(super) async fn of(&mut self, packages: Option<&Packages>) -> Result<Option<String>, StepError> {
        let Some(Packages { requirements, .. }) = packages else { return Ok(None) };
        if let Some(known) = self.known.get(requirements) {
            return Ok(Some(known.clone()));
        }
        let resolved = self.code.lock(requirements).await;
        let lock = resolved.map_err(|error| StepError::new(error.code.as_str(), error.message))?;
        self.known.insert(Arc::clone(requirements), lock.clone());
        Ok(Some(lock))
    }
}
