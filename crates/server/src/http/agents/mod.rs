//! Agents and their packs: kept, versioned and offered to workflows. Nothing here runs them.

mod model;
mod version;

use store::StoreError;
use store::agent_packs::{self, AgentPack as PackRow};
use store::agents::{self, Agent as Row};
use store::workflow_versions::Branch;

use super::answer::{json, json_with_etag, page};
use super::extract::{Body, KnownTags, ListQuery, Query};
use super::names::{check_name, check_text};
use super::{EDIT_TRIES, excerpt, others_came_between};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
pub(crate) use model::{
    Agent, AgentInput, AgentPack, AgentPackInput, AgentUpdate, AgentVersion, VersionInput,
};
use version::{invalid, text};

/// Agents that one workspace may have.
const AGENTS_MAX: i64 = 1_000;
/// Packs of agents that one workspace may have.
const PACKS_MAX: i64 = 1_000;

/// The agents of the workspace.
pub(super) async fn list(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = super::parse_q(list.q.as_deref(), &agents::FIELDS)?;
    let found = agents::list(ctx.db(), ctx.workspace(), &query).await?;
    let rows: Vec<Agent> = found.rows.iter().map(Agent::from).collect();
    page(&query, found.total, &rows)
}

/// One agent.
pub(super) async fn get(ctx: Ctx, known: KnownTags) -> ApiResult {
    let row = find(&ctx).await?;
    json_with_etag(&known, row.row_version, &Agent::from(&row))
}

/// The packs of agents.
pub(super) async fn list_packs(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = super::parse_q(list.q.as_deref(), &agent_packs::FIELDS)?;
    let found = agent_packs::list(ctx.db(), ctx.workspace(), &query).await?;
    let rows: Vec<AgentPack> = found.rows.iter().map(AgentPack::from).collect();
    page(&query, found.total, &rows)
}

/// A new pack of agents.
pub(super) async fn create_pack(ctx: Ctx, Body(input): Body<AgentPackInput>) -> ApiResult {
    let name = check_name("pack", input.name.as_deref())?;
    check_text("description", input.description.as_deref())?;
    let (now, user) = (ctx.now(), ctx.user().to_string());
    let row = PackRow {
        id: ctx.new_id(),
        tenant_id: ctx.tenant(),
        workspace_id: ctx.workspace(),
        name,
        description: input.description.unwrap_or_default(),
        created_at: now,
        created_by: user.clone(),
        updated_at: now,
        updated_by: user,
    };
    let made = AgentPack::from(&row);
    let audit = ctx.audit("agent_pack.created", "agent_pack", &made.id, &row.name);
    ctx.db()
        .write(async move |tx| {
            if agent_packs::count(tx, row.workspace_id).await? >= PACKS_MAX {
                let message = format!("a workspace may have {PACKS_MAX} packs of agents");
                return Err(ApiError::new(&code::PACK_LIMIT, message));
            }
            agent_packs::insert(tx, &row).await.map_err(|error| pack_name_taken(error, &row.name))?;
            Ok(store::audit::record(tx, &audit).await?)
        })
        .await?;
    json(&made)
}

/// A new agent with an empty draft.
pub(super) async fn create(ctx: Ctx, Body(input): Body<AgentInput>) -> ApiResult {
    let unknown_pack = |id: &str| {
        let message = format!("`pack_id`: the workspace has no pack of agents `{}`", excerpt(id));
        ApiError::new(&code::BODY_INVALID, message)
    };
    let pack_id = input.pack_id.parse().map_err(|_| unknown_pack(&input.pack_id))?;
    let name = match input.name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => check_name("agent", Some(name))?,
        None => String::new(),
    };
    let (now, user) = (ctx.now(), ctx.user().to_string());
    let row = Row {
        id: ctx.new_id(),
        tenant_id: ctx.tenant(),
        workspace_id: ctx.workspace(),
        pack_id,
        name,
        title: text("title", input.title)?,
        description: text("description", input.description)?,
        draft: AgentVersion::default().stored()?,
        draft_number: 0,
        published: None,
        published_number: 0,
        row_version: 1,
        created_at: now,
        created_by: user.clone(),
        updated_at: now,
        updated_by: user,
    };
    let made = Agent::from(&row);
    let audit = crate::audit::made(audit(&ctx, "agent.created", &row), &made);
    ctx.db()
        .write(async move |tx| {
            if agents::count(tx, row.workspace_id).await? >= AGENTS_MAX {
                let message = format!("a workspace may have {AGENTS_MAX} agents; delete one first");
                return Err(ApiError::new(&code::AGENT_LIMIT, message));
            }
            if agent_packs::get(tx, row.workspace_id, row.pack_id).await?.is_none() {
                return Err(unknown_pack(&row.pack_id.to_string()));
            }
            agents::insert(tx, &row).await.map_err(|error| name_taken(error, &row.name))?;
            Ok(store::audit::record(tx, &audit).await?)
        })
        .await?;
    json(&made)
}

/// Changes name, title and description.
pub(super) async fn update(ctx: Ctx, Body(input): Body<AgentUpdate>) -> ApiResult {
    let name = match input.name.as_deref() {
        Some(name) => Some(check_name("agent", Some(name))?),
        None => None,
    };
    let title = input.title.map(|title| text("title", Some(title))).transpose()?;
    let description = input.description.map(|words| text("description", Some(words))).transpose()?;
    changed(&ctx, Change::Described { name, title, description }).await
}

/// Saves a draft in place of the one before.
pub(super) async fn save_draft(ctx: Ctx, Body(input): Body<VersionInput>) -> ApiResult {
    let version = read(&find(&ctx).await?, input)?;
    changed(&ctx, Change::Drafted(version)).await
}

/// Saves a draft and publishes it: from now on workflows may name the agent.
pub(super) async fn publish(ctx: Ctx, Body(input): Body<VersionInput>) -> ApiResult {
    let version = read(&find(&ctx).await?, input)?;
    changed(&ctx, Change::Published(version)).await
}

/// What happens to an agent.
enum Change {
    /// It is called otherwise; what is absent stays.
    Described { name: Option<String>, title: Option<String>, description: Option<String> },
    /// It has a new draft.
    Drafted(String),
    /// It has a new draft, which is published.
    Published(String),
}

impl Change {
    /// What the audit calls it.
    const fn action(&self) -> &'static str {
        match self {
            Self::Described { .. } => "agent.updated",
            Self::Drafted(_) => "agent.draft_saved",
            Self::Published(_) => "agent.published",
        }
    }

    /// The branches that get a new version.
    fn branches(&self) -> Vec<Branch> {
        match self {
            Self::Described { .. } => Vec::new(),
            Self::Drafted(_) => vec![Branch::Draft],
            Self::Published(_) => vec![Branch::Draft, Branch::Public],
        }
    }

    fn apply(&self, mut row: Row) -> ApiResult<Row> {
        match self {
            Self::Described { name, title, description } => {
                row.name = name.clone().unwrap_or(row.name);
                row.title = title.clone().unwrap_or(row.title);
                row.description = description.clone().unwrap_or(row.description);
            }
            Self::Drafted(version) => {
                row.draft.clone_from(version);
                row.draft_number += 1;
            }
            Self::Published(_) if row.name.is_empty() => {
                let problem = "is missing: an agent that is published needs one".to_owned();
                return Err(invalid("name", problem));
            }
            Self::Published(version) => {
                row.draft.clone_from(version);
                row.draft_number += 1;
                row.published = Some(version.clone());
                row.published_number += 1;
            }
        }
        Ok(row)
    }
}

/// Deletes an agent with its versions.
pub(super) async fn delete(ctx: Ctx) -> ApiResult {
    let row = find(&ctx).await?;
    let id = row.id;
    let audit = crate::audit::gone(audit(&ctx, "agent.deleted", &row), &Agent::from(&row));
    ctx.db()
        .write(async move |tx| {
            if agents::delete(tx, row.workspace_id, row.id).await? {
                store::audit::record(tx, &audit).await?;
            }
            Ok::<_, StoreError>(())
        })
        .await?;
    json(&id)
}

/// What would run an agent.
pub(super) async fn run(ctx: Ctx) -> ApiResult {
    let row = find(&ctx).await?;
    let message = format!("agent `{}` cannot be run: agents are kept and not run yet", row.name);
    Err(ApiError::new(&code::NOT_AVAILABLE_YET, message))
}

/// The version that a caller wants to save, as it is stored.
fn read(row: &Row, input: VersionInput) -> ApiResult<String> {
    if let Some(id) = input.id.as_deref().filter(|id| !id.is_empty() && *id != row.id.to_string()) {
        return Err(invalid("id", format!("is `{}`, and the address is about `{}`", excerpt(id), row.id)));
    }
    let before: AgentVersion = serde_json::from_str(&row.draft).map_err(ApiError::internal)?;
    input.checked(&before)?.stored()
}

/// Stores the agent of the path as it is after the change, with the versions that come of it; tries anew where others
/// come between.
async fn changed(ctx: &Ctx, change: Change) -> ApiResult {
    for _ in 0..EDIT_TRIES {
        let before = find(ctx).await?;
        let mut row = change.apply(before.clone())?;
        (row.updated_at, row.updated_by) = (ctx.now(), ctx.user().to_string());
        let (stored, branches) = (row.clone(), change.branches());
        let audit = audit(ctx, change.action(), &row);
        let audit = crate::audit::changed(audit, &Agent::from(&before), &Agent::from(&row));
        let written = ctx.db().write(async move |tx| {
            if !agents::update(tx, &row).await.map_err(|error| name_taken(error, &row.name))? {
                return Ok(false);
            }
            for branch in &branches {
                agents::save_version(tx, &row, *branch).await?;
            }
            store::audit::record(tx, &audit).await?;
            Ok::<_, ApiError>(true)
        });
        if written.await? {
            return json(&Agent::from(&stored));
        }
    }
    Err(others_came_between("agent"))
}

/// The agent of the path.
async fn find(ctx: &Ctx) -> ApiResult<Row> {
    let found = agents::get(ctx.db(), ctx.workspace(), ctx.id(&code::AGENT_NOT_FOUND)?).await?;
    found.ok_or_else(|| {
        let message = format!("the workspace has no agent `{}`", excerpt(ctx.id_text()));
        ApiError::new(&code::AGENT_NOT_FOUND, message)
    })
}

fn audit(ctx: &Ctx, action: &str, row: &Row) -> store::audit::AuditEntry {
    ctx.audit(action, "agent", &row.id.to_string(), &row.name)
}

fn name_taken(error: StoreError, name: &str) -> ApiError {
    if error.is_duplicate_of(agents::NAME_KEY) {
        let message = format!("the workspace has an agent `{name}` already, in whatever letter case");
        return ApiError::new(&code::AGENT_NAME_TAKEN, message);
    }
    error.into()
}

fn pack_name_taken(error: StoreError, name: &str) -> ApiError {
    if error.is_duplicate_of(agent_packs::NAME_KEY) {
        let message = format!("the workspace has a pack of agents `{name}` already, in whatever letter case");
        return ApiError::new(&code::PACK_NAME_TAKEN, message);
    }
    error.into()
}
