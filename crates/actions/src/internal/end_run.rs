//! `internal.EndRun`.

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let status = "How the run ends.";
    let message = "Said as the run's error when it ends as failed.";
    ActionSpec {
        parameters: vec![
            Parameter::new("status", "Status", InputType::SingleSelect, status)
                .options(&["Completed", "Failed"])
                .default("Completed"),
            Parameter::new("message", "Message", InputType::Textarea, message),
        ],
        ..ActionSpec::flow("internal.EndRun", "End run", "Ends the run here; no later step runs.")
    }
}
