//! Patches of SCIM (RFC 7644, 3.5.2), as providers send them: with operations in any case, and without paths.

use serde_json::{Map, Value};

use super::filter::{Filter, Operator, Path};
use super::refusal::Refusal;
use crate::http::excerpt;

/// Operations of one patch.
pub(super) const OPERATIONS_MAX: usize = 1000;
/// What no client changes.
const READ_ONLY: [&str; 3] = ["id", "meta", "schemas"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Add,
    Replace,
    Remove,
}

/// The resource as it is after the patch.
pub(super) fn apply(mut resource: Value, patch: &Value) -> Result<Value, Refusal> {
    let operations = super::filter::member(patch, "Operations").and_then(Value::as_array);
    let operations = operations.ok_or_else(|| Refusal::value("the patch has no array `Operations`"))?;
    if operations.is_empty() || operations.len() > OPERATIONS_MAX {
        let count = operations.len();
        return Err(Refusal::value(format!(
            "the patch has {count} operations; 1 to {OPERATIONS_MAX} can be"
        )));
    }
    for operation in operations {
        run(&mut resource, operation)?;
    }
    Ok(resource)
}

fn run(resource: &mut Value, operation: &Value) -> Result<(), Refusal> {
    let op = operation["op"].as_str().unwrap_or_default();
    let kind = match op.to_ascii_lowercase().as_str() {
        "add" => Kind::Add,
        "replace" => Kind::Replace,
        "remove" => Kind::Remove,
        _ => {
            let message = format!("`{}` is no operation; those are add, replace, remove", excerpt(op));
            return Err(Refusal::value(message));
        }
    };
    let value = &operation["value"];
    match operation["path"].as_str().filter(|path| !path.is_empty()) {
        Some(path) => at(resource, kind, path, value),
        None if kind == Kind::Remove => {
            Err(Refusal::no_target("what to remove is not said: `path` is missing"))
        }
        None => {
            let members = value.as_object();
            let members =
                members.ok_or_else(|| Refusal::value("without a `path`, `value` must be an object"))?;
            // Read-only members of a whole resource say nothing new; the names of the others may be paths.
            let changing = members.iter().filter(|(name, _)| !is_read_only(name));
            changing.into_iter().try_for_each(|(path, value)| at(resource, kind, path, value))
        }
    }
}

fn is_read_only(name: &str) -> bool {
    READ_ONLY.iter().any(|own| own.eq_ignore_ascii_case(name))
}

fn at(resource: &mut Value, kind: Kind, path: &str, value: &Value) -> Result<(), Refusal> {
    let parsed = Path::parse(path)?;
    if parsed.attribute.0.first().is_some_and(|name| is_read_only(name)) {
        return Err(Refusal::mutability(format!("`{}` cannot be changed", excerpt(path))));
    }
    let mut place = resource;
    for name in &parsed.attribute.0 {
        place = entry(place, name, path)?;
    }
    match &parsed.values {
        None => set(place, kind, value),
        Some(filter) => return in_values(place, kind, filter, parsed.part.as_deref(), (path, value)),
    }
    Ok(())
}

/// The member of that name, in whichever case; null if it was not there.
fn entry<'a>(place: &'a mut Value, name: &str, path: &str) -> Result<&'a mut Value, Refusal> {
    if place.is_null() {
        *place = Value::Object(Map::new());
    }
    let members = place
        .as_object_mut()
        .ok_or_else(|| Refusal::no_target(format!("`{}` leads to nothing", excerpt(path))))?;
    let key = members.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned();
    Ok(members.entry(key.unwrap_or_else(|| name.to_owned())).or_insert(Value::Null))
}

fn set(place: &mut Value, kind: Kind, value: &Value) {
    match (kind, place, value) {
        // Some providers name the values that go in the operation instead of its path.
        (Kind::Remove, Value::Array(values), Value::Array(gone)) if !gone.is_empty() => {
            values.retain(|value| !gone.iter().any(|one| is_same(one, value)));
        }
        (Kind::Remove, place, _) => *place = Value::Null,
        (Kind::Add, Value::Array(values), Value::Array(more)) => values.extend(more.iter().cloned()),
        (Kind::Add, Value::Array(values), one) => values.push(one.clone()),
        (_, Value::Object(members), Value::Object(more)) => {
            members.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        (_, place, value) => *place = value.clone(),
    }
}

/// Whether two values of an attribute are the same: by their `value`, where they have one.
fn is_same(one: &Value, other: &Value) -> bool {
    let named =
        |value: &Value| super::filter::member(value, "value").cloned().unwrap_or_else(|| value.clone());
    named(one) == named(other)
}

/// Changes those of an attribute's values that meet the filter.
fn in_values(
    place: &mut Value,
    kind: Kind,
    filter: &Filter,
    part: Option<&str>,
    (path, value): (&str, &Value),
) -> Result<(), Refusal> {
    if place.is_null() {
        *place = Value::Array(Vec::new());
    }
    let nowhere = || Refusal::no_target(format!("no value is where `{}` leads", excerpt(path)));
    let values = place.as_array_mut().ok_or_else(nowhere)?;
    if kind == Kind::Remove && part.is_none() {
        values.retain(|value| !filter.holds(value));
        return Ok(());
    }
    let mut found = false;
    for one in values.iter_mut().filter(|value| filter.holds(value)) {
        found = true;
        let target = match part {
            Some(part) => entry(one, part, path)?,
            None => one,
        };
        set(target, kind, value);
    }
    if found {
        return Ok(());
    }
    // Entra sets the part of a value that is not there yet, and means that it be made.
    let (Filter::Compare(attribute, Operator::Equal, wanted), Some(part)) = (filter, part) else {
        return Err(nowhere());
    };
    let mut made = Map::new();
    made.insert(attribute.0.join("."), wanted.clone());
    made.insert(part.to_owned(), value.clone());
    values.push(Value::Object(made));
    Ok(())
}
