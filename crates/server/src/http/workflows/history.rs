//! What was saved of a workflow: the list of its versions, the difference between two, and going back to one.

use std::time::Duration;

use serde::Deserialize;
use similar::{ChangeTag, TextDiff};
use store::workflow_versions::{self, Branch, Document};
use store::workflows::Workflow as Row;

use super::model::{ListedVersion, VersionDiff};
use super::versions::Saving;
use super::write::{Origin, Strictness, Text};
use super::{excerpt, find};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::{json, page};
use crate::http::extract::{ListQuery, Query};
use crate::http::parse_q;

/// How long the shortest difference is looked for; then a longer one will do.
const DIFF_TIME: Duration = Duration::from_millis(200);
/// Lines around each change.
const DIFF_CONTEXT_LINES: usize = 3;

/// The versions of a workflow, of both branches, the newest first.
pub(crate) async fn list(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = parse_q(list.q.as_deref(), &workflow_versions::FIELDS)?;
    let row = find(&ctx).await?;
    let found = workflow_versions::list(ctx.db(), row.workspace_id, row.id, &query).await?;
    let rows: Vec<ListedVersion> = found.rows.into_iter().map(ListedVersion::from).collect();
    page(&query, found.total, &rows)
}

/// Which two versions are compared.
#[derive(Debug, Deserialize)]
pub(crate) struct Compared {
    from: Option<String>,
    to: Option<String>,
}

/// The difference between two versions of a workflow; without `to`, to the newest draft.
pub(crate) async fn diff(ctx: Ctx, Query(compared): Query<Compared>) -> ApiResult {
    let row = find(&ctx).await?;
    let Some(from) = compared.from.as_deref().filter(|from| !from.is_empty()) else {
        return Err(ApiError::new(&code::PARAMETER_INVALID, "the parameter `from` is missing"));
    };
    let to = compared.to.as_deref().filter(|to| !to.is_empty()).unwrap_or(Branch::Draft.as_str());
    let (from, to) = (named(&ctx, &row, from).await?, named(&ctx, &row, to).await?);
    json(&difference(&from, &to))
}

/// Makes the text of an old version the newest draft: `/version/{branch}/{version}/restore`.
pub(crate) async fn restore(ctx: Ctx) -> ApiResult {
    let row = find(&ctx).await?;
    let Document { version, text } = of_path(&ctx, &row).await?;
    let text = Text::read(&ctx, &text, Strictness::Draft).await?;
    let branched_from = (version.branch == Branch::Draft).then_some(version.version);
    let origin = Origin { source: format!("restore {}", version.name()), branched_from };
    let action = "workflow.version_restored";
    Saving { text, branch: Branch::Draft, action, origin, base: None }.save(&ctx).await
}

/// The version that the path names by `{branch}` and `{version}`.
pub(super) async fn of_path(ctx: &Ctx, row: &Row) -> ApiResult<Document> {
    let (branch, number) = (ctx.param("branch"), ctx.param("version"));
    let found = match (Branch::from_name(branch), number.parse()) {
        (Some(branch), Ok(number)) => {
            workflow_versions::get(ctx.db(), row.workspace_id, row.id, branch, number).await?
        }
        _ => None,
    };
    found.ok_or_else(|| missing(branch, number))
}

/// The version that a parameter names: `draft/3`, `public/2`, `3` for a draft, `draft` or `public` for the newest.
async fn named(ctx: &Ctx, row: &Row, name: &str) -> ApiResult<Document> {
    let (db, workspace) = (ctx.db(), row.workspace_id);
    if let Some(branch) = Branch::from_name(name) {
        let newest = workflow_versions::latest(db, workspace, row.id, branch).await?;
        return newest.ok_or_else(|| missing(name, "1"));
    }
    let (branch, number) = name.split_once('/').unwrap_or((Branch::Draft.as_str(), name));
    let (Some(known), Ok(parsed)) = (Branch::from_name(branch), number.parse()) else {
        let message = format!(
            "`{}` names no version: write `draft/3`, `public/2`, `3`, `draft` or `public`",
            excerpt(name)
        );
        return Err(ApiError::new(&code::PARAMETER_INVALID, message));
    };
    let found = workflow_versions::get(db, workspace, row.id, known, parsed).await?;
    found.ok_or_else(|| missing(branch, number))
}

fn missing(branch: &str, version: &str) -> ApiError {
    let (branch, version) = (excerpt(branch), excerpt(version));
    ApiError::new(&code::WORKFLOW_NOT_FOUND, "Can not find Playbook")
        .with_details(format!("the workflow has no version `{version}` on the branch `{branch}`"))
}

fn difference(from: &Document, to: &Document) -> VersionDiff {
    let (from_name, to_name) = (from.version.name(), to.version.name());
    let diff = TextDiff::configure().timeout(DIFF_TIME).diff_lines(&from.text, &to.text);
    let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
    let (added, removed) = (count(ChangeTag::Insert), count(ChangeTag::Delete));
    let mut unified = diff.unified_diff();
    unified.context_radius(DIFF_CONTEXT_LINES).header(&from_name, &to_name);
    let text = if added + removed == 0 { String::new() } else { unified.to_string() };
    VersionDiff { added, diff: text, from: from_name, removed, to: to_name }
}
