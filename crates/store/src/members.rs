//! Members: which users work in a workspace, and as what.

use types::{Role, UserId, WorkspaceId};

use crate::statement::sql;
use crate::{Read, StoreError, Tx};

/// A user's place in a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The user.
    pub user_id: UserId,
    /// Their role.
    pub role: Role,
}

sql! {
    SET = "workspace_members.set":
        "INSERT INTO workspace_members (workspace_id, user_id, role) VALUES ($1, $2, $3)
         ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = excluded.role";
    REMOVE = "workspace_members.remove":
        "DELETE FROM workspace_members WHERE workspace_id = $1 AND user_id = $2";
    ROLE = "workspace_members.role":
        "SELECT user_id, role FROM workspace_members WHERE workspace_id = $1 AND user_id = $2";
    LIST = "workspace_members.list":
        "SELECT user_id, role FROM workspace_members WHERE workspace_id = $1 ORDER BY user_id";
}

/// Makes the user a member, or gives a member another role.
pub async fn set(tx: &Tx<'_>, workspace: WorkspaceId, user: UserId, role: Role) -> Result<(), StoreError> {
    tx.execute(&SET, &[workspace.into(), user.into(), role.as_str().into()]).await?;
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
) -> Result<Option<Role>, StoreError> {
    read.read_one(&ROLE, &[workspace.into(), user.into()], |row| row.word(1, Role::from_name)).await
}

/// Every member of the workspace.
pub async fn list(read: &impl Read, workspace: WorkspaceId) -> Result<Vec<Member>, StoreError> {
    read.read_all(&LIST, &[workspace.into()], |row| {
        Ok(Member { user_id: row.id(0)?, role: row.word(1, Role::from_name)? })
    })
    .await
}
