//! The passwords of users, as hashes, and the links with which one is set once.

use types::{TenantId, Timestamp, UserId};

use crate::statement::sql;
use crate::{Read, StoreError, Tx};

/// A stored password, without the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password {
    /// Whose it is.
    pub user_id: UserId,
    /// The user's tenant.
    pub tenant_id: TenantId,
    /// Its hash, which names its parameters.
    pub hash: String,
    /// When it was set.
    pub changed_at: Timestamp,
    /// Whether its user must choose another one before anything else.
    pub must_change: bool,
}

/// A link with which a password is set once, without its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Whose password it sets.
    pub user_id: UserId,
    /// The user's tenant.
    pub tenant_id: TenantId,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
}

sql! {
    GET = "user_passwords.get":
        "SELECT user_id, tenant_id, hash, changed_at, must_change FROM user_passwords
         WHERE tenant_id = $1 AND user_id = $2";
    SET = "user_passwords.set":
        "INSERT INTO user_passwords (user_id, tenant_id, hash, changed_at, must_change) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (user_id) DO UPDATE
         SET hash = excluded.hash, changed_at = excluded.changed_at, must_change = excluded.must_change";
    INSERT_RESET = "password_resets.insert":
        "INSERT INTO password_resets (code_hash, tenant_id, user_id, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5)";
    FIND_RESET = "password_resets.find_by_hash":
        "SELECT user_id, tenant_id, created_at, expires_at FROM password_resets WHERE code_hash = $1";
    DELETE_RESETS = "password_resets.delete_of_user":
        "DELETE FROM password_resets WHERE tenant_id = $1 AND user_id = $2";
    DELETE_EXPIRED = "password_resets.delete_expired": "DELETE FROM password_resets WHERE expires_at <= $1";
}

/// The user's password; none if they have none.
pub async fn get(read: &impl Read, tenant: TenantId, user: UserId) -> Result<Option<Password>, StoreError> {
    read.read_one(&GET, &[tenant.into(), user.into()], |row| {
        Ok(Password {
            user_id: row.id(0)?,
            tenant_id: row.id(1)?,
            hash: row.string(2)?,
            changed_at: row.time(3)?,
            must_change: row.bool(4)?,
        })
    })
    .await
}

/// Sets the user's password. Links with which it could have been set are worth nothing from then on.
pub async fn set(tx: &Tx<'_>, password: &Password) -> Result<(), StoreError> {
    let Password { user_id, tenant_id, hash, changed_at, must_change } = password;
    let params =
        [(*user_id).into(), (*tenant_id).into(), hash.into(), (*changed_at).into(), (*must_change).into()];
    tx.execute(&SET, &params).await?;
    tx.execute(&DELETE_RESETS, &[(*tenant_id).into(), (*user_id).into()]).await?;
    Ok(())
}

/// Stores a link by the hash of its code, in the place of those that the user had. What has expired goes.
pub async fn insert_reset(tx: &Tx<'_>, reset: &Reset, code_hash: &str) -> Result<(), StoreError> {
    let Reset { user_id, tenant_id, created_at, expires_at } = *reset;
    tx.execute(&DELETE_EXPIRED, &[created_at.into()]).await?;
    tx.execute(&DELETE_RESETS, &[tenant_id.into(), user_id.into()]).await?;
    let params = [code_hash.into(), tenant_id.into(), user_id.into(), created_at.into(), expires_at.into()];
    tx.execute(&INSERT_RESET, &params).await?;
    Ok(())
}

/// The link whose code has that hash; an expired one is found too.
pub async fn find_reset(read: &impl Read, code_hash: &str) -> Result<Option<Reset>, StoreError> {
    read.read_one(&FIND_RESET, &[code_hash.into()], |row| {
        Ok(Reset {
            user_id: row.id(0)?,
            tenant_id: row.id(1)?,
            created_at: row.time(2)?,
            expires_at: row.time(3)?,
        })
    })
    .await
}
