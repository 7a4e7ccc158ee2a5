//! From an action's result to what is reported, redacted.

use actions::ActionError;
use protocol::Outcome;
use secrets::Redactor;
use serde_json::{Map, Value as Json};

/// The result, with the variables that are set if it is one, without the secrets that the action was given.
pub(crate) fn redacted(
    result: Result<Json, ActionError>,
    variables: Map<String, Json>,
    redactor: &Redactor,
) -> Outcome {
    match result {
        Ok(output) => {
            let variables = match redactor.json(Json::Object(variables)) {
                Json::Object(variables) => variables,
                _ => Map::new(),
            };
            Outcome::Succeeded { output: redactor.json(output), variables }
        }
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
