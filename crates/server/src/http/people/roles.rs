//! Roles that the tenant makes of permissions, and the permissions there are.

use serde::{Deserialize, Serialize};
use store::custom_roles::{self, CustomRole as Row, NAME_KEY, RoleScope};
use store::{StoreError, Tx, users};
use types::{CustomRoleId, Permission, PermissionSet, Role, TenantRole};
use utoipa::ToSchema;

use super::authority;
use crate::audit;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::{json, page};
use crate::http::excerpt;
use crate::http::extract::{Body, ListQuery, Query};
use crate::http::names::{check_name, check_text};

/// Roles of its own that one tenant may have.
const ROLES_MAX: usize = 100;

/// A role that the tenant has made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = models::Role)]
#[allow(missing_docs)]
pub(crate) struct CustomRole {
    pub created_at: i64,
    pub created_by: String,
    pub description: String,
    pub id: String,
    /// Never changes: whoever has the role is told by it.
    pub name: String,
    /// What it allows.
    pub permissions: Vec<&'static str>,
    /// `tenant` or `workspace`: where people have it.
    pub scope: &'static str,
    pub updated_at: i64,
    pub updated_by: String,
}

impl From<&Row> for CustomRole {
    fn from(row: &Row) -> Self {
        Self {
            created_at: row.created_at.as_millis(),
            created_by: row.created_by.clone(),
            description: row.description.clone(),
            id: row.id.to_string(),
            name: row.name.clone(),
            permissions: row.permissions.iter().map(Permission::as_str).collect(),
            scope: row.scope.as_str(),
            updated_at: row.updated_at.as_millis(),
            updated_by: row.updated_by.clone(),
        }
    }
}

/// What a caller may say of a role.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::RoleRequest)]
pub(crate) struct RoleInput {
    /// Its name; it can be given once, at the making.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// `tenant` or `workspace`; it can be given once, at the making.
    pub scope: Option<String>,
    /// Names of permissions.
    pub permissions: Option<Vec<String>>,
}

/// A permission, with the built-in roles that have it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = models::Permission)]
#[allow(missing_docs)]
pub(crate) struct PermissionInfo {
    pub name: &'static str,
    /// Built-in roles in the tenant that have it.
    pub tenant_roles: Vec<&'static str>,
    /// Built-in roles in workspaces that have it.
    pub workspace_roles: Vec<&'static str>,
    /// `tenant` and `workspace`: what kind of role can hold it.
    pub scopes: Vec<&'static str>,
}

/// Every permission there is.
pub(in crate::http) async fn list_permissions(_: Ctx) -> ApiResult {
    let infos = Permission::ALL.into_iter().map(|permission| PermissionInfo {
        name: permission.as_str(),
        tenant_roles: allowing(permission.is_of_tenants(), TenantRole::ALL, |role| {
            role.allows(permission).then_some(role.as_str())
        }),
        workspace_roles: allowing(permission.is_of_workspaces(), Role::ALL, |role| {
            role.allows(permission).then_some(role.as_str())
        }),
        scopes: RoleScope::ALL
            .into_iter()
            .filter(|scope| is_of(*scope, permission))
            .map(RoleScope::as_str)
            .collect(),
    });
    json(&infos.collect::<Vec<_>>())
}

fn allowing<R>(
    can_hold: bool,
    roles: impl IntoIterator<Item = R>,
    name: impl FnMut(R) -> Option<&'static str>,
) -> Vec<&'static str> {
    if can_hold { roles.into_iter().filter_map(name).collect() } else { Vec::new() }
}

/// The tenant's own roles.
pub(in crate::http) async fn list(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = crate::http::parse_q(list.q.as_deref(), &custom_roles::FIELDS)?;
    let found = custom_roles::list(ctx.db(), ctx.tenant(), &query).await?;
    page(&query, found.total, &found.rows.iter().map(CustomRole::from).collect::<Vec<_>>())
}

/// One of them.
pub(in crate::http) async fn get(ctx: Ctx) -> ApiResult {
    let id: CustomRoleId = ctx.id(&code::ROLE_NOT_FOUND)?;
    let row = custom_roles::get(ctx.db(), ctx.tenant(), id).await?.ok_or_else(|| not_found(&ctx))?;
    json(&CustomRole::from(&row))
}

/// A new role.
pub(in crate::http) async fn create(ctx: Ctx, Body(input): Body<RoleInput>) -> ApiResult {
    let scope = scope_of(input.scope.as_deref())?;
    let row = Row {
        id: ctx.new_id(),
        tenant_id: ctx.tenant(),
        scope,
        name: name_of(input.name.as_deref())?,
        description: description_of(input.description)?.unwrap_or_default(),
        permissions: permissions_of(scope, &input.permissions.unwrap_or_default())?,
        created_at: ctx.now(),
        created_by: ctx.user().to_string(),
        updated_at: ctx.now(),
        updated_by: ctx.user().to_string(),
    };
    may_decide(&ctx, scope, row.permissions)?;
    let (made, db) = (CustomRole::from(&row), ctx.db().clone());
    db.write(async move |tx| {
        users::lock_people(tx, row.tenant_id).await?;
        let known = custom_roles::all(tx, row.tenant_id).await?;
        if known.len() >= ROLES_MAX {
            let message = format!("a tenant may have {ROLES_MAX} roles of its own; delete one first");
            return Err(ApiError::new(&code::ROLE_LIMIT, message));
        }
        if known.iter().any(|other| other.name.eq_ignore_ascii_case(&row.name)) {
            return Err(name_taken(&row.name));
        }
        custom_roles::insert(tx, &row).await.map_err(|error| taken(error, &row.name))?;
        record(&ctx, tx, "role.created", (&row, Change::Made)).await
    })
    .await?;
    json(&made)
}

/// Changes what the body names of a role: whoever has it may do that from now on.
pub(in crate::http) async fn update(ctx: Ctx, Body(input): Body<RoleInput>) -> ApiResult {
    let description = description_of(input.description)?;
    let (db, app) = (ctx.db().clone(), ctx.app().clone());
    let row = db
        .write(async move |tx| {
            let mut row = find_to_change(&ctx, tx).await?;
            for (member, given, kept) in
                [("name", &input.name, row.name.as_str()), ("scope", &input.scope, row.scope.as_str())]
            {
                if given.as_deref().is_some_and(|given| given != kept) {
                    let message =
                        format!("the {member} of the role `{}` never changes; make another one", row.name);
                    return Err(ApiError::new(&code::ROLE_INVALID, message));
                }
            }
            let before = row.clone();
            row.description = description.clone().unwrap_or(row.description);
            if let Some(names) = &input.permissions {
                row.permissions = permissions_of(row.scope, names)?;
                may_decide(&ctx, row.scope, row.permissions)?;
            }
            (row.updated_at, row.updated_by) = (ctx.now(), ctx.user().to_string());
            custom_roles::update(tx, &row).await?;
            record(&ctx, tx, "role.updated", (&row, Change::From(&before))).await?;
            Ok(row)
        })
        .await?;
    app.identity().forget_callers();
    json(&CustomRole::from(&row))
}

/// Deletes a role that nobody has.
pub(in crate::http) async fn delete(ctx: Ctx) -> ApiResult {
    let db = ctx.db().clone();
    let id = db
        .write(async move |tx| {
            let row = find_to_change(&ctx, tx).await?;
            let holders = custom_roles::count_holders(tx, row.tenant_id, &row.name).await?;
            if holders > 0 {
                let message = format!(
                    "{holders} users, invitations or members have the role `{}`: give them another one first",
                    row.name
                );
                return Err(ApiError::new(&code::ROLE_IN_USE, message).with_data("holders", holders));
            }
            custom_roles::delete(tx, row.tenant_id, row.id).await?;
            record(&ctx, tx, "role.deleted", (&row, Change::Gone)).await?;
            Ok(row.id)
        })
        .await?;
    json(&id)
}

/// The role of the path, held against changes of others, about which the caller may decide.
async fn find_to_change(ctx: &Ctx, tx: &Tx<'_>) -> ApiResult<Row> {
    let id: CustomRoleId = ctx.id(&code::ROLE_NOT_FOUND)?;
    users::lock_people(tx, ctx.tenant()).await?;
    let row = custom_roles::get(tx, ctx.tenant(), id).await?.ok_or_else(|| not_found(ctx))?;
    may_decide(ctx, row.scope, row.permissions)?;
    Ok(row)
}

/// Refuses a caller who would decide about more than they may do themselves. What a role of workspaces allows reaches into
/// all of them, so that only an Admin decides about one.
fn may_decide(ctx: &Ctx, scope: RoleScope, permissions: PermissionSet) -> ApiResult<()> {
    let own = match scope {
        _ if authority::is_admin(ctx) => return Ok(()),
        RoleScope::Tenant => ctx.caller().tenant_permissions,
        RoleScope::Workspace => PermissionSet::default(),
    };
    authority::require(own, permissions, "who has the role")
}

enum Change<'a> {
    Made,
    From(&'a Row),
    Gone,
}

async fn record(ctx: &Ctx, tx: &Tx<'_>, action: &str, (row, change): (&Row, Change<'_>)) -> ApiResult<()> {
    let entry = ctx.audit(action, "role", &row.id.to_string(), &row.name);
    let entry = match change {
        Change::Made => audit::made(entry, &CustomRole::from(row)),
        Change::From(before) => audit::changed(entry, &CustomRole::from(before), &CustomRole::from(row)),
        Change::Gone => audit::gone(entry, &CustomRole::from(row)),
    };
    Ok(store::audit::record(tx, &entry).await?)
}

fn name_of(name: Option<&str>) -> ApiResult<String> {
    let name = check_name("role", name)?;
    let built_in = Role::ALL.map(Role::as_str).into_iter().chain(TenantRole::ALL.map(TenantRole::as_str));
    if built_in.into_iter().any(|other| other.eq_ignore_ascii_case(&name)) {
        return Err(name_taken(&name));
    }
    Ok(name)
}

fn description_of(description: Option<String>) -> ApiResult<Option<String>> {
    check_text("description", description.as_deref())?;
    Ok(description)
}

fn scope_of(named: Option<&str>) -> ApiResult<RoleScope> {
    let named = named.unwrap_or_default();
    RoleScope::from_name(named).ok_or_else(|| {
        let message = format!("`scope` is `{}`; it can be `tenant` or `workspace`", excerpt(named));
        ApiError::new(&code::ROLE_INVALID, message)
    })
}

/// The permissions of those names, all of which mean something in such a role.
fn permissions_of(scope: RoleScope, names: &[String]) -> ApiResult<PermissionSet> {
    let refused = |message: String| ApiError::new(&code::ROLE_INVALID, message);
    names
        .iter()
        .map(|name| {
            let permission = Permission::from_name(name);
            let permission = permission.ok_or_else(|| {
                refused(format!("there is no permission `{}`; GET /permissions lists them", excerpt(name)))
            })?;
            if is_of(scope, permission) {
                return Ok(permission);
            }
            let scope = scope.as_str();
            Err(refused(format!("the permission `{name}` means nothing in a role of scope `{scope}`")))
        })
        .collect()
}

const fn is_of(scope: RoleScope, permission: Permission) -> bool {
    match scope {
        RoleScope::Tenant => permission.is_of_tenants(),
        RoleScope::Workspace => permission.is_of_workspaces(),
    }
}

fn not_found(ctx: &Ctx) -> ApiError {
    let message = format!("the tenant has no role `{}` of its own", excerpt(ctx.id_text()));
    ApiError::new(&code::ROLE_NOT_FOUND, message)
}

fn taken(error: StoreError, name: &str) -> ApiError {
    if error.is_duplicate_of(NAME_KEY) { name_taken(name) } else { error.into() }
}

fn name_taken(name: &str) -> ApiError {
    ApiError::new(&code::ROLE_NAME_TAKEN, format!("there is a role `{}` already", excerpt(name)))
}
