//! `array.Chunk`.

use serde_json::{Value as Json, json};

use crate::inputs::Inputs;
use crate::pure::{LIST_ITEMS_MAX, Pure};
use crate::{ActionError, ActionSpec, InputType, Parameter};

/// The action.
pub(crate) struct Chunk;

impl Pure for Chunk {
    fn describe() -> ActionSpec {
        let size = "Elements of each part, 1 to 1000000; the last part has what is left.";
        let description = "Parts a list into lists of a size, for services that take so many at a time.";
        ActionSpec {
            parameters: vec![
                super::array(),
                Parameter::new("size", "Size", InputType::Number, size).required(),
            ],
            example_output: json!([[1, 2], [3]]),
            ..super::spec("Chunk", "Part a list", description)
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let items = inputs.list("array")?;
        // Read as a text first: it says when it is missing.
        inputs.text("size")?;
        let size = inputs.whole("size", 1..=LIST_ITEMS_MAX as i64)?;
        let size = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(1);
        Ok(items.chunks(size).map(|part| Json::from(part.to_vec())).collect())
    }
}
