//! Service accounts: users that are programs. They have keys, and never sign in.

use store::users::{self, User as Row, UserKind, UserStatus};
use types::{TenantRole, UserId};

pub(crate) use super::model::ServiceAccountInput;
use super::{User, authority};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::{json, page};
use crate::http::api_keys::{self, ApiKeyInput, Owner, RevokeInput};
use crate::http::excerpt;
use crate::http::extract::{Body, ListQuery, Query};
use crate::http::names::{check_name, check_text};
use crate::identity::Roles;

/// Service accounts that one tenant may have.
const SERVICE_ACCOUNTS_MAX: i64 = 100;
/// What ends their addresses, which nobody can write to (RFC 2606).
const ADDRESS_END: &str = "@service.invalid";

/// The tenant's service accounts.
pub(in crate::http) async fn list(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = crate::http::parse_q(list.q.as_deref(), &users::FIELDS)?;
    let found = users::find_services(ctx.db(), ctx.tenant(), &query).await?;
    page(&query, found.total, &found.rows.iter().map(User::from).collect::<Vec<_>>())
}

/// A new service account, without a key.
pub(in crate::http) async fn create(ctx: Ctx, Body(input): Body<ServiceAccountInput>) -> ApiResult {
    let name = check_name("service account", input.name.as_deref())?;
    check_text("description", Some(&input.description))?;
    let id: UserId = ctx.new_id();
    let row = Row {
        id,
        tenant_id: ctx.tenant(),
        email: format!("{id}{ADDRESS_END}"),
        name,
        description: input.description,
        kind: UserKind::Service,
        tenant_role: TenantRole::Consumer.into(),
        status: UserStatus::Active,
        default_workspace_id: None,
        created_at: ctx.now(),
        updated_at: ctx.now(),
    };
    let (role, db) = (input.tenant_role, ctx.db().clone());
    let made = db
        .write(async move |tx| {
            users::lock_people(tx, row.tenant_id).await?;
            let mut row = row.clone();
            if let Some(named) = &role {
                let roles = Roles::of_tenant(tx, row.tenant_id).await?;
                row.tenant_role = authority::tenant_role_to_give(&ctx, &roles, named)?;
            }
            if users::count_services(tx, row.tenant_id).await? >= SERVICE_ACCOUNTS_MAX {
                let message =
                    format!("a tenant may have {SERVICE_ACCOUNTS_MAX} service accounts; delete one first");
                return Err(ApiError::new(&code::SERVICE_ACCOUNT_LIMIT, message));
            }
            users::insert(tx, &row).await?;
            let made = User::from(&row);
            let entry = ctx.audit("service_account.created", "user", &id.to_string(), &row.name);
            store::audit::record(tx, &crate::audit::made(entry, &made)).await?;
            Ok(made)
        })
        .await?;
    json(&made)
}

/// Deletes a service account; its keys are refused at once.
pub(in crate::http) async fn delete(ctx: Ctx) -> ApiResult {
    let row = find(&ctx).await?;
    let (db, app, id) = (ctx.db().clone(), ctx.app().clone(), row.id);
    db.write(async move |tx| {
        if !users::delete(tx, row.tenant_id, id).await? {
            return Err(not_found(ctx.id_text()));
        }
        let entry = ctx.audit("service_account.deleted", "user", &id.to_string(), &row.name);
        let entry = crate::audit::gone(entry, &User::from(&row));
        Ok(store::audit::record(tx, &entry).await?)
    })
    .await?;
    app.identity().forget_callers();
    json(&id)
}

/// The keys of a service account, without the keys.
pub(in crate::http) async fn list_keys(ctx: Ctx) -> ApiResult {
    let id = find(&ctx).await?.id;
    api_keys::list_of(&ctx, Owner::Service(id)).await
}

/// A new key of a service account, shown this once.
pub(in crate::http) async fn create_key(ctx: Ctx, Body(input): Body<ApiKeyInput>) -> ApiResult {
    let account = find(&ctx).await?;
    authority::over_user(&ctx, &account).await?;
    let id = account.id;
    api_keys::create_of(&ctx, Owner::Service(id), input).await
}

/// Revokes a key of a service account, at once.
pub(in crate::http) async fn revoke_key(ctx: Ctx, Query(query): Query<RevokeInput>) -> ApiResult {
    let id = find(&ctx).await?.id;
    api_keys::revoke_of(&ctx, Owner::Service(id), query.id.unwrap_or_default()).await
}

/// The service account of the path. A person is none.
async fn find(ctx: &Ctx) -> ApiResult<Row> {
    let id: UserId = ctx.id(&code::SERVICE_ACCOUNT_NOT_FOUND)?;
    let row = users::get(ctx.db(), ctx.tenant(), id).await?;
    row.filter(|row| row.kind == UserKind::Service).ok_or_else(|| not_found(ctx.id_text()))
}

fn not_found(id: &str) -> ApiError {
    let message = format!("the tenant has no service account `{}`", excerpt(id));
    ApiError::new(&code::SERVICE_ACCOUNT_NOT_FOUND, message)
}
