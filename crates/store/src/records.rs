//! Records of the workspaces' tables: find, list, write, delete. SQL is made of column numbers of [`Shape`]'s fields alone
//! (`tables::physical`); whatever came from outside is a parameter. What a value may be is the field's business
//! ([`TableField::check`]), and the caller has asked it; what a caller may do is nobody's here. A shape is found in its
//! workspace and leads nowhere else, so whoever has one needs no other id.
//!
//! Whoever writes takes the shape by [`shape_to_use`], which keeps the table as it is until the transaction has ended.
//! A reader may meet a table that has changed since: see [`Shape::has_changed`].

pub mod aggregate;
mod file;
mod find;
mod nested;
mod write;

use std::fmt::Write as _;

use serde_json::{Map, Number, Value as Json};
use types::{RecordId, Timestamp, WorkspaceId};

use crate::filter::Known;
use crate::page::{Listing, list as page};
use crate::tables::{self, FieldType, Name, Table, TableField};
use crate::{Field, Kind, Page, Query, QueryError, Read, Row, RowError, Sql, StoreError, Tx, Value};

pub use file::Attachment;
pub(crate) use file::sha256_range;
pub use find::{bytes_beside, find_by, hold, hold_by, hold_whole, missing, of_key};
pub use write::{Change, delete, insert, matching, update};

/// Records that one call writes or deletes.
pub const RECORDS_MAX: usize = 10_000;
/// Bytes of one record's values as JSON.
pub const RECORD_BYTES_MAX: usize = 6 * 1024 * 1024;
/// Bytes of the values on one page as JSON.
pub const PAGE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The columns of every record, in the order in which they are read.
const SYSTEM_COLUMNS: &str = "id, created_at, created_by, updated_at, updated_by";
/// The same, and what they hold.
pub(crate) const SYSTEM_KINDS: [(&str, Kind); 5] = [
    ("id", Kind::Text),
    ("created_at", Kind::Time),
    ("created_by", Kind::Text),
    ("updated_at", Kind::Time),
    ("updated_by", Kind::Text),
];
/// How many those are.
const SYSTEM_COLUMNS_COUNT: usize = SYSTEM_KINDS.len();

/// A record, or the part of it that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its id.
    pub id: RecordId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it was last changed: later with each change.
    pub updated_at: Timestamp,
    /// Who changed it.
    pub updated_by: String,
    /// The values by the names of their fields; null for none.
    pub values: Map<String, Json>,
}

/// A table with its fields: what is to be known to read and write its records.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The table.
    pub table: Table,
    /// Its fields, in the order of their making.
    pub fields: Vec<TableField>,
    /// The fields of a query, the system's first.
    known: Vec<Field>,
    /// The tables that are reached through references, as far as a query names their fields.
    reached: Vec<nested::Reached>,
}

/// A page of records.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// The page.
    pub page: Page<Record>,
    /// What leads to the next page, if the query walks by cursor and there may be one.
    pub cursor: Option<String>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The database did not answer it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The values are more than [`PAGE_BYTES_MAX`].
    #[error(
        "the page has more than {PAGE_BYTES_MAX} bytes; ask for a smaller `limit`, or `select` fewer fields"
    )]
    TooLarge,
    /// The last record has a value to sort by that is too long for a cursor.
    #[error("no `cursor` leads on from record `{0}`: a value that is sorted by is too long")]
    NoCursor(RecordId),
}

impl Shape {
    fn new(table: Table, fields: Vec<TableField>) -> Self {
        let made = fields.iter().map(|field| {
            let column = Name::Column(field.column_number).to_string();
            let known = Field::made(field.name.clone(), column, kind_of(field.field_type));
            if field.index().is_some() { known.indexed() } else { known }
        });
        let system = SYSTEM_KINDS.into_iter().map(|(name, kind)| Field::same(name, kind));
        let known = system.chain(made).collect();
        Self { table, fields, known, reached: Vec::new() }
    }

    /// The field of that name; none for those that every table has.
    pub fn field(&self, name: &str) -> Option<&TableField> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Reads the JSON text of `q` over the fields of this table. Sorts by `id`, which is the order of making, and searches
    /// in all texts and lists, if it does not say.
    pub fn query(&self, text: Option<&str>) -> Result<Query, QueryError> {
        let made = self.known.iter().skip(SYSTEM_COLUMNS_COUNT);
        let texts = made.filter(|field| matches!(field.kind, Kind::Text | Kind::List));
        let search: Vec<&str> = texts.map(|field| field.name.as_ref()).collect();
        let others: Vec<Field> = self.reached.iter().flat_map(|reached| reached.known.clone()).collect();
        let (fields, sort) = (self.known.as_slice(), &["id"][..]);
        Query::parse_over(text, Known { fields, others: &others, sort, search: &search, has_cursor: true })
    }

    /// Whether the table is another one now, or has other fields: then a read that failed is worth another try.
    pub async fn has_changed(&self, read: &impl Read) -> Result<bool, StoreError> {
        let workspace = self.table.workspace_id;
        let now = tables::get(read, workspace, &self.table.name).await?;
        if now.is_none_or(|now| now.id != self.table.id)
            || tables::fields(read, workspace, self.table.id).await? != self.fields
        {
            return Ok(true);
        }
        for reached in &self.reached {
            if tables::fields(read, workspace, reached.table).await? != reached.fields {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(crate) fn records(&self) -> Name {
        Name::Records(self.table.id)
    }

    /// The fields that have a column to be read or written, in order.
    pub(crate) fn stored(&self) -> impl Iterator<Item = &TableField> {
        self.fields.iter().filter(|field| field.field_type != FieldType::Button)
    }
}

/// The table of that name with its fields.
pub async fn shape(
    read: &impl Read,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Option<Shape>, StoreError> {
    let Some(table) = tables::get(read, workspace, name).await? else { return Ok(None) };
    let fields = tables::fields(read, workspace, table.id).await?;
    Ok(Some(Shape::new(table, fields)))
}

/// The same for a writer: it stays as it is until the transaction has ended.
pub async fn shape_to_use(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Option<Shape>, StoreError> {
    let Some(table) = tables::get_to_use(tx, workspace, name).await? else { return Ok(None) };
    let fields = tables::fields(tx, workspace, table.id).await?;
    Ok(Some(Shape::new(table, fields)))
}

/// The record of that id, whole.
pub async fn get(read: &impl Read, shape: &Shape, id: RecordId) -> Result<Option<Record>, StoreError> {
    let fields: Vec<&TableField> = shape.fields.iter().collect();
    let text = format!("SELECT {} FROM {} WHERE id = $1", columns(&fields), shape.records());
    let mut found = None;
    read.fetch(Sql::Dynamic { name: "records.get", text: &text }, &[id.into()], |row| {
        found = Some(decode(row, &fields)?);
        Ok(())
    })
    .await?;
    Ok(found)
}

/// The records that the query asks for, with the values that it selects and, on a walk, those that it sorts by.
pub async fn list(read: &impl Read, shape: &Shape, query: &Query) -> Result<Listed, ListError> {
    let is_wanted = |name: &str| {
        let is_selected = query.select.is_empty() || query.select.iter().any(|selected| selected == name);
        is_selected || (query.is_walk() && query.sort_names().any(|sorted| sorted == name))
    };
    let fields: Vec<&TableField> = shape.fields.iter().filter(|field| is_wanted(&field.name)).collect();
    let (columns, from) = (columns(&fields), shape.records().to_string());
    let listing = Listing { name: "records.list", columns: &columns, from: &from, scope: "TRUE" };
    let mut bytes = 0;
    let page = page(read, &listing, &[], query, |row| {
        // What is beyond the bound is not kept, so that a page takes no more than that.
        if bytes > PAGE_BYTES_MAX {
            return Ok(None);
        }
        let record = decode(row, &fields)?;
        bytes += values_bytes(&record.values);
        Ok(Some(record))
    })
    .await?;
    if bytes > PAGE_BYTES_MAX {
        return Err(ListError::TooLarge);
    }
    let page = Page { rows: page.rows.into_iter().flatten().collect(), total: page.total };
    let last = page.rows.last().filter(|_| query.is_walk() && page.rows.len() as u64 == query.limit);
    let cursor =
        last.map(|last| cursor_behind(query, last).ok_or(ListError::NoCursor(last.id))).transpose()?;
    Ok(Listed { cursor, page })
}

fn cursor_behind(query: &Query, record: &Record) -> Option<String> {
    let id = record.id.to_string();
    let value = |name: &str| match name {
        "id" => id.clone().into(),
        "created_at" => record.created_at.as_millis().into(),
        "created_by" => record.created_by.clone().into(),
        "updated_at" => record.updated_at.as_millis().into(),
        "updated_by" => record.updated_by.clone().into(),
        name => record.values.get(name).cloned().unwrap_or_default(),
    };
    let values: Vec<Json> = query.sort_names().map(value).collect();
    query.cursor_behind(&values, &id)
}

/// Bytes of a record's values as JSON, near enough: names, and texts as they are.
pub fn values_bytes(values: &Map<String, Json>) -> usize {
    fn bytes(value: &Json) -> usize {
        match value {
            Json::String(text) => text.len(),
            Json::Array(values) => values.iter().map(|value| bytes(value) + 3).sum(),
            _ => 8,
        }
    }
    values.iter().map(|(name, value)| name.len() + bytes(value)).sum()
}

/// What a list can do with values of the type.
fn kind_of(kind: FieldType) -> Kind {
    match kind {
        FieldType::Number => Kind::Number,
        FieldType::Duration => Kind::Int,
        FieldType::Date | FieldType::Sla => Kind::Time,
        FieldType::Checkbox => Kind::Bool,
        FieldType::MultiSelect | FieldType::List | FieldType::Vendors => Kind::List,
        FieldType::Button => Kind::Opaque,
        FieldType::Attachment => Kind::File,
        FieldType::Text
        | FieldType::LongText
        | FieldType::RiskLevel
        | FieldType::SingleSelect
        | FieldType::Reference
        | FieldType::Status
        | FieldType::User
        | FieldType::Vendor => Kind::Text,
    }
}

/// The system's columns and those of the fields.
fn columns(fields: &[&TableField]) -> String {
    let mut columns = SYSTEM_COLUMNS.to_owned();
    for field in fields {
        let _ = write!(columns, ", {}", Name::Column(field.column_number));
    }
    columns
}

/// A record from its [`columns`].
fn decode(row: &Row<'_>, fields: &[&TableField]) -> Result<Record, RowError> {
    let mut values = Map::with_capacity(fields.len());
    for (index, field) in fields.iter().enumerate() {
        values.insert(field.name.clone(), value(row, SYSTEM_COLUMNS_COUNT + index, field.field_type)?);
    }
    Ok(Record {
        id: row.id(0)?,
        created_at: row.time(1)?,
        created_by: row.string(2)?,
        updated_at: row.time(3)?,
        updated_by: row.string(4)?,
        values,
    })
}

/// A value as [`TableField::check`] answers it.
fn value(row: &Row<'_>, column: usize, kind: FieldType) -> Result<Json, RowError> {
    Ok(match kind_of(kind) {
        Kind::Number => {
            let number = row.opt_float(column)?;
            let number = number.map(|number| {
                Number::from_f64(number).ok_or_else(|| RowError::new(column, "is no finite number"))
            });
            number.transpose()?.map(Json::Number).unwrap_or_default()
        }
        Kind::Int | Kind::Time => row.opt_int(column)?.into(),
        Kind::Bool => row.opt_bool(column)?.into(),
        Kind::List | Kind::File => match row.opt_text(column)? {
            Some(text) => serde_json::from_str(text).map_err(|error| RowError::new(column, error))?,
            None => Json::Null,
        },
        Kind::Text => row.opt_text(column)?.into(),
        Kind::Opaque => Json::Null,
    })
}

/// A value of the field as a parameter.
fn bound(kind: FieldType, value: &Json) -> Value<'_> {
    match (kind_of(kind), value) {
        (_, Json::Null) => Value::Null,
        (Kind::Number, value) => value.as_f64().map_or(Value::Null, Value::Float),
        (Kind::Int | Kind::Time, value) => value.as_i64().into(),
        (Kind::Bool, value) => value.as_bool().into(),
        (Kind::List | Kind::File, value) => value.to_string().into(),
        (Kind::Text | Kind::Opaque, value) => value.as_str().into(),
    }
}
