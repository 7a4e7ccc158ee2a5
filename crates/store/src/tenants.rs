//! Tenants: companies. One server usually has one.

use types::{TenantId, Timestamp};

use crate::statement::sql;
use crate::{Read, Row, RowError, StoreError, Tx};

/// A company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

sql! {
    INSERT = "tenants.insert": "INSERT INTO tenants (id, name, created_at, updated_at) VALUES ($1, $2, $3, $4)";
    GET = "tenants.get": "SELECT id, name, created_at, updated_at FROM tenants WHERE id = $1";
    SETTINGS_TO_CHANGE = "tenants.settings_to_change":
        "SELECT settings FROM tenants WHERE id = $1 {for_update}";
    SET_SETTINGS = "tenants.set_settings": "UPDATE tenants SET settings = $2, updated_at = $3 WHERE id = $1";
    SETTINGS = "tenants.settings": "SELECT settings FROM tenants WHERE id = $1";
    LOCK = "tenants.lock": "SELECT id FROM tenants WHERE id = $1 {for_update}";
    ALL = "tenants.all": "SELECT id FROM tenants ORDER BY created_at, id";
    FIRST = "tenants.first":
        "SELECT id, name, created_at, updated_at FROM tenants ORDER BY created_at, id LIMIT 1";
}

/// Makes every other transaction that locks the tenant wait for the end of this one: what it counts of the tenant's things
/// stays as it is until then.
pub async fn lock(tx: &Tx<'_>, tenant: TenantId) -> Result<(), StoreError> {
    tx.read_one(&LOCK, &[tenant.into()], |row| row.string(0)).await.map(drop)
}

/// Stores a new tenant.
pub async fn insert(tx: &Tx<'_>, tenant: &Tenant) -> Result<(), StoreError> {
    let Tenant { id, name, created_at, updated_at } = tenant;
    tx.execute(&INSERT, &[(*id).into(), name.into(), (*created_at).into(), (*updated_at).into()]).await?;
    Ok(())
}

/// The tenant of that id.
pub async fn get(read: &impl Read, id: TenantId) -> Result<Option<Tenant>, StoreError> {
    read.read_one(&GET, &[id.into()], decode).await
}

/// The oldest tenant; none in an empty database.
pub async fn first(read: &impl Read) -> Result<Option<Tenant>, StoreError> {
    read.read_one(&FIRST, &[], decode).await
}

/// Every tenant, the oldest first.
pub async fn all(read: &impl Read) -> Result<Vec<TenantId>, StoreError> {
    read.read_all(&ALL, &[], |row| row.id(0)).await
}

/// What the tenant has decided for all of its workspaces, a JSON object.
pub async fn settings(read: &impl Read, id: TenantId) -> Result<Option<String>, StoreError> {
    read.read_one(&SETTINGS, &[id.into()], |row| row.string(0)).await
}

/// The same, held against changes of others.
pub async fn settings_to_change(tx: &Tx<'_>, id: TenantId) -> Result<Option<String>, StoreError> {
    tx.read_one(&SETTINGS_TO_CHANGE, &[id.into()], |row| row.string(0)).await
}

/// Stores the tenant's settings.
pub async fn set_settings(
    tx: &Tx<'_>,
    id: TenantId,
    settings: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(&SET_SETTINGS, &[id.into(), settings.into(), now.into()]).await?;
    Ok(())
}

fn decode(row: &Row<'_>) -> Result<Tenant, RowError> {
    Ok(Tenant { id: row.id(0)?, name: row.string(1)?, created_at: row.time(2)?, updated_at: row.time(3)? })
}
