//! The steps of a run, read from its journal.

use std::collections::BTreeMap;

use engine::{Entry, StepState};
use serde_json::{Value, json};
use types::ExecutionId;

use super::model::StepExecution;

/// One row per executed step, in the order in which they began.
pub(super) fn steps_of(
    execution: ExecutionId,
    journal: &[Entry],
    actions: &BTreeMap<String, (String, String)>,
) -> Vec<StepExecution> {
    let mut log = Log { execution, actions, steps: Vec::new(), open: BTreeMap::new() };
    for entry in journal {
        log.take(entry);
    }
    log.steps
}

/// Step id -> number of its state, for a run that goes on: what its row will say when it ends.
pub(super) fn results_of(journal: &[Entry]) -> BTreeMap<&str, i64> {
    let mut results = BTreeMap::new();
    for entry in journal {
        match entry {
            Entry::StepStarted { step, .. }
            | Entry::LoopStarted { step, .. }
            | Entry::TimerSet { step, .. } => {
                results.insert(step.as_str(), StepState::Running.as_number());
            }
            Entry::StepFinished(finished) => {
                results.insert(finished.step.as_str(), finished.state.as_number());
            }
            Entry::Paused { step, .. } => {
                results.insert(step.as_str(), StepState::InDoubt.as_number());
            }
            _ => {}
        }
    }
    results
}

struct Log<'a> {
    execution: ExecutionId,
    actions: &'a BTreeMap<String, (String, String)>,
    steps: Vec<StepExecution>,
    /// Path -> place in `steps` of the step that is not finished.
    open: BTreeMap<String, usize>,
}

impl Log<'_> {
    fn take(&mut self, entry: &Entry) {
        match entry {
            Entry::StepStarted { path, step, attempt, inputs, at } => {
                self.begin(path, step, *attempt, inputs.to_json(), at.as_millis());
            }
            Entry::LoopStarted { path, step, items, at } => {
                self.begin(path, step, 0, json!({"turns": items.len()}), at.as_millis());
            }
            Entry::TimerSet { path, step, due, at } => {
                self.begin(path, step, 0, json!({"due": due.as_millis()}), at.as_millis());
            }
            Entry::StepFinished(finished) => {
                let place = self.open.remove(&finished.path).unwrap_or_else(|| {
                    let inputs = finished.inputs.to_json();
                    self.begin(&finished.path, &finished.step, 0, inputs, finished.started_at.as_millis())
                });
                self.open.remove(&finished.path);
                let Some(step) = self.steps.get_mut(place) else { return };
                step.state = finished.state.as_str().to_owned();
                step.finished_at = finished.at.as_millis();
                step.output_data = finished.output.to_json();
                if !finished.variables.is_empty() {
                    step.output_data = json!(finished.variables);
                }
                step.error_data = finished.error.as_ref().map_or(Value::Null, |error| json!(error));
            }
            Entry::Paused { path, reason, .. } => {
                if let Some(step) = self.open.get(path).and_then(|place| self.steps.get_mut(*place)) {
                    step.state = StepState::InDoubt.as_str().to_owned();
                    step.error_data = json!({"code": "in_doubt", "message": reason});
                }
            }
            Entry::Started { .. } | Entry::CancelRequested { .. } | Entry::Finished { .. } => {}
        }
    }

    fn begin(&mut self, path: &str, step: &str, attempt: u32, inputs: Value, started_at: i64) -> usize {
        let (action, name) = self.actions.get(step).cloned().unwrap_or_default();
        // A new attempt of the same step takes the old one's place.
        if let Some(place) = self.open.get(path).copied() {
            if let Some(step) = self.steps.get_mut(place) {
                step.execution_count = attempt;
            }
            return place;
        }
        self.steps.push(StepExecution {
            action,
            execution_count: attempt,
            execution_id: self.execution.to_string(),
            error_data: Value::Null,
            finished_at: 0,
            id: format!("{}/{path}", self.execution),
            input_data: inputs.clone(),
            input_parameters: inputs,
            name,
            output_data: Value::Null,
            path: path.to_owned(),
            started_at,
            state: StepState::Running.as_str().to_owned(),
            step_id: step.to_owned(),
        });
        let place = self.steps.len() - 1;
        self.open.insert(path.to_owned(), place);
        place
    }
}
