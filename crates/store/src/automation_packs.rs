//! Folders of workflows. Every workflow is in one; each workspace gets one for those that name none when it is first
//! needed, under an id of its own.

use types::{PackId, TenantId, Timestamp, WorkspaceId};

use crate::page::{Listing, list as page};
use crate::statement::sql;
use crate::{Defaults, Field, FieldMap, Kind, Page, Query, Read, Row, RowError, StoreError, Tx};

/// The unique key that a second pack with the same display name meets.
pub const NAME_KEY: &str = "automation_packs_workspace_id_folded_name_key";
/// What the pack is called that takes whatever names no pack, until somebody calls it otherwise.
pub const DEFAULT_NAME: &str = "Default";

/// A folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutomationPack {
    /// Its id; that of the workspace for the one that takes whatever names no pack.
    pub id: PackId,
    /// The tenant of its workspace.
    pub tenant_id: TenantId,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// What follows from its display name, for addresses.
    pub name: String,
    /// Its name for people, unique in the workspace in whatever letter case.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// A JSON list of words.
    pub tags: String,
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
        "id, tenant_id, workspace_id, name, display_name, description, tags, created_at, created_by, updated_at, \
         updated_by"
    };
}

macro_rules! insert {
    () => {
        concat!(
            "INSERT INTO automation_packs (",
            columns!(),
            ", folded_name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        )
    };
}

sql! {
    INSERT = "automation_packs.insert": insert!();
    INSERT_IF_ABSENT = "automation_packs.insert_if_absent": concat!(insert!(), " ON CONFLICT DO NOTHING");
    GET = "automation_packs.get":
        concat!("SELECT ", columns!(), " FROM automation_packs WHERE workspace_id = $1 AND id = $2");
    GET_TO_USE = "automation_packs.get_to_use": concat!(
        "SELECT ", columns!(), " FROM automation_packs WHERE workspace_id = $1 AND id = $2 {for_share}"
    );
    GET_TO_CHANGE = "automation_packs.get_to_change": concat!(
        "SELECT ", columns!(), " FROM automation_packs WHERE workspace_id = $1 AND id = $2 {for_update}"
    );
    GET_BY_NAME = "automation_packs.get_by_name": concat!(
        "SELECT ", columns!(), " FROM automation_packs WHERE workspace_id = $1 AND folded_name = $2 {for_share}"
    );
    COUNT = "automation_packs.count": "SELECT COUNT(*) AS counted FROM automation_packs WHERE workspace_id = $1";
    UPDATE = "automation_packs.update":
        "UPDATE automation_packs
         SET name = $3, display_name = $4, folded_name = $5, description = $6, tags = $7, updated_at = $8,
             updated_by = $9
         WHERE workspace_id = $1 AND id = $2";
    DELETE = "automation_packs.delete": "DELETE FROM automation_packs WHERE workspace_id = $1 AND id = $2";
    WORKFLOWS = "workflows.of_pack":
        "SELECT name FROM workflows WHERE workspace_id = $1 AND pack_id = $2 ORDER BY name LIMIT $3";
    MOVE_WORKFLOWS = "workflows.move_to_pack":
        "UPDATE workflows SET pack_id = $3, updated_at = $4, updated_by = $5, row_version = row_version + 1
         WHERE workspace_id = $1 AND pack_id = $2";
    TAG_LISTS = "automation_packs.tag_lists":
        "SELECT DISTINCT tags FROM automation_packs WHERE workspace_id = $1 AND tags <> '[]'";
}

/// The fields of a pack that lists know.
pub static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::computed("actions"),
        Field::same("created_at", Kind::Time),
        Field::same("created_by", Kind::Text),
        Field::computed("deployed_from_other_ws_at"),
        Field::computed("deployed_from_ws_name"),
        Field::same("description", Kind::Text),
        Field::same("display_name", Kind::Text),
        Field::new("full_name", "name", Kind::Text),
        Field::computed("has_replica_connection_mapping"),
        Field::same("id", Kind::Text),
        Field::computed("is_replica_connections_valid"),
        Field::computed("link_type"),
        Field::same("name", Kind::Text),
        Field::computed("primary_pack_id"),
        Field::same("tags", Kind::Opaque),
        Field::same("tenant_id", Kind::Text),
        Field::same("updated_at", Kind::Time),
        Field::same("updated_by", Kind::Text),
        Field::same("workspace_id", Kind::Text),
    ],
    defaults: Defaults { sort: &["display_name"], search: &["display_name", "description"] },
};

/// The id of the pack that takes whatever names no pack.
pub fn default_id(workspace: WorkspaceId) -> PackId {
    PackId::from(workspace.as_uuid())
}

/// How names are compared.
fn folded(display_name: &str) -> String {
    display_name.to_lowercase()
}

macro_rules! params {
    ($pack:expr) => {
        [
            $pack.id.into(),
            $pack.tenant_id.into(),
            $pack.workspace_id.into(),
            (&$pack.name).into(),
            (&$pack.display_name).into(),
            (&$pack.description).into(),
            (&$pack.tags).into(),
            $pack.created_at.into(),
            (&$pack.created_by).into(),
            $pack.updated_at.into(),
            (&$pack.updated_by).into(),
            folded(&$pack.display_name).into(),
        ]
    };
}

/// Stores a new pack. Fails with [`NAME_KEY`] if the name is taken.
pub async fn insert(tx: &Tx<'_>, pack: &AutomationPack) -> Result<(), StoreError> {
    tx.execute(&INSERT, &params!(pack)).await?;
    Ok(())
}

/// Stores a new pack unless one of its id or name is there; whether it did.
pub async fn insert_if_absent(tx: &Tx<'_>, pack: &AutomationPack) -> Result<bool, StoreError> {
    Ok(tx.execute(&INSERT_IF_ABSENT, &params!(pack)).await? == 1)
}

/// The pack of that id.
pub async fn get(
    read: &impl Read,
    workspace: WorkspaceId,
    id: PackId,
) -> Result<Option<AutomationPack>, StoreError> {
    read.read_one(&GET, &[workspace.into(), id.into()], decode).await
}

/// The pack of that id, which nobody deletes until the transaction has ended.
pub async fn get_to_use(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    id: PackId,
) -> Result<Option<AutomationPack>, StoreError> {
    tx.read_one(&GET_TO_USE, &[workspace.into(), id.into()], decode).await
}

/// The pack of that id, which nobody else changes or puts a workflow into until the transaction has ended.
pub async fn get_to_change(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    id: PackId,
) -> Result<Option<AutomationPack>, StoreError> {
    tx.read_one(&GET_TO_CHANGE, &[workspace.into(), id.into()], decode).await
}

/// The pack of that display name in whatever letter case, which nobody deletes until the transaction has ended.
pub async fn get_by_name(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    display_name: &str,
) -> Result<Option<AutomationPack>, StoreError> {
    tx.read_one(&GET_BY_NAME, &[workspace.into(), folded(display_name).into()], decode).await
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
) -> Result<Page<AutomationPack>, StoreError> {
    let listing = Listing {
        name: "automation_packs.list",
        columns: columns!(),
        from: "automation_packs",
        scope: "workspace_id = $1",
    };
    page(read, &listing, &[workspace.into()], query, decode).await
}

/// Stores what may change of a pack. Fails with [`NAME_KEY`] if the name is taken.
pub async fn update(tx: &Tx<'_>, pack: &AutomationPack) -> Result<(), StoreError> {
    let params = [
        pack.workspace_id.into(),
        pack.id.into(),
        (&pack.name).into(),
        (&pack.display_name).into(),
        folded(&pack.display_name).into(),
        (&pack.description).into(),
        (&pack.tags).into(),
        pack.updated_at.into(),
        (&pack.updated_by).into(),
    ];
    tx.execute(&UPDATE, &params).await?;
    Ok(())
}

/// Deletes a pack that has no workflows.
pub async fn delete(tx: &Tx<'_>, workspace: WorkspaceId, id: PackId) -> Result<(), StoreError> {
    tx.execute(&DELETE, &[workspace.into(), id.into()]).await?;
    Ok(())
}

/// The names of the first `most` workflows of the pack.
pub async fn workflows(
    read: &impl Read,
    workspace: WorkspaceId,
    id: PackId,
    most: i64,
) -> Result<Vec<String>, StoreError> {
    read.read_all(&WORKFLOWS, &[workspace.into(), id.into(), most.into()], |row| row.string(0)).await
}

/// Puts all workflows of one pack into another one, as a change of theirs by `by`; how many.
pub async fn move_workflows(
    tx: &Tx<'_>,
    from: &AutomationPack,
    to: PackId,
    (at, by): (Timestamp, &str),
) -> Result<u64, StoreError> {
    let params = [from.workspace_id.into(), from.id.into(), to.into(), at.into(), by.into()];
    tx.execute(&MOVE_WORKFLOWS, &params).await
}

/// The different lists of tags that the workspace's packs have, each a JSON list.
pub async fn tag_lists(read: &impl Read, workspace: WorkspaceId) -> Result<Vec<String>, StoreError> {
    read.read_all(&TAG_LISTS, &[workspace.into()], |row| row.string(0)).await
}

fn decode(row: &Row<'_>) -> Result<AutomationPack, RowError> {
    Ok(AutomationPack {
        id: row.id(0)?,
        tenant_id: row.id(1)?,
        workspace_id: row.id(2)?,
        name: row.string(3)?,
        display_name: row.string(4)?,
        description: row.string(5)?,
        tags: row.string(6)?,
        created_at: row.time(7)?,
        created_by: row.string(8)?,
        updated_at: row.time(9)?,
        updated_by: row.string(10)?,
    })
}
