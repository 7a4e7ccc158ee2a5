//! Who may decide about whom: nobody hands out a permission that they do not have themselves, and nobody takes over
//! somebody who may do more than they. A role of the tenant's own may hold `account:edit` without being Admin.

use store::users::User;
use store::{Read, custom_roles::RoleScope};
use types::{Assigned, GroupId, PermissionSet, TenantRole, WorkspaceId};

use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::excerpt;
use crate::identity::Roles;

/// The role in the tenant of that name, in whichever case: earlier clients write it in lower case.
pub(in crate::http) fn tenant_role_named(roles: &Roles, named: &str) -> ApiResult<Assigned<TenantRole>> {
    if let Some(role) = TenantRole::ALL.into_iter().find(|role| role.as_str().eq_ignore_ascii_case(named)) {
        return Ok(role.into());
    }
    if let Some(role) = roles.find(RoleScope::Tenant, named) {
        return Ok(Assigned::Custom(role.name.clone()));
    }
    let known: Vec<&str> = TenantRole::ALL.iter().map(|role| role.as_str()).collect();
    let own = roles.names(RoleScope::Tenant);
    let known = [known, own].concat().join(", ");
    let message = format!("`{}` is no role in a tenant; known are {known}", excerpt(named));
    Err(ApiError::new(&code::PARAMETER_INVALID, message))
}

/// The role in the tenant of that name, which the caller may give.
pub(in crate::http) fn tenant_role_to_give(
    ctx: &Ctx,
    roles: &Roles,
    named: &str,
) -> ApiResult<Assigned<TenantRole>> {
    let role = tenant_role_named(roles, named)?;
    over_tenant_role(ctx, roles, &role)?;
    Ok(role)
}

/// Refuses to give or take a role in the tenant that allows more than the caller's.
pub(in crate::http) fn over_tenant_role(
    ctx: &Ctx,
    roles: &Roles,
    role: &Assigned<TenantRole>,
) -> ApiResult<()> {
    if is_admin(ctx) {
        return Ok(());
    }
    require(ctx.caller().tenant_permissions, roles.in_tenant(role), &format!("the role `{}`", role.as_str()))
}

/// Refuses a caller who could act as the user, by their password or a key of theirs, and may do less than the user.
pub(in crate::http) async fn over_user(ctx: &Ctx, user: &User) -> ApiResult<()> {
    if is_admin(ctx) {
        return Ok(());
    }
    let them = ctx.app().identity().principal(user).await?;
    let who = format!("user `{}`", user.email);
    require(ctx.caller().tenant_permissions, them.tenant_permissions, &who)?;
    for (workspace, membership) in &them.workspaces {
        require(permissions_in(ctx, *workspace), membership.permissions, &who)?;
    }
    Ok(())
}

/// Refuses a caller who would put somebody into a group that may do more in some workspace than they.
pub(in crate::http) async fn over_group(ctx: &Ctx, read: &impl Read, group: GroupId) -> ApiResult<()> {
    if is_admin(ctx) {
        return Ok(());
    }
    let roles = Roles::of_tenant(read, ctx.tenant()).await?;
    for (workspace, role) in store::members::of_group(read, group).await? {
        let name = format!("the role `{}` of the group in a workspace", role.as_str());
        require(permissions_in(ctx, workspace), roles.in_workspace(&[role]), &name)?;
    }
    Ok(())
}

/// What the caller may do in the workspace.
pub(in crate::http) fn permissions_in(ctx: &Ctx, workspace: WorkspaceId) -> PermissionSet {
    ctx.caller().workspaces.get(&workspace).map_or_else(PermissionSet::default, |own| own.permissions)
}

/// Whether the caller may do whatever can be done.
pub(in crate::http) fn is_admin(ctx: &Ctx) -> bool {
    ctx.caller().tenant_role.is(TenantRole::Admin)
}

/// Refuses what needs a permission that is not among one's own, and names them.
pub(in crate::http) fn require(own: PermissionSet, needed: PermissionSet, what: &str) -> ApiResult<()> {
    // What the weakest role holds is nothing to gain.
    let needed = needed.without(TenantRole::Guest.permissions());
    let missing: Vec<&str> = needed.without(own).iter().map(types::Permission::as_str).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("{what} may do what you may not: {}", missing.join(", "));
    Err(ApiError::new(&code::FORBIDDEN, message).with_data("permissions", missing))
}
