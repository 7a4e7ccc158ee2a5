//! What can be done with the records of a table, for callers and for steps of runs alike. The caller has the table's shape, held
//! against changes of others where something is written; each write goes with its audit entry.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json as value};
use store::records::{self, ListError, RECORDS_MAX, Shape};
use store::{Read, Tx};
use types::RecordId;

use super::input::Body as Members;
use super::model::{Deleted, Listed, Record};
use super::parse_q;
use super::problems::Problems;
use super::write::{self, Extent, Written};
use crate::error::{ApiError, ApiResult, code};
use crate::hand::Hand;

/// A page of the records that `q` asks for.
pub(crate) async fn find(read: &impl Read, shape: Shape, q: &str) -> ApiResult<Listed> {
    let shape = shape.reach(read, Some(q)).await?;
    let query = parse_q(&shape, Some(q))?;
    let listed = records::list(read, &shape, &query).await.map_err(refused)?;
    Ok(Listed::new(&shape, &query, listed.page, listed.cursor))
}

/// Why there is no page, as its caller is told.
pub(super) fn refused(error: ListError) -> ApiError {
    match error {
        ListError::Store(error) => error.into(),
        ListError::TooLarge => ApiError::new(&code::PAGE_TOO_LARGE, error.to_string()),
        ListError::NoCursor(_) => ApiError::new(&code::QUERY_INVALID, error.to_string()),
    }
}

/// Makes a record; answers its id.
pub(crate) async fn add(hand: &Hand, tx: &Tx<'_>, shape: &Shape, body: &Members) -> ApiResult<RecordId> {
    let written = Written { index: 0, id: hand.new_id(), body };
    write::create(hand, tx, shape, &[written], Problems::of_one()).await?;
    audit_one(hand, tx, "record.created", shape, written.id).await?;
    Ok(written.id)
}

/// Makes records; answers their ids.
pub(crate) async fn create_all(
    hand: &Hand,
    tx: &Tx<'_>,
    shape: &Shape,
    bodies: &[Members],
) -> ApiResult<Vec<String>> {
    hold_count("records", bodies.len())?;
    let written = bodies.iter().enumerate().map(|(index, body)| Written { index, id: hand.new_id(), body });
    let written: Vec<Written<'_>> = written.collect();
    write::create(hand, tx, shape, &written, Problems::of_many()).await?;
    audit(hand, tx, "records.created", shape, written.len()).await?;
    Ok(written.iter().map(|one| one.id.to_string()).collect())
}

/// Changes the records that the bodies name by `id`; answers their ids.
pub(crate) async fn update_all(
    hand: &Hand,
    tx: &Tx<'_>,
    shape: &Shape,
    bodies: &[Members],
    extent: Extent,
) -> ApiResult<Vec<String>> {
    hold_count("records", bodies.len())?;
    let ids = named_ids(bodies)?;
    hold_all_exist(tx, shape, &ids).await?;
    let written = bodies.iter().zip(&ids).enumerate();
    let written: Vec<Written<'_>> =
        written.map(|(index, (body, id))| Written { index, id: *id, body }).collect();
    write::change(hand, tx, shape, &written, extent, Problems::of_many()).await?;
    audit(hand, tx, "records.edited", shape, ids.len()).await?;
    Ok(ids.iter().map(ToString::to_string).collect())
}

/// Changes the one record that the filter of `q` finds, or makes one if it finds none; answers its id and whether it was
/// made. The caller holds the table alone, so that no two of them make one.
pub(crate) async fn create_or_update(
    hand: &Hand,
    tx: &Tx<'_>,
    shape: &Shape,
    (q, body, extent): (&str, &Members, Extent),
) -> ApiResult<(RecordId, bool)> {
    let reached = shape.clone().reach_to_use(tx, Some(q)).await?;
    let query = parse_q(&reached, Some(q))?;
    let found = records::list(tx, &reached, &query).await.map_err(refused)?.page;
    match found.rows.as_slice() {
        [] => Ok((add(hand, tx, shape, body).await?, true)),
        [one] => {
            let written = Written { index: 0, id: one.id, body };
            write::change(hand, tx, shape, &[written], extent, Problems::of_one()).await?;
            audit_one(hand, tx, "record.edited", shape, one.id).await?;
            Ok((one.id, false))
        }
        _ => {
            let message = format!(
                "the condition finds {} records of table `{}`; it must find one or none",
                found.total, shape.table.name
            );
            Err(ApiError::new(&code::RECORD_INVALID, message))
        }
    }
}

/// Deletes the records of those ids; ids of nothing are passed over.
pub(crate) async fn delete_ids(
    hand: &Hand,
    tx: &Tx<'_>,
    shape: &Shape,
    ids: &[RecordId],
) -> ApiResult<Deleted> {
    let deleted = write::delete(hand, tx, shape, ids).await?.len();
    audit(hand, tx, "records.deleted", shape, deleted).await?;
    Ok(Deleted { deleted, remaining: false })
}

/// Deletes the records that the filter of `q` finds, up to 10,000.
pub(crate) async fn delete_matching(hand: &Hand, tx: &Tx<'_>, shape: Shape, q: &str) -> ApiResult<Deleted> {
    let shape = shape.reach_to_use(tx, Some(q)).await?;
    let (ids, remaining) = records::matching(tx, &shape, &parse_q(&shape, Some(q))?).await?;
    let deleted = write::delete(hand, tx, &shape, &ids).await?.len();
    audit(hand, tx, "records.deleted", &shape, deleted).await?;
    Ok(Deleted { deleted, remaining })
}

/// The record of that id, as it is answered.
pub(crate) async fn shown(tx: &Tx<'_>, shape: &Shape, id: RecordId) -> ApiResult<Record> {
    let record = records::get(tx, shape, id).await?;
    let record = record.ok_or_else(|| super::not_found(shape, &id.to_string()))?;
    Ok(Record::new(record, shape, None))
}

/// Refuses more records than one call takes.
pub(super) fn hold_count(member: &str, count: usize) -> ApiResult<()> {
    if count > RECORDS_MAX {
        let message = format!("`{member}` has {count} members; one call takes at most {RECORDS_MAX}");
        return Err(ApiError::new(&code::RECORD_INVALID, message));
    }
    Ok(())
}

/// The ids of records, each once.
pub(crate) fn parse_ids(ids: &[String]) -> ApiResult<Vec<RecordId>> {
    hold_count("ids", ids.len())?;
    let parse =
        |id: &String| id.parse().map_err(|error| ApiError::new(&code::RECORD_INVALID, format!("{error}")));
    let ids = ids.iter().map(parse).collect::<ApiResult<HashSet<RecordId>>>()?;
    Ok(ids.into_iter().collect())
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

/// The audit entry of many records.
pub(super) async fn audit(
    hand: &Hand,
    tx: &Tx<'_>,
    action: &str,
    shape: &Shape,
    count: usize,
) -> ApiResult<()> {
    let entry = hand.audit(action, "table", &shape.table.id.to_string(), &shape.table.name);
    let entry = crate::audit::also(entry, value!({"records": count}));
    Ok(store::audit::record(tx, &entry).await?)
}

/// The audit entry of one record.
pub(super) async fn audit_one(
    hand: &Hand,
    tx: &Tx<'_>,
    action: &str,
    shape: &Shape,
    id: RecordId,
) -> ApiResult<()> {
    Ok(store::audit::record(tx, &entry_of_one(hand, action, shape, id)).await?)
}

/// The same, not written yet.
pub(super) fn entry_of_one(
    hand: &Hand,
    action: &str,
    shape: &Shape,
    id: RecordId,
) -> store::audit::AuditEntry {
    hand.audit(action, "record", &id.to_string(), &shape.table.name)
}
