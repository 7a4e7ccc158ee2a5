//! `tables.GetRecordsV3`.

use serde_json::json;

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let description = "Finds records of a table. Answers a page of them, as the list of records does.";
    ActionSpec {
        parameters: vec![
            Parameter::new(
                "query_method",
                "Query method",
                InputType::SingleSelect,
                "How the records are named.",
            )
            .options(&["By Condition", "RQL Query", "SQL Query"])
            .default("By Condition"),
            super::table_if_asked(),
            Parameter::new(
                "query",
                "Query",
                InputType::Json,
                "By Condition: the filter; empty for every record. RQL Query: the whole query, as in `q` of the list of records.",
            ),
            Parameter::new(
                "sql",
                "SQL",
                InputType::Textarea,
                "SQL Query: one SELECT over tables of the workspace. Values of others belong into `params`.",
            ),
            Parameter::new(
                "params",
                "Parameters",
                InputType::Json,
                "SQL Query: a list of the values for `$1`, `$2` and so on.",
            ),
            Parameter::new("ci", "Ignore case", InputType::Checkbox, "Whether the condition ignores case.")
                .default(false),
            Parameter::new("limit", "Limit", InputType::Number, "By Condition: records of the page."),
            Parameter::new("offset", "Offset", InputType::Number, "By Condition: records before the page."),
        ],
        example_output: json!({"limit": 50, "offset": 0, "total": 1, "results": [{"id": "01920000-0000-7000-8000-00000000beef", "level": "high"}]}),
        ..ActionSpec::server("tables.GetRecordsV3", "Get records", description)
    }
}
