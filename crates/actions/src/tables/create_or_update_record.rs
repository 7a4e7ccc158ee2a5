//! `tables.CreateOrUpdateRecordV3`.

use serde_json::json;

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let description = "Changes the record that a condition finds, or makes one if it finds none. It fails if the condition finds several.";
    ActionSpec {
        parameters: vec![
            super::table(),
            Parameter::new(
                "condition",
                "Condition",
                InputType::Json,
                "The filter that finds the record, as in `q` of the list of records.",
            )
            .required(),
            Parameter::new("ci", "Ignore case", InputType::Checkbox, "Whether the condition ignores case.")
                .default(false),
            Parameter::new(
                "record_data_format",
                "Record data format",
                InputType::SingleSelect,
                "Entire record: what the record does not name becomes empty. By field: it stays.",
            )
            .options(&["Entire record", "By field"])
            .default("Entire record"),
            Parameter::new(
                "record",
                "Record",
                InputType::KeyValue,
                "The values of its fields: a map, or a list of `{key, value}`.",
            )
            .required(),
        ],
        example_output: json!({"created": false, "record": {"id": "01920000-0000-7000-8000-00000000beef", "level": "high"}}),
        ..ActionSpec::server("tables.CreateOrUpdateRecordV3", "Create or update record", description)
    }
}
