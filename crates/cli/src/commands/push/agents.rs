//! Agents, and the packs that they are in.

use serde_json::{Value, json};

use super::packs::{id_of, text};
use super::run::Push;
use crate::failure::Outcome;
use crate::sync::Object;
use crate::sync::remote::{Remote, agent_packs};

/// Makes it with an empty draft: an update says the rest.
pub(super) async fn add(push: &Push<'_>, wanted: &Object) -> Outcome<String> {
    let body = json!({
        "pack_id": pack(push, text(wanted, "pack")).await?, "name": wanted.name,
        "title": text(wanted, "title"), "description": text(wanted, "description"),
    });
    id_of(&push.client.post(&["agents"], &body).await?)
}

pub(super) async fn update(push: &Push<'_>, wanted: &Object, remote: &Remote) -> Outcome<()> {
    let body = json!({
        "name": wanted.name, "title": text(wanted, "title"), "description": text(wanted, "description"),
    });
    push.client.patch(&["agents", &remote.key], &body).await?;
    save(push, wanted, &remote.key).await
}

/// A draft; published at once if it is to be, for a workflow that names an agent is read only where that is published.
async fn save(push: &Push<'_>, wanted: &Object, id: &str) -> Outcome<()> {
    if push.args.publish && !wanted.name.is_empty() {
        return publish(push, wanted, id).await;
    }
    push.client.post(&["agents", id, "draft"], &version(wanted)).await.map(drop)
}

pub(super) async fn publish(push: &Push<'_>, wanted: &Object, id: &str) -> Outcome<()> {
    push.client.post(&["agents", id, "publish"], &version(wanted)).await.map(drop)
}

/// Everything of a version: what is absent becomes empty, and `knowledge` too only if it is said.
fn version(wanted: &Object) -> Value {
    let mut version = json!({"knowledge": []});
    for name in [
        "role",
        "constraints",
        "abilities",
        "knowledge",
        "modes",
        "avatar_style",
        "avatar_color",
        "avatar_logo",
    ] {
        if let Some(value) = wanted.content.get(name) {
            version[name] = value.clone();
        }
    }
    version
}

/// The id of the pack of that name, which is made if there is none.
async fn pack(push: &Push<'_>, name: &str) -> Outcome<String> {
    let known = agent_packs(push.client).await?;
    let is = |pack: &&Value| {
        pack["name"].as_str().is_some_and(|known| known.to_lowercase() == name.to_lowercase())
    };
    match known.iter().find(is) {
        Some(pack) => id_of(pack),
        None => id_of(&push.client.post(&["agent_packs"], &json!({"name": name})).await?),
    }
}
