//! Functions from one type to another, JSON included.

use super::{Arguments, Function, entry};
use crate::budget::{Budget, Fault};
use crate::value::Value;

type Outcome = Result<Value, Fault>;

pub(super) const FUNCTIONS: &[Function] = &[
    entry(
        "type",
        "type(value) string",
        "The name of the value's type.",
        ("type(1)", "\"int\""),
        (1, 1),
        |args, _| Ok(args.value(0).type_name().into()),
    ),
    entry(
        "int",
        "int(value) int",
        "The whole number of a number or a text.",
        ("int(\"42\")", "42"),
        (1, 1),
        int,
    ),
    entry(
        "float",
        "float(value) float",
        "The number of a number or a text.",
        ("float(\"1.5\")", "1.5"),
        (1, 1),
        float,
    ),
    entry("string", "string(value) string", "The value as text.", ("string(1.5)", "\"1.5\""), (1, 1), string),
    entry("str", "str(value) string", "The same as `string`.", ("str(1)", "\"1\""), (1, 1), string),
    entry(
        "toJSON",
        "toJSON(value) string",
        "The value as JSON, over several lines, keys in their order.",
        ("toJSON([1])", "\"[\\n  1\\n]\""),
        (1, 1),
        |args, budget| to_json(args.value(0), true, true, budget),
    ),
    entry(
        "fromJSON",
        "fromJSON(text) any",
        "The value that the JSON is.",
        ("fromJSON(\"[1, null]\")", "[1, nil]"),
        (1, 1),
        from_json,
    ),
    entry(
        "parse_json",
        "parse_json(text) any",
        "The same as `fromJSON`.",
        ("parse_json(\"{}\")", "{}"),
        (1, 1),
        from_json,
    ),
    entry(
        "prettify_json",
        "prettify_json(value) string",
        "The value, or the JSON that the text is, over several lines.",
        ("prettify_json(\"[1]\")", "\"[\\n  1\\n]\""),
        (1, 1),
        |args, budget| match args.value(0) {
            Value::String(_) => to_json(&from_json(args, budget)?, false, false, budget),
            value => to_json(value, false, false, budget),
        },
    ),
];

fn int(args: Arguments<'_>, _: &mut Budget<'_>) -> Outcome {
    match args.value(0) {
        Value::Int(int) => Ok(Value::Int(*int)),
        Value::Float(float) if float.is_finite() && float.abs() < i64::MAX as f64 => {
            Ok(Value::Int(*float as i64))
        }
        Value::Float(float) => Err(Fault::value(format!("`{float}` does not fit into 64 bits"))),
        Value::Duration(duration) => Ok(Value::Int(duration.as_nanos())),
        Value::String(text) => match text.parse() {
            Ok(int) => Ok(Value::Int(int)),
            Err(_) => Err(Fault::value(format!("`{}` is not a whole number", shortened(text)))),
        },
        _ => Err(args.wrong(0, "a number or a text")),
    }
}

fn float(args: Arguments<'_>, _: &mut Budget<'_>) -> Outcome {
    match args.value(0) {
        Value::String(text) => match text.parse::<f64>() {
            // Digits beyond all floats are no infinity, which is written as a word.
            Ok(float) if float.is_finite() || !text.contains(|c: char| c.is_ascii_digit()) => {
                Ok(Value::Float(float))
            }
            _ => Err(Fault::value(format!("`{}` is not a number", shortened(text)))),
        },
        value => value.as_f64().map(Value::Float).ok_or_else(|| args.wrong(0, "a number or a text")),
    }
}

fn string(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    match args.value(0) {
        text @ Value::String(_) => Ok(text.clone()),
        value => {
            budget.admit(value)?;
            budget.text(value.display())
        }
    }
}

fn to_json(value: &Value, escape_html: bool, sort: bool, budget: &mut Budget<'_>) -> Outcome {
    budget.admit(value)?;
    budget.text(value.pretty_json(escape_html, sort))
}

fn from_json(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let text = args.text(0)?;
    budget.text_len(text.len())?;
    let value: Value =
        serde_json::from_str(text).map_err(|error| Fault::value(format!("the text is not JSON: {error}")))?;
    budget.admit(&value)?;
    Ok(value)
}

/// The beginning of a text, for an error.
fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 40;
    if text.chars().count() <= CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(CHARS_MAX).chain(['…']).collect()
}
