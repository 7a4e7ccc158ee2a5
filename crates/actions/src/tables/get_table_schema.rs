//! `tables.GetTableSchema`.

use serde_json::json;

use crate::ActionSpec;

pub(crate) fn spec() -> ActionSpec {
    let description = "Tells the fields of a table.";
    ActionSpec {
        parameters: vec![super::table()],
        example_output: json!({"name": "findings", "display_name": "Findings", "description": "", "fields": [{"name": "level", "display_name": "Level", "type": "text"}]}),
        ..ActionSpec::server("tables.GetTableSchema", "Get table schema", description)
    }
}
