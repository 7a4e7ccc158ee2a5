//! The editor's test run: of a text that need not have been saved, with an answer that follows the run.

use std::sync::Arc;

use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value};
use store::executions::FullExecution;
use store::workflow_versions::{Branch, WorkflowVersion};
use store::workflows::Workflow as Row;
use utoipa::ToSchema;
use workflow::plan::Plan;

use super::feed::{Feed, take_place};
use super::message::Framing;
use super::start::{Pinned, bind, new_run, newest_draft, plan_of};
use super::{actions_of, not_found, shown};
use crate::ctx::Ctx;
use crate::driver::NewRun;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::json;
use crate::http::excerpt;
use crate::http::extract::Body;
use crate::http::names::check_text;
use crate::http::workflows::{compile_unsaved, find};

/// What is to be tested.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = types::StartExecutionRequest)]
#[serde(default)]
pub(crate) struct TestInput {
    /// The workflow, as in the address.
    id: Option<String>,
    /// The document; the newest draft if there is none. It is not saved.
    playbook: Option<String>,
    /// The inputs by name.
    #[schema(value_type = Option<Object>)]
    input_values: Option<Map<String, Value>>,
    /// The editor's session that it tests for, kept with the run.
    test_session_id: Option<String>,
    /// The same once more, as the editor sends it to runners.
    #[schema(value_type = Option<Object>)]
    command: Command,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Command {
    params: Params,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Params {
    draft_playbook: Option<String>,
    test_session_id: Option<String>,
}

impl TestInput {
    fn document(&self) -> Option<&str> {
        said(self.playbook.as_deref()).or_else(|| said(self.command.params.draft_playbook.as_deref()))
    }

    fn session(&self) -> &str {
        let inner = self.command.params.test_session_id.as_deref();
        said(self.test_session_id.as_deref()).or_else(|| said(inner)).unwrap_or_default()
    }
}

fn said(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// Runs the text that is sent along, and follows the run to its end. Whoever goes away leaves it running.
pub(in crate::http) async fn start_stream(
    ctx: Ctx,
    headers: HeaderMap,
    Body(input): Body<TestInput>,
) -> ApiResult {
    let row = checked(&ctx, &input).await?;
    // Before there is a run that nobody could follow.
    let place = take_place(&ctx)?;
    let full = begin(&ctx, row, input).await?;
    let actions = actions_of(&ctx, &full).await?;
    Ok(Feed::new(ctx, &headers, full.execution, actions, (Framing::Marked, 0), place).into_response())
}

/// Runs the text that is sent along, and answers the run as it begins.
pub(in crate::http) async fn start_document(ctx: Ctx, Body(input): Body<TestInput>) -> ApiResult {
    let row = checked(&ctx, &input).await?;
    let full = begin(&ctx, row, input).await?;
    json(&shown(&ctx, full).await?.0)
}

/// The workflow that is tested, if the rest of the input may be so.
async fn checked(ctx: &Ctx, input: &TestInput) -> ApiResult<Row> {
    let row = find(ctx).await?;
    if let Some(id) = said(input.id.as_deref()).filter(|id| *id != row.id.to_string()) {
        let message =
            format!("the body is about the workflow `{}`, the address about `{}`", excerpt(id), row.id);
        return Err(ApiError::new(&code::BODY_INVALID, message));
    }
    check_text("test_session_id", Some(input.session()))?;
    Ok(row)
}

/// Starts the run.
async fn begin(ctx: &Ctx, row: Row, input: TestInput) -> ApiResult<FullExecution> {
    let session = input.session().to_owned();
    let (pinned, plan) = match input.document() {
        Some(text) => keep(ctx, text).await?,
        None => {
            let document = newest_draft(ctx, &row).await?;
            let plan = plan_of(ctx, &row, &document).await?;
            let WorkflowVersion { hash, branch, version, .. } = document.version;
            (Pinned { hash, branch, version }, plan)
        }
    };
    let inputs = bind(&plan.inputs, input.input_values.unwrap_or_default())?;
    let new = NewRun { test_session_id: session, ..new_run(ctx, row, pinned, inputs) };
    let id = ctx.app().driver().start(new, plan).await?;
    store::executions::get(ctx.db(), ctx.workspace(), id).await?.ok_or_else(|| not_found(ctx))
}

/// Keeps a document for its run alone: no version of the workflow points to it.
async fn keep(ctx: &Ctx, text: &str) -> ApiResult<(Pinned, Arc<Plan>)> {
    let workspace = ctx.workspace();
    let (hash, plan) = compile_unsaved(ctx, text).await?;
    let (kept, text) = (hash.clone(), text.to_owned());
    ctx.db().write(async move |tx| store::documents::put(tx, workspace, &kept, &text).await).await?;
    let plan = ctx.app().driver().keep_plan(workspace, &hash, plan);
    Ok((Pinned { hash, branch: Branch::Draft, version: 0 }, plan))
}
