//! Workflows: drafts, what they are called and where they are, and publishing.

use serde_json::{Value, json};

use super::packs::{id_of, list, text};
use super::run::Push;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::sync::Object;
use crate::sync::remote::Remote;

/// What versions say of where they come from.
const SOURCE: &str = "push";

pub(super) async fn add(push: &Push<'_>, wanted: &Object) -> Outcome<String> {
    let mut body = settings(push, wanted)?;
    body["playbook"] = wanted.document.clone().into();
    id_of(&push.client.post(&["playbooks", "ui"], &body).await?)
}

pub(super) async fn update(push: &Push<'_>, wanted: &Object, remote: &Remote) -> Outcome<()> {
    if wanted.document != remote.object.document {
        // The server refuses it if there is a newer draft than the one that was compared.
        let body = commit(wanted, remote.draft);
        push.client.post(&["playbooks", &remote.key, "draft"], &body).await?;
    }
    if wanted.content != remote.object.content {
        push.client.put(&["playbooks", &remote.key], &settings(push, wanted)?).await?;
    }
    Ok(())
}

/// Publishes what the folder says; whether that was needed.
pub(super) async fn publish(push: &Push<'_>, wanted: &Object, remote: &Remote) -> Outcome<bool> {
    let (number, text) = remote.published.clone().unwrap_or_default();
    if number > 0 && wanted.document.as_ref() == Some(&text) {
        return Ok(false);
    }
    push.client.post(&["playbooks", &remote.key, "public"], &commit(wanted, number)).await?;
    if wanted.content.get("active") == Some(&Value::Bool(false)) {
        // Publishing has switched it on.
        push.client.put(&["playbooks", &remote.key], &settings(push, wanted)?).await?;
    }
    Ok(true)
}

fn commit(wanted: &Object, branched_from: i64) -> Value {
    json!({"playbook": wanted.document, "branched_from": branched_from, "source": SOURCE})
}

fn settings(push: &Push<'_>, wanted: &Object) -> Outcome<Value> {
    let pack = text(wanted, "pack");
    let id = push.packs.get(pack);
    let id =
        id.ok_or_else(|| Failure::new(Exit::Failed, format!("the pack `{pack}` is not on the server")))?;
    Ok(json!({
        "name": wanted.name, "pack_id": id, "active": wanted.content["active"], "tags": list(wanted, "tags"),
    }))
}
