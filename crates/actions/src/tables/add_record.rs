//! `tables.AddRecordV2`.

use serde_json::json;

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let description = "Makes a record of a table. Answers the record.";
    ActionSpec {
        parameters: vec![
            super::table(),
            Parameter::new(
                "record",
                "Record",
                InputType::KeyValue,
                "The values of its fields: a list of `{key, value}`, or a map.",
            )
            .required(),
        ],
        example_output: json!({"id": "01920000-0000-7000-8000-00000000beef", "level": "high"}),
        ..ActionSpec::server("tables.AddRecordV2", "Add record", description)
    }
}
