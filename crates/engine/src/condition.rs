//! The condition builder's comparisons.

use std::cmp::Ordering;

use expr::{Context, Expression, Map, Value};
use types::{SeededRng, Timestamp};
use workflow::plan::{Condition, Operator, Sentence};

use crate::codes;
use crate::entry::StepError;
use crate::evaluate::evaluate;

/// Whether the condition holds. No sentence at all: it does.
pub(crate) fn holds(condition: &Condition, cx: &mut Context<'_>) -> Result<bool, StepError> {
    let mut any = condition.sentences.is_empty();
    for sentence in &condition.sentences {
        let held = sentence_holds(sentence, cx)?;
        if condition.all && !held {
            return Ok(false);
        }
        any |= held;
    }
    Ok(any)
}

fn sentence_holds(sentence: &Sentence, cx: &mut Context<'_>) -> Result<bool, StepError> {
    let left = evaluate(&sentence.left, cx)?;
    let right = evaluate(&sentence.right, cx)?;
    compare(sentence.operator, &left, &right)
}

fn compare(operator: Operator, left: &Value, right: &Value) -> Result<bool, StepError> {
    Ok(match operator {
        Operator::Equals => equal(left, right),
        Operator::NotEquals => !equal(left, right),
        Operator::GreaterThan | Operator::After => order(left, right) == Some(Ordering::Greater),
        Operator::LessThan | Operator::Before => order(left, right) == Some(Ordering::Less),
        Operator::GreaterThanOrEquals => order(left, right).is_some_and(Ordering::is_ge),
        Operator::LessThanOrEquals => order(left, right).is_some_and(Ordering::is_le),
        Operator::Contains => contains(left, right),
        Operator::NotContains => !contains(left, right),
        Operator::StartsWith => text(left).starts_with(&text(right)),
        Operator::EndsWith => text(left).ends_with(&text(right)),
        Operator::Matches => matches(&text(left), &text(right))?,
        Operator::In => contains(right, left),
        Operator::NotIn => !contains(right, left),
        Operator::IsEmpty => is_empty(left),
        Operator::IsNotEmpty => !is_empty(left),
        Operator::IsTrue => truth(left),
        Operator::IsFalse => !truth(left),
    })
}

/// Numbers compare by value whatever their kind, everything else by kind and value: `3` equals `3.0`, not `"3"`.
fn equal(left: &Value, right: &Value) -> bool {
    match (number(left), number(right)) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}

/// As [`equal`]; besides, a number or a boolean equals the text that it is written as.
pub(crate) fn equals_label(subject: &Value, label: &Value) -> bool {
    let written = |value: &Value, text: &Value| {
        matches!(value, Value::Int(_) | Value::Float(_) | Value::Bool(_))
            && text.as_str().is_some_and(|text| text == value.render())
    };
    equal(subject, label) || written(subject, label) || written(label, subject)
}

/// Numerically only when both sides are numbers; else as text.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Nil, _) | (_, Value::Nil) => None,
        _ => match (left.as_f64(), right.as_f64()) {
            (Some(left), Some(right)) => left.partial_cmp(&right),
            _ => Some(text(left).cmp(&text(right))),
        },
    }
}

/// Through the expression language, whose patterns are bounded and cannot backtrack.
fn matches(text: &str, pattern: &str) -> Result<bool, StepError> {
    let failed = |error: &expr::Error| StepError::new(codes::CONDITION_ERROR, error.to_string());
    let expression = Expression::parse("text matches pattern").map_err(|error| failed(&error))?;
    let scope: Map =
        [("text".into(), Value::from(text)), ("pattern".into(), Value::from(pattern))].into_iter().collect();
    let mut rng = SeededRng::from_u64(0);
    let mut cx = Context::new(&scope, Timestamp::from_millis(0), &mut rng);
    let answer = expression.evaluate(&mut cx).map_err(|error| failed(&error))?;
    Ok(answer == Value::Bool(true))
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(_) | Value::Float(_) => value.as_f64(),
        _ => None,
    }
}

fn contains(container: &Value, item: &Value) -> bool {
    match container {
        Value::List(items) => items.iter().any(|candidate| equal(candidate, item)),
        Value::Map(entries) => item.as_str().is_some_and(|key| entries.contains_key(key)),
        Value::Nil => false,
        _ => text(container).contains(&text(item)),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Nil => true,
        Value::String(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        _ => false,
    }
}

fn truth(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::String(text) => matches!(&**text, "true" | "True" | "yes" | "1"),
        Value::Int(number) => *number != 0,
        _ => false,
    }
}

fn text(value: &Value) -> String {
    value.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(left: serde_json::Value, operator: Operator, right: serde_json::Value, expected: bool) {
        let answer = compare(operator, &Value::from(left.clone()), &Value::from(right.clone()));
        assert_eq!(answer, Ok(expected), "{left} {operator:?} {right}");
    }

    #[test]
    fn comparisons_answer_as_the_condition_builder_promises() {
        use serde_json::json;
        check(json!(3), Operator::Equals, json!(3.0), true);
        check(json!("3"), Operator::Equals, json!(3), false);
        check(json!(9), Operator::GreaterThan, json!(10), false);
        check(json!("9"), Operator::GreaterThan, json!("10"), true);
        check(json!(null), Operator::GreaterThan, json!(0), false);
        check(json!(["a", 1]), Operator::Contains, json!(1.0), true);
        check(json!("critical"), Operator::Contains, json!("crit"), true);
        check(json!({"a": 1}), Operator::Contains, json!("a"), true);
        check(json!("a"), Operator::In, json!(["a", "b"]), true);
        check(json!([]), Operator::IsEmpty, json!(null), true);
        check(json!(0), Operator::IsEmpty, json!(null), false);
        check(json!("2026-01-02"), Operator::Before, json!("2026-01-03"), true);
        check(json!("true"), Operator::IsTrue, json!(null), true);
        check(json!("host-17"), Operator::Matches, json!("^host-\\d+$"), true);
    }

    #[test]
    fn a_pattern_that_is_none_is_an_error() {
        let error = compare(Operator::Matches, &Value::from("x"), &Value::from("(")).unwrap_err();
        assert_eq!(error.code, "condition_error");
    }
}
