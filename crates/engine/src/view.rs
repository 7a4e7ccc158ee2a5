//! What others may know of a run.

use std::collections::BTreeMap;

use expr::{Map, Value};
use types::Timestamp;

use crate::entry::{RunError, RunState};
use crate::execution::Execution;
use crate::strand::PendingEffect;

impl Execution {
    /// Where it stands.
    pub fn state(&self) -> RunState {
        self.state
    }

    /// The workflow's outputs; empty unless it completed.
    pub fn outputs(&self) -> &Map {
        &self.outputs
    }

    /// Why it failed or timed out.
    pub fn error(&self) -> Option<&RunError> {
        self.error.as_ref()
    }

    /// Why it was cancelled.
    pub fn cancel_reason(&self) -> Option<&str> {
        self.cancel_reason.as_deref()
    }

    /// Step id -> [`StepState::as_number`], for every step that has begun.
    pub fn step_results(&self) -> &BTreeMap<String, i64> {
        &self.step_results
    }

    /// The bound inputs.
    pub fn inputs(&self) -> &Value {
        &self.scope.inputs
    }

    /// What `metadata.*` answers.
    pub fn metadata(&self) -> &Value {
        &self.scope.metadata
    }

    /// When it began.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// When it ended.
    pub fn finished_at(&self) -> Option<Timestamp> {
        self.finished_at
    }

    /// Milliseconds from start to end without the waits; 0 until it ended.
    pub fn net_runtime_ms(&self) -> i64 {
        let net = self.finished_at.map(|end| end.since(self.started_at).saturating_sub(self.waited));
        i64::try_from(net.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
    }

    /// When the attempt that is under way at `path` is given up if its runner, which began with it at `began_at`,
    /// says nothing more: the driver sends [`Event::AttemptOverdue`](crate::Event::AttemptOverdue) then. The time that
    /// an attempt waits for its turn at the runner does not count, so the engine cannot set this timer itself.
    pub fn attempt_due(&self, path: &str, began_at: Timestamp) -> Option<Timestamp> {
        let effect = self.pending_effects().find(|effect| effect.path == path)?;
        Some(crate::attempt::due(effect, began_at))
    }

    /// The dispatched attempts that have not reported, at most one for each step path. After a restore nobody works
    /// on them any more: the driver says so with [`Event::AttemptLost`](crate::Event::AttemptLost) for each that is
    /// not [in doubt](PendingEffect::in_doubt) already, also if the run is paused.
    pub fn pending_effects(&self) -> impl Iterator<Item = &PendingEffect> {
        self.strands.iter().filter_map(|(_, strand)| strand.effect())
    }
}
