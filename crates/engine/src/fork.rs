//! A fork: what a strand knows of the strands that it waits for, and when it has waited long enough.

use std::collections::BTreeMap;
use std::sync::Arc;

use expr::{Map, Value};
use workflow::plan::{PlanStep, StepIndex};

use crate::entry::{RunError, StepError, StepFinished, StepState};
use crate::scope::{Shown, Variables};

#[derive(Clone, Debug)]
pub(crate) struct Fork {
    /// The step that made it.
    pub(crate) step: StepIndex,
    /// Strands that are on their way.
    pub(crate) running: usize,
    /// The failure that it failed with, or may fail with.
    pub(crate) failure: Option<RunError>,
    pub(crate) kind: ForkKind,
}

#[derive(Clone, Debug)]
pub(crate) enum ForkKind {
    Turns(Turns),
    Branches(Branches),
}

/// The turns of a concurrent loop.
#[derive(Clone, Debug)]
pub(crate) struct Turns {
    pub(crate) items: Arc<[Value]>,
    /// The turn that begins next.
    pub(crate) next: usize,
    /// Turns at a time.
    pub(crate) width: usize,
    /// What the last turn left, or the one that failed: what is seen of the loop's body after it.
    pub(crate) left: Option<Left>,
}

#[derive(Clone, Debug)]
pub(crate) struct Left {
    pub(crate) turn: usize,
    pub(crate) shown: Shown,
    pub(crate) own: Variables,
}

/// The branches of an `internal.parallel`.
#[derive(Clone, Debug)]
pub(crate) struct Branches {
    pub(crate) count: usize,
    /// So many must succeed.
    pub(crate) needed: usize,
    /// How they ended, in this order.
    pub(crate) ended: Vec<EndedBranch>,
    /// The variables of the loops in each: seen after the parallel, not before, and those of the later branches win.
    pub(crate) own: BTreeMap<StepIndex, Variables>,
}

#[derive(Clone, Debug)]
pub(crate) struct EndedBranch {
    id: String,
    state: StepState,
    error: Option<StepError>,
    /// It counts as done, whatever its state.
    succeeded: bool,
}

/// How a fork came out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    Done,
    Failed(RunError),
}

impl Fork {
    /// None as long as it is open.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        match &self.kind {
            ForkKind::Turns(turns) => match &self.failure {
                Some(error) => Some(Verdict::Failed(error.clone())),
                None => (self.running == 0 && turns.next == turns.items.len()).then_some(Verdict::Done),
            },
            ForkKind::Branches(branches) => {
                let succeeded = branches.succeeded();
                if succeeded >= branches.needed {
                    return Some(Verdict::Done);
                }
                let failed = succeeded + self.running < branches.needed;
                failed.then(|| Verdict::Failed(self.failure.clone().unwrap_or_else(cancelled)))
            }
        }
    }

    /// Strands that it may have at a time.
    pub(crate) fn width(&self) -> usize {
        match &self.kind {
            ForkKind::Turns(turns) => turns.width.min(turns.items.len()),
            ForkKind::Branches(branches) => branches.count,
        }
    }

    /// A turn has ended; with a failure or without.
    pub(crate) fn turn_ended(&mut self, left: Left, failing: Option<RunError>) {
        self.running = self.running.saturating_sub(1);
        let ForkKind::Turns(turns) = &mut self.kind else { return };
        if self.failure.is_some() {
            return;
        }
        if failing.is_some() || turns.left.as_ref().is_none_or(|last| last.turn < left.turn) {
            turns.left = Some(left);
        }
        self.failure = failing;
    }

    /// A branch has ended.
    pub(crate) fn branch_ended(
        &mut self,
        branch: StepIndex,
        own: Variables,
        finished: &StepFinished,
        failing: Option<RunError>,
    ) {
        self.running = self.running.saturating_sub(1);
        let ForkKind::Branches(branches) = &mut self.kind else { return };
        branches.own.insert(branch, own);
        branches.ended.push(EndedBranch {
            id: finished.step.clone(),
            state: finished.state,
            error: finished.error.clone(),
            succeeded: finished.state == StepState::Ok || finished.tolerated,
        });
        if finished.state == StepState::Failed && !finished.tolerated && failing.is_some() {
            self.failure = failing;
        }
    }
}

/// A branch that was stopped brings no failure of its own along.
fn cancelled() -> RunError {
    let message = "too few branches succeeded".to_owned();
    RunError { code: crate::codes::JOIN_ERROR.into(), message, path: None }
}

impl Branches {
    fn succeeded(&self) -> usize {
        self.ended.iter().filter(|branch| branch.succeeded).count()
    }

    /// The output of the `internal.parallel`: how each branch ended, and which succeeded, the first one first.
    pub(crate) fn output<'s>(&self, all: impl Iterator<Item = &'s PlanStep>) -> Value {
        let of = |step: &PlanStep| {
            let ended = self.ended.iter().find(|branch| branch.id == step.id);
            let mut entries = Map::new();
            let state = ended.map_or(StepState::Skipped, |branch| branch.state);
            entries.insert("status".into(), Value::from(state.as_str()));
            if let Some(error) = ended.and_then(|branch| branch.error.as_ref()) {
                entries.insert("error".into(), Value::from(error.message.as_str()));
                entries.insert("error_code".into(), Value::from(error.code.as_str()));
            }
            (Arc::from(step.id.as_str()), Value::Map(Arc::new(entries)))
        };
        let succeeded = self.ended.iter().filter(|branch| branch.succeeded);
        let succeeded: Vec<Value> = succeeded.map(|branch| Value::from(branch.id.as_str())).collect();
        let entries: Map = [
            (Arc::from("branches"), Value::Map(Arc::new(all.map(of).collect()))),
            (Arc::from("succeeded"), Value::List(Arc::new(succeeded))),
        ]
        .into_iter()
        .collect();
        Value::Map(Arc::new(entries))
    }
}
