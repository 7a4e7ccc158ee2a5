//! Users: people and service accounts of a tenant.

use types::{Assigned, GroupId, TenantId, TenantRole, Timestamp, UserId, WorkspaceId};

use crate::page::{Listing, list as page};
use crate::statement::sql;
use crate::{Defaults, Field, FieldMap, Kind, Page, Query, Read, Row, RowError, StoreError, Tx};

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
    /// What it is for, of a service account.
    pub description: String,
    /// Whether it is a person.
    pub kind: UserKind,
    /// What they may do in the tenant.
    pub tenant_role: Assigned<TenantRole>,
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

/// Whether a user is a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserKind {
    /// Somebody who signs in.
    Person,
    /// An account of programs: it has keys, and never signs in.
    Service,
}

impl UserKind {
    /// The public name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Service => "service",
        }
    }

    /// The kind of that public name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Person, Self::Service].into_iter().find(|kind| kind.as_str() == name)
    }
}

macro_rules! columns {
    () => {
        "id, tenant_id, email, name, COALESCE(custom_role, tenant_role) AS tenant_role, status, default_workspace_id,
         created_at, updated_at, kind, description"
    };
}

sql! {
    INSERT = "users.insert":
        "INSERT INTO users (id, tenant_id, email, name, tenant_role, status, default_workspace_id, created_at, updated_at,
                            kind, description, custom_role)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    GET = "users.get": concat!("SELECT ", columns!(), " FROM users WHERE tenant_id = $1 AND id = $2");
    LOCK = "users.lock": "SELECT id FROM users WHERE tenant_id = $1 AND id = $2 {for_update}";
    COUNT_OTHER_ADMINS = "users.count_other_admins":
        "SELECT COUNT(*) AS counted FROM users
         WHERE tenant_id = $1 AND id <> $2 AND tenant_role = 'Admin' AND status = 'Active' AND kind = 'person'";
    COUNT_SERVICES = "users.count_services":
        "SELECT COUNT(*) AS counted FROM users WHERE tenant_id = $1 AND kind = 'service'";
    EXISTS_BY_EMAIL = "users.exists_by_email":
        "SELECT COUNT(*) AS counted FROM users WHERE tenant_id = $1 AND LOWER(email) = $2";
    SET_TENANT_ROLE = "users.set_tenant_role":
        "UPDATE users SET tenant_role = $3, updated_at = $4, custom_role = $5 WHERE tenant_id = $1 AND id = $2";
    DELETE = "users.delete": "DELETE FROM users WHERE tenant_id = $1 AND id = $2";
    GET_BY_EMAIL = "users.get_by_email":
        concat!("SELECT ", columns!(), " FROM users WHERE tenant_id = $1 AND email = $2");
    FIND_BY_EMAIL = "users.find_by_email": concat!(
        "SELECT ", columns!(), " FROM users WHERE tenant_id = $1 AND lower(email) = $2 ORDER BY email, id LIMIT 10"
    );
    LIST = "users.list":
        concat!("SELECT ", columns!(), " FROM users WHERE tenant_id = $1 ORDER BY email, id");
    SET_STATUS = "users.set_status":
        "UPDATE users SET status = $3, updated_at = $4 WHERE tenant_id = $1 AND id = $2";
    SET_DEFAULT_WORKSPACE = "users.set_default_workspace":
        "UPDATE users SET default_workspace_id = $3, updated_at = $4 WHERE tenant_id = $1 AND id = $2";
}

/// The fields of a user that lists know.
pub static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::same("created_at", Kind::Time),
        Field::same("description", Kind::Text),
        Field::same("email", Kind::Text),
        Field::same("id", Kind::Text),
        Field::same("kind", Kind::Text),
        Field::same("name", Kind::Text),
        Field::same("status", Kind::Text),
        Field::same("tenant_id", Kind::Text),
        Field::new("tenant_role", "COALESCE(custom_role, tenant_role)", Kind::Text),
        Field::same("updated_at", Kind::Time),
    ],
    defaults: Defaults { sort: &["name"], search: &["name", "email"] },
};

/// Stores a new user.
pub async fn insert(tx: &Tx<'_>, user: &User) -> Result<(), StoreError> {
    let (role, custom_role) = user.tenant_role.columns();
    let params = [
        user.id.into(),
        user.tenant_id.into(),
        (&user.email).into(),
        (&user.name).into(),
        role.into(),
        user.status.as_str().into(),
        user.default_workspace_id.into(),
        user.created_at.into(),
        user.updated_at.into(),
        user.kind.as_str().into(),
        (&user.description).into(),
        custom_role.into(),
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

/// The user whom an address means that somebody has typed: the one of exactly that address, else the only one whose
/// address differs from it in the case of its letters alone.
pub async fn find_by_email(
    read: &impl Read,
    tenant: TenantId,
    email: &str,
) -> Result<Option<User>, StoreError> {
    if let Some(user) = get_by_email(read, tenant, email).await? {
        return Ok(Some(user));
    }
    let lower = email.to_ascii_lowercase();
    let mut users = read.read_all(&FIND_BY_EMAIL, &[tenant.into(), lower.into()], decode).await?;
    Ok(if users.len() == 1 { users.pop() } else { None })
}

/// Every user of the tenant, by address.
pub async fn list(read: &impl Read, tenant: TenantId) -> Result<Vec<User>, StoreError> {
    read.read_all(&LIST, &[tenant.into()], decode).await
}

/// The users of the tenant that a query asks for.
pub async fn find(read: &impl Read, tenant: TenantId, query: &Query) -> Result<Page<User>, StoreError> {
    page(read, &listing("tenant_id = $1"), &[tenant.into()], query, decode).await
}

/// The tenant's service accounts that a query asks for.
pub async fn find_services(
    read: &impl Read,
    tenant: TenantId,
    query: &Query,
) -> Result<Page<User>, StoreError> {
    page(read, &listing("tenant_id = $1 AND kind = 'service'"), &[tenant.into()], query, decode).await
}

/// The users in a group that a query asks for.
pub async fn find_in_group(
    read: &impl Read,
    tenant: TenantId,
    group: GroupId,
    query: &Query,
) -> Result<Page<User>, StoreError> {
    let scope = "tenant_id = $1 AND id IN (SELECT user_id FROM user_group_members WHERE group_id = $2)";
    page(read, &listing(scope), &[tenant.into(), group.into()], query, decode).await
}

fn listing(scope: &str) -> Listing<'_> {
    Listing { name: "users.list", columns: columns!(), from: "users", scope }
}

/// Makes every other transaction that does this wait for the end of this one: which people, groups and invitations the
/// tenant has, and what they may do, stays as it is until then.
pub async fn lock_people(tx: &Tx<'_>, tenant: TenantId) -> Result<(), StoreError> {
    tx.lock(&format!("people of {tenant}")).await
}

/// How many people besides that user are active Admins of the tenant.
pub async fn count_other_admins(read: &impl Read, tenant: TenantId, id: UserId) -> Result<i64, StoreError> {
    read.count(&COUNT_OTHER_ADMINS, &[tenant.into(), id.into()]).await
}

/// How many service accounts the tenant has.
pub async fn count_services(read: &impl Read, tenant: TenantId) -> Result<i64, StoreError> {
    read.count(&COUNT_SERVICES, &[tenant.into()]).await
}

/// Whether a user has that address, given in lower case, however it is written there.
pub async fn exists_by_email(read: &impl Read, tenant: TenantId, email: &str) -> Result<bool, StoreError> {
    Ok(read.count(&EXISTS_BY_EMAIL, &[tenant.into(), email.into()]).await? > 0)
}

/// Gives a user another role in the tenant; whether there is such a user.
pub async fn set_tenant_role(
    tx: &Tx<'_>,
    tenant: TenantId,
    id: UserId,
    role: &Assigned<TenantRole>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (role, custom_role) = role.columns();
    let params = [tenant.into(), id.into(), role.into(), now.into(), custom_role.into()];
    Ok(tx.execute(&SET_TENANT_ROLE, &params).await? == 1)
}

/// Deletes a user with their keys, memberships and settings; whether there was such a user.
pub async fn delete(tx: &Tx<'_>, tenant: TenantId, id: UserId) -> Result<bool, StoreError> {
    Ok(tx.execute(&DELETE, &[tenant.into(), id.into()]).await? == 1)
}

/// Switches a user on or off; whether there is such a user. The sessions of one who is switched off end, for good.
pub async fn set_status(
    tx: &Tx<'_>,
    tenant: TenantId,
    id: UserId,
    status: UserStatus,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let params = [tenant.into(), id.into(), status.as_str().into(), now.into()];
    if status != UserStatus::Active {
        crate::sessions::delete_of_user(tx, tenant, id, None).await?;
    }
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
        tenant_role: Assigned::named(row.text(4)?),
        status: row.word(5, UserStatus::from_name)?,
        default_workspace_id: row.opt_id(6)?,
        created_at: row.time(7)?,
        updated_at: row.time(8)?,
        kind: row.word(9, UserKind::from_name)?,
        description: row.string(10)?,
    })
}
