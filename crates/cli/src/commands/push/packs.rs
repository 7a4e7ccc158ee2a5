//! Packs of workflows.

use serde_json::{Value, json};

use super::run::Push;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::sync::Object;
use crate::sync::remote::Remote;

pub(super) async fn add(push: &Push<'_>, wanted: &Object) -> Outcome<String> {
    let answer = push.client.post(&["automation_packs"], &body(wanted)).await?;
    id_of(&answer)
}

pub(super) async fn update(push: &Push<'_>, wanted: &Object, remote: &Remote) -> Outcome<()> {
    push.client.put(&["automation_packs", &remote.key], &body(wanted)).await.map(drop)
}

fn body(wanted: &Object) -> Value {
    json!({
        "name": wanted.name,
        "description": text(wanted, "description"),
        "tags": list(wanted, "tags"),
    })
}

/// The id of what was made, wherever the answer has it.
pub(super) fn id_of(answer: &Value) -> Outcome<String> {
    let places = [&answer["id"], &answer["app"]["id"], &answer["pack"]["id"], answer];
    let id = places.into_iter().find_map(Value::as_str);
    id.map(str::to_owned).ok_or_else(|| Failure::new(Exit::Failed, "the server's answer names no object"))
}

/// A member that is text; empty if it is absent.
pub(super) fn text<'a>(object: &'a Object, name: &str) -> &'a str {
    object.content.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A member that is a list; empty if it is absent.
pub(super) fn list(object: &Object, name: &str) -> Value {
    object.content.get(name).cloned().unwrap_or_else(|| json!([]))
}
