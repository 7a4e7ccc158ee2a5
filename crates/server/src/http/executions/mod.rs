//! Executions: read, steps, outputs, cancel; their lists are in `lists`, starting them is in `start`.

mod control;
mod events;
mod feed;
mod files;
mod lists;
mod logs;
mod message;
mod model;
mod restart;
mod start;
mod steps;
mod test_run;
mod update;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use engine::{Entry, StepState};
use serde::Deserialize;
use serde_json::value::RawValue;
use store::executions::{self, FullExecution};
use types::ExecutionId;

use super::answer::{json, json_with_etag, page};
use super::excerpt;
use super::extract::{Body, KnownTags, ListQuery, Query};
use super::names::check_text;
use crate::ctx::Ctx;
use crate::driver::entries_of;
use crate::error::{ApiError, ApiResult, code};
pub(crate) use control::{PauseInput, ResolveInput, ResumeInput};
pub(super) use control::{complete, pause, resolve, resume};
pub(super) use events::events;
pub(crate) use feed::FOLLOWERS_MAX;
pub(crate) use files::ExecutionFile;
pub(super) use files::{disposition, file, list_files};
pub(super) use lists::{list, list_with_inputs, list_with_metrics};
pub(crate) use logs::ExecutionLog;
pub(super) use logs::list_logs;
use model::FullView;
pub(crate) use model::{
    ActionHistory, ExecuteInput, Execution, FullView as FullExecutionView, Restarted, RestartedMany, Started,
    StepExecution, WithInputs, WithMetrics,
};
pub(crate) use restart::RestartInput;
pub(super) use restart::{restart, restart_many};
pub(super) use start::{execute, execute_draft};
pub(crate) use test_run::TestInput;
pub(super) use test_run::{start_document, start_stream};
pub(crate) use update::UpdateInput;
pub(super) use update::update;

/// Called workflows of which a run's page says the names.
const NAMED_SUBFLOWS_MAX: usize = 100;

/// One run.
pub(super) async fn get(ctx: Ctx, known: KnownTags) -> ApiResult {
    let full = find(&ctx).await?;
    let finished = full.execution.state.is_finished().then_some(full.execution.updated_at);
    let (view, versions) = shown(&ctx, full).await?;
    match finished {
        // The run changes by hand alone, but its workflow may be moved or deleted, those it calls renamed.
        Some(updated_at) => {
            let tag = format!("{}-{versions}", updated_at.as_millis());
            json_with_etag(&known, &tag, &view)
        }
        None => json(&view),
    }
}

/// The run with everything that there is to show of it, and the versions of its workflow and of those that it calls: 0
/// of one that is gone.
async fn shown(ctx: &Ctx, mut full: FullExecution) -> ApiResult<(FullView, String)> {
    let run = &full.execution;
    let document = document_of(ctx, &full).await?.unwrap_or_default();
    let workflow = store::workflows::get(ctx.db(), run.workspace_id, run.workflow_id).await?;
    if !run.state.is_finished() {
        let driver = ctx.app().driver();
        if let Some(results) = driver.step_results(ctx.tenant(), run).await? {
            full.execution.step_results = results;
        }
    }
    let uses = ctx.app().known_uses().read(&full.execution.document_hash, &document);
    let mut versions = workflow.as_ref().map_or(0, |workflow| workflow.row_version).to_string();
    let mut names = BTreeMap::new();
    for id in uses.subflows.iter().take(NAMED_SUBFLOWS_MAX) {
        let called = match id.parse() {
            Ok(id) => store::workflows::get(ctx.db(), ctx.workspace(), id).await?,
            Err(_) => None,
        };
        let version = called.as_ref().map_or(0, |called| called.row_version);
        let _ = write!(versions, ".{version}");
        names.extend(called.map(|called| (format!("automations.{id}"), called.name)));
    }
    let mut view = FullView::new(full, document, workflow.as_ref(), ctx.now())?;
    view.subflows_reference_to_name_mapping = names;
    Ok((view, versions))
}

async fn document_of(ctx: &Ctx, full: &FullExecution) -> ApiResult<Option<String>> {
    Ok(store::documents::get(ctx.db(), ctx.workspace(), &full.execution.document_hash).await?)
}

/// The steps of a run, in the order in which they began: all of them, up to [`steps::ROWS_MAX`], if the caller
/// does not say how many.
pub(super) async fn list_steps(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = steps::parse_q(list.q.as_deref(), &steps::FIELDS)?;
    let rows = steps_of(&ctx).await?;
    page(&query, rows.len() as u64, steps::page_of(&rows, &query))
}

/// The actions that a run has carried out, in the order in which they began: what it skipped is not among them.
pub(super) async fn action_history(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = steps::parse_q(list.q.as_deref(), &steps::HISTORY_FIELDS)?;
    let mut rows = steps_of(&ctx).await?;
    rows.retain(|step| step.state != StepState::Skipped.as_str());
    let rows: Vec<ActionHistory> = rows.into_iter().map(ActionHistory::from).collect();
    page(&query, rows.len() as u64, steps::page_of(&rows, &query))
}

async fn steps_of(ctx: &Ctx) -> ApiResult<Vec<StepExecution>> {
    let full = find(ctx).await?;
    // Before the journal: what begins or ends in between is shown as it was.
    let unbegun = ctx.app().driver().unbegun(full.execution.id);
    let journal = read_journal(ctx, full.execution.id).await?;
    let actions = actions_of(ctx, &full).await?;
    let calls = journal.iter().any(|entry| matches!(entry, Entry::StepStarted { subflow: Some(_), .. }));
    let called = match calls {
        true => executions::called_by(ctx.db(), ctx.workspace(), full.execution.id).await?,
        false => Vec::new(),
    };
    let called = called.into_iter().collect();
    Ok(steps::steps_of(&full.execution, &journal, &actions, &called, &unbegun))
}

/// Step id -> its action's full name and its own name.
async fn actions_of(ctx: &Ctx, full: &FullExecution) -> ApiResult<BTreeMap<String, (String, String)>> {
    let document = document_of(ctx, full).await?.and_then(|text| workflow::parse(&text).document);
    let used = document.iter().flat_map(workflow::Document::actions);
    Ok(used.map(|used| (used.step, (used.full_name, used.name.unwrap_or_default()))).collect())
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
    entries_of(&lines)
        .map_err(|error| ApiError::internal(format!("the journal of execution `{id}` is damaged: {error}")))
}
