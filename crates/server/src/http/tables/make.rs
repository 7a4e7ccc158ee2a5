//! Tables are made and deleted here, for callers and for steps of runs alike.

use serde_json::json;
use store::tables::{self, NAME_KEY, TABLES_MAX, Table as Row};
use store::{StoreError, Tx};

use super::schema::{self, Definition};
use super::{Field, Table, TableInput, model, table_name};
use crate::error::{ApiError, ApiResult, code};
use crate::hand::Hand;
use crate::http::excerpt;
use crate::http::names::{check_name, check_text};

/// The word of `options` for fields that nobody has to write down.
const DEFAULT_FIELDS: &str = "with_default_fields";
/// The word of `options` for records to begin with. The contract does not say which those are.
const DEFAULT_RECORDS: &str = "with_default_records";

/// A table that is to be, by itself: whether it fits its workspace is seen when it is made.
pub(crate) struct NewTable {
    row: Row,
    definitions: Vec<Definition>,
}

impl NewTable {
    /// Reads what somebody wrote.
    pub(crate) fn new(hand: &Hand, input: TableInput) -> ApiResult<Self> {
        let display_name = check_name("table", Some(&input.display_name))?;
        let name = table_name(&display_name)?;
        check_text("description", Some(&input.description))?;
        if let Some(option) = input.options.iter().find(|option| *option != DEFAULT_FIELDS) {
            let message = match option.as_str() {
                DEFAULT_RECORDS => {
                    format!("`options` holds `{DEFAULT_RECORDS}`, and there are no such records")
                }
                unknown => format!("`options` holds `{}`; known is {DEFAULT_FIELDS}", excerpt(unknown)),
            };
            return Err(ApiError::new(&code::TABLE_INVALID, message));
        }
        let mut inputs = input.fields;
        if input.options.iter().any(|option| option == DEFAULT_FIELDS) {
            inputs.splice(0..0, model::default_fields());
        }
        let definitions = inputs.iter().map(Definition::new).collect::<ApiResult<Vec<_>>>()?;
        let row = Row {
            id: hand.new_id(),
            tenant_id: hand.tenant,
            workspace_id: hand.workspace,
            name,
            display_name,
            description: input.description,
            settings: "{}".to_owned(),
            next_column: 1,
            created_at: hand.now,
            created_by: hand.by.clone(),
            updated_at: hand.now,
            updated_by: hand.by.clone(),
        };
        Ok(Self { row, definitions })
    }

    /// The table as it is answered.
    pub(crate) fn shown(&self) -> ApiResult<Table> {
        Table::new(&self.row, 0)
    }

    /// Its name in URLs and workflows.
    pub(crate) fn name(&self) -> &str {
        &self.row.name
    }

    /// Makes it.
    pub(crate) async fn make(&self, hand: &Hand, tx: &Tx<'_>) -> ApiResult<()> {
        let mut row = self.row.clone();
        if tables::count(tx, row.workspace_id).await? >= TABLES_MAX {
            let message = format!("a workspace may have {TABLES_MAX} tables; delete one first");
            return Err(ApiError::new(&code::TABLE_LIMIT, message));
        }
        tables::insert(tx, &row).await.map_err(|error| name_taken(error, &row.name))?;
        for definition in &self.definitions {
            schema::add(hand, tx, &mut row, definition).await?;
        }
        tables::update(tx, &row).await?;
        let fields = tables::fields(tx, row.workspace_id, row.id).await?;
        let shown = json!({"table": Table::new(&row, 0)?, "fields": shown_fields(&fields)});
        let entry = hand.audit("table.created", "table", &row.id.to_string(), &row.name);
        Ok(store::audit::record(tx, &crate::audit::made(entry, &shown)).await?)
    }
}

/// Deletes a table that the transaction holds, unless another table refers to it.
pub(crate) async fn remove(hand: &Hand, tx: &Tx<'_>, row: &Row) -> ApiResult<()> {
    let users = tables::referred_by(tx, row.workspace_id, row.id).await?;
    if !users.is_empty() {
        let names: Vec<String> =
            users.into_iter().map(|user| format!("{}.{}", user.table, user.field)).collect();
        let message = format!("table `{}` is referred to by {}", row.name, names.join(", "));
        let error = ApiError::new(&code::TABLE_IN_USE, message)
            .with_details("remove these fields first")
            .with_data("fields", names);
        return Err(error);
    }
    let fields = tables::fields(tx, row.workspace_id, row.id).await?;
    let count = tables::records_count(tx, row.workspace_id, row).await?;
    let shown = json!({"table": Table::new(row, count)?, "fields": shown_fields(&fields)});
    tables::delete(tx, row).await?;
    let entry = hand.audit("table.deleted", "table", &row.id.to_string(), &row.name);
    Ok(store::audit::record(tx, &crate::audit::gone(entry, &shown)).await?)
}

fn shown_fields(fields: &[tables::TableField]) -> Vec<Field> {
    fields.iter().map(Field::from).collect()
}

fn name_taken(error: StoreError, name: &str) -> ApiError {
    if error.is_duplicate_of(NAME_KEY) {
        let message = format!("the workspace has a table `{name}` already");
        return ApiError::new(&code::TABLE_NAME_TAKEN, message);
    }
    error.into()
}
