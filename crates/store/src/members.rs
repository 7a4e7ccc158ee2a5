//! Members: which users and groups work in a workspace, and as what.

use types::{Assigned, GroupId, Role, TenantId, UserId, WorkspaceId};

use crate::statement::sql;
use crate::{Read, StoreError, Tx, groups, users};

/// A user's place in a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The user.
    pub user_id: UserId,
    /// Their role.
    pub role: Assigned<Role>,
}

/// What can be a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntityType {
    /// A person or a service account.
    User,
    /// A group of them, who all have its role.
    Group,
}

impl EntityType {
    /// The public name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
        }
    }

    /// The type of that public name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::User, Self::Group].into_iter().find(|entity| entity.as_str() == name)
    }
}

/// A user or group that is a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Which of both.
    pub entity_type: EntityType,
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The address; of a group empty.
    pub email: String,
    /// Their role.
    pub role: Assigned<Role>,
    /// Users of a group; 0 of a user.
    pub member_count: i64,
}

sql! {
    SET = "workspace_members.set":
        "INSERT INTO workspace_members (workspace_id, user_id, role, custom_role) VALUES ($1, $2, $3, $4)
         ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = excluded.role, custom_role = excluded.custom_role";
    REMOVE = "workspace_members.remove":
        "DELETE FROM workspace_members WHERE workspace_id = $1 AND user_id = $2";
    ROLE = "workspace_members.role":
        "SELECT user_id, COALESCE(custom_role, role) AS role FROM workspace_members
         WHERE workspace_id = $1 AND user_id = $2";
    LIST = "workspace_members.list":
        "SELECT user_id, COALESCE(custom_role, role) AS role FROM workspace_members
         WHERE workspace_id = $1 ORDER BY user_id";
    SET_GROUP = "workspace_groups.set":
        "INSERT INTO workspace_groups (workspace_id, group_id, role, custom_role) VALUES ($1, $2, $3, $4)
         ON CONFLICT (workspace_id, group_id) DO UPDATE SET role = excluded.role, custom_role = excluded.custom_role";
    REMOVE_GROUP = "workspace_groups.remove":
        "DELETE FROM workspace_groups WHERE workspace_id = $1 AND group_id = $2";
    ENTITIES = "workspace_members.entities":
        "SELECT 'user' AS entity_type, u.id, u.name, u.email, COALESCE(m.custom_role, m.role) AS role,
                0 AS member_count
         FROM workspace_members m JOIN users u ON u.id = m.user_id WHERE m.workspace_id = $1
         UNION ALL
         SELECT 'group', g.id, g.name, '', COALESCE(w.custom_role, w.role),
                (SELECT COUNT(*) FROM user_group_members c WHERE c.group_id = g.id)
         FROM workspace_groups w JOIN user_groups g ON g.id = w.group_id WHERE w.workspace_id = $1
         ORDER BY entity_type DESC, name, id";
    OWNERS = "workspace_members.owners":
        "SELECT (SELECT COUNT(*) FROM workspace_members m JOIN users u ON u.id = m.user_id
                 WHERE m.workspace_id = $1 AND m.role = 'Owner' AND u.status = 'Active')
              + (SELECT COUNT(*) FROM workspace_groups w JOIN user_group_members c ON c.group_id = w.group_id
                 JOIN users u ON u.id = c.user_id
                 WHERE w.workspace_id = $1 AND w.role = 'Owner' AND u.status = 'Active') AS owners";
    OF_GROUP = "workspace_groups.of_group":
        "SELECT workspace_id, COALESCE(custom_role, role) AS role FROM workspace_groups WHERE group_id = $1
         ORDER BY workspace_id";
    GROUP_MEMBERS = "user_group_members.of_workspace":
        "SELECT c.group_id, u.id, u.name, u.email FROM workspace_groups w
         JOIN user_group_members c ON c.group_id = w.group_id JOIN users u ON u.id = c.user_id
         WHERE w.workspace_id = $1 ORDER BY u.name, u.id LIMIT $2";
}

/// Makes the user a member, or gives a member another role.
pub async fn set(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    user: UserId,
    role: &Assigned<Role>,
) -> Result<(), StoreError> {
    let (role, custom_role) = role.columns();
    tx.execute(&SET, &[workspace.into(), user.into(), role.into(), custom_role.into()]).await?;
    Ok(())
}

/// Ends a membership; whether there was one.
pub async fn remove(tx: &Tx<'_>, workspace: WorkspaceId, user: UserId) -> Result<bool, StoreError> {
    Ok(tx.execute(&REMOVE, &[workspace.into(), user.into()]).await? == 1)
}

/// The user's role; none if they are no member.
pub async fn role(
    read: &impl Read,
    workspace: WorkspaceId,
    user: UserId,
) -> Result<Option<Assigned<Role>>, StoreError> {
    read.read_one(&ROLE, &[workspace.into(), user.into()], |row| Ok(Assigned::named(row.text(1)?))).await
}

/// Every member of the workspace.
pub async fn list(read: &impl Read, workspace: WorkspaceId) -> Result<Vec<Member>, StoreError> {
    read.read_all(&LIST, &[workspace.into()], |row| {
        Ok(Member { user_id: row.id(0)?, role: Assigned::named(row.text(1)?) })
    })
    .await
}

/// Makes the group a member, or gives a member another role.
pub async fn set_group(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    group: GroupId,
    role: &Assigned<Role>,
) -> Result<(), StoreError> {
    let (role, custom_role) = role.columns();
    tx.execute(&SET_GROUP, &[workspace.into(), group.into(), role.into(), custom_role.into()]).await?;
    Ok(())
}

/// Ends a group's membership; whether there was one.
pub async fn remove_group(tx: &Tx<'_>, workspace: WorkspaceId, group: GroupId) -> Result<bool, StoreError> {
    Ok(tx.execute(&REMOVE_GROUP, &[workspace.into(), group.into()]).await? == 1)
}

/// Every user and group that is a member, users first, by name.
pub async fn entities(read: &impl Read, workspace: WorkspaceId) -> Result<Vec<Entity>, StoreError> {
    read.read_all(&ENTITIES, &[workspace.into()], |row| {
        Ok(Entity {
            entity_type: row.word(0, EntityType::from_name)?,
            id: row.string(1)?,
            name: row.string(2)?,
            email: row.string(3)?,
            role: Assigned::named(row.text(4)?),
            member_count: row.int(5)?,
        })
    })
    .await
}

/// A user in a group that is a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// The group.
    pub group_id: GroupId,
    /// The user.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
}

/// Users of the groups that are members, [`GROUP_MEMBERS_MAX`] at most.
pub async fn group_members(read: &impl Read, workspace: WorkspaceId) -> Result<Vec<GroupMember>, StoreError> {
    read.read_all(&GROUP_MEMBERS, &[workspace.into(), GROUP_MEMBERS_MAX.into()], |row| {
        Ok(GroupMember { group_id: row.id(0)?, id: row.id(1)?, name: row.string(2)?, email: row.string(3)? })
    })
    .await
}

/// Users of groups that [`group_members`] answers.
pub const GROUP_MEMBERS_MAX: i64 = 1_000;

/// Active users who own the workspace, by themselves or through a group; one who does both counts twice.
pub async fn owners(read: &impl Read, workspace: WorkspaceId) -> Result<i64, StoreError> {
    read.count(&OWNERS, &[workspace.into()]).await
}

/// Where the group is a member, and as what.
pub async fn of_group(
    read: &impl Read,
    group: GroupId,
) -> Result<Vec<(WorkspaceId, Assigned<Role>)>, StoreError> {
    read.read_all(&OF_GROUP, &[group.into()], |row| Ok((row.id(0)?, Assigned::named(row.text(1)?)))).await
}

/// Whether the tenant has that user or group.
pub async fn is_of_tenant(
    read: &impl Read,
    tenant: TenantId,
    entity: EntityType,
    id: &str,
) -> Result<bool, StoreError> {
    Ok(match (entity, id.parse::<uuid::Uuid>()) {
        (_, Err(_)) => false,
        (EntityType::User, Ok(id)) => users::get(read, tenant, id.into()).await?.is_some(),
        (EntityType::Group, Ok(id)) => groups::get(read, tenant, id.into()).await?.is_some(),
    })
}
