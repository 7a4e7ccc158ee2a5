//! Steps that run another workflow. Like an effect, except that the driver starts a run instead of handing an
//! attempt to a runner; the run that waits for it stands still meanwhile, and so does its time.

use std::time::Duration;

use expr::Value;
use types::Timestamp;
use types::limits::{SUBFLOW_DELAY_MS_MAX, SUBFLOW_DELAY_MS_MIN};
use workflow::plan::{PlanValue, StepIndex, StepKind, Subflow};

use crate::codes;
use crate::command::{Command, EffectResult, SubflowCall};
use crate::entry::{Entry, StepError, SubflowOptions};
use crate::evaluate::settled;
use crate::execution::Execution;
use crate::strand::{At, PendingEffect};

impl Execution {
    /// Begins the first attempt.
    ///
    /// # Errors
    /// If an input or a setting cannot be evaluated, or is not what it must be.
    pub(crate) fn call_subflow(
        &mut self,
        index: StepIndex,
        subflow: &Subflow,
        at: At,
        commands: &mut Vec<Command>,
    ) -> Result<(), StepError> {
        let inputs = settled(self.evaluate(&subflow.inputs, at)?);
        let options = self.subflow_options(index, subflow, at)?;
        let path = self.path_of(&self.plan.steps[index], at.strand);
        self.call(index, (path, 1), inputs, options, at, commands);
        Ok(())
    }

    fn subflow_options(
        &self,
        index: StepIndex,
        subflow: &Subflow,
        at: At,
    ) -> Result<SubflowOptions, StepError> {
        let wrong =
            |key: &str, problem: String| StepError::new(codes::SUBFLOW_ERROR, format!("`{key}`: {problem}"));
        let flag = |key: &str, value: &PlanValue| {
            workflow::subflow_flag(&self.evaluate(value, at)?).map_err(|problem| wrong(key, problem))
        };
        let is_async = flag("run_async", &subflow.is_async)?;
        let is_draft = flag("run_draft", &subflow.is_draft)?;
        let timeout = workflow::subflow_timeout(&self.evaluate(&subflow.timeout_minutes, at)?)
            .map_err(|problem| wrong("subflow_timeout_in_minutes", problem))?;
        let timeout_ms = timeout.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        // Whoever gives both means the earlier.
        let timeout_ms = timeout_ms.into_iter().chain(self.plan.steps[index].settings.timeout_ms).min();
        let begins_at = begins_at(&self.evaluate(&subflow.begins_at, at)?, at.now)
            .map_err(|problem| wrong("subflow_future_schedule_time", problem))?;
        if begins_at.is_some() && !is_async {
            let problem = "a step cannot wait for a later run: it needs `run_async: true`".to_owned();
            return Err(wrong("subflow_future_schedule_time", problem));
        }
        Ok(SubflowOptions { is_async, is_draft, timeout_ms: timeout_ms.filter(|_| !is_async), begins_at })
    }

    /// Records the attempt and asks the driver to start the run.
    pub(crate) fn call(
        &mut self,
        index: StepIndex,
        (path, attempt): (String, u32),
        inputs: Value,
        options: SubflowOptions,
        at: At,
        commands: &mut Vec<Command>,
    ) {
        let step = self.plan.steps[index].id.clone();
        let StepKind::Subflow(Subflow { workflow, .. }) = self.plan.steps[index].kind else { return };
        let entry = Entry::StepStarted {
            path: path.clone(),
            step: step.clone(),
            strand: at.strand,
            attempt,
            inputs: inputs.clone(),
            subflow: Some(options.clone()),
            at: at.now,
        };
        self.record(entry, commands);
        if let Some(due) = due_after(&options, at.now) {
            commands.push(Command::SetTimer { path: path.clone(), due });
        }
        commands.push(Command::CallSubflow(SubflowCall { path, step, attempt, workflow, inputs, options }));
    }

    /// What must be set up again after a restore for the run that was called.
    pub(crate) fn await_subflow(&self, effect: &PendingEffect) -> Vec<Command> {
        if effect.subflow.is_none() {
            return Vec::new();
        }
        let (path, attempt) = (effect.path.clone(), effect.attempt);
        let timer = due(effect).map(|due| Command::SetTimer { path: path.clone(), due });
        let mut commands: Vec<Command> = timer.into_iter().collect();
        commands.push(Command::AwaitSubflow { path, attempt });
        commands
    }

    /// The run that was called took longer than the step waits.
    pub(crate) fn give_subflow_up(&mut self, effect: PendingEffect, at: At, commands: &mut Vec<Command>) {
        let PendingEffect { path, attempt, subflow, .. } = effect;
        let timeout_ms = subflow.and_then(|options| options.timeout_ms).unwrap_or_default();
        commands.push(Command::CancelSubflow { path, attempt });
        let message = format!("the run that the step called did not end within {timeout_ms} ms");
        let error = StepError::new(codes::SUBFLOW_TIMEOUT, message);
        self.finish_effect(EffectResult::Failed { error, output: Value::Nil }, at, commands);
    }
}

/// When the step has waited long enough for the run that it called; none if never, or if it called none.
pub(crate) fn due(effect: &PendingEffect) -> Option<Timestamp> {
    due_after(effect.subflow.as_ref()?, effect.started_at)
}

fn due_after(options: &SubflowOptions, started_at: Timestamp) -> Option<Timestamp> {
    options.timeout_ms.map(|timeout| started_at.saturating_add(Duration::from_millis(timeout)))
}

/// When the run is to begin; none: at once.
fn begins_at(value: &Value, now: Timestamp) -> Result<Option<Timestamp>, String> {
    if value.is_nil() || value.as_str().is_some_and(|text| text.trim().is_empty()) {
        return Ok(None);
    }
    let begins_at = workflow::instant(value)?;
    let delay_ms = begins_at.as_millis().saturating_sub(now.as_millis());
    if delay_ms > SUBFLOW_DELAY_MS_MAX {
        let days = SUBFLOW_DELAY_MS_MAX / (24 * 60 * 60 * 1000);
        return Err(format!("`{}` is more than {days} days away", value.render()));
    }
    Ok((delay_ms >= SUBFLOW_DELAY_MS_MIN).then_some(begins_at))
}
