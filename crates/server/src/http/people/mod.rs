//! The people of a tenant: users and what may be done with them. Groups, invitations, service accounts, the caller and the
//! tenant itself are files of their own.

pub(super) mod authority;
pub(super) mod groups;
pub(super) mod invite_page;
pub(super) mod invites;
pub(super) mod me;
mod model;
pub(super) mod roles;
pub(super) mod service_accounts;
pub(super) mod tenant;

use store::Tx;
use store::users::{self, User as Row, UserKind, UserStatus};
use types::{TenantRole, UserId};

use super::answer::{json, page};
use super::excerpt;
use super::extract::{ListQuery, Query};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::identity::Roles;
pub(crate) use model::User;

/// The tenant's users, service accounts among them.
pub(super) async fn list(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = super::parse_q(list.q.as_deref(), &users::FIELDS)?;
    let found = users::find(ctx.db(), ctx.tenant(), &query).await?;
    page(&query, found.total, &found.rows.iter().map(User::from).collect::<Vec<_>>())
}

/// Gives a user another role in the tenant.
pub(super) async fn set_role(ctx: Ctx) -> ApiResult {
    let named = ctx.param("role").to_owned();
    change(ctx, Change::Role(named)).await
}

/// Switches a user on or off. The keys of one who is off are refused at once.
pub(super) async fn set_status(ctx: Ctx) -> ApiResult {
    let named = ctx.param("status");
    let known = [UserStatus::Active, UserStatus::Inactive];
    let found = known.into_iter().find(|status| status.as_str().eq_ignore_ascii_case(named));
    let status = found.ok_or_else(|| {
        let message =
            format!("`{}` is no status that can be set; those are Active, Inactive", excerpt(named));
        ApiError::new(&code::PARAMETER_INVALID, message)
    })?;
    change(ctx, Change::Status(status)).await
}

/// Deletes a user with their keys and memberships. What they have made stays.
pub(super) async fn delete(ctx: Ctx) -> ApiResult {
    change(ctx, Change::Deleted).await
}

/// The contract's move of a user to another tenant: there is no other one.
pub(super) async fn set_tenant(ctx: Ctx) -> ApiResult {
    let id: UserId = ctx.id(&code::USER_NOT_FOUND)?;
    let user = users::get(ctx.db(), ctx.tenant(), id).await?.ok_or_else(|| not_found(ctx.id_text()))?;
    if ctx.param("tenant_id") == ctx.tenant().to_string() {
        return json(&user.id);
    }
    let named = excerpt(ctx.param("tenant_id"));
    let message = format!("user `{}` cannot be moved to tenant `{named}`: this server has one", user.email);
    Err(ApiError::new(&code::TENANT_FIXED, message))
}

/// What becomes of a user.
pub(super) enum Change {
    /// They get the role of that name in the tenant.
    Role(String),
    /// They are switched on or off.
    Status(UserStatus),
    /// They go.
    Deleted,
}

impl Change {
    /// Whether the user is an active Admin afterwards, if they were before.
    fn leaves_admin(&self) -> bool {
        match self {
            Self::Role(named) => TenantRole::Admin.as_str().eq_ignore_ascii_case(named),
            Self::Status(status) => *status == UserStatus::Active,
            Self::Deleted => false,
        }
    }

    const fn action(&self) -> &'static str {
        match self {
            Self::Role(_) => "user.role_set",
            Self::Status(_) => "user.status_set",
            Self::Deleted => "user.deleted",
        }
    }
}

async fn change(ctx: Ctx, change: Change) -> ApiResult {
    let id: UserId = ctx.id(&code::USER_NOT_FOUND)?;
    let (db, app) = (ctx.db().clone(), ctx.app().clone());
    db.write(async move |tx| {
        users::lock_people(tx, ctx.tenant()).await?;
        let user = users::get(tx, ctx.tenant(), id).await?.ok_or_else(|| not_found(ctx.id_text()))?;
        make(tx, &ctx, &user, &change).await
    })
    .await?;
    app.identity().forget_callers();
    json(&id)
}

/// Changes a user of a tenant whose people are locked, with the audit entry. Whoever calls this makes the server forget
/// its callers once it is written.
pub(super) async fn make(tx: &Tx<'_>, ctx: &Ctx, user: &Row, change: &Change) -> ApiResult<()> {
    let (tenant, id) = (user.tenant_id, user.id);
    let roles = Roles::of_tenant(tx, tenant).await?;
    authority::over_tenant_role(ctx, &roles, &user.tenant_role)?;
    if !change.leaves_admin() {
        keep_an_admin(tx, user).await?;
    }
    match change {
        Change::Role(named) => {
            let role = authority::tenant_role_to_give(ctx, &roles, named)?;
            users::set_tenant_role(tx, tenant, id, &role, ctx.now()).await?
        }
        Change::Status(status) => users::set_status(tx, tenant, id, *status, ctx.now()).await?,
        Change::Deleted => users::delete(tx, tenant, id).await?,
    };
    let entry = ctx.audit(change.action(), "user", &id.to_string(), &user.email);
    let entry = match users::get(tx, tenant, id).await? {
        Some(after) => crate::audit::changed(entry, &User::from(user), &User::from(&after)),
        None => crate::audit::gone(entry, &User::from(user)),
    };
    Ok(store::audit::record(tx, &entry).await?)
}

/// Refuses that the tenant loses its last active Admin. A service account never signs in: it is none to rely on.
async fn keep_an_admin(tx: &Tx<'_>, user: &Row) -> ApiResult<()> {
    let is_one = user.tenant_role.is(TenantRole::Admin)
        && user.status == UserStatus::Active
        && user.kind == UserKind::Person;
    if is_one && users::count_other_admins(tx, user.tenant_id, user.id).await? == 0 {
        let message = format!("`{}` is the last active Admin: make somebody else an Admin first", user.email);
        return Err(ApiError::new(&code::LAST_ADMIN, message));
    }
    Ok(())
}

fn not_found(id: &str) -> ApiError {
    ApiError::new(&code::USER_NOT_FOUND, format!("the tenant has no user `{}`", excerpt(id)))
}
