//! From a plan's values to values: renders templates, keeps the rest.

use std::sync::Arc;

use expr::{Context, Map, Rendering, Template, Value};
use types::limits::STEP_OUTPUT_BYTES_MAX;
use workflow::plan::PlanValue;

use crate::codes;
use crate::entry::StepError;

/// The value with every expression evaluated.
///
/// # Errors
/// `expression_error` with the expression's own message.
pub(crate) fn evaluate(value: &PlanValue, cx: &mut Context<'_>) -> Result<Value, StepError> {
    match value {
        PlanValue::Literal(value) => Ok(value.clone()),
        PlanValue::Template(template) => render(template, Rendering::Text, cx),
        PlanValue::Code(template, rendering) => render(template, *rendering, cx),
        PlanValue::List(items) => {
            let items: Result<Vec<Value>, StepError> = items.iter().map(|item| evaluate(item, cx)).collect();
            Ok(Value::List(Arc::new(items?)))
        }
        PlanValue::Map(entries) => {
            let mut map = Map::with_capacity(entries.len());
            for (name, value) in entries {
                map.insert(Arc::from(name.as_str()), evaluate(value, cx)?);
            }
            Ok(Value::Map(Arc::new(map)))
        }
    }
}

fn render(template: &Template, rendering: Rendering, cx: &mut Context<'_>) -> Result<Value, StepError> {
    template.render_with(cx, rendering).map_err(|error| {
        let place = excerpt(template.source());
        StepError::new(codes::EXPRESSION_ERROR, format!("in `{place}`: {error}"))
    })
}

/// The value as it is after a trip through the journal: instants and durations become text. What a step
/// leaves behind takes this form at once, so that a run that was read back sees what a live one sees.
pub(crate) fn settled(value: Value) -> Value {
    match &value {
        Value::Time(_) | Value::Duration(_) => Value::from(value.to_json()),
        Value::Float(number) if !number.is_finite() => Value::Nil,
        Value::List(items) if items.iter().any(needs_settling) => {
            Value::List(Arc::new(items.iter().cloned().map(settled).collect()))
        }
        Value::Map(entries) if entries.values().any(needs_settling) => Value::Map(Arc::new(
            entries.iter().map(|(name, value)| (Arc::clone(name), settled(value.clone()))).collect(),
        )),
        _ => value,
    }
}

fn needs_settling(value: &Value) -> bool {
    match value {
        Value::Time(_) | Value::Duration(_) => true,
        Value::Float(number) => !number.is_finite(),
        Value::List(items) => items.iter().any(needs_settling),
        Value::Map(entries) => entries.values().any(needs_settling),
        _ => false,
    }
}

/// The value, if it is small enough to be a step's output.
///
/// # Errors
/// `output_too_large`.
pub(crate) fn bounded_output(value: Value) -> Result<Value, StepError> {
    let bytes = value.json_len();
    if bytes > STEP_OUTPUT_BYTES_MAX {
        return Err(StepError::new(
            codes::OUTPUT_TOO_LARGE,
            format!("the output has {bytes} bytes as JSON; at most {STEP_OUTPUT_BYTES_MAX} are kept"),
        ));
    }
    Ok(value)
}

pub(crate) fn excerpt(source: &str) -> String {
    const CHARS_MAX: usize = 120;
    let mut short: String = source.chars().take(CHARS_MAX).collect();
    if short.len() < source.len() {
        short.push('…');
    }
    short
}
