//! Users: people and service accounts of a tenant.

use types::{TenantId, TenantRole, Timestamp, UserId, WorkspaceId};

use crate::statement::sql;
use crate::{Read, Row, RowError, StoreError, Tx};

/// The unique key that a second user with the same address meets.
pub const EMAIL_KEY: &str = "users_tenant_id_email_key";

/// A person or a service account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Whose they are.
    pub tenant_id: TenantId,
    /// Their address, unique in the tenant.
    pub email: String,
    /// Their name.
    pub name: String,
    /// What they may do in the tenant.
    pub tenant_role: TenantRole,
    /// Whether they may do anything at all.
    pub status: UserStatus,
    /// The workspace meant by an address that names none.
    pub default_workspace_id: Option<WorkspaceId>,
    /// When they were made.
    pub created_at: Timestamp,
    /// When they were last changed.
    pub updated_at: Timestamp,
}

/// How far a user's account has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserStatus {
    /// In use.
    Active,
    /// Switched off: their keys do not work.
    Inactive,
    /// Asked to join.
    Invited,
    /// Asked too long ago.
    InvitationExpired,
}

impl UserStatus {
    const ALL: [Self; 4] = [Self::Active, Self::Inactive, Self::Invited, Self::InvitationExpired];

    /// The public name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Inactive => "Inactive",
            Self::Invited => "Invited",
            Self::InvitationExpired => "Invitation Expired",
        }
    }

    /// The status of that public name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

macro_rules! columns {
    () => {
        "id, tenant_id, email, name, tenant_role, status, default_workspace_id, created_at, updated_at"
    };
}

sql! {
    INSERT = "users.insert":
        concat!("INSERT INTO users (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
    GET = "users.get": concat!("SELECT ", columns!(), " FROM users WHERE tenant_id = $1 AND id = $2");
    LOCK = "users.lock": "SELECT id FROM users WHERE tenant_id = $1 AND id = $2 {for_update}";
    GET_BY_EMAIL = "users.get_by_email":
        concat!("SELECT ", columns!(), " FROM users WHERE tenant_id = $1 AND email = $2");
    LIST = "users.list":
        concat!("SELECT ", columns!(), " FROM users WHERE tenant_id = $1 ORDER BY email, id");
    SET_STATUS = "users.set_status":
        "UPDATE users SET status = $3, updated_at = $4 WHERE tenant_id = $1 AND id = $2";
    SET_DEFAULT_WORKSPACE = "users.set_default_workspace":
        "UPDATE users SET default_workspace_id = $3, updated_at = $4 WHERE tenant_id = $1 AND id = $2";
}

/// Stores a new user.
pub async fn insert(tx: &Tx<'_>, user: &User) -> Result<(), StoreError> {
    let params = [
        user.id.into(),
        user.tenant_id.into(),
        (&user.email).into(),
        (&user.name).into(),
        user.tenant_role.as_str().into(),
        user.status.as_str().into(),
        user.default_workspace_id.into(),
        user.created_at.into(),
        user.updated_at.into(),
    ];
    tx.execute(&INSERT, &params).await?;
    Ok(())
}

/// The user of that id.
pub async fn get(read: &impl Read, tenant: TenantId, id: UserId) -> Result<Option<User>, StoreError> {
    read.read_one(&GET, &[tenant.into(), id.into()], decode).await
}

/// Makes every other transaction that locks the user wait for the end of this one: what it counts of the user's
/// things stays as it is until then.
pub async fn lock(tx: &Tx<'_>, tenant: TenantId, id: UserId) -> Result<(), StoreError> {
    tx.read_one(&LOCK, &[tenant.into(), id.into()], |row| row.string(0)).await.map(drop)
}

/// The user of that address, as it is written there.
pub async fn get_by_email(
    read: &impl Read,
    tenant: TenantId,
    email: &str,
) -> Result<Option<User>, StoreError> {
    read.read_one(&GET_BY_EMAIL, &[tenant.into(), email.into()], decode).await
}

/// Every user of the tenant, by address.
pub async fn list(read: &impl Read, tenant: TenantId) -> Result<Vec<User>, StoreError> {
    read.read_all(&LIST, &[tenant.into()], decode).await
}

/// Switches a user on or off; whether there is such a user.
pub async fn set_status(
    tx: &Tx<'_>,
    tenant: TenantId,
    id: UserId,
    status: UserStatus,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let params = [tenant.into(), id.into(), status.as_str().into(), now.into()];
    Ok(tx.execute(&SET_STATUS, &params).await? == 1)
}

/// Sets the workspace meant by an address that names none; whether there is such a user.
pub async fn set_default_workspace(
    tx: &Tx<'_>,
    tenant: TenantId,
    id: UserId,
    workspace: WorkspaceId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let params = [tenant.into(), id.into(), workspace.into(), now.into()];
    Ok(tx.execute(&SET_DEFAULT_WORKSPACE, &params).await? == 1)
}

fn decode(row: &Row<'_>) -> Result<User, RowError> {
    Ok(User {
        id: row.id(0)?,
        tenant_id: row.id(1)?,
        email: row.string(2)?,
        name: row.string(3)?,
        tenant_role: row.word(4, TenantRole::from_name)?,
        status: row.word(5, UserStatus::from_name)?,
        default_workspace_id: row.opt_id(6)?,
        created_at: row.time(7)?,
        updated_at: row.time(8)?,
    })
}
