//! What may be done. The route table names a [`Permission`] for every route.

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
    /// See the apps that are shared with the user. In the tenant.
    PortalAppView,
    /// Read the workflows that are shared with the user. In the tenant.
    PortalServiceView,
    /// Run the workflows that are shared with the user. In the tenant.
    PortalServiceExecute,
}

impl Permission {
    /// Every permission there is.
    pub const ALL: [Self; 30] = [
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
        Self::PortalAppView,
        Self::PortalServiceView,
        Self::PortalServiceExecute,
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
            Self::PortalAppView => "self_service_portal:app:view",
            Self::PortalServiceView => "self_service_portal:service:view",
            Self::PortalServiceExecute => "self_service_portal:service:execute",
        }
    }

    /// The permission of that public name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == name)
    }

    /// Whether a workspace's routes ask for it.
    pub const fn is_of_workspaces(self) -> bool {
        !matches!(
            self,
            Self::ConnectionTypeView
                | Self::ConnectionTypeEdit
                | Self::WorkspaceCreate
                | Self::AccountView
                | Self::AccountInvite
                | Self::AccountEdit
                | Self::PortalAppView
                | Self::PortalServiceView
                | Self::PortalServiceExecute
        )
    }

    /// Whether routes of the tenant ask for it.
    pub const fn is_of_tenants(self) -> bool {
        !self.is_of_workspaces() || matches!(self, Self::WorkflowView | Self::AuditView)
    }

    const fn bit(self) -> u64 {
        1 << self as u64
    }
}

/// Some of all permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PermissionSet(u64);

impl PermissionSet {
    /// Whether `permission` is among them.
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Those of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that `other` does not have.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// One after the other.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |permission| self.contains(*permission))
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |bits, permission| bits | permission.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_permissions() {
        assert!(Permission::ALL.into_iter().all(|one| Permission::from_name(one.as_str()) == Some(one)));
        assert_eq!(Permission::from_name("Connection:View"), None);
    }

    #[test]
    fn every_permission_is_a_member_of_its_own() {
        for one in Permission::ALL {
            let alone: PermissionSet = [one].into_iter().collect();
            assert_eq!(alone.iter().collect::<Vec<_>>(), [one]);
            assert!(one.is_of_workspaces() || one.is_of_tenants());
        }
        let all: PermissionSet = Permission::ALL.into_iter().collect();
        assert!(all.without(all).is_empty());
        assert!(PermissionSet::default().is_empty());
    }
}
