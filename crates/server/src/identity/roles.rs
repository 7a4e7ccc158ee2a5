//! What roles allow, those included that a tenant has made.

use std::collections::HashMap;

use store::custom_roles::{self, CustomRole, RoleScope};
use store::users::User;
use store::{Read, StoreError};
use types::{Assigned, PermissionSet, Role, TenantId, TenantRole};

/// A tenant's own roles, as far as they are needed. One that is not there allows nothing.
pub(crate) struct Roles(HashMap<String, CustomRole>);

impl Roles {
    /// Those that a user has.
    pub(super) async fn of_user(read: &impl Read, user: &User) -> Result<Self, StoreError> {
        Ok(Self::new(custom_roles::of_user(read, user.tenant_id, user.id).await?))
    }

    /// All of them.
    pub(crate) async fn of_tenant(read: &impl Read, tenant: TenantId) -> Result<Self, StoreError> {
        Ok(Self::new(custom_roles::all(read, tenant).await?))
    }

    fn new(roles: Vec<CustomRole>) -> Self {
        Self(roles.into_iter().map(|role| (role.name.clone(), role)).collect())
    }

    /// The role of that name, in whichever case, that people have in such a place.
    pub(crate) fn find(&self, scope: RoleScope, name: &str) -> Option<&CustomRole> {
        self.0.values().find(|role| role.scope == scope && role.name.eq_ignore_ascii_case(name))
    }

    /// The names of those that people have in such a place.
    pub(crate) fn names(&self, scope: RoleScope) -> Vec<&str> {
        let mut names: Vec<_> =
            self.0.values().filter(|role| role.scope == scope).map(|role| role.name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// What a role allows in the tenant.
    pub(crate) fn in_tenant(&self, role: &Assigned<TenantRole>) -> PermissionSet {
        match role {
            Assigned::BuiltIn(role) => role.permissions(),
            Assigned::Custom(name) => self.custom(RoleScope::Tenant, name),
        }
    }

    /// What roles allow together in their workspace.
    pub(crate) fn in_workspace(&self, roles: &[Assigned<Role>]) -> PermissionSet {
        roles.iter().fold(PermissionSet::default(), |permissions, role| {
            permissions.union(match role {
                Assigned::BuiltIn(role) => role.permissions(),
                Assigned::Custom(name) => self.custom(RoleScope::Workspace, name),
            })
        })
    }

    fn custom(&self, scope: RoleScope, name: &str) -> PermissionSet {
        let role = self.0.get(name).filter(|role| role.scope == scope);
        role.map_or_else(PermissionSet::default, |role| role.permissions)
    }
}

/// The role that stands for all of them: the strongest that is built in, else the first.
pub(super) fn strongest(roles: &[Assigned<Role>]) -> Option<&Assigned<Role>> {
    let built_in = |role: &&Assigned<Role>| match role {
        Assigned::BuiltIn(role) => Some(*role),
        Assigned::Custom(_) => None,
    };
    roles.iter().filter(|role| built_in(role).is_some()).max_by_key(built_in).or(roles.first())
}
