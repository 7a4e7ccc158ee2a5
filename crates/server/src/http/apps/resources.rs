//! What an app shows: made, changed and deleted one at a time. There is no draft; what is written is shown.

use serde_json::Value;
use store::Tx;
use store::app_resources::{self, AppResource as Row};
use store::apps::{self, AppRow};
use types::AppResourceId;

use super::check::{check, display_config, invalid};
use super::fill::{self, By};
use super::model::{Resource, ResourceInput};
use super::{not_found, resource_not_found};
use crate::audit;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::json;
use crate::http::excerpt;
use crate::http::extract::Body;

/// Resources that one app may have.
pub(super) const RESOURCES_MAX: usize = 200;

/// A new resource.
pub(in crate::http) async fn create(ctx: Ctx, Body(input): Body<ResourceInput>) -> ApiResult {
    check(&input)?;
    let db = ctx.db().clone();
    let row = db
        .write(async move |tx| {
            let app = to_change(&ctx, tx).await?;
            let count = app_resources::count(tx, app.workspace_id, app.id).await?;
            if usize::try_from(count).is_ok_and(|count| count >= RESOURCES_MAX) {
                return Err(too_many());
            }
            let row = new_row(&ctx, tx, &app, &input).await?;
            app_resources::insert(tx, &row).await?;
            record(&ctx, tx, ("app_resource.created", &app), (None, Some(&row))).await?;
            Ok(row)
        })
        .await?;
    json(&Resource::from(&row))
}

/// Replaces attributes and place of a resource.
pub(in crate::http) async fn update(ctx: Ctx, Body(input): Body<ResourceInput>) -> ApiResult {
    let db = ctx.db().clone();
    let row = db
        .write(async move |tx| {
            let app = to_change(&ctx, tx).await?;
            let mut row = find(&ctx, tx, &app).await?;
            let before = row.clone();
            let input = completed(&input, &row)?;
            check(&input)?;
            let ids = (app.id, row.id);
            let attributes = fill::attributes(&ctx, tx, &input, ids, By::Id).await?;
            row.attributes = Value::Object(attributes).to_string();
            if input.display_config.is_some() {
                row.display_config = display_config(&input)?.to_string();
            }
            (row.updated_at, row.updated_by) = (ctx.now(), ctx.user().to_string());
            app_resources::update(tx, &row).await?;
            record(&ctx, tx, ("app_resource.updated", &app), (Some(&before), Some(&row))).await?;
            Ok::<_, ApiError>(row)
        })
        .await?;
    json(&Resource::from(&row))
}

/// Deletes a resource.
pub(in crate::http) async fn delete(ctx: Ctx) -> ApiResult {
    let db = ctx.db().clone();
    let id = db
        .write(async move |tx| {
            let app = to_change(&ctx, tx).await?;
            let row = find(&ctx, tx, &app).await?;
            app_resources::delete(tx, app.workspace_id, app.id, row.id).await?;
            record(&ctx, tx, ("app_resource.deleted", &app), (Some(&row), None)).await?;
            Ok::<_, ApiError>(row.id)
        })
        .await?;
    json(&id)
}

/// A resource that is to be stored, with what the server fills in.
pub(super) async fn new_row(ctx: &Ctx, tx: &Tx<'_>, app: &AppRow, input: &ResourceInput) -> ApiResult<Row> {
    let (now, user) = (ctx.now(), ctx.user().to_string());
    let id: AppResourceId = ctx.new_id();
    let attributes = fill::attributes(ctx, tx, input, (app.id, id), By::Name).await?;
    Ok(Row {
        id,
        app_id: app.id,
        workspace_id: app.workspace_id,
        kind: input.kind.clone(),
        attributes: Value::Object(attributes).to_string(),
        display_config: display_config(input)?.to_string(),
        created_at: now,
        created_by: user.clone(),
        updated_at: now,
        updated_by: user,
    })
}

/// When there would be more than [`RESOURCES_MAX`].
pub(super) fn too_many() -> ApiError {
    ApiError::new(&code::APP_LIMIT, format!("an app may have {RESOURCES_MAX} resources; delete one first"))
}

/// The input with the kind of the row; refused if it is about another one.
fn completed(input: &ResourceInput, row: &Row) -> ApiResult<ResourceInput> {
    match input.id.as_deref().filter(|id| !id.is_empty()) {
        Some(id) if id != row.id.to_string() => {
            return Err(invalid(
                "id",
                format!("is `{}`, and the address is about `{}`", excerpt(id), row.id),
            ));
        }
        None if row.kind == "filter" => {
            return Err(invalid("id", format!("is missing: it is `{}`", row.id)));
        }
        _ => {}
    }
    if !input.kind.is_empty() && input.kind != row.kind {
        let message = format!("is `{}`; it never changes, and is `{}`", excerpt(&input.kind), row.kind);
        return Err(invalid("type", message));
    }
    Ok(ResourceInput { kind: row.kind.clone(), ..input.clone() })
}

/// The app of the path, held against changes of others.
async fn to_change(ctx: &Ctx, tx: &Tx<'_>) -> ApiResult<AppRow> {
    let id = ctx.id(&code::APP_NOT_FOUND)?;
    apps::get_to_change(tx, ctx.workspace(), id).await?.ok_or_else(|| not_found(ctx))
}

async fn find(ctx: &Ctx, tx: &Tx<'_>, app: &AppRow) -> ApiResult<Row> {
    let id = ctx.param("rid").parse().map_err(|_| resource_not_found(ctx))?;
    app_resources::get(tx, app.workspace_id, app.id, id).await?.ok_or_else(|| resource_not_found(ctx))
}

async fn record(
    ctx: &Ctx,
    tx: &Tx<'_>,
    (action, app): (&str, &AppRow),
    (before, after): (Option<&Row>, Option<&Row>),
) -> ApiResult<()> {
    let Some(row) = after.or(before) else { return Ok(()) };
    let entry = ctx.audit(action, "app_resource", &row.id.to_string(), &app.display_name);
    let entry = match (before, after) {
        (Some(before), Some(after)) => audit::changed(entry, &Resource::from(before), &Resource::from(after)),
        (Some(before), None) => audit::gone(entry, &Resource::from(before)),
        (None, _) => audit::made(entry, &Resource::from(row)),
    };
    Ok(store::audit::record(tx, &entry).await?)
}
