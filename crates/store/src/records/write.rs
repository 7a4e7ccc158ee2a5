//! Records are written many at a time: one statement for as many as its parameters allow.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value as Json};
use types::{RecordId, Timestamp};

use super::file::sha256_of;
use super::find::{locked, numbered};
use super::{Record, SYSTEM_KINDS, Shape, bound};
use crate::filter::Render;
use crate::new_rows::NewRows;
use crate::tables::{FieldType, Name, TableField, cast_type};
use crate::{Query, Read, Sql, StoreError, Tx, Value, blobs};

/// Parameters of one statement: SQLite takes 32,766, PostgreSQL 65,535.
const PARAMETERS_MAX: usize = 30_000;
/// Records that one statement changes or deletes.
const RECORDS_AT_ONCE_MAX: usize = 500;
/// Records that are made ready to be stored at a time.
const INSERTED_AT_ONCE_MAX: usize = 1_000;

/// What is to change of a record: the values by the names of their fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The record.
    pub id: RecordId,
    /// The new values; a field that is not named keeps its own.
    pub values: Map<String, Json>,
}

/// Stores new records; a field that a record does not name has no value. Fails with [`StoreError::Duplicate`] for a
/// value that is to be unique and is not ([`super::of_key`] says whose), and with [`StoreError::Reference`] for the id of
/// nothing.
pub async fn insert(tx: &Tx<'_>, shape: &Shape, records: &[Record]) -> Result<(), StoreError> {
    let fields: Vec<&TableField> = shape.stored().collect();
    let system = SYSTEM_KINDS.into_iter().map(|(name, kind)| (name.to_owned(), kind));
    let own = fields
        .iter()
        .map(|field| (Name::Column(field.column_number).to_string(), super::kind_of(field.field_type)));
    let (table, columns) = (shape.records().to_string(), system.chain(own).collect::<Vec<_>>());
    let mut values = Vec::with_capacity(columns.len() * records.len().min(INSERTED_AT_ONCE_MAX));
    for chunk in records.chunks(INSERTED_AT_ONCE_MAX) {
        values.clear();
        for record in chunk {
            values.extend::<[Value<'_>; SYSTEM_KINDS.len()]>([
                record.id.into(),
                record.created_at.into(),
                (&record.created_by).into(),
                record.updated_at.into(),
                (&record.updated_by).into(),
            ]);
            values.extend(values_of(&fields, &record.values));
        }
        let (columns, values) = (columns.as_slice(), values.as_slice());
        tx.insert(&NewRows { name: "records.insert", table: &table, columns, values }).await?;
    }
    Ok(())
}

/// Changes records at `at`; one whose last change is not earlier is marked as changed a millisecond after that, so that
/// each change shows. Ids of nothing change nothing. Fails as [`insert`] does.
pub async fn update(
    tx: &Tx<'_>,
    shape: &Shape,
    changes: &[Change],
    at: Timestamp,
    by: &str,
) -> Result<(), StoreError> {
    // Those that change the same fields are one statement.
    let mut groups: BTreeMap<Vec<&str>, Vec<&Change>> = BTreeMap::new();
    for change in changes {
        let stored = shape.stored().map(|field| field.name.as_str());
        let named = stored.filter(|name| change.values.contains_key(*name)).collect();
        groups.entry(named).or_default().push(change);
    }
    for (named, changes) in groups {
        let fields: Vec<&TableField> =
            shape.stored().filter(|field| named.contains(&field.name.as_str())).collect();
        for chunk in changes.chunks(at_once(1 + fields.len(), 2)) {
            update_chunk(tx, shape, &fields, chunk, [at.into(), by.into()]).await?;
        }
    }
    Ok(())
}

async fn update_chunk<'v>(
    tx: &Tx<'_>,
    shape: &Shape,
    fields: &[&TableField],
    changes: &[&'v Change],
    by: [Value<'v>; 2],
) -> Result<(), StoreError> {
    let mut rows = Rows { params: by.into(), text: String::new() };
    for change in changes {
        rows.push(std::iter::once(change.id.into()).chain(values_of(fields, &change.values)));
    }
    let mut set =
        "updated_at = CASE WHEN updated_at >= $1 THEN updated_at + 1 ELSE $1 END, updated_by = $2".to_owned();
    for (index, field) in fields.iter().enumerate() {
        let column = Name::Column(field.column_number);
        // The rows beside have no types of their own where a whole column of them is absent.
        let _ = write!(set, ", {column} = CAST(v.column{} AS {})", index + 2, cast_type(field.field_type));
    }
    let (records, rows_text) = (shape.records(), &rows.text);
    let text =
        format!("UPDATE {records} SET {set} FROM (VALUES {rows_text}) AS v WHERE {records}.id = v.column1");
    run(tx, "records.update", &text, &rows.params).await
}

/// Deletes the records of those ids, and answers which of them there were. References to them become empty.
pub async fn delete(tx: &Tx<'_>, shape: &Shape, ids: &[RecordId]) -> Result<Vec<RecordId>, StoreError> {
    let mut deleted = Vec::with_capacity(ids.len());
    let files: Vec<&TableField> = shape.files().collect();
    let (mut answered, mut contents) = ("id".to_owned(), Vec::new());
    for field in &files {
        let _ = write!(answered, ", {}", Name::Column(field.column_number));
    }
    for chunk in ids.chunks(RECORDS_AT_ONCE_MAX) {
        let values: Vec<Value<'_>> = chunk.iter().map(|id| (*id).into()).collect();
        let wanted = numbered(1, chunk.len());
        let text = format!("DELETE FROM {} WHERE id IN ({wanted}) RETURNING {answered}", shape.records());
        tx.fetch(Sql::Dynamic { name: "records.delete", text: &text }, &values, |row| {
            deleted.push(row.id(0)?);
            for index in 1..=files.len() {
                contents.extend(sha256_of(&super::value(row, index, FieldType::Attachment)?));
            }
            Ok(())
        })
        .await?;
    }
    blobs::look_soon(tx, shape.table.workspace_id, &contents).await?;
    Ok(deleted)
}

/// The records that satisfy the query's filter, the oldest first, up to [`super::RECORDS_MAX`], and whether there are more;
/// nobody else writes them until the transaction has ended.
pub async fn matching(
    tx: &Tx<'_>,
    shape: &Shape,
    query: &Query,
) -> Result<(Vec<RecordId>, bool), StoreError> {
    let mut render = Render::new(tx.dialect(), Vec::new());
    let filter = query.condition().map_or_else(|| "TRUE".to_owned(), |condition| render.condition(condition));
    let most = super::RECORDS_MAX + 1;
    let text =
        format!("SELECT id FROM {} WHERE {filter} ORDER BY id LIMIT {most}{}", shape.records(), locked(tx));
    let mut ids: Vec<RecordId> = Vec::new();
    tx.fetch(Sql::Dynamic { name: "records.matching", text: &text }, render.params(), |row| {
        ids.push(row.id(0)?);
        Ok(())
    })
    .await?;
    let has_more = ids.len() > super::RECORDS_MAX;
    ids.truncate(super::RECORDS_MAX);
    Ok((ids, has_more))
}

/// Rows of a VALUES and their parameters. An absent value is written out: as a parameter it would need a type.
#[derive(Default)]
struct Rows<'v> {
    text: String,
    params: Vec<Value<'v>>,
}

impl<'v> Rows<'v> {
    fn push(&mut self, values: impl Iterator<Item = Value<'v>>) {
        self.text.push_str(if self.text.is_empty() { "(" } else { ", (" });
        for (index, value) in values.enumerate() {
            if index > 0 {
                self.text.push_str(", ");
            }
            if value == Value::Null {
                self.text.push_str("NULL");
            } else {
                self.params.push(value);
                let _ = write!(self.text, "${}", self.params.len());
            }
        }
        self.text.push(')');
    }
}

fn values_of<'v>(fields: &[&TableField], values: &'v Map<String, Json>) -> impl Iterator<Item = Value<'v>> {
    let of = |field: &&TableField| {
        values.get(&field.name).map_or(Value::Null, |value| bound(field.field_type, value))
    };
    fields.iter().map(of)
}

/// Rows of one statement that have so many values each, beside parameters of its own.
fn at_once(width: usize, own: usize) -> usize {
    ((PARAMETERS_MAX - own) / width.max(1)).clamp(1, RECORDS_AT_ONCE_MAX)
}

async fn run(tx: &Tx<'_>, name: &'static str, text: &str, params: &[Value<'_>]) -> Result<(), StoreError> {
    tx.fetch(Sql::Dynamic { name, text }, params, |_| Ok(())).await
}
