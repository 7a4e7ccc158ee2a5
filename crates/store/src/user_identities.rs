//! Identities: which user a person is whom a provider of single sign-on knows.

use types::{TenantId, Timestamp, UserId};

use crate::statement::sql;
use crate::{Read, StoreError, Tx};

/// A person, as one provider knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user's tenant.
    pub tenant_id: TenantId,
    /// The provider's issuer identifier.
    pub issuer: String,
    /// What the provider calls them.
    pub subject: String,
    /// The user.
    pub user_id: UserId,
    /// Since when.
    pub created_at: Timestamp,
}

sql! {
    INSERT = "user_identities.insert":
        "INSERT INTO user_identities (tenant_id, issuer, subject, user_id, created_at) VALUES ($1, $2, $3, $4, $5)";
    FIND = "user_identities.find":
        "SELECT user_id FROM user_identities WHERE tenant_id = $1 AND issuer = $2 AND subject = $3";
    COUNT_OF_USER = "user_identities.count_of_user":
        "SELECT COUNT(*) AS counted FROM user_identities WHERE tenant_id = $1 AND issuer = $2 AND user_id = $3";
    DELETE_OF_USER = "user_identities.delete_of_user":
        "DELETE FROM user_identities WHERE tenant_id = $1 AND user_id = $2";
}

/// Stores a new identity.
pub async fn insert(tx: &Tx<'_>, identity: &Identity) -> Result<(), StoreError> {
    let params = [
        identity.tenant_id.into(),
        (&identity.issuer).into(),
        (&identity.subject).into(),
        identity.user_id.into(),
        identity.created_at.into(),
    ];
    tx.execute(&INSERT, &params).await?;
    Ok(())
}

/// The user whom the provider of that issuer calls that.
pub async fn find(
    read: &impl Read,
    tenant: TenantId,
    issuer: &str,
    subject: &str,
) -> Result<Option<UserId>, StoreError> {
    read.read_one(&FIND, &[tenant.into(), issuer.into(), subject.into()], |row| row.id(0)).await
}

/// Whether the provider of that issuer knows the user already.
pub async fn is_known(
    read: &impl Read,
    tenant: TenantId,
    issuer: &str,
    user: UserId,
) -> Result<bool, StoreError> {
    Ok(read.count(&COUNT_OF_USER, &[tenant.into(), issuer.into(), user.into()]).await? > 0)
}

/// Forgets as whom providers know the user; how many did.
pub async fn delete_of_user(tx: &Tx<'_>, tenant: TenantId, user: UserId) -> Result<u64, StoreError> {
    tx.execute(&DELETE_OF_USER, &[tenant.into(), user.into()]).await
}
