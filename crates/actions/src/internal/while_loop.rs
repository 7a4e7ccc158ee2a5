//! `internal.while`.

use serde_json::json;

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let description =
        "Runs its steps as long as a condition holds. The turn's number is `{{ steps.<id>.index }}`.";
    let condition = "As an if's: `match` and `sentence`, or one expression. Looked at before every turn.";
    ActionSpec {
        parameters: vec![
            Parameter::new("condition", "Condition", InputType::Condition, condition).required(),
        ],
        example_output: json!({"turns": 3}),
        ..ActionSpec::flow("internal.while", "While", description)
    }
}
