//! Drafts and publishing. The text of a version comes back byte for byte as it was saved.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use store::workflow_versions::{self, Branch, Document};
use store::workflows::{self, Workflow as Row};

use super::model::{PackageLock, Playbook, PlaybookForCommit, PlaybookWithVersion, SavedVersion, Uses};
use super::write::{self, Origin, Strictness, Text};
use super::{find, history};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::{json, json_with_etag};
use crate::http::extract::{Body, KnownTags};
use crate::http::names::check_text;
use crate::http::packs::Pack;
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
    let document = history::of_path(&ctx, &row).await?;
    with_version(&ctx, &known, row, document).await
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
    let source = commit.source.filter(|source| !source.is_empty()).unwrap_or_else(|| "manual".to_owned());
    check_text("source", Some(&source))?;
    let branched_from = Some(commit.branched_from).filter(|version| *version > 0);
    let action = if branch == Branch::Public { "workflow.published" } else { "workflow.draft_saved" };
    Saving { text, branch, action, origin: Origin { source, branched_from }, base: branched_from }
        .save(&ctx)
        .await
}

/// A version that is about to be saved.
pub(super) struct Saving {
    pub(super) text: Text,
    pub(super) branch: Branch,
    /// What the audit calls it.
    pub(super) action: &'static str,
    pub(super) origin: Origin,
    /// The version that must still be the newest of the branch; none if any may be.
    pub(super) base: Option<i64>,
}

impl Saving {
    /// Saves it under the next number of its branch.
    ///
    /// # Errors
    /// `workflow_outdated` if the branch has a newer version than the one that it was made from.
    pub(super) async fn save(self, ctx: &Ctx) -> ApiResult {
        let saving = Arc::new(self);
        // Two savers at a time get two numbers: whoever comes second counts on from the first.
        for _ in 0..EDIT_TRIES {
            let row = find(ctx).await?;
            // On every try: what came between may be newer than what this one was made from.
            saving.refuse_outdated(&row)?;
            let id = row.id.to_string();
            if let Some(version_id) = save_next(ctx, row, &saving).await? {
                let (branch, diagnostics) = (saving.branch.as_str(), saving.text.diagnostics.clone());
                return json(&SavedVersion { id, branch: branch.to_owned(), version_id, diagnostics });
            }
        }
        Err(others_came_between("workflow"))
    }

    fn refuse_outdated(&self, row: &Row) -> ApiResult<()> {
        let newest = match self.branch {
            Branch::Draft => row.draft_version,
            Branch::Public => row.published_version.unwrap_or(0),
        };
        let Some(base) = self.base.filter(|base| *base < newest) else { return Ok(()) };
        let branch = self.branch.as_str();
        let message = format!(
            "the text was made from version {base} of the branch `{branch}`, whose newest version is {newest}"
        );
        Err(ApiError::new(&code::WORKFLOW_OUTDATED, message)
            .with_data("branch", branch)
            .with_data("branched_from", base)
            .with_data("newest_version", newest))
    }
}

/// The number under which the document was saved; none if somebody else changed the workflow first.
async fn save_next(ctx: &Ctx, mut row: Row, saving: &Arc<Saving>) -> ApiResult<Option<i64>> {
    let before = row.clone();
    write::touch(ctx, &mut row);
    let version = match saving.branch {
        Branch::Draft => {
            row.draft_version += 1;
            row.draft_version
        }
        Branch::Public => {
            let version = row.published_version.unwrap_or(0) + 1;
            row.published_version = Some(version);
            row.active = true;
            saving.text.describe(&mut row);
            version
        }
    };
    let audit = ctx.audit(saving.action, "workflow", &row.id.to_string(), &row.name);
    let audit = crate::audit::changed(audit, &write::audited(&before), &write::audited(&row));
    let saved =
        json!({"branch": saving.branch.as_str(), "version": version, "document_hash": saving.text.hash});
    let audit = crate::audit::also(audit, saved);
    let saving = Arc::clone(saving);
    let written = ctx.db().write(async move |tx| {
        if !workflows::update(tx, &row).await? {
            return Ok(false);
        }
        write::save(tx, &row, &saving.text, saving.branch, version, &saving.origin).await?;
        store::audit::record(tx, &audit).await?;
        Ok::<_, ApiError>(true)
    });
    Ok(written.await?.then_some(version))
}

/// The text of the newest draft.
pub(super) async fn newest_draft(ctx: &Ctx, row: &Row) -> ApiResult<String> {
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
    let pack = match row.pack_id {
        Some(id) => store::automation_packs::get(ctx.db(), row.workspace_id, id).await?,
        None => None,
    };
    // The version never changes, but the answer shows the workflow and its pack too.
    let pack_changed = pack.as_ref().map_or(0, |pack| pack.updated_at.as_millis());
    let tag = format!("{}-{}-{}-{pack_changed}", version.branch.as_str(), version.version, row.row_version);
    let answer = PlaybookWithVersion {
        has_published_version: row.published_version.is_some(),
        playbook: Playbook::new(row, document.text, &Uses::of(parsed.as_ref()), has_unpublished_changes),
        branch: version.branch.as_str().to_owned(),
        branched_from: version.branched_from.unwrap_or(0),
        connections: Value::Object(connections),
        inputs: Value::Object(inputs),
        pack: pack.as_ref().map(Pack::from),
        package_locks,
        version_id: version.version,
    };
    json_with_etag(known, &tag, &answer)
}
