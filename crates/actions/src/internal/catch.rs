//! `internal.catch`.

use serde_json::json;

use crate::ActionSpec;

pub(crate) fn spec() -> ActionSpec {
    let description = "Runs its steps if a step before it fails; the run goes on after them. The message is \
                       `{{ steps.<id>.error }}`.";
    ActionSpec {
        example_output: json!({"error": "the server answered 500", "error_code": "http_status", "failed_step": "S1"}),
        ..ActionSpec::flow("internal.catch", "Run On Error", description)
    }
}
