//! What is told of each write of records, in its own transaction: the history of the fields, and the events of triggers.

use std::collections::HashMap;

use serde_json::{Map, Value};
use store::Tx;
use store::record_changes::{self, ChangeKind, RecordChange};
use store::records::{self, Change, Record, Shape};
use types::{Id, RecordId, SystemRng, Timestamp};

use super::triggers;
use crate::error::ApiResult;
use crate::hand::Hand;

/// Records that are held in memory at a time, before and after.
const RECORDS_AT_ONCE: usize = 200;

/// A record before and after a write. It was made if there is none before, and deleted if there is none after.
#[derive(Clone, Copy)]
pub(super) struct Changed<'r> {
    pub(super) before: Option<&'r Record>,
    pub(super) after: Option<&'r Record>,
}

/// Notes changes before they are made. Records that keep all their values have not changed.
pub(super) async fn note_updates(
    hand: &Hand,
    tx: &Tx<'_>,
    shape: &Shape,
    changes: &[Change],
) -> ApiResult<()> {
    for chunk in changes.chunks(RECORDS_AT_ONCE) {
        let ids: Vec<RecordId> = chunk.iter().map(|change| change.id).collect();
        let held = records::hold_whole(tx, shape, &ids).await?;
        let values: HashMap<RecordId, &Change> = chunk.iter().map(|change| (change.id, change)).collect();
        let after: Vec<Option<Record>> =
            held.iter().map(|before| Some(after(hand, before, values.get(&before.id)?))).collect();
        let pairs = held.iter().zip(&after).filter_map(|(before, after)| Some((before, after.as_ref()?)));
        let changed: Vec<Changed<'_>> = pairs
            .filter(|(before, after)| before.values != after.values)
            .map(|(before, after)| Changed { before: Some(before), after: Some(after) })
            .collect();
        note(hand, tx, shape, &changed).await?;
    }
    Ok(())
}

/// Notes deletions before they are made.
pub(super) async fn note_deletions(
    hand: &Hand,
    tx: &Tx<'_>,
    shape: &Shape,
    ids: &[RecordId],
) -> ApiResult<()> {
    for chunk in ids.chunks(RECORDS_AT_ONCE) {
        let held = records::hold_whole(tx, shape, chunk).await?;
        let gone: Vec<Changed<'_>> =
            held.iter().map(|record| Changed { before: Some(record), after: None }).collect();
        note(hand, tx, shape, &gone).await?;
    }
    Ok(())
}

/// Notes what has become of records.
pub(super) async fn note(hand: &Hand, tx: &Tx<'_>, shape: &Shape, changed: &[Changed<'_>]) -> ApiResult<()> {
    let rows: Vec<RecordChange> =
        changed.iter().filter_map(|one| Some(row(hand, one.before?, one.after))).collect();
    record_changes::insert(tx, (shape.table.workspace_id, shape.table.id), &rows).await?;
    Ok(triggers::fire(hand, tx, shape, changed).await?)
}

/// The record as it will be: as [`records::update`] makes it.
fn after(hand: &Hand, before: &Record, change: &Change) -> Record {
    let mut after = before.clone();
    after.values.extend(change.values.iter().map(|(name, value)| (name.clone(), value.clone())));
    after.updated_at = later(hand, before);
    after.updated_by = hand.by.clone();
    after
}

/// Each change is later than the one before.
fn later(hand: &Hand, before: &Record) -> Timestamp {
    hand.now.max(Timestamp::from_millis(before.updated_at.as_millis() + 1))
}

fn row(hand: &Hand, before: &Record, after: Option<&Record>) -> RecordChange {
    let at = after.map_or_else(|| later(hand, before), |after| after.updated_at);
    RecordChange {
        id: Id::new(at, &mut SystemRng),
        record_id: before.id,
        kind: if after.is_some() { ChangeKind::Updated } else { ChangeKind::Deleted },
        at,
        by: hand.by.clone(),
        execution_id: hand.execution,
        fields: Value::Object(fields(before, after)).to_string(),
    }
}

/// The values that are others now, each with the one before.
fn fields(before: &Record, after: Option<&Record>) -> Map<String, Value> {
    let now = |name: &str| after.and_then(|after| after.values.get(name)).unwrap_or(&Value::Null);
    let changed = before.values.iter().filter(|(name, value)| *value != now(name));
    changed.map(|(name, value)| (name.clone(), Value::from(vec![value.clone(), now(name).clone()]))).collect()
}
