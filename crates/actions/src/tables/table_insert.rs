//! `system.TableInsert`.

use serde_json::json;

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let description = "Makes records of a table: all of them or none.";
    ActionSpec {
        parameters: vec![
            super::table(),
            Parameter::new("body", "Body", InputType::Json, "A record as a map, or a list of up to 10,000.")
                .required(),
        ],
        example_output: json!({"ids": ["01920000-0000-7000-8000-00000000beef"]}),
        ..ActionSpec::server("system.TableInsert", "Insert records", description)
    }
}
