//! Who may call what: drives every route of the table as every kind of caller and compares with the matrix that
//! is checked in. Whoever changes it reads the difference as a change of policy.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use reqwest::Method;
use serde_json::json;
use server::{Access, BASE, Route, Scope};
use store::users::UserStatus;
use types::{Role, TenantRole, UserId};

use crate::executions::workflow;
use crate::support::{KEY, NOBODY, Nictate, Person, Reply, WORKSPACE, on_both};

/// The callers, in the order of the columns; the key of each is its name. The Admin's is the first key.
const CALLERS: [&str; 12] = [
    "nobody",
    "wrong",
    "revoked",
    "inactive",
    "stranger",
    "neighbour",
    "consumer",
    "viewer",
    "contributor",
    "operator",
    "owner",
    "admin",
];

fn key_of(caller: &str) -> Option<&str> {
    match caller {
        "nobody" => None,
        "admin" => Some(KEY),
        name => Some(name),
    }
}

/// Everybody but nobody, the unknown and the Admin.
async fn settle(nictate: &Nictate) {
    let workspace = WORKSPACE.parse().unwrap();
    let tenant = nictate.tenant().await;
    let red = nictate.add_workspace(tenant, "red").await;
    let other_tenant = nictate.add_tenant("other").await;
    let blue = nictate.add_workspace(other_tenant, "blue").await;
    let owner = [(workspace, Role::Owner)];
    let viewer = [(workspace, Role::Viewer)];
    for person in [
        Person { revoked: true, ..Person::new("revoked", tenant, &owner) },
        Person { status: UserStatus::Inactive, ..Person::new("inactive", tenant, &owner) },
        Person {
            tenant_role: TenantRole::Admin,
            ..Person::new("stranger", other_tenant, &[(blue, Role::Owner)])
        },
        Person::new("neighbour", tenant, &[(red, Role::Owner)]),
        Person { tenant_role: TenantRole::Consumer, ..Person::new("consumer", tenant, &viewer) },
        Person::new("viewer", tenant, &viewer),
        Person::new("contributor", tenant, &[(workspace, Role::Contributor)]),
        Person::new("owner", tenant, &owner),
    ] {
        nictate.add_person(person).await;
    }
    let permissions = ["workflow:view", "workflow:execute", "execution:view"];
    let role = json!({"name": "Operator", "scope": "workspace", "permissions": permissions});
    nictate.post("/api/v1/roles", role).await.ok();
    nictate
        .add_person(Person { tenant_role: TenantRole::Consumer, ..Person::new("operator", tenant, &[]) })
        .await;
    let operator = UserId::of_name("operator");
    let member = json!({"entities": [{"entity_id": operator, "entity_type": "user", "role": "Operator"}]});
    nictate.post(&format!("/api/v1/workspaces/{WORKSPACE}/entities"), member).await;
    let sleeps = workflow("- id: S1\n  action: internal.Sleep\n  inputs: {duration: 1h}", "{{ 1 }}");
    let sleeper = nictate.publish("sleeps", &sleeps).await;
    nictate.execute(&sleeper, json!({})).await;
}

/// What a route asks for, as the matrix shows it.
fn asked_for(access: Access) -> String {
    match access {
        Access::Public => "anybody".to_owned(),
        Access::Authenticated => "a key".to_owned(),
        Access::Needs(permission) => permission.as_str().to_owned(),
        Access::NeedsOrShared(permission, _) => format!("{} or shared", permission.as_str()),
        Access::WorkspaceNeeds(permission) => format!("there {}", permission.as_str()),
        Access::RunnerToken => "a runner group's token".to_owned(),
        Access::TenantNeeds(permission) => format!("tenant {}", permission.as_str()),
        Access::ScimNeeds(permission) => format!("SCIM {}", permission.as_str()),
    }
}

/// `yes` for whoever the door lets through, whatever the handler says then; else the door's answer.
fn verdict(reply: &Reply) -> String {
    if reply.status < 400 {
        return "yes".to_owned();
    }
    let body = reply.json();
    if body["schemas"].is_array() {
        return if reply.status == 401 || reply.status == 403 {
            reply.status.to_string()
        } else {
            "yes".to_owned()
        };
    }
    match body["identifier"].as_str().unwrap() {
        "unauthenticated" | "forbidden" | "workspace_not_found" => reply.status.to_string(),
        _ => "yes".to_owned(),
    }
}

async fn call(nictate: &Nictate, route: &Route, caller: &str) -> String {
    let path = format!("{BASE}{}", route.documented_path());
    let path = path.replace("{ws_id}", WORKSPACE).replace("{branch}", "draft").replace("{version}", "1");
    // The only workspace whose members some of them are; it is not deleted, for a run of it has not ended.
    let path = path.replace("/workspaces/{id}", &format!("/workspaces/{WORKSPACE}"));
    // An id of nothing: who is let in finds nothing there, and changes nothing.
    let path = path.replace("{id}", NOBODY).replace("{table}", "nothing").replace("{field}", "nothing");
    let path =
        path.replace("{entity_type}", "user").replace("{entity_id}", NOBODY).replace("{role}", "Viewer");
    let path = path.replace("{role}", "Builder").replace("{status}", "Active").replace("{tenant_id}", NOBODY);
    let request = nictate.request_as(key_of(caller), route.method.clone(), &path);
    let request = if route.method == Method::GET { request } else { request.json(&json!({})) };
    verdict(&Reply::of(request).await)
}

async fn matrix(nictate: &Nictate) -> String {
    let mut text = format!("{:<64} {:<27}", "route", "asks for");
    for caller in CALLERS {
        let _ = write!(text, " {caller:<11}");
    }
    let mut lines = BTreeMap::new();
    for route in server::routes() {
        let name = format!("{} {}", route.documented_path(), route.method);
        let mut line = format!("{name:<64} {:<27}", asked_for(route.access));
        for caller in CALLERS {
            let verdict = call(nictate, &route, caller).await;
            let _ = write!(line, " {verdict:<11}");
        }
        assert!(lines.insert(name, line).is_none());
    }
    let all = std::iter::once(text).chain(lines.into_values());
    all.map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// `UPDATE_ACCESS=1` writes the file anew.
#[tokio::test]
async fn every_route_lets_in_whom_the_matrix_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/access-matrix.txt");
    on_both(async |nictate| {
        settle(nictate).await;
        let found = matrix(nictate).await;
        if std::env::var_os("UPDATE_ACCESS").is_some() {
            std::fs::write(&path, &found).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        for (found, kept) in found.lines().zip(kept.lines()) {
            assert_eq!(found, kept);
        }
        assert!(found == kept, "the matrix in {} has other lines than:\n{found}", path.display());
    })
    .await;
}

#[tokio::test]
async fn a_refusal_names_the_permission_and_a_foreign_workspace_is_not_there() {
    on_both(async |nictate| {
        settle(nictate).await;
        let ask = async |caller: &str, method: Method, path: &str| {
            Reply::of(nictate.request_as(Some(caller), method, path).json(&json!({}))).await
        };
        let body = ask("viewer", Method::POST, "/connections").await.error(403, "forbidden");
        assert_eq!(body["data"]["permission"], "connection:edit");
        assert!(body["message"].as_str().unwrap().contains("`Viewer`"), "{body}");
        // Whether a workspace exists is not to be found out.
        let foreign = ask("stranger", Method::GET, "/connections").await.error(404, "workspace_not_found");
        let nothing = format!("/api/v1/workspace/{NOBODY}/connections");
        let nothing = ask("stranger", Method::GET, &nothing).await.error(404, "workspace_not_found");
        let unnamed = |text: &str| text.replace(WORKSPACE, "").replace(NOBODY, "");
        assert_eq!(unnamed(&foreign.to_string()), unnamed(&nothing.to_string()));
        for (key, part) in
            [(None, "missing"), (Some(""), "unknown"), (Some("x"), "unknown"), (Some("revoked"), "revoked")]
        {
            let reply = Reply::of(nictate.request_as(key, Method::GET, "/connections")).await;
            let body = reply.error(401, "unauthenticated");
            assert!(body["message"].as_str().unwrap().contains(part), "{body}");
        }
        let long = "x".repeat(10_000);
        Reply::of(nictate.request_as(Some(&long), Method::GET, "/connections"))
            .await
            .error(401, "unauthenticated");
    })
    .await;
}

#[tokio::test]
async fn every_route_of_a_workspace_is_there_without_one_too() {
    on_both(async |nictate| {
        for route in server::routes().into_iter().filter(|route| route.scope == Scope::Workspace) {
            let path =
                route.path.replace("{branch}", "draft").replace("{version}", "1").replace("{id}", NOBODY);
            let mut answers = Vec::new();
            for base in
                [format!("{BASE}/workspace/{WORKSPACE}"), BASE.to_owned(), format!("{BASE}/workspace/")]
            {
                let request = nictate.request(route.method.clone(), &format!("{base}{path}"));
                let request = if route.method == Method::GET { request } else { request.json(&json!({})) };
                let reply = Reply::of(request).await;
                assert!(
                    !["route_not_found", "method_not_allowed"].iter().any(|id| reply.text.contains(id)),
                    "{base}{path}"
                );
                answers.push((reply.status, reply.text));
            }
            assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{path}: {answers:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_caller_has_one_to_five_keys_and_a_revoked_one_is_dead_at_once() {
    on_both(async |nictate| {
        let list = nictate.get("/api/v1/apikey").await.ok();
        assert_eq!(list.as_array().unwrap().len(), 1);
        let first = list[0]["id"].as_str().unwrap();
        nictate.delete(&format!("/api/v1/apikey?id={first}")).await.error(400, "api_key_last");
        let made = nictate.post("/api/v1/apikey", json!({"name": "ci", "description": "for CI"})).await.ok();
        let key = made["key"].as_str().unwrap();
        assert!(key.starts_with("nct_") && key.starts_with(made["hint"].as_str().unwrap()));
        let listed = nictate.get("/api/v1/apikey").await;
        assert!(!listed.text.contains(key), "{}", listed.text);
        let use_it = async || Reply::of(nictate.request_as(Some(key), Method::GET, "/connections")).await;
        use_it().await.ok();
        let id = made["id"].as_str().unwrap();
        assert_eq!(nictate.delete(&format!("/api/v1/apikey?id={id}")).await.ok(), json!(id));
        use_it().await.error(401, "unauthenticated");
        nictate.delete(&format!("/api/v1/apikey?id={id}")).await.error(404, "api_key_not_found");
        for _ in 1..5 {
            nictate.post_nothing("/api/v1/apikey").await.ok();
        }
        nictate.post_nothing("/api/v1/apikey").await.error(400, "api_key_limit");
        assert_eq!(nictate.get("/api/v1/apikey").await.ok().as_array().unwrap().len(), 5);
    })
    .await;
}

#[tokio::test]
async fn an_address_that_cannot_be_decoded_is_asked_for_a_key_first() {
    on_both(async |nictate| {
        for path in ["/connections/%FF", "/playbooks/%C3%28/draft"] {
            let path = format!("/api/v1{path}");
            let unknown = nictate.request_as(None, reqwest::Method::GET, &path);
            Reply::of(unknown).await.error(401, "unauthenticated");
            nictate.get(&path).await.error(404, "route_not_found");
        }
    })
    .await;
}

#[tokio::test]
async fn a_failure_of_the_server_is_logged_once_with_the_requests_id() {
    on_both(async |nictate| {
        let (tenant, now) = (nictate.tenant().await, types::Timestamp::from_millis(1));
        let broken = store::connection_types::ConnectionType {
            id: types::ConnectionTypeId::of_name("broken"),
            tenant_id: tenant,
            name: "broken".to_owned(),
            definition: "{".to_owned(),
            created_at: now,
            created_by: String::new(),
            updated_at: now,
            updated_by: String::new(),
        };
        nictate.write_beside(async move |tx| store::connection_types::insert(tx, &broken).await).await;
        let id = if nictate.is_sqlite() { "failed-on-sqlite" } else { "failed-on-postgresql" };
        let request = nictate.request(reqwest::Method::GET, "/api/v1/connection_types");
        let body = Reply::of(request.header("x-request-id", id)).await.error(500, "internal");
        assert!(!body.to_string().contains("broken"), "{body}");
        let log = crate::support::logged();
        let lines: Vec<&str> =
            log.lines().filter(|line| line.contains("ERROR") && line.contains(id)).collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("connection_types") && lines[0].contains("definition"), "{lines:?}");
    })
    .await;
}
