//! Tables of a workspace and their fields: list, make, change, delete. Records are another file's business.

mod fields;
mod make;
mod model;
mod schema;

use store::tables::{self, Table as Row};
use types::TableId;

use super::answer::{json, page};
use super::excerpt;
use super::extract::{Body, ListQuery, Query};
use super::names::{check_name, check_text, derived_name};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::hand::Hand;
pub(crate) use fields::shown as shown_fields;
pub(super) use fields::{
    add as add_field, delete as delete_field, list as list_fields, of_table as fields_of,
    update as update_field,
};
pub(crate) use make::{NewTable, remove};
pub(crate) use model::{Field, FieldInput, Made, Table, TableInput, TableUpdate};

/// The beginning of the names of tables that are the system's.
const SYSTEM_PREFIX: &str = "sys_";
/// Names of tables that are the system's, without that beginning.
const SYSTEM_NAMES: [&str; 1] = ["automation_packs"];
/// Bytes of a table's settings as JSON.
const SETTINGS_BYTES_MAX: usize = 64 * 1024;

/// The workspace's tables.
pub(super) async fn list(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = super::parse_q(list.q.as_deref(), &tables::FIELDS)?;
    let found = tables::list(ctx.db(), ctx.workspace(), &query).await?;
    let mut rows = Vec::with_capacity(found.rows.len());
    for row in &found.rows {
        // A table that has been deleted since has no records.
        let count = tables::records_count(ctx.db(), ctx.workspace(), row).await;
        let count = count.or_else(|error| if error.is_unavailable() { Err(error) } else { Ok(0) })?;
        rows.push(Table::new(row, count)?);
    }
    page(&query, found.total, &rows)
}

/// A new table with its fields.
pub(super) async fn create(ctx: Ctx, Body(input): Body<TableInput>) -> ApiResult {
    let hand = Hand::of_caller(&ctx);
    let new = make::NewTable::new(&hand, input)?;
    let made = Made { table: new.shown()? };
    ctx.db().write(async move |tx| new.make(&hand, tx).await).await?;
    json(&made)
}

/// Changes what the body names of a table, and nothing else.
pub(super) async fn update(ctx: Ctx, Body(input): Body<TableUpdate>) -> ApiResult {
    let display_name = match &input.display_name {
        Some(name) => Some(check_name("table", Some(name))?),
        None => None,
    };
    check_text("description", input.description.as_deref())?;
    let settings =
        input.settings.as_ref().map(|settings| serde_json::Value::from(settings.clone()).to_string());
    if settings.as_ref().is_some_and(|settings| settings.len() > SETTINGS_BYTES_MAX) {
        let message = format!("`settings` has more than {SETTINGS_BYTES_MAX} bytes");
        return Err(ApiError::new(&code::TABLE_INVALID, message));
    }
    let db = ctx.db().clone();
    let row = db
        .write(async move |tx| {
            let mut row = to_change(&ctx, tx).await?;
            let before = row.clone();
            let given = (display_name.clone(), input.description.clone(), settings.clone());
            row.display_name = given.0.unwrap_or(row.display_name);
            row.description = given.1.unwrap_or(row.description);
            row.settings = given.2.unwrap_or(row.settings);
            touch(&ctx, &mut row);
            tables::update(tx, &row).await?;
            let count = tables::records_count(tx, row.workspace_id, &row).await?;
            let shown = Table::new(&row, count)?;
            let entry = audit(&ctx, "table.edited", &row);
            let entry = crate::audit::changed(entry, &Table::new(&before, count)?, &shown);
            store::audit::record(tx, &entry).await?;
            Ok::<_, ApiError>(shown)
        })
        .await?;
    json(&row)
}

/// Deletes a table with all its records, unless another table refers to it.
pub(super) async fn delete(ctx: Ctx) -> ApiResult {
    let (hand, db) = (Hand::of_caller(&ctx), ctx.db().clone());
    let id: TableId = db
        .write(async move |tx| {
            let row = to_change(&ctx, tx).await?;
            make::remove(&hand, tx, &row).await?;
            Ok::<_, ApiError>(row.id)
        })
        .await?;
    json(&id)
}

/// The table of the path, held against changes of others.
async fn to_change(ctx: &Ctx, tx: &store::Tx<'_>) -> ApiResult<Row> {
    let name = ctx.param("table");
    tables::get_to_change(tx, ctx.workspace(), name).await?.ok_or_else(|| not_found(name))
}

pub(crate) fn not_found(name: &str) -> ApiError {
    ApiError::new(&code::TABLE_NOT_FOUND, format!("the workspace has no table `{}`", excerpt(name)))
}

fn touch(ctx: &Ctx, row: &mut Row) {
    row.updated_at = ctx.now();
    row.updated_by = ctx.user().to_string();
}

fn audit(ctx: &Ctx, action: &str, row: &Row) -> store::audit::AuditEntry {
    ctx.audit(action, "table", &row.id.to_string(), &row.name)
}

fn table_name(display_name: &str) -> ApiResult<String> {
    let name = derived_name("table", display_name)?;
    if name.starts_with(SYSTEM_PREFIX) || SYSTEM_NAMES.contains(&name.as_str()) {
        let message = format!("`{}` is the name of a system table", excerpt(&name));
        return Err(ApiError::new(&code::NAME_INVALID, message));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_follows_from_the_name_for_people() {
        let check = |display: &str, name: &str| assert_eq!(derived_name("table", display).unwrap(), name);
        check("Findings", "findings");
        check("Open Findings 2", "open_findings_2");
        check("CPU-%/Größe", "cpu___größe");
        for bad in ["---", "_", "\"; DROP TABLE"] {
            assert_eq!(derived_name("table", bad).is_err(), bad != "\"; DROP TABLE", "{bad}");
        }
        assert!(table_name("Sys Application").is_err() && table_name("Automation Packs").is_err());
    }
}
