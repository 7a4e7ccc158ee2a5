//! Records, many at a time: each call writes all of its records or none.

use std::collections::HashMap;

use serde_json::{Value, json as value};
use store::Tx;
use store::records;
use store::tables::TableField;
use types::RecordId;

use super::input::Body as Members;
use super::model::{ChangedRecords, DeletedRecords, Ids, NewRecords, Upsert, UpsertedRecords, Upserts};
use super::operations::{self, hold_count};
use super::problems::Problems;
use super::to_write;
use super::write::{self, Extent, Written};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::hand::Hand;
use crate::http::answer::json;
use crate::http::excerpt;
use crate::http::extract::Body;

/// Times that records are made or changed anew when others have made the same ones in between.
const UPSERT_TRIES: usize = 3;

/// New records; answers their ids.
pub(in crate::http) async fn create_many(ctx: Ctx, Body(input): Body<NewRecords>) -> ApiResult {
    let (hand, db) = (Hand::of_caller(&ctx), ctx.db().clone());
    let ids = db
        .write(async move |tx| {
            let shape = to_write(&ctx, tx).await?;
            operations::create_all(&hand, tx, &shape, &input.records).await
        })
        .await?;
    json(&Ids { ids })
}

/// Changes the fields that each record names, or with `replace` all of them; answers their ids.
pub(in crate::http) async fn update_many(ctx: Ctx, Body(input): Body<ChangedRecords>) -> ApiResult {
    let extent = Extent::of(input.replace);
    let (hand, db) = (Hand::of_caller(&ctx), ctx.db().clone());
    let ids = db
        .write(async move |tx| {
            let shape = to_write(&ctx, tx).await?;
            operations::update_all(&hand, tx, &shape, &input.records, extent).await
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
    let ids = operations::parse_ids(&input.ids.unwrap_or_default())?;
    let q = input.filter.map(|filter| value!({"filter": filter, "ci": input.ci}).to_string());
    let (hand, db) = (Hand::of_caller(&ctx), ctx.db().clone());
    let answer = db
        .write(async move |tx| {
            let shape = to_write(&ctx, tx).await?;
            match &q {
                Some(q) => operations::delete_matching(&hand, tx, shape, q).await,
                None => operations::delete_ids(&hand, tx, &shape, &ids).await,
            }
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
    let (hand, shape) = (Hand::of_caller(ctx), to_write(ctx, tx).await?);
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
        let one = Written { index, id: known.unwrap_or_else(|| hand.new_id()), body };
        results.push(Upsert { id: one.id.to_string(), created: known.is_none() });
        if known.is_some() { changed.push(one) } else { made.push(one) }
    }
    let extent = Extent::of(input.replace);
    write::change(&hand, tx, &shape, &changed, extent, Problems::of_many()).await?;
    write::create(&hand, tx, &shape, &made, Problems::of_many()).await?;
    operations::audit(&hand, tx, "records.upserted", &shape, results.len()).await?;
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
