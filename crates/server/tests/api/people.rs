//! Users of a tenant: who the caller is, who else there is, and what may become of them.

use reqwest::Method;
use serde_json::{Value, json};
use store::users::UserStatus;
use types::{Role, TenantRole, UserId, WorkspaceId};

use crate::lists::hold_the_same;
use crate::support::{KEY, NOBODY, Nictate, Person, Reply, WORKSPACE, members, on_both, text};

async fn ask(nictate: &Nictate, key: &str, method: Method, path: &str) -> Reply {
    Reply::of(nictate.request_as(Some(key), method, path)).await
}

async fn put(nictate: &Nictate, path: &str) -> Reply {
    Reply::of(nictate.request(Method::PUT, path)).await
}

async fn me(nictate: &Nictate) -> Value {
    nictate.get("/api/v1/user").await.ok()
}

fn id_of(name: &str) -> String {
    UserId::of_name(name).to_string()
}

#[tokio::test]
async fn the_caller_is_told_who_they_are_and_what_they_may_enter() {
    on_both(async |nictate| {
        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "red").await;
        let workspace: WorkspaceId = WORKSPACE.parse().unwrap();
        nictate
            .add_person(Person::new("bob", tenant, &[(workspace, Role::Viewer), (red, Role::Owner)]))
            .await;
        let bob = ask(nictate, "bob", Method::GET, "/api/v1/user").await.ok();
        let shape = [
            "auth_id",
            "default_workspace",
            "email",
            "inner_id",
            "name",
            "permissions",
            "selected_workspace",
            "status",
            "tenant_id",
            "tenant_role",
            "user_role",
            "workspaces",
        ];
        assert_eq!(members(&bob), shape);
        assert_eq!((&bob["email"], &bob["status"]), (&json!("bob@example.com"), &json!("Active")));
        assert_eq!((&bob["tenant_role"], &bob["user_role"]), (&json!("Builder"), &json!("Viewer")));
        assert_eq!(bob["selected_workspace"], WORKSPACE);
        let may = |whose: &Value, what: &str| whose["permissions"].as_array().unwrap().contains(&json!(what));
        assert!(may(&bob, "workspace:view") && may(&bob, "account:view") && !may(&bob, "account:edit"));
        assert!(may(&me(nictate).await, "account:edit"));
        let shown = &bob["workspaces"][WORKSPACE];
        assert_eq!(members(shown), ["description", "display_name", "id", "name", "role", "user_count"]);
        assert_eq!((&shown["role"], &shown["user_count"]), (&json!("Viewer"), &json!(2)));
        let map = ask(nictate, "bob", Method::GET, "/api/v1/user-workspaces").await.ok();
        assert_eq!(map, bob["workspaces"]);
        assert_eq!(members(&map).len(), 2);

        let select = async |id: Value| {
            let request = nictate.request_as(Some("bob"), Method::PUT, "/api/v1/user/selected_workspace");
            Reply::of(request.json(&json!({"workspace_id": id}))).await
        };
        select(json!(red)).await.ok();
        let bob = ask(nictate, "bob", Method::GET, "/api/v1/user").await.ok();
        assert_eq!((&bob["selected_workspace"], &bob["user_role"]), (&json!(red), &json!("Owner")));
        select(json!(NOBODY)).await.error(404, "workspace_not_found");
        select(Value::Null).await.error(400, "body_invalid");
        select(json!(7)).await.error(400, "body_invalid");
    })
    .await;
}

#[tokio::test]
async fn a_user_who_is_switched_off_or_deleted_is_refused_at_once() {
    on_both(async |nictate| {
        let workspace = WORKSPACE.parse().unwrap();
        nictate.add_member("bob", workspace, Role::Contributor).await;
        let bob = id_of("bob");
        let uses = async || ask(nictate, "bob", Method::GET, "/connections").await;
        uses().await.ok();
        let status = async |status: &str| put(nictate, &format!("/api/v1/user/{bob}/status/{status}")).await;
        assert_eq!(status("Inactive").await.ok(), json!(bob));
        uses().await.error(401, "unauthenticated");
        status("Active").await.ok();
        uses().await.ok();
        for bad in ["Invited", "Invitation%20Expired", "gone"] {
            status(bad).await.error(400, "parameter_invalid");
        }
        let made = nictate.request_as(Some("bob"), Method::POST, "/table");
        Reply::of(made.json(&json!({"display_name": "Kept"}))).await.ok();
        ask(nictate, KEY, Method::POST, &format!("/api/v1/user/{bob}")).await.ok();
        uses().await.error(401, "unauthenticated");
        assert_eq!(nictate.get("/tables").await.column("name"), ["kept"]);
        nictate.delete(&format!("/api/v1/user/{bob}")).await.error(404, "user_not_found");
        status("Active").await.error(404, "user_not_found");
        assert_eq!(nictate.audited("user.deleted").await.len(), 1);
        assert_eq!(nictate.audited("user.status_set").await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_tenant_keeps_an_active_admin_however_many_leave_at_once() {
    on_both(async |nictate| {
        let tenant = nictate.tenant().await;
        let ada = text(&me(nictate).await, "inner_id");
        for path in [format!("{ada}/role/Builder"), format!("{ada}/status/Inactive")] {
            put(nictate, &format!("/api/v1/user/{path}")).await.error(400, "last_admin");
        }
        nictate.delete(&format!("/api/v1/user/{ada}")).await.error(400, "last_admin");
        let admin = Person { tenant_role: TenantRole::Admin, ..Person::new("eve", tenant, &[]) };
        nictate.add_person(admin).await;
        let off = Person {
            tenant_role: TenantRole::Admin,
            status: UserStatus::Inactive,
            ..Person::new("off", tenant, &[])
        };
        nictate.add_person(off).await;
        let eve = id_of("eve");
        let (demotes, deletes) = (format!("/api/v1/user/{eve}/role/builder"), format!("/api/v1/user/{ada}"));
        let (one, other) = tokio::join!(
            ask(nictate, KEY, Method::PUT, &demotes),
            ask(nictate, "eve", Method::DELETE, &deletes)
        );
        let mut outcomes = [one.status, other.status];
        outcomes.sort_unstable();
        // The second one is no Admin any more, gone, or told that the first was the last but one.
        assert!(outcomes[0] == 200 && [400, 401, 403].contains(&outcomes[1]), "{outcomes:?}");
    })
    .await;
}

#[tokio::test]
async fn roles_are_set_by_name_and_users_of_other_tenants_are_not_there() {
    on_both(async |nictate| {
        let tenant = nictate.tenant().await;
        let other = nictate.add_tenant("other").await;
        nictate.add_person(Person::new("bob", tenant, &[])).await;
        nictate.add_person(Person::new("eve", other, &[])).await;
        let (bob, eve) = (id_of("bob"), id_of("eve"));
        put(nictate, &format!("/api/v1/user/{bob}/role/Tenant%20Guest")).await.ok();
        let q = json!({"filter": {"email": "bob@example.com"}, "select": ["tenant_role"]});
        let rows = nictate.list("/api/v1/users", &q).await.results();
        assert_eq!(rows, [json!({"tenant_role": "Tenant Guest"})]);
        let refused = put(nictate, &format!("/api/v1/user/{bob}/role/King")).await;
        let body = refused.error(400, "parameter_invalid");
        assert!(body["message"].as_str().unwrap().contains("`King`"), "{body}");
        for path in [format!("{eve}/role/Admin"), format!("{eve}/status/Inactive"), "x/role/Admin".to_owned()]
        {
            put(nictate, &format!("/api/v1/user/{path}")).await.error(404, "user_not_found");
        }
        nictate.delete(&format!("/api/v1/user/{eve}")).await.error(404, "user_not_found");
        let move_to = async |user: &str, to: &str| {
            nictate.post_nothing(&format!("/api/v1/user/{user}/tenant/{to}")).await
        };
        move_to(&bob, &other.to_string()).await.error(400, "tenant_fixed");
        move_to(&bob, &tenant.to_string()).await.ok();
        move_to(&eve, &tenant.to_string()).await.error(404, "user_not_found");
        assert!(!nictate.get("/api/v1/users").await.text.contains("eve@"));
        hold_the_same(nictate, "/api/v1/users", &store::users::FIELDS).await;
    })
    .await;
}

#[tokio::test]
async fn entities_are_users_and_groups_as_the_plugin_asks_for_them() {
    on_both(async |nictate| {
        let tenant = nictate.tenant().await;
        let other = nictate.add_tenant("other").await;
        nictate.add_person(Person::new("bob", tenant, &[])).await;
        nictate.add_person(Person::new("eve", other, &[])).await;
        nictate.post("/table/sys_groups", json!({"name": "Blue team"})).await.ok();
        let path = "/api/v1/tenant/entities";
        let q = json!({"search": {"text": "", "fields": []}, "filter": {}, "limit": 1000, "offset": 0});
        let found = nictate.list(path, &q).await;
        assert_eq!(found.column("name"), ["Admin", "Blue team", "bob"]);
        assert_eq!(found.column("entity_type"), ["user", "group", "user"]);
        assert_eq!(members(&found.results()[0]), ["email", "entity_id", "entity_type", "name"]);
        let search = async |words: &str| {
            nictate.list(path, &json!({"search": {"text": words}, "limit": 1000})).await.column("name")
        };
        assert_eq!(search("bob@exam").await, ["bob"]);
        assert_eq!(search("team").await, ["Blue team"]);
        let page = nictate.list(path, &json!({"limit": 1, "offset": 1})).await;
        assert_eq!((page.column("name"), &page.ok()["total"]), (vec!["Blue team".to_owned()], &json!(3)));
        nictate.list(path, &json!({"filter": {"tenant_role": "x"}})).await.error(400, "query_invalid");
        hold_the_same(nictate, path, &store::tenant_entities::FIELDS).await;
    })
    .await;
}

#[tokio::test]
async fn a_user_keeps_texts_that_others_do_not_see() {
    on_both(async |nictate| {
        let path = "/api/v1/user_settings";
        let first = nictate.post(path, json!({"name": "theme", "value": "dark"})).await.ok();
        let second = nictate.post(path, json!({"name": "theme", "value": "light"})).await.ok();
        assert_eq!((&first["id"], &second["value"]), (&second["id"], &json!("light")));
        assert_eq!(nictate.get(path).await.ok().as_array().unwrap().len(), 1);
        nictate.add_person(Person::new("bob", nictate.tenant().await, &[])).await;
        assert_eq!(ask(nictate, "bob", Method::GET, path).await.ok(), json!([]));
        nictate.post(path, json!({"value": "x"})).await.error(400, "name_invalid");
        nictate
            .post(path, json!({"name": "x", "value": "x".repeat(64 * 1024 + 1)}))
            .await
            .error(400, "body_invalid");
        nictate.post(path, json!({"name": "x", "value": "a\u{0}"})).await.error(400, "body_invalid");
        for index in 1..200 {
            nictate.post(path, json!({"name": format!("n{index}"), "value": ""})).await.ok();
        }
        nictate.post(path, json!({"name": "one more", "value": ""})).await.error(400, "user_setting_limit");
        nictate.post(path, json!({"name": "theme", "value": "dark"})).await.ok();
    })
    .await;
}

#[tokio::test]
async fn the_tenant_keeps_its_settings() {
    on_both(async |nictate| {
        let path = "/api/v1/tenant/settings";
        let tenant = nictate.get("/api/v1/tenant").await.ok();
        assert_eq!((&tenant["active"], &tenant["settings"]), (&json!(true), &json!({"general": {}})));
        nictate.post(path, json!({"general": {"retention_period": 30}})).await.ok();
        let settings = nictate.post(path, json!({"general": {"disable_cloud_runner": true}})).await.ok();
        assert_eq!(settings, json!({"general": {"retention_period": 30, "disable_cloud_runner": true}}));
        assert_eq!(nictate.get("/api/v1/tenant").await.ok()["settings"], settings);
        for days in [0, -1, 3651] {
            let body = json!({"general": {"retention_period": days}});
            nictate.post(path, body).await.error(400, "tenant_settings_invalid");
        }
        nictate.post(path, json!({"general": {"retention_period": "x"}})).await.error(400, "body_invalid");
        let domains = json!({"authentication": {"authorized_domains": ["x.example"]}});
        nictate.post(path, domains).await.error(501, "not_available_yet");
        assert_eq!(nictate.audited("tenant.settings_set").await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_service_account_has_keys_and_is_nobody_who_signs_in() {
    on_both(async |nictate| {
        let path = "/api/v1/service_accounts";
        let body = json!({"name": "ci", "description": "for CI", "tenant_role": "Admin"});
        let made = nictate.post(path, body).await.ok();
        assert_eq!((&made["kind"], &made["name"]), (&json!("service"), &json!("ci")));
        let id = text(&made, "id");
        let keys = format!("{path}/{id}/apikey");
        assert_eq!(nictate.get(&keys).await.ok(), json!([]));
        let key = nictate.post(&keys, json!({"name": "one"})).await.ok();
        let (key_id, key) = (text(&key, "id"), text(&key, "key"));
        assert!(!nictate.get(&keys).await.text.contains(&key));
        let whoami = async || ask(nictate, &key, Method::GET, "/api/v1/user").await;
        assert_eq!(whoami().await.ok()["inner_id"], json!(id));
        let reset = format!("/api/v1/user/{id}/password_reset");
        nictate.post(&reset, json!({})).await.error(404, "user_not_found");
        // It is an Admin, and none that the tenant may rely on.
        let ada = text(&me(nictate).await, "inner_id");
        ask(nictate, &key, Method::DELETE, &format!("/api/v1/user/{ada}")).await.error(400, "last_admin");
        for _ in 1..5 {
            nictate.post_nothing(&keys).await.ok();
        }
        nictate.post_nothing(&keys).await.error(400, "api_key_limit");
        // Its last key may go, a person's may not.
        nictate.delete(&format!("{keys}?id={key_id}")).await.ok();
        whoami().await.error(401, "unauthenticated");
        nictate.delete(&format!("{keys}?id={key_id}")).await.error(404, "api_key_not_found");
        for row in nictate.get(&keys).await.ok().as_array().unwrap() {
            nictate.delete(&format!("{keys}?id={}", text(row, "id"))).await.ok();
        }
        let key = text(&nictate.post_nothing(&keys).await.ok(), "key");
        assert_eq!(nictate.get(path).await.column("name"), ["ci"]);
        nictate.delete(&format!("{path}/{id}")).await.ok();
        ask(nictate, &key, Method::GET, "/api/v1/user").await.error(401, "unauthenticated");
        for gone in [&id, &ada] {
            nictate.get(&format!("{path}/{gone}/apikey")).await.error(404, "service_account_not_found");
            nictate.delete(&format!("{path}/{gone}")).await.error(404, "service_account_not_found");
        }
        nictate.post(path, json!({})).await.error(400, "name_invalid");
        nictate.post(path, json!({"name": "x", "tenant_role": "King"})).await.error(400, "parameter_invalid");
        for index in 0..100 {
            nictate.post(path, json!({"name": format!("n{index}")})).await.ok();
        }
        nictate.post(path, json!({"name": "one more"})).await.error(400, "service_account_limit");
    })
    .await;
}
