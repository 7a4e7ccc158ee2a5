//! The fold: how an entry changes the state of a run. Live runs and runs read back from their journal come
//! through here alike; nothing else changes the state.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use expr::Map;
use workflow::plan::{Plan, StepIndex, StepKind};

use crate::cursor::{Cursor, Next};
use crate::entry::{Entry, RunError, RunState, StepFinished, StepState};
use crate::execution::{Execution, Pending, PendingEffect, RestoreError};
use crate::scope::RunScope;
use crate::step::timeout_ms;

impl Execution {
    pub(crate) fn begin(plan: Arc<Plan>, entry: &Entry) -> Result<Self, RestoreError> {
        let Entry::Started { inputs, event, metadata, seed, deadline, at } = entry else {
            return Err(RestoreError::NoStart);
        };
        let mut execution = Self {
            plan,
            scope: RunScope::new(inputs.clone(), event.clone(), metadata.clone()),
            cursor: Cursor::at_start(),
            pending: None,
            failing: None,
            failures: 0,
            steps_taken: 0,
            journal_bytes: entry.weight(),
            state: RunState::Running,
            step_results: BTreeMap::new(),
            outputs: Map::new(),
            error: None,
            cancel_reason: None,
            seed: unhex(seed),
            deadline: *deadline,
            started_at: *at,
            finished_at: None,
            waited: Duration::ZERO,
        };
        execution.settle();
        Ok(execution)
    }

    fn settle(&mut self) {
        while let Some(turn) = self.cursor.settle(&self.plan) {
            self.scope.set_item(&self.plan.steps[turn.step], turn.item, turn.index);
        }
    }

    /// Changes the state as the entry says; the name of its step if it does not fit.
    pub(crate) fn apply(&mut self, entry: &Entry) -> Result<(), String> {
        let here = self.current_step();
        let fits = |id: &str| {
            here.filter(|&step| self.plan.steps.get(step).is_some_and(|step| step.id == id))
                .ok_or_else(|| id.to_owned())
        };
        self.journal_bytes += entry.weight();
        match entry {
            Entry::Started { .. } => return Err("started".to_owned()),
            Entry::StepStarted { path, step, attempt, inputs, at } => {
                let index = fits(step)?;
                // Another attempt is not another step: what follows must not depend on how many it took.
                self.steps_taken += u64::from(*attempt == 1);
                self.state = RunState::Running;
                self.step_results.insert(step.clone(), StepState::Running.as_number());
                self.pending = Some(Pending::Effect(PendingEffect {
                    path: path.clone(),
                    action: self.plan.steps[index].action.clone(),
                    attempt: *attempt,
                    timeout_ms: timeout_ms(&self.plan.steps[index]),
                    inputs: inputs.clone(),
                    started_at: *at,
                }));
            }
            Entry::AttemptFailed { step, due, .. } => {
                fits(step)?;
                self.failures = self.failures.saturating_add(1);
                self.pending = match self.pending.take() {
                    Some(Pending::Effect(effect)) => Some(Pending::Retry { effect, due: *due }),
                    _ => return Err(step.clone()),
                };
            }
            Entry::LoopStarted { step, items, .. } => {
                let index = fits(step)?;
                self.steps_taken += 1;
                self.step_results.insert(step.clone(), StepState::Running.as_number());
                let turn = match &self.plan.steps[index].kind {
                    StepKind::While { .. } => Some(self.cursor.enter_while(index)),
                    _ => self.cursor.enter_loop(index, items.clone(), &self.plan),
                };
                if let Some(turn) = turn {
                    self.scope.set_item(&self.plan.steps[turn.step], turn.item, turn.index);
                }
                self.settle();
            }
            Entry::TurnStarted { step, .. } => {
                fits(step)?;
                self.steps_taken += 1;
                self.cursor.begin_while_turn(&self.plan);
                self.settle();
            }
            Entry::Caught { step, failed, error, .. } => {
                let index = fits(step)?;
                self.steps_taken += 1;
                self.failing = None;
                self.step_results.insert(step.clone(), StepState::Ok.as_number());
                self.scope.set_caught(step, failed, error);
                self.cursor.enter_catch(index);
                self.settle();
            }
            Entry::TimerSet { path, step, due, at } => {
                fits(step)?;
                self.steps_taken += 1;
                self.state = RunState::Waiting;
                self.step_results.insert(step.clone(), StepState::Running.as_number());
                self.pending = Some(Pending::Timer { path: path.clone(), due: *due, since: *at });
            }
            Entry::StepFinished(finished) => {
                let index = fits(&finished.step)?;
                self.apply_finished(index, finished);
            }
            Entry::CancelRequested { reason, .. } => self.cancel_reason = Some(reason.clone()),
            Entry::Paused { step, .. } => {
                fits(step)?;
                self.state = RunState::Paused;
                self.step_results.insert(step.clone(), StepState::InDoubt.as_number());
            }
            Entry::Finished { state, outputs, error, at } => {
                self.state = *state;
                self.outputs = outputs.clone();
                self.error = error.clone();
                self.finished_at = Some(*at);
                self.pending = None;
            }
        }
        Ok(())
    }

    /// The cursor is at a loop that was entered, not at a step.
    fn at_loop(&self) -> bool {
        matches!(self.cursor.next(&self.plan), Next::LoopDone(..) | Next::TurnOf(..))
    }

    /// A failure that nothing tolerates: a loop that fails with its steps tells of theirs.
    fn apply_failed(&mut self, finished: &StepFinished) {
        if self.failing.is_none() {
            self.failing = finished.error.as_ref().map(|error| RunError {
                code: error.code.clone(),
                message: error.message.clone(),
                path: Some(finished.path.clone()),
            });
        }
        if self.at_loop() {
            self.cursor.leave_loop();
        }
        self.cursor.fail(&self.plan);
    }

    /// The label that the switch took.
    fn label_of(&self, switch: StepIndex, finished: &StepFinished) -> Option<StepIndex> {
        let id = finished.label.as_ref()?;
        match &self.plan.steps[switch].kind {
            StepKind::Switch { labels, .. } => {
                labels.iter().copied().find(|label| self.plan.steps[*label].id == *id)
            }
            _ => None,
        }
    }

    fn apply_finished(&mut self, index: StepIndex, finished: &StepFinished) {
        match self.pending.take() {
            Some(Pending::Timer { since, .. }) => {
                let waited = finished.at.since(since);
                self.waited += waited;
                self.deadline = self.deadline.saturating_add(waited);
            }
            Some(Pending::Effect(_) | Pending::Retry { .. }) => {}
            None => self.steps_taken += 1,
        }
        self.failures = 0;
        self.state = RunState::Running;
        self.scope.set_variables(&finished.variables);
        if let Some(appended) = &finished.appended {
            self.scope.append(&appended.variable, &appended.item);
        }
        let error = finished.error.as_ref();
        self.scope.set_finished(&finished.step, finished.state, &finished.output, error);
        let catch = matches!(self.plan.steps[index].kind, StepKind::Catch { .. });
        // For `steps.last`, a catch that nothing came to is as if it were not there.
        if !catch {
            self.scope.set_last(&finished.step);
        }
        self.step_results.insert(finished.step.clone(), finished.state.as_number());
        if catch && self.failing.is_some() {
            // It is disabled: the failure goes on to the next.
            return self.cursor.fail(&self.plan);
        }
        if finished.state == StepState::Failed && !finished.tolerated {
            return self.apply_failed(finished);
        }
        // A loop that failed with its steps, and is tolerated.
        self.failing = None;
        match (finished.branch, self.label_of(index, finished)) {
            (Some(taken), _) => self.cursor.enter_branch(index, taken),
            (None, Some(label)) => self.cursor.enter_label(label),
            (None, None) if self.at_loop() => self.cursor.loop_done(),
            (None, None) => self.cursor.step_done(),
        }
        self.settle();
    }
}

/// Wrong digits become zeros: a damaged seed makes other random values, not a lost run.
fn unhex(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        let digits = text.get(index * 2..index * 2 + 2);
        *byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or(0);
    }
    bytes
}
