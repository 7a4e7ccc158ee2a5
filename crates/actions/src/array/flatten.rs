//! `array.Flatten`.

use serde_json::{Value as Json, json};

use crate::inputs::Inputs;
use crate::pure::{LIST_ITEMS_MAX, Pure, too_many_items};
use crate::{ActionError, ActionSpec, InputType, Parameter};

/// The action.
pub(crate) struct Flatten;

impl Pure for Flatten {
    fn describe() -> ActionSpec {
        let depth = "How many levels of lists are opened. Absent: all.";
        let description = "Puts the elements of lists within the list in their place.";
        ActionSpec {
            parameters: vec![super::array(), Parameter::new("depth", "Depth", InputType::Number, depth)],
            example_output: json!([1, 2, 3]),
            ..super::spec("Flatten", "Flatten a list", description)
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let depth = inputs.whole("depth", 0..=i64::MAX)?.unwrap_or(i64::MAX);
        let mut flat = Vec::new();
        flatten(&inputs.list("array")?, depth, &mut flat)?;
        Ok(Json::Array(flat))
    }
}

fn flatten(items: &[Json], depth: i64, flat: &mut Vec<Json>) -> Result<(), ActionError> {
    for item in items {
        match item {
            Json::Array(inner) if depth > 0 => flatten(inner, depth - 1, flat)?,
            item if flat.len() < LIST_ITEMS_MAX => flat.push(item.clone()),
            _ => return Err(too_many_items()),
        }
    }
    Ok(())
}
