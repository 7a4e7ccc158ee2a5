//! `tables.DeleteRecordsV2`.

use serde_json::json;

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let description = "Deletes the records of some ids, or those that a condition finds, up to 10,000. Ids of nothing are passed over.";
    ActionSpec {
        parameters: vec![
            super::table(),
            Parameter::new("delete_by", "Delete by", InputType::SingleSelect, "How the records are named.")
                .options(&["ID", "Condition"])
                .default("ID"),
            Parameter::new("ids", "IDs", InputType::List, "ID: one id, or a list of them."),
            Parameter::new(
                "query",
                "Query",
                InputType::Json,
                "Condition: the filter, as in `q` of the list of records; `{}` finds every record.",
            ),
            Parameter::new("ci", "Ignore case", InputType::Checkbox, "Whether the condition ignores case.")
                .default(false),
        ],
        example_output: json!({"deleted": 3, "remaining": false}),
        ..ActionSpec::server("tables.DeleteRecordsV2", "Delete records", description)
    }
}
