//! New runs that go on from a step of runs which have ended or are paused: one, or those that a filter lets through.

use engine::Entry;
use serde::Deserialize;
use serde_json::{Value, json};
use store::executions::{ExecutionState, FIELDS, FullExecution};
use store::workflow_versions::Branch;
use types::ExecutionId;
use utoipa::ToSchema;

use super::model::{Restarted, RestartedMany};
use super::start::{Pinned, new_run};
use super::{document_of, find, not_found, read_journal};
use crate::ctx::Ctx;
use crate::driver::NewRun;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::json as answer;
use crate::http::extract::{Body, ListQuery, Query};
use crate::http::workflows::compile;
use crate::http::{excerpt, parse_q};

/// Runs that one request restarts.
pub(crate) const RESTARTS_MAX: u64 = 100;

/// Where the new run begins.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = v1::RestartExecutionRequest)]
#[serde(default)]
pub(crate) struct RestartInput {
    /// The step's path, or its id if it ran once. Left out: the step that the run failed or stands at.
    step: Option<String>,
}

/// Starts a run that goes on from a step of this one.
pub(in crate::http) async fn restart(ctx: Ctx, Body(input): Body<RestartInput>) -> ApiResult {
    let full = find(&ctx).await?;
    answer(&restart_one(&ctx, full, input.step).await?)
}

/// The same for each run of a page that a filter lets through; says of each what happened.
pub(in crate::http) async fn restart_many(
    ctx: Ctx,
    Query(list): Query<ListQuery>,
    Body(input): Body<RestartInput>,
) -> ApiResult {
    let query = read_q(list.q.as_deref())?;
    let found = store::executions::list(ctx.db(), ctx.workspace(), &query).await?;
    let mut results = Vec::with_capacity(found.rows.len());
    for row in found.rows {
        let restarted = match store::executions::get(ctx.db(), ctx.workspace(), row.id).await? {
            Some(full) => restart_one(&ctx, full, input.step.clone()).await,
            None => Err(not_found(&ctx)),
        };
        results.push(restarted.unwrap_or_else(|error| refused(row.id, &error)));
    }
    answer(&RestartedMany { total: found.total, results })
}

/// A `q` whose page is not larger than one request may restart.
fn read_q(q: Option<&str>) -> ApiResult<store::Query> {
    #[derive(Default, Deserialize)]
    struct Given {
        limit: Option<Value>,
    }
    let mut query = parse_q(q, &FIELDS)?;
    let given: Given = q.and_then(|q| serde_json::from_str(q).ok()).unwrap_or_default();
    if given.limit.is_none() {
        query.limit = RESTARTS_MAX;
    }
    if query.limit > RESTARTS_MAX {
        let message = format!("`limit` is {}; one request restarts at most {RESTARTS_MAX} runs", query.limit);
        return Err(ApiError::new(&code::QUERY_INVALID, message));
    }
    Ok(query)
}

fn refused(id: ExecutionId, error: &ApiError) -> Restarted {
    let error = json!({"identifier": error.code().identifier, "message": error.message()});
    Restarted {
        id: id.to_string(),
        execution_id: String::new(),
        step: String::new(),
        cancelled: false,
        error,
    }
}

async fn restart_one(ctx: &Ctx, full: FullExecution, step: Option<String>) -> ApiResult<Restarted> {
    let (id, state) = (full.execution.id, full.execution.state);
    if !state.is_finished() && state != ExecutionState::Paused {
        let message = "Cannot restart execution: it has not ended, and is not paused";
        return Err(
            ApiError::new(&code::EXECUTION_NOT_ENDED, message).with_data("state", state.public_name())
        );
    }
    let audit = ctx.audit("execution.restarted", "execution", &id.to_string(), &full.execution.workflow_name);
    let journal = read_journal(ctx, id).await?;
    let (new, plan) = prepare(ctx, &full, &journal).await?;
    let driver = ctx.app().driver();
    let begun = driver.restart(new, plan, (id, &journal), step, audit).await?;
    let (execution_id, step) = begun.map_err(|error| {
        ApiError::new(&code::STEP_INVALID, format!("Cannot restart execution: {}", excerpt_of(&error)))
    })?;
    // Only now: a run that waits for a decision is not ended for one that could not begin.
    let cancelled = state == ExecutionState::Paused && {
        let reason = format!("restarted as {execution_id}");
        driver.cancel(ctx.tenant(), ctx.workspace(), id, reason).await?
    };
    let (id, execution_id) = (id.to_string(), execution_id.to_string());
    Ok(Restarted { id, execution_id, step, cancelled, error: json!({}) })
}

/// The error's text names steps as they were given.
fn excerpt_of(error: &engine::RestartError) -> String {
    match error {
        engine::RestartError::NotReached(step) => engine::RestartError::NotReached(excerpt(step)).to_string(),
        other => other.to_string(),
    }
}

/// A run of the same document with the same inputs, of a workflow that still is there and may be run.
async fn prepare(
    ctx: &Ctx,
    full: &FullExecution,
    journal: &[Entry],
) -> ApiResult<(NewRun, std::sync::Arc<workflow::plan::Plan>)> {
    let run = &full.execution;
    let row = store::workflows::get(ctx.db(), run.workspace_id, run.workflow_id).await?;
    let row = row.ok_or_else(|| {
        let message = format!("Cannot restart execution: workflow `{}` is gone", run.workflow_name);
        ApiError::new(&code::WORKFLOW_NOT_FOUND, message)
    })?;
    if run.branch == Branch::Public && !row.active {
        let message = format!("Cannot restart execution: workflow `{}` is deactivated", row.name);
        return Err(ApiError::new(&code::WORKFLOW_INACTIVE, message));
    }
    let driver = ctx.app().driver();
    let plan = match driver.known_plan(run.workspace_id, &run.document_hash) {
        Some(plan) => plan,
        None => {
            let text = document_of(ctx, full).await?;
            let text =
                text.ok_or_else(|| ApiError::internal(format!("document `{}` is gone", run.document_hash)))?;
            let plan = compile(&text, &ctx.app().action_catalog(ctx.tenant()).await?)?;
            driver.keep_plan(run.workspace_id, &run.document_hash, plan)
        }
    };
    let inputs = match journal.first() {
        Some(Entry::Started { inputs, .. }) => inputs.clone(),
        _ => expr::Map::new(),
    };
    let pinned =
        Pinned { hash: run.document_hash.clone(), branch: run.branch, version: run.workflow_version };
    let new = NewRun {
        event: serde_json::from_str(&full.event).map_err(ApiError::internal)?,
        trigger_type: "restart",
        chain: full.chain.clone(),
        ..new_run(ctx, row, pinned, inputs)
    };
    Ok((new, plan))
}
