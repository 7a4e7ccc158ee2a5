//! `internal.parallel`. Its branches, `internal.parallelBranch`, are part of its shape in a document and not actions
//! that the catalog offers.

use serde_json::json;

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let join = "How many branches must succeed: `all` (the default), `any`, or a number. What is still under way when \
                that is decided is cancelled.";
    let description = "Runs its branches at the same time and goes on when enough of them have succeeded.";
    ActionSpec {
        parameters: vec![Parameter::new("join", "Wait for", InputType::Text, join)],
        example_output: json!({
            "branches": {"S2": {"status": "OK"}, "S4": {"status": "Cancelled"}},
            "succeeded": ["S2"],
        }),
        ..ActionSpec::flow("internal.parallel", "Parallel", description)
    }
}
