//! Workflows: list, read, create, update, delete; drafts and publishing are in `versions`.

mod model;
mod versions;
mod write;

use http::HeaderMap;
use store::workflow_versions::{self, Branch};
use store::workflows::{self, Workflow as Row};
use types::WorkflowId;

use super::answer::{json, json_with_etag, page};
use super::excerpt;
use super::extract::{Body, ListQuery, Query};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use model::Uses;
pub(crate) use model::{Playbook, PlaybookForCommit, PlaybookInput, PlaybookWithVersion, SavedVersion};
pub(super) use versions::{draft, publish, save_draft, version};
pub(crate) use write::refuse_invalid;
use write::{Strictness, Work};

/// The workflows of the workspace.
pub(super) async fn list(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = super::parse_q(list.q.as_deref(), &workflows::FIELDS)?;
    let found = workflows::list(ctx.db(), ctx.workspace(), &query).await?;
    let mut rows = Vec::with_capacity(found.rows.len());
    for row in found.rows {
        rows.push(shown(&ctx, row).await?);
    }
    page(&query, found.total, &rows)
}

/// One workflow with its document.
pub(super) async fn get(ctx: Ctx, headers: HeaderMap) -> ApiResult {
    let row = find(&ctx).await?;
    let version = row.row_version.to_string();
    let playbook = shown(&ctx, row).await?;
    json_with_etag(&headers, &version, &playbook)
}

/// A new workflow with its first draft, as the editor makes one.
pub(super) async fn create_draft(ctx: Ctx, Body(input): Body<PlaybookInput>) -> ApiResult {
    let row = Work::read(&ctx, &input, Strictness::Draft).await?.create(&ctx, false).await?;
    json(&shown(&ctx, row).await?)
}

/// A new workflow, published at once, as the command line makes one.
pub(super) async fn create(ctx: Ctx, Body(input): Body<PlaybookInput>) -> ApiResult {
    let row = Work::read(&ctx, &input, Strictness::Publish).await?.create(&ctx, true).await?;
    json(&shown(&ctx, row).await?)
}

/// Changes what the body names; a document becomes draft and published version.
pub(super) async fn update(ctx: Ctx, Body(input): Body<PlaybookInput>) -> ApiResult {
    let row = find(&ctx).await?;
    let row = write::update(&ctx, row, input).await?;
    json(&shown(&ctx, row).await?)
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

async fn shown(ctx: &Ctx, row: Row) -> ApiResult<Playbook> {
    let branch = if row.published_version.is_some() { Branch::Public } else { Branch::Draft };
    let document = workflow_versions::latest(ctx.db(), row.workspace_id, row.id, branch).await?;
    let draft = workflow_versions::latest(ctx.db(), row.workspace_id, row.id, Branch::Draft).await?;
    let changed = match (&document, &draft) {
        (Some(document), Some(draft)) => document.version.hash != draft.version.hash,
        _ => false,
    };
    let text = document.map(|document| document.text).unwrap_or_default();
    let uses = Uses::of(workflow::parse(&text).document.as_ref());
    Ok(Playbook::new(row, text, uses, changed))
}
