//! Apps with what they show. The folder holds no ids of resources: those that are the same on both sides stay, of the
//! others each becomes the next one of its type.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::packs::{id_of, list, text};
use super::run::Push;
use crate::client::{Client, results};
use crate::failure::Outcome;
use crate::sync::Object;
use crate::sync::remote::Remote;
use types::limits::PAGE_ROWS_MAX;

/// Makes it with everything but that it is for the portal, which an update says.
pub(super) async fn add(push: &Push<'_>, wanted: &Object) -> Outcome<String> {
    let mut body = body(wanted);
    body["resources"] = list(wanted, "resources");
    id_of(&push.client.post(&["apps"], &body).await?)
}

pub(super) async fn update(push: &Push<'_>, wanted: &Object, remote: &Remote) -> Outcome<()> {
    let (client, id) = (push.client, remote.key.as_str());
    if body(wanted) != body(&remote.object) {
        client.put(&["apps", id], &body(wanted)).await?;
    }
    if is_portal(wanted) != is_portal(&remote.object) {
        client.put(&["apps", id, "is_portal"], &json!({"is_portal_app": is_portal(wanted)})).await?;
    }
    let (ours, theirs) = (list(wanted, "resources"), list(&remote.object, "resources"));
    let mut theirs: Vec<(&Value, &str)> =
        slice(&theirs).iter().zip(remote.parts.iter().map(String::as_str)).collect();
    let mut ours: Vec<&Value> = slice(&ours).iter().collect();
    ours.retain(|ours| match theirs.iter().position(|(theirs, _)| theirs == ours) {
        Some(place) => {
            theirs.remove(place);
            false
        }
        None => true,
    });
    let tables = if ours.is_empty() { BTreeMap::new() } else { table_ids(client).await? };
    let mut new = Vec::new();
    for resource in ours {
        let Some(place) = theirs.iter().position(|(theirs, _)| theirs["type"] == resource["type"]) else {
            new.push(resource);
            continue;
        };
        let (_, part) = theirs.remove(place);
        let mut body = resource.clone();
        // A change names its table by the id that it has on this server.
        fill_in(&mut body["attributes"], &tables);
        body["id"] = part.into();
        client.put(&["apps", id, "resources", part], &body).await?;
    }
    for (_, part) in theirs {
        client.delete(&["apps", id, "resources", part], &[]).await?;
    }
    for resource in new {
        client.post(&["apps", id, "resources"], resource).await?;
    }
    Ok(())
}

fn slice(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn body(wanted: &Object) -> Value {
    json!({
        "display_name": wanted.name, "description": text(wanted, "description"), "icon": text(wanted, "icon"),
        "categories": list(wanted, "categories"),
    })
}

pub(super) fn is_portal(object: &Object) -> bool {
    object.content.get("is_portal") == Some(&Value::Bool(true))
}

async fn table_ids(client: &Client) -> Outcome<BTreeMap<String, Value>> {
    let q = json!({"limit": PAGE_ROWS_MAX}).to_string();
    let page = client.get(&["tables"], &[("q", q)]).await?;
    let named = |row: &Value| Some((row["name"].as_str()?.to_owned(), row["id"].clone()));
    Ok(results(&page).iter().filter_map(named).collect())
}

fn fill_in(attributes: &mut Value, tables: &BTreeMap<String, Value>) {
    let Value::Object(map) = attributes else { return };
    let id = map.get("table_name").and_then(Value::as_str).and_then(|name| tables.get(name));
    if let Some(id) = id.cloned() {
        map.insert("table_id".to_owned(), id);
    }
    for part in ["input", "output"] {
        if let Some(part) = map.get_mut(part) {
            fill_in(part, tables);
        }
    }
}
