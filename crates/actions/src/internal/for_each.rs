//! `internal.for`.

use serde_json::json;

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let description = "Runs its steps once for each item. The item is `{{ steps.<id>.item }}`.";
    let list = "A list, a map (its pairs are gone through), or a number of turns.";
    let variable_name = "A variable that holds the current item as well.";
    let max_concurrency = "Turns that run at the same time, each with its own item: 1 to 100. Absent: 1.";
    ActionSpec {
        parameters: vec![
            Parameter::new("list", "List", InputType::Text, list).required(),
            Parameter::new("variable_name", "Variable", InputType::Text, variable_name),
            Parameter::new("max_concurrency", "Turns at a time", InputType::Number, max_concurrency),
        ],
        example_output: json!({"turns": 3}),
        ..ActionSpec::flow("internal.for", "Loop", description)
    }
}
