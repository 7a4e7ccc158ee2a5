//! The fields of one table: list, add, change, remove.

use store::tables::{self, TableField};

use super::schema::{self, Definition};
use super::{Field, FieldInput, model, not_found, to_change, touch};
use crate::audit;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::hand::Hand;
use crate::http::answer::{json, page};
use crate::http::excerpt;
use crate::http::extract::Body;

/// All fields of a table; those that every table has come first.
pub(in crate::http) async fn list(ctx: Ctx) -> ApiResult {
    let name = ctx.param("table");
    let shown = of_table(&ctx, name).await?.ok_or_else(|| not_found(name))?;
    let all = crate::http::all_of(&tables::FIELDS)?;
    page(&all, shown.len() as u64, &shown)
}

/// All fields of the table of that name; none if there is no such table.
pub(in crate::http) async fn of_table(ctx: &Ctx, name: &str) -> ApiResult<Option<Vec<Field>>> {
    let Some(table) = tables::get(ctx.db(), ctx.workspace(), name).await? else { return Ok(None) };
    shown(ctx.db(), &table).await.map(Some)
}

/// All fields of the table.
pub(crate) async fn shown(read: &impl store::Read, table: &tables::Table) -> ApiResult<Vec<Field>> {
    let rows = tables::fields(read, table.workspace_id, table.id).await?;
    Ok(model::system_fields(table).chain(rows.iter().map(Field::from)).collect())
}

/// A new field; records that exist have no value in it.
pub(in crate::http) async fn add(ctx: Ctx, Body(input): Body<FieldInput>) -> ApiResult {
    let definition = Definition::new(&input)?;
    let db = ctx.db().clone();
    let field = db
        .write(async move |tx| {
            let mut table = to_change(&ctx, tx).await?;
            let field = schema::add(&Hand::of_caller(&ctx), tx, &mut table, &definition).await?;
            touch(&ctx, &mut table);
            tables::update(tx, &table).await?;
            record(&ctx, tx, ("table_field.created", &table.name), (None, Some(&field))).await?;
            Ok::<_, ApiError>(field)
        })
        .await?;
    json(&Field::from(&field))
}

/// Changes a field; its attributes are replaced as a whole.
pub(in crate::http) async fn update(ctx: Ctx, Body(input): Body<FieldInput>) -> ApiResult {
    let db = ctx.db().clone();
    let field = db
        .write(async move |tx| {
            let mut table = to_change(&ctx, tx).await?;
            let before = find(&ctx, tx, &table).await?;
            let field = schema::change(&ctx, tx, &table, &before, &input).await?;
            touch(&ctx, &mut table);
            tables::update(tx, &table).await?;
            record(&ctx, tx, ("table_field.edited", &table.name), (Some(&before), Some(&field))).await?;
            Ok::<_, ApiError>(field)
        })
        .await?;
    json(&Field::from(&field))
}

/// Removes a field with all its values.
pub(in crate::http) async fn delete(ctx: Ctx) -> ApiResult {
    let db = ctx.db().clone();
    let id = db
        .write(async move |tx| {
            let mut table = to_change(&ctx, tx).await?;
            let field = find(&ctx, tx, &table).await?;
            tables::delete_field(tx, &field).await?;
            touch(&ctx, &mut table);
            tables::update(tx, &table).await?;
            record(&ctx, tx, ("table_field.deleted", &table.name), (Some(&field), None)).await?;
            Ok::<_, ApiError>(field.id)
        })
        .await?;
    json(&id)
}

/// The field of the path.
async fn find(ctx: &Ctx, tx: &store::Tx<'_>, table: &tables::Table) -> ApiResult<TableField> {
    let name = ctx.param("field");
    if tables::SYSTEM_FIELDS.contains(&name) {
        let message = format!("field `{name}` is in every table; it cannot be changed or removed");
        return Err(ApiError::new(&code::TABLE_FIELD_PROTECTED, message));
    }
    let fields = tables::fields(tx, table.workspace_id, table.id).await?;
    fields.into_iter().find(|field| field.name == name).ok_or_else(|| {
        let message = format!("table `{}` has no field `{}`", table.name, excerpt(name));
        ApiError::new(&code::TABLE_FIELD_NOT_FOUND, message)
    })
}

async fn record(
    ctx: &Ctx,
    tx: &store::Tx<'_>,
    (action, table): (&str, &str),
    (before, after): (Option<&TableField>, Option<&TableField>),
) -> ApiResult<()> {
    let Some(field) = after.or(before) else { return Ok(()) };
    let entry = ctx.audit(action, "table_field", &field.id.to_string(), &format!("{table}.{}", field.name));
    let entry = match (before, after) {
        (Some(before), Some(after)) => audit::changed(entry, &Field::from(before), &Field::from(after)),
        (Some(before), None) => audit::gone(entry, &Field::from(before)),
        (None, _) => audit::made(entry, &Field::from(field)),
    };
    Ok(store::audit::record(tx, &entry).await?)
}
