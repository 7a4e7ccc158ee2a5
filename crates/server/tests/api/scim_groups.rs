//! SCIM for groups, and what lists and descriptions are asked for.

use reqwest::Method;
use serde_json::{Value, json};
use types::UserId;

use crate::scim::{bad, good, make, send};
use crate::support::{KEY, NOBODY, Nictate, Person, Reply, WORKSPACE, on_both, text};

const GROUPS: &str = "/api/v1/scim/v2/Groups";
const USERS: &str = "/api/v1/scim/v2/Users";

async fn ask(nictate: &Nictate, path: &str, query: &[(&str, &str)]) -> Reply {
    Reply::of(nictate.request_as(None, Method::GET, path).bearer_auth(KEY).query(query)).await
}

fn members(group: &Value) -> Vec<String> {
    let mut ids: Vec<String> =
        group["members"].as_array().unwrap().iter().map(|one| text(one, "value")).collect();
    ids.sort();
    ids
}

fn sorted(ids: &[&String]) -> Vec<String> {
    let mut ids: Vec<String> = ids.iter().map(|id| (*id).clone()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn a_group_is_made_found_changed_and_removed() {
    on_both(async |nictate| {
        let (ann, bob) =
            (make(nictate, "ann@example.com", "a").await, make(nictate, "bob@example.com", "b").await);
        let body = json!({"displayName": "Analysts", "externalId": "g1", "members": [{"value": ann}]});
        let reply = send(nictate, Method::POST, GROUPS, body.clone()).await;
        let group = good(&reply, 201);
        let id = text(&group, "id");
        let path = format!("{GROUPS}/{id}");
        assert!(reply.header("location").starts_with("http") && reply.header("location").ends_with(&path));
        assert_eq!((members(&group), &group["externalId"]), (vec![ann.clone()], &json!("g1")));
        assert_eq!(group["meta"]["resourceType"], "Group");
        assert!(text(&group["meta"], "created").ends_with('Z'));
        bad(&send(nictate, Method::POST, GROUPS, body).await, 409, "uniqueness");
        let same_id = json!({"displayName": "Others", "externalId": "g1"});
        bad(&send(nictate, Method::POST, GROUPS, same_id).await, 409, "uniqueness");

        // The same group as everywhere else, about which a directory decides.
        let row = nictate.get(&format!("/table/sys_groups/{id}")).await.ok();
        assert_eq!((&row["name"], &row["managed"]), (&json!("Analysts"), &json!(true)));
        let users = nictate.get(&format!("/api/v1/group/{id}")).await.column("email");
        assert_eq!(users, ["ann@example.com"]);

        let list = good(&ask(nictate, GROUPS, &[("filter", "displayName eq \"analysts\"")]).await, 200);
        assert_eq!((&list["totalResults"], members(&list["Resources"][0])), (&json!(1), vec![ann.clone()]));
        let by_member = format!("members[value eq \"{ann}\"]");
        for (filter, count) in
            [("externalId eq \"g1\"", 1), ("externalId eq \"G1\"", 0), (by_member.as_str(), 1)]
        {
            let list = good(&ask(nictate, GROUPS, &[("filter", filter)]).await, 200);
            assert_eq!(list["totalResults"], count, "{filter}");
        }
        bad(&ask(nictate, GROUPS, &[("filter", "colour eq 1")]).await, 400, "invalidFilter");

        let body = json!({"displayName": "Night shift", "members": [{"value": bob}]});
        let group = good(&send(nictate, Method::PUT, &path, body).await, 200);
        assert_eq!((&group["displayName"], members(&group)), (&json!("Night shift"), vec![bob.clone()]));
        assert_eq!(group.get("externalId"), None);
        good(&ask(nictate, &path, &[]).await, 200);
        assert_eq!(send(nictate, Method::DELETE, &path, json!({})).await.status, 204);
        bad(&ask(nictate, &path, &[]).await, 404, "");
        for (action, count) in [
            ("group.created", 1),
            ("group.edited", 1),
            ("group.users_added", 2),
            ("group.users_removed", 1),
            ("group.deleted", 1),
        ] {
            assert_eq!(nictate.audited_in_tenant(action).await.len(), count, "{action}");
        }
    })
    .await;
}

#[tokio::test]
async fn members_come_and_go_as_providers_say_it() {
    on_both(async |nictate| {
        let (ann, bob) =
            (make(nictate, "ann@example.com", "a").await, make(nictate, "bob@example.com", "b").await);
        let group = good(&send(nictate, Method::POST, GROUPS, json!({"displayName": "G"})).await, 201);
        let path = format!("{GROUPS}/{}", text(&group, "id"));
        let patch = async |operations: Value| {
            send(nictate, Method::PATCH, &path, json!({"Operations": operations})).await
        };
        for (operations, expected) in [
            (json!([{"op": "Add", "path": "members", "value": [{"value": ann}]}]), vec![&ann]),
            (
                json!([{"op": "add", "path": "members", "value": [{"value": ann}, {"value": bob}]}]),
                vec![&ann, &bob],
            ),
            (json!([{"op": "remove", "path": format!("members[value eq \"{ann}\"]")}]), vec![&bob]),
            (json!([{"op": "Remove", "path": "members", "value": [{"value": bob}]}]), vec![]),
            (json!([{"op": "replace", "path": "members", "value": [{"value": bob}]}]), vec![&bob]),
            (json!([{"op": "add", "value": {"members": [{"value": ann}]}}]), vec![&ann, &bob]),
            (json!([{"op": "remove", "path": "members"}]), vec![]),
            (json!([{"op": "add", "path": "members", "value": [{"value": ann}]}]), vec![&ann]),
            (json!([{"op": "Add", "path": "members", "value": {"value": bob}}]), vec![&ann, &bob]),
        ] {
            let group = good(&patch(operations.clone()).await, 200);
            assert_eq!(members(&group), sorted(&expected), "{operations}");
        }
        let renamed = good(&patch(json!([{"op": "Replace", "value": {"displayName": "H"}}])).await, 200);
        assert_eq!(renamed["displayName"], "H");
        for (operations, kind, word) in [
            (json!([{"op": "add", "path": "members", "value": [{"value": NOBODY}]}]), "invalidValue", NOBODY),
            (json!([{"op": "add", "path": "members", "value": [{"display": "x"}]}]), "invalidValue", "value"),
            (json!([{"op": "replace", "path": "displayName", "value": ""}]), "invalidValue", "name"),
        ] {
            let detail = bad(&patch(operations.clone()).await, 400, kind);
            assert!(detail.contains(word), "{operations}: {detail}");
        }
        let many: Vec<Value> = (0..10_001).map(|_| json!({"value": ann})).collect();
        let detail =
            bad(&patch(json!([{"op": "add", "path": "members", "value": many}])).await, 400, "invalidValue");
        assert!(detail.contains("more than 10000"), "{detail}");
    })
    .await;
}

#[tokio::test]
async fn nobody_gets_into_a_group_that_may_do_more_by_way_of_scim() {
    on_both(async |nictate| {
        let role =
            json!({"name": "People", "scope": "tenant", "permissions": ["account:view", "account:edit"]});
        nictate.post("/api/v1/roles", role).await.ok();
        let tenant = nictate.tenant().await;
        nictate.add_person(Person::new("petra", tenant, &[])).await;
        let petra = UserId::of_name("petra");
        nictate.put(&format!("/api/v1/user/{petra}/role/People"), json!({})).await.ok();
        let group = good(&send(nictate, Method::POST, GROUPS, json!({"displayName": "Owners"})).await, 201);
        let id = text(&group, "id");
        let entity = json!({"entity_id": id, "entity_type": "group", "role": "Owner"});
        let entities = format!("/api/v1/workspaces/{WORKSPACE}/entities");
        assert_eq!(nictate.post(&entities, json!({"entities": [entity]})).await.status, 200);

        let body = json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": petra}]}]});
        let request = nictate.request_as(None, Method::PATCH, &format!("{GROUPS}/{id}")).bearer_auth("petra");
        bad(&Reply::of(request.body(body.to_string())).await, 403, "");
        // Nor do they make somebody else's address their own.
        let admin = nictate.get("/api/v1/user").await.ok()["inner_id"].as_str().unwrap().to_owned();
        let body =
            json!({"Operations": [{"op": "replace", "path": "userName", "value": "petra2@example.com"}]});
        let request =
            nictate.request_as(None, Method::PATCH, &format!("{USERS}/{admin}")).bearer_auth("petra");
        bad(&Reply::of(request.body(body.to_string())).await, 403, "");
    })
    .await;
}

#[tokio::test]
async fn lists_are_sorted_cut_and_projected() {
    on_both(async |nictate| {
        for number in 0..203 {
            make(nictate, &format!("u{number:03}@example.com"), &format!("e{number}")).await;
        }
        let asked = [
            ("count", "1000"),
            ("sortBy", "userName"),
            ("sortOrder", "descending"),
            ("filter", "userName sw \"u\""),
        ];
        let list = good(&ask(nictate, USERS, &asked).await, 200);
        assert_eq!((&list["totalResults"], &list["itemsPerPage"]), (&json!(203), &json!(200)), "200 at most");
        assert_eq!(list["Resources"][0]["userName"], "u202@example.com");
        bad(&ask(nictate, USERS, &[("sortBy", "colour")]).await, 400, "invalidValue");
        bad(&ask(nictate, USERS, &[("sortBy", "id"), ("sortOrder", "up")]).await, 400, "invalidValue");

        let one = ask(nictate, USERS, &[("count", "1"), ("attributes", "userName,name.givenName")]).await;
        let one = good(&one, 200)["Resources"][0].clone();
        let names: Vec<&String> = one.as_object().unwrap().keys().collect();
        assert_eq!(names, ["schemas", "id", "userName", "name"]);
        let path = format!("{USERS}/{}", text(&one, "id"));
        let without = good(&ask(nictate, &path, &[("excludedAttributes", "emails,roles,id")]).await, 200);
        assert!(
            without.get("emails").is_none() && without.get("roles").is_none() && without["id"].is_string()
        );
        let groups = ask(nictate, GROUPS, &[("excludedAttributes", "members")]).await;
        assert_eq!(good(&groups, 200)["totalResults"], 0);
    })
    .await;
}

#[tokio::test]
async fn the_server_tells_what_it_knows() {
    on_both(async |nictate| {
        let base = "/api/v1/scim/v2";
        let config = good(&ask(nictate, &format!("{base}/ServiceProviderConfig"), &[]).await, 200);
        assert_eq!(
            (&config["sort"]["supported"], &config["patch"]["supported"]),
            (&json!(true), &json!(true))
        );
        for (place, count) in [("ResourceTypes", 2), ("Schemas", 2)] {
            let list = good(&ask(nictate, &format!("{base}/{place}"), &[]).await, 200);
            assert_eq!(list["totalResults"], count);
            for thing in list["Resources"].as_array().unwrap() {
                let one =
                    good(&ask(nictate, &format!("{base}/{place}/{}", text(thing, "id")), &[]).await, 200);
                assert_eq!(&one, thing);
            }
            bad(&ask(nictate, &format!("{base}/{place}/Robots"), &[]).await, 404, "");
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_is_provisioned_needs_no_invitation_and_whoever_is_off_is_out_at_once() {
    on_both(async |nictate| {
        nictate.post("/api/v1/invite", json!([{"email": "ann@example.com"}])).await.ok();
        let ann = make(nictate, "ann@example.com", "a").await;
        assert_eq!(nictate.get("/api/v1/invite").await.ok()["total"], 0);
        assert_eq!(nictate.audited_in_tenant("invite.withdrawn").await.len(), 1);

        nictate.set_password("ann@example.com", "a long and dull pass phrase").await;
        let mut browser =
            crate::support::Browser::signed_in(nictate, "ann@example.com", "a long and dull pass phrase")
                .await;
        assert_eq!(browser.get(nictate, "/api/v1/user").await.status, 200);
        let off = json!({"Operations": [{"op": "replace", "value": {"active": false}}]});
        good(&send(nictate, Method::PATCH, &format!("{USERS}/{ann}"), off).await, 200);
        assert_eq!(browser.get(nictate, "/api/v1/user").await.status, 401);

        let bob = make(nictate, "bob@example.com", "b").await;
        let moved =
            json!({"Operations": [{"op": "replace", "path": "userName", "value": "Ann@Example.com"}]});
        bad(&send(nictate, Method::PATCH, &format!("{USERS}/{bob}"), moved).await, 409, "uniqueness");
    })
    .await;
}
