//! Drafts and publishing. The text of a version comes back byte for byte as it was saved.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use store::workflow_versions::{self, Branch, Document};
use store::workflows::{self, Workflow as Row};

use super::model::{PackageLock, Playbook, PlaybookForCommit, PlaybookWithVersion, SavedVersion, Uses};
use super::write::{self, Origin, Strictness, Text};
use super::{excerpt, find};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::{json, json_with_etag};
use crate::http::extract::{Body, KnownTags};
use crate::http::names::check_text;
use crate::http::{EDIT_TRIES, others_came_between};

/// The newest draft.
pub(crate) async fn draft(ctx: Ctx, known: KnownTags) -> ApiResult {
    let row = find(&ctx).await?;
    let document = workflow_versions::latest(ctx.db(), row.workspace_id, row.id, Branch::Draft).await?;
    let document =
        document.ok_or_else(|| ApiError::internal(format!("workflow `{}` has no draft", row.id)))?;
    with_version(&ctx, &known, row, document).await
}

/// One saved version: `/version/{branch}/{version}`.
pub(crate) async fn version(ctx: Ctx, known: KnownTags) -> ApiResult {
    let row = find(&ctx).await?;
    let missing = || {
        let (branch, version) = (excerpt(ctx.param("branch")), excerpt(ctx.param("version")));
        ApiError::new(&code::WORKFLOW_NOT_FOUND, "Can not find Playbook")
            .with_details(format!("the workflow has no version `{version}` on the branch `{branch}`"))
    };
    let branch = Branch::from_name(ctx.param("branch")).ok_or_else(missing)?;
    let number: i64 = ctx.param("version").parse().map_err(|_| missing())?;
    let document = workflow_versions::get(ctx.db(), row.workspace_id, row.id, branch, number).await?;
    with_version(&ctx, &known, row, document.ok_or_else(missing)?).await
}

/// Saves a draft.
pub(crate) async fn save_draft(ctx: Ctx, Body(commit): Body<PlaybookForCommit>) -> ApiResult {
    save(ctx, commit, Branch::Draft).await
}

/// Publishes a version and activates the workflow.
pub(crate) async fn publish(ctx: Ctx, Body(commit): Body<PlaybookForCommit>) -> ApiResult {
    save(ctx, commit, Branch::Public).await
}

async fn save(ctx: Ctx, commit: PlaybookForCommit, branch: Branch) -> ApiResult {
    let row = find(&ctx).await?;
    let strictness = if branch == Branch::Public { Strictness::Publish } else { Strictness::Draft };
    let document = match commit.playbook {
        Some(text) => text,
        // Publishing without a document publishes the draft.
        None if branch == Branch::Public => newest_draft(&ctx, &row).await?,
        None => return Err(ApiError::new(&code::BODY_INVALID, "the member `playbook` is missing")),
    };
    let text = Text::read(&ctx, &document, strictness).await?;
    if branch == Branch::Public {
        text.lock_packages(&ctx).await?;
    }
    let source = commit.source.filter(|source| !source.is_empty()).unwrap_or_else(|| "manual".to_owned());
    check_text("source", Some(&source))?;
    let origin = Origin { source, branched_from: Some(commit.branched_from).filter(|version| *version > 0) };
    let (text, origin) = (Arc::new(text), Arc::new(origin));
    // Two savers at a time get two numbers: whoever comes second counts on from the first.
    for _ in 0..EDIT_TRIES {
        let row = find(&ctx).await?;
        let id = row.id.to_string();
        if let Some(version_id) = save_next(&ctx, row, &text, branch, &origin).await? {
            let diagnostics = text.diagnostics.clone();
            return json(&SavedVersion { id, branch: branch.as_str().to_owned(), version_id, diagnostics });
        }
    }
    Err(others_came_between("workflow"))
}

/// The number under which the document was saved; none if somebody else changed the workflow first.
async fn save_next(
    ctx: &Ctx,
    mut row: Row,
    text: &Arc<Text>,
    branch: Branch,
    origin: &Arc<Origin>,
) -> ApiResult<Option<i64>> {
    write::touch(ctx, &mut row);
    let (action, version) = match branch {
        Branch::Draft => {
            row.draft_version += 1;
            ("workflow.draft_saved", row.draft_version)
        }
        Branch::Public => {
            let version = row.published_version.unwrap_or(0) + 1;
            row.published_version = Some(version);
            row.active = true;
            text.describe(&mut row);
            ("workflow.published", version)
        }
    };
    let audit = ctx.audit(action, "workflow", &row.id.to_string(), &row.name);
    let (text, origin) = (Arc::clone(text), Arc::clone(origin));
    let written = ctx.db().write(async move |tx| {
        if !workflows::update(tx, &row).await? {
            return Ok(false);
        }
        write::save(tx, &row, &text, branch, version, &origin).await?;
        store::audit::record(tx, &audit).await?;
        Ok::<_, store::StoreError>(true)
    });
    Ok(written.await?.then_some(version))
}

async fn newest_draft(ctx: &Ctx, row: &Row) -> ApiResult<String> {
    let draft = workflow_versions::latest(ctx.db(), row.workspace_id, row.id, Branch::Draft).await?;
    Ok(draft.map(|draft| draft.text).unwrap_or_default())
}

/// The Python packages that were resolved for a document.
async fn package_locks(ctx: &Ctx, document_hash: &str) -> ApiResult<Vec<PackageLock>> {
    let locks = store::package_locks::list(ctx.db(), ctx.workspace(), document_hash).await?;
    let shown = |lock: store::package_locks::PackageLock| PackageLock {
        requirements: serde_json::from_str(&lock.requirements).unwrap_or_default(),
        lock: lock.lock_text,
        created_at: lock.created_at.as_millis(),
    };
    Ok(locks.into_iter().map(shown).collect())
}

async fn with_version(ctx: &Ctx, known: &KnownTags, row: Row, document: Document) -> ApiResult {
    let newest = workflow_versions::shown(ctx.db(), row.workspace_id, &[row.id], false).await?;
    let has_unpublished_changes = newest.iter().any(|newest| newest.hash != newest.draft_hash);
    let parsed = workflow::parse(&document.text).document;
    let inputs: Map<String, Value> = parsed
        .iter()
        .flat_map(|document| document.inputs())
        .map(|input| (input.name.clone(), json!({"name": input.name, "required": input.required})))
        .collect();
    let connections: Map<String, Value> = parsed
        .iter()
        .flat_map(|document| document.connections())
        .map(|(type_name, name)| (type_name.to_owned(), Value::from(name)))
        .collect();
    let version = document.version;
    let package_locks = package_locks(ctx, &version.hash).await?;
    // The version never changes, but the answer shows the workflow too.
    let tag = format!("{}-{}-{}", version.branch.as_str(), version.version, row.row_version);
    let answer = PlaybookWithVersion {
        has_published_version: row.published_version.is_some(),
        playbook: Playbook::new(row, document.text, &Uses::of(parsed.as_ref()), has_unpublished_changes),
        branch: version.branch.as_str().to_owned(),
        branched_from: version.branched_from.unwrap_or(0),
        connections: Value::Object(connections),
        inputs: Value::Object(inputs),
        package_locks,
        version_id: version.version,
    };
    json_with_etag(known, &tag, &answer)
}
