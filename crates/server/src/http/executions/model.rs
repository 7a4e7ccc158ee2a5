//! Executions on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use store::executions::{Execution as Row, FullExecution};
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult};

/// A run of a workflow. `step_results`: step id -> 0 running, 1 OK, 2 failed, 3 skipped, 4 cancelled, 5 in doubt.
#[derive(Serialize, ToSchema)]
#[schema(as = models::PlaybookExecution)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct Execution {
    pub cancel_reason: String,
    pub created_at: i64,
    pub created_by: String,
    pub display_name: String,
    /// Milliseconds from start to end, or until now.
    pub duration: i64,
    #[schema(value_type = Object)]
    pub error_details: Value,
    pub execution_depth: i64,
    pub execution_number: i64,
    pub finished_at: i64,
    pub id: String,
    pub last_playbook_name: String,
    pub name: String,
    pub net_runtime_ms: i64,
    pub parent_execution_id: String,
    pub playbook_id: String,
    pub playbook_name: String,
    pub started_at: i64,
    pub state: String,
    pub state_ui: String,
    #[schema(value_type = Object)]
    pub step_results: Box<RawValue>,
    pub tenant_id: String,
    pub trigger_type: String,
    pub r#type: String,
    pub updated_at: i64,
    pub updated_by: String,
    pub version: String,
    pub workspace_id: String,
}

impl Execution {
    pub(super) fn new(row: Row, now: types::Timestamp) -> ApiResult<Self> {
        let error_details = match (&row.error_code, &row.error_message) {
            (None, None) => json!({}),
            (code, message) => json!({"error_code": code, "message": message}),
        };
        let state = row.state.public_name().to_owned();
        let began = row.started_at.unwrap_or(row.created_at);
        let duration = row.finished_at.unwrap_or(now).since(began).as_millis();
        Ok(Self {
            cancel_reason: row.cancel_reason.unwrap_or_default(),
            created_at: row.created_at.as_millis(),
            display_name: format!("{} #{}", row.workflow_name, row.execution_number),
            duration: i64::try_from(duration).unwrap_or(i64::MAX),
            error_details,
            execution_depth: row.execution_depth,
            execution_number: row.execution_number,
            finished_at: row.finished_at.map_or(0, types::Timestamp::as_millis),
            id: row.id.to_string(),
            last_playbook_name: row.workflow_name.clone(),
            name: row.workflow_name.clone(),
            net_runtime_ms: row.net_runtime_ms,
            parent_execution_id: row.parent_execution_id.map(|id| id.to_string()).unwrap_or_default(),
            playbook_id: row.workflow_id.to_string(),
            playbook_name: row.workflow_name,
            started_at: row.started_at.map_or(0, types::Timestamp::as_millis),
            state_ui: state.clone(),
            state,
            step_results: RawValue::from_string(row.step_results).map_err(ApiError::internal)?,
            tenant_id: row.tenant_id.to_string(),
            trigger_type: row.trigger_type,
            r#type: row.branch.as_str().to_owned(),
            updated_at: row.updated_at.as_millis(),
            updated_by: row.created_by.clone(),
            created_by: row.created_by,
            version: row.workflow_version.to_string(),
            workspace_id: row.workspace_id.to_string(),
        })
    }
}

/// A run with what went into it.
#[derive(Serialize, ToSchema)]
#[schema(as = models::PlaybookExecutionEnhanced)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct FullView {
    #[serde(flatten)]
    pub execution: Execution,
    #[schema(value_type = Object)]
    pub event: Box<RawValue>,
    #[schema(value_type = Object)]
    pub inputs: Box<RawValue>,
    #[schema(value_type = Object)]
    pub outputs: Box<RawValue>,
}

impl FullView {
    pub(super) fn new(full: FullExecution, now: types::Timestamp) -> ApiResult<Self> {
        let raw = |text: String| RawValue::from_string(text).map_err(ApiError::internal);
        Ok(Self {
            event: raw(full.event)?,
            inputs: raw(full.inputs)?,
            outputs: raw(full.outputs.unwrap_or_else(|| "{}".to_owned()))?,
            execution: Execution::new(full.execution, now)?,
        })
    }
}

/// One executed step.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = models::StepExecution)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct StepExecution {
    /// The action's full name.
    pub action: String,
    /// Counts from 1; 0 for a step that the engine itself runs.
    pub execution_count: u32,
    pub execution_id: String,
    #[schema(value_type = Object)]
    pub error_data: Value,
    pub finished_at: i64,
    pub id: String,
    #[schema(value_type = Object)]
    pub input_data: Value,
    #[schema(value_type = Object)]
    pub input_parameters: Value,
    pub name: String,
    #[schema(value_type = Object)]
    pub output_data: Value,
    /// The step's id and the loop turns it ran in.
    pub path: String,
    pub started_at: i64,
    pub state: String,
    pub step_id: String,
}

/// What a run is started with.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = playbook_inputs::PlaybookInputParamValues)]
#[serde(default)]
pub(crate) struct ExecuteInput {
    /// The inputs by name. Where no documented member is there, the body itself is taken for the inputs.
    #[schema(value_type = Option<Object>)]
    pub input_values: Option<serde_json::Map<String, Value>>,
    /// What triggered it, seen as `event.payload`.
    #[schema(value_type = Option<Object>)]
    pub event: Option<Value>,
    /// The runner group to use instead of the workflow's.
    pub runner: Option<String>,
    /// What is said to have triggered it.
    pub trigger_type: Option<String>,
    #[serde(flatten)]
    #[schema(ignore)]
    pub rest: BTreeMap<String, Value>,
}

impl ExecuteInput {
    /// The inputs, wherever the caller put them.
    pub(super) fn inputs(&mut self) -> serde_json::Map<String, Value> {
        const DOCUMENTED: [&str; 2] = ["callback", "past_exec_ref"];
        if let Some(values) = self.input_values.take() {
            return values;
        }
        let documented = self.event.is_some()
            || self.runner.is_some()
            || self.trigger_type.is_some()
            || DOCUMENTED.iter().any(|name| self.rest.contains_key(*name));
        if documented { serde_json::Map::new() } else { std::mem::take(&mut self.rest).into_iter().collect() }
    }
}

/// The answer to an asynchronous start.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::StartedExecution)]
pub(crate) struct Started {
    /// The run.
    pub execution_id: String,
}
