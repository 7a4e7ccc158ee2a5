//! Records on the wire: flat objects, the members of which are the table's fields.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::records::{Record as Row, Shape};
use store::tables::NUMBER_WHOLE_MAX;
use store::{Page, Query};
use utoipa::ToSchema;

use crate::http::answer::PagingInfo;

/// The members of a record by the names of the table's fields, also of those that every table has: `id`, `created_at`,
/// `created_by`, `updated_at`, `updated_by`.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = models::Record, value_type = Object)]
#[serde(transparent)]
pub(crate) struct Record(pub(super) Map<String, Value>);

impl Record {
    /// The members that the query selects; all of them without one.
    pub(super) fn new(row: Row, shape: &Shape, query: Option<&Query>) -> Self {
        let is_wanted = |name: &str| {
            query.is_none_or(|query| {
                query.select.is_empty() || query.select.iter().any(|selected| selected == name)
            })
        };
        let mut values = row.values;
        let system: [(&str, Value); 5] = [
            ("id", row.id.to_string().into()),
            ("created_at", row.created_at.as_millis().into()),
            ("created_by", row.created_by.into()),
            ("updated_at", row.updated_at.as_millis().into()),
            ("updated_by", row.updated_by.into()),
        ];
        let mut members = Map::with_capacity(system.len() + values.len());
        for (name, value) in system.into_iter().filter(|(name, _)| is_wanted(name)) {
            members.insert(name.to_owned(), value);
        }
        for field in shape.fields.iter().filter(|field| is_wanted(&field.name)) {
            let value = values.get_mut(&field.name).map(Value::take).unwrap_or_default();
            members.insert(field.name.clone(), as_written(value));
        }
        Self(members)
    }
}

/// A number without a fraction as whoever wrote it would: `3`, not `3.0`.
pub(super) fn as_written(value: Value) -> Value {
    let number = value.as_f64().filter(|_| !value.is_i64());
    let whole = number.filter(|number| number.fract() == 0.0 && number.abs() <= NUMBER_WHOLE_MAX as f64);
    // The bound lets every such number be an integer.
    whole.map_or(value, |number| Value::from(number as i64))
}

/// A page of records.
#[derive(Serialize)]
pub(crate) struct Listed {
    #[serde(flatten)]
    info: PagingInfo,
    results: Vec<Record>,
    /// What leads to the next page, on a walk by cursor alone; null at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<Value>,
}

impl Listed {
    pub(super) fn new(shape: &Shape, query: &Query, page: Page<Row>, cursor: Option<String>) -> Self {
        let results = page.rows.into_iter().map(|row| Record::new(row, shape, Some(query))).collect();
        let next_cursor = query.is_walk().then(|| cursor.into());
        Self { info: PagingInfo::of(query, page.total), results, next_cursor }
    }
}

/// Records that are to be made.
#[derive(Deserialize, ToSchema)]
#[schema(as = v1::CreateRecordsRequest)]
pub(crate) struct NewRecords {
    /// Up to 10,000 records.
    #[schema(value_type = Vec<Record>)]
    pub(super) records: Vec<Map<String, Value>>,
}

/// Records that are to change.
#[derive(Deserialize, ToSchema)]
#[schema(as = v1::UpdateRecordsRequest)]
pub(crate) struct ChangedRecords {
    /// Up to 10,000 records, each with its `id`.
    #[schema(value_type = Vec<Record>)]
    pub(super) records: Vec<Map<String, Value>>,
    /// Whether a field that a record does not name becomes empty.
    #[serde(default)]
    pub(super) replace: bool,
}

/// Records that are to be made, or to change if there are such.
#[derive(Deserialize, ToSchema)]
#[schema(as = v1::UpsertRecordsRequest)]
pub(crate) struct UpsertedRecords {
    /// The unique field by which a record is found.
    pub(super) field: String,
    /// Up to 10,000 records.
    #[schema(value_type = Vec<Record>)]
    pub(super) records: Vec<Map<String, Value>>,
    /// Whether a field that a record does not name becomes empty where the record exists.
    #[serde(default)]
    pub(super) replace: bool,
}

/// Which records are to be deleted: those of some ids, or those that a filter finds.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::DeleteRecordsRequest)]
pub(crate) struct DeletedRecords {
    /// Up to 10,000 ids.
    pub(super) ids: Option<Vec<String>>,
    /// A filter as in `q`; an empty one finds every record.
    #[schema(value_type = Object)]
    pub(super) filter: Option<Map<String, Value>>,
    /// Whether the filter ignores case.
    pub(super) ci: bool,
}

/// The ids of records, in the order of the request.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::RecordIds)]
pub(crate) struct Ids {
    /// The ids.
    pub(super) ids: Vec<String>,
}

/// What a deletion has done.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::DeletedRecords)]
pub(crate) struct Deleted {
    /// How many records were deleted.
    pub(crate) deleted: usize,
    /// Whether the filter finds more, which another call deletes.
    pub(crate) remaining: bool,
}

/// What became of the records, in the order of the request.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::UpsertedRecords)]
pub(crate) struct Upserts {
    /// The records.
    pub(super) results: Vec<Upsert>,
}

/// What became of one record.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::UpsertedRecord)]
pub(crate) struct Upsert {
    /// The record's id.
    pub(super) id: String,
    /// Whether there was none before.
    pub(super) created: bool,
}
