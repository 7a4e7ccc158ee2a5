//! Routes of roles that a tenant makes, and of the permissions they are made of.

use http::Method;
use types::Permission::{AccountEdit, AccountView};

use crate::http::describe::Describe;
use crate::http::people::roles;
use crate::http::routes::Access::{Authenticated, TenantNeeds};
use crate::http::routes::Routes;

const TAG: &str = "Users";
const NO_ROLE: &str = "No such role";

/// Roles and permissions.
pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .root(
            Method::GET,
            "/permissions",
            roles::list_permissions,
            Authenticated,
            Describe::new("ListPermissions", TAG, "Every permission, with the built-in roles that have it")
                .array::<roles::PermissionInfo>(),
        )
        .root(
            Method::GET,
            "/roles",
            roles::list,
            TenantNeeds(AccountView),
            Describe::new("ListRoles", TAG, "The roles that the tenant has made")
                .q()
                .page::<roles::CustomRole>(),
        )
        .root(
            Method::POST,
            "/roles",
            roles::create,
            TenantNeeds(AccountEdit),
            Describe::new("CreateRole", TAG, "A new role, made of permissions")
                .body::<roles::RoleInput>()
                .one::<roles::CustomRole>()
                .error(400, "The role cannot be so"),
        )
        .root(
            Method::GET,
            "/roles/{id}",
            roles::get,
            TenantNeeds(AccountView),
            Describe::new("GetRole", TAG, "A role that the tenant has made")
                .id("Role ID")
                .one::<roles::CustomRole>()
                .error(404, NO_ROLE),
        )
        .root(
            Method::PUT,
            "/roles/{id}",
            roles::update,
            TenantNeeds(AccountEdit),
            Describe::new("UpdateRole", TAG, "Changes what a role allows")
                .id("Role ID")
                .body::<roles::RoleInput>()
                .one::<roles::CustomRole>()
                .error(400, "The role cannot be so")
                .error(404, NO_ROLE),
        )
        .root(
            Method::DELETE,
            "/roles/{id}",
            roles::delete,
            TenantNeeds(AccountEdit),
            Describe::new("DeleteRole", TAG, "Deletes a role that nobody has")
                .id("Role ID")
                .text()
                .error(400, "Somebody has the role")
                .error(404, NO_ROLE),
        )
}
