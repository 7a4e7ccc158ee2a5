//! Folders of agents. Every agent is in one.

use types::{AgentPackId, TenantId, Timestamp, WorkspaceId};

use crate::page::{Listing, list as page};
use crate::statement::sql;
use crate::{Defaults, Field, FieldMap, Kind, Page, Query, Read, Row, RowError, StoreError, Tx};

/// The unique key that a second pack with the same name meets.
pub const NAME_KEY: &str = "agent_packs_workspace_id_folded_name_key";

/// A folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentPack {
    /// Its id.
    pub id: AgentPackId,
    /// The tenant of its workspace.
    pub tenant_id: TenantId,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// Its name, unique in the workspace in whatever letter case.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who changed it.
    pub updated_by: String,
}

macro_rules! columns {
    () => {
        "id, tenant_id, workspace_id, name, description, created_at, created_by, updated_at, updated_by"
    };
}

sql! {
    INSERT = "agent_packs.insert": concat!(
        "INSERT INTO agent_packs (", columns!(), ", folded_name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    );
    GET = "agent_packs.get": concat!("SELECT ", columns!(), " FROM agent_packs WHERE workspace_id = $1 AND id = $2");
    COUNT = "agent_packs.count": "SELECT COUNT(*) AS counted FROM agent_packs WHERE workspace_id = $1";
}

/// The fields of a pack that lists know.
pub static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::same("created_at", Kind::Time),
        Field::same("created_by", Kind::Text),
        Field::same("description", Kind::Text),
        Field::same("id", Kind::Text),
        Field::same("name", Kind::Text),
        Field::same("tenant_id", Kind::Text),
        Field::same("updated_at", Kind::Time),
        Field::same("updated_by", Kind::Text),
        Field::same("workspace_id", Kind::Text),
    ],
    defaults: Defaults { sort: &["name"], search: &["name", "description"] },
};

/// Stores a new pack. Fails with [`NAME_KEY`] if the name is taken.
pub async fn insert(tx: &Tx<'_>, pack: &AgentPack) -> Result<(), StoreError> {
    let params = [
        pack.id.into(),
        pack.tenant_id.into(),
        pack.workspace_id.into(),
        (&pack.name).into(),
        (&pack.description).into(),
        pack.created_at.into(),
        (&pack.created_by).into(),
        pack.updated_at.into(),
        (&pack.updated_by).into(),
        pack.name.to_lowercase().into(),
    ];
    tx.execute(&INSERT, &params).await?;
    Ok(())
}

/// The pack of that id.
pub async fn get(
    read: &impl Read,
    workspace: WorkspaceId,
    id: AgentPackId,
) -> Result<Option<AgentPack>, StoreError> {
    read.read_one(&GET, &[workspace.into(), id.into()], decode).await
}

/// How many packs the workspace has.
pub async fn count(read: &impl Read, workspace: WorkspaceId) -> Result<i64, StoreError> {
    read.count(&COUNT, &[workspace.into()]).await
}

/// The workspace's packs.
pub async fn list(
    read: &impl Read,
    workspace: WorkspaceId,
    query: &Query,
) -> Result<Page<AgentPack>, StoreError> {
    let listing = Listing {
        name: "agent_packs.list",
        columns: columns!(),
        from: "agent_packs",
        scope: "workspace_id = $1",
    };
    page(read, &listing, &[workspace.into()], query, decode).await
}

fn decode(row: &Row<'_>) -> Result<AgentPack, RowError> {
    Ok(AgentPack {
        id: row.id(0)?,
        tenant_id: row.id(1)?,
        workspace_id: row.id(2)?,
        name: row.string(3)?,
        description: row.string(4)?,
        created_at: row.time(5)?,
        created_by: row.string(6)?,
        updated_at: row.time(7)?,
        updated_by: row.string(8)?,
    })
}
