//! A property: whatever the owner of one workspace calls, in whatever order and with whatever ids, no answer holds a byte of
//! another workspace, and nothing there changes. The calls are random, over the whole table of routes.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use server::{Access, BASE, Route, Scope};
use types::{Rng as _, Role, SeededRng, TenantRole};

use crate::executions::workflow;
use crate::support::{Nictate, Person, Reply, WORKSPACE, on_both, text};

/// In every text of the other workspace, in no request of the intruders. Names that are part of addresses lack it.
const MARK: &str = "zq7mark";
/// Sequences for each intruder, and calls in each.
const SEQUENCES: u64 = 2;
const CALLS: usize = 250;

/// Who calls: an owner beside the other workspace, and the Admin of another tenant.
const INTRUDERS: [&str; 2] = ["red-owner", "blue-admin"];

/// Things that are there, by their kind: the word before their id in an address.
type Things = BTreeMap<&'static str, Vec<String>>;

/// A thing of every kind, made by `key` in a workspace. `word` is in the texts, `name` in the names that addresses have.
async fn fill(nictate: &Nictate, key: Option<&str>, workspace: &str, name: &str, word: &str) -> Things {
    let call = async |method: Method, rest: &str, body: Value| {
        let path = format!("{BASE}/workspace/{workspace}{rest}");
        let request = match key {
            Some(key) => nictate.request_as(Some(key), method, &path),
            None => nictate.request(method, &path),
        };
        Reply::of(request.json(&body)).await.ok()
    };
    let mut things = Things::new();
    let attributes = json!({"base_url": {"value": format!("{}/{word}", nictate.tool.url())}, "token": {"value": format!("{word}-secret")}});
    let connection = json!({"name": format!("{word}-connection"), "type_name": "http_bearer", "description": word, "attributes": attributes});
    let connection = call(Method::POST, "/connections", connection).await;
    things.insert("connections", vec![text(&connection, "id")]);
    let table = json!({"display_name": name, "description": word, "options": ["with_default_fields"]});
    call(Method::POST, "/table", table).await;
    things.insert("table", vec![name.to_owned()]);
    let record = call(Method::POST, &format!("/table/{name}"), json!({"name": word, "number": 7})).await;
    things.insert("record", vec![record.as_str().unwrap().to_owned()]);
    let print = format!("- {{id: S1, action: internal.print, inputs: {{text: {word}}}}}");
    let document = workflow(&print, "{{ steps.S1.output }}");
    let body =
        json!({"name": format!("{word} workflow"), "playbook": document, "active": true, "tags": [word]});
    let workflow_id = text(&call(Method::POST, "/playbooks", body).await, "id");
    let run = format!("/playbooks/{workflow_id}/execute?run_sync=true&timeout=20");
    call(Method::POST, &run, json!({"input_values": {"x": word}, "event": {"x": word}})).await;
    let draft = json!({"playbook": format!("{document}# {word}\n"), "branched_from": 0});
    call(Method::POST, &format!("/playbooks/{workflow_id}/draft"), draft).await;
    things.insert("playbooks", vec![workflow_id]);
    let runs = call(Method::GET, "/executions", json!({})).await;
    things.insert("executions", vec![text(&runs["results"][0], "id")]);
    let group = json!({"name": format!("{word}-group"), "tags": [word]});
    let group = call(Method::POST, "/runner_groups", group).await;
    things.insert("runner_groups", vec![text(&group, "id")]);
    things.insert("workspaces", vec![workspace.to_owned()]);
    things
}

/// Everything that the owner of the other workspace sees of it, but for what moves by itself.
async fn state_of(nictate: &Nictate) -> String {
    let mut state = String::new();
    for rest in ["/connections", "/playbooks", "/executions", "/runner_groups", "/tables", "/table/theirs"] {
        state += &nictate.get(rest).await.ok().to_string();
    }
    state
}

/// One intruder: what they know of the other workspace, what is theirs, and the chance that both are mixed by.
struct Intruder<'a> {
    key: &'a str,
    own_workspace: String,
    theirs: &'a Things,
    own: &'a Things,
    rng: SeededRng,
}

impl Intruder<'_> {
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.rng.below(bound as u64)).unwrap()
    }

    /// A known id of the kind: theirs, three times of four.
    fn thing(&mut self, kind: &str) -> String {
        let things = if self.below(4) == 0 { self.own } else { self.theirs };
        match things.get(kind) {
            Some(known) => known[self.below(known.len())].clone(),
            None => {
                let all: Vec<&String> = things.values().flatten().collect();
                all[self.below(all.len())].clone()
            }
        }
    }

    fn path(&mut self, route: &Route) -> String {
        let mut path = BASE.to_owned();
        if route.scope == Scope::Workspace {
            path += match self.below(8) {
                0 => "/workspace/".to_owned(),
                1 => format!("/workspace/{WORKSPACE}"),
                2 => String::new(),
                _ => format!("/workspace/{}", self.own_workspace),
            }
            .as_str();
        }
        let mut kind = "";
        for word in route.path.split('/').skip(1) {
            path.push('/');
            path += &match word {
                "{table}" => self.thing("table"),
                "{field}" => "name".to_owned(),
                "{branch}" => ["draft", "published"][self.below(2)].to_owned(),
                "{version}" => "1".to_owned(),
                "{id}" if route.path.contains("{table}") => self.thing("record"),
                named if named.starts_with('{') => self.thing(kind),
                fixed => fixed.to_owned(),
            };
            kind = word;
        }
        path
    }

    fn query(&mut self) -> Vec<(&'static str, String)> {
        let id = self.thing("");
        let filter = match self.below(6) {
            0 => json!({"filter": {"workspace_id": WORKSPACE}}),
            1 => json!({"filter": {"$or": [{"workspace_id": WORKSPACE}, {"id": id}]}}),
            2 => json!({"filter": {"id": id}}),
            3 => json!({"filter": {"$not": {"id": "x"}}, "limit": 1000}),
            4 => json!({"search": {"text": "a"}, "limit": 1000}),
            _ => return Vec::new(),
        };
        let mut query = vec![("q", filter.to_string())];
        if self.below(3) == 0 {
            query.push(("fetcher", "tables.ListTables".to_owned()));
        }
        query
    }

    /// A body with ids of everything, under every name that something reads.
    fn body(&mut self) -> Value {
        let (workflow_id, connection, table) =
            (self.thing("playbooks"), self.thing("connections"), self.thing("table"));
        let (run, record) = (self.thing("executions"), self.thing("record"));
        let step = match self.below(3) {
            0 => format!("- {{id: S1, action: automations.{workflow_id}}}"),
            1 => format!(
                "- {{id: S1, action: http.requestV2, connections: {{http_bearer: {connection}}}, inputs: {{url: /}}}}"
            ),
            _ => "- {id: S1, action: internal.print, inputs: {text: mine}}".to_owned(),
        };
        json!({
            "id": self.thing(""), "ids": [record], "name": format!("mine {}", self.below(1_000_000)),
            "display_name": format!("mine {}", self.below(1_000_000)), "type": "reference",
            "workspace_id": WORKSPACE, "tenant_id": WORKSPACE, "playbook": workflow(&step, "{{ steps.S1.output }}"),
            "playbook_id": workflow_id, "active": true, "branched_from": 0, "past_exec_ref": run,
            "input_values_origin_exec_id": run, "connection": {"id": connection}, "type_name": "http_bearer",
            "attributes": {"table_reference": {"table_name": table}}, "options": ["with_default_fields"],
            "fields": [{"display_name": "Of theirs", "type": "reference", "attributes": {"table_reference": {"table_name": table}}}],
            "records": [{"id": record, "name": "mine"}], "filter": {}, "entity_id": connection, "entity_type": "connection",
            "entities": [{"entity_id": self.thing(""), "entity_type": "user"}], "targets": [{"id": self.own_workspace, "type": "workspace"}],
            "sql": format!("SELECT * FROM {table}"), "pack_id": self.thing("automation_packs"),
        })
    }

    async fn call(&mut self, nictate: &Nictate, route: &Route) -> (String, Reply) {
        let path = self.path(route);
        let request = nictate.request_as(Some(self.key), route.method.clone(), &path).query(&self.query());
        let body = if route.method == Method::GET { json!({}) } else { self.body() };
        (format!("{} {path} {body}", route.method), Reply::of(request.json(&body)).await)
    }
}

/// Whether the route can be called and called again by the same intruder.
fn can_be_called(route: &Route) -> bool {
    // The link of runners is no request and answer; without their key or role, intruders would learn nothing more.
    let own_ends = ["RemoveAPIKey", "SetUserStatus", "SetUserRole", "DeleteUser", "ScimDeleteUser"];
    route.access != Access::RunnerToken && !own_ends.contains(&route.describe.operation_id)
}

#[tokio::test]
async fn nobody_reads_or_changes_a_byte_of_another_workspace() {
    let routes: Vec<Route> = server::routes().into_iter().filter(can_be_called).collect();
    on_both(async |nictate| {
        let theirs = fill(nictate, None, WORKSPACE, "theirs", MARK).await;
        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "red").await;
        nictate.add_person(Person::new(INTRUDERS[0], tenant, &[(red, Role::Owner)])).await;
        let other = nictate.add_tenant("other").await;
        let blue = nictate.add_workspace(other, "blue").await;
        let owner = [(blue, Role::Owner)];
        let admin = Person { tenant_role: TenantRole::Admin, ..Person::new(INTRUDERS[1], other, &owner) };
        nictate.add_person(admin).await;
        let before = state_of(nictate).await;
        assert!(before.contains(MARK));
        for (key, workspace) in INTRUDERS.into_iter().zip([red, blue]) {
            let workspace = workspace.to_string();
            let own = fill(nictate, Some(key), &workspace, "mine", "harmless").await;
            let (mut let_in, mut calls) = (0, 0);
            for seed in 0..SEQUENCES {
                let rng = SeededRng::from_u64(seed);
                let mut intruder =
                    Intruder { key, own_workspace: workspace.clone(), theirs: &theirs, own: &own, rng };
                for _ in 0..CALLS {
                    let route = &routes[intruder.below(routes.len())];
                    let (call, reply) = intruder.call(nictate, route).await;
                    assert!(
                        !reply.text.contains(MARK),
                        "seed {seed}: {call} gave {}: {}",
                        reply.status,
                        reply.text
                    );
                    assert!(
                        reply.status < 500 || reply.status == 501,
                        "seed {seed}: {call} gave {}",
                        reply.text
                    );
                    calls += 1;
                    let_in += usize::from(reply.status == 200);
                }
            }
            // Otherwise nothing was tried.
            assert!(let_in * 10 > calls, "{let_in} of {calls}");
        }
        assert_eq!(state_of(nictate).await, before);
    })
    .await;
}
