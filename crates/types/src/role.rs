//! Which role allows what: those that there are everywhere, and those that a tenant makes of permissions.

use crate::{Permission, PermissionSet};

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
            | Permission::AccountEdit
            | Permission::PortalAppView
            | Permission::PortalServiceView
            | Permission::PortalServiceExecute => false,
        }
    }

    /// Whatever the role allows.
    pub fn permissions(self) -> PermissionSet {
        Permission::ALL.into_iter().filter(|permission| self.allows(*permission)).collect()
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
            // What was shared with somebody is theirs to use, whoever they are.
            Permission::PortalAppView | Permission::PortalServiceView | Permission::PortalServiceExecute => {
                true
            }
            // What a builder must see to build: the catalog, and whom a thing can be shared with.
            Permission::ConnectionTypeView
            | Permission::WorkflowView
            | Permission::AccountView
            | Permission::WorkspaceCreate => self >= Self::Builder,
            _ => self == Self::Admin,
        }
    }

    /// Whatever the role allows in the tenant.
    pub fn permissions(self) -> PermissionSet {
        Permission::ALL.into_iter().filter(|permission| self.allows(*permission)).collect()
    }
}

/// A role that is built in: of workspaces or of tenants.
pub trait BuiltInRole: Copy + PartialEq + Sized + 'static {
    /// The one that allows least.
    const WEAKEST: Self;

    /// The role's public name.
    fn as_str(self) -> &'static str;

    /// The role of that public name.
    fn from_name(name: &str) -> Option<Self>;
}

impl BuiltInRole for Role {
    const WEAKEST: Self = Self::Viewer;

    fn as_str(self) -> &'static str {
        self.as_str()
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::from_name(name)
    }
}

impl BuiltInRole for TenantRole {
    const WEAKEST: Self = Self::Guest;

    fn as_str(self) -> &'static str {
        self.as_str()
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::from_name(name)
    }
}

/// The role that somebody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assigned<R> {
    /// One that there is everywhere.
    BuiltIn(R),
    /// One that the tenant has made, by name. It never has the name of a built-in one.
    Custom(String),
}

impl<R: BuiltInRole> Assigned<R> {
    /// The role of that name.
    pub fn named(name: &str) -> Self {
        R::from_name(name).map_or_else(|| Self::Custom(name.to_owned()), Self::BuiltIn)
    }

    /// The role's public name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::BuiltIn(role) => role.as_str(),
            Self::Custom(name) => name,
        }
    }

    /// Whether it is that one.
    pub fn is(&self, role: R) -> bool {
        matches!(self, Self::BuiltIn(own) if *own == role)
    }

    /// What is stored of it: a built-in role, and the name of the custom one that holds instead.
    pub fn columns(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::BuiltIn(role) => (role.as_str(), None),
            Self::Custom(name) => (R::WEAKEST.as_str(), Some(name)),
        }
    }
}

impl<R> From<R> for Assigned<R> {
    fn from(role: R) -> Self {
        Self::BuiltIn(role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stronger_role_allows_whatever_a_weaker_one_does() {
        assert!(Role::Contributor.permissions().without(Role::Owner.permissions()).is_empty());
        assert!(Role::Viewer.permissions().without(Role::Contributor.permissions()).is_empty());
    }

    #[test]
    fn names_lead_back_to_their_roles() {
        assert!(Role::ALL.into_iter().all(|role| Role::from_name(role.as_str()) == Some(role)));
        assert!(TenantRole::ALL.into_iter().all(|role| TenantRole::from_name(role.as_str()) == Some(role)));
        assert_eq!(Role::from_name("owner"), None);
    }

    #[test]
    fn roles_hold_what_their_place_asks_for() {
        let of_catalog = Permission::ConnectionTypeView;
        for permission in Role::Owner.permissions().iter().filter(|one| *one != of_catalog) {
            assert!(permission.is_of_workspaces(), "{permission:?}");
        }
        for permission in TenantRole::Builder.permissions().iter() {
            assert!(permission.is_of_tenants(), "{permission:?}");
        }
    }

    #[test]
    fn an_assigned_role_is_told_by_its_name() {
        assert_eq!(Assigned::named("Owner"), Assigned::BuiltIn(Role::Owner));
        assert_eq!(Assigned::<Role>::named("Admin"), Assigned::Custom("Admin".to_owned()));
        assert_eq!(Assigned::<TenantRole>::named("Auditor").as_str(), "Auditor");
        assert_eq!(Assigned::<TenantRole>::named("Auditor").columns(), ("Tenant Guest", Some("Auditor")));
        assert!(Assigned::named("Admin").is(TenantRole::Admin));
    }
}
