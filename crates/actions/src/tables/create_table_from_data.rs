//! `tables.CreateTableFromData`.

use serde_json::json;

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let description = "Makes a table whose fields follow from some records, and puts the records into it.";
    ActionSpec {
        parameters: vec![
            Parameter::new(
                "table_name",
                "Table name",
                InputType::Text,
                "The display name of the table; its name follows from it.",
            )
            .required(),
            Parameter::new("data", "Data", InputType::Json, "A list of maps, up to 10,000, or one map.")
                .required(),
        ],
        example_output: json!({"table": {"name": "findings", "display_name": "Findings"}, "ids": ["01920000-0000-7000-8000-00000000beef"]}),
        ..ActionSpec::server("tables.CreateTableFromData", "Create table from data", description)
    }
}
