//! Workflows: list, read, create, update, delete; drafts and publishing are in `versions`,
//! what was saved before in `history`.

mod automations;
mod fetch;
mod history;
mod manage;
mod model;
mod record_triggers;
mod versions;
mod write;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json as value};
use store::workflow_versions::{self, Shown};
use store::workflows::{self, Workflow as Row};
use types::WorkflowId;

use super::answer::{json, json_with_etag, page};
use super::extract::{Body, KnownTags, ListQuery, Query};
use super::packs::read_pack;
use super::{EDIT_TRIES, excerpt, others_came_between};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
pub(crate) use automations::PacksWithAutomations;
pub(super) use automations::automations;
pub(crate) use fetch::Choice;
pub(super) use fetch::fetch;
pub(super) use history::{diff, list as versions, restore};
pub(crate) use manage::{Dependant, DuplicateInput, Duplicated, EditInput};
pub(super) use manage::{dependants, duplicate, rename, table_tags, tags};
use model::Uses;
pub(crate) use model::{
    KnownUses, ListedVersion, Playbook, PlaybookForCommit, PlaybookInput, PlaybookWithVersion, SavedVersion,
    VersionDiff,
};
pub(super) use versions::{draft, publish, save_draft, version};
use write::{NewWorkflow, Strictness, Text, Work};
pub(crate) use write::{compile, compile_unsaved};

/// Workflows of a workspace that are looked through, the first by name.
const LOOKED_AT_MAX: usize = 10_000;
/// Workflows read at once.
const PAGE_ROWS: usize = 1_000;

/// The workflows of the workspace that the filter finds, the first ones by name, a page at a time.
pub(super) async fn pages(ctx: &Ctx, filter: Value) -> ApiResult<Vec<Vec<Row>>> {
    let mut pages = Vec::new();
    for offset in (0..LOOKED_AT_MAX).step_by(PAGE_ROWS) {
        let q = value!({"filter": filter, "limit": PAGE_ROWS, "offset": offset});
        let query = super::parse_q(Some(&q.to_string()), &workflows::FIELDS)?;
        let rows = workflows::list(ctx.db(), ctx.workspace(), &query).await?.rows;
        let is_last = rows.len() < PAGE_ROWS;
        pages.push(rows);
        if is_last {
            break;
        }
    }
    Ok(pages)
}

/// The workflows of the workspace.
pub(super) async fn list(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = super::parse_q(list.q.as_deref(), &workflows::FIELDS)?;
    let found = workflows::list(ctx.db(), ctx.workspace(), &query).await?;
    let rows = shown(&ctx, found.rows, Wanted::by(&query)).await?;
    page(&query, found.total, &rows)
}

/// One workflow with its document.
pub(super) async fn get(ctx: Ctx, known: KnownTags) -> ApiResult {
    let row = find(&ctx).await?;
    let version = row.row_version.to_string();
    let playbook = shown_one(&ctx, row).await?;
    json_with_etag(&known, &version, &playbook)
}

/// A new workflow with its first draft, as the editor makes one.
pub(super) async fn create_draft(ctx: Ctx, Body(input): Body<PlaybookInput>) -> ApiResult {
    let row = Work::read(&ctx, &input, NewWorkflow::DRAFT).await?.create(&ctx, false).await?;
    json(&shown_one(&ctx, row).await?)
}

/// A new workflow, published at once, as the command line makes one.
pub(super) async fn create(ctx: Ctx, Body(input): Body<PlaybookInput>) -> ApiResult {
    let row = Work::read(&ctx, &input, NewWorkflow::PUBLISHED).await?.create(&ctx, true).await?;
    json(&shown_one(&ctx, row).await?)
}

/// Changes what the body names, and switches the workflow off where it does not say `active: true`, as the
/// contract has it; a document becomes draft and published version.
pub(super) async fn update(ctx: Ctx, Body(input): Body<PlaybookInput>) -> ApiResult {
    // Nothing is read for a workflow that is not there.
    find(&ctx).await?;
    let text = match input.playbook.as_deref() {
        Some(text) => Some(Text::read(&ctx, text, Strictness::Publish).await?),
        None => None,
    };
    let pack = read_pack(input.pack_id.as_deref())?;
    for _ in 0..EDIT_TRIES {
        let before = find(&ctx).await?;
        let row = write::changed_row(&ctx, before.clone(), &input, text.as_ref())?;
        if let Some(row) = write::update(&ctx, (&before, row), text.clone(), pack).await? {
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
    let audit = crate::audit::gone(audit, &write::audited(&row));
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
    let mut rows = shown(ctx, vec![row], Wanted::EVERYTHING).await?;
    rows.pop().ok_or_else(|| ApiError::internal("a workflow was not shown"))
}

/// What of the workflows' documents an answer needs: texts are long, so none is read for nothing.
#[derive(Clone, Copy)]
struct Wanted {
    /// Which document it is.
    hash: bool,
    /// What it uses.
    uses: bool,
    /// The document itself.
    text: bool,
}

impl Wanted {
    const EVERYTHING: Self = Self { hash: true, uses: true, text: true };

    fn by(query: &store::Query) -> Self {
        if query.select.is_empty() {
            return Self::EVERYTHING;
        }
        let any = |names: &[&str]| query.select.iter().any(|name| names.contains(&name.as_ref()));
        let text = any(&["playbook"]);
        let uses = any(&["actions", "used_connections", "used_subflows"]);
        Self { hash: text || uses || any(&["has_unpublished_changes"]), uses, text }
    }
}

/// The rows with what is wanted of their documents, in one more read; two, where what some of them use has to be
/// found out.
async fn shown(ctx: &Ctx, rows: Vec<Row>, wanted: Wanted) -> ApiResult<Vec<Playbook>> {
    let ids: Vec<WorkflowId> = if wanted.hash { rows.iter().map(|row| row.id).collect() } else { Vec::new() };
    let documents = workflow_versions::shown(ctx.db(), ctx.workspace(), &ids, wanted.text).await?;
    let uses = if wanted.uses { uses_of(ctx, &documents).await? } else { HashMap::new() };
    let mut documents: HashMap<WorkflowId, Shown> =
        documents.into_iter().map(|document| (document.workflow_id, document)).collect();
    let shown = rows.into_iter().map(|row| {
        let Some(Shown { text, hash, draft_hash, .. }) = documents.remove(&row.id) else {
            return Playbook::new(row, String::new(), &Uses::default(), false);
        };
        let uses = uses.get(&hash).map(Arc::clone).unwrap_or_default();
        Playbook::new(row, text, &uses, hash != draft_hash)
    });
    Ok(shown.collect())
}

/// What each of the documents uses, by hash. What is not known yet is read from their texts.
async fn uses_of(ctx: &Ctx, documents: &[Shown]) -> ApiResult<HashMap<String, Arc<Uses>>> {
    let known = ctx.app().known_uses();
    let mut uses = HashMap::new();
    let mut unread = Vec::new();
    for document in documents {
        if let Some(found) = known.get(&document.hash) {
            uses.insert(document.hash.clone(), found);
        } else if document.text.is_empty() {
            unread.push(document.workflow_id);
        } else {
            uses.insert(document.hash.clone(), known.read(&document.hash, &document.text));
        }
    }
    for document in workflow_versions::shown(ctx.db(), ctx.workspace(), &unread, true).await? {
        let found = known.read(&document.hash, &document.text);
        uses.insert(document.hash, found);
    }
    Ok(uses)
}
