//! Roles that a tenant makes of permissions. Whoever has one refers to it by its name, which never changes.

use types::{CustomRoleId, PermissionSet, TenantId, Timestamp, UserId};

use crate::page::{Listing, list as page};
use crate::statement::sql;
use crate::{Defaults, Field, FieldMap, Kind, Page, Query, Read, Row, RowError, StoreError, Tx};

/// The unique key that a second role with the same name meets.
pub const NAME_KEY: &str = "custom_roles_tenant_id_name_key";

/// Where people have a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleScope {
    /// In the tenant: one role, theirs.
    Tenant,
    /// In a workspace that they are a member of, by themselves or through a group.
    Workspace,
}

impl RoleScope {
    /// Every scope there is.
    pub const ALL: [Self; 2] = [Self::Tenant, Self::Workspace];

    /// The public name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Workspace => "workspace",
        }
    }

    /// The scope of that public name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// A role of a tenant's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomRole {
    /// Its id.
    pub id: CustomRoleId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Where people have it.
    pub scope: RoleScope,
    /// Its name, unique in the tenant.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it allows.
    pub permissions: PermissionSet,
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
        "id, tenant_id, scope, name, description, permissions, created_at, created_by, updated_at, updated_by"
    };
}

sql! {
    INSERT = "custom_roles.insert":
        concat!("INSERT INTO custom_roles (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
    GET = "custom_roles.get":
        concat!("SELECT ", columns!(), " FROM custom_roles WHERE tenant_id = $1 AND id = $2");
    ALL = "custom_roles.all":
        concat!("SELECT ", columns!(), " FROM custom_roles WHERE tenant_id = $1 ORDER BY name");
    UPDATE = "custom_roles.update":
        "UPDATE custom_roles SET description = $3, permissions = $4, updated_at = $5, updated_by = $6
         WHERE tenant_id = $1 AND id = $2";
    DELETE = "custom_roles.delete": "DELETE FROM custom_roles WHERE tenant_id = $1 AND id = $2";
    HOLDERS = "custom_roles.holders":
        "SELECT (SELECT COUNT(*) FROM users WHERE tenant_id = $1 AND custom_role = $2)
              + (SELECT COUNT(*) FROM invites WHERE tenant_id = $1 AND custom_role = $2)
              + (SELECT COUNT(*) FROM workspace_members m JOIN workspaces w ON w.id = m.workspace_id
                 WHERE w.tenant_id = $1 AND m.custom_role = $2)
              + (SELECT COUNT(*) FROM workspace_groups g JOIN workspaces w ON w.id = g.workspace_id
                 WHERE w.tenant_id = $1 AND g.custom_role = $2) AS holders";
    OF_USER = "custom_roles.of_user": concat!(
        "SELECT ", columns!(), " FROM custom_roles
         WHERE tenant_id = $1 AND (
             name IN (SELECT custom_role FROM users WHERE id = $2)
             OR name IN (SELECT custom_role FROM workspace_members WHERE user_id = $2)
             OR name IN (SELECT g.custom_role FROM user_group_members u
                         JOIN workspace_groups g ON g.group_id = u.group_id WHERE u.user_id = $2))"
    );
}

/// The fields of a role that lists know.
pub static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::same("created_at", Kind::Time),
        Field::same("created_by", Kind::Text),
        Field::same("description", Kind::Text),
        Field::same("id", Kind::Text),
        Field::same("name", Kind::Text),
        Field::computed("permissions"),
        Field::same("scope", Kind::Text),
        Field::same("updated_at", Kind::Time),
        Field::same("updated_by", Kind::Text),
    ],
    defaults: Defaults { sort: &["name"], search: &["name", "description"] },
};

/// Stores a new role.
pub async fn insert(tx: &Tx<'_>, role: &CustomRole) -> Result<(), StoreError> {
    let permissions = names(role.permissions);
    let params = [
        role.id.into(),
        role.tenant_id.into(),
        role.scope.as_str().into(),
        (&role.name).into(),
        (&role.description).into(),
        (&permissions).into(),
        role.created_at.into(),
        (&role.created_by).into(),
        role.updated_at.into(),
        (&role.updated_by).into(),
    ];
    tx.execute(&INSERT, &params).await?;
    Ok(())
}

/// The role of that id.
pub async fn get(
    read: &impl Read,
    tenant: TenantId,
    id: CustomRoleId,
) -> Result<Option<CustomRole>, StoreError> {
    read.read_one(&GET, &[tenant.into(), id.into()], decode).await
}

/// Every role of the tenant, by name.
pub async fn all(read: &impl Read, tenant: TenantId) -> Result<Vec<CustomRole>, StoreError> {
    read.read_all(&ALL, &[tenant.into()], decode).await
}

/// The roles that a user has anywhere in the tenant, by themselves or through a group.
pub async fn of_user(
    read: &impl Read,
    tenant: TenantId,
    user: UserId,
) -> Result<Vec<CustomRole>, StoreError> {
    read.read_all(&OF_USER, &[tenant.into(), user.into()], decode).await
}

/// The tenant's roles that a query asks for.
pub async fn list(read: &impl Read, tenant: TenantId, query: &Query) -> Result<Page<CustomRole>, StoreError> {
    let listing = Listing {
        name: "custom_roles.list",
        columns: columns!(),
        from: "custom_roles",
        scope: "tenant_id = $1",
    };
    page(read, &listing, &[tenant.into()], query, decode).await
}

/// Stores what may change of a role; whether there is such a one.
pub async fn update(tx: &Tx<'_>, role: &CustomRole) -> Result<bool, StoreError> {
    let permissions = names(role.permissions);
    let params = [
        role.tenant_id.into(),
        role.id.into(),
        (&role.description).into(),
        (&permissions).into(),
        role.updated_at.into(),
        (&role.updated_by).into(),
    ];
    Ok(tx.execute(&UPDATE, &params).await? == 1)
}

/// Deletes a role that nobody has; whether there was such a one.
pub async fn delete(tx: &Tx<'_>, tenant: TenantId, id: CustomRoleId) -> Result<bool, StoreError> {
    Ok(tx.execute(&DELETE, &[tenant.into(), id.into()]).await? == 1)
}

/// How many users, invitations and members have the role of that name.
pub async fn count_holders(read: &impl Read, tenant: TenantId, name: &str) -> Result<i64, StoreError> {
    read.count(&HOLDERS, &[tenant.into(), name.into()]).await
}

fn names(permissions: PermissionSet) -> String {
    let names: Vec<&str> = permissions.iter().map(types::Permission::as_str).collect();
    serde_json::json!(names).to_string()
}

fn decode(row: &Row<'_>) -> Result<CustomRole, RowError> {
    Ok(CustomRole {
        id: row.id(0)?,
        tenant_id: row.id(1)?,
        scope: row.word(2, RoleScope::from_name)?,
        name: row.string(3)?,
        description: row.string(4)?,
        permissions: row.word(5, permissions)?,
        created_at: row.time(6)?,
        created_by: row.string(7)?,
        updated_at: row.time(8)?,
        updated_by: row.string(9)?,
    })
}

/// A permission that this version does not know allows nothing.
fn permissions(text: &str) -> Option<PermissionSet> {
    let names: Vec<String> = serde_json::from_str(text).ok()?;
    Some(names.iter().filter_map(|name| types::Permission::from_name(name)).collect())
}
