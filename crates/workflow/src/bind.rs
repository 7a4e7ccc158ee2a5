//! The inputs of one run: what the caller gave, turned into what the workflow declared.
//!
//! The server calls it before a run is accepted, so that a wrong input is the caller's error and not a
//! failed run. Inputs that are not declared are kept as they are.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use expr::{Map, Value};

use crate::plan::{InputDefinition, InputKind};
use crate::yaml::shorten;

/// An input that is missing or not what it was declared to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    /// The input's name.
    pub input: String,
    /// What is wrong with it, without its name: "must be a number, not `abc`".
    pub message: String,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "input `{}` {}", self.input, self.message)
    }
}

impl std::error::Error for InputError {}

/// The inputs of a run, the declared ones first, in their order. An optional input that was not given and
/// has no default is nil.
pub fn bind_inputs(
    definitions: &[InputDefinition],
    given: serde_json::Map<String, serde_json::Value>,
) -> Result<Map, Vec<InputError>> {
    let mut inputs = Map::with_capacity(definitions.len().max(given.len()));
    let mut errors = Vec::new();
    for definition in definitions {
        let value =
            given.get(&definition.name).map(Value::from).filter(|value| is_given(definition.kind, value));
        let bound = match (value, &definition.default) {
            (Some(value), _) => coerce(definition.kind, &definition.options, &value),
            (None, Some(default)) => Ok(default.clone()),
            (None, None) if definition.required => Err("is required".to_owned()),
            (None, None) => Ok(Value::Nil),
        };
        match bound {
            Ok(value) => {
                inputs.insert(definition.name.as_str().into(), value);
            }
            Err(message) => errors.push(InputError { input: definition.name.clone(), message }),
        }
    }
    let declared: HashSet<&str> = definitions.iter().map(|definition| definition.name.as_str()).collect();
    for (name, value) in given {
        if !declared.contains(name.as_str()) {
            inputs.insert(name.into(), Value::from(value));
        }
    }
    if errors.is_empty() { Ok(inputs) } else { Err(errors) }
}

/// A form sends an empty text for what was left out; only for text is that a value.
fn is_given(kind: InputKind, value: &Value) -> bool {
    match value {
        Value::Nil => false,
        Value::String(text) => is_text(kind) || !text.trim().is_empty(),
        _ => true,
    }
}

/// Whether the input takes any text, the empty one too.
pub(crate) fn is_text(kind: InputKind) -> bool {
    matches!(kind, InputKind::Text | InputKind::DynamicText | InputKind::LongText | InputKind::RichText)
}

/// `value` as the declared type has it, or what is wrong with it.
pub(crate) fn coerce(kind: InputKind, options: &[String], value: &Value) -> Result<Value, String> {
    let value = chosen(value);
    match kind {
        // A number for a text is text; a structure stays what it is, for workflows that read into it.
        InputKind::Text | InputKind::LongText | InputKind::RichText => {
            Ok(scalar_text(value).map_or(value.clone(), Value::String))
        }
        InputKind::DynamicText | InputKind::File => Ok(value.clone()),
        InputKind::Number => number(value).ok_or_else(|| refuse("a number", value)),
        InputKind::Checkbox => checkbox(value).map(Value::Bool).ok_or_else(|| refuse("true or false", value)),
        InputKind::SingleSelect => select(options, value).map(Value::String),
        InputKind::MultiSelect => multi_select(options, value),
        InputKind::Date => {
            date(value).ok_or_else(|| refuse("a date such as `2024-05-31` or `2024-05-31T08:00:00Z`", value))
        }
        InputKind::Connections => {
            scalar_text(value).map(Value::String).ok_or_else(|| refuse("the name of a connection", value))
        }
        InputKind::List => list(value).ok_or_else(|| refuse("a list, or the JSON of one", value)),
    }
}

/// `{display_name, value}` is what was chosen from a list.
fn chosen(value: &Value) -> &Value {
    match (value.as_map().filter(|map| map.len() == 2), value.get("display_name"), value.get("value")) {
        (Some(_), Some(_), Some(value)) => value,
        _ => value,
    }
}

fn scalar_text(value: &Value) -> Option<Arc<str>> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => Some(value.render().into()),
        _ => None,
    }
}

/// A number, or text that reads as one.
fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Int(_) | Value::Float(_) => Some(value.clone()),
        Value::String(text) => {
            let text = text.trim();
            let float = || text.parse().ok().filter(|float: &f64| float.is_finite()).map(Value::Float);
            text.parse().ok().map(Value::Int).or_else(float)
        }
        _ => None,
    }
}

/// True, false, 1, 0, and the words `true`, `yes`, `on`, `false`, `no`, `off` in any letter case.
pub(crate) fn checkbox(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Int(0) => Some(false),
        Value::Int(1) => Some(true),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn select(options: &[String], value: &Value) -> Result<Arc<str>, String> {
    let text = scalar_text(value).ok_or_else(|| refuse("one of its options", value))?;
    if options.is_empty() || options.iter().any(|option| **option == *text) {
        return Ok(text);
    }
    let listed: Vec<String> = options.iter().take(20).map(|option| format!("`{option}`")).collect();
    let more = if options.len() > listed.len() { ", …" } else { "" };
    Err(format!("must be one of {}{more}, not `{}`", listed.join(", "), shorten(&text)))
}

/// A list of options, or their names with commas between.
fn multi_select(options: &[String], value: &Value) -> Result<Value, String> {
    let items: Vec<Value> = match value {
        Value::List(items) => items.iter().cloned().collect(),
        Value::String(text) => {
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(Value::from).collect()
        }
        _ => return Err(refuse("a list of its options", value)),
    };
    let selected = items.iter().map(|item| select(options, chosen(item)).map(Value::String));
    Ok(Value::List(Arc::new(selected.collect::<Result<_, _>>()?)))
}

/// Text that reads as a date or a time stays that text; a number is an instant since the epoch.
fn date(value: &Value) -> Option<Value> {
    match value {
        Value::Int(_) | Value::Time(_) => Some(value.clone()),
        Value::String(text) => {
            let text = text.trim();
            let reads = text.parse::<jiff::Timestamp>().is_ok()
                || text.parse::<jiff::civil::DateTime>().is_ok()
                || text.parse::<jiff::civil::Date>().is_ok();
            reads.then(|| Value::String(text.into()))
        }
        _ => None,
    }
}

fn list(value: &Value) -> Option<Value> {
    match value {
        Value::List(_) => Some(value.clone()),
        Value::String(text) => match serde_json::from_str(text) {
            Ok(json @ serde_json::Value::Array(_)) => Some(Value::from(json)),
            _ => None,
        },
        _ => None,
    }
}

fn refuse(expected: &str, value: &Value) -> String {
    format!("must be {expected}, not `{}`", shorten(&value.render()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn define(kind: InputKind, required: bool, default: Option<Value>) -> InputDefinition {
        let options = vec!["low".to_owned(), "high".to_owned()];
        InputDefinition { name: "x".to_owned(), display_name: None, kind, required, default, options }
    }

    /// What `x` becomes, as JSON, or the message.
    fn bind(definition: InputDefinition, given: serde_json::Value) -> Result<serde_json::Value, String> {
        let serde_json::Value::Object(given) = given else { panic!("not an object") };
        match bind_inputs(&[definition], given) {
            Ok(inputs) => Ok(Value::Map(Arc::new(inputs)).to_json()),
            Err(errors) => Err(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
        }
    }

    fn check(kind: InputKind, given: serde_json::Value, expected: Result<serde_json::Value, &str>) {
        let bound = bind(define(kind, true, None), serde_json::json!({ "x": given.clone() }));
        let expected = expected.map(|value| serde_json::json!({ "x": value })).map_err(str::to_owned);
        assert_eq!(bound, expected, "{kind:?} {given}");
    }

    #[test]
    fn values_become_what_was_declared() {
        use InputKind::*;
        use serde_json::json;
        check(Text, json!("a"), Ok(json!("a")));
        check(Text, json!(5), Ok(json!("5")));
        check(LongText, json!({"a": 1}), Ok(json!({"a": 1})));
        check(DynamicText, json!(5), Ok(json!(5)));
        check(Number, json!(" 10 "), Ok(json!(10)));
        check(Number, json!("1.5"), Ok(json!(1.5)));
        check(Checkbox, json!("Yes"), Ok(json!(true)));
        check(Checkbox, json!(0), Ok(json!(false)));
        check(SingleSelect, json!({"display_name": "Low", "value": "low"}), Ok(json!("low")));
        check(MultiSelect, json!("low, high"), Ok(json!(["low", "high"])));
        check(MultiSelect, json!(["high"]), Ok(json!(["high"])));
        check(Date, json!("2024-05-31"), Ok(json!("2024-05-31")));
        check(Date, json!("2024-05-31T08:00:00+02:00"), Ok(json!("2024-05-31T08:00:00+02:00")));
        check(Connections, json!("prod"), Ok(json!("prod")));
        check(List, json!("[1, 2]"), Ok(json!([1, 2])));
        check(List, json!([1]), Ok(json!([1])));
    }

    #[test]
    fn values_that_do_not_fit_are_refused_with_their_name() {
        use InputKind::*;
        use serde_json::json;
        check(Number, json!("abc"), Err("input `x` must be a number, not `abc`"));
        check(Number, json!(true), Err("input `x` must be a number, not `true`"));
        check(Number, json!("inf"), Err("input `x` must be a number, not `inf`"));
        check(Checkbox, json!("maybe"), Err("input `x` must be true or false, not `maybe`"));
        check(SingleSelect, json!("mid"), Err("input `x` must be one of `low`, `high`, not `mid`"));
        check(MultiSelect, json!("low,mid"), Err("input `x` must be one of `low`, `high`, not `mid`"));
        check(
            Date,
            json!("soon"),
            Err("input `x` must be a date such as `2024-05-31` or `2024-05-31T08:00:00Z`, not `soon`"),
        );
        check(List, json!("a"), Err("input `x` must be a list, or the JSON of one, not `a`"));
        check(Number, json!(null), Err("input `x` is required"));
        check(Number, json!(""), Err("input `x` is required"));
    }

    #[test]
    fn defaults_stand_in_and_unknown_inputs_are_kept() {
        use serde_json::json;
        let default = define(InputKind::Number, true, Some(Value::Int(7)));
        assert_eq!(bind(default, json!({"y": [1]})), Ok(json!({"x": 7, "y": [1]})));
        assert_eq!(bind(define(InputKind::Text, false, None), json!({})), Ok(json!({"x": null})));
        assert_eq!(bind(define(InputKind::Text, true, None), json!({"x": ""})), Ok(json!({"x": ""})));
    }
}
