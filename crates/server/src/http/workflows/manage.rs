//! Workflows among themselves: copies, other names, tags, and who calls whom.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::json;
use store::workflow_versions::{self, Branch};
use store::workflows::{self, Workflow as Row};
use utoipa::ToSchema;

use super::model::{Playbook, PlaybookInput};
use super::versions::newest_draft;
use super::write::{self, NewWorkflow, Work};
use super::{Uses, Wanted, excerpt, find, pages, shown, uses_of};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::{json, page};
use crate::http::extract::Body;
use crate::http::names::{check_name, check_tags, check_text};
use crate::http::{EDIT_TRIES, all_of, others_came_between};

/// Callers that one answer holds; `total` counts the others too.
const DEPENDANTS_MAX: usize = 1_000;

/// What has tags, as an error names it.
const TAGGED: &str = "`playbooks`, `automations`, `automation_packs`, `connections` and `runner_groups`";

/// A copy that is to be.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = api_requests::DuplicatePlaybookInput)]
pub(crate) struct DuplicateInput {
    /// The copy's name, unique in the workspace.
    name: String,
}

/// The copy.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::DuplicatedPlaybook)]
#[allow(missing_docs)]
pub(crate) struct Duplicated {
    id: String,
    name: String,
}

/// What may change of a workflow without a new version; what is absent stays.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = api_requests::EditPlaybookInput)]
pub(crate) struct EditInput {
    /// What it is for; a document that is published says it anew.
    desc: Option<String>,
    /// Unique in the workspace.
    name: Option<String>,
    /// Words to find it by.
    tags: Option<Vec<String>>,
}

/// A workflow that calls another one. Its document is left out.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::Dependant)]
pub(crate) struct Dependant {
    #[serde(flatten)]
    playbook: Playbook,
    /// Which of its documents calls it: `public`, or `draft` if the published one does not.
    branch: String,
    /// The number of that document's version.
    version_id: i64,
}

/// A new workflow with the newest draft of this one as its first, and the same pack and tags. It is not published.
pub(crate) async fn duplicate(ctx: Ctx, Body(input): Body<DuplicateInput>) -> ApiResult {
    let row = find(&ctx).await?;
    let copy = PlaybookInput {
        name: Some(check_name("workflow", Some(&input.name))?),
        playbook: Some(newest_draft(&ctx, &row).await?),
        pack_id: row.pack_id.map(|pack| pack.to_string()),
        active: None,
        tags: Some(tags_of(&row.tags)),
    };
    let made = Work::read(&ctx, &copy, NewWorkflow::DRAFT).await?.create(&ctx, false).await?;
    json(&Duplicated { id: made.id.to_string(), name: made.name })
}

/// Changes name, description and tags, and answers what they are now.
pub(crate) async fn rename(ctx: Ctx, Body(input): Body<EditInput>) -> ApiResult {
    let name = match input.name.as_deref() {
        Some(name) => Some(check_name("workflow", Some(name))?),
        None => None,
    };
    check_text("desc", input.desc.as_deref())?;
    check_tags(input.tags.as_deref())?;
    for _ in 0..EDIT_TRIES {
        let before = find(&ctx).await?;
        let mut row = before.clone();
        row.name = name.clone().unwrap_or(row.name);
        row.description = input.desc.clone().unwrap_or(row.description);
        row.tags = input.tags.as_ref().map_or(row.tags, |tags| json!(tags).to_string());
        write::touch(&ctx, &mut row);
        if let Some(row) = write::update(&ctx, (&before, row), None, None).await? {
            let tags = Some(tags_of(&row.tags));
            return json(&EditInput { desc: Some(row.description), name: Some(row.name), tags });
        }
    }
    Err(others_came_between("workflow"))
}

/// Every tag that workflows of the workspace have, as a page.
pub(crate) async fn tags(ctx: Ctx) -> ApiResult {
    let tags = all_tags(&ctx).await?;
    page(&all_of(&workflows::FIELDS)?, tags.len() as u64, &tags)
}

/// The same as a bare list: `/tags/{table}`.
pub(crate) async fn table_tags(ctx: Ctx) -> ApiResult {
    let (db, workspace) = (ctx.db(), ctx.workspace());
    let lists = match ctx.param("table") {
        "playbooks" | "automations" => workflows::tag_lists(db, workspace).await?,
        "automation_packs" => store::automation_packs::tag_lists(db, workspace).await?,
        "connections" => store::connections::tag_lists(db, workspace).await?,
        "runner_groups" => store::runner_groups::tag_lists(db, workspace).await?,
        other => {
            let message = format!("nothing in a table `{}` has tags; {TAGGED} have", excerpt(other));
            return Err(ApiError::new(&code::TABLE_NOT_FOUND, message));
        }
    };
    json(&all_of_lists(&lists))
}

async fn all_tags(ctx: &Ctx) -> ApiResult<Vec<String>> {
    Ok(all_of_lists(&workflows::tag_lists(ctx.db(), ctx.workspace()).await?))
}

fn all_of_lists(lists: &[String]) -> Vec<String> {
    let tags: BTreeSet<String> = lists.iter().flat_map(|list| tags_of(list)).collect();
    tags.into_iter().collect()
}

fn tags_of(list: &str) -> Vec<String> {
    serde_json::from_str(list).unwrap_or_default()
}

/// The workflows of the workspace whose published version or newest draft calls this one, by name.
pub(crate) async fn dependants(ctx: Ctx) -> ApiResult {
    let called = find(&ctx).await?.id.to_string();
    let mut found = Vec::new();
    for rows in pages(&ctx, json!({})).await? {
        callers(&ctx, rows, &called, &mut found).await?;
    }
    let total = found.len() as u64;
    let (rows, branches): (Vec<Row>, Vec<Branch>) = found.into_iter().take(DEPENDANTS_MAX).unzip();
    let shown = shown(&ctx, rows, Wanted { hash: true, uses: true, text: false }).await?;
    let dependants: Vec<Dependant> = shown.into_iter().zip(branches).map(Dependant::new).collect();
    page(&all_of(&workflows::FIELDS)?, total, &dependants)
}

/// Adds those of the rows that call the workflow, each with the branch that does.
async fn callers(ctx: &Ctx, rows: Vec<Row>, called: &str, found: &mut Vec<(Row, Branch)>) -> ApiResult<()> {
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let documents = workflow_versions::shown(ctx.db(), ctx.workspace(), &ids, false).await?;
    let uses = uses_of(ctx, &documents).await?;
    let calls = |uses: &Uses| uses.subflows.iter().any(|id| id == called);
    let documents: HashMap<_, _> =
        documents.iter().map(|document| (document.workflow_id, document)).collect();
    for row in rows {
        let Some(document) = documents.get(&row.id) else { continue };
        let main = if row.published_version.is_some() { Branch::Public } else { Branch::Draft };
        if uses.get(&document.hash).is_some_and(|uses| calls(uses)) {
            found.push((row, main));
        } else if document.hash != document.draft_hash
            && let Some(text) = store::documents::get(ctx.db(), ctx.workspace(), &document.draft_hash).await?
            && calls(&ctx.app().known_uses().read(&document.draft_hash, &text))
        {
            found.push((row, Branch::Draft));
        }
    }
    Ok(())
}

impl Dependant {
    fn new((playbook, branch): (Playbook, Branch)) -> Self {
        let version_id = match branch {
            Branch::Draft => playbook.draft_version,
            Branch::Public => playbook.published_version,
        };
        Self { playbook, branch: branch.as_str().to_owned(), version_id }
    }
}
