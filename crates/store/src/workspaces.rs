//! Workspaces: teams' rooms within a tenant.

use types::{Assigned, Role, TenantId, Timestamp, UserId, WorkspaceId};

use crate::page::{Listing, list as page};
use crate::statement::sql;
use crate::{Defaults, Field, FieldMap, Kind, Page, Query, Read, Row, RowError, StoreError, Tx};

/// The unique key that a second workspace with the same name meets.
pub const NAME_KEY: &str = "workspaces_tenant_id_name_key";

/// A team's room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// What it is for.
    pub description: String,
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
        "id, tenant_id, name, display_name, description, created_at, created_by, updated_at, updated_by"
    };
}

sql! {
    INSERT = "workspaces.insert":
        concat!("INSERT INTO workspaces (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
    GET = "workspaces.get":
        concat!("SELECT ", columns!(), " FROM workspaces WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL");
    GET_BY_NAME = "workspaces.get_by_name":
        concat!("SELECT ", columns!(), " FROM workspaces WHERE tenant_id = $1 AND name = $2 AND deleted_at IS NULL");
    UPDATE = "workspaces.update":
        "UPDATE workspaces SET name = $3, display_name = $4, description = $5, updated_at = $6, updated_by = $7
         WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL";
    LIST_WITH_COUNTS = "workspaces.list_with_counts": concat!(
        "SELECT ", columns!(), ",
                (SELECT COUNT(*) FROM workspace_members m WHERE m.workspace_id = workspaces.id) AS user_count
         FROM workspaces WHERE tenant_id = $1 AND deleted_at IS NULL ORDER BY id"
    );
    // A user's own role, and those of their groups.
    LIST_FOR_USER = "workspaces.list_for_user":
        "SELECT w.id, w.name, w.display_name, w.description, r.role
         FROM workspaces w LEFT JOIN (
             SELECT workspace_id, COALESCE(custom_role, role) AS role FROM workspace_members WHERE user_id = $2
             UNION
             SELECT g.workspace_id, COALESCE(g.custom_role, g.role) FROM user_group_members u
             JOIN workspace_groups g ON g.group_id = u.group_id WHERE u.user_id = $2) AS r ON r.workspace_id = w.id
         WHERE w.tenant_id = $1 AND w.deleted_at IS NULL ORDER BY w.id, r.role";
    COUNT = "workspaces.count": "SELECT COUNT(*) AS workspaces FROM workspaces WHERE tenant_id = $1 AND deleted_at IS NULL";
    LOCK = "workspaces.lock":
        "SELECT id FROM workspaces WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL {for_update}";
}

/// The fields of a workspace that lists know.
pub static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::same("id", Kind::Text),
        Field::same("tenant_id", Kind::Text),
        Field::same("name", Kind::Text),
        Field::same("display_name", Kind::Text),
        Field::same("description", Kind::Text),
        Field::same("created_at", Kind::Time),
        Field::same("created_by", Kind::Text),
        Field::same("updated_at", Kind::Time),
        Field::same("updated_by", Kind::Text),
    ],
    defaults: Defaults { sort: &["name"], search: &["name", "display_name"] },
};

/// Stores a new workspace, with the group of its embedded runner.
pub async fn insert(tx: &Tx<'_>, workspace: &Workspace) -> Result<(), StoreError> {
    let params = [
        workspace.id.into(),
        workspace.tenant_id.into(),
        (&workspace.name).into(),
        (&workspace.display_name).into(),
        (&workspace.description).into(),
        workspace.created_at.into(),
        (&workspace.created_by).into(),
        workspace.updated_at.into(),
        (&workspace.updated_by).into(),
    ];
    tx.execute(&INSERT, &params).await?;
    crate::runner_groups::insert_embedded(tx, workspace).await
}

/// Stores what may change of a workspace; whether there is such a one.
pub async fn update(tx: &Tx<'_>, workspace: &Workspace) -> Result<bool, StoreError> {
    let params = [
        workspace.tenant_id.into(),
        workspace.id.into(),
        (&workspace.name).into(),
        (&workspace.display_name).into(),
        (&workspace.description).into(),
        workspace.updated_at.into(),
        (&workspace.updated_by).into(),
    ];
    Ok(tx.execute(&UPDATE, &params).await? == 1)
}

/// The workspace of that id.
pub async fn get(
    read: &impl Read,
    tenant: TenantId,
    id: WorkspaceId,
) -> Result<Option<Workspace>, StoreError> {
    read.read_one(&GET, &[tenant.into(), id.into()], decode).await
}

/// The workspace of that name.
pub async fn get_by_name(
    read: &impl Read,
    tenant: TenantId,
    name: &str,
) -> Result<Option<Workspace>, StoreError> {
    read.read_one(&GET_BY_NAME, &[tenant.into(), name.into()], decode).await
}

/// A workspace of the user's tenant, and what the user is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserWorkspace {
    /// The workspace.
    pub id: WorkspaceId,
    /// Its name.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// The user's roles in it, their own and those of their groups; none if they are no member.
    pub roles: Vec<Assigned<Role>>,
}

/// Every workspace of the tenant with the user's roles in it.
pub async fn list_for_user(
    read: &impl Read,
    tenant: TenantId,
    user: UserId,
) -> Result<Vec<UserWorkspace>, StoreError> {
    let params = [tenant.into(), user.into()];
    let rows = read.read_all(&LIST_FOR_USER, &params, |row| {
        Ok(UserWorkspace {
            id: row.id(0)?,
            name: row.string(1)?,
            display_name: row.string(2)?,
            description: row.string(3)?,
            roles: row.opt_text(4)?.map(Assigned::named).into_iter().collect(),
        })
    });
    let mut found: Vec<UserWorkspace> = Vec::new();
    for row in rows.await? {
        match found.last_mut() {
            Some(last) if last.id == row.id => last.roles.extend(row.roles),
            _ => found.push(row),
        }
    }
    Ok(found)
}

/// Every workspace of the tenant, with how many members it has.
pub async fn list_with_counts(
    read: &impl Read,
    tenant: TenantId,
) -> Result<Vec<(Workspace, i64)>, StoreError> {
    read.read_all(&LIST_WITH_COUNTS, &[tenant.into()], |row| Ok((decode(row)?, row.int(9)?))).await
}

/// How many workspaces the tenant has.
pub async fn count(read: &impl Read, tenant: TenantId) -> Result<i64, StoreError> {
    read.count(&COUNT, &[tenant.into()]).await
}

/// Makes every other transaction that locks the workspace wait for the end of this one; whether it is there.
pub async fn lock(tx: &Tx<'_>, tenant: TenantId, id: WorkspaceId) -> Result<bool, StoreError> {
    Ok(tx.read_one(&LOCK, &[tenant.into(), id.into()], |row| row.string(0)).await?.is_some())
}

/// The tenant's workspaces that the user is in, by themselves or through a group; all of them for `None`.
pub async fn list_entered(
    read: &impl Read,
    tenant: TenantId,
    user: Option<UserId>,
    query: &Query,
) -> Result<Page<Workspace>, StoreError> {
    let Some(user) = user else { return list(read, tenant, query).await };
    let scope = "tenant_id = $1 AND deleted_at IS NULL AND id IN (
        SELECT workspace_id FROM workspace_members WHERE user_id = $2
        UNION ALL
        SELECT g.workspace_id FROM user_group_members u
        JOIN workspace_groups g ON g.group_id = u.group_id WHERE u.user_id = $2)";
    let listing = Listing { name: "workspaces.list_entered", columns: columns!(), from: "workspaces", scope };
    page(read, &listing, &[tenant.into(), user.into()], query, decode).await
}

/// The tenant's workspaces.
pub async fn list(read: &impl Read, tenant: TenantId, query: &Query) -> Result<Page<Workspace>, StoreError> {
    let listing = Listing {
        name: "workspaces.list",
        columns: columns!(),
        from: "workspaces",
        scope: "tenant_id = $1 AND deleted_at IS NULL",
    };
    page(read, &listing, &[tenant.into()], query, decode).await
}

fn decode(row: &Row<'_>) -> Result<Workspace, RowError> {
    Ok(Workspace {
        id: row.id(0)?,
        tenant_id: row.id(1)?,
        name: row.string(2)?,
        display_name: row.string(3)?,
        description: row.string(4)?,
        created_at: row.time(5)?,
        created_by: row.string(6)?,
        updated_at: row.time(7)?,
        updated_by: row.string(8)?,
    })
}
