//! Records are made and changed here, one as many: the rules of the fields, a look into the table, the write. All of it
//! or nothing.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use store::records::{self, Change, RECORD_BYTES_MAX, Record, Shape};
use store::tables::{FieldType, TableField};
use store::{StoreError, Tx};
use types::RecordId;

use super::changes::{self, Changed};
use super::input::{self, Body};
use super::problems::Problems;
use crate::error::{ApiError, ApiResult, code};
use crate::hand::Hand;

/// A record that is to be written.
#[derive(Clone, Copy)]
pub(super) struct Written<'b> {
    /// Its place in the request.
    pub(super) index: usize,
    pub(super) id: RecordId,
    pub(super) body: &'b Body,
}

/// Which fields of a record change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Those that the body names.
    Named,
    /// All: what the body does not name becomes empty.
    Whole,
}

impl Extent {
    /// By the word `replace`.
    pub(super) fn of(replace: bool) -> Self {
        if replace { Self::Whole } else { Self::Named }
    }
}

/// Makes new records of those ids.
pub(super) async fn create(
    hand: &Hand,
    tx: &Tx<'_>,
    shape: &Shape,
    written: &[Written<'_>],
    mut problems: Problems,
) -> ApiResult<()> {
    let (now, user) = (hand.now, hand.by.clone());
    let mut rows = Vec::with_capacity(written.len());
    for one in written {
        let mut values = input::read(shape, one.index, one.body, &mut problems);
        input::complete(shape, one.index, one.body, &mut values, &mut problems);
        rows.push(Record {
            id: one.id,
            created_at: now,
            created_by: user.clone(),
            updated_at: now,
            updated_by: user.clone(),
            values,
        });
    }
    problems.settle()?;
    let looked_at = rows.iter().zip(written).map(|(row, one)| (one.index, one.id, &row.values));
    look(tx, shape, &looked_at.collect::<Vec<_>>(), &mut problems).await?;
    records::insert(tx, shape, &rows).await.map_err(|error| others_came(shape, error))?;
    let made: Vec<Changed<'_>> = rows.iter().map(|row| Changed { before: None, after: Some(row) }).collect();
    changes::note(hand, tx, shape, &made).await
}

/// Changes records that exist.
pub(super) async fn change(
    hand: &Hand,
    tx: &Tx<'_>,
    shape: &Shape,
    written: &[Written<'_>],
    extent: Extent,
    mut problems: Problems,
) -> ApiResult<()> {
    let ids: Vec<RecordId> = written.iter().map(|one| one.id).collect();
    let held: HashMap<RecordId, Record> =
        records::hold(tx, shape, &ids).await?.into_iter().map(|record| (record.id, record)).collect();
    let mut contents = Vec::new();
    let mut changes = Vec::with_capacity(written.len());
    for one in written {
        let Some(record) = held.get(&one.id) else {
            return Err(super::not_found(shape, &one.id.to_string()));
        };
        input::hold_system(one.index, one.body, record, &mut problems)?;
        let kept = input::kept_files(shape, one.body, record);
        let mut values = input::read_but(shape, one.index, one.body, &kept, &mut problems);
        if extent == Extent::Whole {
            input::blank_rest(shape, &mut values);
            values.retain(|name, _| !kept.contains(&name.as_str()));
        }
        // A file can only go here.
        contents.extend(shape.contents_of(record, |name| values.contains_key(name)));
        input::hold_required(shape, one.index, &values, &mut problems);
        changes.push(Change { id: one.id, values });
    }
    problems.settle()?;
    let looked_at = changes.iter().zip(written).map(|(change, one)| (one.index, one.id, &change.values));
    look(tx, shape, &looked_at.collect::<Vec<_>>(), &mut problems).await?;
    changes::note_updates(hand, tx, shape, &changes).await?;
    let done = records::update(tx, shape, &changes, hand.now, &hand.by).await;
    done.map_err(|error| others_came(shape, error))?;
    Ok(store::blobs::look_soon(tx, shape.table.workspace_id, &contents).await?)
}

/// Deletes the records of those ids, and answers which of them there were.
pub(super) async fn delete(
    hand: &Hand,
    tx: &Tx<'_>,
    shape: &Shape,
    ids: &[RecordId],
) -> ApiResult<Vec<RecordId>> {
    changes::note_deletions(hand, tx, shape, ids).await?;
    Ok(records::delete(tx, shape, ids).await?)
}

/// The rules that take a look into the table: what is unique, what is referred to, and how much a record may hold.
async fn look(
    tx: &Tx<'_>,
    shape: &Shape,
    rows: &[(usize, RecordId, &Body)],
    problems: &mut Problems,
) -> ApiResult<()> {
    for field in &shape.fields {
        if field.attributes.is_unique {
            hold_unique(tx, shape, field, rows, problems).await?;
        }
        if field.field_type == FieldType::Reference {
            hold_references(tx, shape, field, rows, problems).await?;
        }
    }
    problems.settle()?;
    hold_size(tx, shape, rows).await
}

async fn hold_unique(
    tx: &Tx<'_>,
    shape: &Shape,
    field: &TableField,
    rows: &[(usize, RecordId, &Body)],
    problems: &mut Problems,
) -> ApiResult<()> {
    let name = field.name.as_str();
    let mut wanted: HashMap<String, (usize, RecordId)> = HashMap::new();
    let mut values: Vec<Value> = Vec::new();
    for (index, id, row) in rows {
        let Some(value) = row.get(name).filter(|value| !value.is_null()) else { continue };
        match wanted.insert(value.to_string(), (*index, *id)) {
            None => values.push(value.clone()),
            Some((other, _)) => {
                problems.add_not_unique(*index, name, value, &format!("record {other} of the request"));
            }
        }
    }
    for other in records::find_by(tx, shape, field, &values).await? {
        let value = other.values.get(name).unwrap_or(&Value::Null);
        if let Some((index, _)) = wanted.get(&value.to_string()).filter(|(_, id)| *id != other.id) {
            problems.add_not_unique(*index, name, value, &format!("record `{}`", other.id));
        }
    }
    Ok(())
}

async fn hold_references(
    tx: &Tx<'_>,
    shape: &Shape,
    field: &TableField,
    rows: &[(usize, RecordId, &Body)],
    problems: &mut Problems,
) -> ApiResult<()> {
    let mut named: HashMap<RecordId, usize> = HashMap::new();
    for (index, _, row) in rows {
        let id = row.get(&field.name).and_then(Value::as_str).and_then(|id| id.parse().ok());
        if let Some(id) = id {
            named.entry(id).or_insert(*index);
        }
    }
    let ids: Vec<RecordId> = named.keys().copied().collect();
    for id in records::missing(tx, shape, Some(field), &ids).await? {
        let table = field.attributes.table_reference.as_ref().map_or("", |to| to.table_name.as_str());
        let index = named.get(&id).copied().unwrap_or(0);
        problems.add(index, &field.name, format!("refers to record `{id}`, which table `{table}` has not"));
    }
    Ok(())
}

async fn hold_size(tx: &Tx<'_>, shape: &Shape, rows: &[(usize, RecordId, &Body)]) -> ApiResult<()> {
    // Those that name the same fields are one question.
    let mut groups: BTreeMap<Vec<&str>, Vec<&(usize, RecordId, &Body)>> = BTreeMap::new();
    for row in rows {
        let names = shape.fields.iter().map(|field| field.name.as_str());
        groups.entry(names.filter(|name| row.2.contains_key(*name)).collect()).or_default().push(row);
    }
    for (named, rows) in groups {
        let ids: Vec<RecordId> = rows.iter().map(|(_, id, _)| *id).collect();
        let beside = records::bytes_beside(tx, shape, &ids, &named).await?;
        let beside: HashMap<RecordId, usize> = beside.into_iter().collect();
        for (index, id, row) in rows {
            let bytes = records::values_bytes(row) + beside.get(id).copied().unwrap_or(0);
            if bytes > RECORD_BYTES_MAX {
                let message = format!("the record would have {bytes} bytes, more than {RECORD_BYTES_MAX}");
                return Err(ApiError::new(&code::RECORD_INVALID, message).with_data("index", *index));
            }
        }
    }
    Ok(())
}

/// What failed although the look into the table found nothing against it: others wrote in between.
fn others_came(shape: &Shape, error: StoreError) -> ApiError {
    if let Some(field) = records::of_key(shape, &error) {
        let message =
            format!("field `{}` is unique, and others have just written the same value", field.name);
        return ApiError::new(&code::RECORD_NOT_UNIQUE, message);
    }
    if matches!(error, StoreError::Reference) {
        let message = "a record that is referred to has just been deleted";
        return ApiError::new(&code::RECORD_INVALID, message);
    }
    error.into()
}
