//! `internal.ifCondition`. Its branches, `internal.ifTrueBranch` and `internal.ifFalseBranch`, are part of
//! its shape in a document and not actions that the catalog offers.

use serde_json::json;

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let condition = "`match` (`And` or `Or`) and `sentence`, a list of `lvalue`, `op` and `rvalue`.";
    ActionSpec {
        parameters: vec![
            Parameter::new("condition", "Condition", InputType::Condition, condition).required(),
        ],
        example_output: json!(true),
        ..ActionSpec::flow("internal.ifCondition", "If", "Runs one of two branches, by a condition.")
    }
}
