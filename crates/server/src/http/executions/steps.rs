//! The steps of a run, read from its journal.

use std::collections::{BTreeMap, HashMap, HashSet};

use engine::{BeganWith, Entry, StepRecord, StepState};
use serde::Deserialize;
use serde_json::{Value, json};
use store::executions::Execution;
use store::{Defaults, Field, FieldMap, Query};
use types::{ExecutionId, StepExecutionId, Timestamp};

use super::model::StepExecution;
use crate::driver::called_id;
use crate::error::ApiResult;

/// Rows of one answer if the caller does not say how many: clients ask for all steps at once.
pub(super) const ROWS_MAX: u64 = 10_000;

/// The state of a step that waits for a runner. Not the journal's: the one who drives the run knows.
const PENDING: &str = "Pending";

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
/// followed by another. `unbegun` are the attempts that no runner has begun: path -> number.
pub(super) fn steps_of(
    run: &Execution,
    journal: &[Entry],
    actions: &BTreeMap<String, (String, String)>,
    called: &HashSet<ExecutionId>,
    unbegun: &HashMap<String, u32>,
) -> Vec<StepExecution> {
    let records = engine::step_records(journal).into_iter();
    records
        .map(|record| {
            let (action, name) = actions.get(&record.step).cloned().unwrap_or_default();
            let id = called_id(run.id, &record.path, record.attempt);
            let called = record.is_call && called.contains(&id);
            let called = if called { id.to_string() } else { String::new() };
            let waits = unbegun.get(&record.path) == Some(&record.attempt);
            let waits = waits && record.state == StepState::Running;
            let row = row_of(run, record, (action, name), called);
            if waits { StepExecution { state: PENDING.to_owned(), ..row } } else { row }
        })
        .collect()
}

fn row_of(
    run: &Execution,
    record: StepRecord,
    (action, name): (String, String),
    subflow_execution_id: String,
) -> StepExecution {
    let StepRecord { path, step, attempt, .. } = record;
    let id = StepExecutionId::of_name(&format!("{}/{path}/{attempt}", run.id)).to_string();
    let inputs = match record.began_with {
        BeganWith::Inputs(inputs) => inputs.to_json(),
        // How many turns a while has is known when it is done.
        BeganWith::Items(_) if action == "internal.while" => Value::Null,
        BeganWith::Items(turns) => json!({"turns": turns}),
        BeganWith::Due(due) => json!({"due": due.as_millis()}),
        BeganWith::Branches(branches, needed) => json!({"branches": branches, "needed": needed}),
        BeganWith::Nothing => Value::Null,
    };
    let only_sets = record.output.is_nil() && !record.variables.is_empty();
    let output = if only_sets { json!(record.variables) } else { record.output.to_json() };
    StepExecution {
        action,
        cmd_id: id.clone(),
        created_at: record.started_at.as_millis(),
        created_by: run.created_by.clone(),
        execution_count: attempt,
        execution_id: run.id.to_string(),
        error_data: record.error.map_or(Value::Null, |error| json!(error)),
        finished_at: record.finished_at.map_or(0, Timestamp::as_millis),
        id,
        input_data: inputs.clone(),
        input_parameters: inputs,
        name,
        output_data: output,
        path,
        response_type: 0,
        runner: String::new(),
        started_at: record.started_at.as_millis(),
        state: record.state.as_str().to_owned(),
        step_id: step,
        subflow_execution_id,
        tenant_id: run.tenant_id.to_string(),
        updated_at: record.updated_at.as_millis(),
        updated_by: run.created_by.clone(),
    }
}
