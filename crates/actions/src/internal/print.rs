//! `internal.print`.

use serde_json::json;

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let text = "What to print; expressions are evaluated.";
    ActionSpec {
        parameters: vec![Parameter::new("text", "Text", InputType::Textarea, text).required()],
        example_output: json!("text"),
        ..ActionSpec::flow(
            "internal.print",
            "Print",
            "Writes a text to the run's log; it is the step's output.",
        )
    }
}
