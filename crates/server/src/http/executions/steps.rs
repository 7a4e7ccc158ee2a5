//! The steps of a run, read from its journal.

use std::collections::{BTreeMap, HashSet};

use engine::{Entry, StepState};
use serde::Deserialize;
use serde_json::{Value, json};
use store::executions::Execution;
use store::{Defaults, Field, FieldMap, Query};
use types::{ExecutionId, StepExecutionId};

use super::model::StepExecution;
use crate::driver::called_id;
use crate::error::ApiResult;

/// Rows of one answer if the caller does not say how many: clients ask for all steps at once.
pub(super) const ROWS_MAX: u64 = 10_000;

/// The members of a row. Steps come in the order in which they began, and cannot be filtered.
pub(super) static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::computed("action"),
        Field::computed("cmd_id"),
        Field::computed("created_at"),
        Field::computed("created_by"),
        Field::computed("error_data"),
        Field::computed("execution_count"),
        Field::computed("execution_id"),
        Field::computed("finished_at"),
        Field::computed("id"),
        Field::computed("input_data"),
        Field::computed("input_parameters"),
        Field::computed("name"),
        Field::computed("output_data"),
        Field::computed("path"),
        Field::computed("response_type"),
        Field::computed("runner"),
        Field::computed("started_at"),
        Field::computed("state"),
        Field::computed("step_id"),
        Field::computed("subflow_execution_id"),
        Field::computed("tenant_id"),
        Field::computed("updated_at"),
        Field::computed("updated_by"),
    ],
    defaults: Defaults { sort: &[], search: &[] },
};

/// The members of a row of the history of actions, which comes in the same order.
pub(super) static HISTORY_FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::computed("cmd"),
        Field::computed("created_at"),
        Field::computed("created_by"),
        Field::computed("execution_id"),
        Field::computed("id"),
        Field::computed("name"),
        Field::computed("step_id"),
        Field::computed("tenant_id"),
        Field::computed("updated_at"),
        Field::computed("updated_by"),
    ],
    defaults: Defaults { sort: &[], search: &[] },
};

/// Reads `q`, of which `limit`, `offset` and `select` count.
pub(super) fn parse_q(q: Option<&str>, fields: &'static FieldMap) -> ApiResult<Query> {
    #[derive(Default, Deserialize)]
    struct Given {
        limit: Option<Value>,
    }
    let mut query = crate::http::parse_q(q, fields)?;
    let given: Given = q.and_then(|q| serde_json::from_str(q).ok()).unwrap_or_default();
    if given.limit.is_none() {
        query.limit = ROWS_MAX;
    }
    Ok(query)
}

/// The rows that the query asks for.
pub(super) fn page_of<'r, T>(rows: &'r [T], query: &Query) -> &'r [T] {
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let rest = rows.get(count(query.offset)..).unwrap_or_default();
    &rest[..rest.len().min(count(query.limit))]
}

/// One row per executed step, in the order in which they began; one more for each attempt that failed and was
/// followed by another.
pub(super) fn steps_of(
    execution: &Execution,
    journal: &[Entry],
    actions: &BTreeMap<String, (String, String)>,
    called: &HashSet<ExecutionId>,
) -> Vec<StepExecution> {
    let mut log = Log { execution, actions, called, steps: Vec::new(), open: BTreeMap::new() };
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
            Entry::BranchesStarted { step, branches, .. } => {
                let begun = branches.iter().chain([step]);
                results.extend(begun.map(|step| (step.as_str(), StepState::Running.as_number())));
            }
            Entry::Caught { step, .. } => {
                results.insert(step.as_str(), StepState::Ok.as_number());
            }
            Entry::StepFinished(finished) => {
                results.insert(finished.step.as_str(), finished.state.as_number());
            }
            Entry::Exhausted { step, .. } => {
                results.insert(step.as_str(), StepState::Failed.as_number());
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
    execution: &'a Execution,
    actions: &'a BTreeMap<String, (String, String)>,
    /// The runs that it called.
    called: &'a HashSet<ExecutionId>,
    steps: Vec<StepExecution>,
    /// Path -> place in `steps` of the step that is not finished.
    open: BTreeMap<String, usize>,
}

impl Log<'_> {
    fn take(&mut self, entry: &Entry) {
        match entry {
            Entry::StepStarted { path, step, attempt, inputs, subflow, at, .. } => {
                let place = self.begin(path, step, *attempt, inputs.to_json(), at.as_millis());
                let called = called_id(self.execution.id, path, *attempt);
                if let Some(step) = self.steps.get_mut(place)
                    && subflow.is_some()
                {
                    let called = self.called.contains(&called).then(|| called.to_string());
                    step.subflow_execution_id = called.unwrap_or_default();
                }
            }
            // The attempt's row ends here; the next attempt has one of its own.
            Entry::AttemptFailed { path, error, at, .. } => {
                let place = self.open.remove(path);
                let Some(step) = place.and_then(|place| self.steps.get_mut(place)) else { return };
                step.state = StepState::Failed.as_str().to_owned();
                step.finished_at = at.as_millis();
                step.updated_at = step.finished_at;
                step.error_data = json!(error);
            }
            Entry::LoopStarted { path, step, items, at, .. } => {
                // How many turns a while has is known when it is done.
                let counted = self.actions.get(step).is_none_or(|(action, _)| action != "internal.while");
                let inputs = if counted { json!({"turns": items.len()}) } else { Value::Null };
                self.begin(path, step, 0, inputs, at.as_millis());
            }
            Entry::TimerSet { path, step, due, at, .. } => {
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
                step.updated_at = step.finished_at;
                step.output_data = finished.output.to_json();
                if !finished.variables.is_empty() {
                    step.output_data = json!(finished.variables);
                }
                step.error_data = finished.error.as_ref().map_or(Value::Null, |error| json!(error));
            }
            Entry::Caught { path, step, failed, error, at, .. } => {
                let place = self.begin(path, step, 0, Value::Null, at.as_millis());
                self.open.remove(path);
                let Some(step) = self.steps.get_mut(place) else { return };
                step.state = StepState::Ok.as_str().to_owned();
                step.finished_at = at.as_millis();
                step.output_data =
                    json!({"error": error.message, "error_code": error.code, "failed_step": failed});
            }
            Entry::Paused { path, reason, at, .. } => {
                if let Some(step) = self.open.get(path).and_then(|place| self.steps.get_mut(*place)) {
                    step.state = StepState::InDoubt.as_str().to_owned();
                    step.error_data = json!({"code": "in_doubt", "message": reason});
                    step.updated_at = at.as_millis();
                }
            }
            Entry::BranchesStarted { path, step, needed, branches, at, .. } => {
                self.begin(path, step, 0, json!({"branches": branches, "needed": needed}), at.as_millis());
                let prefix = path.strip_suffix(step.as_str()).unwrap_or_default();
                for branch in branches {
                    self.begin(&format!("{prefix}{branch}"), branch, 0, Value::Null, at.as_millis());
                }
            }
            // It stays open: somebody may say that it has happened all the same.
            Entry::Exhausted { path, error, at, .. } => {
                if let Some(step) = self.open.get(path).and_then(|place| self.steps.get_mut(*place)) {
                    step.state = StepState::Failed.as_str().to_owned();
                    step.finished_at = at.as_millis();
                    step.updated_at = step.finished_at;
                    step.error_data = json!(error);
                }
            }
            Entry::Started { .. }
            | Entry::AttemptLost { .. }
            | Entry::TurnStarted { .. }
            | Entry::CancelRequested { .. }
            | Entry::PauseRequested { .. }
            | Entry::Resolved { .. }
            | Entry::Resumed { .. }
            | Entry::CompleteRequested { .. }
            | Entry::Restarted { .. }
            | Entry::Finished { .. } => {}
        }
    }

    fn begin(&mut self, path: &str, step: &str, attempt: u32, inputs: Value, started_at: i64) -> usize {
        // A new attempt of a step whose attempt was lost takes the old one's place. One that failed keeps its own.
        if let Some(place) = self.open.get(path).copied()
            && let Some(step) = self.steps.get_mut(place)
            && step.state != StepState::Failed.as_str()
        {
            step.execution_count = attempt;
            step.updated_at = started_at;
            step.state = StepState::Running.as_str().to_owned();
            step.error_data = Value::Null;
            return place;
        }
        let (action, name) = self.actions.get(step).cloned().unwrap_or_default();
        let run = self.execution;
        let id = StepExecutionId::of_name(&format!("{}/{path}/{attempt}", run.id)).to_string();
        self.steps.push(StepExecution {
            action,
            cmd_id: id.clone(),
            created_at: started_at,
            created_by: run.created_by.clone(),
            execution_count: attempt,
            execution_id: run.id.to_string(),
            error_data: Value::Null,
            finished_at: 0,
            id,
            input_data: inputs.clone(),
            input_parameters: inputs,
            name,
            output_data: Value::Null,
            path: path.to_owned(),
            response_type: 0,
            runner: String::new(),
            started_at,
            state: StepState::Running.as_str().to_owned(),
            step_id: step.to_owned(),
            subflow_execution_id: String::new(),
            tenant_id: run.tenant_id.to_string(),
            updated_at: started_at,
            updated_by: run.created_by.clone(),
        });
        let place = self.steps.len() - 1;
        self.open.insert(path.to_owned(), place);
        place
    }
}
