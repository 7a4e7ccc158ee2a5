//! `internal.SetVariables`: a value must be of the type its entry names, or plainly read as one.
//! `internal.append_list`: one more item in a variable's list.

use std::sync::Arc;

use expr::{Context, Map, Value};
use types::limits::VARIABLE_BYTES_MAX;
use workflow::plan::{VariableAssignment, VariableKind};

use crate::codes;
use crate::entry::{Appended, StepError};
use crate::evaluate::{evaluate, settled};
use crate::outcome::Outcome;
use crate::scope::View;

/// The variables after the assignments, in order; a later one sees what an earlier one set.
pub(crate) fn assign(
    assignments: &[VariableAssignment],
    mut view: View<'_>,
    mut context: impl FnMut(&View<'_>, &workflow::plan::PlanValue) -> Result<Value, StepError>,
) -> Result<Map, StepError> {
    let mut changes = Map::with_capacity(assignments.len());
    for assignment in assignments {
        let value = context(&view, &assignment.value)?;
        let value = bounded_value(&assignment.name, convert(&assignment.name, assignment.kind, value)?)?;
        view.set_variable(&assignment.name, value.clone());
        changes.insert(assignment.name.as_str().into(), value);
    }
    Ok(changes)
}

/// Variables that an action sets, if they can be kept.
pub(crate) fn bounded(variables: Map) -> Result<Map, StepError> {
    variables
        .into_iter()
        .map(|(name, value)| bounded_value(&name, value).map(|value| (name, value)))
        .collect()
}

fn bounded_value(name: &str, value: Value) -> Result<Value, StepError> {
    let value = settled(value);
    let bytes = value.json_len();
    if bytes > VARIABLE_BYTES_MAX {
        let message =
            format!("variable `{name}` has {bytes} bytes as JSON; at most {VARIABLE_BYTES_MAX} are kept");
        return Err(StepError::new(codes::VARIABLE_TOO_LARGE, message));
    }
    Ok(value)
}

/// `item` at the end of the list in `variable`, which may not be there yet. The output tells the new length.
pub(crate) fn append(variable: &str, item: Value, view: &View<'_>) -> Result<Outcome, StepError> {
    let variables = view.variables_with(variable);
    let length = match variables.get(variable) {
        None | Some(Value::Nil) => 0,
        Some(Value::List(items)) => items.len(),
        Some(other) => {
            let message = format!("variable `{variable}` is no list but {}", other.type_name());
            return Err(StepError::new(codes::VARIABLE_TYPE_ERROR, message));
        }
    };
    let item = settled(item);
    let bytes = variables.list_bytes(variable) + item.json_len() + 1;
    if bytes > VARIABLE_BYTES_MAX {
        let message = format!(
            "with one more item variable `{variable}` has {bytes} bytes as JSON; at most {VARIABLE_BYTES_MAX} are kept"
        );
        return Err(StepError::new(codes::VARIABLE_TOO_LARGE, message));
    }
    let length = Value::Int(i64::try_from(length + 1).unwrap_or(i64::MAX));
    let output = Value::Map(Arc::new([("length".into(), length)].into_iter().collect()));
    let appended = Some(Appended { variable: variable.to_owned(), item });
    Ok(Outcome { appended, ..Outcome::ok(output) })
}

fn convert(name: &str, kind: VariableKind, value: Value) -> Result<Value, StepError> {
    let converted = match (kind, &value) {
        (VariableKind::Any, _) | (_, Value::Nil) => Some(value.clone()),
        (VariableKind::String, Value::String(_)) => Some(value.clone()),
        (VariableKind::String, _) => Some(Value::from(value.render())),
        (VariableKind::Number, Value::Int(_) | Value::Float(_)) => Some(value.clone()),
        (VariableKind::Number, Value::String(text)) => number(text.trim()),
        (VariableKind::Boolean, Value::Bool(_)) => Some(value.clone()),
        (VariableKind::Boolean, Value::String(text)) => match text.trim() {
            "true" | "True" => Some(Value::Bool(true)),
            "false" | "False" => Some(Value::Bool(false)),
            _ => None,
        },
        (VariableKind::List, Value::List(_)) => Some(value.clone()),
        (VariableKind::List, Value::String(text)) => json(text, |value| matches!(value, Value::List(_))),
        (VariableKind::Object, Value::Map(_)) => Some(value.clone()),
        (VariableKind::Object, Value::String(text)) => json(text, |value| matches!(value, Value::Map(_))),
        _ => None,
    };
    converted.ok_or_else(|| {
        StepError::new(
            codes::VARIABLE_TYPE_ERROR,
            format!(
                "variable `{name}` is declared `{}` but its value is {}",
                kind.as_str(),
                value.type_name()
            ),
        )
    })
}

fn number(text: &str) -> Option<Value> {
    if let Ok(int) = text.parse::<i64>() {
        return Some(Value::Int(int));
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::Float)
}

fn json(text: &str, fits: impl Fn(&Value) -> bool) -> Option<Value> {
    let value = Value::from(serde_json::from_str::<serde_json::Value>(text).ok()?);
    fits(&value).then_some(value)
}

/// Evaluates in a scope of its own: the closure that [`assign`] needs.
pub(crate) fn evaluator<'a>(
    now: types::Timestamp,
    rng: &'a mut dyn types::Rng,
) -> impl FnMut(&View<'_>, &workflow::plan::PlanValue) -> Result<Value, StepError> + 'a {
    move |view, value| evaluate(value, &mut Context::new(view, now, rng))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: VariableKind, value: serde_json::Value, expected: Option<serde_json::Value>) {
        let answer = convert("v", kind, Value::from(value.clone())).ok().map(|value| value.to_json());
        assert_eq!(answer, expected, "{kind:?} from {value}");
    }

    #[test]
    fn a_value_fits_its_declared_type_or_is_refused() {
        use serde_json::json;
        check(VariableKind::Number, json!("70"), Some(json!(70)));
        check(VariableKind::Number, json!("7.5"), Some(json!(7.5)));
        check(VariableKind::Number, json!("seven"), None);
        check(VariableKind::Number, json!([1]), None);
        check(VariableKind::String, json!(5), Some(json!("5")));
        check(VariableKind::String, json!({"a": 1}), Some(json!("{\"a\":1}")));
        check(VariableKind::Boolean, json!("true"), Some(json!(true)));
        check(VariableKind::Boolean, json!("yes"), None);
        check(VariableKind::List, json!("[1,2]"), Some(json!([1, 2])));
        check(VariableKind::List, json!({"a": 1}), None);
        check(VariableKind::Object, json!("{\"a\":1}"), Some(json!({"a": 1})));
        check(VariableKind::Object, json!("[1]"), None);
        check(VariableKind::Any, json!([1]), Some(json!([1])));
    }

    #[test]
    fn the_refusal_names_the_variable_and_both_types() {
        let error = convert("limit", VariableKind::Number, Value::from("x")).unwrap_err();
        assert_eq!(error.code, "variable_type_error");
        assert!(error.message.contains("`limit`") && error.message.contains("`Number`"), "{}", error.message);
    }
}
