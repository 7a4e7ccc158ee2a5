//! Packs: the folders that workflows are in.

mod model;

use serde::Deserialize;
use serde_json::json as value;
use store::automation_packs::{self, AutomationPack as Row, DEFAULT_NAME, NAME_KEY};
use store::{StoreError, Tx};
use types::PackId;

use super::answer::{json, page};
use super::excerpt;
use super::extract::{Body, Query};
use super::names::{check_name, check_tags, check_text, slug};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
pub(crate) use model::{Pack, PackInput};

/// Packs that one workspace may have.
const PACKS_MAX: i64 = 1_000;
/// Workflows that a refusal names.
const WORKFLOWS_NAMED_MAX: i64 = 100;

/// The packs of the workspace: the system table `automation_packs`.
pub(super) async fn list(ctx: &Ctx, q: Option<&str>) -> ApiResult {
    let query = super::parse_q(q, &automation_packs::FIELDS)?;
    let found = automation_packs::list(ctx.db(), ctx.workspace(), &query).await?;
    let rows: Vec<Pack> = found.rows.iter().map(Pack::from).collect();
    page(&query, found.total, &rows)
}

/// One of them.
pub(super) async fn get(ctx: &Ctx) -> ApiResult {
    let found = automation_packs::get(ctx.db(), ctx.workspace(), ctx.id(&code::PACK_NOT_FOUND)?).await?;
    json(&Pack::from(&found.ok_or_else(|| not_found(ctx.id_text()))?))
}

/// All packs of the workspace, by name.
pub(super) async fn all(ctx: &Ctx) -> ApiResult<Vec<Row>> {
    let query = super::all_of(&automation_packs::FIELDS)?;
    Ok(automation_packs::list(ctx.db(), ctx.workspace(), &query).await?.rows)
}

/// A new pack.
pub(super) async fn create(ctx: Ctx, Body(input): Body<PackInput>) -> ApiResult {
    let display_name = check_name("pack", input.display_name())?;
    check_text("description", input.description.as_deref())?;
    check_tags(input.tags.as_deref())?;
    let mut row = new_row(&ctx, ctx.new_id(), display_name);
    row.description = input.description.unwrap_or_default();
    row.tags = value!(input.tags.unwrap_or_default()).to_string();
    let made = Pack::from(&row);
    let audit = ctx.audit("automation_pack.created", "automation_pack", &made.id, &row.display_name);
    ctx.db()
        .write(async move |tx| {
            if automation_packs::count(tx, row.workspace_id).await? >= PACKS_MAX {
                let message = format!("a workspace may have {PACKS_MAX} packs; delete one first");
                return Err(ApiError::new(&code::PACK_LIMIT, message));
            }
            automation_packs::insert(tx, &row).await.map_err(|error| name_taken(error, &row.display_name))?;
            Ok(store::audit::record(tx, &audit).await?)
        })
        .await?;
    json(&made)
}

/// Changes what the body names of a pack.
pub(super) async fn update(ctx: Ctx, Body(input): Body<PackInput>) -> ApiResult {
    let display_name = match input.display_name() {
        Some(name) => Some(check_name("pack", Some(name))?),
        None => None,
    };
    check_text("description", input.description.as_deref())?;
    check_tags(input.tags.as_deref())?;
    let db = ctx.db().clone();
    let row = db
        .write(async move |tx| {
            let mut row = to_change(&ctx, tx).await?;
            let before = row.clone();
            if let Some(display_name) = &display_name {
                row.name = slug(display_name);
                row.display_name.clone_from(display_name);
            }
            row.description = input.description.clone().unwrap_or(row.description);
            row.tags = input.tags.as_ref().map_or(row.tags, |tags| value!(tags).to_string());
            (row.updated_at, row.updated_by) = (ctx.now(), ctx.user().to_string());
            automation_packs::update(tx, &row).await.map_err(|error| name_taken(error, &row.display_name))?;
            let entry = audit(&ctx, "automation_pack.updated", &row);
            let entry = crate::audit::changed(entry, &Pack::from(&before), &Pack::from(&row));
            store::audit::record(tx, &entry).await?;
            Ok::<_, ApiError>(row)
        })
        .await?;
    json(&Pack::from(&row))
}

/// The parameter `move_to`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DeleteQuery {
    move_to: String,
}

/// Deletes a pack. Its workflows go to another one, if one is named; else it must not have any.
pub(super) async fn delete(ctx: Ctx, Query(query): Query<DeleteQuery>) -> ApiResult {
    let move_to = match query.move_to.as_str() {
        "" => None,
        pack => Some(
            read_id("move_to", pack).map_err(|message| ApiError::new(&code::PARAMETER_INVALID, message))?,
        ),
    };
    let db = ctx.db().clone();
    let id = db
        .write(async move |tx| {
            let row = to_change(&ctx, tx).await?;
            match move_to {
                Some(other) => move_workflows(&ctx, tx, &row, other).await?,
                None => refuse_if_used(tx, &row).await?,
            }
            automation_packs::delete(tx, row.workspace_id, row.id).await?;
            let entry = audit(&ctx, "automation_pack.deleted", &row);
            store::audit::record(tx, &crate::audit::gone(entry, &Pack::from(&row))).await?;
            Ok::<_, ApiError>(row.id)
        })
        .await?;
    json(&id)
}

async fn move_workflows(ctx: &Ctx, tx: &Tx<'_>, row: &Row, to: PackId) -> ApiResult<()> {
    if to == row.id {
        let message = format!("`move_to` names the pack `{}`, which is to be deleted", row.display_name);
        return Err(ApiError::new(&code::PARAMETER_INVALID, message));
    }
    let Some(to) = automation_packs::get_to_use(tx, row.workspace_id, to).await? else {
        return Err(ApiError::new(
            &code::PARAMETER_INVALID,
            format!("`move_to`: {}", unknown(&to.to_string())),
        ));
    };
    let by = ctx.user().to_string();
    if automation_packs::move_workflows(tx, row, to.id, (ctx.now(), &by)).await? > 0 {
        store::audit::record(tx, &audit(ctx, "automation_pack.workflows_moved", &to)).await?;
    }
    Ok(())
}

async fn refuse_if_used(tx: &Tx<'_>, row: &Row) -> ApiResult<()> {
    let names = automation_packs::workflows(tx, row.workspace_id, row.id, WORKFLOWS_NAMED_MAX).await?;
    if names.is_empty() {
        return Ok(());
    }
    let message = format!("pack `{}` has the workflows {}", row.display_name, names.join(", "));
    Err(ApiError::new(&code::PACK_IN_USE, message)
        .with_details("delete them first, or name the pack that they go to by `?move_to=`")
        .with_data("workflows", names))
}

/// The pack that a workflow goes into, which stays until the transaction has ended: that one, or the workspace's
/// default one, which is made if it is not there.
///
/// # Errors
/// `body_invalid` if the workspace has no such pack.
pub(super) async fn to_use(ctx: &Ctx, tx: &Tx<'_>, pack: Option<PackId>) -> ApiResult<PackId> {
    let Some(id) = pack else { return default_pack(ctx, tx).await };
    match automation_packs::get_to_use(tx, ctx.workspace(), id).await? {
        Some(row) => Ok(row.id),
        None => Err(ApiError::new(&code::BODY_INVALID, format!("`pack_id`: {}", unknown(&id.to_string())))),
    }
}

async fn default_pack(ctx: &Ctx, tx: &Tx<'_>) -> ApiResult<PackId> {
    let (workspace, id) = (ctx.workspace(), automation_packs::default_id(ctx.workspace()));
    if let Some(row) = automation_packs::get_to_use(tx, workspace, id).await? {
        return Ok(row.id);
    }
    let row = new_row(ctx, id, DEFAULT_NAME.to_owned());
    if automation_packs::insert_if_absent(tx, &row).await? {
        store::audit::record(tx, &audit(ctx, "automation_pack.created", &row)).await?;
        return Ok(id);
    }
    // Somebody has just made it, or has given its name to a pack of theirs, which does as well.
    if let Some(row) = automation_packs::get_to_use(tx, workspace, id).await? {
        return Ok(row.id);
    }
    let named = automation_packs::get_by_name(tx, workspace, DEFAULT_NAME).await?;
    named.map(|row| row.id).ok_or_else(|| super::others_came_between("default pack"))
}

/// Reads the `pack_id` of a body; "" is none.
///
/// # Errors
/// `body_invalid` if it is no id.
pub(super) fn read_pack(pack: Option<&str>) -> ApiResult<Option<PackId>> {
    let Some(pack) = pack.filter(|pack| !pack.is_empty()) else { return Ok(None) };
    read_id("pack_id", pack).map(Some).map_err(|message| ApiError::new(&code::BODY_INVALID, message))
}

fn read_id(member: &str, pack: &str) -> Result<PackId, String> {
    pack.parse().map_err(|_| format!("`{member}`: {}", unknown(pack)))
}

fn unknown(pack: &str) -> String {
    format!("the workspace has no pack `{}`", excerpt(pack))
}

fn new_row(ctx: &Ctx, id: PackId, display_name: String) -> Row {
    let (now, user) = (ctx.now(), ctx.user().to_string());
    Row {
        id,
        tenant_id: ctx.tenant(),
        workspace_id: ctx.workspace(),
        name: slug(&display_name),
        display_name,
        description: String::new(),
        tags: "[]".to_owned(),
        created_at: now,
        created_by: user.clone(),
        updated_at: now,
        updated_by: user,
    }
}

/// The pack of the path, held against changes of others.
async fn to_change(ctx: &Ctx, tx: &Tx<'_>) -> ApiResult<Row> {
    let id = ctx.id(&code::PACK_NOT_FOUND)?;
    let found = automation_packs::get_to_change(tx, ctx.workspace(), id).await?;
    found.ok_or_else(|| not_found(ctx.id_text()))
}

fn not_found(id: &str) -> ApiError {
    ApiError::new(&code::PACK_NOT_FOUND, unknown(id))
}

fn audit(ctx: &Ctx, action: &str, row: &Row) -> store::audit::AuditEntry {
    ctx.audit(action, "automation_pack", &row.id.to_string(), &row.display_name)
}

fn name_taken(error: StoreError, name: &str) -> ApiError {
    if error.is_duplicate_of(NAME_KEY) {
        let message = format!("the workspace has a pack `{name}` already, in whatever letter case");
        return ApiError::new(&code::PACK_NAME_TAKEN, message);
    }
    error.into()
}
