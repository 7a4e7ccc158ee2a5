//! `system.TableClear`.

use serde_json::json;

use crate::ActionSpec;

pub(crate) fn spec() -> ActionSpec {
    let description = "Deletes the records of a table, up to 1,000,000.";
    ActionSpec {
        parameters: vec![super::table()],
        example_output: json!({"deleted": 3, "remaining": false}),
        ..ActionSpec::server("system.TableClear", "Clear table", description)
    }
}
