//! Executions: list, read, steps, outputs, cancel; starting them is in `start`.

mod model;
mod start;
mod steps;

use std::collections::BTreeMap;

use engine::Entry;
use serde::Deserialize;
use serde_json::value::RawValue;
use store::executions::{self, FullExecution};
use types::ExecutionId;

use super::answer::{json, json_with_etag, page};
use super::excerpt;
use super::extract::{Body, KnownTags, ListQuery, Query};
use super::names::check_text;
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
pub(super) async fn get(ctx: Ctx, known: KnownTags) -> ApiResult {
    let mut full = find(&ctx).await?;
    let run = &full.execution;
    let document = document_of(&ctx, &full).await?.unwrap_or_default();
    let workflow = store::workflows::get(ctx.db(), run.workspace_id, run.workflow_id).await?;
    if run.state.is_finished() {
        // The run changes no more, but its workflow may be moved or deleted.
        let workflow_version = workflow.as_ref().map_or(0, |workflow| workflow.row_version);
        let tag = format!("{}-{workflow_version}", run.updated_at.as_millis());
        return json_with_etag(&known, &tag, &FullView::new(full, document, workflow.as_ref(), ctx.now())?);
    }
    let journal = read_journal(&ctx, full.execution.id).await?;
    full.execution.step_results =
        serde_json::to_string(&steps::results_of(&journal)).map_err(ApiError::internal)?;
    json(&FullView::new(full, document, workflow.as_ref(), ctx.now())?)
}

async fn document_of(ctx: &Ctx, full: &FullExecution) -> ApiResult<Option<String>> {
    Ok(store::documents::get(ctx.db(), ctx.workspace(), &full.execution.document_hash).await?)
}

/// The steps of a run, in the order in which they began: all of them, up to [`steps::ROWS_MAX`], if the caller
/// does not say how many.
pub(super) async fn list_steps(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = steps::parse_q(list.q.as_deref())?;
    let full = find(&ctx).await?;
    let journal = read_journal(&ctx, full.execution.id).await?;
    let document = document_of(&ctx, &full).await?.and_then(|text| workflow::parse(&text).document);
    let actions: BTreeMap<String, (String, String)> = document
        .iter()
        .flat_map(workflow::Document::actions)
        .map(|used| (used.step, (used.full_name, used.name.unwrap_or_default())))
        .collect();
    let rows = steps::steps_of(&full.execution, &journal, &actions);
    let total = rows.len() as u64;
    page(&query, total, steps::page_of(&rows, &query))
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
    check_text("cancel_reason", input.cancel_reason.as_deref())?;
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
