//! Second factors: a user's authenticator, and the recovery codes for whoever has lost theirs.

use types::{TenantId, Timestamp, UserId};

use crate::statement::sql;
use crate::{Read, StoreError, Tx};

/// A user's authenticator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totp {
    /// Whose it is.
    pub user_id: UserId,
    /// The user's tenant.
    pub tenant_id: TenantId,
    /// The secret that it shares, sealed.
    pub secret: String,
    /// When it was set up.
    pub created_at: Timestamp,
    /// Since when its codes are asked for; none as long as the user has not shown one.
    pub confirmed_at: Option<Timestamp>,
    /// The step of the last code that was taken.
    pub last_step: i64,
}

sql! {
    GET = "user_totp.get":
        "SELECT user_id, tenant_id, secret, created_at, confirmed_at, last_step FROM user_totp
         WHERE tenant_id = $1 AND user_id = $2";
    SET = "user_totp.set":
        "INSERT INTO user_totp (user_id, tenant_id, secret, created_at, confirmed_at, last_step)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (user_id) DO UPDATE
         SET secret = excluded.secret, created_at = excluded.created_at, confirmed_at = excluded.confirmed_at,
             last_step = excluded.last_step";
    CONFIRM = "user_totp.confirm":
        "UPDATE user_totp SET confirmed_at = $4, last_step = $5
         WHERE tenant_id = $1 AND user_id = $2 AND secret = $3 AND confirmed_at IS NULL";
    USE_STEP = "user_totp.use_step":
        "UPDATE user_totp SET last_step = $4
         WHERE tenant_id = $1 AND user_id = $2 AND secret = $3 AND confirmed_at IS NOT NULL AND last_step < $4";
    DELETE = "user_totp.delete": "DELETE FROM user_totp WHERE tenant_id = $1 AND user_id = $2";
    INSERT_CODE = "recovery_codes.insert":
        "INSERT INTO recovery_codes (code_hash, tenant_id, user_id) VALUES ($1, $2, $3)";
    USE_CODE = "recovery_codes.use":
        "DELETE FROM recovery_codes WHERE tenant_id = $1 AND user_id = $2 AND code_hash = $3";
    DELETE_CODES = "recovery_codes.delete_of_user":
        "DELETE FROM recovery_codes WHERE tenant_id = $1 AND user_id = $2";
    COUNT_CODES = "recovery_codes.count":
        "SELECT COUNT(*) AS codes FROM recovery_codes WHERE tenant_id = $1 AND user_id = $2";
}

/// The user's authenticator, confirmed or not.
pub async fn get(read: &impl Read, tenant: TenantId, user: UserId) -> Result<Option<Totp>, StoreError> {
    read.read_one(&GET, &[tenant.into(), user.into()], |row| {
        Ok(Totp {
            user_id: row.id(0)?,
            tenant_id: row.id(1)?,
            secret: row.string(2)?,
            created_at: row.time(3)?,
            confirmed_at: row.opt_time(4)?,
            last_step: row.int(5)?,
        })
    })
    .await
}

/// Stores an authenticator in the place of the one that the user had.
pub async fn set(tx: &Tx<'_>, totp: &Totp) -> Result<(), StoreError> {
    let params = [
        totp.user_id.into(),
        totp.tenant_id.into(),
        (&totp.secret).into(),
        totp.created_at.into(),
        totp.confirmed_at.into(),
        totp.last_step.into(),
    ];
    tx.execute(&SET, &params).await?;
    Ok(())
}

/// Asks for the authenticator's codes from `now` on, and replaces the user's recovery codes by those of `code_hashes`;
/// false, and nothing is changed, if the authenticator is no longer the one that waits to be confirmed.
pub async fn confirm(
    tx: &Tx<'_>,
    totp: &Totp,
    step: i64,
    now: Timestamp,
    code_hashes: &[String],
) -> Result<bool, StoreError> {
    let (tenant, user) = (totp.tenant_id, totp.user_id);
    let params = [tenant.into(), user.into(), (&totp.secret).into(), now.into(), step.into()];
    if tx.execute(&CONFIRM, &params).await? != 1 {
        return Ok(false);
    }
    tx.execute(&DELETE_CODES, &[tenant.into(), user.into()]).await?;
    for hash in code_hashes {
        tx.execute(&INSERT_CODE, &[hash.into(), tenant.into(), user.into()]).await?;
    }
    Ok(true)
}

/// Takes the code of a step; false if it, or a later one, has been taken before.
pub async fn use_step(tx: &Tx<'_>, totp: &Totp, step: i64) -> Result<bool, StoreError> {
    let params = [totp.tenant_id.into(), totp.user_id.into(), (&totp.secret).into(), step.into()];
    Ok(tx.execute(&USE_STEP, &params).await? == 1)
}

/// Takes a recovery code; false if the user has no such code, or no longer.
pub async fn use_recovery_code(
    tx: &Tx<'_>,
    tenant: TenantId,
    user: UserId,
    code_hash: &str,
) -> Result<bool, StoreError> {
    Ok(tx.execute(&USE_CODE, &[tenant.into(), user.into(), code_hash.into()]).await? == 1)
}

/// How many recovery codes the user has left.
pub async fn recovery_codes_left(
    read: &impl Read,
    tenant: TenantId,
    user: UserId,
) -> Result<i64, StoreError> {
    read.count(&COUNT_CODES, &[tenant.into(), user.into()]).await
}

/// Removes the user's authenticator and recovery codes; whether there was an authenticator.
pub async fn delete(tx: &Tx<'_>, tenant: TenantId, user: UserId) -> Result<bool, StoreError> {
    tx.execute(&DELETE_CODES, &[tenant.into(), user.into()]).await?;
    Ok(tx.execute(&DELETE, &[tenant.into(), user.into()]).await? == 1)
}
