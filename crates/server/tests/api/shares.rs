//! What a workspace lends: connections and runner groups to other workspaces' runs, workflows and apps to people.

use reqwest::Method;
use serde_json::{Value, json};
use types::{Role, TenantRole, UserId, WorkspaceId};

use crate::executions::{calls_the_tool, workflow};
use crate::support::{NOBODY, Nictate, Person, Reply, WORKSPACE, on_both};

const SETS: &str =
    "- id: S1\n  action: internal.SetVariables\n  inputs: {Variables: [{Name: a, Type: String, Value: b}]}";

/// A second workspace, owned by `red`, who is nobody in the first one; and a guest who is in none.
async fn settle(nictate: &Nictate) -> WorkspaceId {
    let tenant = nictate.tenant().await;
    let red = nictate.add_workspace(tenant, "red").await;
    nictate.add_person(Person::new("red", tenant, &[(red, Role::Owner)])).await;
    nictate.add_person(Person { tenant_role: TenantRole::Guest, ..Person::new("guest", tenant, &[]) }).await;
    red
}

fn in_red(path: &str) -> String {
    format!("/api/v1/workspace/{}{path}", WorkspaceId::of_name("red"))
}

async fn change(nictate: &Nictate, what: &str, (kind, id): (&str, &str), target: Value) -> Reply {
    let body = json!({"entity_type": kind, "entity_id": id, "targets": [target]});
    nictate.post(&format!("/api/v1/workspaces/{WORKSPACE}/{what}"), body).await
}

async fn share(nictate: &Nictate, thing: (&str, &str), target: Value) {
    change(nictate, "share", thing, target).await.ok();
}

async fn info(nictate: &Nictate, (kind, id): (&str, &str)) -> Value {
    nictate.post(&format!("/api/v1/workspaces/{WORKSPACE}/{kind}/{id}"), json!({})).await.ok()
}

fn id_of(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

async fn publish_in_red(nictate: &Nictate, document: &str) -> String {
    let body = json!({"name": "caller", "playbook": document, "active": true});
    id_of(&nictate.call_as("red", Method::POST, &in_red("/playbooks"), body).await.ok())
}

async fn run_in_red(nictate: &Nictate, workflow: &str) -> Reply {
    let path = in_red(&format!("/playbooks/{workflow}/execute?run_sync=true&timeout=20"));
    nictate.call_as("red", Method::POST, &path, json!({"input_values": {"user": "ann"}})).await
}

#[tokio::test]
async fn a_shared_connection_is_used_by_runs_of_the_other_workspace() {
    on_both(async |nictate| {
        let red = settle(nictate).await;
        let id = id_of(&nictate.connect("vt", "s3cret").await);
        let caller = publish_in_red(nictate, &calls_the_tool("vt", nictate.tool.url())).await;
        let refused = run_in_red(nictate, &caller).await;
        assert!(refused.text.contains("connection"), "{}", refused.text);
        let hidden = nictate.get_as("red", &in_red(&format!("/connections/{id}"))).await;
        hidden.error(404, "connection_not_found");

        let thing = ("connection", id.as_str());
        share(nictate, thing, json!({"type": "workspace", "id": red})).await;
        run_in_red(nictate, &caller).await.ok();
        assert_eq!(nictate.tool.seen()[0].header("authorization"), "Bearer s3cret");

        // It is listed and read there, and changed by nobody there.
        let row = nictate.get_as("red", &in_red("/connections")).await.ok()["results"][0].clone();
        assert_eq!(
            (&row["name"], &row["is_shared"], &row["shared_with"]),
            (&json!("vt"), &json!(true), &json!(0))
        );
        assert_ne!(row["workspace_name"], "red");
        let read = nictate.get_as("red", &in_red(&format!("/connections/{id}"))).await.ok();
        assert_eq!(read[0]["name"], "vt");
        assert!(!read.to_string().contains("s3cret"));
        for (method, body) in [(Method::DELETE, json!({})), (Method::POST, json!({"active": false}))] {
            let path = in_red(&format!("/connections/{id}"));
            nictate.call_as("red", method, &path, body).await.error(404, "connection_not_found");
        }
        let own = nictate.get("/connections").await.ok()["results"][0].clone();
        assert_eq!((&own["is_shared"], &own["shared_with"]), (&json!(true), &json!(1)));
        let told = info(nictate, thing).await;
        assert_eq!(told["shared_with"][0]["target_type"], "workspace");
        assert_eq!(
            (&told["shared_with"][0]["name"], &told["used_by"][0]["workspace_name"]),
            (&json!("red"), &json!("red"))
        );
        assert_eq!(told["used_by"][0]["playbook_id"], json!(caller));

        change(nictate, "unshare", thing, json!({"type": "workspace", "id": red})).await.ok();
        assert!(run_in_red(nictate, &caller).await.text.contains("has no connection"));
        assert_eq!(nictate.get_as("red", &in_red("/connections")).await.ok()["total"], 0);
        let audited = nictate.audited("share.created").await;
        assert_eq!((audited.len(), nictate.audited("share.ended").await.len()), (1, 1));
        assert!(audited[0].details.contains(&red.to_string()));
    })
    .await;
}

#[tokio::test]
async fn a_shared_runner_group_is_named_by_workflows_of_the_other_workspace() {
    on_both(async |nictate| {
        let red = settle(nictate).await;
        let group = id_of(&nictate.post("/runner_groups", json!({"name": "dmz"})).await.ok());
        let step =
            "- id: S1\n  action: http.requestV2\n  runner_group: dmz\n  inputs: {method: GET, url: 'http://example.com'}";
        let document = workflow(step, "{{ 1 }}");
        let body = json!({"name": "edge", "playbook": document, "active": true});
        let refused = nictate.call_as("red", Method::POST, &in_red("/playbooks"), body.clone()).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
        let thing = ("runner_group", group.as_str());
        share(nictate, thing, json!({"type": "workspace", "id": red})).await;
        nictate.call_as("red", Method::POST, &in_red("/playbooks"), body).await.ok();
        assert_eq!(info(nictate, thing).await["used_by"][0]["playbook_name"], "edge");

        // A second group of that name would leave open which one a step means.
        let blue = id_of(&nictate.post("/api/v1/workspaces", json!({"name": "blue"})).await.ok());
        let path = format!("/api/v1/workspace/{blue}/runner_groups");
        let other = id_of(&nictate.post(&path, json!({"name": "dmz"})).await.ok());
        let body = json!({"entity_type": "runner_group", "entity_id": other,
            "targets": [{"type": "workspace", "id": red}]});
        let reply = nictate.post(&format!("/api/v1/workspaces/{blue}/share"), body).await;
        assert!(reply.error(400, "share_invalid")["message"].as_str().unwrap().contains("dmz"));
    })
    .await;
}

#[tokio::test]
async fn a_shared_workflow_is_read_and_run_by_a_guest_and_nothing_else_is() {
    on_both(async |nictate| {
        settle(nictate).await;
        let shown = nictate.publish("shown", &workflow(SETS, "{{ 41 + 1 }}")).await;
        let kept = nictate.publish("kept", &workflow(SETS, "{{ 1 }}")).await;
        let guest = UserId::of_name("guest");
        let path = |id: &str| format!("/api/v1/workspace/{WORKSPACE}/playbooks/{id}");
        nictate.get_as("guest", &path(&shown)).await.error(404, "workspace_not_found");
        share(nictate, ("workflow", &shown), json!({"type": "user", "id": guest})).await;

        for address in [path(&shown), format!("/api/v1/playbooks/{shown}")] {
            assert_eq!(nictate.get_as("guest", &address).await.ok()["name"], "shown", "{address}");
        }
        let run = format!("{}/execute?run_sync=true&timeout=20", path(&shown));
        let answer = nictate.call_as("guest", Method::POST, &run, json!({})).await.ok();
        assert_eq!(answer, json!({"out": 42}));
        nictate.get_as("guest", &path(&kept)).await.error(404, "workspace_not_found");
        let put = nictate.call_as("guest", Method::PUT, &path(&shown), json!({"active": false})).await;
        put.error(404, "workspace_not_found");
        nictate.get_as("guest", "/executions").await.error(404, "workspace_not_found");
        // Under the name of another workspace it is not there.
        let elsewhere = in_red(&format!("/playbooks/{shown}"));
        nictate.get_as("guest", &elsewhere).await.error(404, "workspace_not_found");

        // A role of the tenant's own holds of the portal what it names.
        let role = json!({"name": "Reads", "scope": "tenant",
            "permissions": ["self_service_portal:service:view"]});
        nictate.post("/api/v1/roles", role).await.ok();
        nictate.put(&format!("/api/v1/user/{guest}/role/Reads"), json!({})).await.ok();
        nictate.get_as("guest", &path(&shown)).await.ok();
        nictate.call_as("guest", Method::POST, &run, json!({})).await.error(404, "workspace_not_found");

        let mine = nictate.get_as("guest", "/api/v1/shared_with_me").await.ok();
        assert_eq!((&mine["total"], &mine["results"][0]["name"]), (&json!(1), &json!("shown")));
        assert_eq!(mine["results"][0]["workspace_id"], WORKSPACE);
        change(nictate, "unshare", ("workflow", &shown), json!({"type": "user", "id": guest})).await.ok();
        nictate.get_as("guest", &path(&shown)).await.error(404, "workspace_not_found");
    })
    .await;
}

#[tokio::test]
async fn a_share_with_a_group_or_a_workspace_reaches_whoever_is_in_it() {
    on_both(async |nictate| {
        let red = settle(nictate).await;
        let shown = nictate.publish("shown", &workflow(SETS, "{{ 42 }}")).await;
        let (guest, path) =
            (UserId::of_name("guest"), format!("/api/v1/workspace/{WORKSPACE}/playbooks/{shown}"));
        let group = nictate.post("/table/sys_groups", json!({"name": "shift"})).await.ok();
        let group = group.as_str().or(group["id"].as_str()).unwrap().to_owned();
        share(nictate, ("playbook", &shown), json!({"type": "group", "id": group})).await;
        nictate.get_as("guest", &path).await.error(404, "workspace_not_found");
        nictate.post(&format!("/api/v1/groups/{group}/add_users"), json!([guest])).await.ok();
        nictate.get_as("guest", &path).await.ok();
        nictate.delete(&format!("/api/v1/group/{group}")).await.ok();
        nictate.get_as("guest", &path).await.error(404, "workspace_not_found");

        // Through a workspace: as much as they may do there.
        let tenant = nictate.tenant().await;
        nictate.add_person(Person::new("reader", tenant, &[(red, Role::Viewer)])).await;
        share(nictate, ("automation", &shown), json!({"type": "workspace", "id": red})).await;
        nictate.get_as("reader", &path).await.ok();
        let run = format!("{path}/execute");
        nictate.call_as("reader", Method::POST, &run, json!({})).await.error(404, "workspace_not_found");
        nictate.call_as("red", Method::POST, &run, json!({})).await.ok();
        assert_eq!(nictate.get_as("reader", "/api/v1/shared_with_me").await.ok()["total"], 1);

        // With the workflow its shares are gone.
        nictate.delete(&format!("/playbooks/{shown}")).await.ok();
        assert_eq!(nictate.get_as("reader", "/api/v1/shared_with_me").await.ok()["total"], 0);
    })
    .await;
}

#[tokio::test]
async fn a_portal_app_is_seen_with_its_data_as_long_as_it_is_one() {
    on_both(async |nictate| {
        settle(nictate).await;
        let app = id_of(&nictate.post("/apps", json!({"display_name": "Board"})).await.ok()["app"]);
        nictate.post("/table", json!({"display_name": "Findings"})).await.ok();
        let number = json!({"name": "all", "table_name": "findings", "type": "number"});
        let resource = json!({"type": "table_data", "attributes": number,
            "display_config": {"width": 2, "height": 2, "position": {"x": 1, "y": 1}}});
        let resource = id_of(&nictate.post(&format!("/apps/{app}/resources"), resource).await.ok());
        let guest = json!({"type": "user", "id": UserId::of_name("guest")});
        let reply = change(nictate, "share", ("portal-app", &app), guest.clone()).await;
        reply.error(400, "app_not_portal");
        let portal = async |is: bool| {
            nictate.put(&format!("/apps/{app}/is_portal"), json!({"is_portal_app": is})).await.ok()
        };
        portal(true).await;
        share(nictate, ("portal-app", &app), guest).await;
        let path = format!("/api/v1/workspace/{WORKSPACE}/apps/{app}");
        let seen = nictate.get_as("guest", &path).await.ok();
        assert_eq!(seen["app"]["display_name"], "Board");
        let data = format!("{path}/resources/{resource}/data");
        nictate.get_as("guest", &data).await.ok();
        let put = nictate.call_as("guest", Method::PUT, &path, json!({"display_name": "Mine"})).await;
        put.error(404, "workspace_not_found");
        portal(false).await;
        nictate.get_as("guest", &path).await.error(404, "workspace_not_found");
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_shared_is_refused_by_name() {
    on_both(async |nictate| {
        let red = settle(nictate).await;
        let id = id_of(&nictate.connect("vt", "s3cret").await);
        let target = json!({"type": "workspace", "id": red});
        for (thing, target, status, code, word) in [
            (("secret", id.as_str()), target.clone(), 400, "share_invalid", "secret"),
            (("connection", NOBODY), target.clone(), 404, "shared_not_found", NOBODY),
            (("connection", "x"), target.clone(), 404, "shared_not_found", "x"),
            (("workflow", id.as_str()), target.clone(), 404, "shared_not_found", "workflow"),
            (("connection", &id), json!({"type": "user", "id": NOBODY}), 400, "share_invalid", "user"),
            (("connection", &id), json!({"type": "planet", "id": NOBODY}), 400, "share_invalid", "planet"),
            (
                ("connection", &id),
                json!({"type": "workspace", "id": NOBODY}),
                404,
                "entity_not_found",
                NOBODY,
            ),
            (
                ("connection", &id),
                json!({"type": "workspace", "id": WORKSPACE}),
                400,
                "share_invalid",
                "has it",
            ),
        ] {
            let body = change(nictate, "share", thing, target).await.error(status, code);
            assert!(body["message"].as_str().unwrap().contains(word), "{body}");
        }
        let path = format!("/api/v1/workspaces/{WORKSPACE}/share");
        let none = json!({"entity_type": "connection", "entity_id": id, "targets": []});
        nictate.post(&path, none).await.error(400, "share_invalid");
        let many: Vec<Value> = (0..101).map(|_| target.clone()).collect();
        let many = json!({"entity_type": "connection", "entity_id": id, "targets": many});
        nictate.post(&path, many).await.error(400, "share_invalid");

        // An owner of one workspace neither sees another one nor lends what is not theirs.
        let theirs = json!({"entity_type": "connection", "entity_id": id, "targets": [target]});
        let reply = nictate.call_as("red", Method::POST, &path, theirs.clone()).await;
        reply.error(404, "workspace_not_found");
        let own = format!("/api/v1/workspaces/{red}/share");
        nictate.call_as("red", Method::POST, &own, theirs).await.error(404, "shared_not_found");
        let own = format!("/api/v1/workspaces/{red}/connection/{id}");
        nictate.call_as("red", Method::POST, &own, json!({})).await.error(404, "shared_not_found");
    })
    .await;
}
