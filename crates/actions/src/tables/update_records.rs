//! `tables.UpdateRecords`.

use serde_json::json;

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let description = "Changes the fields that each record names: all of the records or none.";
    ActionSpec {
        parameters: vec![
            super::table(),
            Parameter::new("records", "Records", InputType::Json, "A list of `{id, …}`, up to 10,000.")
                .required(),
        ],
        example_output: json!({"ids": ["01920000-0000-7000-8000-00000000beef"]}),
        ..ActionSpec::server("tables.UpdateRecords", "Update records", description)
    }
}
