//! The tenant's own connection types. The built-in ones ship with the program and are not stored.

use types::{ConnectionTypeId, TenantId, Timestamp};

use crate::statement::sql;
use crate::{Read, Row, RowError, StoreError, Tx};

/// The unique key that a second type with the same name meets.
pub const NAME_KEY: &str = "connection_types_tenant_id_name_key";

/// A kind of tool, described by the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionType {
    /// Its id.
    pub id: ConnectionTypeId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// What it says of itself, as JSON.
    pub definition: String,
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
        "id, tenant_id, name, definition, created_at, created_by, updated_at, updated_by"
    };
}

sql! {
    INSERT = "connection_types.insert":
        concat!("INSERT INTO connection_types (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
    GET = "connection_types.get":
        concat!("SELECT ", columns!(), " FROM connection_types WHERE tenant_id = $1 AND id = $2");
    GET_BY_NAME = "connection_types.get_by_name":
        concat!("SELECT ", columns!(), " FROM connection_types WHERE tenant_id = $1 AND name = $2");
    LIST = "connection_types.list":
        concat!("SELECT ", columns!(), " FROM connection_types WHERE tenant_id = $1 ORDER BY name, id");
    UPDATE = "connection_types.update":
        "UPDATE connection_types SET name = $3, definition = $4, updated_at = $5, updated_by = $6
         WHERE tenant_id = $1 AND id = $2";
    DELETE = "connection_types.delete": "DELETE FROM connection_types WHERE tenant_id = $1 AND id = $2";
    USED = "connection_types.is_used":
        "SELECT name FROM connections WHERE tenant_id = $1 AND connection_type_id = $2 LIMIT 1";
}

/// Stores a new type.
pub async fn insert(tx: &Tx<'_>, kind: &ConnectionType) -> Result<(), StoreError> {
    let params = [
        kind.id.into(),
        kind.tenant_id.into(),
        (&kind.name).into(),
        (&kind.definition).into(),
        kind.created_at.into(),
        (&kind.created_by).into(),
        kind.updated_at.into(),
        (&kind.updated_by).into(),
    ];
    tx.execute(&INSERT, &params).await?;
    Ok(())
}

/// Stores what may change of a type; whether there is such a one.
pub async fn update(tx: &Tx<'_>, kind: &ConnectionType) -> Result<bool, StoreError> {
    let params = [
        kind.tenant_id.into(),
        kind.id.into(),
        (&kind.name).into(),
        (&kind.definition).into(),
        kind.updated_at.into(),
        (&kind.updated_by).into(),
    ];
    Ok(tx.execute(&UPDATE, &params).await? == 1)
}

/// Deletes a type; whether there was one. Ask [`is_used`] first, in the same transaction.
pub async fn delete(tx: &Tx<'_>, tenant: TenantId, id: ConnectionTypeId) -> Result<bool, StoreError> {
    Ok(tx.execute(&DELETE, &[tenant.into(), id.into()]).await? == 1)
}

/// Whether any connection of the tenant is of that type.
pub async fn is_used(read: &impl Read, tenant: TenantId, id: ConnectionTypeId) -> Result<bool, StoreError> {
    let user = read.read_one(&USED, &[tenant.into(), id.into()], |row| row.string(0)).await?;
    Ok(user.is_some())
}

/// The type of that id.
pub async fn get(
    read: &impl Read,
    tenant: TenantId,
    id: ConnectionTypeId,
) -> Result<Option<ConnectionType>, StoreError> {
    read.read_one(&GET, &[tenant.into(), id.into()], decode).await
}

/// The type of that name.
pub async fn get_by_name(
    read: &impl Read,
    tenant: TenantId,
    name: &str,
) -> Result<Option<ConnectionType>, StoreError> {
    read.read_one(&GET_BY_NAME, &[tenant.into(), name.into()], decode).await
}

/// The tenant's types, by name.
pub async fn list(read: &impl Read, tenant: TenantId) -> Result<Vec<ConnectionType>, StoreError> {
    read.read_all(&LIST, &[tenant.into()], decode).await
}

fn decode(row: &Row<'_>) -> Result<ConnectionType, RowError> {
    Ok(ConnectionType {
        id: row.id(0)?,
        tenant_id: row.id(1)?,
        name: row.string(2)?,
        definition: row.string(3)?,
        created_at: row.time(4)?,
        created_by: row.string(5)?,
        updated_at: row.time(6)?,
        updated_by: row.string(7)?,
    })
}
