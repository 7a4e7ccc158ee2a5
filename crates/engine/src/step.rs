//! What happens when a run comes to a step: pure steps are decided here, effects and waits are begun.

use std::sync::Arc;

use expr::{Context, Value};
use types::Timestamp;
use types::limits::{LOOP_TURNS_MAX, SLEEP_MS_MAX, STEP_TIMEOUT_MS_DEFAULT, STEP_TIMEOUT_MS_MAX};
use workflow::plan::{PlanStep, PlanValue, StepIndex, StepKind};

use crate::codes;
use crate::command::{Command, Dispatch};
use crate::condition;
use crate::entry::{Entry, RunState, StepError, StepState};
use crate::evaluate::{bounded_output, evaluate, settled};
use crate::execution::Execution;
use crate::outcome::Outcome;
use crate::scope::RunScope;
use crate::variables;

impl Execution {
    pub(crate) fn take_step(&mut self, index: StepIndex, now: Timestamp, commands: &mut Vec<Command>) {
        let plan = Arc::clone(&self.plan);
        let step = &plan.steps[index];
        match self.skipped(&self.scope, step, now) {
            Err(error) => return self.finish_current(Outcome::failed(error), now, now, commands),
            Ok(true) => {
                let outcome = Outcome { state: StepState::Skipped, ..Outcome::ok(Value::Nil) };
                return self.finish_current(outcome, now, now, commands);
            }
            Ok(false) => {}
        }
        if let Some(output) = &step.settings.mock_output {
            return self.finish_current(Outcome::ok(output.clone()), now, now, commands);
        }
        let begun = match &step.kind {
            StepKind::For { list, .. } => self.enter_loop(step, list, now, commands),
            StepKind::While { .. } => {
                let path = self.cursor.path_of(&step.id);
                let (step, items) = (step.id.clone(), Vec::new());
                self.record(Entry::LoopStarted { path, step, items, at: now }, commands);
                Ok(())
            }
            StepKind::Sleep { amount, unit_ms } => self.sleep(step, amount, *unit_ms, now, commands),
            StepKind::SleepUntil { until } => self.sleep_until(step, until, now, commands),
            StepKind::EndRun { status, message } => {
                self.end_run(status.as_ref(), message.as_ref(), now, commands)
            }
            StepKind::Effect { inputs } => self.evaluate(inputs, now).map(|inputs| {
                let path = self.cursor.path_of(&step.id);
                self.dispatch(index, path, 1, settled(inputs), now, commands);
            }),
            _ => self.pure(step, now).map(|outcome| self.finish_current(outcome, now, now, commands)),
        };
        if let Err(error) = begun {
            self.finish_current(Outcome::failed(error), now, now, commands);
        }
    }

    /// A failure has come to this catch: it takes it, or is disabled. Its `when` sees what it would show.
    pub(crate) fn take_catch(
        &mut self,
        index: StepIndex,
        failed: String,
        error: StepError,
        now: Timestamp,
        commands: &mut Vec<Command>,
    ) {
        let plan = Arc::clone(&self.plan);
        let step = &plan.steps[index];
        let mut scope = self.scope.clone();
        scope.set_caught(&step.id, &failed, &error);
        let mocked = step.settings.mock_output.is_some();
        match self.skipped(&scope, step, now) {
            Ok(false) if !mocked => {
                let (path, step) = (self.cursor.path_of(&step.id), step.id.clone());
                self.record(Entry::Caught { path, step, failed, error, at: now }, commands);
            }
            Ok(_) => {
                let outcome = Outcome { state: StepState::Skipped, ..Outcome::ok(Value::Nil) };
                self.finish_current(outcome, now, now, commands);
            }
            Err(error) => self.finish_current(Outcome::failed(error), now, now, commands),
        }
    }

    /// `when` is false, or the text `false`: the step is disabled.
    fn skipped(&self, scope: &RunScope, step: &PlanStep, now: Timestamp) -> Result<bool, StepError> {
        let Some(when) = &step.settings.when else { return Ok(false) };
        let mut rng = self.rng();
        Ok(!truth(&evaluate(when, &mut Context::new(scope, now, &mut rng))?))
    }

    fn pure(&self, step: &PlanStep, now: Timestamp) -> Result<Outcome, StepError> {
        match &step.kind {
            StepKind::SetVariables(assignments) => {
                let mut rng = self.rng();
                let evaluator = variables::evaluator(now, &mut rng);
                let variables = variables::assign(assignments, &self.scope, evaluator)?;
                Ok(Outcome { variables, ..Outcome::ok(Value::Nil) })
            }
            StepKind::If { condition, then_branch, else_branch } => {
                let mut rng = self.rng();
                let holds = condition::holds(condition, &mut Context::new(&self.scope, now, &mut rng))?;
                let branch = if holds { then_branch } else { else_branch };
                // A branch that is disabled counts as empty.
                let disabled = match branch.marker {
                    Some(marker) => self.skipped(&self.scope, &self.plan.steps[marker], now)?,
                    None => false,
                };
                let output =
                    Value::Map(Arc::new([("result".into(), Value::Bool(holds))].into_iter().collect()));
                Ok(Outcome { branch: (!disabled).then_some(holds), ..Outcome::ok(output) })
            }
            StepKind::Switch { subject, labels } => self.switch(subject, labels, now),
            StepKind::AppendList { variable, item } => {
                variables::append(variable, self.evaluate(item, now)?, &self.scope)
            }
            // Nothing has failed.
            StepKind::Catch { .. } => Ok(Outcome { state: StepState::Skipped, ..Outcome::ok(Value::Nil) }),
            StepKind::Print { text } => {
                let text = bounded_output(settled(self.evaluate(text, now)?))?;
                Ok(Outcome::ok(text))
            }
            // A marker is walked by its if, never by itself; the others are begun by `take_step`.
            _ => Ok(Outcome::ok(Value::Nil)),
        }
    }

    /// The first label that is not disabled and equals; the default, which stands last, equals everything.
    fn switch(
        &self,
        subject: &PlanValue,
        labels: &[StepIndex],
        now: Timestamp,
    ) -> Result<Outcome, StepError> {
        let subject = bounded_output(settled(self.evaluate(subject, now)?))?;
        let mut taken = None;
        for label in labels {
            let step = &self.plan.steps[*label];
            let StepKind::Label { value, .. } = &step.kind else { continue };
            if self.skipped(&self.scope, step, now)? {
                continue;
            }
            let equals = match value {
                Some(value) => condition::equals_label(&subject, &self.evaluate(value, now)?),
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

    fn enter_loop(
        &mut self,
        step: &PlanStep,
        list: &PlanValue,
        now: Timestamp,
        commands: &mut Vec<Command>,
    ) -> Result<(), StepError> {
        let items = loop_items(settled(self.evaluate(list, now)?))?;
        if items.len() > LOOP_TURNS_MAX {
            let message = format!("the loop has {} turns; at most {LOOP_TURNS_MAX} are allowed", items.len());
            return Err(StepError::new(codes::LOOP_TOO_LONG, message));
        }
        let path = self.cursor.path_of(&step.id);
        self.record(Entry::LoopStarted { path, step: step.id.clone(), items, at: now }, commands);
        Ok(())
    }

    /// Whether an `internal.while` that has had `turns` turns has another.
    pub(crate) fn decide_turn(
        &mut self,
        index: StepIndex,
        turns: usize,
        now: Timestamp,
        commands: &mut Vec<Command>,
    ) {
        let plan = Arc::clone(&self.plan);
        let step = &plan.steps[index];
        let mut rng = self.rng();
        let holds = match &step.kind {
            StepKind::While { condition, .. } => {
                condition::holds(condition, &mut Context::new(&self.scope, now, &mut rng))
            }
            _ => Ok(false),
        };
        let outcome = match holds {
            Ok(true) if turns >= LOOP_TURNS_MAX => {
                let message = format!("the loop's condition still holds after {LOOP_TURNS_MAX} turns");
                Outcome::failed(StepError::new(codes::LOOP_TOO_LONG, message))
            }
            Ok(true) => {
                let (path, step) = (self.cursor.path_of(&step.id), step.id.clone());
                return self.record(Entry::TurnStarted { path, step, index: turns, at: now }, commands);
            }
            Ok(false) => Outcome::looped(turns),
            Err(error) => Outcome::failed(error),
        };
        self.finish_current(outcome, now, now, commands);
    }

    fn sleep(
        &mut self,
        step: &PlanStep,
        amount: &PlanValue,
        unit_ms: i64,
        now: Timestamp,
        commands: &mut Vec<Command>,
    ) -> Result<(), StepError> {
        let amount = self.evaluate(amount, now)?;
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
        let due = now.saturating_add(std::time::Duration::from_millis(millis as u64));
        self.set_timer(step, due, now, commands);
        Ok(())
    }

    fn sleep_until(
        &mut self,
        step: &PlanStep,
        until: &PlanValue,
        now: Timestamp,
        commands: &mut Vec<Command>,
    ) -> Result<(), StepError> {
        let until = self.evaluate(until, now)?;
        let due = workflow::instant(&until).map_err(|error| {
            let message = format!("`{}` is no point in time: {error}", until.render());
            StepError::new(codes::SLEEP_ERROR, message)
        })?;
        if due <= now {
            self.finish_current(Outcome::ok(Value::Nil), now, now, commands);
            return Ok(());
        }
        if due.since(now) > std::time::Duration::from_millis(SLEEP_MS_MAX as u64) {
            let message = format!("`{}` is more than 14 days away", until.render());
            return Err(StepError::new(codes::SLEEP_ERROR, message));
        }
        self.set_timer(step, due, now, commands);
        Ok(())
    }

    fn set_timer(&mut self, step: &PlanStep, due: Timestamp, now: Timestamp, commands: &mut Vec<Command>) {
        let path = self.cursor.path_of(&step.id);
        self.record(Entry::TimerSet { path: path.clone(), step: step.id.clone(), due, at: now }, commands);
        commands.push(Command::SetTimer { path, due });
    }

    fn end_run(
        &mut self,
        status: Option<&PlanValue>,
        message: Option<&PlanValue>,
        now: Timestamp,
        commands: &mut Vec<Command>,
    ) -> Result<(), StepError> {
        let status = status.map(|status| self.evaluate(status, now)).transpose()?;
        let message = message.map(|message| self.evaluate(message, now)).transpose()?;
        match status.as_ref().map(Value::render).as_deref() {
            None | Some("" | "Completed" | "completed" | "Success" | "success") => {
                self.finish_current(Outcome::ok(Value::Nil), now, now, commands);
                self.complete(now, commands);
                Ok(())
            }
            Some("Failed" | "failed" | "Failure" | "failure") => {
                let message = message.map(|message| message.render()).filter(|message| !message.is_empty());
                let message = message.unwrap_or_else(|| "the workflow ended the run as failed".into());
                let path = self.cursor.path_of(&step_id(self));
                self.finish_current(Outcome::ok(Value::Nil), now, now, commands);
                let error =
                    crate::RunError { code: codes::ENDED_AS_FAILED.into(), message, path: Some(path) };
                self.finish(RunState::Failed, Some(error), now, commands);
                Ok(())
            }
            Some(other) => {
                let message = format!("`{other}` is no way to end a run; use `Completed` or `Failed`");
                Err(StepError::new(codes::END_RUN_ERROR, message))
            }
        }
    }

    /// Records the attempt and asks the driver to hand it to a runner.
    pub(crate) fn dispatch(
        &mut self,
        index: StepIndex,
        path: String,
        attempt: u32,
        inputs: Value,
        now: Timestamp,
        commands: &mut Vec<Command>,
    ) {
        let plan = Arc::clone(&self.plan);
        let step = &plan.steps[index];
        let entry = Entry::StepStarted {
            path: path.clone(),
            step: step.id.clone(),
            attempt,
            inputs: inputs.clone(),
            at: now,
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
        }));
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

fn step_id(execution: &Execution) -> String {
    execution.current_step().map(|step| execution.plan.steps[step].id.clone()).unwrap_or_default()
}

/// What a loop goes through: a list, a map's pairs, a number's turns, or JSON text of a list.
fn loop_items(list: Value) -> Result<Vec<Value>, StepError> {
    let refused = |what: &str| {
        let message =
            format!("a loop needs a list, a map or a number, not {what}; `?? []` makes a missing list empty");
        Err(StepError::new(codes::LOOP_LIST_ERROR, message))
    };
    match &list {
        Value::List(items) => Ok(items.to_vec()),
        Value::Map(entries) => Ok(entries
            .iter()
            .map(|(key, value)| {
                let pair = [("key".into(), Value::String(Arc::clone(key))), ("value".into(), value.clone())];
                Value::Map(Arc::new(pair.into_iter().collect()))
            })
            .collect()),
        Value::Int(turns) => Ok((0..*turns.min(&(LOOP_TURNS_MAX as i64 + 1))).map(Value::Int).collect()),
        Value::String(text) => {
            match serde_json::from_str(text).map(|json: serde_json::Value| Value::from(json)) {
                Ok(Value::List(items)) => Ok(items.to_vec()),
                _ => refused("this text"),
            }
        }
        other => refused(other.type_name()),
    }
}
