//! The table `sys_groups`: the groups of the tenant, the same in every workspace. Reading asks for the right to see
//! the tenant's people, changing for the right to change them.

use serde_json::{Map, Value};
use store::groups::{self, Group as Row};
use types::Permission::{AccountEdit, AccountView};

use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::access::require_in_tenant;
use crate::http::answer::{json, page};
use crate::http::extract::ListQuery;
use crate::http::names::{check_name, check_text};
use crate::http::people::groups::{self as people, Group, GroupInput, find, find_to_change};

pub(super) async fn list(ctx: Ctx, list: ListQuery) -> ApiResult {
    require_in_tenant(ctx.caller(), AccountView)?;
    let query = crate::http::parse_q(list.q.as_deref(), &groups::FIELDS)?;
    let found = groups::list(ctx.db(), ctx.tenant(), &query).await?;
    page(&query, found.total, &found.rows.iter().map(Group::from).collect::<Vec<_>>())
}

pub(super) async fn get(ctx: Ctx) -> ApiResult {
    require_in_tenant(ctx.caller(), AccountView)?;
    json(&Group::from(&find(&ctx).await?))
}

pub(super) async fn create(ctx: Ctx, body: Map<String, Value>) -> ApiResult {
    require_in_tenant(ctx.caller(), AccountEdit)?;
    let input = read(body)?;
    let (now, user) = (ctx.now(), ctx.user().to_string());
    let row = Row {
        id: ctx.new_id(),
        tenant_id: ctx.tenant(),
        name: check_name("group", input.name.as_deref())?,
        description: input.description.unwrap_or_default(),
        managed: input.managed.unwrap_or(false),
        external_id: None,
        created_at: now,
        created_by: user.clone(),
        updated_at: now,
        updated_by: user,
    };
    let (made, db) = (row.clone(), ctx.db().clone());
    db.write(async move |tx| {
        store::users::lock_people(tx, row.tenant_id).await?;
        people::make(&ctx, tx, &row).await
    })
    .await?;
    json(&Group::from(&made))
}

pub(super) async fn update(ctx: Ctx, body: Map<String, Value>) -> ApiResult {
    require_in_tenant(ctx.caller(), AccountEdit)?;
    let input = read(body)?;
    let name = input.name.as_deref().map(|name| check_name("group", Some(name))).transpose()?;
    let db = ctx.db().clone();
    let row = db
        .write(async move |tx| {
            let mut row = find_to_change(&ctx, tx).await?;
            let before = row.clone();
            if let Some(name) = &name {
                row.name.clone_from(name);
            }
            if let Some(description) = &input.description {
                row.description.clone_from(description);
            }
            row.managed = input.managed.unwrap_or(row.managed);
            (row.updated_at, row.updated_by) = (ctx.now(), ctx.user().to_string());
            people::change(&ctx, tx, (&before, &row)).await?;
            Ok::<_, ApiError>(row)
        })
        .await?;
    json(&Group::from(&row))
}

pub(super) async fn delete(ctx: Ctx) -> ApiResult {
    require_in_tenant(ctx.caller(), AccountEdit)?;
    people::delete(ctx).await
}

fn read(body: Map<String, Value>) -> ApiResult<GroupInput> {
    let input: GroupInput = serde_json::from_value(Value::Object(body))
        .map_err(|error| ApiError::new(&code::BODY_INVALID, format!("the body is no group: {error}")))?;
    check_text("description", input.description.as_deref())?;
    Ok(input)
}
