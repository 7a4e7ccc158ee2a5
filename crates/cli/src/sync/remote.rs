//! The workspace as the API shows it, in the form of the folder: without what differs between servers.

use serde_json::{Map, Value, json};

use super::{Kind, Object, drop_empty, folder, schema};
use crate::client::{Client, results};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::text::instant;

/// Rows asked for at once; documents come along.
const PAGE_ROWS: usize = 200;
/// Objects of one kind.
const OBJECTS_MAX: usize = 10_000;

/// An object on the server.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    pub(crate) object: Object,
    /// Its id; of a table its name, of a connection its type and name, which mean the same on every server.
    pub(crate) key: String,
    /// For people.
    pub(crate) version: String,
    /// Of a workflow, the number of its newest draft.
    pub(crate) draft: i64,
    /// Of a workflow or agent, what is published: the number of the version and its document.
    pub(crate) published: Option<(i64, String)>,
    /// Ids that the folder does not hold: of the resources of an app, in their order.
    pub(crate) parts: Vec<String>,
    /// Records of a table, counted up to 10,000.
    pub(crate) records: i64,
}

/// Everything in the workspace that a folder holds. Workflows and agents name their pack by its id yet.
pub(crate) async fn all(client: &Client) -> Outcome<Vec<Remote>> {
    let mut remotes = Vec::new();
    for row in rows(client, &["connections"]).await? {
        remotes.push(connection(&row));
    }
    for row in rows(client, &["tables"]).await? {
        remotes.push(table(client, &row).await?);
    }
    for row in rows(client, &["table", "automation_packs"]).await? {
        remotes.push(pack(&row));
    }
    let packs = rows(client, &["agent_packs"]).await?;
    for row in rows(client, &["agents"]).await? {
        remotes.push(agent(&row, &packs));
    }
    for row in rows(client, &["playbooks"]).await? {
        remotes.push(workflow(client, &row).await?);
    }
    for row in rows(client, &["apps"]).await? {
        remotes.push(app(&client.get(&["apps", text(&row, "id")], &[]).await?));
    }
    Ok(remotes)
}

/// One of them as it is now; none if it is gone.
pub(crate) async fn one(client: &Client, kind: Kind, key: &str) -> Outcome<Option<Remote>> {
    let found = match kind {
        Kind::Connection => return Ok(None),
        Kind::Table => {
            let tables = rows(client, &["tables"]).await?;
            let Some(row) = tables.iter().find(|row| row["name"] == key) else { return Ok(None) };
            table(client, row).await
        }
        Kind::Pack => client.get(&["table", "automation_packs", key], &[]).await.map(|row| pack(&row)),
        Kind::Agent => match client.get(&["agents", key], &[]).await {
            Ok(row) => Ok(agent(&row, &rows(client, &["agent_packs"]).await?)),
            Err(failure) => Err(failure),
        },
        Kind::Workflow => match client.get(&["playbooks", key], &[]).await {
            Ok(row) => workflow(client, &row).await,
            Err(failure) => Err(failure),
        },
        Kind::App => client.get(&["apps", key], &[]).await.map(|answer| app(&answer)),
    };
    match found {
        Err(failure) if failure.exit == Exit::NotFound => Ok(None),
        found => found.map(Some),
    }
}

/// The packs of agents.
pub(crate) async fn agent_packs(client: &Client) -> Outcome<Vec<Value>> {
    rows(client, &["agent_packs"]).await
}

async fn rows(client: &Client, path: &[&str]) -> Outcome<Vec<Value>> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let q = json!({"limit": PAGE_ROWS, "offset": all.len(), "sort": ["created_at"]});
        let page = client.get(path, &[("q", q.to_string())]).await?;
        all.extend_from_slice(results(&page));
        if results(&page).len() < PAGE_ROWS {
            return Ok(all);
        }
        if all.len() > OBJECTS_MAX {
            let message = format!("the workspace has more than {OBJECTS_MAX} {}", path.join("/"));
            return Err(Failure::new(Exit::Invalid, message));
        }
    }
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}

/// These members of a row, by the names that the folder has for them.
fn members(row: &Value, names: &[(&str, &str)]) -> Map<String, Value> {
    names.iter().map(|(ours, theirs)| ((*ours).to_owned(), row[*theirs].clone())).collect()
}

fn remote(kind: Kind, row: &Value, mut map: Map<String, Value>, document: Option<String>) -> Remote {
    let key = text(row, "id").to_owned();
    if !matches!(kind, Kind::Table | Kind::Connection) {
        map.insert("id".to_owned(), key.clone().into());
    }
    Remote {
        object: folder::object(kind, map, document),
        key,
        version: instant(row["updated_at"].as_i64().unwrap_or(0)),
        draft: 0,
        published: None,
        parts: Vec::new(),
        records: 0,
    }
}

fn connection(row: &Value) -> Remote {
    let map = members(row, &[("name", "name"), ("type", "type_name")]);
    let key = format!("{}/{}", text(row, "type_name"), text(row, "name"));
    Remote { key, ..remote(Kind::Connection, row, map, None) }
}

async fn table(client: &Client, row: &Value) -> Outcome<Remote> {
    const MEMBERS: [&str; 4] = ["name", "display_name", "description", "settings"];
    const FIELD_MEMBERS: [&str; 5] = ["name", "display_name", "type", "description", "attributes"];
    let name = text(row, "name").to_owned();
    let fields = client.get(&["table", &name, "fields"], &[]).await?;
    let fields = fields.as_array().map_or_else(|| results(&fields).to_vec(), Clone::clone);
    let mut shown = Vec::new();
    for field in fields.iter().filter(|field| field["attributes"]["system"] != true) {
        let mut field = members(field, &FIELD_MEMBERS.map(|name| (name, name)));
        if let Some(Value::Object(attributes)) = field.get_mut("attributes") {
            attributes.retain(|name, _| name != "system" && name != "protected");
        }
        shown.push(Value::Object(field));
    }
    let mut map = members(row, &MEMBERS.map(|name| (name, name)));
    map.insert("fields".to_owned(), shown.into());
    let records = row["estimated_records_count"].as_i64().unwrap_or(0);
    Ok(Remote { key: name, records, ..remote(Kind::Table, row, map, None) })
}

fn pack(row: &Value) -> Remote {
    let map = members(row, &[("name", "display_name"), ("description", "description"), ("tags", "tags")]);
    remote(Kind::Pack, row, map, None)
}

fn agent(row: &Value, packs: &[Value]) -> Remote {
    const DRAFT: [&str; 8] = [
        "role",
        "constraints",
        "abilities",
        "knowledge",
        "modes",
        "avatar_style",
        "avatar_color",
        "avatar_logo",
    ];
    let mut map = members(row, &["name", "title", "description"].map(|name| (name, name)));
    let pack = packs.iter().find(|pack| pack["id"] == row["pack_id"]);
    map.insert("pack".to_owned(), pack.map(|pack| pack["name"].clone()).unwrap_or_default());
    map.extend(members(&row["draft_version"], &DRAFT.map(|name| (name, name))));
    let is_current = row["is_published"] == true && row["has_unpublished_changes"] != true;
    let published = is_current.then(|| (0, String::new()));
    Remote { published, ..remote(Kind::Agent, row, map, None) }
}

/// A row shows the published document, or the draft where there is none.
async fn workflow(client: &Client, row: &Value) -> Outcome<Remote> {
    let document = |row: &Value| text(row, "playbook").to_owned();
    let mut published = None;
    let mut row = row.clone();
    if row["is_published"] == true {
        published = Some((row["published_version"].as_i64().unwrap_or(0), document(&row)));
        if row["has_unpublished_changes"] == true {
            // Everything from one answer, so that number and text belong together.
            row = client.get(&["playbooks", text(&row, "id"), "draft"], &[]).await?;
        }
    }
    let map = members(&row, &[("name", "name"), ("pack", "pack_id"), ("active", "active"), ("tags", "tags")]);
    let draft = row["draft_version"].as_i64().unwrap_or(0);
    let found = remote(Kind::Workflow, &row, map, Some(document(&row)));
    let version = format!("draft {draft} of {}", found.version);
    Ok(Remote { draft, published, version, ..found })
}

fn app(answer: &Value) -> Remote {
    let row = &answer["app"];
    let mut map = members(
        row,
        &[
            ("name", "display_name"),
            ("description", "description"),
            ("icon", "icon"),
            ("categories", "categories"),
            ("is_portal", "is_portal"),
        ],
    );
    let resources = answer["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let shown = resources.iter().map(|resource| {
        let mut shown = members(resource, &["type", "attributes", "display_config"].map(|name| (name, name)));
        if let Some(attributes) = shown.get_mut("attributes") {
            drop_filled_in(attributes);
        }
        drop_empty(&mut shown);
        (Value::Object(shown), text(resource, "id").to_owned())
    });
    let mut shown: Vec<(Value, String)> = shown.collect();
    // As in the folder, so that the ids stand in the same order.
    shown.sort_by_cached_key(|(resource, _)| schema::resource_order(resource));
    let (shown, parts): (Vec<Value>, Vec<_>) = shown.into_iter().unzip();
    map.insert("resources".to_owned(), shown.into());
    Remote { parts, ..remote(Kind::App, row, map, None) }
}

/// What the server fills in of a resource: it is different on every server, and follows from the name of the table.
fn drop_filled_in(attributes: &mut Value) {
    let Value::Object(map) = attributes else { return };
    if map.get("table_name").is_some_and(|name| name.as_str().is_some_and(|name| !name.is_empty())) {
        map.remove("table_id");
        map.remove("table_display_name");
    }
    map.remove("html_url");
    for part in ["input", "output"] {
        map.get_mut(part).into_iter().for_each(drop_filled_in);
    }
}
