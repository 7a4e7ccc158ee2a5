//! `array.Deduplicate`.

use std::collections::HashSet;

use serde_json::{Value as Json, json};

use crate::inputs::Inputs;
use crate::pure::Pure;
use crate::{ActionError, ActionSpec, InputType, Parameter};

/// The action.
pub(crate) struct Deduplicate;

impl Pure for Deduplicate {
    fn describe() -> ActionSpec {
        let key = "Compares the elements by the value at this path, such as `user.name`; elements without it \
                   count as equal. Absent: by all that they hold.";
        let description =
            "Keeps the first of equal elements. Maps are equal whatever the order of their keys.";
        ActionSpec {
            parameters: vec![super::array(), Parameter::new("key", "Key path", InputType::Text, key)],
            example_output: json!(["10.0.0.7", "203.0.113.9"]),
            ..super::spec("Deduplicate", "Remove duplicates", description)
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let items = inputs.list("array")?;
        let path = inputs.filled_text("key")?;
        let mut seen = HashSet::new();
        let is_new = |item: &&Json| {
            let value = path.as_deref().map_or(Some(*item), |path| at(item, path));
            let mut text = String::new();
            canonical(value.unwrap_or(&Json::Null), &mut text);
            seen.insert(text)
        };
        Ok(items.iter().filter(is_new).cloned().collect())
    }
}

/// The value at the path: keys of maps and indices of lists, parted by dots.
fn at<'a>(item: &'a Json, path: &str) -> Option<&'a Json> {
    path.trim().split('.').try_fold(item, |value, key| match value {
        Json::Array(items) => items.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    })
}

/// The value's JSON, the same for equal values.
fn canonical(value: &Json, out: &mut String) {
    match value {
        Json::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Json::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (key, value) in entries {
                out.push_str(&Json::from(key.as_str()).to_string());
                out.push(':');
                canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        // 1 and 1.0 are the same number.
        Json::Number(number) if number.is_f64() => match number.as_f64() {
            Some(float) if float.fract() == 0.0 => out.push_str(&format!("{float:.0}")),
            _ => out.push_str(&number.to_string()),
        },
        value => out.push_str(&value.to_string()),
    }
}
