//! Tables: fields are added and changed, and removed only with `--prune`.

use serde_json::{Map, Value, json};

use super::packs::text;
use super::run::Push;
use crate::failure::Outcome;
use crate::sync::remote::{self, Remote};
use crate::sync::{Kind, Object};

/// Rounds after which a table that does not become what it should is left: a field whose display name is another one
/// than its name needs two.
const ROUNDS_MAX: usize = 3;

/// The way from a table on the server to the one in the folder.
#[derive(Debug, Default)]
pub(super) struct Steps {
    added: Vec<Value>,
    changed: Vec<Value>,
    /// By name.
    pub(super) removed: Vec<String>,
    /// Field, type on the server, type in the folder.
    pub(super) type_changes: Vec<(String, String, String)>,
    is_renamed: bool,
}

impl Steps {
    pub(super) fn between(wanted: &Object, remote: &Remote) -> Self {
        let (ours, theirs) = (fields(wanted), fields(&remote.object));
        let mut steps = Self::default();
        for field in ours {
            let name = field["name"].as_str().unwrap_or_default();
            let Some(known) = theirs.iter().find(|known| known["name"] == name) else {
                steps.added.push(field.clone());
                continue;
            };
            if known["type"] != field["type"] {
                let kind = |field: &Value| field["type"].as_str().unwrap_or_default().to_owned();
                steps.type_changes.push((name.to_owned(), kind(known), kind(field)));
            } else if !same(known, field) {
                steps.changed.push(field.clone());
            }
        }
        for field in theirs {
            let name = field["name"].as_str().unwrap_or_default();
            if !ours.iter().any(|ours| ours["name"] == name) {
                steps.removed.push(name.to_owned());
            }
        }
        let member = |object: &Object, name: &str| object.content.get(name).cloned();
        let differs = |name: &&str| member(wanted, name) != member(&remote.object, name);
        steps.is_renamed = ["display_name", "description", "settings"].iter().any(differs);
        steps
    }

    /// Whether nothing happens without `--prune`.
    pub(super) fn is_held(&self, prune: bool) -> bool {
        !prune && !self.removed.is_empty() && self.type_changes.is_empty() && !self.does_something()
    }

    fn does_something(&self) -> bool {
        self.is_renamed || !self.added.is_empty() || !self.changed.is_empty()
    }

    /// `adds level; changes owner; removes x with its values`.
    pub(super) fn describe(&self, prune: bool) -> String {
        let name = |field: &Value| field["name"].as_str().unwrap_or_default().to_owned();
        let mut parts = Vec::new();
        let mut part = |verb: &str, list: Vec<String>, rest: &str| {
            if !list.is_empty() {
                parts.push(format!("{verb} {}{rest}", list.join(", ")));
            }
        };
        part("adds", self.added.iter().map(name).collect(), "");
        part("changes", self.changed.iter().map(name).collect(), "");
        if prune {
            part("removes", self.removed.clone(), " with its values");
        } else {
            part("keeps", self.removed.clone(), ": --prune removes it with its values");
        }
        parts.join("; ")
    }
}

fn fields(object: &Object) -> &[Value] {
    object.content.get("fields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn same(a: &Value, b: &Value) -> bool {
    let hash = |field: &Value| {
        let content: Map<String, Value> = field.as_object().cloned().unwrap_or_default();
        Object { kind: Kind::Table, id: None, name: String::new(), content, document: None }.hash()
    };
    hash(a) == hash(b)
}

/// Makes a table of the fields that refer to no other one.
pub(super) async fn add(push: &Push<'_>, wanted: &Object) -> Outcome<String> {
    let fields = fields(wanted).iter().filter(|field| field["type"] != "reference");
    let fields: Vec<Value> = fields.map(|field| body(field, true)).collect();
    let body = json!({
        "display_name": name_for(&wanted.name, text(wanted, "display_name")),
        "description": text(wanted, "description"), "fields": fields,
    });
    push.client.post(&["table"], &body).await?;
    Ok(wanted.name.clone())
}

/// Takes the steps until there are none.
pub(super) async fn converge(push: &Push<'_>, wanted: &Object, mut remote: Remote) -> Outcome<()> {
    let key = remote.key.clone();
    for _ in 0..ROUNDS_MAX {
        let steps = Steps::between(wanted, &remote);
        if !steps.does_something() && (steps.removed.is_empty() || !push.args.prune) {
            return Ok(());
        }
        take(push, wanted, &key, &steps).await?;
        let Some(fresh) = remote::one(push.client, Kind::Table, &key).await? else { return Ok(()) };
        remote = fresh;
    }
    Ok(())
}

async fn take(push: &Push<'_>, wanted: &Object, key: &str, steps: &Steps) -> Outcome<()> {
    if steps.is_renamed {
        let display_name = match text(wanted, "display_name") {
            "" => &wanted.name,
            name => name,
        };
        let body = json!({
            "display_name": display_name, "description": text(wanted, "description"),
            "settings": wanted.content.get("settings").cloned().unwrap_or_else(|| json!({})),
        });
        push.client.put(&["table", key], &body).await?;
    }
    for field in &steps.added {
        push.client.post(&["table", key, "fields"], &body(field, true)).await?;
    }
    for field in &steps.changed {
        let name = field["name"].as_str().unwrap_or_default();
        push.client.put(&["table", key, "fields", name], &body(field, false)).await?;
    }
    if push.args.prune {
        for name in &steps.removed {
            push.client.delete(&["table", key, "fields", name], &[]).await?;
        }
    }
    Ok(())
}

fn body(field: &Value, is_new: bool) -> Value {
    let text = |name: &str| field[name].as_str().unwrap_or_default();
    let display_name = match (text("display_name"), is_new) {
        ("", _) => text("name"),
        (shown, true) => name_for(text("name"), shown),
        (shown, false) => shown,
    };
    json!({
        "display_name": display_name, "description": text("description"), "type": text("type"),
        "attributes": field.get("attributes").cloned().unwrap_or_else(|| json!({})),
    })
}

/// A display name from which the server makes that very name; the one for people may have been changed since.
fn name_for<'a>(name: &'a str, display_name: &'a str) -> &'a str {
    let made: String =
        display_name.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    if made == name { display_name } else { name }
}
