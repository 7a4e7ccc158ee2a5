//! Apps with what they show. Resources are what they are by their place: one that has another type than the one on the
//! server at its place is made anew, with all that follow.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::packs::{id_of, list, text};
use super::run::Push;
use crate::client::{Client, results};
use crate::failure::Outcome;
use crate::sync::Object;
use crate::sync::remote::Remote;
use types::limits::PAGE_ROWS_MAX;

pub(super) async fn add(push: &Push<'_>, wanted: &Object) -> Outcome<String> {
    let mut body = body(wanted);
    body["resources"] = list(wanted, "resources");
    let id = id_of(&push.client.post(&["apps"], &body).await?)?;
    if is_portal(wanted) {
        push.client.put(&["apps", &id, "is_portal"], &json!({"is_portal_app": true})).await?;
    }
    Ok(id)
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
    let (ours, theirs) = (slice(&ours), slice(&theirs));
    let same_type = ours.iter().zip(theirs).take_while(|(ours, theirs)| ours["type"] == theirs["type"]).count();
    for (_, part) in remote.parts.iter().skip(same_type) {
        client.delete(&["apps", id, "resources", part], &[]).await?;
    }
    let mut tables = None;
    let changed = ours.iter().zip(theirs).zip(&remote.parts).take(same_type);
    for ((ours, theirs), (_, part)) in changed {
        if ours == theirs {
            continue;
        }
        let tables = match &mut tables {
            Some(tables) => tables,
            none => none.insert(table_ids(client).await?),
        };
        let mut body = ours.clone();
        // A change names its table by the id that it has on this server.
        fill_in(&mut body["attributes"], tables);
        body["id"] = part.clone().into();
        client.put(&["apps", id, "resources", part], &body).await?;
    }
    for resource in ours.iter().skip(same_type) {
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

fn is_portal(object: &Object) -> bool {
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
