//! Apps, which people call dashboards: list, read, make, change, delete. What they show is in `resources` and `data`.

mod check;
mod data;
mod fill;
mod model;
mod resources;

use serde_json::json as value;
use store::app_resources::{self, AppResource};
use store::apps::{self, AppRow, NAME_KEY};
use store::{StoreError, Tx};

use super::answer::{json, page};
use super::catalog::collection_of_icon;
use super::excerpt;
use super::extract::{Body, ListQuery, Query};
use super::names::{check_name, check_tags, check_text, slug};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
pub(super) use data::data;
pub(crate) use model::{AppInput, AppView, AppWithResources, IsPortalInput, Resource, ResourceInput};
use resources::{RESOURCES_MAX, new_row, too_many};
pub(super) use resources::{create as create_resource, delete as delete_resource, update as update_resource};

/// Apps that one workspace may have.
const APPS_MAX: i64 = 1_000;
/// Categories of one app.
const CATEGORIES_MAX: usize = 100;

/// The apps of the workspace.
pub(super) async fn list(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    list_by(&ctx, list.q.as_deref()).await
}

/// The same as the system table `sys_application`.
pub(super) async fn list_by(ctx: &Ctx, q: Option<&str>) -> ApiResult {
    let query = super::parse_q(q, &apps::FIELDS)?;
    let found = apps::list(ctx.db(), ctx.workspace(), &query).await?;
    let rows: Vec<AppView> = found.rows.iter().map(AppView::from).collect();
    page(&query, found.total, &rows)
}

/// One app as a row of that table.
pub(super) async fn row(ctx: &Ctx) -> ApiResult {
    json(&AppView::from(&find(ctx).await?))
}

/// One app with what it shows.
pub(super) async fn get(ctx: Ctx) -> ApiResult {
    json(&shown(&ctx, &find(&ctx).await?).await?)
}

/// A new app with what it shows from the beginning.
pub(super) async fn create(ctx: Ctx, Body(input): Body<AppInput>) -> ApiResult {
    let (now, user) = (ctx.now(), ctx.user().to_string());
    let mut row = AppRow {
        id: ctx.new_id(),
        tenant_id: ctx.tenant(),
        workspace_id: ctx.workspace(),
        name: String::new(),
        display_name: String::new(),
        description: String::new(),
        icon: String::new(),
        categories: String::new(),
        is_portal: false,
        created_at: now,
        created_by: user.clone(),
        updated_at: now,
        updated_by: user,
    };
    describe(&ctx, &mut row, &input)?;
    let inputs = input.resources.unwrap_or_default();
    if inputs.len() > RESOURCES_MAX {
        return Err(too_many());
    }
    inputs.iter().try_for_each(check::check)?;
    let stored = row.clone();
    let (db, writer) = (ctx.db().clone(), ctx.clone());
    db.write(async move |tx| {
        if apps::count(tx, row.workspace_id).await? >= APPS_MAX {
            let message = format!("a workspace may have {APPS_MAX} apps; delete one first");
            return Err(ApiError::new(&code::APP_LIMIT, message));
        }
        apps::insert(tx, &row).await.map_err(|error| name_taken(error, &row.display_name))?;
        for input in &inputs {
            app_resources::insert(tx, &new_row(&writer, tx, &row, input).await?).await?;
        }
        let entry = crate::audit::made(audit(&writer, "app.created", &row), &AppView::from(&row));
        Ok(store::audit::record(tx, &entry).await?)
    })
    .await?;
    json(&shown(&ctx, &stored).await?)
}

/// Replaces what an app is called and is for.
pub(super) async fn update(ctx: Ctx, Body(input): Body<AppInput>) -> ApiResult {
    let (db, writer) = (ctx.db().clone(), ctx.clone());
    let row = db
        .write(async move |tx| {
            let before = to_change(&writer, tx).await?;
            let mut row = before.clone();
            describe(&writer, &mut row, &input)?;
            store_changed(&writer, tx, "app.updated", (&before, &mut row)).await?;
            Ok::<_, ApiError>(row)
        })
        .await?;
    json(&shown(&ctx, &row).await?)
}

/// Says whether an app is for the portal.
pub(super) async fn set_portal(ctx: Ctx, Body(input): Body<IsPortalInput>) -> ApiResult {
    let db = ctx.db().clone();
    let row = db
        .write(async move |tx| {
            let before = to_change(&ctx, tx).await?;
            let mut row = before.clone();
            row.is_portal = input.is_portal_app;
            store_changed(&ctx, tx, "app.is_portal_set", (&before, &mut row)).await?;
            Ok::<_, ApiError>(row)
        })
        .await?;
    json(&AppView::from(&row))
}

/// Deletes an app with what it shows.
pub(super) async fn delete(ctx: Ctx) -> ApiResult {
    let db = ctx.db().clone();
    let id = db
        .write(async move |tx| {
            let row = to_change(&ctx, tx).await?;
            apps::delete(tx, row.workspace_id, row.id).await?;
            let entry = crate::audit::gone(audit(&ctx, "app.deleted", &row), &AppView::from(&row));
            store::audit::record(tx, &entry).await?;
            Ok::<_, ApiError>(row.id)
        })
        .await?;
    json(&id)
}

/// Lays what the input says over the row.
fn describe(ctx: &Ctx, row: &mut AppRow, input: &AppInput) -> ApiResult<()> {
    row.display_name = check_name("app", input.display_name.as_deref())?;
    row.name = slug(&row.display_name);
    check_text("description", input.description.as_deref())?;
    row.description = input.description.clone().unwrap_or_default();
    row.icon = collection_of_icon(ctx, input.icon.as_deref().unwrap_or_default());
    check_tags(input.categories.as_deref())?;
    let categories = input.categories.clone().unwrap_or_default();
    if categories.len() > CATEGORIES_MAX {
        let message = format!("has {} entries; at most {CATEGORIES_MAX}", categories.len());
        return Err(check::invalid("categories", message));
    }
    row.categories = value!(categories).to_string();
    Ok(())
}

async fn store_changed(
    ctx: &Ctx,
    tx: &Tx<'_>,
    action: &str,
    (before, row): (&AppRow, &mut AppRow),
) -> ApiResult<()> {
    (row.updated_at, row.updated_by) = (ctx.now(), ctx.user().to_string());
    apps::update(tx, row).await.map_err(|error| name_taken(error, &row.display_name))?;
    let entry = crate::audit::changed(audit(ctx, action, row), &AppView::from(before), &AppView::from(&*row));
    Ok(store::audit::record(tx, &entry).await?)
}

async fn shown(ctx: &Ctx, row: &AppRow) -> ApiResult<AppWithResources> {
    let resources = app_resources::list(ctx.db(), row.workspace_id, row.id).await?;
    Ok(AppWithResources {
        app: AppView::from(row),
        resources: resources.iter().map(Resource::from).collect(),
    })
}

/// The app of the path.
async fn find(ctx: &Ctx) -> ApiResult<AppRow> {
    let found = apps::get(ctx.db(), ctx.workspace(), ctx.id(&code::APP_NOT_FOUND)?).await?;
    found.ok_or_else(|| not_found(ctx))
}

/// The resource of the path.
async fn find_resource(ctx: &Ctx) -> ApiResult<AppResource> {
    let app = find(ctx).await?;
    let id = ctx.param("rid").parse().map_err(|_| resource_not_found(ctx))?;
    let found = app_resources::get(ctx.db(), app.workspace_id, app.id, id).await?;
    found.ok_or_else(|| resource_not_found(ctx))
}

/// The app of the path, held against changes of others.
async fn to_change(ctx: &Ctx, tx: &Tx<'_>) -> ApiResult<AppRow> {
    let id = ctx.id(&code::APP_NOT_FOUND)?;
    apps::get_to_change(tx, ctx.workspace(), id).await?.ok_or_else(|| not_found(ctx))
}

fn not_found(ctx: &Ctx) -> ApiError {
    let message = format!("the workspace has no app `{}`", excerpt(ctx.id_text()));
    ApiError::new(&code::APP_NOT_FOUND, message)
}

fn resource_not_found(ctx: &Ctx) -> ApiError {
    let message = format!("the app has no resource `{}`", excerpt(ctx.param("rid")));
    ApiError::new(&code::APP_RESOURCE_NOT_FOUND, message)
}

fn audit(ctx: &Ctx, action: &str, row: &AppRow) -> store::audit::AuditEntry {
    ctx.audit(action, "app", &row.id.to_string(), &row.display_name)
}

fn name_taken(error: StoreError, name: &str) -> ApiError {
    if error.is_duplicate_of(NAME_KEY) {
        return ApiError::new(&code::APP_NAME_TAKEN, format!("the workspace has an app `{name}` already"));
    }
    error.into()
}
