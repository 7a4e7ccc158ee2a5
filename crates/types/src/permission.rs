//! What may be done, and which role may do it. The route table names a [`Permission`] for every route.

/// One thing that a caller may be allowed to do. The names are spelled as the public API spells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Read the connections of a workspace, without their secrets.
    ConnectionView,
    /// Create, change, test and delete connections.
    ConnectionEdit,
    /// Read the connection types.
    ConnectionTypeView,
    /// Create and delete the tenant's own connection types.
    ConnectionTypeEdit,
    /// Read workflows.
    WorkflowView,
    /// Create, change and delete workflows and their drafts.
    WorkflowEdit,
    /// Publish workflows.
    WorkflowPublish,
    /// Start runs.
    WorkflowExecute,
    /// Read runs, their steps and outputs.
    ExecutionView,
    /// Cancel runs.
    ExecutionEdit,
    /// Read runner groups and runners.
    RunnerView,
    /// Create, change and delete runner groups, their tokens and runners.
    RunnerEdit,
    /// Read tables and their fields.
    TableView,
    /// Create, change and delete tables and their fields.
    TableEdit,
    /// Read the records of tables.
    RecordView,
    /// Create, change and delete records.
    RecordEdit,
    /// Read agents and their packs.
    AgentView,
    /// Create, change, publish and delete agents.
    AgentEdit,
    /// Read apps (dashboards), and the data that they show.
    AppView,
    /// Create, change and delete apps.
    AppEdit,
    /// Read the audit log.
    AuditView,
    /// Read the workspace itself.
    WorkspaceView,
    /// Decide about the workspace: its members, what of it is shared, its end.
    WorkspaceEdit,
    /// Make workspaces. In the tenant.
    WorkspaceCreate,
    /// Read the users, groups and settings of the tenant.
    AccountView,
    /// Invite people into the tenant.
    AccountInvite,
    /// Change users, groups and settings of the tenant.
    AccountEdit,
}

impl Permission {
    /// Every permission there is.
    pub const ALL: [Self; 27] = [
        Self::ConnectionView,
        Self::ConnectionEdit,
        Self::ConnectionTypeView,
        Self::ConnectionTypeEdit,
        Self::WorkflowView,
        Self::WorkflowEdit,
        Self::WorkflowPublish,
        Self::WorkflowExecute,
        Self::ExecutionView,
        Self::ExecutionEdit,
        Self::RunnerView,
        Self::RunnerEdit,
        Self::TableView,
        Self::TableEdit,
        Self::RecordView,
        Self::RecordEdit,
        Self::AgentView,
        Self::AgentEdit,
        Self::AppView,
        Self::AppEdit,
        Self::AuditView,
        Self::WorkspaceView,
        Self::WorkspaceEdit,
        Self::WorkspaceCreate,
        Self::AccountView,
        Self::AccountInvite,
        Self::AccountEdit,
    ];

    /// The permission's public name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConnectionView => "connection:view",
            Self::ConnectionEdit => "connection:edit",
            Self::ConnectionTypeView => "connection_type:view",
            Self::ConnectionTypeEdit => "connection_type:edit",
            Self::WorkflowView => "workflow:view",
            Self::WorkflowEdit => "workflow:edit",
            Self::WorkflowPublish => "workflow:publish",
            Self::WorkflowExecute => "workflow:execute",
            Self::ExecutionView => "execution:view",
            Self::ExecutionEdit => "execution:edit",
            Self::RunnerView => "runner:view",
            Self::RunnerEdit => "runner:edit",
            Self::TableView => "table:view",
            Self::TableEdit => "table:edit",
            Self::RecordView => "record:view",
            Self::RecordEdit => "record:edit",
            Self::AgentView => "agent:view",
            Self::AgentEdit => "agent:edit",
            Self::AppView => "app:view",
            Self::AppEdit => "app:edit",
            Self::AuditView => "audit:view",
            Self::WorkspaceView => "workspace:view",
            Self::WorkspaceEdit => "workspace:edit",
            Self::WorkspaceCreate => "workspace:create",
            Self::AccountView => "account:view",
            Self::AccountInvite => "account:invite",
            Self::AccountEdit => "account:edit",
        }
    }
}

/// A user's role in one workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads everything, changes nothing.
    Viewer,
    /// Works: connections, workflows, runs.
    Contributor,
    /// Also decides about the workspace itself.
    Owner,
}

impl Role {
    /// Every role there is, the weakest first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Contributor, Self::Owner];

    /// The role's public name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "Viewer",
            Self::Contributor => "Contributor",
            Self::Owner => "Owner",
        }
    }

    /// The role of that public name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Whether the role allows `permission` in its workspace.
    pub const fn allows(self, permission: Permission) -> bool {
        match permission {
            Permission::ConnectionView
            | Permission::ConnectionTypeView
            | Permission::WorkflowView
            | Permission::ExecutionView
            | Permission::RunnerView
            | Permission::TableView
            | Permission::RecordView
            | Permission::AgentView
            | Permission::AppView
            | Permission::WorkspaceView => true,
            Permission::ConnectionEdit
            | Permission::WorkflowEdit
            | Permission::WorkflowPublish
            | Permission::WorkflowExecute
            | Permission::ExecutionEdit
            | Permission::TableEdit
            | Permission::RecordEdit
            | Permission::AgentEdit
            | Permission::AppEdit => matches!(self, Self::Contributor | Self::Owner),
            // A token lets a machine receive the workspace's secrets.
            Permission::RunnerEdit | Permission::AuditView | Permission::WorkspaceEdit => {
                matches!(self, Self::Owner)
            }
            // A type decides where secrets may be sent, for the whole tenant: no workspace's business, as people are.
            Permission::ConnectionTypeEdit
            | Permission::WorkspaceCreate
            | Permission::AccountView
            | Permission::AccountInvite
            | Permission::AccountEdit => false,
        }
    }
}

/// A user's role in the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TenantRole {
    /// Sees only what was shared with them.
    Guest,
    /// Uses the portal.
    Consumer,
    /// Builds in the workspaces they are a member of.
    Builder,
    /// Everything, in every workspace.
    Admin,
}

impl TenantRole {
    /// Every tenant role there is, the weakest first.
    pub const ALL: [Self; 4] = [Self::Guest, Self::Consumer, Self::Builder, Self::Admin];

    /// The role's public name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "Tenant Guest",
            Self::Consumer => "Consumer",
            Self::Builder => "Builder",
            Self::Admin => "Admin",
        }
    }

    /// The role of that public name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Whether the role allows `permission` on what belongs to the tenant and to no workspace.
    pub fn allows(self, permission: Permission) -> bool {
        match permission {
            // What a builder must see to build: the catalog, and whom a thing can be shared with.
            Permission::ConnectionTypeView
            | Permission::WorkflowView
            | Permission::AccountView
            | Permission::WorkspaceCreate => self >= Self::Builder,
            _ => self == Self::Admin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stronger_role_allows_whatever_a_weaker_one_does() {
        for permission in Permission::ALL {
            assert!(Role::Owner.allows(permission) || !Role::Contributor.allows(permission));
            assert!(Role::Contributor.allows(permission) || !Role::Viewer.allows(permission));
        }
    }

    #[test]
    fn names_lead_back_to_their_roles() {
        assert!(Role::ALL.into_iter().all(|role| Role::from_name(role.as_str()) == Some(role)));
        assert!(TenantRole::ALL.into_iter().all(|role| TenantRole::from_name(role.as_str()) == Some(role)));
        assert_eq!(Role::from_name("owner"), None);
    }
}
