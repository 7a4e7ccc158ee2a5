//! Records by what they are called or by a unique value, and what writers look at before they write.

use std::fmt::Write as _;

use serde_json::Value as Json;
use types::RecordId;

use super::{Record, Shape, bound, columns, decode};
use crate::filter::Kind;
use crate::tables::{FieldType, Name, TableField};
use crate::{Dialect, Read, Sql, StoreError, Tx, Value};

/// Values that one statement looks for.
const LOOKED_FOR_MAX: usize = 1_000;

/// The records of those ids, without their values but files, in the order of their ids; nobody else writes them until the
/// transaction has ended.
pub async fn hold(tx: &Tx<'_>, shape: &Shape, ids: &[RecordId]) -> Result<Vec<Record>, StoreError> {
    let files: Vec<&TableField> = shape.files().collect();
    let ids: Vec<Value<'_>> = ids.iter().map(|id| (*id).into()).collect();
    find(tx, shape, "id", &files, ids, locked(tx)).await
}

/// The same with all their values.
pub async fn hold_whole(tx: &Tx<'_>, shape: &Shape, ids: &[RecordId]) -> Result<Vec<Record>, StoreError> {
    let fields: Vec<&TableField> = shape.fields.iter().collect();
    let ids: Vec<Value<'_>> = ids.iter().map(|id| (*id).into()).collect();
    find(tx, shape, "id", &fields, ids, locked(tx)).await
}

/// The records in which the field has one of those values, with it; nobody else writes them until the transaction has
/// ended.
pub async fn hold_by(
    tx: &Tx<'_>,
    shape: &Shape,
    field: &TableField,
    values: &[Json],
) -> Result<Vec<Record>, StoreError> {
    by(tx, shape, field, values, locked(tx)).await
}

/// The records in which the field has one of those values, with it.
pub async fn find_by(
    read: &impl Read,
    shape: &Shape,
    field: &TableField,
    values: &[Json],
) -> Result<Vec<Record>, StoreError> {
    by(read, shape, field, values, "").await
}

/// The field whose values would not be unique, if that is what a write failed for.
pub fn of_key<'s>(shape: &'s Shape, error: &StoreError) -> Option<&'s TableField> {
    shape.fields.iter().find(|field| {
        let key = Name::Key(field.table_id, field.column_number).to_string();
        error.is_duplicate_of(key.trim_matches('"'))
    })
}

/// Those of the ids that are no record's of the table that the field refers to, or without a field, of the shape's own.
pub async fn missing(
    tx: &Tx<'_>,
    shape: &Shape,
    field: Option<&TableField>,
    ids: &[RecordId],
) -> Result<Vec<RecordId>, StoreError> {
    let target = match field {
        None => shape.table.id,
        Some(field) => match field.reference_table_id {
            Some(target) => target,
            None => return Ok(ids.to_vec()),
        },
    };
    let mut missing = Vec::new();
    for chunk in ids.chunks(LOOKED_FOR_MAX) {
        let values: Vec<Value<'_>> = chunk.iter().map(|id| (*id).into()).collect();
        let text =
            format!("SELECT id FROM {} WHERE id IN ({})", Name::Records(target), numbered(1, chunk.len()));
        let mut found: Vec<RecordId> = Vec::new();
        tx.fetch(Sql::Dynamic { name: "records.missing", text: &text }, &values, |row| {
            found.push(row.id(0)?);
            Ok(())
        })
        .await?;
        found.sort_unstable();
        missing.extend(chunk.iter().filter(|id| found.binary_search(id).is_err()));
    }
    Ok(missing)
}

/// How many bytes the records of those ids hold in fields whose values may be long and which are none of `written`; ids of
/// nothing are left out, and all of them if there are no such fields.
pub async fn bytes_beside(
    tx: &Tx<'_>,
    shape: &Shape,
    ids: &[RecordId],
    written: &[&str],
) -> Result<Vec<(RecordId, usize)>, StoreError> {
    let is_long = |field: &&TableField| matches!(super::kind_of(field.field_type), Kind::Text | Kind::List);
    let mut sum = String::new();
    for field in shape.stored().filter(is_long).filter(|field| !written.contains(&field.name.as_str())) {
        let _ = write!(sum, " + COALESCE(OCTET_LENGTH({}), 0)", Name::Column(field.column_number));
    }
    let mut held = Vec::new();
    if sum.is_empty() {
        return Ok(held);
    }
    for chunk in ids.chunks(LOOKED_FOR_MAX) {
        let values: Vec<Value<'_>> = chunk.iter().map(|id| (*id).into()).collect();
        let wanted = numbered(1, chunk.len());
        let text =
            format!("SELECT id, CAST(0{sum} AS BIGINT) FROM {} WHERE id IN ({wanted})", shape.records());
        tx.fetch(Sql::Dynamic { name: "records.bytes", text: &text }, &values, |row| {
            held.push((row.id(0)?, usize::try_from(row.int(1)?).unwrap_or(usize::MAX)));
            Ok(())
        })
        .await?;
    }
    Ok(held)
}

/// What a SELECT ends with whose rows nobody else may write. SQLite has one writer at a time.
pub(super) fn locked(tx: &Tx<'_>) -> &'static str {
    if tx.dialect() == Dialect::Postgres { " FOR UPDATE" } else { "" }
}

/// `$3, $4` for two from 3.
pub(super) fn numbered(from: usize, count: usize) -> String {
    (from..from + count).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}

async fn by(
    read: &impl Read,
    shape: &Shape,
    field: &TableField,
    values: &[Json],
    ending: &str,
) -> Result<Vec<Record>, StoreError> {
    if field.field_type == FieldType::Button {
        return Ok(Vec::new());
    }
    let column = Name::Column(field.column_number).to_string();
    let some = values.iter().filter(|value| !value.is_null());
    let values = some.map(|value| bound(field.field_type, value)).collect();
    find(read, shape, &column, &[field], values, ending).await
}

async fn find(
    read: &impl Read,
    shape: &Shape,
    column: &str,
    fields: &[&TableField],
    mut values: Vec<Value<'_>>,
    ending: &str,
) -> Result<Vec<Record>, StoreError> {
    let mut found = Vec::new();
    // In one order always, so that two writers never wait for each other.
    if column == "id" {
        values.sort_by_key(|value| if let Value::Id(id) = value { *id } else { uuid::Uuid::nil() });
    }
    for chunk in values.chunks(LOOKED_FOR_MAX) {
        let (columns, wanted) = (columns(fields), numbered(1, chunk.len()));
        let text = format!(
            "SELECT {columns} FROM {} WHERE {column} IN ({wanted}) ORDER BY id{ending}",
            shape.records()
        );
        read.fetch(Sql::Dynamic { name: "records.find", text: &text }, chunk, |row| {
            found.push(decode(row, fields)?);
            Ok(())
        })
        .await?;
    }
    Ok(found)
}
