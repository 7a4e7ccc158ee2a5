//! `system.TableRemove`.

use serde_json::json;

use crate::ActionSpec;

pub(crate) fn spec() -> ActionSpec {
    let description = "Deletes a table with all its records, unless another table refers to it.";
    ActionSpec {
        parameters: vec![super::table()],
        example_output: json!({"removed": true}),
        ..ActionSpec::server("system.TableRemove", "Remove table", description)
    }
}
