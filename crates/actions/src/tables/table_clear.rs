//! `system.TableClear`.

use serde_json::json;

use crate::ActionSpec;

pub(crate) fn spec() -> ActionSpec {
    let description = "Deletes all records of a table, 10,000 at a time: others may see it half empty, and a run that is cancelled leaves the rest.";
    ActionSpec {
        parameters: vec![super::table()],
        example_output: json!({"deleted": 3, "remaining": false}),
        ..ActionSpec::server("system.TableClear", "Clear table", description)
    }
}
