//! Which members the files have, and reading them: what is unknown or of another form is refused with its place.

use serde_json::{Map, Value};
use workflow::Data;

use super::{Kind, drop_empty};

/// What a member may be.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Text,
    Number,
    Flag,
    Texts,
    Map,
    Any,
    /// A map with these members.
    Record(&'static [Key]),
    /// A list of such maps.
    Records(&'static [Key]),
}

/// A member.
pub(super) struct Key {
    name: &'static str,
    form: Form,
    required: bool,
}

const fn key(name: &'static str, form: Form) -> Key {
    Key { name, form, required: false }
}

const fn required(name: &'static str, form: Form) -> Key {
    Key { name, form, required: true }
}

/// `nictate.yaml`.
pub(super) const MANIFEST: &[Key] = &[
    required("format", Form::Number),
    key("workspace", Form::Text),
    key("id", Form::Text),
    key("server", Form::Text),
];

const CONNECTION: &[Key] = &[required("name", Form::Text), required("type", Form::Text)];
const PACK: &[Key] = &[
    key("id", Form::Text),
    required("name", Form::Text),
    key("description", Form::Text),
    key("tags", Form::Texts),
];
const WORKFLOW: &[Key] =
    &[key("id", Form::Text), key("name", Form::Text), key("active", Form::Flag), key("tags", Form::Texts)];
const TABLE: &[Key] = &[
    required("name", Form::Text),
    key("display_name", Form::Text),
    key("description", Form::Text),
    key("settings", Form::Map),
    key("fields", Form::Records(FIELD)),
];
const FIELD: &[Key] = &[
    required("name", Form::Text),
    key("display_name", Form::Text),
    required("type", Form::Text),
    key("description", Form::Text),
    key("attributes", Form::Record(ATTRIBUTES)),
];
const ATTRIBUTES: &[Key] = &[
    key("required", Form::Flag),
    key("is_unique", Form::Flag),
    key("indexed", Form::Flag),
    key("default_value", Form::Any),
    key("options", Form::Texts),
    key("table_reference", Form::Record(REFERENCE)),
    key("include_time", Form::Flag),
];
const REFERENCE: &[Key] = &[required("table_name", Form::Text), key("display_name_field", Form::Text)];
const APP: &[Key] = &[
    key("id", Form::Text),
    required("name", Form::Text),
    key("description", Form::Text),
    key("icon", Form::Text),
    key("categories", Form::Texts),
    key("is_portal", Form::Flag),
    key("resources", Form::Records(RESOURCE)),
];
const RESOURCE: &[Key] =
    &[required("type", Form::Text), key("attributes", Form::Map), key("display_config", Form::Map)];
const AGENT: &[Key] = &[
    key("id", Form::Text),
    key("name", Form::Text),
    key("title", Form::Text),
    key("description", Form::Text),
    required("pack", Form::Text),
    key("role", Form::Text),
    key("constraints", Form::Text),
    key("abilities", Form::Any),
    key("knowledge", Form::Any),
    key("modes", Form::Map),
    key("avatar_style", Form::Text),
    key("avatar_color", Form::Text),
    key("avatar_logo", Form::Text),
];

/// The members of the file of an object; of a workflow, of the file beside its document.
pub(super) const fn keys(kind: Kind) -> &'static [Key] {
    match kind {
        Kind::Connection => CONNECTION,
        Kind::Table => TABLE,
        Kind::Pack => PACK,
        Kind::Agent => AGENT,
        Kind::Workflow => WORKFLOW,
        Kind::App => APP,
    }
}

/// Reads a file of these members.
///
/// # Errors
/// Every problem, as `file:line:column: problem`.
pub(super) fn read(file: &str, text: &str, keys: &'static [Key]) -> Result<Map<String, Value>, Vec<String>> {
    let at = |span: workflow::Span, message: &str| format!("{file}:{}:{}: {message}", span.line, span.column);
    let data = workflow::read_data(text).map_err(|problems| {
        problems.iter().map(|problem| at(problem.span, &problem.message)).collect::<Vec<_>>()
    })?;
    let mut problems = Vec::new();
    check(&data, &data.value, keys, "", &mut |pointer, message| {
        problems.push(at(data.span(pointer), &message));
    });
    match data.value {
        Value::Object(map) if problems.is_empty() => Ok(map),
        _ => Err(problems),
    }
}

fn check(
    data: &Data,
    value: &Value,
    keys: &'static [Key],
    pointer: &str,
    problem: &mut impl FnMut(&str, String),
) {
    let Value::Object(map) = value else {
        return problem(pointer, format!("here must be a map with {}", named(keys)));
    };
    for (name, value) in map {
        let member = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        match keys.iter().find(|key| key.name == name) {
            Some(key) => check_form(data, value, key, &member, problem),
            None => problem(&member, format!("unknown key `{name}`; known are {}", named(keys))),
        }
    }
    for key in keys.iter().filter(|key| key.required && map.get(key.name).is_none_or(Value::is_null)) {
        problem(pointer, format!("the key `{}` is missing", key.name));
    }
}

fn check_form(data: &Data, value: &Value, key: &Key, member: &str, problem: &mut impl FnMut(&str, String)) {
    let what = match key.form {
        // Nothing is as good as absent.
        _ if value.is_null() => return,
        Form::Text if !value.is_string() => "text; quotes make a number one",
        Form::Number if !value.is_number() => "a number",
        Form::Flag if !value.is_boolean() => "true or false",
        Form::Texts if !value.as_array().is_some_and(|items| items.iter().all(Value::is_string)) => {
            "a list of texts"
        }
        Form::Map if !value.is_object() => "a map",
        Form::Record(keys) => return check(data, value, keys, member, problem),
        Form::Records(keys) => match value {
            Value::Array(items) => {
                for (place, item) in items.iter().enumerate() {
                    check(data, item, keys, &format!("{member}/{place}"), problem);
                }
                return;
            }
            _ => "a list",
        },
        _ => return,
    };
    problem(member, format!("`{}` must be {what}", key.name));
}

fn named(keys: &[Key]) -> String {
    let names: Vec<String> = keys.iter().map(|key| format!("`{}`", key.name)).collect();
    names.join(", ")
}

/// What an object says in the one form in which both sides are compared: without what is empty, and in one order.
pub(super) fn normal(kind: Kind, mut map: Map<String, Value>) -> Map<String, Value> {
    if kind == Kind::Workflow {
        // Whatever is made is active, unless somebody switches it off.
        let active = map.get("active").and_then(Value::as_bool).unwrap_or(true);
        drop_empty(&mut map);
        map.insert("active".to_owned(), active.into());
        return in_order(map, &["name", "pack", "active", "tags"]);
    }
    for name in ["fields", "resources"] {
        let Some(Value::Array(items)) = map.get_mut(name) else { continue };
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            if kind == Kind::Table {
                shorten_names(item);
                if let Some(Value::Object(attributes)) = item.get_mut("attributes") {
                    drop_empty(attributes);
                }
            }
            drop_empty(item);
        }
        if kind == Kind::App {
            items.sort_by_cached_key(resource_order);
        }
    }
    if let Some(Value::Object(modes)) = map.get_mut("modes") {
        drop_empty(modes);
    }
    if kind == Kind::Table {
        shorten_names(&mut map);
    }
    drop_empty(&mut map);
    let order: Vec<&str> = keys(kind).iter().map(|key| key.name).collect();
    in_order(map, &order)
}

/// Resources in the order in which people read them: the server has none.
pub(super) fn resource_order(resource: &Value) -> (i64, i64, String) {
    let position = &resource["display_config"]["position"];
    let at = |axis: &str| position[axis].as_i64().unwrap_or(0);
    (at("y"), at("x"), super::sorted(resource).to_string())
}

/// A display name that is the name itself is not written down.
fn shorten_names(map: &mut Map<String, Value>) {
    if map.get("display_name").is_some() && map.get("display_name") == map.get("name") {
        map.remove("display_name");
    }
}

fn in_order(mut map: Map<String, Value>, order: &[&str]) -> Map<String, Value> {
    order.iter().filter_map(|name| map.remove(*name).map(|value| ((*name).to_owned(), value))).collect()
}
