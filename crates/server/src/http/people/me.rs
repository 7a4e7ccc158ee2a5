//! The caller: who they are, which workspaces they may enter, what they keep for their clients.

use store::user_settings::{self, UserSetting as SettingRow};
use types::{Permission, WorkspaceId};

pub(crate) use super::model::{
    Details, SelectedWorkspace, UserSetting, UserSettingInput, WorkspaceInfo, WorkspaceInfoMap,
};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::json;
use crate::http::excerpt;
use crate::http::extract::Body;
use crate::http::names::check_name;

/// Settings that one user may keep.
const SETTINGS_MAX: usize = 200;
/// Bytes of one setting's value.
const SETTING_BYTES_MAX: usize = 64 * 1024;

/// Who the caller is.
pub(in crate::http) async fn get(ctx: Ctx) -> ApiResult {
    let caller = ctx.caller();
    let user = store::users::get(ctx.db(), caller.tenant, caller.user).await?;
    let user = user.ok_or_else(|| super::not_found(&caller.user.to_string()))?;
    let selected = caller.default_workspace.map_or_else(String::new, |id| id.to_string());
    let membership = caller.default_workspace.and_then(|id| caller.workspaces.get(&id));
    json(&Details {
        auth_id: user.id.to_string(),
        default_workspace: selected.clone(),
        email: user.email,
        inner_id: user.id.to_string(),
        name: user.name,
        permissions: permissions(&ctx),
        selected_workspace: selected,
        status: user.status.as_str().to_owned(),
        tenant_id: caller.tenant.to_string(),
        tenant_role: caller.tenant_role.as_str().to_owned(),
        user_role: membership.map_or_else(String::new, |own| own.role.as_str().to_owned()),
        workspaces: infos(&ctx).await?,
    })
}

/// The workspaces that the caller may enter.
pub(in crate::http) async fn list_workspaces(ctx: Ctx) -> ApiResult {
    json(&infos(&ctx).await?)
}

/// Chooses the workspace that an address without one means.
pub(in crate::http) async fn select_workspace(ctx: Ctx, Body(input): Body<SelectedWorkspace>) -> ApiResult {
    let Some(named) = input.workspace_id else {
        return Err(ApiError::new(&code::BODY_INVALID, "`workspace_id` is missing"));
    };
    let id: Option<WorkspaceId> = named.parse().ok();
    let Some(id) = id.filter(|id| ctx.caller().workspaces.contains_key(id)) else {
        let message = format!("cannot find workspace `{}`", excerpt(&named));
        return Err(ApiError::new(&code::WORKSPACE_NOT_FOUND, message));
    };
    let (tenant, user, now) = (ctx.tenant(), ctx.user(), ctx.now());
    let audit = ctx.audit("user.workspace_selected", "user", &user.to_string(), &ctx.caller().email);
    ctx.db()
        .write(async move |tx| {
            store::users::set_default_workspace(tx, tenant, user, id, now).await?;
            store::audit::record(tx, &audit).await
        })
        .await?;
    ctx.app().identity().forget_callers();
    json(&id)
}

/// What the caller keeps.
pub(in crate::http) async fn list_settings(ctx: Ctx) -> ApiResult {
    let rows = user_settings::list(ctx.db(), ctx.tenant(), ctx.user()).await?;
    json(&rows.iter().map(UserSetting::from).collect::<Vec<_>>())
}

/// Keeps a text under a name; one that is there is replaced.
pub(in crate::http) async fn set_setting(ctx: Ctx, Body(input): Body<UserSettingInput>) -> ApiResult {
    let name = check_name("setting", input.name.as_deref())?;
    let value = input.value.unwrap_or_default();
    if value.len() > SETTING_BYTES_MAX || value.contains('\0') {
        let message = format!(
            "the value of setting `{}` has more than {SETTING_BYTES_MAX} bytes, or a zero character",
            excerpt(&name)
        );
        return Err(ApiError::new(&code::BODY_INVALID, message));
    }
    let db = ctx.db().clone();
    let row = db
        .write(async move |tx| {
            store::users::lock(tx, ctx.tenant(), ctx.user()).await?;
            let kept = user_settings::list(tx, ctx.tenant(), ctx.user()).await?;
            let before = kept.iter().find(|row| row.name == name);
            if before.is_none() && kept.len() >= SETTINGS_MAX {
                let message = format!("a user may keep {SETTINGS_MAX} settings");
                return Err(ApiError::new(&code::USER_SETTING_LIMIT, message));
            }
            let (now, user) = (ctx.now(), ctx.user());
            let row = SettingRow {
                id: before.map_or_else(|| ctx.new_id(), |row| row.id),
                user_id: user,
                name: name.clone(),
                value: value.clone(),
                created_at: before.map_or(now, |row| row.created_at),
                created_by: user.to_string(),
                updated_at: now,
                updated_by: user.to_string(),
            };
            user_settings::put(tx, &row).await?;
            let audit = ctx.audit("user_setting.set", "user_setting", &row.id.to_string(), &row.name);
            store::audit::record(tx, &audit).await?;
            Ok(row)
        })
        .await?;
    json(&UserSetting::from(&row))
}

/// What the caller's role in the tenant allows, and what they may do in every workspace that they may enter.
fn permissions(ctx: &Ctx) -> Vec<String> {
    let caller = ctx.caller();
    let everywhere = |permission| {
        !caller.workspaces.is_empty()
            && caller.workspaces.values().all(|own| own.permissions.contains(permission))
    };
    let allowed =
        |permission: &Permission| caller.tenant_permissions.contains(*permission) || everywhere(*permission);
    let mut names: Vec<String> = Permission::ALL
        .into_iter()
        .filter(allowed)
        .map(|permission| permission.as_str().to_owned())
        .collect();
    names.sort_unstable();
    names
}

async fn infos(ctx: &Ctx) -> ApiResult<WorkspaceInfoMap> {
    let rows = store::workspaces::list_with_counts(ctx.db(), ctx.tenant()).await?;
    let mine = rows.into_iter().filter_map(|(row, user_count)| {
        let role = &ctx.caller().workspaces.get(&row.id)?.role;
        let info = WorkspaceInfo {
            description: row.description,
            display_name: row.display_name,
            id: row.id.to_string(),
            name: row.name,
            role: role.as_str().to_owned(),
            user_count,
        };
        Some((row.id.to_string(), info))
    });
    Ok(mine.collect())
}
