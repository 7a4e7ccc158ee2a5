//! Where records lie: one table of the database for each table of a workspace, one column for each field. Their names
//! are made of ids and numbers alone, here and nowhere else. Changes of the schema are part of a transaction on both
//! databases.

use std::fmt;

use types::{TableId, WorkspaceId};

use super::{FieldType, Table, TableField};
use crate::page::ROWS_COUNTED_MAX;
use crate::{Dialect, Read, Sql, StoreError, Tx};

/// The name of something in the database that holds records. Its text is quoted; nothing that a user wrote is part of
/// it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Name {
    /// The table itself.
    Records(TableId),
    /// The column of a field, by its number.
    Column(i64),
    /// What keeps a field's values apart; named as PostgreSQL would, so that both databases tell it alike.
    Key(TableId, i64),
    /// What finds records by a field's value.
    Index(TableId, i64),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(table) => write!(f, "\"records_{}\"", table.as_uuid().simple()),
            Self::Column(number) => write!(f, "\"c{number}\""),
            Self::Key(table, number) => write!(f, "\"records_{}_c{number}_key\"", table.as_uuid().simple()),
            Self::Index(table, number) => write!(f, "\"records_{}_c{number}_idx\"", table.as_uuid().simple()),
        }
    }
}

/// How a column's values are held. Text is compared by its bytes, whatever locale PostgreSQL runs with.
fn sql_type(kind: FieldType, dialect: Dialect) -> &'static str {
    match (kind, dialect) {
        (FieldType::Number, _) => "DOUBLE PRECISION",
        (FieldType::Duration | FieldType::Date | FieldType::Sla, _) => "BIGINT",
        (FieldType::Checkbox, _) => "BOOLEAN",
        (_, Dialect::Sqlite) => "TEXT",
        (_, Dialect::Postgres) => "TEXT COLLATE \"C\"",
    }
}

/// The type of the field's values, for a cast.
pub(crate) fn cast_type(kind: FieldType) -> &'static str {
    sql_type(kind, Dialect::Sqlite)
}

/// What finds records by a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Index {
    /// It also keeps the values apart.
    Unique,
    /// It leads through the records in the order of their values and then of their ids.
    Ordered,
}

impl TableField {
    /// The index that the field has.
    pub(crate) fn index(&self) -> Option<Index> {
        if self.attributes.is_unique {
            return Some(Index::Unique);
        }
        // Whether a record refers to a record or to a content is looked up.
        let is_looked_up = self.reference_table_id.is_some() || self.field_type == FieldType::Attachment;
        (self.attributes.indexed || is_looked_up).then_some(Index::Ordered)
    }
}

async fn change(tx: &Tx<'_>, text: &str) -> Result<(), StoreError> {
    tx.fetch(Sql::Dynamic { name: "records.change_schema", text }, &[], |_| Ok(())).await
}

pub(super) async fn create(tx: &Tx<'_>, table: TableId) -> Result<(), StoreError> {
    let (records, text) = (Name::Records(table), sql_type(FieldType::Text, tx.dialect()));
    let columns = format!(
        "id {text} PRIMARY KEY, created_at BIGINT NOT NULL, created_by TEXT NOT NULL, updated_at BIGINT NOT NULL, \
         updated_by TEXT NOT NULL"
    );
    change(tx, &format!("CREATE TABLE {records} ({columns})")).await
}

pub(super) async fn drop(tx: &Tx<'_>, table: TableId) -> Result<(), StoreError> {
    change(tx, &format!("DROP TABLE {}", Name::Records(table))).await
}

/// Adds the field's column; records that exist have no value in it. A reference holds: when its target is deleted, the
/// value goes.
pub(super) async fn add_column(tx: &Tx<'_>, field: &TableField) -> Result<(), StoreError> {
    let (records, column) = (Name::Records(field.table_id), Name::Column(field.column_number));
    let held = sql_type(field.field_type, tx.dialect());
    let reference = match field.reference_table_id {
        Some(target) => format!(" REFERENCES {} (id) ON DELETE SET NULL", Name::Records(target)),
        None => String::new(),
    };
    change(tx, &format!("ALTER TABLE {records} ADD COLUMN {column} {held}{reference}")).await?;
    set_indexes(tx, field).await
}

/// Gives the field the index that its attributes ask for, and takes the others. Fails with
/// [`StoreError::Duplicate`] if values are to be unique and are not.
pub(super) async fn set_indexes(tx: &Tx<'_>, field: &TableField) -> Result<(), StoreError> {
    drop_indexes(tx, field).await?;
    let (table, number) = (field.table_id, field.column_number);
    let (records, column) = (Name::Records(table), Name::Column(number));
    let text = match field.index() {
        Some(Index::Unique) => {
            format!("CREATE UNIQUE INDEX {} ON {records} ({column})", Name::Key(table, number))
        }
        Some(Index::Ordered) => {
            format!("CREATE INDEX {} ON {records} ({column}, id)", Name::Index(table, number))
        }
        None => return Ok(()),
    };
    change(tx, &text).await
}

async fn drop_indexes(tx: &Tx<'_>, field: &TableField) -> Result<(), StoreError> {
    let (table, number) = (field.table_id, field.column_number);
    change(tx, &format!("DROP INDEX IF EXISTS {}", Name::Key(table, number))).await?;
    change(tx, &format!("DROP INDEX IF EXISTS {}", Name::Index(table, number))).await
}

pub(super) async fn drop_column(tx: &Tx<'_>, field: &TableField) -> Result<(), StoreError> {
    drop_indexes(tx, field).await?;
    let (records, column) = (Name::Records(field.table_id), Name::Column(field.column_number));
    change(tx, &format!("ALTER TABLE {records} DROP COLUMN {column}")).await
}

/// Whether a value of the field has more bytes than an index takes.
pub(super) async fn has_longer_than(
    read: &impl Read,
    field: &TableField,
    bytes: usize,
) -> Result<bool, StoreError> {
    let (records, column) = (Name::Records(field.table_id), Name::Column(field.column_number));
    let text = format!("SELECT 1 FROM {records} WHERE OCTET_LENGTH({column}) > {bytes} LIMIT 1");
    let mut found = false;
    read.fetch(Sql::Dynamic { name: "records.has_longer_than", text: &text }, &[], |_| {
        found = true;
        Ok(())
    })
    .await?;
    Ok(found)
}

/// How many records the table has, counted up to [`ROWS_COUNTED_MAX`]; 0 if `workspace` does not own it.
pub async fn records_count(
    read: &impl Read,
    workspace: WorkspaceId,
    table: &Table,
) -> Result<i64, StoreError> {
    if table.workspace_id != workspace {
        return Ok(0);
    }
    let records = Name::Records(table.id);
    let text =
        format!("SELECT COUNT(*) FROM (SELECT 1 AS one FROM {records} LIMIT {ROWS_COUNTED_MAX}) AS counted");
    let mut count = 0;
    read.fetch(Sql::Dynamic { name: "records.count", text: &text }, &[], |row| {
        count = row.int(0)?;
        Ok(())
    })
    .await?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_ids_and_numbers_and_fit_postgresql() {
        let table: TableId = "01920000-0000-7000-8000-00000000dead".parse().unwrap();
        assert_eq!(Name::Records(table).to_string(), "\"records_0192000000007000800000000000dead\"");
        assert_eq!(Name::Column(7).to_string(), "\"c7\"");
        let longest = Name::Key(table, super::super::COLUMNS_EVER_MAX).to_string();
        assert!(longest.len() - 2 <= 63, "{longest}");
    }
}
