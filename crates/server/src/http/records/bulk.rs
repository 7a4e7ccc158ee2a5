//! Records, many at a time: each call writes all of its records or none.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json as value};
use store::Tx;
use store::records::{self, RECORDS_MAX, Shape};
use store::tables::TableField;
use types::RecordId;

use super::input::Body as Members;
use super::model::{
    ChangedRecords, Deleted, DeletedRecords, Ids, NewRecords, Upsert, UpsertedRecords, Upserts,
};
use super::problems::Problems;
use super::write::{self, Extent, Written};
use super::{parse_q, to_write};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::json;
use crate::http::excerpt;
use crate::http::extract::Body;

/// Times that records are made or changed anew when others have made the same ones in between.
const UPSERT_TRIES: usize = 3;

/// New records; answers their ids.
pub(in crate::http) async fn create_many(ctx: Ctx, Body(input): Body<NewRecords>) -> ApiResult {
    hold_count("records", input.records.len())?;
    let db = ctx.db().clone();
    let ids = db
        .write(async move |tx| {
            let shape = to_write(&ctx, tx).await?;
            let records = input.records.iter().enumerate();
            let written: Vec<Written<'_>> =
                records.map(|(index, body)| Written { index, id: ctx.new_id(), body }).collect();
            write::create(&ctx, tx, &shape, &written, Problems::of_many()).await?;
            audit(&ctx, tx, "records.created", &shape, written.len()).await?;
            Ok::<_, ApiError>(written.iter().map(|one| one.id.to_string()).collect())
        })
        .await?;
    json(&Ids { ids })
}

/// Changes the fields that each record names, or with `replace` all of them; answers their ids.
pub(in crate::http) async fn update_many(ctx: Ctx, Body(input): Body<ChangedRecords>) -> ApiResult {
    hold_count("records", input.records.len())?;
    let ids = named_ids(&input.records)?;
    let db = ctx.db().clone();
    let ids = db
        .write(async move |tx| {
            let shape = to_write(&ctx, tx).await?;
            hold_all_exist(tx, &shape, &ids).await?;
            let records = input.records.iter().zip(&ids).enumerate();
            let written: Vec<Written<'_>> =
                records.map(|(index, (body, id))| Written { index, id: *id, body }).collect();
            let extent = Extent::of(input.replace);
            write::change(&ctx, tx, &shape, &written, extent, Problems::of_many()).await?;
            audit(&ctx, tx, "records.edited", &shape, ids.len()).await?;
            Ok::<_, ApiError>(ids.iter().map(ToString::to_string).collect())
        })
        .await?;
    json(&Ids { ids })
}

/// Deletes records by id, where ids of nothing are passed over, or those that a filter finds, up to 10,000 a call.
pub(in crate::http) async fn delete_many(ctx: Ctx, Body(input): Body<DeletedRecords>) -> ApiResult {
    if input.ids.is_some() == input.filter.is_some() {
        let message = "the body names the records by either `ids` or `filter`";
        return Err(ApiError::new(&code::BODY_INVALID, message));
    }
    let ids = input.ids.unwrap_or_default();
    hold_count("ids", ids.len())?;
    let ids = ids.iter().map(|id| parse_id(id)).collect::<ApiResult<HashSet<RecordId>>>()?;
    let ids: Vec<RecordId> = ids.into_iter().collect();
    let q = input.filter.map(|filter| value!({"filter": filter, "ci": input.ci}).to_string());
    let db = ctx.db().clone();
    let answer = db
        .write(async move |tx| {
            let shape = to_write(&ctx, tx).await?.reach_to_use(tx, q.as_deref()).await?;
            let (deleted, remaining) = match &q {
                Some(q) => records::delete_matching(tx, &shape, &parse_q(&shape, Some(q))?).await?,
                None => (records::delete(tx, &shape, &ids).await?.len(), false),
            };
            audit(&ctx, tx, "records.deleted", &shape, deleted).await?;
            Ok::<_, ApiError>(Deleted { deleted, remaining })
        })
        .await?;
    json(&answer)
}

/// Makes records, or changes those that have the same value of a unique field.
pub(in crate::http) async fn upsert_many(ctx: Ctx, Body(input): Body<UpsertedRecords>) -> ApiResult {
    hold_count("records", input.records.len())?;
    let input = std::sync::Arc::new(input);
    let mut tries = 1;
    loop {
        let (ctx, input, db) = (ctx.clone(), input.clone(), ctx.db().clone());
        let done = db.write(async move |tx| upsert(&ctx, tx, &input).await).await;
        match done {
            // Whoever came between has made the record: now it is changed.
            Err(error) if *error.code() == code::RECORD_NOT_UNIQUE && tries < UPSERT_TRIES => tries += 1,
            done => return json(&Upserts { results: done? }),
        }
    }
}

async fn upsert(ctx: &Ctx, tx: &Tx<'_>, input: &UpsertedRecords) -> ApiResult<Vec<Upsert>> {
    let shape = to_write(ctx, tx).await?;
    let field = shape.field(&input.field).filter(|field| field.attributes.is_unique).ok_or_else(|| {
        let name = excerpt(&input.field);
        let message =
            format!("`field` is `{name}`, which is no unique field of table `{}`", shape.table.name);
        ApiError::new(&code::RECORD_INVALID, message)
    })?;
    let values = keys(field, &input.records)?;
    let held = records::hold_by(tx, &shape, field, &values).await?;
    let held: HashMap<String, RecordId> = held
        .iter()
        .map(|record| (record.values.get(&field.name).unwrap_or(&Value::Null).to_string(), record.id))
        .collect();
    let (mut made, mut changed, mut results) = (Vec::new(), Vec::new(), Vec::new());
    for (index, (body, value)) in input.records.iter().zip(&values).enumerate() {
        let known = held.get(&value.to_string()).copied();
        let one = Written { index, id: known.unwrap_or_else(|| ctx.new_id()), body };
        results.push(Upsert { id: one.id.to_string(), created: known.is_none() });
        if known.is_some() { changed.push(one) } else { made.push(one) }
    }
    let extent = Extent::of(input.replace);
    write::change(ctx, tx, &shape, &changed, extent, Problems::of_many()).await?;
    write::create(ctx, tx, &shape, &made, Problems::of_many()).await?;
    audit(ctx, tx, "records.upserted", &shape, results.len()).await?;
    Ok(results)
}

/// The values by which the records are found, as they are kept; each different.
fn keys(field: &TableField, records: &[Members]) -> ApiResult<Vec<Value>> {
    let mut problems = Problems::of_many();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut values = Vec::with_capacity(records.len());
    for (index, record) in records.iter().enumerate() {
        match field.check(record.get(&field.name).unwrap_or(&Value::Null)) {
            Ok(Value::Null) => {
                problems.add(index, &field.name, "is what records are found by: it must have a value")
            }
            Ok(value) => {
                if let Some(other) = places.insert(value.to_string(), index) {
                    problems.add_not_unique(
                        index,
                        &field.name,
                        &value,
                        &format!("record {other} of the request"),
                    );
                }
                values.push(value);
            }
            Err(why) => problems.add(index, &field.name, why),
        }
    }
    problems.settle()?;
    Ok(values)
}

fn hold_count(member: &str, count: usize) -> ApiResult<()> {
    if count > RECORDS_MAX {
        let message = format!("`{member}` has {count} members; one call takes at most {RECORDS_MAX}");
        return Err(ApiError::new(&code::RECORD_INVALID, message));
    }
    Ok(())
}

fn parse_id(id: &str) -> ApiResult<RecordId> {
    id.parse().map_err(|error| ApiError::new(&code::RECORD_INVALID, format!("{error}")))
}

/// The ids of the records, each different.
fn named_ids(records: &[Members]) -> ApiResult<Vec<RecordId>> {
    let mut problems = Problems::of_many();
    let mut places: HashMap<RecordId, usize> = HashMap::new();
    let mut ids = Vec::with_capacity(records.len());
    for (index, record) in records.iter().enumerate() {
        match record.get("id").and_then(Value::as_str).map(str::parse::<RecordId>) {
            None => problems.add(index, "id", "is missing: it says which record is to change"),
            Some(Err(error)) => problems.add(index, "id", format!("names no record: {error}")),
            Some(Ok(id)) => {
                if let Some(other) = places.insert(id, index) {
                    problems.add(index, "id", format!("is `{id}`, as in record {other}"));
                }
                ids.push(id);
            }
        }
    }
    problems.settle()?;
    Ok(ids)
}

/// Tells all ids of nothing at once.
async fn hold_all_exist(tx: &Tx<'_>, shape: &Shape, ids: &[RecordId]) -> ApiResult<()> {
    let missing = records::missing(tx, shape, None, ids).await?;
    let Some(first) = missing.first() else { return Ok(()) };
    let told: Vec<String> = missing.iter().take(100).map(ToString::to_string).collect();
    let message = format!("table `{}` has no record `{first}`", shape.table.name);
    Err(ApiError::new(&code::RECORD_NOT_FOUND, message).with_data("ids", told))
}

async fn audit(ctx: &Ctx, tx: &Tx<'_>, action: &str, shape: &Shape, count: usize) -> ApiResult<()> {
    let mut entry = ctx.audit(action, "table", &shape.table.id.to_string(), &shape.table.name);
    entry.details = value!({"name": shape.table.name, "records": count}).to_string();
    Ok(store::audit::record(tx, &entry).await?)
}
