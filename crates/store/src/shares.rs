//! Shares: what a workspace lends to other workspaces of its tenant, to users and to groups.

use std::collections::HashMap;

use types::{ShareId, TenantId, Timestamp, UserId, WorkspaceId};

use crate::connections::{self, Connection};
use crate::page::{Listing, list as page};
use crate::runner_groups::{self, RunnerGroup};
use crate::statement::sql;
use crate::{Defaults, Field, FieldMap, Kind, Page, Query, Read, Row, RowError, StoreError, Tx};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$of])* $variant,)*
        }

        impl $name {
            /// Every one there is.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The public name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The one of that public name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == name)
            }
        }
    };
}

words! {
    /// What can be shared.
    Shareable {
        /// A connection: the runs of the other workspace may use it.
        Connection = "connection",
        /// A runner group: the steps of the other workspace may run there.
        RunnerGroup = "runner_group",
        /// A workflow: others may read and run it.
        Workflow = "workflow",
        /// An app that is for the portal: others may see it with its data.
        PortalApp = "portal-app",
    }
}

words! {
    /// With whom.
    TargetType {
        /// Everybody in a workspace.
        Workspace = "workspace",
        /// One user.
        User = "user",
        /// Everybody in a group.
        Group = "group",
    }
}

/// What is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared<'a> {
    /// Of which kind.
    pub kind: Shareable,
    /// Its id.
    pub id: &'a str,
}

/// A share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Its id.
    pub id: ShareId,
    /// The tenant of both sides.
    pub tenant_id: TenantId,
    /// Whose the thing is.
    pub workspace_id: WorkspaceId,
    /// Of which kind it is.
    pub kind: Shareable,
    /// Its id.
    pub entity_id: String,
    /// With what kind of target.
    pub target_type: TargetType,
    /// The target's id.
    pub target_id: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Who shared it.
    pub created_by: String,
}

/// With whom a thing is shared, as people know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What kind of target.
    pub target_type: TargetType,
    /// Its id.
    pub target_id: String,
    /// Its name.
    pub name: String,
    /// A user's address; of others empty.
    pub email: String,
    /// Who shared it.
    pub created_by: String,
}

/// A thing that is shared with somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Of which kind.
    pub kind: Shareable,
    /// Its id.
    pub entity_id: String,
    /// Its name for people.
    pub name: String,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// That workspace's name for people.
    pub workspace_name: String,
    /// Since when.
    pub created_at: Timestamp,
}

/// A way by which a user may reach a thing of a workspace that they need not be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// Through which workspace of theirs; none if it is shared with them or a group of theirs.
    pub through: Option<WorkspaceId>,
}

sql! {
    INSERT = "shares.insert":
        "INSERT INTO shares (id, tenant_id, workspace_id, entity_type, entity_id, target_type, target_id, created_at,
                             created_by, connection_id, runner_group_id, workflow_id, app_id, target_workspace_id,
                             target_user_id, target_group_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         ON CONFLICT (entity_id, target_id) DO NOTHING";
    DELETE = "shares.delete":
        "DELETE FROM shares WHERE workspace_id = $1 AND entity_type = $2 AND entity_id = $3 AND target_type = $4
         AND target_id = $5";
    TARGETS = "shares.targets":
        "SELECT s.target_type, s.target_id, COALESCE(w.display_name, u.name, g.name) AS name,
                COALESCE(u.email, '') AS email, s.created_by
         FROM shares s LEFT JOIN workspaces w ON w.id = s.target_workspace_id
         LEFT JOIN users u ON u.id = s.target_user_id LEFT JOIN user_groups g ON g.id = s.target_group_id
         WHERE s.workspace_id = $1 AND s.entity_type = $2 AND s.entity_id = $3 ORDER BY s.created_at, s.id";
    COUNTS = "shares.counts":
        "SELECT entity_id, COUNT(*) AS targets FROM shares WHERE workspace_id = $1 AND entity_type = $2 GROUP BY entity_id";
    REACHES = "shares.reaches":
        "SELECT COUNT(*) AS shared FROM shares WHERE entity_type = $1 AND entity_id = $2 AND target_id = $3";
    GROUP_NAMED = "shares.runner_group_named":
        "SELECT g.workspace_id, g.id FROM runner_groups g JOIN shares s ON s.runner_group_id = g.id
         WHERE s.target_workspace_id = $1 AND g.name = $2 ORDER BY g.id LIMIT 1";
    GROUP_NAMES = "shares.runner_group_names":
        "SELECT DISTINCT g.name FROM runner_groups g JOIN shares s ON s.runner_group_id = g.id
         WHERE s.target_workspace_id = $1 ORDER BY g.name";
    CONNECTION_OWNER = "shares.connection_owner":
        "SELECT workspace_id FROM shares WHERE connection_id = $2 AND target_workspace_id = $1";
    // A portal app is shared as long as it is one.
    WAYS = "shares.ways":
        "SELECT s.workspace_id, s.target_workspace_id
         FROM shares s JOIN workspaces w ON w.id = s.workspace_id LEFT JOIN apps a ON a.id = s.app_id
         WHERE s.tenant_id = $1 AND s.entity_type = $2 AND s.entity_id = $3 AND w.deleted_at IS NULL
           AND (s.app_id IS NULL OR a.is_portal)
           AND (s.target_workspace_id IS NOT NULL OR s.target_user_id = $4
                OR s.target_group_id IN (SELECT group_id FROM user_group_members WHERE user_id = $4))
         ORDER BY s.id";
}

/// The fields of a received thing that lists know.
pub static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::same("created_at", Kind::Time),
        Field::new("entity_id", "id", Kind::Text),
        Field::same("entity_type", Kind::Text),
        Field::same("name", Kind::Text),
        Field::same("workspace_id", Kind::Text),
        Field::same("workspace_name", Kind::Text),
    ],
    defaults: Defaults { sort: &["name"], search: &["name", "workspace_name"] },
};

/// Stores a share; whether it is new.
pub async fn insert(tx: &Tx<'_>, share: &Share) -> Result<bool, StoreError> {
    let entity = |kind| (share.kind == kind).then_some(share.entity_id.as_str());
    let target = |kind| (share.target_type == kind).then_some(share.target_id.as_str());
    let params = [
        share.id.into(),
        share.tenant_id.into(),
        share.workspace_id.into(),
        share.kind.as_str().into(),
        (&share.entity_id).into(),
        share.target_type.as_str().into(),
        (&share.target_id).into(),
        share.created_at.into(),
        (&share.created_by).into(),
        entity(Shareable::Connection).into(),
        entity(Shareable::RunnerGroup).into(),
        entity(Shareable::Workflow).into(),
        entity(Shareable::PortalApp).into(),
        target(TargetType::Workspace).into(),
        target(TargetType::User).into(),
        target(TargetType::Group).into(),
    ];
    Ok(tx.execute(&INSERT, &params).await? == 1)
}

/// Ends a share; whether there was one.
pub async fn delete(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    shared: Shared<'_>,
    (target_type, target_id): (TargetType, &str),
) -> Result<bool, StoreError> {
    let params = [
        workspace.into(),
        shared.kind.as_str().into(),
        shared.id.into(),
        target_type.as_str().into(),
        target_id.into(),
    ];
    Ok(tx.execute(&DELETE, &params).await? == 1)
}

/// With whom a thing of the workspace is shared, in the order in which that happened.
pub async fn targets(
    read: &impl Read,
    workspace: WorkspaceId,
    shared: Shared<'_>,
) -> Result<Vec<Target>, StoreError> {
    let params = [workspace.into(), shared.kind.as_str().into(), shared.id.into()];
    read.read_all(&TARGETS, &params, |row| {
        Ok(Target {
            target_type: row.word(0, TargetType::from_name)?,
            target_id: row.string(1)?,
            name: row.string(2)?,
            email: row.string(3)?,
            created_by: row.string(4)?,
        })
    })
    .await
}

/// With how many targets each thing of that kind is shared; one that is not is left out.
pub async fn counts(
    read: &impl Read,
    workspace: WorkspaceId,
    kind: Shareable,
) -> Result<HashMap<String, i64>, StoreError> {
    let params = [workspace.into(), kind.as_str().into()];
    let counts = read.read_all(&COUNTS, &params, |row| Ok((row.string(0)?, row.int(1)?))).await?;
    Ok(counts.into_iter().collect())
}

/// Whether a thing is shared with that workspace.
pub async fn reaches(
    read: &impl Read,
    shared: Shared<'_>,
    workspace: WorkspaceId,
) -> Result<bool, StoreError> {
    let params = [shared.kind.as_str().into(), shared.id.into(), workspace.into()];
    Ok(read.count(&REACHES, &params).await? > 0)
}

/// The connection of another workspace that is shared with this one.
pub async fn connection(
    read: &impl Read,
    workspace: WorkspaceId,
    id: &str,
) -> Result<Option<Connection>, StoreError> {
    let Ok(connection) = id.parse() else { return Ok(None) };
    let owner = read.read_one(&CONNECTION_OWNER, &[workspace.into(), id.into()], |row| row.id(0)).await?;
    match owner {
        Some(owner) => connections::get(read, owner, connection).await,
        None => Ok(None),
    }
}

/// The runner group of that name that another workspace shares with this one.
pub async fn runner_group(
    read: &impl Read,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Option<RunnerGroup>, StoreError> {
    let params = [workspace.into(), name.into()];
    match read.read_one(&GROUP_NAMED, &params, |row| Ok((row.id(0)?, row.id(1)?))).await? {
        Some((owner, id)) => runner_groups::get(read, owner, id).await,
        None => Ok(None),
    }
}

/// The names of the runner groups that other workspaces share with this one.
pub async fn runner_group_names(read: &impl Read, workspace: WorkspaceId) -> Result<Vec<String>, StoreError> {
    read.read_all(&GROUP_NAMES, &[workspace.into()], |row| row.string(0)).await
}

/// How a user may reach a thing by shares: with them, a group of theirs, or some workspace.
pub async fn ways(
    read: &impl Read,
    tenant: TenantId,
    shared: Shared<'_>,
    user: UserId,
) -> Result<Vec<Way>, StoreError> {
    let params = [tenant.into(), shared.kind.as_str().into(), shared.id.into(), user.into()];
    read.read_all(&WAYS, &params, |row| Ok(Way { workspace_id: row.id(0)?, through: row.opt_id(1)? })).await
}

/// The workflows and apps that are shared with a user, a group of theirs, or a workspace that they are in.
pub async fn received(
    read: &impl Read,
    tenant: TenantId,
    user: UserId,
    query: &Query,
) -> Result<Page<Received>, StoreError> {
    // Each thing once, however many ways lead to it.
    let from = "(SELECT s.entity_type, s.entity_id AS id, s.tenant_id, s.workspace_id,
             w.display_name AS workspace_name, COALESCE(a.display_name, f.name) AS name,
             MIN(s.created_at) AS created_at
        FROM shares s JOIN workspaces w ON w.id = s.workspace_id
        LEFT JOIN apps a ON a.id = s.app_id LEFT JOIN workflows f ON f.id = s.workflow_id
        WHERE s.tenant_id = $1 AND w.deleted_at IS NULL
          AND (s.workflow_id IS NOT NULL OR (s.app_id IS NOT NULL AND a.is_portal))
          AND (s.target_user_id = $2
               OR s.target_group_id IN (SELECT group_id FROM user_group_members WHERE user_id = $2)
               OR s.target_workspace_id IN (SELECT workspace_id FROM workspace_members WHERE user_id = $2)
               OR s.target_workspace_id IN (
                   SELECT g.workspace_id FROM user_group_members u
                   JOIN workspace_groups g ON g.group_id = u.group_id WHERE u.user_id = $2))
        GROUP BY s.entity_type, s.entity_id, s.tenant_id, s.workspace_id, w.display_name, a.display_name, f.name
        ) AS received";
    let columns = "entity_type, id, name, workspace_id, workspace_name, created_at";
    let listing = Listing { name: "shares.received", columns, from, scope: "tenant_id = $1" };
    page(read, &listing, &[tenant.into(), user.into()], query, decode_received).await
}

fn decode_received(row: &Row<'_>) -> Result<Received, RowError> {
    Ok(Received {
        kind: row.word(0, Shareable::from_name)?,
        entity_id: row.string(1)?,
        name: row.string(2)?,
        workspace_id: row.id(3)?,
        workspace_name: row.string(4)?,
        created_at: row.time(5)?,
    })
}
