//! Records of tables: list, get, make, change, delete, one at a time; many at a time in `bulk`.

mod bulk;
mod changes;
pub(crate) mod file;
mod history;
mod input;
mod model;
mod operations;
mod problems;
mod sql;
mod transfer;
pub(super) mod triggers;
mod write;

use serde::Deserialize;
use store::records::{self, ListError, Shape};
use store::{StoreError, Tx};
use types::RecordId;

use super::answer::json;
use super::extract::{Body, ListQuery, ObjectOrText, Query};
use super::{EDIT_TRIES, excerpt, others_came_between, system_tables, tables};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::hand::Hand;
pub(super) use bulk::{create_many, delete_many, update_many, upsert_many};
pub(crate) use file::Attachment;
pub(crate) use history::RecordChange;
pub(super) use history::{history, history_of_table};
pub(crate) use model::{
    ChangedRecords, Deleted, DeletedRecords, Ids, NewRecords, Record, UpsertedRecords, Upserts,
};
pub(crate) use operations::{
    add, create_all, create_or_update, delete_ids, delete_matching, find, parse_ids, shown, update_all,
};
use problems::Problems;
pub(super) use sql::sql;
pub(crate) use sql::{Sql, answer as answer_sql};
pub(crate) use transfer::ImportReport;
pub(super) use transfer::{export, import};
pub(crate) use write::Extent;
use write::Written;

/// The table's records.
pub(super) async fn list(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    if let Some(system) = system_tables::find(ctx.param("table")) {
        return (system.list)(ctx, list).await;
    }
    list_of(&ctx, ctx.param("table"), list.q.as_deref()).await
}

/// The records of the table of that name.
pub(super) async fn list_of(ctx: &Ctx, table: &str, q: Option<&str>) -> ApiResult {
    for _ in 0..EDIT_TRIES {
        let shape = named(ctx, table).await?.reach(ctx.db(), q).await?;
        let query = parse_q(&shape, q)?;
        match records::list(ctx.db(), &shape, &query).await {
            Ok(listed) => return json(&model::Listed::new(&shape, &query, listed.page, listed.cursor)),
            Err(ListError::Store(error)) => may_try_again(ctx, &shape, error).await?,
            Err(error) => return Err(operations::refused(error)),
        }
    }
    Err(others_came_between("table"))
}

/// One record.
pub(super) async fn get(ctx: Ctx) -> ApiResult {
    if let Some(system) = system_tables::find(ctx.param("table")) {
        return (system.get)(ctx).await;
    }
    for _ in 0..EDIT_TRIES {
        let shape = to_read(&ctx).await?;
        match records::get(ctx.db(), &shape, id_of(&ctx, &shape)?).await {
            Ok(Some(record)) => return json(&Record::new(record, &shape, None)),
            Ok(None) => return Err(not_found(&shape, ctx.id_text())),
            Err(error) => may_try_again(&ctx, &shape, error).await?,
        }
    }
    Err(others_came_between("table"))
}

/// A new record; answers its id.
pub(super) async fn create(ctx: Ctx, Body(body): Body<input::Body>) -> ApiResult {
    if let Some(system) = system_tables::find(ctx.param("table")) {
        return (system.create)(ctx, body).await;
    }
    let db = ctx.db().clone();
    let id = db
        .write(async move |tx| {
            let shape = to_write(&ctx, tx).await?;
            operations::add(&Hand::of_caller(&ctx), tx, &shape, &body).await
        })
        .await?;
    json(&id)
}

/// The parameter `replace`.
#[derive(Debug, Deserialize)]
pub(crate) struct UpdateQuery {
    replace: Option<String>,
}

impl UpdateQuery {
    fn extent(&self) -> ApiResult<Extent> {
        match self.replace.as_deref() {
            None | Some("" | "false" | "False" | "0") => Ok(Extent::Named),
            Some("true" | "True" | "1") => Ok(Extent::Whole),
            Some(other) => {
                let message = format!("`replace` is `{}`; it is true or false", excerpt(other));
                Err(ApiError::new(&code::PARAMETER_INVALID, message))
            }
        }
    }
}

/// Changes the fields that the body names, or with `replace` all of them; answers the record's id.
pub(super) async fn update(
    ctx: Ctx,
    Query(query): Query<UpdateQuery>,
    ObjectOrText(body): ObjectOrText<input::Body>,
) -> ApiResult {
    if let Some(system) = system_tables::find(ctx.param("table")) {
        return (system.update)(ctx, body).await;
    }
    let extent = query.extent()?;
    let db = ctx.db().clone();
    let id = db
        .write(async move |tx| {
            let (hand, shape) = (Hand::of_caller(&ctx), to_write(&ctx, tx).await?);
            let written = Written { index: 0, id: id_of(&ctx, &shape)?, body: &body };
            write::change(&hand, tx, &shape, &[written], extent, Problems::of_one()).await?;
            operations::audit_one(&hand, tx, "record.edited", &shape, written.id).await?;
            Ok::<_, ApiError>(written.id)
        })
        .await?;
    json(&id)
}

/// Deletes a record; answers its id.
pub(super) async fn delete(ctx: Ctx) -> ApiResult {
    if let Some(system) = system_tables::find(ctx.param("table")) {
        return (system.delete)(ctx).await;
    }
    let db = ctx.db().clone();
    let id = db
        .write(async move |tx| {
            let shape = to_write(&ctx, tx).await?;
            let (hand, id) = (Hand::of_caller(&ctx), id_of(&ctx, &shape)?);
            if write::delete(&hand, tx, &shape, &[id]).await?.is_empty() {
                return Err(not_found(&shape, ctx.id_text()));
            }
            operations::audit_one(&hand, tx, "record.deleted", &shape, id).await?;
            Ok(id)
        })
        .await?;
    json(&id)
}

/// The table of the path as it is now.
async fn to_read(ctx: &Ctx) -> ApiResult<Shape> {
    named(ctx, ctx.param("table")).await
}

/// The table of that name as it is now.
pub(super) async fn named(ctx: &Ctx, name: &str) -> ApiResult<Shape> {
    records::shape(ctx.db(), ctx.workspace(), name).await?.ok_or_else(|| tables::not_found(name))
}

/// The table of the path, held against changes of others.
async fn to_write(ctx: &Ctx, tx: &Tx<'_>) -> ApiResult<Shape> {
    let name = ctx.param("table");
    records::shape_to_use(tx, ctx.workspace(), name).await?.ok_or_else(|| tables::not_found(name))
}

/// A read may have failed because the table has been changed since its fields were read.
pub(super) async fn may_try_again(ctx: &Ctx, shape: &Shape, error: StoreError) -> ApiResult<()> {
    let may_be = matches!(error, StoreError::Failed { .. });
    if may_be && shape.has_changed(ctx.db()).await? { Ok(()) } else { Err(error.into()) }
}

/// The record's id in the path. One that is no id cannot exist.
fn id_of(ctx: &Ctx, shape: &Shape) -> ApiResult<RecordId> {
    ctx.id_text().parse().map_err(|_| not_found(shape, ctx.id_text()))
}

fn not_found(shape: &Shape, id: &str) -> ApiError {
    let message = format!("table `{}` has no record `{}`", shape.table.name, excerpt(id));
    ApiError::new(&code::RECORD_NOT_FOUND, message).with_data("ids", vec![excerpt(id)])
}

pub(super) fn parse_q(shape: &Shape, q: Option<&str>) -> ApiResult<store::Query> {
    shape.query(q).map_err(|error| ApiError::new(&code::QUERY_INVALID, error.to_string()))
}
