//! `internal.SetVariables`.

use serde_json::json;

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let description = "Sets variables of the run. Later steps read them as `{{ variables.<Name> }}`.";
    let variables =
        "Entries of `Name`, `Type` (`String`, `Number`, `Boolean`, `List`, `Object`, `Any`) and `Value`.";
    ActionSpec {
        parameters: vec![Parameter::new("Variables", "Variables", InputType::List, variables).required()],
        example_output: json!({"severity": "high"}),
        ..ActionSpec::flow("internal.SetVariables", "Set variables", description)
    }
}
