//! What an identity provider says of users: its own ids of them, and who they are.

use std::collections::HashMap;

use types::{TenantId, Timestamp, UserId};

use crate::statement::sql;
use crate::{Read, StoreError, Tx};

/// The unique key that a second user with the same id at the identity provider meets.
pub const EXTERNAL_ID_KEY: &str = "users_tenant_id_external_id_key";

sql! {
    EXTERNAL_IDS = "provisioning.external_ids":
        "SELECT id, external_id FROM users WHERE tenant_id = $1 AND external_id IS NOT NULL";
    EXTERNAL_ID = "provisioning.external_id":
        "SELECT external_id FROM users WHERE tenant_id = $1 AND id = $2 AND external_id IS NOT NULL";
    SET_IDENTITY = "provisioning.set_identity":
        "UPDATE users SET email = $3, name = $4, external_id = $5, updated_at = $6 WHERE tenant_id = $1 AND id = $2";
}

/// The ids that the identity provider has given to users of the tenant.
pub async fn external_ids(read: &impl Read, tenant: TenantId) -> Result<HashMap<UserId, String>, StoreError> {
    let rows = read.read_all(&EXTERNAL_IDS, &[tenant.into()], |row| Ok((row.id(0)?, row.string(1)?))).await?;
    Ok(rows.into_iter().collect())
}

/// The id that the identity provider has given to a user.
pub async fn external_id(
    read: &impl Read,
    tenant: TenantId,
    id: UserId,
) -> Result<Option<String>, StoreError> {
    read.read_one(&EXTERNAL_ID, &[tenant.into(), id.into()], |row| row.string(0)).await
}

/// Who a user is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// The identity provider's id of them.
    pub external_id: Option<String>,
}

/// Sets who a user is; whether there is such a user.
pub async fn set_identity(
    tx: &Tx<'_>,
    tenant: TenantId,
    id: UserId,
    identity: &Identity,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let params = [
        tenant.into(),
        id.into(),
        (&identity.email).into(),
        (&identity.name).into(),
        identity.external_id.as_deref().into(),
        now.into(),
    ];
    Ok(tx.execute(&SET_IDENTITY, &params).await? == 1)
}
