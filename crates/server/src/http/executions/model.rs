//! Executions on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use store::executions::{Execution as Row, ExecutionState, FullExecution};
use store::workflows::Workflow;
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult};
use crate::http::answer::PagingInfo;

/// A run of a workflow. `step_results`: step id -> 0 running, 1 OK, 2 failed, 3 skipped, 4 cancelled, 5 in doubt.
#[derive(Serialize, ToSchema)]
#[schema(as = models::PlaybookExecution)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct Execution {
    pub app_id: String,
    /// The run that called it and did not wait.
    pub async_parent_execution_id: String,
    pub cancel_reason: String,
    pub created_at: i64,
    pub created_by: String,
    pub display_name: String,
    /// Milliseconds from start to end, or until now.
    pub duration: i64,
    pub error_code: String,
    #[schema(value_type = Object)]
    pub error_details: Value,
    /// How many runs it is nested in.
    pub execution_depth: i64,
    pub execution_number: i64,
    pub finished_at: i64,
    pub id: String,
    pub last_playbook_name: String,
    /// The workflow's name, or the one that the run was given.
    pub name: String,
    pub net_runtime_ms: i64,
    /// The run that called it and waits for its end.
    pub parent_execution_id: String,
    /// The document that it runs; empty in lists.
    pub playbook: String,
    pub playbook_id: String,
    pub playbook_name: String,
    pub runner_group_id: String,
    pub runner_id: String,
    pub started_at: i64,
    pub state: String,
    pub state_ui: String,
    #[schema(value_type = Object)]
    pub step_results: Box<RawValue>,
    pub tenant_id: String,
    /// The editor's session that it tests for.
    pub test_session_id: String,
    /// The run that it goes on from; empty if it began by itself.
    pub restarted_from_execution_id: String,
    /// The path of the step that it began with then.
    pub restarted_from_step: String,
    /// The run that it all began with: itself, unless it is nested in another.
    pub top_execution_id: String,
    pub top_execution_started_at: i64,
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
        let started_at = row.started_at.map_or(0, types::Timestamp::as_millis);
        let top = row.top_execution.map(|(id, started_at)| (id, started_at.as_millis()));
        let (top_execution_id, top_execution_started_at) = top.unwrap_or((row.id, started_at));
        let or_empty = |id: Option<types::ExecutionId>| id.map(|id| id.to_string()).unwrap_or_default();
        let of_its_own = |own: String, other: &str| if own.is_empty() { other.to_owned() } else { own };
        let name = of_its_own(row.name, &row.workflow_name);
        Ok(Self {
            app_id: String::new(),
            async_parent_execution_id: or_empty(row.async_parent_execution_id),
            cancel_reason: row.cancel_reason.unwrap_or_default(),
            created_at: row.created_at.as_millis(),
            display_name: format!("{name} #{}", row.execution_number),
            duration: i64::try_from(duration).unwrap_or(i64::MAX),
            error_code: row.error_code.unwrap_or_default(),
            error_details,
            execution_depth: row.execution_depth,
            execution_number: row.execution_number,
            finished_at: row.finished_at.map_or(0, types::Timestamp::as_millis),
            id: row.id.to_string(),
            last_playbook_name: row.workflow_name.clone(),
            name,
            net_runtime_ms: row.net_runtime_ms,
            parent_execution_id: or_empty(row.parent_execution_id),
            playbook: String::new(),
            playbook_id: row.workflow_id.to_string(),
            playbook_name: row.workflow_name,
            runner_group_id: String::new(),
            runner_id: String::new(),
            started_at,
            state_ui: state.clone(),
            state,
            step_results: RawValue::from_string(row.step_results).map_err(ApiError::internal)?,
            tenant_id: row.tenant_id.to_string(),
            test_session_id: row.test_session_id,
            restarted_from_execution_id: row.restarted_from_id.map(|id| id.to_string()).unwrap_or_default(),
            restarted_from_step: row.restarted_from_step,
            top_execution_id: top_execution_id.to_string(),
            top_execution_started_at,
            trigger_type: row.trigger_type,
            r#type: row.branch.as_str().to_owned(),
            updated_at: row.updated_at.as_millis(),
            updated_by: of_its_own(row.updated_by, &row.created_by),
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
    pub input_values_origin_exec_id: String,
    #[schema(value_type = Object)]
    pub outputs: Box<RawValue>,
    pub pack_id: String,
    pub pack_name: String,
    /// Whether the workflow is gone.
    pub playbook_deleted: bool,
    pub scheduled_trigger_timezone: String,
    /// The names of the workflows that it calls, by the actions of its steps, `automations.<id>`.
    #[schema(value_type = Object)]
    pub subflows_reference_to_name_mapping: BTreeMap<String, String>,
}

impl FullView {
    /// With the document that it runs and, as long as there is one, the workflow.
    pub(super) fn new(
        full: FullExecution,
        document: String,
        workflow: Option<&Workflow>,
        now: types::Timestamp,
    ) -> ApiResult<Self> {
        let pack = workflow.and_then(|workflow| workflow.pack_id);
        let execution = Execution { playbook: document, ..Execution::new(full.execution, now)? };
        let raw = |text: String| RawValue::from_string(text).map_err(ApiError::internal);
        Ok(Self {
            event: raw(full.event)?,
            inputs: raw(full.inputs)?,
            input_values_origin_exec_id: execution.restarted_from_execution_id.clone(),
            outputs: raw(full.outputs.unwrap_or_else(|| "{}".to_owned()))?,
            pack_id: pack.map(|id| id.to_string()).unwrap_or_default(),
            pack_name: String::new(),
            playbook_deleted: workflow.is_none(),
            scheduled_trigger_timezone: String::new(),
            subflows_reference_to_name_mapping: BTreeMap::new(),
            execution,
        })
    }
}

/// A run with its inputs, in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::ExecutionWithInputs)]
pub(crate) struct WithInputs {
    #[serde(flatten)]
    execution: Execution,
    /// By name; empty if they were left out.
    #[schema(value_type = Object)]
    inputs: Box<RawValue>,
    /// They are too long for a list: ask for the run itself.
    inputs_left_out: bool,
}

impl WithInputs {
    pub(super) fn new(row: Row, inputs: Option<String>, now: types::Timestamp) -> ApiResult<Self> {
        let inputs_left_out = inputs.is_none();
        let inputs = RawValue::from_string(inputs.unwrap_or_else(|| "{}".to_owned()));
        Ok(Self {
            execution: Execution::new(row, now)?,
            inputs: inputs.map_err(ApiError::internal)?,
            inputs_left_out,
        })
    }
}

/// How many runs the filter lets through, on whatever page they are.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = models::PlaybookExecutionMetrics)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct Metrics {
    pub cancelled: u64,
    pub completed: u64,
    pub failed: u64,
    pub paused: u64,
    /// In a wait.
    pub pending: u64,
    pub queued: u64,
    pub running: u64,
    pub timeout: u64,
    /// Of every state.
    pub total_executions: u64,
    /// Minutes that people were spared. Workflows do not say how many that are: always 0.
    pub total_time_saved: u64,
}

impl Metrics {
    pub(super) fn of(counts: &[(ExecutionState, u64)]) -> Self {
        let mut metrics = Self::default();
        for (state, count) in counts {
            metrics.total_executions += count;
            *metrics.count_of(*state) += count;
        }
        metrics
    }

    fn count_of(&mut self, state: ExecutionState) -> &mut u64 {
        match state {
            ExecutionState::Queued => &mut self.queued,
            ExecutionState::Running => &mut self.running,
            ExecutionState::Waiting => &mut self.pending,
            ExecutionState::Paused => &mut self.paused,
            ExecutionState::Completed => &mut self.completed,
            ExecutionState::Failed => &mut self.failed,
            ExecutionState::Cancelled => &mut self.cancelled,
            ExecutionState::TimedOut => &mut self.timeout,
        }
    }
}

/// A page of runs, and how many there are of each state.
#[derive(Serialize, ToSchema)]
#[schema(as = models::PlaybookExecutionWithMetrics)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct WithMetrics {
    #[serde(flatten)]
    pub info: PagingInfo,
    #[schema(value_type = Vec<Execution>)]
    pub results: Vec<Value>,
    pub metrics: Metrics,
}

/// An action that a run has carried out.
#[derive(Serialize, ToSchema)]
#[schema(as = models::ActionHistory)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct ActionHistory {
    /// The action's full name.
    pub cmd: String,
    pub created_at: i64,
    /// Who started the run.
    pub created_by: String,
    pub execution_id: String,
    /// The same as the step's.
    pub id: String,
    /// The step's name.
    pub name: String,
    pub step_id: String,
    pub tenant_id: String,
    pub updated_at: i64,
    pub updated_by: String,
}

impl From<StepExecution> for ActionHistory {
    fn from(step: StepExecution) -> Self {
        Self {
            cmd: step.action,
            created_at: step.created_at,
            created_by: step.created_by,
            execution_id: step.execution_id,
            id: step.id,
            name: step.name,
            step_id: step.step_id,
            tenant_id: step.tenant_id,
            updated_at: step.updated_at,
            updated_by: step.updated_by,
        }
    }
}

/// One executed step.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = models::StepExecution)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct StepExecution {
    /// The action's full name.
    pub action: String,
    /// The command that the step is: the same as `id`.
    pub cmd_id: String,
    pub created_at: i64,
    /// Who started the run.
    pub created_by: String,
    /// Counts from 1; 0 for a step that the engine itself runs.
    pub execution_count: u32,
    pub execution_id: String,
    #[schema(value_type = Option<Object>)]
    pub error_data: Value,
    pub finished_at: i64,
    /// The same whenever it is asked for.
    pub id: String,
    pub input_data: Value,
    pub input_parameters: Value,
    pub name: String,
    pub output_data: Value,
    /// The step's id and the loop turns it ran in.
    pub path: String,
    pub response_type: i64,
    pub runner: String,
    pub started_at: i64,
    /// `Pending` as long as it waits for a runner, `Running`, `OK`, `Failed`, `Skipped`, `Cancelled` or `InDoubt`.
    pub state: String,
    pub step_id: String,
    /// The run that the step called; empty if it called none.
    pub subflow_execution_id: String,
    pub tenant_id: String,
    pub updated_at: i64,
    pub updated_by: String,
}

/// What a run is started with.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = playbook_inputs::PlaybookInputParamValues)]
#[serde(default)]
pub(crate) struct ExecuteInput {
    /// The inputs by name. Where no documented member is there, the body itself is taken for the inputs.
    #[schema(value_type = Option<Object>)]
    pub input_values: Value,
    /// What triggered it, seen as `event.payload`.
    #[schema(value_type = Option<Object>)]
    pub event: Value,
    /// The runner group to use instead of the workflow's.
    #[schema(value_type = Option<String>)]
    pub runner: Value,
    /// What is said to have triggered it.
    #[schema(value_type = Option<String>)]
    pub trigger_type: Value,
    /// A request to make when the run ends. Not available yet: it is refused.
    #[schema(value_type = Option<Object>)]
    pub callback: Value,
    #[serde(flatten)]
    #[schema(ignore)]
    pub rest: BTreeMap<String, Value>,
}

impl ExecuteInput {
    /// Whether a request is to be made when the run ends.
    pub(super) fn asks_for_callback(&self) -> bool {
        match &self.callback {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(members) => !members.is_empty(),
            Value::Bool(_) | Value::Number(_) => true,
        }
    }

    /// The inputs, wherever the caller put them, and the event. A documented name with a value that the member
    /// cannot have is an input of that name.
    pub(super) fn into_inputs_and_event(self) -> (Map<String, Value>, Option<Value>) {
        let Self { input_values, event, runner, trigger_type, callback, rest } = self;
        let event = Some(event).filter(|event| !event.is_null());
        if let Value::Object(inputs) = input_values {
            return (inputs, event);
        }
        let documented = event.is_some()
            || [&runner, &trigger_type].into_iter().any(Value::is_string)
            || !callback.is_null()
            || rest.contains_key("past_exec_ref");
        if documented {
            return (Map::new(), event);
        }
        let mut inputs: Map<String, Value> = rest.into_iter().collect();
        for (name, value) in
            [("input_values", input_values), ("runner", runner), ("trigger_type", trigger_type)]
        {
            if !value.is_null() {
                inputs.insert(name.to_owned(), value);
            }
        }
        (inputs, event)
    }
}

/// The answer to a restart.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::RestartedExecution)]
pub(crate) struct Restarted {
    /// The run that was asked about.
    pub id: String,
    /// The new run; empty if there is none.
    pub execution_id: String,
    /// The path of the step that it begins with.
    pub step: String,
    /// The run that was asked about was paused, and is cancelled now.
    pub cancelled: bool,
    /// Why there is no new run: `identifier` and `message`; empty if there is one.
    pub error: Value,
}

/// The answer to a restart of many.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::RestartedExecutions)]
pub(crate) struct RestartedMany {
    /// Runs that the filter lets through, on whatever page they are.
    pub total: u64,
    /// What happened to each run of the page.
    pub results: Vec<Restarted>,
}

/// The answer to an asynchronous start.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::StartedExecution)]
pub(crate) struct Started {
    /// The run.
    pub execution_id: String,
}
