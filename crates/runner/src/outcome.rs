//! From an action's result to what is reported, redacted.

use actions::ActionError;
use protocol::Outcome;
use secrets::Redactor;
use serde_json::Value as Json;

/// The result without the secrets that the action was given.
pub(crate) fn redacted(result: Result<Json, ActionError>, redactor: &Redactor) -> Outcome {
    match result {
        Ok(output) => Outcome::Succeeded { output: redactor.json(output) },
        Err(error) => {
            let message = redactor.text(&error.message).into_owned();
            failed(ActionError { message, data: redactor.json(error.data), ..error })
        }
    }
}

/// The report of a failure that holds no secret.
pub(crate) fn failed(error: ActionError) -> Outcome {
    let ActionError { code, message, retryable, data } = error;
    let code = code.as_str().to_owned();
    Outcome::Failed { error: protocol::ActionError { code, message, retryable, data } }
}
