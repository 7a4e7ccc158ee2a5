//! Keys to the API. Only a key's hash is stored, and a hint for people to tell their keys apart.

use types::{ApiKeyId, TenantId, Timestamp, UserId};

use crate::statement::sql;
use crate::users::UserStatus;
use crate::{Read, Row, RowError, StoreError, Tx};

/// A key, without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The tenant of its user.
    pub tenant_id: TenantId,
    /// For whom it speaks.
    pub user_id: UserId,
    /// What its user calls it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its first characters.
    pub hint: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used; may lag behind.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Whom a key speaks for: all that a request must know of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyOwner {
    /// The key.
    pub key_id: ApiKeyId,
    /// Its user.
    pub user_id: UserId,
    /// The user's tenant.
    pub tenant_id: TenantId,
    /// Whether the user may do anything at all.
    pub user_status: UserStatus,
    /// Whether the key has been revoked.
    pub is_revoked: bool,
    /// When the key was last used; may lag behind.
    pub last_used_at: Option<Timestamp>,
}

sql! {
    INSERT = "api_keys.insert":
        "INSERT INTO api_keys (id, tenant_id, user_id, name, description, key_hash, hint, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    FIND = "api_keys.find_by_hash":
        "SELECT k.id, k.user_id, k.tenant_id, u.status, k.revoked_at, k.last_used_at
         FROM api_keys k JOIN users u ON u.id = k.user_id
         WHERE k.key_hash = $1";
    LIST = "api_keys.list":
        "SELECT id, tenant_id, user_id, name, description, hint, created_at, last_used_at, revoked_at
         FROM api_keys WHERE tenant_id = $1 AND user_id = $2 ORDER BY created_at, id";
    REVOKE = "api_keys.revoke":
        "UPDATE api_keys SET revoked_at = $4
         WHERE tenant_id = $1 AND user_id = $2 AND id = $3 AND revoked_at IS NULL";
    TOUCH = "api_keys.touch_last_used":
        "UPDATE api_keys SET last_used_at = $3
         WHERE tenant_id = $1 AND id = $2 AND (last_used_at IS NULL OR last_used_at < $3)";
}

/// Stores a new key by its hash.
pub async fn insert(tx: &Tx<'_>, key: &ApiKey, key_hash: &str) -> Result<(), StoreError> {
    let params = [
        key.id.into(),
        key.tenant_id.into(),
        key.user_id.into(),
        (&key.name).into(),
        (&key.description).into(),
        key_hash.into(),
        (&key.hint).into(),
        key.created_at.into(),
    ];
    tx.execute(&INSERT, &params).await?;
    Ok(())
}

/// Whom the key with that hash speaks for; none if there is no such key. A revoked key is found too.
pub async fn find_by_hash(read: &impl Read, key_hash: &str) -> Result<Option<KeyOwner>, StoreError> {
    read.read_one(&FIND, &[key_hash.into()], |row| {
        Ok(KeyOwner {
            key_id: row.id(0)?,
            user_id: row.id(1)?,
            tenant_id: row.id(2)?,
            user_status: row.word(3, UserStatus::from_name)?,
            is_revoked: row.opt_int(4)?.is_some(),
            last_used_at: row.opt_time(5)?,
        })
    })
    .await
}

/// The user's keys, the oldest first, revoked ones included.
pub async fn list(read: &impl Read, tenant: TenantId, user: UserId) -> Result<Vec<ApiKey>, StoreError> {
    read.read_all(&LIST, &[tenant.into(), user.into()], decode).await
}

/// Revokes a key; whether there was one to revoke.
pub async fn revoke(
    tx: &Tx<'_>,
    tenant: TenantId,
    user: UserId,
    id: ApiKeyId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(tx.execute(&REVOKE, &[tenant.into(), user.into(), id.into(), now.into()]).await? == 1)
}

/// Remembers that the key was used. For the caller to do now and then, not at each request.
pub async fn touch_last_used(
    tx: &Tx<'_>,
    tenant: TenantId,
    id: ApiKeyId,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(&TOUCH, &[tenant.into(), id.into(), now.into()]).await?;
    Ok(())
}

fn decode(row: &Row<'_>) -> Result<ApiKey, RowError> {
    Ok(ApiKey {
        id: row.id(0)?,
        tenant_id: row.id(1)?,
        user_id: row.id(2)?,
        name: row.string(3)?,
        description: row.string(4)?,
        hint: row.string(5)?,
        created_at: row.time(6)?,
        last_used_at: row.opt_time(7)?,
        revoked_at: row.opt_time(8)?,
    })
}
