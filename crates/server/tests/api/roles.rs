//! Roles that a tenant makes of permissions: what they allow, and that nobody gives what they do not have.

use reqwest::Method;
use serde_json::{Value, json};
use types::{Role, TenantRole, UserId};

use crate::support::{Nictate, Person, WORKSPACE, on_both};

async fn make(nictate: &Nictate, name: &str, scope: &str, permissions: &[&str]) -> String {
    let role = json!({"name": name, "scope": scope, "permissions": permissions});
    nictate.post("/api/v1/roles", role).await.ok()["id"].as_str().unwrap().to_owned()
}

/// Somebody of the first tenant with that role in it, which may be one of its own.
async fn add(nictate: &Nictate, name: &'static str, tenant_role: &str) -> UserId {
    let tenant = nictate.tenant().await;
    nictate.add_person(Person { tenant_role: TenantRole::Consumer, ..Person::new(name, tenant, &[]) }).await;
    let id = UserId::of_name(name);
    nictate.put(&format!("/api/v1/user/{id}/role/{tenant_role}"), json!({})).await.ok();
    id
}

/// Makes a user or group a member of the first workspace.
async fn enter(nictate: &Nictate, kind: &str, id: &str, role: &str) {
    let entity = json!({"entity_id": id, "entity_type": kind, "role": role});
    let path = format!("/api/v1/workspaces/{WORKSPACE}/entities");
    assert_eq!(nictate.post(&path, json!({"entities": [entity]})).await.status, 200);
}

async fn join(nictate: &Nictate, who: UserId, role: &str) {
    enter(nictate, "user", &who.to_string(), role).await;
}

fn missing(body: &Value) -> Vec<&str> {
    body["data"]["permissions"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_role_in_a_workspace_allows_its_permissions_and_nothing_else() {
    on_both(async |nictate| {
        let role = make(nictate, "Operator", "workspace", &["workflow:view", "workflow:execute"]).await;
        let id = add(nictate, "olga", "Consumer").await;
        join(nictate, id, "Operator").await;
        nictate.get_as("olga", "/playbooks").await.ok();
        let reply = nictate.get_as("olga", "/connections").await;
        assert_eq!((reply.status, &reply.json()["data"]["permission"]), (403, &json!("connection:view")));
        let me = nictate.get_as("olga", "/api/v1/user").await.ok();
        assert_eq!((&me["user_role"], &me["tenant_role"]), (&json!("Operator"), &json!("Consumer")));
        let portal =
            ["app:view", "service:execute", "service:view"].map(|name| format!("self_service_portal:{name}"));
        let own = ["workflow:execute", "workflow:view"].map(str::to_owned);
        assert_eq!(me["permissions"], json!([portal.as_slice(), &own].concat()));
        assert_eq!(me["workspaces"][WORKSPACE]["role"], "Operator");

        // What the role allows is changed for everybody who has it, at once.
        let changed = json!({"permissions": ["connection:view"]});
        let changed = nictate.put(&format!("/api/v1/roles/{role}"), changed).await.ok();
        assert_eq!(changed["permissions"], json!(["connection:view"]));
        nictate.get_as("olga", "/connections").await.ok();
        assert_eq!(nictate.get_as("olga", "/playbooks").await.status, 403);

        // A second role through a group is added to the first.
        make(nictate, "Runs", "workspace", &["execution:view"]).await;
        let path = format!("/api/v1/workspace/{WORKSPACE}/table/sys_groups");
        let group = nictate.post(&path, json!({"name": "shift"})).await.ok();
        let group = group.as_str().or(group["id"].as_str()).unwrap().to_owned();
        nictate.post(&format!("/api/v1/groups/{group}/add_users"), json!([id])).await.ok();
        enter(nictate, "group", &group, "Runs").await;
        nictate.get_as("olga", "/executions").await.ok();
        nictate.get_as("olga", "/connections").await.ok();
    })
    .await;
}

#[tokio::test]
async fn a_role_that_somebody_has_stays() {
    on_both(async |nictate| {
        let role = make(nictate, "Operator", "workspace", &["workflow:view"]).await;
        let id = add(nictate, "olga", "Consumer").await;
        join(nictate, id, "Operator").await;
        let reply = nictate.delete(&format!("/api/v1/roles/{role}")).await;
        assert_eq!((reply.status, &reply.json()["identifier"]), (400, &json!("role_in_use")));
        assert_eq!(reply.json()["data"]["holders"], 1);
        join(nictate, id, "Viewer").await;
        nictate.delete(&format!("/api/v1/roles/{role}")).await.ok();
        assert_eq!(nictate.get(&format!("/api/v1/roles/{role}")).await.status, 404);
        assert_eq!(nictate.get("/api/v1/roles").await.ok()["total"], 0);
    })
    .await;
}

#[tokio::test]
async fn what_a_role_cannot_be_is_refused_by_name() {
    on_both(async |nictate| {
        make(nictate, "Auditor", "tenant", &["audit:view"]).await;
        for (role, code, word) in [
            (json!({"name": "auditor", "scope": "tenant"}), "role_name_taken", "auditor"),
            (json!({"name": "OWNER", "scope": "tenant"}), "role_name_taken", "OWNER"),
            (json!({"name": "x", "scope": "world"}), "role_invalid", "world"),
            (json!({"name": "x"}), "role_invalid", "scope"),
            (json!({"name": " ", "scope": "tenant"}), "name_invalid", "role"),
            (json!({"name": "x", "scope": "tenant", "permissions": ["fly"]}), "role_invalid", "fly"),
            (
                json!({"name": "x", "scope": "tenant", "permissions": ["record:edit"]}),
                "role_invalid",
                "record:edit",
            ),
            (
                json!({"name": "x", "scope": "workspace", "permissions": ["account:edit"]}),
                "role_invalid",
                "account:edit",
            ),
        ] {
            let reply = nictate.post("/api/v1/roles", role.clone()).await;
            assert_eq!((reply.status, &reply.json()["identifier"]), (400, &json!(code)), "{role}");
            assert!(reply.json()["message"].as_str().unwrap().contains(word), "{role}: {}", reply.json());
        }
        let roles = nictate.get("/api/v1/roles").await.ok();
        let id = roles["results"][0]["id"].as_str().unwrap();
        let renamed = nictate.put(&format!("/api/v1/roles/{id}"), json!({"name": "other"})).await;
        assert_eq!(renamed.json()["identifier"], "role_invalid");
        // A tenant's role is none of a workspace's, and the other way round.
        let entity = json!({"entity_id": UserId::of_name("x"), "entity_type": "user", "role": "Auditor"});
        let path = format!("/api/v1/workspaces/{WORKSPACE}/entities");
        let reply = nictate.post(&path, json!({"entities": [entity]})).await;
        assert_eq!(reply.json()["identifier"], "role_unknown");
    })
    .await;
}

#[tokio::test]
async fn a_tenant_has_a_hundred_roles() {
    on_both(async |nictate| {
        for number in 0..100 {
            make(nictate, &format!("role {number}"), "tenant", &[]).await;
        }
        let reply = nictate.post("/api/v1/roles", json!({"name": "one more", "scope": "tenant"})).await;
        assert_eq!((reply.status, &reply.json()["identifier"]), (400, &json!("role_limit")));
    })
    .await;
}

#[tokio::test]
async fn who_administers_people_gains_nothing_by_it() {
    on_both(async |nictate| {
        let permissions = ["account:view", "account:edit", "account:invite", "workspace:create"];
        make(nictate, "People", "tenant", &permissions).await;
        make(nictate, "Auditor", "tenant", &["audit:view"]).await;
        let petra = add(nictate, "petra", "People").await;
        let olga = add(nictate, "olga", "Consumer").await;
        nictate.get_as("petra", "/api/v1/users").await.ok();

        let forbidden = async |path: &str, body: Value| {
            let reply = nictate.call_as("petra", Method::POST, path, body).await;
            assert_eq!(reply.status, 403, "{path}: {}", reply.json());
            reply.json()
        };
        // Neither themselves nor others get a role that may do more, by whichever way.
        for role in ["Admin", "Auditor"] {
            let reply = nictate
                .call_as("petra", Method::PUT, &format!("/api/v1/user/{petra}/role/{role}"), json!({}))
                .await;
            assert_eq!(reply.status, 403, "{role}");
        }
        let reply = nictate
            .call_as("petra", Method::PUT, &format!("/api/v1/user/{olga}/role/Auditor"), json!({}))
            .await;
        assert_eq!(missing(&reply.json()), ["audit:view"]);
        forbidden("/api/v1/invite", json!([{"email": "x@example.com", "role": "Admin"}])).await;
        forbidden("/api/v1/service_accounts", json!({"name": "x", "tenant_role": "Admin"})).await;
        let role = json!({"name": "More", "scope": "tenant", "permissions": ["audit:view"]});
        assert_eq!(missing(&forbidden("/api/v1/roles", role).await), ["audit:view"]);
        let role = json!({"name": "More", "scope": "workspace", "permissions": ["workflow:view"]});
        forbidden("/api/v1/roles", role).await;

        // The Admin cannot be switched off, demoted or taken over.
        let admin = nictate.get("/api/v1/user").await.ok()["inner_id"].as_str().unwrap().to_owned();
        forbidden(&format!("/api/v1/user/{admin}/password_reset"), json!({})).await;
        for path in
            [format!("/api/v1/user/{admin}/status/Inactive"), format!("/api/v1/user/{admin}/role/Consumer")]
        {
            assert_eq!(nictate.call_as("petra", Method::PUT, &path, json!({})).await.status, 403, "{path}");
        }
        // Nor somebody who works in a workspace that they have no business in; nor a group that does.
        join(nictate, olga, "Owner").await;
        forbidden(&format!("/api/v1/user/{olga}/password_reset"), json!({})).await;
        let path = format!("/api/v1/workspace/{WORKSPACE}/table/sys_groups");
        let group = nictate.post(&path, json!({"name": "owners"})).await.ok();
        let group = group.as_str().or(group["id"].as_str()).unwrap().to_owned();
        let add_me = format!("/api/v1/groups/{group}/add_users");
        nictate.call_as("petra", Method::POST, &add_me, json!([petra])).await.ok();
        nictate
            .call_as("petra", Method::POST, &format!("/api/v1/groups/{group}/remove_users"), json!([petra]))
            .await
            .ok();
        enter(nictate, "group", &group, "Contributor").await;
        forbidden(&add_me, json!([petra])).await;
        forbidden(&format!("/api/v1/user/{petra}/groups"), json!([group])).await;

        // What they may do, they can give.
        let invited = json!([{"email": "y@example.com", "role": "People"}]);
        nictate.call_as("petra", Method::POST, "/api/v1/invite", invited).await.ok();
        let quiet = add(nictate, "quiet", "Consumer").await;
        nictate
            .call_as("petra", Method::PUT, &format!("/api/v1/user/{quiet}/role/people"), json!({}))
            .await
            .ok();
        nictate
            .call_as("petra", Method::POST, &format!("/api/v1/user/{quiet}/password_reset"), json!({}))
            .await
            .ok();
    })
    .await;
}

#[tokio::test]
async fn who_decides_about_a_workspace_gives_no_more_than_they_have() {
    on_both(async |nictate| {
        let tenant = nictate.tenant().await;
        make(nictate, "Door", "workspace", &["workspace:view", "workspace:edit", "workflow:view"]).await;
        make(nictate, "Reader", "workspace", &["workflow:view"]).await;
        let door = add(nictate, "door", "Consumer").await;
        join(nictate, door, "Door").await;
        let workspace = WORKSPACE.parse().unwrap();
        nictate.add_person(Person::new("owner", tenant, &[(workspace, Role::Owner)])).await;
        let other = add(nictate, "other", "Consumer").await;
        let set = async |who: UserId, role: &str| {
            let entity = json!({"entity_id": who, "entity_type": "user", "role": role});
            let path = format!("/api/v1/workspaces/{WORKSPACE}/entities");
            nictate.call_as("door", Method::POST, &path, json!({"entities": [entity]})).await
        };
        for role in ["Owner", "Viewer"] {
            assert_eq!(set(door, role).await.status, 403, "{role}");
        }
        assert_eq!(set(other, "Reader").await.status, 200);
        let owner = UserId::of_name("owner");
        assert_eq!(set(owner, "Reader").await.status, 403);
        let removal = format!("/api/v1/workspaces/{WORKSPACE}/user/{owner}");
        assert_eq!(nictate.call_as("door", Method::DELETE, &removal, json!({})).await.status, 403);
        let removal = format!("/api/v1/workspaces/{WORKSPACE}/user/{other}");
        assert_eq!(nictate.call_as("door", Method::DELETE, &removal, json!({})).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn every_permission_is_listed_with_who_has_it() {
    on_both(async |nictate| {
        let permissions = nictate.get("/api/v1/permissions").await.ok();
        let permissions = permissions.as_array().unwrap();
        assert_eq!(permissions.len(), types::Permission::ALL.len());
        let edit = permissions.iter().find(|one| one["name"] == "workspace:edit").unwrap();
        assert_eq!(edit["workspace_roles"], json!(["Owner"]));
        assert_eq!(edit["scopes"], json!(["workspace"]));
        let audit = permissions.iter().find(|one| one["name"] == "audit:view").unwrap();
        assert_eq!(audit["scopes"], json!(["tenant", "workspace"]));
    })
    .await;
}
