//! Attempts of effects: how one is handed out, what becomes of its report, and of one that never reports.

use std::sync::Arc;
use std::time::Duration;

use expr::Value;
use types::Timestamp;
use workflow::plan::StepIndex;

use crate::codes;
use crate::command::{Command, Dispatch, EffectResult};
use crate::entry::{Entry, StepError};
use crate::evaluate::{bounded_output, settled};
use crate::execution::Execution;
use crate::limits::RUNNER_GRACE_MS;
use crate::outcome::Outcome;
use crate::step::timeout_ms;
use crate::strand::{At, PendingEffect, StrandId};

/// When an attempt is given up whose runner began with it at `began_at` and says nothing more.
pub(crate) fn due(effect: &PendingEffect, began_at: Timestamp) -> Timestamp {
    let allowed = effect.timeout_ms.saturating_add(RUNNER_GRACE_MS);
    began_at.saturating_add(Duration::from_millis(allowed))
}

impl Execution {
    /// The strand that waits for a report on this attempt.
    pub(crate) fn awaiting(&self, path: &str, attempt: u32) -> Option<StrandId> {
        let fits =
            |effect: &PendingEffect| effect.path == path && effect.attempt == attempt && !effect.in_doubt;
        self.strands.find(|strand| strand.effect().is_some_and(fits)).map(|(id, _)| id)
    }

    pub(crate) fn finish_effect(&mut self, result: EffectResult, at: At, commands: &mut Vec<Command>) {
        let started_at = self.strands.get(at.strand).effect().map_or(at.now, |effect| effect.started_at);
        // The time of the run may have stood still until now.
        let waited = self.strands.get(at.strand).waits_for_subflow();
        let outcome = match result {
            EffectResult::Succeeded(output) => match bounded_output(settled(output)) {
                Ok(output) => Outcome::ok(output),
                Err(error) => Outcome::failed(error),
            },
            EffectResult::Failed { error, output } => {
                let output = bounded_output(settled(output)).unwrap_or(Value::Nil);
                match self.try_again(&error, &output, at, commands) {
                    Ok(true) if waited => return commands.push(Command::SetDeadline(self.deadline)),
                    Ok(true) => return,
                    Ok(false) if self.pauses_exhausted(at.strand) => {
                        return self.exhaust(error, at, commands);
                    }
                    Ok(false) => Outcome { output, ..Outcome::failed(error) },
                    Err(error) => Outcome { output, ..Outcome::failed(error) },
                }
            }
            EffectResult::Cancelled => {
                Outcome::failed(StepError::new(codes::STEP_CANCELLED, "the runner stopped the step"))
            }
        };
        self.finish_current(outcome, started_at, at, commands);
        if waited {
            commands.push(Command::SetDeadline(self.deadline));
        }
    }

    /// The attempts have come to their end, and somebody is to decide what becomes of that.
    fn exhaust(&mut self, error: StepError, at: At, commands: &mut Vec<Command>) {
        let effect = self.strands.get(at.strand).effect().cloned();
        let (Some(effect), Some(step)) = (effect, self.current_step(at.strand)) else { return };
        let (path, attempt) = (effect.path, effect.attempt);
        let (step, strand) = (self.plan.steps[step].id.clone(), at.strand);
        self.record(Entry::Exhausted { path, step, strand, attempt, error, at: at.now }, commands);
    }

    /// The runner hangs: a run must not hang with it.
    pub(crate) fn give_attempt_up(&mut self, effect: PendingEffect, at: At, commands: &mut Vec<Command>) {
        if effect.subflow.is_some() {
            return self.give_subflow_up(effect, at, commands);
        }
        let PendingEffect { path, action, attempt, timeout_ms, .. } = effect;
        commands.push(Command::CancelAttempt { path, attempt });
        let message = format!("`{action}` had {timeout_ms} ms, and its runner has not said how it went");
        let error = StepError::new(codes::STEP_TIMEOUT, message);
        self.finish_effect(EffectResult::Failed { error, output: Value::Nil }, at, commands);
    }

    /// Nobody will report on the attempt any more.
    pub(crate) fn lose_attempt(
        &mut self,
        repeatable: bool,
        begins: bool,
        at: At,
        commands: &mut Vec<Command>,
    ) {
        let effect = self.strands.get(at.strand).effect().cloned();
        let (Some(effect), Some(step)) = (effect, self.current_step(at.strand)) else { return };
        let (id, strand) = (self.plan.steps[step].id.clone(), at.strand);
        let entry = match repeatable {
            true if begins => return self.dispatch_again(effect, at, commands),
            true => Entry::AttemptLost {
                path: effect.path,
                step: id,
                strand,
                attempt: effect.attempt,
                at: at.now,
            },
            false => {
                let reason = format!(
                    "the outcome of `{}` in step `{id}` is unknown: it was running when its runner was lost",
                    effect.action
                );
                Entry::Paused { path: effect.path, step: id, strand, reason, at: at.now }
            }
        };
        self.record(entry, commands);
    }

    pub(crate) fn dispatch_again(&mut self, effect: PendingEffect, at: At, commands: &mut Vec<Command>) {
        let Some(step) = self.current_step(at.strand) else { return };
        let attempt = effect.attempt + 1;
        match effect.subflow {
            Some(options) => {
                self.call(step, (effect.path, attempt), effect.inputs, options, at, commands);
            }
            None => self.dispatch(step, effect.path, attempt, effect.inputs, at, commands),
        }
    }

    /// Records the attempt and asks the driver to hand it to a runner.
    pub(crate) fn dispatch(
        &mut self,
        index: StepIndex,
        path: String,
        attempt: u32,
        inputs: Value,
        at: At,
        commands: &mut Vec<Command>,
    ) {
        let plan = Arc::clone(&self.plan);
        let step = &plan.steps[index];
        let entry = Entry::StepStarted {
            path: path.clone(),
            step: step.id.clone(),
            strand: at.strand,
            attempt,
            inputs: inputs.clone(),
            subflow: None,
            at: at.now,
        };
        self.record(entry, commands);
        commands.push(Command::Dispatch(Dispatch {
            path,
            step: step.id.clone(),
            attempt,
            action: step.action.clone(),
            inputs,
            connections: step.connections.clone(),
            timeout_ms: timeout_ms(step),
            full_response: step.settings.full_response,
            replacements: self.strands.get(at.strand).replacements,
        }));
    }
}
