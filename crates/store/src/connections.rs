//! Connections: stored ways into tools. Names are unique in the tenant, because workflows name them.

use std::collections::HashMap;

use types::{ConnectionId, ConnectionTypeId, TenantId, Timestamp, WorkflowId, WorkspaceId};

use crate::page::{Listing, list as page};
use crate::statement::sql;
use crate::{Defaults, Field, FieldMap, Kind, Page, Query, Read, Row, RowError, StoreError, Tx};

/// The unique key that a second connection with the same name meets.
pub const NAME_KEY: &str = "connections_tenant_id_name_key";

/// A stored way into a tool. `T` is the type of its texts: their own, or borrowed from the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection<T = String> {
    /// Its id.
    pub id: ConnectionId,
    /// The tenant of its workspace.
    pub tenant_id: TenantId,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// The name that workflows use, unique in the tenant.
    pub name: T,
    /// Its name for people.
    pub display_name: T,
    /// Its name with its type's.
    pub full_name: T,
    /// What it is for.
    pub description: T,
    /// Its type, built-in or the tenant's own.
    pub connection_type_id: ConnectionTypeId,
    /// The type's name.
    pub type_name: T,
    /// What is known of its working.
    pub status: T,
    /// What the tool calls it.
    pub external_id: T,
    /// Where its secrets are kept.
    pub secret_manager: T,
    /// How it was made.
    pub creation_method: T,
    /// Where it was made.
    pub creation_location: T,
    /// Whether it came from an OAuth consent.
    pub created_with_o_auth: bool,
    /// Whether it may be used.
    pub active: bool,
    /// The name of the group whose runners may use it; empty: any.
    pub runner_group: T,
    /// A JSON list of words.
    pub tags: T,
    /// The public JSON of its attributes, with masks for secrets.
    pub attributes: T,
    /// A JSON object: the name of each secret attribute to its sealed text.
    pub sealed: T,
    /// The version of the workspace's data key that sealed them.
    pub data_key_version: i64,
    /// Goes up by one at each change.
    pub row_version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: T,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who changed it.
    pub updated_by: T,
}

/// What the rotation of keys needs of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The connection.
    pub id: ConnectionId,
    /// As in [`Connection`].
    pub sealed: String,
    /// As in [`Connection`].
    pub data_key_version: i64,
    /// As in [`Connection`].
    pub row_version: i64,
}

/// A workflow that names a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedBy {
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// Its name.
    pub workflow_name: String,
}

macro_rules! columns {
    () => {
        "id, tenant_id, workspace_id, name, display_name, full_name, description, connection_type_id, type_name, \
         status, external_id, secret_manager, creation_method, creation_location, created_with_o_auth, active, \
         tags, attributes, sealed, data_key_version, row_version, created_at, created_by, updated_at, updated_by, \
         runner_group"
    };
}

sql! {
    TAG_LISTS = "connections.tag_lists":
        "SELECT DISTINCT tags FROM connections WHERE workspace_id = $1 AND tags <> '[]'";
    INSERT = "connections.insert": concat!(
        "INSERT INTO connections (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, \
         $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)"
    );
    GET = "connections.get":
        concat!("SELECT ", columns!(), " FROM connections WHERE workspace_id = $1 AND id = $2");
    GET_BY_NAME = "connections.get_by_name":
        concat!("SELECT ", columns!(), " FROM connections WHERE tenant_id = $1 AND name = $2");
    UPDATE = "connections.update":
        "UPDATE connections
         SET name = $4, display_name = $5, full_name = $6, description = $7, status = $8, external_id = $9,
             active = $10, tags = $11, attributes = $12, sealed = $13, data_key_version = $14, updated_at = $15,
             updated_by = $16, runner_group = $17, secret_manager = $18, row_version = row_version + 1
         WHERE workspace_id = $1 AND id = $2 AND row_version = $3";
    SET_STATUS = "connections.set_status":
        "UPDATE connections SET status = $3 WHERE workspace_id = $1 AND id = $2";
    DELETE = "connections.delete": "DELETE FROM connections WHERE workspace_id = $1 AND id = $2";
    USED_BY = "connections.used_by":
        "SELECT DISTINCT w.id, w.name
         FROM workflow_connections c JOIN workflows w ON w.id = c.workflow_id
         WHERE w.workspace_id = $1 AND c.connection_name = $2
         ORDER BY w.name, w.id";
    USAGE_COUNTS = "connections.usage_counts":
        "SELECT c.connection_name, COUNT(DISTINCT c.workflow_id) AS workflows
         FROM workflow_connections c JOIN workflows w ON w.id = c.workflow_id
         WHERE w.workspace_id = $1 GROUP BY c.connection_name";
    LIST_SEALED = "connections.list_sealed_after":
        "SELECT id, sealed, data_key_version, row_version FROM connections
         WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    UPDATE_SEALED = "connections.update_sealed":
        "UPDATE connections SET sealed = $4, data_key_version = $5
         WHERE workspace_id = $1 AND id = $2 AND row_version = $3";
}

/// The fields of a connection that lists know.
pub static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::same("id", Kind::Text),
        Field::same("tenant_id", Kind::Text),
        Field::same("workspace_id", Kind::Text),
        Field::same("name", Kind::Text),
        Field::same("display_name", Kind::Text),
        Field::same("full_name", Kind::Text),
        Field::same("description", Kind::Text),
        Field::same("connection_type_id", Kind::Text),
        Field::same("type_name", Kind::Text),
        Field::same("status", Kind::Text),
        Field::same("external_id", Kind::Text),
        Field::same("secret_manager", Kind::Text),
        Field::same("creation_method", Kind::Text),
        Field::same("creation_location", Kind::Text),
        Field::same("created_with_o_auth", Kind::Bool),
        Field::same("active", Kind::Bool),
        Field::same("tags", Kind::Opaque),
        Field::same("attributes", Kind::Opaque),
        Field::same("created_at", Kind::Time),
        Field::same("created_by", Kind::Text),
        Field::same("updated_at", Kind::Time),
        Field::same("updated_by", Kind::Text),
        Field::same("runner_group", Kind::Text),
        Field::computed("is_shared"),
        Field::computed("secret_manager_name"),
        Field::computed("shared_with"),
        Field::new("slug_name", "name", Kind::Text),
        Field::computed("used_by"),
        Field::computed("workspace_name"),
    ],
    defaults: Defaults { sort: &["name"], search: &["name", "display_name", "type_name"] },
};

/// Stores a new connection. Fails with [`NAME_KEY`] if the name is taken.
pub async fn insert(tx: &Tx<'_>, connection: &Connection) -> Result<(), StoreError> {
    let c = connection;
    let params = [
        c.id.into(),
        c.tenant_id.into(),
        c.workspace_id.into(),
        (&c.name).into(),
        (&c.display_name).into(),
        (&c.full_name).into(),
        (&c.description).into(),
        c.connection_type_id.into(),
        (&c.type_name).into(),
        (&c.status).into(),
        (&c.external_id).into(),
        (&c.secret_manager).into(),
        (&c.creation_method).into(),
        (&c.creation_location).into(),
        c.created_with_o_auth.into(),
        c.active.into(),
        (&c.tags).into(),
        (&c.attributes).into(),
        (&c.sealed).into(),
        c.data_key_version.into(),
        c.row_version.into(),
        c.created_at.into(),
        (&c.created_by).into(),
        c.updated_at.into(),
        (&c.updated_by).into(),
        (&c.runner_group).into(),
    ];
    tx.execute(&INSERT, &params).await?;
    Ok(())
}

/// Stores what may change of a connection, if it still is the one that was read (by `row_version`), and
/// counts that up; whether it was. Seal under `row_version + 1` where the seal is bound to it.
pub async fn update(tx: &Tx<'_>, connection: &Connection) -> Result<bool, StoreError> {
    let c = connection;
    let params = [
        c.workspace_id.into(),
        c.id.into(),
        c.row_version.into(),
        (&c.name).into(),
        (&c.display_name).into(),
        (&c.full_name).into(),
        (&c.description).into(),
        (&c.status).into(),
        (&c.external_id).into(),
        c.active.into(),
        (&c.tags).into(),
        (&c.attributes).into(),
        (&c.sealed).into(),
        c.data_key_version.into(),
        c.updated_at.into(),
        (&c.updated_by).into(),
        (&c.runner_group).into(),
        (&c.secret_manager).into(),
    ];
    Ok(tx.execute(&UPDATE, &params).await? == 1)
}

/// Remembers what a test of the connection showed; whether there is such a one. No change in the sense of
/// `row_version`.
pub async fn set_status(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    id: ConnectionId,
    status: &str,
) -> Result<bool, StoreError> {
    Ok(tx.execute(&SET_STATUS, &[workspace.into(), id.into(), status.into()]).await? == 1)
}

/// Deletes a connection; whether there was one.
pub async fn delete(tx: &Tx<'_>, workspace: WorkspaceId, id: ConnectionId) -> Result<bool, StoreError> {
    Ok(tx.execute(&DELETE, &[workspace.into(), id.into()]).await? == 1)
}

/// The connection of that id.
pub async fn get(
    read: &impl Read,
    workspace: WorkspaceId,
    id: ConnectionId,
) -> Result<Option<Connection>, StoreError> {
    read.read_one(&GET, &[workspace.into(), id.into()], own).await
}

/// What `view` makes of the connection of that id, which it sees in the row itself: nothing is copied.
pub async fn get_with<V: Send>(
    read: &impl Read,
    workspace: WorkspaceId,
    id: ConnectionId,
    mut view: impl FnMut(Connection<&str>) -> V + Send,
) -> Result<Option<V>, StoreError> {
    read.read_one(&GET, &[workspace.into(), id.into()], |row| Ok(view(decode(row)?))).await
}

/// The connection of that name, in whichever workspace of the tenant.
pub async fn get_by_name(
    read: &impl Read,
    tenant: TenantId,
    name: &str,
) -> Result<Option<Connection>, StoreError> {
    read.read_one(&GET_BY_NAME, &[tenant.into(), name.into()], own).await
}

/// The workspace's connections, and those that others share with it.
pub async fn list(
    read: &impl Read,
    workspace: WorkspaceId,
    query: &Query,
) -> Result<Page<Connection>, StoreError> {
    let listing = Listing {
        name: "connections.list",
        columns: columns!(),
        from: "connections",
        scope: "(workspace_id = $1 OR id IN (SELECT connection_id FROM shares WHERE target_workspace_id = $1))",
    };
    page(read, &listing, &[workspace.into()], query, own).await
}

/// The workspace's workflows whose newest draft or public document names the connection. Those of other
/// workspaces may name it too, but cannot use it.
pub async fn used_by(
    read: &impl Read,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Vec<UsedBy>, StoreError> {
    read.read_all(&USED_BY, &[workspace.into(), name.into()], |row| {
        Ok(UsedBy { workflow_id: row.id(0)?, workflow_name: row.string(1)? })
    })
    .await
}

/// How many of the workspace's workflows name each connection; one that none names is left out.
pub async fn usage_counts(
    read: &impl Read,
    workspace: WorkspaceId,
) -> Result<HashMap<String, i64>, StoreError> {
    let params = [workspace.into()];
    let counts = read.read_all(&USAGE_COUNTS, &params, |row| Ok((row.string(0)?, row.int(1)?))).await?;
    Ok(counts.into_iter().collect())
}

/// The next `limit` connections after `after` (an id, or "" to start), by id.
pub async fn list_sealed_after(
    read: &impl Read,
    workspace: WorkspaceId,
    after: &str,
    limit: i64,
) -> Result<Vec<Sealed>, StoreError> {
    read.read_all(&LIST_SEALED, &[workspace.into(), after.into(), limit.into()], |row| {
        let (data_key_version, row_version) = (row.int(2)?, row.int(3)?);
        Ok(Sealed { id: row.id(0)?, sealed: row.string(1)?, data_key_version, row_version })
    })
    .await
}

/// Stores secrets that were sealed anew, if the connection was not changed meanwhile; whether it was not.
pub async fn update_sealed(tx: &Tx<'_>, workspace: WorkspaceId, sealed: &Sealed) -> Result<bool, StoreError> {
    let params = [
        workspace.into(),
        sealed.id.into(),
        sealed.row_version.into(),
        (&sealed.sealed).into(),
        sealed.data_key_version.into(),
    ];
    Ok(tx.execute(&UPDATE_SEALED, &params).await? == 1)
}

fn own(row: &Row<'_>) -> Result<Connection, RowError> {
    decode(row)
}

/// The different lists of tags that the workspace's connections have, each a JSON list.
pub async fn tag_lists(read: &impl Read, workspace: WorkspaceId) -> Result<Vec<String>, StoreError> {
    read.read_all(&TAG_LISTS, &[workspace.into()], |row| row.string(0)).await
}

fn decode<'r, T: From<&'r str>>(row: &Row<'r>) -> Result<Connection<T>, RowError> {
    let text = |column| row.text(column).map(T::from);
    Ok(Connection {
        id: row.id(0)?,
        tenant_id: row.id(1)?,
        workspace_id: row.id(2)?,
        name: text(3)?,
        display_name: text(4)?,
        full_name: text(5)?,
        description: text(6)?,
        connection_type_id: row.id(7)?,
        type_name: text(8)?,
        status: text(9)?,
        external_id: text(10)?,
        secret_manager: text(11)?,
        creation_method: text(12)?,
        creation_location: text(13)?,
        created_with_o_auth: row.bool(14)?,
        active: row.bool(15)?,
        tags: text(16)?,
        attributes: text(17)?,
        sealed: text(18)?,
        data_key_version: row.int(19)?,
        row_version: row.int(20)?,
        created_at: row.time(21)?,
        created_by: text(22)?,
        updated_at: row.time(23)?,
        updated_by: text(24)?,
        runner_group: text(25)?,
    })
}
