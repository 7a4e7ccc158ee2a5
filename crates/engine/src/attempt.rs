//! Attempts of effects: how one is handed out, what becomes of its report, and of one that never reports.

use std::sync::Arc;
use std::time::Duration;

use expr::Value;
use types::Timestamp;
use types::limits::CODE_CONTEXT_BYTES_MAX;
use workflow::plan::{PlanStep, StepIndex, StepKind};

use crate::code_context;
use crate::codes;
use crate::command::{Command, Dispatch, EffectResult, Packages};
use crate::entry::{Entry, StepError};
use crate::evaluate::{bounded_output, settled};
use crate::execution::Execution;
use crate::limits::{LOST_ATTEMPTS_MAX, RUNNER_GRACE_MS};
use crate::outcome::Outcome;
use crate::step::timeout_ms;
use crate::strand::{At, PendingEffect, StrandId};
use crate::variables;

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
            EffectResult::Assigned { output, variables } => {
                let output = bounded_output(settled(output));
                match output.and_then(|output| Ok((output, variables::bounded(variables)?))) {
                    Ok((output, variables)) => Outcome { variables, ..Outcome::ok(output) },
                    Err(error) => Outcome::failed(error),
                }
            }
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

    /// The runner hangs: a run must not hang with it. Whether the effect has happened nobody knows.
    pub(crate) fn give_attempt_up(&mut self, repeatable: bool, at: At, commands: &mut Vec<Command>) {
        let effect = self.strands.get(at.strand).effect().cloned();
        let Some(effect) = effect.filter(|effect| effect.subflow.is_none()) else { return };
        // No runner can have begun before it was asked to.
        let due = due(&effect, effect.started_at);
        if at.now < due {
            return commands.push(Command::SetTimer { path: effect.path, due });
        }
        let PendingEffect { path, action, attempt, timeout_ms, .. } = effect;
        commands.push(Command::CancelAttempt { path: path.clone(), attempt });
        let what = format!("it had {timeout_ms} ms, and its runner has not said how it went");
        if !repeatable {
            return self.doubt(path, &action, &what, at, commands);
        }
        let error = StepError::new(codes::STEP_TIMEOUT, format!("`{action}`: {what}"));
        self.finish_effect(EffectResult::Failed { error, output: Value::Nil }, at, commands);
    }

    /// Nobody will report on the attempt any more. `begins`: another may be handed out at once.
    pub(crate) fn lose_attempt(
        &mut self,
        repeatable: bool,
        begins: bool,
        at: At,
        commands: &mut Vec<Command>,
    ) {
        let strand = self.strands.get(at.strand);
        let (Some(effect), Some(step)) = (strand.effect().cloned(), self.current_step(at.strand)) else {
            return;
        };
        let PendingEffect { path, action, attempt, .. } = &effect;
        if !repeatable {
            let what = "it was running when its runner was lost";
            return self.doubt(path.clone(), action, what, at, commands);
        }
        // All attempts but those that failed.
        let lost = attempt.saturating_sub(strand.failures);
        if lost >= LOST_ATTEMPTS_MAX {
            let message = format!("`{action}` was lost with its runner {lost} times");
            let outcome = Outcome::failed(StepError::new(codes::ATTEMPTS_LOST, message));
            return self.finish_current(outcome, effect.started_at, at, commands);
        }
        if begins {
            return self.dispatch_again(effect, at, commands);
        }
        let (path, attempt, step) = (path.clone(), *attempt, self.plan.steps[step].id.clone());
        self.record(Entry::AttemptLost { path, step, strand: at.strand, attempt, at: at.now }, commands);
    }

    /// The run stands still until somebody says what has happened.
    fn doubt(&mut self, path: String, action: &str, what: &str, at: At, commands: &mut Vec<Command>) {
        let Some(step) = self.current_step(at.strand) else { return };
        let step = self.plan.steps[step].id.clone();
        let reason = format!("the outcome of `{action}` in step `{step}` is unknown: {what}");
        self.record(Entry::Paused { path, step, strand: at.strand, reason, at: at.now }, commands);
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

    /// What the step's program may read of the run, if it has one that sees it.
    fn context(&self, step: &PlanStep, inputs: &Value, at: At) -> Result<Option<Value>, StepError> {
        let StepKind::Effect { sees_run: Some(input), .. } = &step.kind else { return Ok(None) };
        let Some(Value::String(code)) = inputs.get(input) else { return Ok(None) };
        let Some(context) = code_context::of(code, &self.view(at.strand)) else { return Ok(None) };
        let bytes = context.json_len();
        if bytes > CODE_CONTEXT_BYTES_MAX {
            let message = format!(
                "what the code may read of the run has {bytes} bytes as JSON; at most {CODE_CONTEXT_BYTES_MAX} are \
                 handed over: name the steps that it reads, `context.steps.<id>`"
            );
            return Err(StepError::new(codes::CONTEXT_TOO_LARGE, message));
        }
        Ok(Some(context))
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
        let context = match self.context(step, &inputs, at) {
            Ok(context) => context,
            Err(error) => return self.finish_current(Outcome::failed(error), at.now, at, commands),
        };
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
            context,
            packages: (!step.requirements.is_empty()).then(|| Packages {
                document: plan.hash.clone(),
                requirements: Arc::clone(&step.requirements),
            }),
            connections: step.connections.clone(),
            timeout_ms: timeout_ms(step),
            full_response: step.settings.full_response,
            runner_group: step.settings.runner_group.clone(),
            workflow_runner_group: Some(plan.runner.trim())
                .filter(|name| !name.is_empty())
                .map(str::to_owned),
            replacements: self.strands.get(at.strand).replacements,
        }));
    }
}
