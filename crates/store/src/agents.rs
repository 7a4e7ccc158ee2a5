//! Agents: their rows with the newest draft and what is published, and every version that was saved.

use types::{AgentId, AgentPackId, TenantId, Timestamp, WorkspaceId};

use crate::page::{Listing, list as page};
use crate::statement::sql;
use crate::workflow_versions::Branch;
use crate::{Defaults, Field, FieldMap, Kind, Page, Query, Read, Row, RowError, StoreError, Tx};

/// The unique key that a second agent with the same name meets.
pub const NAME_KEY: &str = "agents_workspace_id_folded_name_key";

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// The tenant of its workspace.
    pub tenant_id: TenantId,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// The folder it is in.
    pub pack_id: AgentPackId,
    /// Its name, unique in the workspace in whatever letter case; "" until it gets one.
    pub name: String,
    /// What it is called beside its name.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// The newest draft, as JSON.
    pub draft: String,
    /// Which draft that is; 0 before the first was saved.
    pub draft_number: i64,
    /// What is published, as JSON.
    pub published: Option<String>,
    /// Which published version that is; 0 before the first.
    pub published_number: i64,
    /// Goes up by one at each change.
    pub row_version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who changed it.
    pub updated_by: String,
}

/// An agent as a workflow's step may call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callable {
    /// The agent.
    pub id: AgentId,
    /// Its name.
    pub name: String,
    /// What it is called beside its name.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// The name of its folder.
    pub pack_name: String,
}

macro_rules! columns {
    () => {
        "id, tenant_id, workspace_id, pack_id, name, title, description, draft, draft_number, published, \
         published_number, row_version, created_at, created_by, updated_at, updated_by"
    };
}

sql! {
    INSERT = "agents.insert": concat!(
        "INSERT INTO agents (", columns!(), ", folded_name) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
    );
    GET = "agents.get": concat!("SELECT ", columns!(), " FROM agents WHERE workspace_id = $1 AND id = $2");
    COUNT = "agents.count": "SELECT COUNT(*) AS counted FROM agents WHERE workspace_id = $1";
    UPDATE = "agents.update":
        "UPDATE agents
         SET name = $4, folded_name = $5, title = $6, description = $7, draft = $8, draft_number = $9, published = $10,
             published_number = $11, updated_at = $12, updated_by = $13, row_version = row_version + 1
         WHERE workspace_id = $1 AND id = $2 AND row_version = $3";
    DELETE = "agents.delete": "DELETE FROM agents WHERE workspace_id = $1 AND id = $2";
    SAVE_VERSION = "agent_versions.insert":
        "INSERT INTO agent_versions (agent_id, workspace_id, branch, version, body, created_at, created_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    CALLABLE = "agents.callable":
        "SELECT a.id, a.name, a.title, a.description, p.name
         FROM agents a JOIN agent_packs p ON p.id = a.pack_id
         WHERE a.workspace_id = $1 AND a.published IS NOT NULL
         ORDER BY a.name, a.id";
}

/// The fields of an agent that lists know.
pub static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::same("created_at", Kind::Time),
        Field::same("created_by", Kind::Text),
        Field::same("description", Kind::Text),
        Field::computed("draft_version"),
        Field::computed("has_unpublished_changes"),
        Field::same("id", Kind::Text),
        Field::new("is_published", "(published IS NOT NULL)", Kind::Bool),
        Field::same("name", Kind::Text),
        Field::same("pack_id", Kind::Text),
        Field::computed("published_version"),
        Field::same("tenant_id", Kind::Text),
        Field::same("title", Kind::Text),
        Field::same("updated_at", Kind::Time),
        Field::same("updated_by", Kind::Text),
        Field::same("workspace_id", Kind::Text),
    ],
    defaults: Defaults { sort: &["name"], search: &["name", "title", "description"] },
};

/// How names are compared; one that has none is like no other.
fn folded(name: &str) -> Option<String> {
    (!name.is_empty()).then(|| name.to_lowercase())
}

/// Stores a new agent. Fails with [`NAME_KEY`] if the name is taken, with [`StoreError::Reference`] if there is no such
/// pack.
pub async fn insert(tx: &Tx<'_>, agent: &Agent) -> Result<(), StoreError> {
    let a = agent;
    let params = [
        a.id.into(),
        a.tenant_id.into(),
        a.workspace_id.into(),
        a.pack_id.into(),
        (&a.name).into(),
        (&a.title).into(),
        (&a.description).into(),
        (&a.draft).into(),
        a.draft_number.into(),
        a.published.as_deref().into(),
        a.published_number.into(),
        a.row_version.into(),
        a.created_at.into(),
        (&a.created_by).into(),
        a.updated_at.into(),
        (&a.updated_by).into(),
        folded(&a.name).into(),
    ];
    tx.execute(&INSERT, &params).await?;
    Ok(())
}

/// Stores what may change of an agent, if it still is the one that was read (by `row_version`); whether it was. Fails
/// with [`NAME_KEY`] if the name is taken.
pub async fn update(tx: &Tx<'_>, agent: &Agent) -> Result<bool, StoreError> {
    let a = agent;
    let params = [
        a.workspace_id.into(),
        a.id.into(),
        a.row_version.into(),
        (&a.name).into(),
        folded(&a.name).into(),
        (&a.title).into(),
        (&a.description).into(),
        (&a.draft).into(),
        a.draft_number.into(),
        a.published.as_deref().into(),
        a.published_number.into(),
        a.updated_at.into(),
        (&a.updated_by).into(),
    ];
    Ok(tx.execute(&UPDATE, &params).await? == 1)
}

/// Keeps the version that the agent's row holds of that branch.
pub async fn save_version(tx: &Tx<'_>, agent: &Agent, branch: Branch) -> Result<(), StoreError> {
    let (version, body) = match branch {
        Branch::Draft => (agent.draft_number, agent.draft.as_str()),
        Branch::Public => (agent.published_number, agent.published.as_deref().unwrap_or_default()),
    };
    let params = [
        agent.id.into(),
        agent.workspace_id.into(),
        branch.as_str().into(),
        version.into(),
        body.into(),
        agent.updated_at.into(),
        (&agent.updated_by).into(),
    ];
    tx.execute(&SAVE_VERSION, &params).await?;
    Ok(())
}

/// Deletes an agent with its versions; whether there was one.
pub async fn delete(tx: &Tx<'_>, workspace: WorkspaceId, id: AgentId) -> Result<bool, StoreError> {
    Ok(tx.execute(&DELETE, &[workspace.into(), id.into()]).await? == 1)
}

/// The agent of that id.
pub async fn get(read: &impl Read, workspace: WorkspaceId, id: AgentId) -> Result<Option<Agent>, StoreError> {
    read.read_one(&GET, &[workspace.into(), id.into()], decode).await
}

/// How many agents the workspace has.
pub async fn count(read: &impl Read, workspace: WorkspaceId) -> Result<i64, StoreError> {
    read.count(&COUNT, &[workspace.into()]).await
}

/// The workspace's agents.
pub async fn list(
    read: &impl Read,
    workspace: WorkspaceId,
    query: &Query,
) -> Result<Page<Agent>, StoreError> {
    let listing =
        Listing { name: "agents.list", columns: columns!(), from: "agents", scope: "workspace_id = $1" };
    page(read, &listing, &[workspace.into()], query, decode).await
}

/// The workspace's published agents, by name.
pub async fn callable(read: &impl Read, workspace: WorkspaceId) -> Result<Vec<Callable>, StoreError> {
    read.read_all(&CALLABLE, &[workspace.into()], |row| {
        Ok(Callable {
            id: row.id(0)?,
            name: row.string(1)?,
            title: row.string(2)?,
            description: row.string(3)?,
            pack_name: row.string(4)?,
        })
    })
    .await
}

fn decode(row: &Row<'_>) -> Result<Agent, RowError> {
    Ok(Agent {
        id: row.id(0)?,
        tenant_id: row.id(1)?,
        workspace_id: row.id(2)?,
        pack_id: row.id(3)?,
        name: row.string(4)?,
        title: row.string(5)?,
        description: row.string(6)?,
        draft: row.string(7)?,
        draft_number: row.int(8)?,
        published: row.opt_string(9)?,
        published_number: row.int(10)?,
        row_version: row.int(11)?,
        created_at: row.time(12)?,
        created_by: row.string(13)?,
        updated_at: row.time(14)?,
        updated_by: row.string(15)?,
    })
}
