//! `internal.append_list`.

use serde_json::json;

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let description = "Puts an item at the end of a variable's list. The list begins empty.";
    let list = "The name of the variable that holds the list.";
    ActionSpec {
        parameters: vec![
            Parameter::new("list", "List", InputType::Text, list).required(),
            Parameter::new("value", "Value", InputType::Text, "The item; a list is one item.").required(),
        ],
        example_output: json!({"length": 3}),
        ..ActionSpec::flow("internal.append_list", "Append to list", description)
    }
}
