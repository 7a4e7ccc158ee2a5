//! What happens when a run comes to a step: pure steps are decided here, effects and waits are begun.

use std::sync::Arc;

use expr::{Context, Value};
use types::Timestamp;
use types::limits::{LOOP_TURNS_MAX, SLEEP_MS_MAX, STEP_TIMEOUT_MS_DEFAULT, STEP_TIMEOUT_MS_MAX};
use workflow::plan::{PlanStep, PlanValue, StepIndex, StepKind};

use crate::codes;
use crate::command::Command;
use crate::condition;
use crate::control::replaced;
use crate::entry::{Entry, RunState, StepError, StepState};
use crate::evaluate::{bounded_output, evaluate, settled};
use crate::execution::Execution;
use crate::outcome::Outcome;
use crate::scope::View;
use crate::strand::At;
use crate::variables;

impl Execution {
    pub(crate) fn take_step(&mut self, index: StepIndex, at: At, commands: &mut Vec<Command>) {
        let plan = Arc::clone(&self.plan);
        let step = &plan.steps[index];
        match self.skipped(&self.view(at.strand), step, at) {
            Err(error) => return self.finish_current(Outcome::failed(error), at.now, at, commands),
            Ok(true) => {
                let outcome = Outcome { state: StepState::Skipped, ..Outcome::ok(Value::Nil) };
                return self.finish_current(outcome, at.now, at, commands);
            }
            Ok(false) => {}
        }
        if let Some(output) = &step.settings.mock_output {
            return self.finish_current(Outcome::ok(output.clone()), at.now, at, commands);
        }
        let begun = match &step.kind {
            StepKind::For { list, max_concurrency, .. } => {
                self.enter_loop(step, (list, max_concurrency.as_ref()), at, commands)
            }
            StepKind::Parallel { join, branches } => {
                self.enter_branches(step, join.as_ref(), branches, at, commands)
            }
            StepKind::While { .. } => {
                let (path, strand) = (self.path_of(step, at.strand), at.strand);
                let (step, items, concurrency) = (step.id.clone(), Vec::new(), 1);
                let entry = Entry::LoopStarted { path, step, strand, items, concurrency, at: at.now };
                self.record(entry, commands);
                Ok(())
            }
            StepKind::Sleep { amount, unit_ms } => self.sleep(step, amount, *unit_ms, at, commands),
            StepKind::SleepUntil { until } => self.sleep_until(step, until, at, commands),
            StepKind::EndRun { status, message } => {
                self.end_run(step, status.as_ref(), message.as_ref(), at, commands)
            }
            StepKind::Subflow(subflow) => self.call_subflow(index, subflow, at, commands),
            StepKind::Effect { inputs, .. } => self.evaluate(inputs, at).map(|inputs| {
                let path = self.path_of(step, at.strand);
                let inputs = replaced(settled(inputs), &self.strands.get(at.strand).replaced);
                self.dispatch(index, path, 1, inputs, at, commands);
            }),
            _ => self.pure(step, at).map(|outcome| self.finish_current(outcome, at.now, at, commands)),
        };
        if let Err(error) = begun {
            self.finish_current(Outcome::failed(error), at.now, at, commands);
        }
    }

    /// A failure has come to this catch: it takes it, or is disabled. Its `when` sees what it would show.
    pub(crate) fn take_catch(
        &mut self,
        index: StepIndex,
        failed: String,
        error: StepError,
        at: At,
        commands: &mut Vec<Command>,
    ) {
        let plan = Arc::clone(&self.plan);
        let step = &plan.steps[index];
        let mut view = self.view(at.strand);
        view.steps.set_caught(&step.id, &failed, &error);
        let mocked = step.settings.mock_output.is_some();
        match self.skipped(&view, step, at) {
            Ok(false) if !mocked => {
                let (path, step, strand) = (self.path_of(step, at.strand), step.id.clone(), at.strand);
                self.record(Entry::Caught { path, step, strand, failed, error, at: at.now }, commands);
            }
            Ok(_) => {
                let outcome = Outcome { state: StepState::Skipped, ..Outcome::ok(Value::Nil) };
                self.finish_current(outcome, at.now, at, commands);
            }
            Err(error) => self.finish_current(Outcome::failed(error), at.now, at, commands),
        }
    }

    /// `when` is false, or the text `false`: the step is disabled.
    pub(crate) fn skipped(&self, view: &View<'_>, step: &PlanStep, at: At) -> Result<bool, StepError> {
        let Some(when) = &step.settings.when else { return Ok(false) };
        let mut rng = self.rng(at.strand);
        Ok(!truth(&evaluate(when, &mut Context::new(view, at.now, &mut rng))?))
    }

    fn pure(&self, step: &PlanStep, at: At) -> Result<Outcome, StepError> {
        match &step.kind {
            StepKind::SetVariables(assignments) => {
                let mut rng = self.rng(at.strand);
                let evaluator = variables::evaluator(at.now, &mut rng);
                let variables = variables::assign(assignments, self.view(at.strand), evaluator)?;
                Ok(Outcome { variables, ..Outcome::ok(Value::Nil) })
            }
            StepKind::If { condition, then_branch, else_branch } => {
                let mut rng = self.rng(at.strand);
                let holds =
                    condition::holds(condition, &mut Context::new(&self.view(at.strand), at.now, &mut rng))?;
                let branch = if holds { then_branch } else { else_branch };
                // A branch that is disabled counts as empty.
                let disabled = match branch.marker {
                    Some(marker) => self.skipped(&self.view(at.strand), &self.plan.steps[marker], at)?,
                    None => false,
                };
                let output =
                    Value::Map(Arc::new([("result".into(), Value::Bool(holds))].into_iter().collect()));
                Ok(Outcome { branch: (!disabled).then_some(holds), ..Outcome::ok(output) })
            }
            StepKind::Switch { subject, labels } => self.switch(subject, labels, at),
            StepKind::AppendList { variable, item } => {
                variables::append(variable, self.evaluate(item, at)?, &self.view(at.strand))
            }
            // Nothing has failed.
            StepKind::Catch { .. } => Ok(Outcome { state: StepState::Skipped, ..Outcome::ok(Value::Nil) }),
            StepKind::Print { text } => {
                let text = bounded_output(settled(self.evaluate(text, at)?))?;
                Ok(Outcome::ok(text))
            }
            // A marker is walked by its if, never by itself; the others are begun by `take_step`.
            _ => Ok(Outcome::ok(Value::Nil)),
        }
    }

    /// The first label that is not disabled and equals; the default, which stands last, equals everything.
    fn switch(&self, subject: &PlanValue, labels: &[StepIndex], at: At) -> Result<Outcome, StepError> {
        let subject = bounded_output(settled(self.evaluate(subject, at)?))?;
        let mut taken = None;
        for label in labels {
            let step = &self.plan.steps[*label];
            let StepKind::Label { value, .. } = &step.kind else { continue };
            if self.skipped(&self.view(at.strand), step, at)? {
                continue;
            }
            let equals = match value {
                Some(value) => condition::equals_label(&subject, &self.evaluate(value, at)?),
                None => true,
            };
            if equals {
                taken = Some(step.id.clone());
                break;
            }
        }
        let shown = taken.as_deref().map_or(Value::Nil, Value::from);
        let output = [("value".into(), subject), ("label".into(), shown)].into_iter().collect();
        Ok(Outcome { label: taken, ..Outcome::ok(Value::Map(Arc::new(output))) })
    }

    /// Whether an `internal.while` that has had `turns` turns has another.
    pub(crate) fn decide_turn(
        &mut self,
        index: StepIndex,
        turns: usize,
        at: At,
        commands: &mut Vec<Command>,
    ) {
        let plan = Arc::clone(&self.plan);
        let step = &plan.steps[index];
        let mut rng = self.rng(at.strand);
        let holds = match &step.kind {
            StepKind::While { condition, .. } => {
                condition::holds(condition, &mut Context::new(&self.view(at.strand), at.now, &mut rng))
            }
            _ => Ok(false),
        };
        let outcome = match holds {
            Ok(true) if turns >= LOOP_TURNS_MAX => {
                let message = format!("the loop's condition still holds after {LOOP_TURNS_MAX} turns");
                Outcome::failed(StepError::new(codes::LOOP_TOO_LONG, message))
            }
            Ok(true) => {
                let (path, step, strand) = (self.path_of(step, at.strand), step.id.clone(), at.strand);
                return self
                    .record(Entry::TurnStarted { path, step, strand, index: turns, at: at.now }, commands);
            }
            Ok(false) => Outcome::looped(turns),
            Err(error) => Outcome::failed(error),
        };
        self.finish_current(outcome, at.now, at, commands);
    }

    fn sleep(
        &mut self,
        step: &PlanStep,
        amount: &PlanValue,
        unit_ms: i64,
        at: At,
        commands: &mut Vec<Command>,
    ) -> Result<(), StepError> {
        let amount = self.evaluate(amount, at)?;
        let number = match &amount {
            Value::String(text) => text.trim().parse().ok(),
            Value::Duration(_) => None,
            other => other.as_f64(),
        };
        let millis = number.map(|number: f64| number * unit_ms as f64);
        let Some(millis) = millis.filter(|millis| (0.0..=SLEEP_MS_MAX as f64).contains(millis)) else {
            let message = format!("`{}` is no length of time from 0 to 14 days", amount.render());
            return Err(StepError::new(codes::SLEEP_ERROR, message));
        };
        let due = at.now.saturating_add(std::time::Duration::from_millis(millis as u64));
        self.set_timer(step, due, at, commands);
        Ok(())
    }

    fn sleep_until(
        &mut self,
        step: &PlanStep,
        until: &PlanValue,
        at: At,
        commands: &mut Vec<Command>,
    ) -> Result<(), StepError> {
        let until = self.evaluate(until, at)?;
        let due = workflow::instant(&until).map_err(|error| {
            let message = format!("`{}` is no point in time: {error}", until.render());
            StepError::new(codes::SLEEP_ERROR, message)
        })?;
        if due <= at.now {
            self.finish_current(Outcome::ok(Value::Nil), at.now, at, commands);
            return Ok(());
        }
        if due.since(at.now) > std::time::Duration::from_millis(SLEEP_MS_MAX as u64) {
            let message = format!("`{}` is more than 14 days away", until.render());
            return Err(StepError::new(codes::SLEEP_ERROR, message));
        }
        self.set_timer(step, due, at, commands);
        Ok(())
    }

    fn set_timer(&mut self, step: &PlanStep, due: Timestamp, at: At, commands: &mut Vec<Command>) {
        let path = self.path_of(step, at.strand);
        let (id, strand) = (step.id.clone(), at.strand);
        self.record(Entry::TimerSet { path: path.clone(), step: id, strand, due, at: at.now }, commands);
        commands.push(Command::SetTimer { path, due });
    }

    fn end_run(
        &mut self,
        step: &PlanStep,
        status: Option<&PlanValue>,
        message: Option<&PlanValue>,
        at: At,
        commands: &mut Vec<Command>,
    ) -> Result<(), StepError> {
        let status = status.map(|status| self.evaluate(status, at)).transpose()?;
        let message = message.map(|message| self.evaluate(message, at)).transpose()?;
        match status.as_ref().map(Value::render).as_deref() {
            None | Some("" | "Completed" | "completed" | "Success" | "success") => {
                self.finish_current(Outcome::ok(Value::Nil), at.now, at, commands);
                self.complete(at, commands);
                Ok(())
            }
            Some("Failed" | "failed" | "Failure" | "failure") => {
                let message = message.map(|message| message.render()).filter(|message| !message.is_empty());
                let message = message.unwrap_or_else(|| "the workflow ended the run as failed".into());
                let path = self.path_of(step, at.strand);
                self.finish_current(Outcome::ok(Value::Nil), at.now, at, commands);
                let error =
                    crate::RunError { code: codes::ENDED_AS_FAILED.into(), message, path: Some(path) };
                self.finish(RunState::Failed, Some(error), at, commands);
                Ok(())
            }
            Some(other) => {
                let message = format!("`{other}` is no way to end a run; use `Completed` or `Failed`");
                Err(StepError::new(codes::END_RUN_ERROR, message))
            }
        }
    }
}

/// Milliseconds that an attempt of the step may take.
pub(crate) fn timeout_ms(step: &PlanStep) -> u64 {
    step.settings.timeout_ms.unwrap_or(STEP_TIMEOUT_MS_DEFAULT).min(STEP_TIMEOUT_MS_MAX)
}

/// What a `when` means: false, nil and the text `false` are false.
pub(crate) fn truth(value: &Value) -> bool {
    match value {
        Value::Bool(holds) => *holds,
        Value::String(text) => text.trim() != "false",
        Value::Nil => false,
        _ => true,
    }
}
