//! `array.GetLength`.

use serde_json::{Value as Json, json};

use crate::inputs::Inputs;
use crate::pure::Pure;
use crate::{ActionError, ActionSpec};

/// The action.
pub(crate) struct GetLength;

impl Pure for GetLength {
    fn describe() -> ActionSpec {
        ActionSpec {
            parameters: vec![super::array()],
            example_output: json!(3),
            ..super::spec("GetLength", "Length of a list", "Counts the elements of a list.")
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        Ok(inputs.list("array")?.len().into())
    }
}
