//! Groups: records of a table of the system, and who is in them.

use reqwest::Method;
use serde_json::{Value, json};
use types::{Role, UserId, WorkspaceId};

use crate::lists::hold_the_same;
use crate::support::{NOBODY, Nictate, Person, Reply, WORKSPACE, members, on_both, text};

const GROUPS: &str = "/table/sys_groups";

async fn make(nictate: &Nictate, name: &str) -> String {
    text(&nictate.post(GROUPS, json!({"name": name})).await.ok(), "id")
}

fn id_of(name: &str) -> String {
    UserId::of_name(name).to_string()
}

#[tokio::test]
async fn groups_are_records_of_a_table_of_the_system() {
    on_both(async |nictate| {
        let body = json!({"name": " Blue team ", "description": "defends", "managed": true});
        let made = nictate.post(GROUPS, body).await.ok();
        let shape = [
            "created_at",
            "created_by",
            "description",
            "id",
            "managed",
            "name",
            "tenant_id",
            "updated_at",
            "updated_by",
        ];
        assert_eq!(members(&made), shape);
        assert_eq!((&made["name"], &made["managed"]), (&json!("Blue team"), &json!(true)));
        let one = format!("{GROUPS}/{}", text(&made, "id"));
        assert_eq!(nictate.get(&one).await.ok(), made);
        hold_the_same(nictate, GROUPS, &store::groups::FIELDS).await;
        let edited = nictate.put(&one, json!({"name": "Red team"})).await.ok();
        assert_eq!((&edited["name"], &edited["description"]), (&json!("Red team"), &json!("defends")));
        make(nictate, "Green team").await;
        nictate.post(GROUPS, json!({"name": "Red team"})).await.error(400, "group_name_taken");
        nictate.put(&one, json!({"name": "Green team"})).await.error(400, "group_name_taken");
        nictate.post(GROUPS, json!({})).await.error(400, "name_invalid");
        nictate.post(GROUPS, json!({"name": 7})).await.error(400, "body_invalid");
        nictate.post(GROUPS, json!({"name": "x", "description": "a\u{0}"})).await.error(400, "body_invalid");
        let q = json!({"filter": {"name": "Red team"}, "select": ["id"]});
        assert_eq!(nictate.list(GROUPS, &q).await.results(), [json!({"id": made["id"]})]);
        assert_eq!(nictate.delete(&one).await.ok(), made["id"]);
        for reply in [nictate.get(&one).await, nictate.delete(&one).await, nictate.put(&one, json!({})).await]
        {
            reply.error(404, "group_not_found");
        }
        nictate.get(&format!("{GROUPS}/x")).await.error(404, "group_not_found");
        // No table of a workspace takes the name.
        nictate.post("/table", json!({"display_name": "Sys Groups"})).await.error(400, "name_invalid");
        assert_eq!(nictate.audited("group.created").await.len(), 2);
        assert_eq!(nictate.audited("group.deleted").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn members_are_added_and_removed_all_or_none() {
    on_both(async |nictate| {
        let tenant = nictate.tenant().await;
        let other = nictate.add_tenant("other").await;
        nictate.add_person(Person::new("bob", tenant, &[])).await;
        nictate.add_person(Person::new("eve", other, &[])).await;
        let (bob, eve) = (id_of("bob"), id_of("eve"));
        let group = make(nictate, "Blue").await;
        let users = format!("/api/v1/group/{group}");
        let change =
            async |verb: &str, ids: Value| nictate.post(&format!("/api/v1/groups/{group}/{verb}"), ids).await;
        for unknown in [NOBODY, eve.as_str(), "x"] {
            let body = change("add_users", json!([bob, unknown])).await.error(400, "users_unknown");
            assert_eq!(body["data"]["ids"], json!([unknown]));
            assert!(body["message"].as_str().unwrap().contains(unknown), "{body}");
        }
        assert_eq!(nictate.get(&users).await.results().len(), 0);
        change("add_users", json!([bob, bob])).await.ok();
        change("add_users", json!([bob])).await.ok();
        assert_eq!(nictate.get(&users).await.column("id"), [bob.as_str()]);
        let of_bob = format!("/api/v1/user/{bob}/groups");
        assert_eq!(nictate.get(&of_bob).await.column("name"), ["Blue"]);
        let found = store::groups::of_user(&nictate.db, tenant, UserId::of_name("bob")).await.unwrap();
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [group.as_str()]);
        assert_eq!(store::groups::of_user(&nictate.db, other, UserId::of_name("bob")).await.unwrap(), []);

        let green = make(nictate, "Green").await;
        nictate.post(&of_bob, json!([green, NOBODY])).await.error(400, "groups_unknown");
        nictate.post(&of_bob, json!([green])).await.ok();
        assert_eq!(nictate.get(&of_bob).await.column("name"), ["Blue", "Green"]);
        change("remove_users", json!([bob, NOBODY])).await.error(400, "users_unknown");
        change("remove_users", json!([bob])).await.ok();
        change("remove_users", json!([bob])).await.ok();
        assert_eq!(nictate.get(&of_bob).await.column("name"), ["Green"]);
        change("add_users", json!({"id": bob})).await.error(400, "body_invalid");
        change("add_users", json!(vec![bob.clone(); 1_001])).await.error(400, "body_invalid");
        nictate.get(&format!("/api/v1/user/{eve}/groups")).await.error(404, "user_not_found");
        nictate.delete(&format!("/api/v1/user/{bob}")).await.ok();
        assert_eq!(nictate.get(&format!("/api/v1/group/{green}")).await.results().len(), 0);
        nictate.delete(&format!("/api/v1/group/{green}")).await.ok();
        nictate.get(&format!("/api/v1/group/{green}")).await.error(404, "group_not_found");
    })
    .await;
}

#[tokio::test]
async fn groups_are_seen_by_builders_and_changed_by_admins_of_their_tenant() {
    on_both(async |nictate| {
        let workspace: WorkspaceId = WORKSPACE.parse().unwrap();
        nictate.add_member("bob", workspace, Role::Owner).await;
        let other = nictate.add_tenant("other").await;
        let blue = nictate.add_workspace(other, "blue").await;
        let owner = [(blue, Role::Owner)];
        let stranger = Person { tenant_role: types::TenantRole::Admin, ..Person::new("eve", other, &owner) };
        nictate.add_person(stranger).await;
        let group = make(nictate, "Blue").await;
        let ask = async |key: &str, method: Method, path: &str| {
            Reply::of(nictate.request_as(Some(key), method, path).json(&json!({"name": "x"}))).await
        };
        let one = format!("{GROUPS}/{group}");
        ask("bob", Method::GET, &one).await.ok();
        for (method, path) in [(Method::POST, GROUPS), (Method::PUT, &one), (Method::DELETE, &one)] {
            let body = ask("bob", method, path).await.error(403, "forbidden");
            assert_eq!(body["data"]["permission"], "account:edit");
        }
        // Their own workspace, and the other tenant's group.
        let foreign = format!("/api/v1/table/sys_groups/{group}");
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            ask("eve", method, &foreign).await.error(404, "group_not_found");
        }
        ask("eve", Method::POST, "/api/v1/table/sys_groups").await.ok();
        assert_eq!(nictate.get(GROUPS).await.column("name"), ["Blue"]);
    })
    .await;
}
