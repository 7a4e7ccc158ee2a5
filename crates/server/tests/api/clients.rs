//! What official clients send, call by call: the command line of 2022 and the plugin of 2026. Bodies, headers and `q` are
//! theirs to the letter; what is asserted are the members that they read.

use reqwest::Method;
use serde_json::{Value, json};

use crate::executions::workflow;
use crate::support::{NOBODY, Nictate, Reply, WORKSPACE, on_both, text};

/// A document with the members that the command line reads out of it.
fn document(word: &str) -> String {
    let steps = format!("- id: S1\n  action: internal.print\n  inputs: {{text: {word}}}");
    format!(
        "type: Flow\nversion: 0.0.1\ntags: [red]\nname: Greet\n{}",
        workflow(&steps, "{{ steps.S1.output }}")
    )
}

/// JSON as Python writes it: with a blank behind each comma and colon.
fn python(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(name, value)| format!("{}: {}", json!(name), python(value))).collect();
            format!("{{{}}}", members.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(python).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// A client with its base address and its headers.
struct Client<'a> {
    nictate: &'a Nictate,
    base: String,
    accept: &'static str,
}

impl<'a> Client<'a> {
    /// The command line, in a workspace that it has found, or in none: two slashes.
    fn cli(nictate: &'a Nictate, workspace: &str) -> Self {
        Self { nictate, base: format!("/api/v1/workspace/{workspace}"), accept: "application/json" }
    }

    fn plugin(nictate: &'a Nictate) -> Self {
        Self { nictate, base: format!("/api/v1/workspace/{WORKSPACE}"), accept: "*/*" }
    }

    async fn get(&self, path: &str) -> Reply {
        let request = self.nictate.request(Method::GET, &format!("{}{path}", self.base));
        Reply::of(request.header("accept", self.accept)).await
    }

    async fn list(&self, path: &str, q: &str) -> Reply {
        let request = self.nictate.request(Method::GET, &format!("{}{path}", self.base));
        Reply::of(request.header("accept", self.accept).query(&[("q", q)])).await
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Reply {
        let request = self.nictate.request(method, &format!("{}{path}", self.base));
        let request = request.header("accept", self.accept).header("content-type", "application/json");
        Reply::of(request.body(python(body))).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.send(Method::POST, path, &body).await.ok()
    }

    async fn put(&self, path: &str, body: Value) -> Value {
        self.send(Method::PUT, path, &body).await.ok()
    }

    async fn delete(&self, path: &str) -> Reply {
        let request = self.nictate.request(Method::DELETE, &format!("{}{path}", self.base));
        Reply::of(request.header("accept", self.accept)).await
    }
}

/// `automations create -f F -p PACK`: the pack is looked up and made if there is none.
async fn pack_of(cli: &Client<'_>, name: &str) -> String {
    let q = format!(
        r#"{{"limit":1,"offset":0,"filter":{{"display_name":{{"$eq":"{name}"}}}},"ci":true,"select":["id"]}}"#
    );
    let found = cli.list("/table/automation_packs", &q).await.results();
    match found.first() {
        Some(row) => text(row, "id"),
        None => text(&cli.post("/automation_packs", json!({"name": name})).await, "id"),
    }
}

async fn id_of(cli: &Client<'_>, name: &str) -> String {
    let q = format!(
        r#"{{"limit": 1, "offset": 0, "filter": {{"name": {{"$eq": "{name}"}}}}, "select": ["id"]}}"#
    );
    let rows = cli.list("/playbooks", &q).await.results();
    assert_eq!(rows.len(), 1, "{name}");
    text(&rows[0], "id")
}

/// The script of the command line.
async fn script(nictate: &Nictate, workspace: &str, name: &str) {
    let cli = Client::cli(nictate, workspace);
    let pack = pack_of(&cli, "Greetings").await;
    assert_eq!(pack_of(&cli, "GREETINGS").await, pack, "found again");

    // create
    let text_of = document("hello");
    let body = json!({
        "type": "Flow", "version": "0.0.1", "playbook": text_of, "tags": ["red"], "name": name, "active": true,
        "pack_id": pack,
    });
    let created = cli.post("/playbooks", body).await;
    let id = text(&created, "id");
    assert_eq!(id.len(), 36);

    // list, without `q`
    let listed = cli.get("/playbooks").await.ok();
    for member in ["limit", "offset", "total"] {
        assert!(listed[member].is_i64(), "{member}");
    }
    assert!(listed["results"].as_array().unwrap().iter().any(|row| row["id"] == id.as_str()));

    // get, by id and by display name
    assert_eq!(id_of(&cli, name).await, id);
    let got = cli.get(&format!("/playbooks/{id}")).await.ok();
    for (member, value) in [
        ("playbook", json!(text_of)),
        ("name", json!(name)),
        ("type", json!("Flow")),
        ("version", json!("0.0.1")),
        ("tags", json!(["red"])),
        ("active", json!(true)),
        ("pack_id", json!(pack)),
    ] {
        assert_eq!(got[member], value, "{member}");
    }
    assert!(got["created_at"].is_i64() && got["is_request"].is_boolean() && got["workspace_id"].is_string());

    // execute, and the run
    let started = cli.post(&format!("/playbooks/{id}/execute"), json!({"input_values": {}})).await;
    let run = text(&started, "execution_id");
    nictate.execution_in(&run, "Completed").await;
    let execution = cli.get(&format!("/executions/{run}")).await.ok();
    let results = execution["step_results"].as_object().unwrap();
    assert!(!results.is_empty() && results.values().all(Value::is_i64), "{execution}");
    assert_eq!((&execution["id"], &execution["playbook_id"]), (&json!(run), &json!(id)));

    // update: found by a search and the exact name; without a pack it stays in its own
    let q = format!(r#"{{"search":{{"text":"{name}","fields":["name"]}}}}"#);
    let rows = cli.list("/playbooks", &q).await.results();
    let row = rows.iter().find(|row| row["name"] == name).unwrap();
    assert_eq!((&row["id"], &row["active"]), (&json!(id), &json!(true)));
    let newer = document("bye");
    let body = json!({
        "type": "Flow", "version": "0.0.1", "playbook": newer, "tags": ["red"], "name": name, "active": true,
    });
    let updated = cli.put(&format!("/playbooks/{id}"), body).await;
    assert_eq!(
        (&updated["id"], &updated["pack_id"], &updated["active"]),
        (&json!(id), &json!(pack), &json!(true))
    );
    assert_eq!(cli.get(&format!("/playbooks/{id}")).await.ok()["playbook"], newer);

    // delete: a JSON string
    let deleted = cli.delete(&format!("/playbooks/{id}")).await;
    assert_eq!((deleted.status, deleted.text.trim_matches('"')), (200, id.as_str()));
    cli.get(&format!("/playbooks/{id}")).await.error(404, "workflow_not_found");
}

#[tokio::test]
async fn the_command_line_of_2022_does_all_it_can() {
    on_both(async |nictate| {
        // `--workspace` by id, and by nothing at all, where the look-up has failed.
        script(nictate, WORKSPACE, "Greet").await;
        script(nictate, "", "Greet again").await;
        // By display name, which `automations create` puts into the path as it is.
        let workspace =
            store::workspaces::get(&nictate.db, nictate.tenant().await, WORKSPACE.parse().unwrap());
        let name = workspace.await.unwrap().unwrap().display_name.replace(' ', "%20");
        script(nictate, &name, "Greet once more").await;
    })
    .await;
}

#[tokio::test]
async fn the_command_line_of_2022_finds_its_workspace() {
    on_both(async |nictate| {
        let cli = Client { nictate, base: "/api/v1".to_owned(), accept: "application/json" };
        // `--workspace X` picks by display name, `init` by name and takes the key of the map for the id.
        let user = cli.get("/user").await.ok();
        let (key, entry) = user["workspaces"].as_object().unwrap().iter().next().unwrap();
        assert_eq!((key.as_str(), &entry["id"]), (WORKSPACE, &json!(WORKSPACE)));
        let shown = text(entry, "display_name");
        assert!(!text(entry, "name").is_empty());
        let described = cli.get(&format!("/workspaces/{}", shown.replace(' ', "%20"))).await;
        assert_eq!(described.status, 200, "{}", described.text);

        let invited = cli.send(Method::POST, "/invite", &json!([{"email": "new@example.com"}])).await;
        assert_eq!(invited.status, 200, "{}", invited.text);
        let group = json!({"name": "edge", "is_default": false, "tags": ["dmz"]});
        cli.post(&format!("/workspace/{WORKSPACE}/runner_groups"), group).await;
        let made = cli.post("/workspaces", json!({"name": "Red Team", "description": "d"})).await;
        assert_eq!(cli.get("/user").await.ok()["workspaces"][text(&made, "id")]["display_name"], "Red Team");
    })
    .await;
}

/// The weeks in which workflows were called automations.
#[tokio::test]
async fn the_command_line_of_august_2022_calls_workflows_automations() {
    on_both(async |nictate| {
        let cli = Client::cli(nictate, WORKSPACE);
        let text_of = document("hello");
        let body = json!({"type": "Flow", "automation": text_of, "name": "Greet", "active": true});
        let id = text(&cli.post("/automations", body).await, "id");
        let path = format!("/automations/{id}");
        assert_eq!(cli.get(&path).await.ok()["playbook"], text_of);
        let rows = cli.list("/automations", r#"{"limit": 10, "offset": 0}"#).await;
        assert_eq!(rows.column("id"), [id.as_str()]);
        let run =
            text(&cli.post(&format!("{path}/execute"), json!({"input_values": {}})).await, "execution_id");
        nictate.execution_in(&run, "Completed").await;
        for start in [format!("{path}/start"), format!("/playbooks/{id}/start")] {
            let body = json!({"id": id, "playbook": document("other"), "input_values": {}});
            let run = cli.post(&start, body).await;
            assert_eq!(run["playbook_id"], id.as_str());
            nictate.execution_in(&text(&run, "id"), "Completed").await;
        }
        assert_eq!(cli.put(&path, json!({"active": true, "name": "Greet all"})).await["name"], "Greet all");
        assert_eq!(cli.delete(&path).await.ok(), id);
        cli.get(&path).await.error(404, "workflow_not_found");
        let triggers = cli.get("/collections/triggers").await;
        assert_eq!(triggers.column("name"), ["scheduled", "webforms", "webhooks"]);
        for table in ["playbooks", "automations", "automation_packs", "connections", "runner_groups"] {
            assert!(cli.get(&format!("/tags/{table}")).await.ok().is_array(), "{table}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_plugin_makes_tests_and_publishes_a_workflow() {
    on_both(async |nictate| {
        let plugin = Client::plugin(nictate);
        assert!(plugin.get("/connections").await.ok()["results"].is_array());
        assert!(plugin.get("/automations").await.ok()["packs"].is_array());
        let pack = text(&plugin.post("/automation_packs", json!({"name": "Plugin"})).await, "id");
        let first = document("one");
        let body = json!({"name": "Greet", "playbook": first, "pack_id": pack});
        let id = text(&plugin.post("/playbooks/ui", body.clone()).await, "id");
        plugin.send(Method::POST, "/playbooks/ui", &body).await.error(400, "workflow_name_taken");
        let broken = json!({"name": "Broken", "playbook": "workflow: [", "pack_id": pack});
        plugin.send(Method::POST, "/playbooks/ui", &broken).await.error(400, "workflow_invalid");

        let path = format!("/playbooks/{id}");
        let got = plugin.get(&path).await.ok();
        assert_eq!((&got["playbook"], &got["name"]), (&json!(first), &json!("Greet")));
        let second = format!("{}# päck\n", document("two"));
        let commit = json!({"playbook": second, "branched_from": 0, "source": "manual"});
        plugin.post(&format!("{path}/draft"), commit.clone()).await;
        let draft = plugin.get(&format!("{path}/draft")).await.ok();
        assert_eq!(draft["playbook"], second);
        assert!(
            draft["inputs"].is_object() && draft["connections"].is_object() && draft["runner"].is_string()
        );
        plugin
            .send(Method::POST, &format!("/playbooks/{NOBODY}/draft"), &commit)
            .await
            .error(404, "workflow_not_found");

        // A test run, without a body.
        let request = nictate.request(Method::POST, &format!("{path}/draft/execute"));
        let request = request.header("BLINK-INTERNAL-SERVICE-REQUEST", "true").header("accept", "*/*");
        let run = text(&Reply::of(request).await.ok(), "execution_id");
        nictate.execution_in(&run, "Completed").await;
        let q = json!({"filter": {"playbook_id": id}, "sort": ["-started_at"], "limit": 1});
        assert_eq!(plugin.list("/executions", &python(&q)).await.column("id"), [run.as_str()]);
        let execution = plugin.get(&format!("/executions/{run}")).await.ok();
        for member in [
            "id",
            "name",
            "playbook_id",
            "state",
            "state_ui",
            "net_runtime_ms",
            "started_at",
            "finished_at",
            "error_details",
            "inputs",
            "step_results",
        ] {
            assert!(execution.get(member).is_some(), "{member}: {execution}");
        }
        let steps = plugin.get(&format!("/executions/{run}/steps")).await.results();
        for member in
            ["step_id", "state", "started_at", "finished_at", "input_parameters", "output_data", "error_data"]
        {
            assert!(steps[0].get(member).is_some(), "{member}: {}", steps[0]);
        }

        plugin.post(&format!("{path}/public"), commit).await;
        let packs = plugin.get("/automations").await.ok();
        let pack =
            packs["packs"].as_array().unwrap().iter().find(|row| row["pack_name"] == "Plugin").unwrap();
        let row = &pack["automations"][0];
        assert_eq!(
            (&row["id"], &row["is_published"], &row["has_unpublished_changes"], &row["active"]),
            (&json!(id), &json!(true), &json!(false), &json!(true))
        );
        let q = json!({"filter": {"search": "", "action_per_collection_limit": 0}, "limit": 0, "offset": 0});
        let actions = plugin.list("/actions", &python(&q)).await.ok();
        let all = actions["collections"].as_array().unwrap();
        assert!(
            all.iter().all(|row| row["icon_uri"].is_string() && row["collection_display_name"].is_string())
        );
        let own = all.iter().flat_map(|row| row["actions"].as_array().unwrap());
        let own = own.into_iter().find(|row| row["full_name"] == format!("automations.{id}")).unwrap();
        assert_eq!((&own["display_name"], &own["category"]), (&json!("Greet"), &json!("Plugin")));
        for path in ["actions", "triggers"] {
            assert!(nictate.get(&format!("/api/v1/copilot_data/{path}")).await.ok().is_array());
        }
    })
    .await;
}

#[tokio::test]
async fn the_plugin_makes_changes_and_deletes_a_table() {
    on_both(async |nictate| {
        let plugin = Client::plugin(nictate);
        let field = |name: &str, kind: &str, attributes: Value| {
            json!({"display_name": name, "description": "", "type": kind, "attributes": attributes})
        };
        let body = json!({
            "display_name": "Findings", "description": "what we found",
            "options": ["with_default_fields"],
            "fields": [field("Level", "single-select", json!({"required": true, "options": ["low", "high"]}))],
        });
        let made = plugin.post("/table", body).await;
        assert_eq!(
            (&made["table"]["name"], &made["table"]["display_name"]),
            (&json!("findings"), &json!("Findings"))
        );
        let row = plugin.get("/tables").await.results().remove(0);
        for member in ["id", "name", "display_name", "description", "estimated_records_count", "settings"] {
            assert!(row.get(member).is_some(), "{member}");
        }
        plugin.post("/table/findings/fields", field("Owner", "user", json!({}))).await;
        let changed = field("Level", "single-select", json!({"options": ["low", "middle", "high"]}));
        plugin.put("/table/findings/fields/level", changed).await;
        let fields = plugin.get("/table/findings/fields").await.results();
        let level = fields.iter().find(|field| field["name"] == "level").unwrap();
        assert_eq!(level["attributes"]["options"], json!(["low", "middle", "high"]));
        assert_eq!(level["attributes"]["required"], false, "the whole set is replaced");
        for member in ["name", "display_name", "description", "type", "attributes"] {
            assert!(level.get(member).is_some(), "{member}");
        }
        let body = json!({"display_name": "All findings", "description": "d", "settings": row["settings"]});
        plugin.put("/table/findings", body).await;
        plugin.delete("/table/findings/fields/owner").await.ok();
        plugin.delete("/table/findings").await.ok();
        assert_eq!(plugin.get("/tables").await.results(), [Value::Null; 0]);
    })
    .await;
}

#[tokio::test]
async fn the_plugin_makes_and_publishes_an_agent() {
    on_both(async |nictate| {
        let plugin = Client::plugin(nictate);
        assert_eq!(plugin.get("/agents").await.results(), [Value::Null; 0]);
        assert_eq!(plugin.get("/agent_packs").await.results(), [Value::Null; 0]);
        let pack = text(&plugin.post("/agent_packs", json!({"name": "Home"})).await, "id");
        let row = plugin.get("/agent_packs").await.results().remove(0);
        assert_eq!((&row["id"], &row["name"]), (&json!(pack), &json!("Home")));
        let id = text(&plugin.post("/agents", json!({"pack_id": pack})).await, "id");
        let path = format!("/agents/{id}");
        let named = json!({"name": "Triage", "title": "Analyst", "description": "Looks at alerts"});
        plugin.send(Method::PATCH, &path, &named).await.ok();
        let body = json!({
            "id": id, "name": "Triage", "title": "Analyst", "description": "Looks at alerts",
            "role": "You look at alerts", "constraints": "",
            "abilities": [{"ability_id": NOBODY, "type": "workflow", "auto_approved": false,
                           "summarize_output": false, "summarize_output_instructions": ""}],
            "knowledge": [],
            "modes": {"chat_enabled": false, "code_execution_enabled": false},
            "avatar_style": "", "avatar_color": "", "avatar_logo": ""
        });
        plugin.post(&format!("{path}/draft"), body.clone()).await;
        plugin.post(&format!("{path}/publish"), body.clone()).await;
        plugin
            .send(Method::POST, &format!("/agents/{NOBODY}/publish"), &body)
            .await
            .error(404, "agent_not_found");
        for filter in [json!({"id": id}), json!({"name": "Triage"})] {
            let q = python(&json!({"filter": filter}));
            let row = plugin.list("/agents", &q).await.results().remove(0);
            assert_eq!(
                (
                    &row["id"],
                    &row["name"],
                    &row["title"],
                    &row["is_published"],
                    &row["has_unpublished_changes"]
                ),
                (&json!(id), &json!("Triage"), &json!("Analyst"), &json!(true), &json!(false))
            );
            for version in ["draft_version", "published_version"] {
                for member in [
                    "role",
                    "constraints",
                    "abilities",
                    "knowledge",
                    "modes",
                    "avatar_style",
                    "avatar_color",
                    "avatar_logo",
                ] {
                    assert_eq!(row[version][member], body[member], "{version}.{member}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_plugin_makes_and_changes_a_dashboard() {
    on_both(async |nictate| {
        let plugin = Client::plugin(nictate);
        let table = json!({"display_name": "Findings", "description": "", "options": ["with_default_fields"]});
        let table_id = text(&plugin.post("/table", table).await["table"], "id");
        let widget = |kind: &str, attributes: Value| {
            json!({"type": kind, "attributes": attributes,
                   "display_config": {"width": 6, "height": 3, "position": {"x": 1, "y": 1}}})
        };
        let count = json!({"name": "How many", "table_name": "findings", "type": "number",
                           "aggregation_function": "count"});
        let body = json!({
            "display_name": "Overview", "description": "d", "icon": "Blink", "categories": ["a"],
            "resources": [widget("table_data", count.clone())],
        });
        let id = text(&plugin.post("/apps", body).await["app"], "id");
        let path = format!("/apps/{id}");
        let page = python(&json!({"limit": 100, "offset": 0}));
        assert_eq!(plugin.list("/table/sys_application", &page).await.column("display_name"), ["Overview"]);
        let q = python(&json!({"filter": {"display_name": "Overview"}}));
        assert_eq!(plugin.list("/table/sys_application", &q).await.column("id"), [id.as_str()]);
        plugin.get(&format!("/apps/{NOBODY}")).await.error(404, "app_not_found");

        let note = widget("textbox", json!({"name": "Note", "text": "# Hello"}));
        let note = text(&plugin.post(&format!("{path}/resources"), note).await, "id");
        let whole = plugin.get(&path).await.ok();
        assert_eq!(whole["app"]["display_name"], "Overview");
        let resources = whole["resources"].as_array().unwrap();
        assert_eq!(resources.len(), 2);
        let number = resources.iter().find(|row| row["type"] == "table_data").unwrap();
        assert_eq!(number["attributes"]["table_id"], table_id.as_str());
        let rid = text(number, "id");
        let changed = json!({
            "id": rid, "type": "table_data",
            "attributes": {"name": "How many now", "table_id": table_id, "table_name": "stale", "type": "number",
                           "aggregation_function": "count"},
            "display_config": {"width": 2, "height": 2, "position": {"x": 11, "y": 1}},
        });
        let changed = plugin.put(&format!("{path}/resources/{rid}"), changed).await;
        assert_eq!(changed["attributes"]["table_name"], "findings");
        for rid in [&rid, &note] {
            plugin.get(&format!("{path}/resources/{rid}/data")).await.ok();
        }
        let described = json!({"display_name": "All", "description": "", "icon": "HTTP", "categories": []});
        plugin.put(&path, described).await;
        plugin.put(&format!("{path}/is_portal"), json!({"is_portal_app": true})).await;
        let app = &plugin.get(&path).await.ok()["app"];
        assert_eq!((&app["display_name"], &app["is_portal"]), (&json!("All"), &json!(true)));

        // Whom it can be shared with, and that it is.
        let root = Client { nictate, base: "/api/v1".to_owned(), accept: "*/*" };
        let entities = root.list("/tenant/entities", &python(&json!({"limit": 100, "offset": 0}))).await.results();
        for member in ["entity_type", "entity_id", "name", "email"] {
            assert!(entities[0][member].is_string(), "{member}");
        }
        let target = json!({"id": entities[0]["entity_id"], "type": entities[0]["entity_type"]});
        let body = json!({"entity_id": id, "entity_type": "portal-app", "targets": [target]});
        root.post(&format!("/workspaces/{WORKSPACE}/share"), body).await;
    })
    .await;
}
