//! Workflows: list, read, create, update, delete; drafts and publishing are in `versions`.

mod model;
mod versions;
mod write;

use std::collections::HashMap;

use http::HeaderMap;
use store::workflow_versions::{self, Shown};
use store::workflows::{self, Workflow as Row};
use types::WorkflowId;

use super::answer::{json, json_with_etag, page};
use super::extract::{Body, ListQuery, Query};
use super::{EDIT_TRIES, excerpt, others_came_between};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use model::Uses;
pub(crate) use model::{Playbook, PlaybookForCommit, PlaybookInput, PlaybookWithVersion, SavedVersion};
pub(super) use versions::{draft, publish, save_draft, version};
pub(crate) use write::refuse_invalid;
use write::{Strictness, Text, Work};

/// The workflows of the workspace.
pub(super) async fn list(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = super::parse_q(list.q.as_deref(), &workflows::FIELDS)?;
    let found = workflows::list(ctx.db(), ctx.workspace(), &query).await?;
    let rows = shown(&ctx, found.rows).await?;
    page(&query, found.total, &rows)
}

/// One workflow with its document.
pub(super) async fn get(ctx: Ctx, headers: HeaderMap) -> ApiResult {
    let row = find(&ctx).await?;
    let version = row.row_version.to_string();
    let playbook = shown_one(&ctx, row).await?;
    json_with_etag(&headers, &version, &playbook)
}

/// A new workflow with its first draft, as the editor makes one.
pub(super) async fn create_draft(ctx: Ctx, Body(input): Body<PlaybookInput>) -> ApiResult {
    let row = Work::read(&ctx, &input, Strictness::Draft).await?.create(&ctx, false).await?;
    json(&shown_one(&ctx, row).await?)
}

/// A new workflow, published at once, as the command line makes one.
pub(super) async fn create(ctx: Ctx, Body(input): Body<PlaybookInput>) -> ApiResult {
    let row = Work::read(&ctx, &input, Strictness::Publish).await?.create(&ctx, true).await?;
    json(&shown_one(&ctx, row).await?)
}

/// Changes what the body names; a document becomes draft and published version.
pub(super) async fn update(ctx: Ctx, Body(input): Body<PlaybookInput>) -> ApiResult {
    // Nothing is read for a workflow that is not there.
    find(&ctx).await?;
    let text = match input.playbook.as_deref() {
        Some(text) => Some(Text::read(&ctx, text, Strictness::Publish).await?),
        None => None,
    };
    for _ in 0..EDIT_TRIES {
        let row = write::changed_row(&ctx, find(&ctx).await?, &input, text.as_ref())?;
        if let Some(row) = write::update(&ctx, row, text.clone()).await? {
            return json(&shown_one(&ctx, row).await?);
        }
    }
    Err(others_came_between("workflow"))
}

/// Deletes a workflow. Its runs, past and in flight, stay.
pub(super) async fn delete(ctx: Ctx) -> ApiResult {
    let row = find(&ctx).await?;
    let (workspace, id) = (row.workspace_id, row.id);
    let audit = ctx.audit("workflow.deleted", "workflow", &id.to_string(), &row.name);
    ctx.db()
        .write(async move |tx| {
            workflows::delete(tx, workspace, id).await?;
            store::audit::record(tx, &audit).await
        })
        .await?;
    json(&id)
}

/// The workflow of the path.
pub(crate) async fn find(ctx: &Ctx) -> ApiResult<Row> {
    let id: Option<WorkflowId> = ctx.id_text().parse().ok();
    let row = match id {
        Some(id) => workflows::get(ctx.db(), ctx.workspace(), id).await?,
        None => None,
    };
    row.ok_or_else(|| {
        ApiError::new(&code::WORKFLOW_NOT_FOUND, "Can not find Playbook")
            .with_details(format!("the workspace has no workflow `{}`", excerpt(ctx.id_text())))
    })
}

async fn shown_one(ctx: &Ctx, row: Row) -> ApiResult<Playbook> {
    let mut rows = shown(ctx, vec![row]).await?;
    rows.pop().ok_or_else(|| ApiError::internal("a workflow was not shown"))
}

/// The rows with their documents, in one more read.
async fn shown(ctx: &Ctx, rows: Vec<Row>) -> ApiResult<Vec<Playbook>> {
    let ids: Vec<WorkflowId> = rows.iter().map(|row| row.id).collect();
    let documents = workflow_versions::shown(ctx.db(), ctx.workspace(), &ids).await?;
    let mut documents: HashMap<WorkflowId, Shown> =
        documents.into_iter().map(|document| (document.workflow_id, document)).collect();
    let shown = rows.into_iter().map(|row| {
        let Some(Shown { text, hash, draft_hash, .. }) = documents.remove(&row.id) else {
            return Playbook::new(row, String::new(), Uses::default(), false);
        };
        let uses = Uses::of(workflow::parse(&text).document.as_ref());
        Playbook::new(row, text, uses, hash != draft_hash)
    });
    Ok(shown.collect())
}
