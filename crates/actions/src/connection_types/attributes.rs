//! Whether the attributes of a connection fit its type. The server asks before it stores them; the answer
//! names every field that is wrong, in words for the person at the form, and never repeats a secret.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use types::limits::{CONNECTION_ATTRIBUTE_BYTES_MAX, CONNECTION_ATTRIBUTES_MAX};

use super::values::text_of;
use super::{ConnectionType, Field, InputType};

/// One attribute that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttributeError {
    /// The attribute's key.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// Checks all attributes of a connection of type `kind`; every wrong one is told, in the form's order.
/// Values may be texts, numbers or yes/no. The mask of a secret is a text like any other here: the caller
/// puts the stored value in its place first.
pub fn validate_attributes(
    kind: &ConnectionType,
    attributes: &BTreeMap<String, Value>,
) -> Result<(), Vec<AttributeError>> {
    let mut errors = Vec::new();
    let mut wrong = |field: &str, message: String| {
        errors.push(AttributeError { field: field.chars().take(64).collect(), message });
    };
    for field in &kind.fields {
        match attributes.get(&field.name).filter(|value| !text_of(value).is_empty()) {
            Some(value) => {
                if let Err(message) = check_value(field, value) {
                    wrong(&field.name, message);
                }
            }
            None if field.required && field.default.is_none() && applies(kind, field, attributes) => {
                wrong(&field.name, format!("`{}` is required", field.display_name));
            }
            None => {}
        }
    }
    for name in attributes.keys().filter(|name| kind.field(name).is_none()).take(CONNECTION_ATTRIBUTES_MAX) {
        let shown: String = name.chars().take(64).collect();
        let near = nearest(&shown, kind.fields.iter().map(|field| field.name.as_str()));
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        wrong(name, format!("type `{}` has no field `{shown}`{hint}", kind.name));
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Whether the field's `when` holds.
fn applies(kind: &ConnectionType, field: &Field, attributes: &BTreeMap<String, Value>) -> bool {
    field.when.as_ref().is_none_or(|when| {
        let given = attributes.get(&when.field).filter(|value| !text_of(value).is_empty());
        let value = given.or_else(|| kind.field(&when.field)?.default.as_ref());
        value.map(text_of).as_deref() == Some(when.is.as_str())
    })
}

/// Whether one value has the form its field wants. The message holds no part of a secret.
pub(super) fn check_value(field: &Field, value: &Value) -> Result<(), String> {
    if matches!(value, Value::Array(_) | Value::Object(_)) {
        return Err("is not a text, a number or a yes/no".to_owned());
    }
    let text = text_of(value);
    if text.len() > CONNECTION_ATTRIBUTE_BYTES_MAX {
        return Err(format!("is longer than {CONNECTION_ATTRIBUTE_BYTES_MAX} bytes"));
    }
    let shown = if field.secret { "the value".to_owned() } else { format!("`{}`", abridged(&text)) };
    if field.input_type != InputType::Textarea && text.contains(['\n', '\r', '\0']) {
        return Err("is more than one line".to_owned());
    }
    let fault = match field.input_type {
        InputType::Email if !is_email(&text) => "is not an address of mail".to_owned(),
        InputType::Url if !is_url(&text) => {
            "is not an address such as `https://host/path` without a user in it".to_owned()
        }
        InputType::Number if text.parse::<f64>().map_or(true, |number| !number.is_finite()) => {
            "is not a number".to_owned()
        }
        InputType::Checkbox if !matches!(text.as_str(), "true" | "false") => {
            "is not true or false".to_owned()
        }
        InputType::Select if !field.options.contains(&text) => {
            format!("is not one of `{}`", field.options.join("`, `"))
        }
        _ => match &field.pattern {
            Some(pattern) if !pattern.matches(&text) => {
                let example =
                    field.placeholder.as_ref().map(|text| format!(", as in `{text}`")).unwrap_or_default();
                format!("does not match `{}`{example}", pattern.source())
            }
            _ => return Ok(()),
        },
    };
    Err(format!("{shown} {fault}"))
}

fn abridged(text: &str) -> String {
    if text.chars().count() <= 80 { text.to_owned() } else { text.chars().take(80).chain(['…']).collect() }
}

fn is_email(text: &str) -> bool {
    let (user, domain) = text.rsplit_once('@').unwrap_or_default();
    !user.is_empty()
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && !text.contains(char::is_whitespace)
}

/// An address that requests can start at. A user and password in it would be a secret in a field that is none.
fn is_url(text: &str) -> bool {
    reqwest::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
    })
}

/// The name that was probably meant: at most a third of its letters differ.
fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase().replace('-', "_");
    names
        .map(|near| (edits(&name, near), near))
        .filter(|(edits, near)| *edits <= near.len() / 3)
        .min()
        .map(|(_, near)| near)
}

/// How many letters must change, come or go (Levenshtein).
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in right.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TYPE: &str = "
name: acme
display_name: Acme
description: The Acme console.
category: endpoint
plugin_name: acme
documentation_url: https://acme.example/docs
fields:
  - {name: base_url, display_name: Address, input_type: url, required: true}
  - {name: method, display_name: Method, input_type: select, options: [key, password], default: key}
  - {name: api_key, display_name: Key, input_type: password, secret: true, required: true, pattern: 'k-[0-9]+', when: {field: method, is: key}}
  - {name: email, display_name: Mail, input_type: email, required: true, when: {field: method, is: password}}
  - {name: port, display_name: Port, input_type: number}
  - {name: verify, display_name: Verify, input_type: checkbox, default: true}
base_url: '{base_url}'
allowed_hosts: ['{base_url}']
";

    fn check(attributes: Value, expected: &[(&str, &str)]) {
        let kind = ConnectionType::from_yaml("acme.yaml", TYPE).unwrap();
        let attributes: BTreeMap<String, Value> = serde_json::from_value(attributes).unwrap();
        let errors = validate_attributes(&kind, &attributes).err().unwrap_or_default();
        let errors: Vec<_> =
            errors.iter().map(|error| (error.field.as_str(), error.message.as_str())).collect();
        assert_eq!(errors, expected);
    }

    #[test]
    fn attributes_that_fit_are_accepted() {
        check(json!({"base_url": "https://a.b", "api_key": "k-1"}), &[]);
        check(json!({"base_url": "https://a.b", "api_key": "k-1", "port": 8080, "verify": false}), &[]);
        check(json!({"base_url": "https://a.b", "method": "password", "email": "a@b.co", "port": "1"}), &[]);
    }

    #[test]
    fn every_wrong_attribute_is_told_at_once() {
        check(json!({}), &[("base_url", "`Address` is required"), ("api_key", "`Key` is required")]);
        check(
            json!({"base_url": "ftp://x", "method": "magic", "email": "a@b", "port": "x", "verify": "yes"}),
            &[
                ("base_url", "`ftp://x` is not an address such as `https://host/path` without a user in it"),
                ("method", "`magic` is not one of `key`, `password`"),
                ("email", "`a@b` is not an address of mail"),
                ("port", "`x` is not a number"),
                ("verify", "`yes` is not true or false"),
            ],
        );
        check(
            json!({"base_url": "https://a.b", "api_key": "k-1", "API-kye": "k", "zzz": ""}),
            &[
                ("API-kye", "type `acme` has no field `API-kye`; did you mean `api_key`?"),
                ("zzz", "type `acme` has no field `zzz`"),
            ],
        );
    }

    #[test]
    fn a_secret_is_never_repeated() {
        check(
            json!({"base_url": "https://a.b", "api_key": "hunter2"}),
            &[("api_key", "the value does not match `k-[0-9]+`")],
        );
        check(
            json!({"base_url": "https://a.b", "api_key": {"x": "hunter2"}}),
            &[("api_key", "is not a text, a number or a yes/no")],
        );
        check(
            json!({"base_url": "https://a:b@a.b", "api_key": "k-1\n"}),
            &[
                (
                    "base_url",
                    "`https://a:b@a.b` is not an address such as `https://host/path` without a user in it",
                ),
                ("api_key", "is more than one line"),
            ],
        );
    }

    #[test]
    fn an_attribute_has_a_longest_length() {
        let long = format!("https://a.b/{}", "x".repeat(CONNECTION_ATTRIBUTE_BYTES_MAX));
        check(json!({"base_url": long, "api_key": "k-1"}), &[("base_url", "is longer than 65536 bytes")]);
    }
}
