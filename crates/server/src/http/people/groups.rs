//! Groups of users: who is in which. Groups themselves are records of the system's table `sys_groups`, which is
//! `http/system_tables/groups.rs`.

use std::collections::BTreeSet;

use store::audit::AuditEntry;
use store::groups::{self, Group as Row};
use store::{StoreError, Tx, users};
use types::{GroupId, UserId};

pub(crate) use super::model::{Group, GroupInput, Ids};
use super::{User, authority};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, Code, code};
use crate::http::answer::{json, page};
use crate::http::excerpt;
use crate::http::extract::{Items, ListQuery, Query};

/// Groups that one tenant may have.
const GROUPS_MAX: i64 = 1_000;
/// Ids in one call.
const IDS_MAX: usize = 1_000;

/// The users in a group.
pub(in crate::http) async fn list_users(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = crate::http::parse_q(list.q.as_deref(), &users::FIELDS)?;
    let group = find(&ctx).await?;
    let found = users::find_in_group(ctx.db(), group.tenant_id, group.id, &query).await?;
    page(&query, found.total, &found.rows.iter().map(User::from).collect::<Vec<_>>())
}

/// The groups that a user is in.
pub(in crate::http) async fn list_of_user(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = crate::http::parse_q(list.q.as_deref(), &groups::FIELDS)?;
    let id: UserId = ctx.id(&code::USER_NOT_FOUND)?;
    if users::get(ctx.db(), ctx.tenant(), id).await?.is_none() {
        return Err(super::not_found(ctx.id_text()));
    }
    let found = groups::list_of_user(ctx.db(), ctx.tenant(), id, &query).await?;
    page(&query, found.total, &found.rows.iter().map(Group::from).collect::<Vec<_>>())
}

/// Puts users into a group: all of them, or none if one is unknown.
pub(in crate::http) async fn add_users(ctx: Ctx, Items(ids): Items<String>) -> ApiResult {
    change_users(ctx, ids, Towards::Added).await
}

/// Takes users out of a group; one who is not in it is no error.
pub(in crate::http) async fn remove_users(ctx: Ctx, Items(ids): Items<String>) -> ApiResult {
    change_users(ctx, ids, Towards::Removed).await
}

/// Deletes a group; what was shared with it is shared with its members no more.
pub(in crate::http) async fn delete(ctx: Ctx) -> ApiResult {
    let (db, app) = (ctx.db().clone(), ctx.app().clone());
    let id = db
        .write(async move |tx| {
            let group = find_to_change(&ctx, tx).await?;
            remove(&ctx, tx, &group).await?;
            Ok::<_, ApiError>(group.id)
        })
        .await?;
    app.identity().forget_callers();
    json(&id)
}

/// Deletes a group of a tenant whose people are locked.
pub(in crate::http) async fn remove(ctx: &Ctx, tx: &Tx<'_>, group: &Row) -> ApiResult<()> {
    groups::delete(tx, group.tenant_id, group.id).await?;
    let entry = crate::audit::gone(audit(ctx, "group.deleted", group), &Group::from(group));
    Ok(store::audit::record(tx, &entry).await?)
}

/// Which way users go.
#[derive(Clone, Copy)]
pub(in crate::http) enum Towards {
    /// Into a group.
    Added,
    /// Out of it.
    Removed,
}

async fn change_users(ctx: Ctx, named: Vec<String>, towards: Towards) -> ApiResult {
    check_count(&named)?;
    let (db, app) = (ctx.db().clone(), ctx.app().clone());
    let ids = db
        .write(async move |tx| {
            let group = find_to_change(&ctx, tx).await?;
            let mut ids: BTreeSet<UserId> = BTreeSet::new();
            let mut unknown = Vec::new();
            for name in &named {
                let id = name.parse().ok();
                match id {
                    Some(id) if users::get(tx, group.tenant_id, id).await?.is_some() => _ = ids.insert(id),
                    _ => unknown.push(name.as_str()),
                }
            }
            refuse_unknown(&unknown, &code::USERS_UNKNOWN, "users")?;
            move_users(&ctx, tx, &group, &ids, towards).await?;
            Ok::<_, ApiError>(ids)
        })
        .await?;
    app.identity().forget_callers();
    json(&ids)
}

/// Puts users of the tenant into a group, or takes them out.
pub(in crate::http) async fn move_users(
    ctx: &Ctx,
    tx: &Tx<'_>,
    group: &Row,
    ids: &BTreeSet<UserId>,
    towards: Towards,
) -> ApiResult<()> {
    authority::over_group(ctx, tx, group.id).await?;
    for id in ids {
        match towards {
            Towards::Added => groups::add_user(tx, group.tenant_id, group.id, *id).await?,
            Towards::Removed => _ = groups::remove_user(tx, group.tenant_id, group.id, *id).await?,
        }
    }
    let action = match towards {
        Towards::Added => "group.users_added",
        Towards::Removed => "group.users_removed",
    };
    let entry = crate::audit::also(audit(ctx, action, group), serde_json::json!({"users": ids}));
    Ok(store::audit::record(tx, &entry).await?)
}

/// Puts a user into groups: all of them, or none if one is unknown.
pub(in crate::http) async fn add_to_groups(ctx: Ctx, Items(named): Items<String>) -> ApiResult {
    check_count(&named)?;
    let user: UserId = ctx.id(&code::USER_NOT_FOUND)?;
    let (db, app) = (ctx.db().clone(), ctx.app().clone());
    let ids = db
        .write(async move |tx| {
            users::lock_people(tx, ctx.tenant()).await?;
            let found = users::get(tx, ctx.tenant(), user).await?;
            let found = found.ok_or_else(|| super::not_found(ctx.id_text()))?;
            let mut ids: BTreeSet<GroupId> = BTreeSet::new();
            let mut unknown = Vec::new();
            for name in &named {
                let id = name.parse().ok();
                match id {
                    Some(id) if groups::get(tx, ctx.tenant(), id).await?.is_some() => _ = ids.insert(id),
                    _ => unknown.push(name.as_str()),
                }
            }
            refuse_unknown(&unknown, &code::GROUPS_UNKNOWN, "groups")?;
            for id in &ids {
                authority::over_group(&ctx, tx, *id).await?;
                groups::add_user(tx, ctx.tenant(), *id, user).await?;
            }
            let entry = ctx.audit("user.groups_added", "user", &user.to_string(), &found.email);
            let entry = crate::audit::also(entry, serde_json::json!({"groups": ids}));
            store::audit::record(tx, &entry).await?;
            Ok::<_, ApiError>(ids)
        })
        .await?;
    app.identity().forget_callers();
    json(&ids)
}

fn check_count(ids: &[String]) -> ApiResult<()> {
    if ids.len() > IDS_MAX {
        let message = format!("the body names {} ids, more than the {IDS_MAX} of one call", ids.len());
        return Err(ApiError::new(&code::BODY_INVALID, message));
    }
    Ok(())
}

fn refuse_unknown(unknown: &[&str], code: &'static Code, what: &str) -> ApiResult<()> {
    /// How many of them the message names.
    const NAMED_MAX: usize = 10;
    if unknown.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = unknown.iter().map(|id| excerpt(id)).collect();
    let named: Vec<&str> = ids.iter().take(NAMED_MAX).map(String::as_str).collect();
    let more = if ids.len() > NAMED_MAX { ", …" } else { "" };
    let message = format!("there are no {what} of the ids `{}`{more}", named.join("`, `"));
    Err(ApiError::new(code, message).with_data("ids", ids))
}

/// The group of the path.
pub(in crate::http) async fn find(ctx: &Ctx) -> ApiResult<Row> {
    let id: GroupId = ctx.id(&code::GROUP_NOT_FOUND)?;
    groups::get(ctx.db(), ctx.tenant(), id).await?.ok_or_else(|| not_found(ctx.id_text()))
}

/// The group of the path, held against changes of others.
pub(in crate::http) async fn find_to_change(ctx: &Ctx, tx: &Tx<'_>) -> ApiResult<Row> {
    let id: GroupId = ctx.id(&code::GROUP_NOT_FOUND)?;
    users::lock_people(tx, ctx.tenant()).await?;
    groups::get(tx, ctx.tenant(), id).await?.ok_or_else(|| not_found(ctx.id_text()))
}

fn not_found(id: &str) -> ApiError {
    ApiError::new(&code::GROUP_NOT_FOUND, format!("the tenant has no group `{}`", excerpt(id)))
}

/// Stores a new group of a tenant whose people are locked.
pub(in crate::http) async fn make(ctx: &Ctx, tx: &Tx<'_>, row: &Row) -> ApiResult<()> {
    if groups::count(tx, row.tenant_id).await? >= GROUPS_MAX {
        let message = format!("a tenant may have {GROUPS_MAX} groups; delete one first");
        return Err(ApiError::new(&code::GROUP_LIMIT, message));
    }
    groups::insert(tx, row).await.map_err(|error| name_taken(error, &row.name))?;
    let entry = crate::audit::made(audit(ctx, "group.created", row), &Group::from(row));
    Ok(store::audit::record(tx, &entry).await?)
}

/// Stores what a group is called and is for.
pub(in crate::http) async fn change(ctx: &Ctx, tx: &Tx<'_>, (before, row): (&Row, &Row)) -> ApiResult<()> {
    groups::update(tx, row).await.map_err(|error| name_taken(error, &row.name))?;
    let entry = audit(ctx, "group.edited", row);
    let entry = crate::audit::changed(entry, &Group::from(before), &Group::from(row));
    Ok(store::audit::record(tx, &entry).await?)
}

fn name_taken(error: StoreError, name: &str) -> ApiError {
    if error.is_duplicate_of(groups::NAME_KEY) {
        let message = format!("a group `{name}` exists already; names are unique in the tenant");
        return ApiError::new(&code::GROUP_NAME_TAKEN, message);
    }
    error.into()
}

/// The audit entry of something that was done to a group.
pub(in crate::http) fn audit(ctx: &Ctx, action: &str, group: &Row) -> AuditEntry {
    ctx.audit(action, "group", &group.id.to_string(), &group.name)
}
