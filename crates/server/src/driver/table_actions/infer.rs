//! Fields that follow from records.

use serde_json::{Map, Value, json};
use store::tables::{FIELDS_MAX, LIST_VALUES_MAX, SYSTEM_FIELDS, TEXT_CHARS_MAX};

use super::Done;
use super::input::invalid;
use crate::http::derived_name;

type Record = Map<String, Value>;

/// The fields of a table that can hold the records, as they are written in `POST /table`, and the records by the names of
/// those fields. What is neither a number, a truth nor a list of texts throughout is text; maps are kept as their JSON.
pub(super) fn table(records: Vec<Record>) -> Done<(Vec<Value>, Vec<Record>)> {
    let keys = keys(&records)?;
    let mut fields = Vec::with_capacity(keys.len());
    let mut rows = vec![Record::new(); records.len()];
    for (key, name) in keys {
        let values = || records.iter().filter_map(|record| record.get(&key));
        let kind = kind(values());
        fields.push(json!({"display_name": key, "type": kind}));
        for (row, record) in rows.iter_mut().zip(&records) {
            if let Some(value) = record.get(&key) {
                row.insert(name.clone(), kept(kind, value));
            }
        }
    }
    Ok((fields, rows))
}

/// The keys in the order in which they come, each with the name of its field.
fn keys(records: &[Record]) -> Done<Vec<(String, String)>> {
    let mut keys: indexmap::IndexMap<String, String> = indexmap::IndexMap::new();
    for key in records.iter().flat_map(Map::keys) {
        if keys.contains_key(key) {
            continue;
        }
        let name = derived_name("field", key).map_err(|error| invalid(error.message()))?;
        if SYSTEM_FIELDS.contains(&name.as_str()) {
            return Err(invalid(format!(
                "input `data` has the key `{key}`, which is in every table already"
            )));
        }
        if let Some((other, _)) = keys.iter().find(|(_, taken)| **taken == name) {
            return Err(invalid(format!(
                "the keys `{other}` and `{key}` of input `data` are one field, `{name}`"
            )));
        }
        keys.insert(key.clone(), name);
        if keys.len() > FIELDS_MAX {
            return Err(invalid(format!("input `data` has more than {FIELDS_MAX} keys")));
        }
    }
    if keys.is_empty() {
        return Err(invalid("input `data` has no record with a key, so there is nothing to make fields of"));
    }
    Ok(keys.into_iter().collect())
}

fn kind<'v>(values: impl Iterator<Item = &'v Value>) -> &'static str {
    let values: Vec<&Value> = values.filter(|value| !value.is_null()).collect();
    let is_texts = |value: &Value| {
        let list = value.as_array();
        list.is_some_and(|list| list.len() <= LIST_VALUES_MAX && list.iter().all(Value::is_string))
    };
    if values.is_empty() {
        "text"
    } else if values.iter().all(|value| value.is_boolean()) {
        "checkbox"
    } else if values.iter().all(|value| value.is_number()) {
        "number"
    } else if values.iter().all(|value| is_texts(value)) {
        "list"
    } else if values.iter().any(|value| text(value).chars().count() > TEXT_CHARS_MAX) {
        "long-text"
    } else {
        "text"
    }
}

fn kept(kind: &str, value: &Value) -> Value {
    match (kind, value) {
        ("text" | "long-text", value) if !value.is_null() => text(value).into(),
        (_, value) => value.clone(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(value: Value) -> Vec<Record> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_field_has_the_type_that_all_of_its_values_have() {
        let data = json!([
            {"Up": true, "CPU %": 1.5, "Tags": ["a"], "Mixed": 1, "Map": {"a": 1}, "Long": "x".repeat(TEXT_CHARS_MAX + 1)},
            {"Up": null, "CPU %": 2, "Mixed": "two", "None": null},
        ]);
        let (fields, rows) = table(records(data)).unwrap();
        let kinds: Vec<&str> = fields.iter().map(|field| field["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["checkbox", "number", "list", "text", "text", "long-text", "text"]);
        assert_eq!((&rows[0]["cpu__"], &rows[0]["mixed"]), (&json!(1.5), &json!("1")));
        assert_eq!(rows[0]["map"], json!("{\"a\":1}"));
        assert_eq!(rows[1]["up"], Value::Null);
    }

    #[test]
    fn keys_that_cannot_be_fields_are_named() {
        let check = |data: Value, why: &str| {
            let error = table(records(data)).unwrap_err();
            assert!(error.message.contains(why), "{}", error.message);
        };
        check(json!([{"a b": 1, "A_B": 2}]), "`a b` and `A_B`");
        check(json!([{"ID": 1}]), "`ID`");
        check(json!([{"--": 1}]), "`--`");
        check(json!([{}]), "nothing to make fields of");
        let many: Record = (0..=FIELDS_MAX).map(|n| (format!("f{n}"), json!(1))).collect();
        check(json!([many]), "more than");
    }
}
