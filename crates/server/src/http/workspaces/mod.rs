//! Workspaces: make, list, describe, change, delete. Who is in them is in `entities`.

mod entities;
mod model;

use store::StoreError;
use store::workspaces::{self, NAME_KEY, Workspace as Row};
use store::{members, workspace_removal};
use types::{Role, WorkspaceId};

use super::answer::{json, page};
use super::extract::{Body, ListQuery, Query};
use super::names::{check_name, check_text, derived_name};
use super::people::authority;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
pub(super) use entities::{add as add_entities, add_users, remove as remove_entity, set_role};
pub(crate) use model::{Deletion, Description, EntitiesInput, UsersInput, Workspace, WorkspaceInput};

/// Workspaces that a tenant may have.
const WORKSPACES_MAX: i64 = 1_000;

/// The workspaces that the caller may enter.
pub(super) async fn list(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = super::parse_q(list.q.as_deref(), &workspaces::FIELDS)?;
    let user = (!authority::is_admin(&ctx)).then(|| ctx.user());
    let found = workspaces::list_entered(ctx.db(), ctx.tenant(), user, &query).await?;
    page(&query, found.total, &found.rows.iter().map(Workspace::new).collect::<Vec<_>>())
}

/// A new workspace, which the caller owns.
pub(super) async fn create(ctx: Ctx, Body(input): Body<WorkspaceInput>) -> ApiResult {
    let display_name = check_name("workspace", input.display_name.as_deref().or(input.name.as_deref()))?;
    check_text("description", input.description.as_deref())?;
    let (now, user) = (ctx.now(), ctx.user());
    let row = Row {
        id: ctx.new_id(),
        tenant_id: ctx.tenant(),
        name: derived_name("workspace", &display_name)?,
        display_name,
        description: input.description.unwrap_or_default(),
        created_at: now,
        created_by: user.to_string(),
        updated_at: now,
        updated_by: user.to_string(),
    };
    let shown = row.clone();
    let audit = crate::audit::made(audit(&ctx, "workspace.created", &row), &Workspace::new(&row));
    ctx.db()
        .write(async move |tx| {
            if workspaces::count(tx, row.tenant_id).await? >= WORKSPACES_MAX {
                let message = format!("a tenant may have {WORKSPACES_MAX} workspaces; delete one first");
                return Err(ApiError::new(&code::WORKSPACE_LIMIT, message));
            }
            workspaces::insert(tx, &row).await.map_err(|error| name_taken(error, &row.display_name))?;
            members::set(tx, row.id, user, &Role::Owner.into()).await?;
            Ok(store::audit::record(tx, &audit).await?)
        })
        .await?;
    ctx.app().identity().forget_callers();
    json(&Workspace::new(&shown))
}

/// The workspace, with everybody who is in it.
pub(super) async fn get(ctx: Ctx) -> ApiResult {
    let row = to_use(&ctx).await?;
    let entities = members::entities(ctx.db(), row.id).await?;
    let group_members = members::group_members(ctx.db(), row.id).await?;
    json(&Description::new(&row, &entities, &group_members))
}

/// Changes what the body names of a workspace, and nothing else.
pub(super) async fn update(ctx: Ctx, Body(input): Body<WorkspaceInput>) -> ApiResult {
    let display_name = input.display_name.as_deref().or(input.name.as_deref());
    let display_name = display_name.map(|name| check_name("workspace", Some(name))).transpose()?;
    check_text("description", input.description.as_deref())?;
    let before = to_use(&ctx).await?;
    let mut row = before.clone();
    if let Some(display_name) = display_name {
        row.name = derived_name("workspace", &display_name)?;
        row.display_name = display_name;
    }
    row.description = input.description.unwrap_or(row.description);
    (row.updated_at, row.updated_by) = (ctx.now(), ctx.user().to_string());
    let shown = row.clone();
    let audit = audit(&ctx, "workspace.updated", &row);
    let audit = crate::audit::changed(audit, &Workspace::new(&before), &Workspace::new(&row));
    ctx.db()
        .write(async move |tx| {
            let changed =
                workspaces::update(tx, &row).await.map_err(|error| name_taken(error, &row.display_name))?;
            if !changed {
                return Err(not_found());
            }
            Ok(store::audit::record(tx, &audit).await?)
        })
        .await?;
    ctx.app().identity().forget_callers();
    json(&Workspace::new(&shown))
}

/// Deletes a workspace with everything in it, for good. Nobody can enter it from now on; what is in it goes in the
/// background.
pub(super) async fn delete(ctx: Ctx, Query(deletion): Query<Deletion>) -> ApiResult {
    let row = to_use(&ctx).await?;
    let audit = crate::audit::gone(audit(&ctx, "workspace.deleted", &row), &Workspace::new(&row));
    let (tenant, user, now) = (ctx.tenant(), ctx.user(), ctx.now());
    let id: WorkspaceId = row.id;
    ctx.db()
        .write(async move |tx| {
            store::tenants::lock(tx, tenant).await?;
            if workspaces::count(tx, tenant).await? == 1 {
                return Err(ApiError::new(
                    &code::WORKSPACE_LAST,
                    "the tenant's only workspace cannot be deleted",
                ));
            }
            let unfinished = workspace_removal::unfinished_count(tx, id).await?;
            if unfinished > 0 && !deletion.force {
                let message =
                    format!("{unfinished} runs of the workspace have not ended; `?force=true` cancels them");
                return Err(ApiError::new(&code::WORKSPACE_BUSY, message).with_data("executions", unfinished));
            }
            if !workspace_removal::mark(tx, tenant, id, user, now).await? {
                return Err(not_found());
            }
            Ok(store::audit::record(tx, &audit).await?)
        })
        .await?;
    ctx.app().identity().forget_callers();
    ctx.app().removals().notify_one();
    json(&id)
}

/// The workspace of the path, whose permission the door has looked at.
async fn to_use(ctx: &Ctx) -> ApiResult<Row> {
    workspaces::get(ctx.db(), ctx.tenant(), ctx.workspace()).await?.ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::new(&code::WORKSPACE_NOT_FOUND, "cannot find the workspace")
}

fn name_taken(error: StoreError, name: &str) -> ApiError {
    if error.is_duplicate_of(NAME_KEY) {
        let message =
            format!("the tenant has a workspace `{name}` already, or one whose name differs in signs alone");
        return ApiError::new(&code::WORKSPACE_NAME_TAKEN, message);
    }
    error.into()
}

fn audit(ctx: &Ctx, action: &str, row: &Row) -> store::audit::AuditEntry {
    let entry = ctx.audit(action, "workspace", &row.id.to_string(), &row.display_name);
    store::audit::AuditEntry { workspace_id: Some(row.id), ..entry }
}
