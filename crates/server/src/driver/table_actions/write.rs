//! Steps that write to tables: what each is given, and what it does in one transaction.

use actions::Inputs;
use serde_json::{Map, Value, json};
use store::Tx;
use store::records::{self, RECORDS_MAX, Shape};
use store::tables;
use types::RecordId;

use super::file::SetFile;
use super::input::{self, invalid, refused};
use super::{Done, infer};
use crate::error::{ApiError, ApiResult};
use crate::hand::Hand;
use crate::http::records::{self as operations, Deleted, Extent};
use crate::http::tables::{self as schemas, NewTable};

type Record = Map<String, Value>;

/// What a step is to write.
pub(super) enum Write {
    Add { table: String, record: Record },
    CreateOrUpdate { table: String, q: String, record: Record, extent: Extent },
    Insert { table: String, records: Vec<Record> },
    Update { table: String, records: Vec<Record> },
    DeleteIds { table: String, ids: Vec<RecordId> },
    DeleteMatching { table: String, q: String },
    Clear { table: String },
    Remove { table: String },
    Create { new: Box<NewTable>, skip: bool },
    CreateFromData { new: Box<NewTable>, records: Vec<Record> },
    SetFile(Box<SetFile>),
}

impl Write {
    /// What the inputs of the action of that name say; none if it is no action that writes. The outer error is about the
    /// inputs alone, the inner one what the same would be answered over HTTP.
    pub(super) fn read(name: &str, inputs: &Inputs<'_>, hand: &Hand) -> Done<Option<ApiResult<Self>>> {
        let table = || input::table(inputs);
        Ok(Some(Ok(match name {
            "tables.AddRecordV2" => Self::Add { table: table()?, record: input::record(inputs, "record")? },
            "tables.CreateOrUpdateRecordV3" => {
                let format = inputs.choice("record_data_format").map_err(refused)?;
                let condition = input::condition(inputs, "condition")?;
                if condition.get("filter").and_then(Value::as_object).is_none_or(Map::is_empty) {
                    return Err(invalid("input `condition` must say which record is meant"));
                }
                Self::CreateOrUpdate {
                    table: table()?,
                    q: input::one_of(condition),
                    record: input::record(inputs, "record")?,
                    extent: if format == "By field" { Extent::Named } else { Extent::Whole },
                }
            }
            "tables.UpdateRecords" => {
                Self::Update { table: table()?, records: input::records(inputs, "records")? }
            }
            "system.TableInsert" => {
                Self::Insert { table: table()?, records: input::records(inputs, "body")? }
            }
            "system.TableUpdate" => {
                Self::Update { table: table()?, records: input::records(inputs, "body")? }
            }
            "tables.DeleteRecordsV2" => return Self::read_deletion(inputs).map(Some),
            "system.TableClear" => Self::Clear { table: table()? },
            "system.TableRemove" => Self::Remove { table: table()? },
            "system.TableCreate" => {
                let schema = Value::Object(inputs.map("schema").map_err(refused)?);
                let skip = inputs.flag("skip").map_err(refused)?;
                match new_table(hand, schema)? {
                    Ok(new) => Self::Create { new, skip },
                    Err(error) => return Ok(Some(Err(error))),
                }
            }
            "tables.CreateTableFromData" => {
                let name = inputs.text("table_name").map_err(refused)?;
                let records = input::records(inputs, "data")?;
                if records.len() > RECORDS_MAX {
                    let count = records.len();
                    return Err(invalid(format!(
                        "input `data` has {count} records, more than {RECORDS_MAX}"
                    )));
                }
                let (fields, records) = infer::table(records)?;
                match new_table(hand, json!({"display_name": name, "fields": fields}))? {
                    Ok(new) => Self::CreateFromData { new, records },
                    Err(error) => return Ok(Some(Err(error))),
                }
            }
            _ => return Ok(None),
        })))
    }

    fn read_deletion(inputs: &Inputs<'_>) -> Done<ApiResult<Self>> {
        let table = input::table(inputs)?;
        if inputs.choice("delete_by").map_err(refused)? == "ID" {
            let ids = operations::parse_ids(&input::ids(inputs, "ids")?);
            return Ok(ids.map(|ids| Self::DeleteIds { table, ids }));
        }
        // Nothing is not everything, where it deletes.
        let condition = input::condition(inputs, "query")?;
        if !condition.contains_key("filter") {
            return Err(invalid("input `query` is missing; `{}` finds every record"));
        }
        Ok(Ok(Self::DeleteMatching { table, q: Value::from(condition).to_string() }))
    }

    /// Whether there is more to do after it has answered that.
    pub(super) fn goes_on(&self, output: &Value) -> bool {
        matches!(self, Self::Clear { .. }) && output["remaining"] == true
    }

    /// Does it, or more of it after it has answered `before`; what the step answers.
    pub(super) async fn carry_out(
        &self,
        tx: &Tx<'_>,
        hand: &Hand,
        before: Option<&Value>,
    ) -> ApiResult<Value> {
        match self {
            Self::Add { table, record } => {
                let shape = shape(tx, hand, table).await?;
                let id = operations::add(hand, tx, &shape, record).await?;
                to_json(operations::shown(tx, &shape, id).await?)
            }
            Self::CreateOrUpdate { table, q, record, extent } => {
                // Held alone: of two that find nothing only one makes a record.
                tables::get_to_change(tx, hand.workspace, table).await?;
                let shape = shape(tx, hand, table).await?;
                let (id, created) =
                    operations::create_or_update(hand, tx, &shape, (q, record, *extent)).await?;
                let record = to_json(operations::shown(tx, &shape, id).await?)?;
                Ok(json!({"created": created, "record": record}))
            }
            Self::Insert { table, records } => {
                let shape = shape(tx, hand, table).await?;
                Ok(json!({"ids": operations::create_all(hand, tx, &shape, records).await?}))
            }
            Self::Update { table, records } => {
                let shape = shape(tx, hand, table).await?;
                let ids = operations::update_all(hand, tx, &shape, records, Extent::Named).await?;
                Ok(json!({"ids": ids}))
            }
            Self::DeleteIds { table, ids } => {
                let shape = shape(tx, hand, table).await?;
                to_json(operations::delete_ids(hand, tx, &shape, ids).await?)
            }
            Self::DeleteMatching { table, q } => {
                let shape = shape(tx, hand, table).await?;
                to_json(operations::delete_matching(hand, tx, shape, q).await?)
            }
            Self::Clear { table } => {
                let shape = shape(tx, hand, table).await?;
                let before = before.and_then(|before| before["deleted"].as_u64()).unwrap_or(0);
                let Deleted { deleted, remaining } =
                    operations::delete_matching(hand, tx, shape, "{}").await?;
                Ok(json!({"deleted": before + deleted as u64, "remaining": remaining}))
            }
            Self::Remove { table } => {
                let row = tables::get_to_change(tx, hand.workspace, table).await?;
                let row = row.ok_or_else(|| schemas::not_found(table))?;
                schemas::remove(hand, tx, &row).await?;
                Ok(json!({"removed": true}))
            }
            Self::Create { new, skip } => {
                if *skip && let Some(row) = tables::get(tx, hand.workspace, new.name()).await? {
                    let count = tables::records_count(tx, hand.workspace, &row).await?;
                    let table = schemas::Table::new(&row, count)?;
                    return Ok(json!({"created": false, "table": to_json(table)?}));
                }
                new.make(hand, tx).await?;
                Ok(json!({"created": true, "table": to_json(new.shown()?)?}))
            }
            Self::SetFile(set) => set.carry_out(tx, hand).await,
            Self::CreateFromData { new, records } => {
                new.make(hand, tx).await?;
                let shape = shape(tx, hand, new.name()).await?;
                let ids = operations::create_all(hand, tx, &shape, records).await?;
                Ok(json!({"table": to_json(new.shown()?)?, "ids": ids}))
            }
        }
    }
}

fn new_table(hand: &Hand, written: Value) -> Done<ApiResult<Box<NewTable>>> {
    let input = serde_json::from_value(written)
        .map_err(|error| invalid(format!("the table cannot be read: {error}")))?;
    Ok(NewTable::new(hand, input).map(Box::new))
}

async fn shape(tx: &Tx<'_>, hand: &Hand, name: &str) -> ApiResult<Shape> {
    records::shape_to_use(tx, hand.workspace, name).await?.ok_or_else(|| schemas::not_found(name))
}

fn to_json(answer: impl serde::Serialize) -> ApiResult<Value> {
    serde_json::to_value(answer).map_err(ApiError::internal)
}
