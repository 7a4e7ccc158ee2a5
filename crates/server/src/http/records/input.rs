//! From what somebody wrote to the values of a record, by the rules of the table's fields alone. What takes a look into
//! the table is `write`'s.

use serde_json::{Map, Value};
use store::records::{Record, Shape};
use store::tables::SYSTEM_FIELDS;

use super::problems::Problems;
use crate::error::{ApiError, ApiResult, code};
use crate::http::excerpt;

/// A record as somebody wrote it.
pub(super) type Body = Map<String, Value>;

/// The values that the body gives, each as its field keeps it; those of the system's fields are left out.
pub(super) fn read(shape: &Shape, index: usize, body: &Body, problems: &mut Problems) -> Body {
    read_but(shape, index, body, &[], problems)
}

/// The same without the fields `but`.
pub(super) fn read_but(
    shape: &Shape,
    index: usize,
    body: &Body,
    but: &[&str],
    problems: &mut Problems,
) -> Body {
    let mut values = Body::new();
    let is_meant = |name: &str| !SYSTEM_FIELDS.contains(&name) && !but.contains(&name);
    for (name, given) in body.iter().filter(|(name, _)| is_meant(name)) {
        let Some(field) = shape.field(name) else {
            problems.add(index, name, format!("is none of table `{}`", shape.table.name));
            continue;
        };
        match field.check(given) {
            Ok(kept) => _ = values.insert(name.clone(), kept),
            Err(why) => problems.add(index, name, why),
        }
    }
    values
}

/// Gives a new record its default values, and refuses what it cannot be without.
pub(super) fn complete(shape: &Shape, index: usize, body: &Body, values: &mut Body, problems: &mut Problems) {
    for name in SYSTEM_FIELDS {
        if body.get(name).is_some_and(|given| !given.is_null()) {
            problems.add(index, name, "is in every table and is not written");
        }
    }
    for field in &shape.fields {
        let default = &field.attributes.default_value;
        let is_absent = values.get(&field.name).is_none_or(Value::is_null);
        if is_absent && !default.is_null() {
            values.insert(field.name.clone(), default.clone());
        }
    }
    blank_rest(shape, values);
    hold_required(shape, index, values, problems);
}

/// The fields whose file the body says as the record holds it: clients send whole records back.
pub(super) fn kept_files<'s>(shape: &'s Shape, body: &Body, held: &Record) -> Vec<&'s str> {
    let names = shape.files().map(|field| field.name.as_str());
    let is_kept = |name: &&str| {
        let given = body.get(*name).filter(|given| given.is_object());
        given.is_some_and(|given| held.values.get(*name) == Some(given))
    };
    names.filter(is_kept).collect()
}

/// Makes the fields empty that the values do not name.
pub(super) fn blank_rest(shape: &Shape, values: &mut Body) {
    for field in &shape.fields {
        values.entry(field.name.clone()).or_insert(Value::Null);
    }
}

/// Refuses that a required field becomes empty.
pub(super) fn hold_required(shape: &Shape, index: usize, values: &Body, problems: &mut Problems) {
    let says_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(values) => values.is_empty(),
        _ => false,
    };
    for field in shape.fields.iter().filter(|field| field.attributes.required) {
        if values.get(&field.name).is_some_and(says_nothing) {
            problems.add(index, &field.name, "is required");
        }
    }
}

/// What the body says of the system's fields must be so: clients send whole records back. An `updated_at` that is not the
/// record's means that others have changed it since the caller read it.
pub(super) fn hold_system(
    index: usize,
    body: &Body,
    held: &Record,
    problems: &mut Problems,
) -> ApiResult<()> {
    let is_given = |name: &str| body.get(name).filter(|given| !given.is_null());
    if let Some(given) = is_given("updated_at")
        && !says(given, &held.updated_at.as_millis().into())
    {
        let (id, at) = (held.id, held.updated_at.as_millis());
        let message = format!(
            "record `{id}` was changed at `{at}`; you know it as of `{}`",
            excerpt(&given.to_string())
        );
        return Err(ApiError::new(&code::RECORD_CHANGED, message)
            .with_data("id", id.to_string())
            .with_data("updated_at", at));
    }
    let own = [
        ("id", Value::from(held.id.to_string())),
        ("created_at", held.created_at.as_millis().into()),
        ("created_by", held.created_by.clone().into()),
        ("updated_by", held.updated_by.clone().into()),
    ];
    for (name, own) in own {
        if is_given(name).is_some_and(|given| !says(given, &own)) {
            problems.add(index, name, "is in every table and is not written");
        }
    }
    Ok(())
}

/// Whether they are the same; a number may be written as a text, as everywhere in a record.
fn says(given: &Value, own: &Value) -> bool {
    let number = given.as_str().and_then(|text| text.trim().parse::<i64>().ok());
    given == own || number.is_some_and(|number| own.as_i64() == Some(number))
}
