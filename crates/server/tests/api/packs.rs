//! Packs: folders of workflows, and the workflows by their packs.

use reqwest::Method;
use serde_json::{Value, json};
use store::automation_packs;
use types::Role;

use crate::executions::workflow;
use crate::lists::hold_the_same;
use crate::support::{NOBODY, Nictate, Person, Reply, WORKSPACE, on_both, text};

fn prints() -> String {
    workflow("- id: S1\n  action: internal.print\n  inputs: {text: x}", "{{ 1 }}")
}

async fn make(nictate: &Nictate, name: &str) -> String {
    text(&nictate.post("/automation_packs", json!({"name": name})).await.ok(), "id")
}

async fn create_in(nictate: &Nictate, name: &str, pack: &str) -> Value {
    let body = json!({"name": name, "playbook": prints(), "pack_id": pack});
    nictate.post("/playbooks/ui", body).await.ok()
}

/// Each pack with the names of its workflows.
async fn packs(nictate: &Nictate) -> Vec<(String, Vec<String>)> {
    let answer = nictate.get("/automations").await.ok();
    let named = |pack: &Value| {
        let rows = pack["automations"].as_array().unwrap().iter();
        (text(pack, "pack_name"), rows.map(|row| text(row, "name")).collect())
    };
    answer["packs"].as_array().unwrap().iter().map(named).collect()
}

fn pack(name: &str, workflows: &[&str]) -> (String, Vec<String>) {
    (name.to_owned(), workflows.iter().map(|name| (*name).to_owned()).collect())
}

#[tokio::test]
async fn a_pack_is_made_changed_and_deleted() {
    on_both(async |nictate| {
        let body = json!({"name": "Phishing Response", "description": "Mail", "tags": ["mail"]});
        let made = nictate.post("/automation_packs", body).await.ok();
        assert_eq!(
            (&made["display_name"], &made["name"], &made["full_name"]),
            (&json!("Phishing Response"), &json!("phishing_response"), &json!("phishing_response"))
        );
        assert_eq!((&made["description"], &made["tags"]), (&json!("Mail"), &json!(["mail"])));
        let path = format!("/automation_packs/{}", text(&made, "id"));
        let row = format!("/table{path}");
        assert_eq!(nictate.get(&row).await.ok(), made);

        for taken in ["Phishing Response", "phishing RESPONSE"] {
            let body = nictate.post("/automation_packs", json!({"name": taken})).await;
            assert!(text(&body.error(400, "pack_name_taken"), "message").contains(taken));
        }
        for bad in [json!({}), json!({"name": " "}), json!({"name": "a\nb"})] {
            nictate.post("/automation_packs", bad).await.error(400, "name_invalid");
        }
        nictate
            .post("/automation_packs", json!({"name": "x", "description": "\u{0}"}))
            .await
            .error(400, "body_invalid");
        nictate
            .post("/automation_packs", json!({"name": "x", "tags": "red"}))
            .await
            .error(400, "body_invalid");

        let changed = nictate.put(&path, json!({"name": "Mail", "tags": ["a", "b"]})).await.ok();
        assert_eq!((&changed["display_name"], &changed["description"]), (&json!("Mail"), &json!("Mail")));
        assert_eq!(changed["id"], made["id"]);
        // Whoever sends back what they were shown changes nothing.
        assert_eq!(nictate.put(&path, changed.clone()).await.ok()["display_name"], "Mail");
        make(nictate, "Other").await;
        nictate.put(&path, json!({"name": "OTHER"})).await.error(400, "pack_name_taken");
        assert_eq!(nictate.get("/tags/automation_packs").await.ok(), json!(["a", "b"]));

        assert_eq!(nictate.delete(&path).await.ok(), made["id"]);
        for method in [Method::PUT, Method::DELETE] {
            for id in [text(&made, "id"), NOBODY.to_owned(), "x".to_owned()] {
                let request = nictate.request(method.clone(), &format!("/automation_packs/{id}"));
                Reply::of(request.json(&json!({"name": "x"}))).await.error(404, "pack_not_found");
            }
        }
        nictate.get(&row).await.error(404, "pack_not_found");
        for (action, count) in [("created", 2), ("updated", 2), ("deleted", 1)] {
            assert_eq!(nictate.audited(&format!("automation_pack.{action}")).await.len(), count, "{action}");
        }
    })
    .await;
}

#[tokio::test]
async fn packs_are_a_table_of_the_system() {
    on_both(async |nictate| {
        let id = make(nictate, "Ready").await;
        make(nictate, "Set").await;
        // As the command line asks, letter by letter.
        let q =
            r#"{"limit":1,"offset":0,"filter":{"display_name":{"$eq":"READY"}},"ci":true,"select":["id"]}"#;
        assert_eq!(nictate.list_raw("/table/automation_packs", q).await.results(), [json!({"id": id})]);
        let exact = q.replace("\"ci\":true", "\"ci\":false");
        assert_eq!(nictate.list_raw("/table/automation_packs", &exact).await.results(), [Value::Null; 0]);
        hold_the_same(nictate, "/table/automation_packs", &automation_packs::FIELDS).await;
        nictate
            .list("/table/automation_packs", &json!({"filter": {"colour": 1}}))
            .await
            .error(400, "query_invalid");
        let made = nictate.post("/table/automation_packs", json!({"name": "x"})).await;
        assert!(text(&made.error(405, "method_not_allowed"), "message").contains("/automation_packs"));
        nictate.delete(&format!("/table/automation_packs/{id}")).await.error(405, "method_not_allowed");
        nictate.post("/table", json!({"display_name": "Automation Packs"})).await.error(400, "name_invalid");
    })
    .await;
}

#[tokio::test]
async fn every_workflow_is_in_a_pack_and_every_pack_is_listed() {
    on_both(async |nictate| {
        assert_eq!(packs(nictate).await, []);
        let made = create_in(nictate, "b", "").await;
        assert_eq!(made["pack_id"], WORKSPACE);
        let ready = make(nictate, "Ready").await;
        make(nictate, "Empty").await;
        let id = text(&create_in(nictate, "a", &ready).await, "id");
        assert_eq!(
            packs(nictate).await,
            [pack("Default", &["b"]), pack("Empty", &[]), pack("Ready", &["a"])]
        );
        assert_eq!(nictate.audited("automation_pack.created").await.len(), 3);

        let row = &nictate.get("/automations").await.ok()["packs"][2]["automations"][0];
        for (member, value) in [
            ("id", json!(id)),
            ("name", json!("a")),
            ("automation_type", json!("on_demand")),
            ("is_published", json!(false)),
            ("has_unpublished_changes", json!(false)),
            ("active", json!(true)),
            ("pack_id", json!(ready)),
        ] {
            assert_eq!(row[member], value, "{member}");
        }
        // With `q` it is the list of workflows.
        let page = nictate.list("/automations", &json!({"filter": {"name": "a"}})).await;
        assert_eq!(page.column("id"), [id.as_str()]);

        // An update without a pack keeps it, one with a pack moves the workflow.
        let path = format!("/playbooks/{id}");
        let kept = nictate.put(&path, json!({"active": true, "tags": ["x"]})).await.ok();
        assert_eq!(kept["pack_id"], ready.as_str());
        let moved = nictate.put(&path, json!({"active": true, "pack_id": WORKSPACE})).await.ok();
        assert_eq!(moved["pack_id"], WORKSPACE);
        let version = nictate.get(&format!("{path}/version/draft/1")).await.ok();
        assert_eq!(
            (&version["pack"]["display_name"], &version["branch"]),
            (&json!("Default"), &json!("draft"))
        );

        for bad in [NOBODY, "Ready"] {
            let reply = nictate.put(&path, json!({"active": true, "pack_id": bad})).await;
            assert!(text(&reply.error(400, "body_invalid"), "message").contains(bad));
            let body = json!({"name": "c", "playbook": prints(), "pack_id": bad});
            for path in ["/playbooks", "/playbooks/ui", "/automations"] {
                let reply = nictate.post(path, body.clone()).await;
                assert!(text(&reply.error(400, "body_invalid"), "message").contains(bad), "{path}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_pack_with_workflows_is_deleted_only_if_they_go_elsewhere() {
    on_both(async |nictate| {
        let (from, to) = (make(nictate, "From").await, make(nictate, "To").await);
        for name in ["one", "two"] {
            create_in(nictate, name, &from).await;
        }
        let path = format!("/automation_packs/{from}");
        let body = nictate.delete(&path).await.error(400, "pack_in_use");
        assert_eq!(body["data"]["workflows"], json!(["one", "two"]));
        assert!(text(&body, "message").contains("one, two"));
        for bad in [NOBODY, "To", from.as_str()] {
            let reply = nictate.delete(&format!("{path}?move_to={bad}")).await;
            reply.error(400, "parameter_invalid");
        }
        nictate.delete(&format!("{path}?move_to={to}")).await.ok();
        assert_eq!(packs(nictate).await, [pack("To", &["one", "two"])]);
        assert_eq!(nictate.audited("automation_pack.workflows_moved").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_default_pack_is_made_once_and_whatever_was_called_so_serves_as_one() {
    on_both(async |nictate| {
        let names: Vec<String> = (0..8).map(|number| format!("w{number}")).collect();
        let made =
            futures_util::future::join_all(names.iter().map(|name| create_in(nictate, name, ""))).await;
        assert!(made.iter().all(|made| made["pack_id"] == WORKSPACE));
        assert_eq!(nictate.audited("automation_pack.created").await.len(), 1);

        // It can be renamed, and it is made anew where it is gone.
        let path = format!("/automation_packs/{WORKSPACE}");
        nictate.put(&path, json!({"name": "Everything"})).await.ok();
        assert_eq!(create_in(nictate, "later", "").await["pack_id"], WORKSPACE);
        let other = make(nictate, "default").await;
        nictate.delete(&format!("{path}?move_to={other}")).await.ok();
        assert_eq!(create_in(nictate, "latest", "").await["pack_id"], other.as_str());
        assert_eq!(packs(nictate).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_subflow_is_listed_with_its_pack() {
    on_both(async |nictate| {
        let id = make(nictate, "Ready").await;
        let body = json!({"name": "called", "playbook": prints(), "pack_id": id, "active": true});
        nictate.post("/playbooks", body).await.ok();
        let answer = nictate.list("/actions", &json!({"filter": {"search": "called"}})).await.ok();
        assert_eq!(answer["collections"][0]["actions"][0]["category"], "Ready");
    })
    .await;
}

#[tokio::test]
async fn the_packs_of_another_workspace_are_not_there() {
    on_both(async |nictate| {
        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "red").await;
        nictate.add_person(Person::new("rita", tenant, &[(red, Role::Owner)])).await;
        let id = make(nictate, "Mine").await;
        let as_rita = async |method: Method, path: &str, body: Value| {
            let address = format!("/api/v1/workspace/{red}{path}");
            let request = nictate.request_as(Some("rita"), method.clone(), &address);
            Reply::of(if method == Method::GET { request } else { request.json(&body) }).await
        };
        let path = format!("/automation_packs/{id}");
        as_rita(Method::PUT, &path, json!({"name": "Yours"})).await.error(404, "pack_not_found");
        as_rita(Method::DELETE, &path, json!({})).await.error(404, "pack_not_found");
        as_rita(Method::GET, &format!("/table{path}"), json!({})).await.error(404, "pack_not_found");
        let body = json!({"name": "w", "playbook": prints(), "pack_id": id});
        as_rita(Method::POST, "/playbooks/ui", body).await.error(400, "body_invalid");
        assert_eq!(as_rita(Method::GET, "/automations", json!({})).await.ok(), json!({"packs": []}));
        as_rita(Method::POST, "/automation_packs", json!({"name": "Mine"})).await.ok();
    })
    .await;
}

#[tokio::test]
async fn a_workspace_has_no_more_packs_than_it_may() {
    on_both(async |nictate| {
        let id = make(nictate, "First").await;
        let (id, workspace) = (id.parse().unwrap(), WORKSPACE.parse().unwrap());
        let first = automation_packs::get(&nictate.db, workspace, id).await.unwrap().unwrap();
        nictate
            .write_beside(async move |tx| {
                for number in 1..999 {
                    let display_name = format!("Pack {number}");
                    let id = types::PackId::of_name(&display_name);
                    let pack = automation_packs::AutomationPack { id, display_name, ..first.clone() };
                    automation_packs::insert(tx, &pack).await?;
                }
                Ok(())
            })
            .await;
        make(nictate, "The last").await;
        nictate.post("/automation_packs", json!({"name": "One more"})).await.error(400, "pack_limit");
        assert_eq!(packs(nictate).await.len(), 1_000);
    })
    .await;
}
