//! `system.TableExists`.

use serde_json::json;

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let description = "Tells whether the workspace has a table.";
    ActionSpec {
        parameters: vec![
            Parameter::new("table", "Table", InputType::Text, "The name to look for.").required(),
            Parameter::new("search_by", "Search by", InputType::SingleSelect, "Which names are looked at.")
                .options(&["Display Name", "Name", "Display Name and Name"])
                .default("Display Name"),
        ],
        example_output: json!({"exists": true}),
        ..ActionSpec::server("system.TableExists", "Table exists", description)
    }
}
