//! Starting runs: of the published version and of the draft, asynchronously and synchronously.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use serde::Deserialize;
use serde_json::json;
use store::Chain;
use store::executions::ExecutionState;
use store::workflow_versions::{self, Branch, Document, WorkflowVersion};
use store::workflows::Workflow as Row;
use types::ExecutionId;
use workflow::InputDefinition;
use workflow::plan::Plan;

use super::model::{ExecuteInput, Started};
use crate::ctx::Ctx;
use crate::driver::{Lineage, NewRun};
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::json;
use crate::http::excerpt;
use crate::http::extract::{Body, Query};
use crate::http::workflows::{compile, find};

/// How long a synchronous call waits if it does not say.
const SYNC_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// Seconds that a synchronous call may wait.
const SYNC_TIMEOUT_S_MAX: u64 = 600;

/// How a run is started, as it stands in the query.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ExecuteQuery {
    run_sync: Option<String>,
    timeout: Option<String>,
}

impl ExecuteQuery {
    /// How long the caller waits for the end; none if they do not.
    fn wait(&self) -> ApiResult<Option<Duration>> {
        // As JSON's, Python's and a shell's clients write it.
        match self.run_sync.as_deref() {
            None | Some("" | "false" | "False" | "0") => return Ok(None),
            Some("true" | "True" | "1") => {}
            Some(other) => {
                let message = format!("`run_sync` is `{}`; it is true or false", excerpt(other));
                return Err(ApiError::new(&code::PARAMETER_INVALID, message));
            }
        }
        let Some(text) = self.timeout.as_deref() else { return Ok(Some(SYNC_TIMEOUT_DEFAULT)) };
        let seconds = text.parse().ok().filter(|seconds| (1..=SYNC_TIMEOUT_S_MAX).contains(seconds));
        seconds.map(|seconds| Some(Duration::from_secs(seconds))).ok_or_else(|| {
            let (given, most) = (excerpt(text), SYNC_TIMEOUT_S_MAX);
            let message = format!("`timeout` is `{given}`; 1 to {most} seconds are possible");
            ApiError::new(&code::PARAMETER_INVALID, message)
        })
    }
}

/// Runs the published version.
pub(crate) async fn execute(
    ctx: Ctx,
    Query(query): Query<ExecuteQuery>,
    Body(input): Body<ExecuteInput>,
) -> ApiResult {
    let row = find(&ctx).await?;
    if !row.active {
        let message = format!("Can not execute playbook: workflow `{}` is deactivated", row.name);
        return Err(ApiError::new(&code::WORKFLOW_INACTIVE, message));
    }
    let document = workflow_versions::latest(ctx.db(), row.workspace_id, row.id, Branch::Public).await?;
    let document = document.ok_or_else(|| {
        let message = format!("Can not execute playbook: workflow `{}` has not been published", row.name);
        ApiError::new(&code::WORKFLOW_NOT_FOUND, message)
    })?;
    answer(&ctx, row, document, input, &query).await
}

/// Runs the newest draft: a test run, but a real one.
pub(crate) async fn execute_draft(
    ctx: Ctx,
    Query(query): Query<ExecuteQuery>,
    _: HeaderMap,
    Body(input): Body<ExecuteInput>,
) -> ApiResult {
    let row = find(&ctx).await?;
    let document = newest_draft(&ctx, &row).await?;
    answer(&ctx, row, document, input, &query).await
}

pub(super) async fn newest_draft(ctx: &Ctx, row: &Row) -> ApiResult<Document> {
    let document = workflow_versions::latest(ctx.db(), row.workspace_id, row.id, Branch::Draft).await?;
    document.ok_or_else(|| ApiError::internal(format!("workflow `{}` has no draft", row.id)))
}

async fn answer(
    ctx: &Ctx,
    row: Row,
    document: Document,
    input: ExecuteInput,
    query: &ExecuteQuery,
) -> ApiResult {
    let wait = query.wait()?;
    if input.asks_for_callback() {
        let message = "no request can be made at the end of a run yet: leave `callback` out";
        return Err(ApiError::new(&code::NOT_AVAILABLE_YET, message));
    }
    let id = start(ctx, row, document, input).await?;
    match wait {
        Some(timeout) => finished(ctx, id, timeout).await,
        None => json(&Started { execution_id: id.to_string() }),
    }
}

/// Starts a run of a saved document; when this answers, it is durable.
async fn start(ctx: &Ctx, row: Row, document: Document, input: ExecuteInput) -> ApiResult<ExecutionId> {
    let plan = plan_of(ctx, &row, &document).await?;
    let (inputs, event) = input.into_inputs_and_event();
    let inputs = bind(&plan.inputs, inputs)?;
    let WorkflowVersion { hash, branch, version, .. } = document.version;
    let new = new_run(ctx, row, Pinned { hash, branch, version }, inputs);
    let new = NewRun { event: event.unwrap_or_else(|| json!({})), ..new };
    ctx.app().driver().start(new, plan).await
}

/// The document that a run is of.
pub(super) struct Pinned {
    pub(super) hash: String,
    pub(super) branch: Branch,
    /// 0 if it was not saved.
    pub(super) version: i64,
}

/// A run of that document, on demand of the caller.
pub(super) fn new_run(ctx: &Ctx, row: Row, pinned: Pinned, inputs: expr::Map) -> NewRun {
    NewRun {
        tenant: ctx.tenant(),
        workspace: ctx.workspace(),
        workflow: row.id,
        workflow_name: row.name,
        pack: row.pack_id.map(|id| id.to_string()),
        document_hash: pinned.hash,
        branch: pinned.branch,
        workflow_version: pinned.version,
        inputs,
        event: json!({}),
        trigger_type: "on_demand",
        user_email: ctx.caller().email.clone(),
        created_by: ctx.user().to_string(),
        lineage: Lineage::default(),
        begins_at: None,
        restarted_from: None,
        chain: Chain::default(),
        test_session_id: String::new(),
    }
}

/// The document's plan; it is compiled here if no run needed it before.
pub(super) async fn plan_of(ctx: &Ctx, row: &Row, document: &Document) -> ApiResult<Arc<Plan>> {
    let (driver, hash) = (ctx.app().driver(), &document.version.hash);
    if let Some(plan) = driver.known_plan(row.workspace_id, hash) {
        return Ok(plan);
    }
    let catalog = ctx.app().action_catalog(ctx.tenant()).await?;
    // A draft may have problems that only running it brings up: they are its author's to fix.
    let plan = compile(&document.text, &catalog)?;
    Ok(driver.keep_plan(row.workspace_id, hash, plan))
}

pub(super) fn bind(
    definitions: &[InputDefinition],
    given: serde_json::Map<String, serde_json::Value>,
) -> ApiResult<expr::Map> {
    workflow::bind_inputs(definitions, given).map_err(|errors| {
        let list: Vec<String> =
            errors.iter().map(|error| format!("`{}` {}", error.input, error.message)).collect();
        let by_name: serde_json::Map<String, serde_json::Value> =
            errors.into_iter().map(|error| (error.input, error.message.into())).collect();
        let message = format!("Can not execute playbook: {}", list.join("; "));
        ApiError::new(&code::INPUTS_INVALID, message).with_user_error("inputs", by_name)
    })
}

/// Waits for the end; answers the outputs.
async fn finished(ctx: &Ctx, id: ExecutionId, timeout: Duration) -> ApiResult {
    let about = |error: ApiError| error.with_data("execution_id", id.to_string());
    if !ctx.app().driver().wait(id, timeout).await {
        let message = format!("the run did not end within {} s; it goes on", timeout.as_secs());
        return Err(about(ApiError::new(&code::EXECUTION_STILL_RUNNING, message)));
    }
    let full = store::executions::get(ctx.db(), ctx.workspace(), id).await?;
    let full = full.ok_or_else(|| ApiError::internal(format!("execution `{id}` is gone")))?;
    let state = full.execution.state;
    match full.outputs {
        Some(outputs) if state == ExecutionState::Completed => {
            json(&serde_json::value::RawValue::from_string(outputs).map_err(ApiError::internal)?)
        }
        _ => {
            let message =
                full.execution.error_message.unwrap_or_else(|| format!("the run is {}", state.as_str()));
            let error = ApiError::new(&code::EXECUTION_FAILED, message)
                .with_data("state", state.public_name())
                .with_data("error_code", full.execution.error_code.unwrap_or_default());
            Err(about(error))
        }
    }
}
