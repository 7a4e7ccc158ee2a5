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
    FIRST = "tenants.first":
        "SELECT id, name, created_at, updated_at FROM tenants ORDER BY created_at, id LIMIT 1";
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

fn decode(row: &Row<'_>) -> Result<Tenant, RowError> {
    Ok(Tenant { id: row.id(0)?, name: row.string(1)?, created_at: row.time(2)?, updated_at: row.time(3)? })
}
