//! Workspaces: made, described, changed and deleted; who is in them, by themselves or through a group.

use reqwest::Method;
use serde_json::{Value, json};
use store::groups::Group;
use store::testing::rows_of_workspace;
use types::{GroupId, Role, TenantRole, Timestamp, UserId, WorkspaceId};

use crate::executions::workflow;
use crate::support::{KEY, NOBODY, Nictate, Person, Reply, WORKSPACE, members, on_both, text, until};

const BASE: &str = "/api/v1/workspaces";

async fn call(nictate: &Nictate, key: &str, method: Method, path: &str, body: Value) -> Reply {
    Reply::of(nictate.request_as(Some(key), method, path).json(&body)).await
}

async fn make(nictate: &Nictate, key: &str, name: &str) -> Value {
    call(nictate, key, Method::POST, BASE, json!({"name": name, "description": "for tests"})).await.ok()
}

/// The address of the workspace's connections, for one who wants to know whether they are let in.
fn connections(workspace: &str) -> String {
    format!("/api/v1/workspace/{workspace}/connections")
}

async fn may(nictate: &Nictate, key: &str, method: Method, workspace: &str) -> u16 {
    call(nictate, key, method, &connections(workspace), json!({})).await.status
}

/// A Builder without a workspace; their id.
async fn add_builder(nictate: &Nictate, name: &str) -> String {
    let tenant = nictate.tenant().await;
    nictate.add_person(Person::new(name, tenant, &[])).await;
    UserId::of_name(name).to_string()
}

async fn add_group(nictate: &Nictate, name: &str, users: &[&str]) -> String {
    let (tenant, now) = (nictate.tenant().await, Timestamp::from_millis(1));
    let id = GroupId::of_name(name);
    let group = Group {
        id,
        tenant_id: tenant,
        name: name.to_owned(),
        description: String::new(),
        managed: false,
        external_id: None,
        created_at: now,
        created_by: String::new(),
        updated_at: now,
        updated_by: String::new(),
    };
    let users: Vec<UserId> = users.iter().map(|name| UserId::of_name(name)).collect();
    let stored = nictate.write_beside(async move |tx| {
        store::groups::insert(tx, &group).await?;
        for user in &users {
            store::groups::add_user(tx, tenant, id, *user).await?;
        }
        Ok(())
    });
    stored.await;
    id.to_string()
}

#[tokio::test]
async fn a_workspace_is_made_described_and_renamed() {
    on_both(async |nictate| {
        let builder = add_builder(nictate, "bob").await;
        let made = make(nictate, "bob", "Red Team").await;
        let fields = [
            "created_at",
            "created_by",
            "description",
            "display_name",
            "id",
            "name",
            "tenant_id",
            "updated_at",
            "updated_by",
        ];
        assert_eq!(members(&made), fields);
        assert_eq!((&made["name"], &made["display_name"]), (&json!("red_team"), &json!("Red Team")));
        let id = text(&made, "id");
        // By id, and by the name that people see, as official clients write it.
        for named in [id.as_str(), "Red%20Team"] {
            let path = format!("{BASE}/{named}");
            let described = call(nictate, "bob", Method::GET, &path, json!({})).await.ok();
            let shape =
                ["description", "display_name", "enable_overview_page", "entities", "id", "name", "type"];
            assert_eq!(members(&described), shape);
            let entity = &described["entities"][0];
            assert_eq!((&entity["id"], &entity["type"]), (&json!(builder), &json!("user")));
            assert_eq!(
                (&entity["workspace_role"], &entity["email"]),
                (&json!("Owner"), &json!("bob@example.com"))
            );
        }
        let path = format!("{BASE}/{id}");
        let changed =
            call(nictate, "bob", Method::PUT, &path, json!({"display_name": "Blue Team"})).await.ok();
        assert_eq!((&changed["name"], &changed["description"]), (&json!("blue_team"), &json!("for tests")));
        let listed = call(nictate, "bob", Method::GET, BASE, json!({})).await;
        assert_eq!(listed.column("display_name"), ["Blue Team"]);
        assert_eq!(nictate.get(BASE).await.column("display_name"), ["Blue Team", "Default"]);
        for (body, identifier) in [
            (json!({"name": "BLUE-team"}), "workspace_name_taken"),
            (json!({}), "name_invalid"),
            (json!({"name": "---"}), "name_invalid"),
            (json!({"name": "x".repeat(300)}), "name_invalid"),
            (json!({"name": "y", "description": "\0"}), "body_invalid"),
        ] {
            nictate.post(BASE, body).await.error(400, identifier);
        }
        let taken = call(nictate, "bob", Method::PUT, &path, json!({"name": "default"})).await;
        taken.error(400, "workspace_name_taken");
    })
    .await;
}

#[tokio::test]
async fn members_come_and_go_and_are_let_in_or_not_at_once() {
    on_both(async |nictate| {
        add_builder(nictate, "bob").await;
        let carol = add_builder(nictate, "carol").await;
        let id = text(&make(nictate, "bob", "Red").await, "id");
        let entities = format!("{BASE}/{id}/entities");
        let add = async |body: Value| call(nictate, "bob", Method::POST, &entities, body).await;
        assert_eq!(may(nictate, "carol", Method::GET, &id).await, 404);
        let body = json!({"entities": [{"entity_id": carol, "entity_type": "user"}]});
        assert_eq!(add(body.clone()).await.text, "");
        assert_eq!(may(nictate, "carol", Method::GET, &id).await, 200);
        assert_eq!(may(nictate, "carol", Method::POST, &id).await, 403);
        // A Viewer decides nothing, and another workspace's owner is a stranger here.
        call(nictate, "carol", Method::POST, &entities, body.clone()).await.error(403, "forbidden");
        add_builder(nictate, "dave").await;
        call(nictate, "dave", Method::POST, &entities, body).await.error(404, "workspace_not_found");
        let role = async |role: &str| {
            call(nictate, "bob", Method::POST, &format!("{BASE}/{id}/user/{carol}/role/{role}"), json!({})).await
        };
        role("Contributor").await;
        assert_eq!(may(nictate, "carol", Method::POST, &id).await, 400);
        let refused = role("King").await.error(400, "role_unknown");
        assert_eq!(refused["data"]["roles"], json!(["Viewer", "Contributor", "Owner"]));
        let path = format!("{BASE}/{id}/user/{carol}");
        call(nictate, "bob", Method::DELETE, &path, json!({})).await;
        assert_eq!(may(nictate, "carol", Method::GET, &id).await, 404);
        call(nictate, "bob", Method::DELETE, &path, json!({})).await.error(404, "entity_not_found");
        role("Owner").await.error(404, "entity_not_found");
        // All of them or none; who is not there is named.
        let both = json!({"entities": [{"entity_id": carol, "entity_type": "user"}, {"entity_id": NOBODY, "entity_type": "group"}]});
        let refused = add(both).await.error(404, "entity_not_found");
        assert_eq!(refused["data"]["entities"], json!([format!("group {NOBODY}")]));
        assert_eq!(may(nictate, "carol", Method::GET, &id).await, 404);
        for bad in [json!({}), json!({"entities": [{"entity_id": carol, "entity_type": "robot"}]})] {
            assert_eq!(add(bad).await.status, 400);
        }
        let users = format!("{BASE}/{id}/users");
        call(nictate, "bob", Method::POST, &users, json!({"users": [carol]})).await;
        assert_eq!(may(nictate, "carol", Method::GET, &id).await, 200);
        assert_eq!(audited(nictate, &id, "workspace.member_set").await, 3);
    })
    .await;
}

async fn audited(nictate: &Nictate, workspace: &str, action: &str) -> usize {
    let q = json!({"filter": {"action": action}}).to_string();
    let query = store::Query::parse(Some(&q), &store::audit::FIELDS).unwrap();
    let (tenant, workspace) = (nictate.tenant().await, workspace.parse().unwrap());
    store::audit::list(&nictate.db, tenant, workspace, &query).await.unwrap().rows.len()
}

#[tokio::test]
async fn a_group_lets_its_users_in_with_the_strongest_of_their_roles() {
    on_both(async |nictate| {
        let bob = add_builder(nictate, "bob").await;
        let carol = add_builder(nictate, "carol").await;
        let id = text(&make(nictate, "bob", "Red").await, "id");
        let group = add_group(nictate, "responders", &["carol"]).await;
        let entities = format!("{BASE}/{id}/entities");
        let body = json!({"entities": [
            {"entity_id": group, "entity_type": "group", "role": "Contributor"},
            {"entity_id": carol, "entity_type": "user", "role": "Viewer"},
        ]});
        call(nictate, "bob", Method::POST, &entities, body).await;
        assert_eq!(may(nictate, "carol", Method::POST, &id).await, 400);
        let described = call(nictate, "carol", Method::GET, &format!("{BASE}/{id}"), json!({})).await.ok();
        let described =
            described["entities"].as_array().unwrap().iter().find(|entity| entity["type"] == "group");
        let described = described.unwrap();
        assert_eq!((&described["member_count"], &described["members"][0]["id"]), (&json!(1), &json!(carol)));
        // Owners are counted with those of groups: bob may go once the group owns the workspace.
        let leave = format!("{BASE}/{id}/user/{bob}");
        call(nictate, "bob", Method::DELETE, &leave, json!({})).await.error(400, "workspace_owner_last");
        let weaker = format!("{BASE}/{id}/user/{bob}/role/Viewer");
        call(nictate, "bob", Method::POST, &weaker, json!({})).await.error(400, "workspace_owner_last");
        let role = format!("{BASE}/{id}/group/{group}/role/Owner");
        call(nictate, "bob", Method::POST, &role, json!({})).await;
        call(nictate, "bob", Method::DELETE, &leave, json!({})).await;
        assert_eq!(may(nictate, "bob", Method::GET, &id).await, 404);
        let leave = format!("{BASE}/{id}/group/{group}");
        call(nictate, "carol", Method::DELETE, &leave, json!({})).await.error(400, "workspace_owner_last");
    })
    .await;
}

/// A workspace with a thing of every kind in it, two tables that refer to each other, and a run that has not ended.
async fn full_workspace(nictate: &Nictate) -> String {
    let id = text(&make(nictate, KEY, "Red").await, "id");
    let post = async |rest: &str, body: Value| {
        let path = format!("/api/v1/workspace/{id}{rest}");
        call(nictate, KEY, Method::POST, &path, body).await.ok()
    };
    let attributes = json!({"base_url": {"value": nictate.tool.url()}, "token": {"value": "secret"}});
    post("/connections", json!({"name": "edge", "type_name": "http_bearer", "attributes": attributes})).await;
    let refer = |name: &str, table: &str| json!({"display_name": name, "type": "reference", "attributes": {"table_reference": {"table_name": table}}});
    post("/table", json!({"display_name": "People", "options": ["with_default_fields"]})).await;
    post("/table", json!({"display_name": "Teams", "fields": [refer("Lead", "people")]})).await;
    post("/table/people/fields", refer("Team", "teams")).await;
    let person = post("/table/people", json!({"name": "ada"})).await;
    post("/table/teams", json!({"lead": person})).await;
    post("/runner_groups", json!({"name": "dmz"})).await;
    let document = workflow(
        "- {id: S1, action: internal.print, inputs: {text: hello}}\n- id: S2\n  action: internal.Sleep\n  inputs: {duration: 1h}",
        "{{ 1 }}",
    );
    let made = post("/playbooks", json!({"name": "sleeps", "playbook": document, "active": true})).await;
    post(&format!("/playbooks/{}/execute", text(&made, "id")), json!({})).await;
    id
}

async fn rows_left(nictate: &Nictate, workspace: &str) -> Vec<(String, i64)> {
    let rows = rows_of_workspace(&nictate.db, workspace.parse().unwrap()).await;
    rows.into_iter().filter(|(table, rows)| *rows > 0 && table != "audit_log").collect()
}

async fn until_gone(nictate: &Nictate, workspace: &str) {
    let id: WorkspaceId = workspace.parse().unwrap();
    until("the workspace is gone", async || {
        let marked = store::workspace_removal::marked(&nictate.db).await.unwrap();
        (!marked.iter().any(|(_, marked)| *marked == id)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_deleted_workspace_goes_with_everything_in_it_and_nothing_else_does() {
    on_both(async |nictate| {
        nictate.connect("home", "s3cret").await;
        let before = rows_left(nictate, WORKSPACE).await;
        let id = full_workspace(nictate).await;
        assert!(rows_left(nictate, &id).await.len() > 8);
        let path = format!("{BASE}/{id}");
        let busy = nictate.delete(&path).await.error(409, "workspace_busy");
        assert_eq!(busy["data"]["executions"], 1);
        assert_eq!(nictate.get(&path).await.status, 200);
        assert_eq!(nictate.delete(&format!("{path}?force=true")).await.ok(), json!(id));
        // Nobody finds it from now on, and its name and those of its connections are free.
        nictate.get(&path).await.error(404, "workspace_not_found");
        assert_eq!(may(nictate, KEY, Method::GET, &id).await, 404);
        nictate.delete(&path).await.error(404, "workspace_not_found");
        nictate.connect("edge", "s3cret").await;
        nictate.delete(&format!("/connections/{}", connection_id(nictate, "edge").await)).await.ok();
        make(nictate, KEY, "Red").await;
        until_gone(nictate, &id).await;
        assert_eq!(rows_left(nictate, &id).await, []);
        assert_eq!(rows_left(nictate, WORKSPACE).await, before);
        assert_eq!(audited(nictate, &id, "workspace.deleted").await, 1);
    })
    .await;
}

async fn connection_id(nictate: &Nictate, name: &str) -> String {
    let found = nictate.list("/connections", &json!({"filter": {"name": name}})).await;
    found.column("id").remove(0)
}

#[tokio::test]
async fn what_is_left_of_a_workspace_when_the_server_ends_goes_with_the_next_one() {
    on_both(async |nictate| {
        let id = full_workspace(nictate).await;
        let (tenant, workspace) = (nictate.tenant().await, id.parse().unwrap());
        // As a server leaves it that ends right after the answer: marked, and nothing more.
        nictate.stop().await;
        let (user, now) = (UserId::of_name("ada"), Timestamp::from_millis(1));
        let marked = nictate.write_beside(async move |tx| {
            store::workspace_removal::mark(tx, tenant, workspace, user, now).await
        });
        assert!(marked.await);
        assert!(!rows_left(nictate, &id).await.is_empty());
        nictate.start_again().await;
        until_gone(nictate, &id).await;
        assert_eq!(rows_left(nictate, &id).await, []);
    })
    .await;
}

#[tokio::test]
async fn the_only_workspace_stays_and_consumers_make_none() {
    on_both(async |nictate| {
        nictate.delete(&format!("{BASE}/{WORKSPACE}")).await.error(400, "workspace_last");
        let tenant = nictate.tenant().await;
        let viewer = [(WORKSPACE.parse().unwrap(), Role::Viewer)];
        let consumer = Person { tenant_role: TenantRole::Consumer, ..Person::new("erin", tenant, &viewer) };
        nictate.add_person(consumer).await;
        let refused = call(nictate, "erin", Method::POST, BASE, json!({"name": "Mine"})).await;
        refused.error(403, "forbidden");
        let other = nictate.add_tenant("other").await;
        nictate.add_person(Person::new("frank", other, &[])).await;
        let path = format!("{BASE}/{WORKSPACE}");
        call(nictate, "frank", Method::GET, &path, json!({})).await.error(404, "workspace_not_found");
    })
    .await;
}
