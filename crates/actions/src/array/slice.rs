//! `array.Slice`.

use serde_json::{Value as Json, json};

use crate::inputs::Inputs;
use crate::pure::Pure;
use crate::{ActionError, ActionSpec, InputType, Parameter};

/// The action.
pub(crate) struct Slice;

impl Pure for Slice {
    fn describe() -> ActionSpec {
        let start = "The index of the first element; the list begins with 0. Below 0: counted from the end.";
        let end = "The index before which it ends. Below 0: counted from the end. Absent: the list's end.";
        let description = "Takes a part of a list. What lies outside of the list is left out.";
        ActionSpec {
            parameters: vec![
                super::array(),
                Parameter::new("start", "Start", InputType::Number, start).default(0),
                Parameter::new("end", "End", InputType::Number, end),
            ],
            example_output: json!(["b", "c"]),
            ..super::spec("Slice", "Part of a list", description)
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let items = inputs.list("array")?;
        let index = |name: &str, default: usize| {
            let given = inputs.whole(name, i64::MIN..=i64::MAX)?;
            Ok(given.map_or(default, |index| position(index, items.len())))
        };
        let (start, end) = (index("start", 0)?, index("end", items.len())?);
        Ok(items.get(start..end).unwrap_or_default().to_vec().into())
    }
}

/// The place in a list of that length, at its ends if it lies outside.
fn position(index: i64, length: usize) -> usize {
    let distance = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
    if index < 0 { length.saturating_sub(distance) } else { distance.min(length) }
}
