//! Groups of users. A tenant owns them; what is shared with a group is shared with everybody in it.

use types::{GroupId, TenantId, Timestamp, UserId};

use crate::page::{Listing, list as page};
use crate::statement::sql;
use crate::{Defaults, Field, FieldMap, Kind, Page, Query, Read, Row, RowError, StoreError, Tx};

/// The unique key that a second group with the same name meets.
pub const NAME_KEY: &str = "user_groups_tenant_id_name_key";

/// A group, without its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whether a directory decides about it.
    pub managed: bool,
    /// What that directory calls it.
    pub external_id: Option<String>,
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
        "id, tenant_id, name, description, managed, external_id, created_at, created_by, updated_at, updated_by"
    };
}

sql! {
    INSERT = "user_groups.insert":
        concat!("INSERT INTO user_groups (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
    GET = "user_groups.get":
        concat!("SELECT ", columns!(), " FROM user_groups WHERE tenant_id = $1 AND id = $2");
    GET_BY_NAME = "user_groups.get_by_name":
        concat!("SELECT ", columns!(), " FROM user_groups WHERE tenant_id = $1 AND name = $2");
    ALL = "user_groups.all":
        concat!("SELECT ", columns!(), " FROM user_groups WHERE tenant_id = $1 ORDER BY name, id");
    COUNT = "user_groups.count": "SELECT COUNT(*) AS counted FROM user_groups WHERE tenant_id = $1";
    UPDATE = "user_groups.update":
        "UPDATE user_groups
         SET name = $3, description = $4, managed = $5, external_id = $6, updated_at = $7, updated_by = $8
         WHERE tenant_id = $1 AND id = $2";
    DELETE = "user_groups.delete": "DELETE FROM user_groups WHERE tenant_id = $1 AND id = $2";
    OF_USER = "user_group_members.of_user":
        "SELECT m.group_id
         FROM user_group_members m JOIN user_groups g ON g.id = m.group_id
         WHERE g.tenant_id = $1 AND m.user_id = $2 ORDER BY m.group_id";
    MEMBERS = "user_group_members.members":
        "SELECT u.id, u.name FROM user_group_members m JOIN users u ON u.id = m.user_id
         WHERE u.tenant_id = $1 AND m.group_id = $2 ORDER BY u.name, u.id";
    ADD_USER = "user_group_members.add_user":
        "INSERT INTO user_group_members (group_id, user_id)
         SELECT g.id, u.id FROM user_groups g JOIN users u ON u.tenant_id = g.tenant_id
         WHERE g.tenant_id = $1 AND g.id = $2 AND u.id = $3
         ON CONFLICT (group_id, user_id) DO NOTHING";
    REMOVE_USER = "user_group_members.remove_user":
        "DELETE FROM user_group_members
         WHERE user_id = $3 AND group_id IN (SELECT id FROM user_groups WHERE tenant_id = $1 AND id = $2)";
}

/// The fields of a group that lists know.
pub static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::same("created_at", Kind::Time),
        Field::same("created_by", Kind::Text),
        Field::same("description", Kind::Text),
        Field::same("id", Kind::Text),
        Field::same("managed", Kind::Bool),
        Field::same("name", Kind::Text),
        Field::same("tenant_id", Kind::Text),
        Field::same("updated_at", Kind::Time),
        Field::same("updated_by", Kind::Text),
    ],
    defaults: Defaults { sort: &["name"], search: &["name", "description"] },
};

/// Stores a new group. Fails with [`NAME_KEY`] if the name is taken.
pub async fn insert(tx: &Tx<'_>, group: &Group) -> Result<(), StoreError> {
    let params = [
        group.id.into(),
        group.tenant_id.into(),
        (&group.name).into(),
        (&group.description).into(),
        group.managed.into(),
        group.external_id.as_deref().into(),
        group.created_at.into(),
        (&group.created_by).into(),
        group.updated_at.into(),
        (&group.updated_by).into(),
    ];
    tx.execute(&INSERT, &params).await?;
    Ok(())
}

/// The group of that id.
pub async fn get(read: &impl Read, tenant: TenantId, id: GroupId) -> Result<Option<Group>, StoreError> {
    read.read_one(&GET, &[tenant.into(), id.into()], decode).await
}

/// The group of that name.
pub async fn get_by_name(
    read: &impl Read,
    tenant: TenantId,
    name: &str,
) -> Result<Option<Group>, StoreError> {
    read.read_one(&GET_BY_NAME, &[tenant.into(), name.into()], decode).await
}

/// How many groups the tenant has.
pub async fn count(read: &impl Read, tenant: TenantId) -> Result<i64, StoreError> {
    read.count(&COUNT, &[tenant.into()]).await
}

/// The tenant's groups.
pub async fn list(read: &impl Read, tenant: TenantId, query: &Query) -> Result<Page<Group>, StoreError> {
    page(read, &listing("tenant_id = $1"), &[tenant.into()], query, decode).await
}

/// The groups that a user is in.
pub async fn list_of_user(
    read: &impl Read,
    tenant: TenantId,
    user: UserId,
    query: &Query,
) -> Result<Page<Group>, StoreError> {
    let scope = "tenant_id = $1 AND id IN (SELECT group_id FROM user_group_members WHERE user_id = $2)";
    page(read, &listing(scope), &[tenant.into(), user.into()], query, decode).await
}

fn listing(scope: &str) -> Listing<'_> {
    Listing { name: "user_groups.list", columns: columns!(), from: "user_groups", scope }
}

/// The ids of all groups that a user is in.
pub async fn of_user(read: &impl Read, tenant: TenantId, user: UserId) -> Result<Vec<GroupId>, StoreError> {
    read.read_all(&OF_USER, &[tenant.into(), user.into()], |row| row.id(0)).await
}

/// Stores what may change of a group; whether there is such a one. Fails with [`NAME_KEY`] if the name is taken.
pub async fn update(tx: &Tx<'_>, group: &Group) -> Result<bool, StoreError> {
    let params = [
        group.tenant_id.into(),
        group.id.into(),
        (&group.name).into(),
        (&group.description).into(),
        group.managed.into(),
        group.external_id.as_deref().into(),
        group.updated_at.into(),
        (&group.updated_by).into(),
    ];
    Ok(tx.execute(&UPDATE, &params).await? == 1)
}

/// Deletes a group with its memberships; whether there was such a one.
pub async fn delete(tx: &Tx<'_>, tenant: TenantId, id: GroupId) -> Result<bool, StoreError> {
    Ok(tx.execute(&DELETE, &[tenant.into(), id.into()]).await? == 1)
}

/// The users in a group, by name.
pub async fn members(
    read: &impl Read,
    tenant: TenantId,
    group: GroupId,
) -> Result<Vec<(UserId, String)>, StoreError> {
    let params = [tenant.into(), group.into()];
    read.read_all(&MEMBERS, &params, |row| Ok((row.id(0)?, row.string(1)?))).await
}

/// Every group of the tenant, by name.
pub async fn all(read: &impl Read, tenant: TenantId) -> Result<Vec<Group>, StoreError> {
    read.read_all(&ALL, &[tenant.into()], decode).await
}

/// Puts a user of the tenant into a group of the tenant, where they may be already.
pub async fn add_user(tx: &Tx<'_>, tenant: TenantId, group: GroupId, user: UserId) -> Result<(), StoreError> {
    tx.execute(&ADD_USER, &[tenant.into(), group.into(), user.into()]).await?;
    Ok(())
}

/// Takes a user out of a group; whether they were in it.
pub async fn remove_user(
    tx: &Tx<'_>,
    tenant: TenantId,
    group: GroupId,
    user: UserId,
) -> Result<bool, StoreError> {
    Ok(tx.execute(&REMOVE_USER, &[tenant.into(), group.into(), user.into()]).await? == 1)
}

fn decode(row: &Row<'_>) -> Result<Group, RowError> {
    Ok(Group {
        id: row.id(0)?,
        tenant_id: row.id(1)?,
        name: row.string(2)?,
        description: row.string(3)?,
        managed: row.bool(4)?,
        external_id: row.opt_string(5)?,
        created_at: row.time(6)?,
        created_by: row.string(7)?,
        updated_at: row.time(8)?,
        updated_by: row.string(9)?,
    })
}
