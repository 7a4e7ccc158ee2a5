//! Tables of the run's workspace. What is here describes; the server that drives the run carries them out.

pub(crate) mod add_record;
pub(crate) mod create_or_update_record;
pub(crate) mod create_table_from_data;
pub(crate) mod delete_records;
pub(crate) mod get_file_content;
pub(crate) mod get_records;
pub(crate) mod get_table_schema;
pub(crate) mod table_clear;
pub(crate) mod table_create;
pub(crate) mod table_exists;
pub(crate) mod table_insert;
pub(crate) mod table_remove;
pub(crate) mod table_update;
pub(crate) mod update_file_column;
pub(crate) mod update_records;

use crate::{InputType, Parameter};

fn table() -> Parameter {
    table_if_asked().required()
}

/// Where it depends on another input whether a table is named.
fn table_if_asked() -> Parameter {
    Parameter::new("table", "Table", InputType::Text, "The name of the table.")
        .fetched("tables.ListTables", &[])
}

fn record_id() -> Parameter {
    Parameter::new("record_id", "Record ID", InputType::Text, "The id of the record.").required()
}

fn column() -> Parameter {
    Parameter::new("column", "Column", InputType::Text, "The name of a field of type `attachment`.")
        .required()
}
