//! `internal.switchCaseExpression`. Its labels, `internal.switchCaseLabel` and
//! `internal.switchCaseDefaultLabel`, are part of its shape in a document and not actions that the catalog
//! offers.

use serde_json::json;

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let subject = "What is compared with the `value` of each label: an expression.";
    let description = "Runs the first label whose value equals, else the default.";
    ActionSpec {
        parameters: vec![
            Parameter::new("switch_variable", "Switch variable", InputType::Text, subject).required(),
        ],
        example_output: json!({"value": "critical", "label": "S3"}),
        ..ActionSpec::flow("internal.switchCaseExpression", "Switch", description)
    }
}
