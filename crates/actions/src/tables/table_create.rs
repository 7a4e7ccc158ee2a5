//! `system.TableCreate`.

use serde_json::json;

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let description = "Makes a table with its fields.";
    ActionSpec {
        parameters: vec![
            Parameter::new("schema", "Schema", InputType::Json, "The table, as in the body of `POST /table`: `display_name`, `description`, `options`, `fields`.").required(),
            Parameter::new("skip", "Skip if it exists", InputType::Checkbox, "Whether a table of that name that exists is no error.").default(false),
        ],
        example_output: json!({"created": true, "table": {"name": "findings", "display_name": "Findings"}}),
        ..ActionSpec::server("system.TableCreate", "Create table", description)
    }
}
