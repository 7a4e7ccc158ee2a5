//! Executions: list, read, steps, outputs, cancel; starting them is in `start`.

mod model;
mod start;
mod steps;

use std::collections::BTreeMap;

use engine::Entry;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use store::executions::{self, FullExecution};
use types::ExecutionId;

use super::answer::{json, json_with_etag, page};
use super::excerpt;
use super::extract::{Body, ListQuery, Query};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use model::FullView;
pub(crate) use model::{ExecuteInput, Execution, FullView as FullExecutionView, Started, StepExecution};
pub(super) use start::{execute, execute_draft};

/// The runs of the workspace.
pub(super) async fn list(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = super::parse_q(list.q.as_deref(), &executions::FIELDS)?;
    let found = executions::list(ctx.db(), ctx.workspace(), &query).await?;
    let now = ctx.now();
    let rows: ApiResult<Vec<Execution>> =
        found.rows.into_iter().map(|row| Execution::new(row, now)).collect();
    page(&query, found.total, &rows?)
}

/// One run.
pub(super) async fn get(ctx: Ctx, headers: HeaderMap) -> ApiResult {
    let mut full = find(&ctx).await?;
    if full.execution.state.is_finished() {
        let tag = full.execution.updated_at.as_millis().to_string();
        return json_with_etag(&headers, &tag, &FullView::new(full, ctx.now())?);
    }
    let journal = read_journal(&ctx, full.execution.id).await?;
    full.execution.step_results =
        serde_json::to_string(&steps::results_of(&journal)).map_err(ApiError::internal)?;
    json(&FullView::new(full, ctx.now())?)
}

/// The steps of a run, in the order in which they began.
pub(super) async fn list_steps(ctx: Ctx) -> ApiResult {
    let full = find(&ctx).await?;
    let id = full.execution.id;
    let journal = read_journal(&ctx, id).await?;
    let document = store::documents::get(ctx.db(), ctx.workspace(), &full.execution.document_hash).await?;
    let document = document.and_then(|text| workflow::parse(&text).document);
    let actions: BTreeMap<String, (String, String)> = document
        .iter()
        .flat_map(workflow::Document::actions)
        .map(|used| (used.step, (used.full_name, used.name.unwrap_or_default())))
        .collect();
    let rows = steps::steps_of(id, &journal, &actions);
    let total = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    json(&serde_json::json!({"limit": total, "offset": 0, "total": total, "results": rows}))
}

/// The outputs of a run: empty until it has completed.
pub(super) async fn outputs(ctx: Ctx) -> ApiResult {
    let id = ctx.id(&code::EXECUTION_NOT_FOUND)?;
    let found = executions::outputs(ctx.db(), ctx.workspace(), id).await?;
    let (_, outputs) = found.ok_or_else(|| not_found(&ctx))?;
    let outputs = outputs.unwrap_or_else(|| "{}".to_owned());
    json(&RawValue::from_string(outputs).map_err(ApiError::internal)?)
}

/// Why a run is cancelled.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CancelInput {
    cancel_reason: Option<String>,
}

/// Asks a run to stop; answered when that is durable.
pub(super) async fn cancel(ctx: Ctx, Body(input): Body<CancelInput>) -> ApiResult {
    let full = find(&ctx).await?;
    let id = full.execution.id;
    let not_running = || {
        let message = "Cannot cancel execution, it is not in a running state";
        ApiError::new(&code::EXECUTION_NOT_RUNNING, message)
            .with_data("state", full.execution.state.public_name())
    };
    if full.execution.state.is_finished() {
        return Err(not_running());
    }
    let by = &ctx.caller().email;
    let reason = input.cancel_reason.filter(|reason| !reason.is_empty());
    let reason = reason.map_or_else(|| format!("cancelled by {by}"), |reason| excerpt(&reason));
    if !ctx.app().driver().cancel(ctx.tenant(), ctx.workspace(), id, reason).await? {
        return Err(not_running());
    }
    let audit = ctx.audit("execution.cancelled", "execution", &id.to_string(), &full.execution.workflow_name);
    ctx.db().write(async move |tx| store::audit::record(tx, &audit).await).await?;
    json(&id)
}

async fn find(ctx: &Ctx) -> ApiResult<FullExecution> {
    let id: Option<ExecutionId> = ctx.id_text().parse().ok();
    let found = match id {
        Some(id) => executions::get(ctx.db(), ctx.workspace(), id).await?,
        None => None,
    };
    found.ok_or_else(|| not_found(ctx))
}

fn not_found(ctx: &Ctx) -> ApiError {
    ApiError::new(&code::EXECUTION_NOT_FOUND, "Can not find Executions")
        .with_details(format!("the workspace has no execution `{}`", excerpt(ctx.id_text())))
}

async fn read_journal(ctx: &Ctx, id: ExecutionId) -> ApiResult<Vec<Entry>> {
    let lines = store::journal::read_all(ctx.db(), ctx.workspace(), id).await?;
    let entries: Result<Vec<Entry>, _> = lines.iter().map(|line| serde_json::from_str(&line.body)).collect();
    entries
        .map_err(|error| ApiError::internal(format!("the journal of execution `{id}` is damaged: {error}")))
}
