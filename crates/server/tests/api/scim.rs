//! SCIM: what identity providers send, call by call, and what they are told.

use reqwest::Method;
use serde_json::{Value, json};
use types::{Role, TenantRole};

use crate::support::{KEY, NOBODY, Nictate, Person, Reply, WORKSPACE, on_both, text};

const USERS: &str = "/api/v1/scim/v2/Users";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

async fn send_as(nictate: &Nictate, key: &str, method: Method, path: &str, body: &Value) -> Reply {
    let request = nictate.request_as(None, method.clone(), path).bearer_auth(key);
    let request = request.header("content-type", "application/scim+json");
    let request = if method == Method::GET { request } else { request.body(body.to_string()) };
    Reply::of(request).await
}

pub(crate) async fn send(nictate: &Nictate, method: Method, path: &str, body: Value) -> Reply {
    send_as(nictate, KEY, method, path, &body).await
}

#[track_caller]
pub(crate) fn good(reply: &Reply, status: u16) -> Value {
    assert_eq!(reply.status, status, "{}", reply.text);
    assert_eq!(reply.header("content-type"), "application/scim+json");
    reply.json()
}

#[track_caller]
pub(crate) fn bad(reply: &Reply, status: u16, kind: &str) -> String {
    let body = good(reply, status);
    assert_eq!((&body["schemas"], &body["status"]), (&json!([ERROR]), &json!(status.to_string())), "{body}");
    assert_eq!(body["scimType"].as_str().unwrap_or_default(), kind, "{body}");
    text(&body, "detail")
}

async fn found(nictate: &Nictate, filter: &str) -> Vec<String> {
    let request = nictate.request_as(None, Method::GET, USERS).bearer_auth(KEY).query(&[("filter", filter)]);
    let body = good(&Reply::of(request).await, 200);
    body["Resources"].as_array().unwrap().iter().map(|user| text(user, "userName")).collect()
}

pub(crate) async fn make(nictate: &Nictate, email: &str, external_id: &str) -> String {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": email, "externalId": external_id,
        "name": {"givenName": "Bob", "familyName": "Builder"}, "active": true,
        "emails": [{"primary": true, "value": email, "type": "work"}], "title": "passed over",
    });
    text(&good(&send(nictate, Method::POST, USERS, body).await, 201), "id")
}

#[tokio::test]
async fn a_user_is_made_found_changed_and_removed() {
    on_both(async |nictate| {
        let id = make(nictate, "Bob@Example.com", "ext-1").await;
        let path = format!("{USERS}/{id}");
        let bob = good(&send(nictate, Method::GET, &path, json!({})).await, 200);
        assert_eq!(bob["userName"], "bob@example.com");
        assert_eq!((&bob["displayName"], &bob["externalId"]), (&json!("Bob Builder"), &json!("ext-1")));
        assert_eq!((&bob["active"], &bob["roles"][0]["value"]), (&json!(true), &json!("Consumer")));
        for (filter, is_found) in [
            (r#"userName eq "BOB@example.com""#, true),
            (r#"externalId eq "ext-1" and active eq true"#, true),
            (r#"externalId eq "EXT-1""#, false),
            (r#"emails[type eq "work" and value sw "bob"]"#, true),
            (r#"not (name.familyName co "uild")"#, false),
        ] {
            assert_eq!(
                found(nictate, filter).await.contains(&"bob@example.com".to_owned()),
                is_found,
                "{filter}"
            );
        }
        let twin = json!({"userName": "BOB@example.com"});
        bad(&send(nictate, Method::POST, USERS, twin).await, 409, "uniqueness");
        let same = json!({"userName": "eve@example.com", "externalId": "ext-1"});
        bad(&send(nictate, Method::POST, USERS, same).await, 409, "uniqueness");
        let put =
            json!({"userName": "rob@example.com", "displayName": "Rob", "roles": [{"value": "Builder"}]});
        let rob = good(&send(nictate, Method::PUT, &path, put).await, 200);
        assert_eq!((&rob["userName"], &rob["displayName"]), (&json!("rob@example.com"), &json!("Rob")));
        assert_eq!((&rob["roles"][0]["value"], rob.get("externalId")), (&json!("Builder"), None));
        assert_eq!(send(nictate, Method::DELETE, &path, json!({})).await.status, 204);
        bad(&send(nictate, Method::GET, &path, json!({})).await, 404, "");
        bad(&send(nictate, Method::DELETE, &path, json!({})).await, 404, "");
        for action in ["user.created", "user.updated", "user.role_set", "user.deleted"] {
            assert_eq!(nictate.audited_in_tenant(action).await.len(), 1, "{action}");
        }
    })
    .await;
}

#[tokio::test]
async fn patches_of_okta_and_entra_are_understood() {
    on_both(async |nictate| {
        let path = format!("{USERS}/{}", make(nictate, "bob@example.com", "ext-1").await);
        let patch = async |operations: Value| {
            send(nictate, Method::PATCH, &path, json!({"Operations": operations})).await
        };
        for (operations, member, value) in [
            // Okta
            (json!([{"op": "replace", "value": {"active": false}}]), "/active", json!(false)),
            (json!([{"op": "replace", "value": {"id": NOBODY, "active": true}}]), "/active", json!(true)),
            // Entra
            (json!([{"op": "Replace", "path": "active", "value": "False"}]), "/active", json!(false)),
            (json!([{"op": "Add", "path": "active", "value": "True"}]), "/active", json!(true)),
            (
                json!([{"op": "Replace", "value": {"displayName": "B", "name.givenName": "Bo"}}]),
                "/displayName",
                json!("B"),
            ),
            (json!([{"op": "Replace", "path": "name.familyName", "value": "Ross"}]), "/displayName", json!("B Ross")),
            (json!([{"op": "Replace", "path": "externalId", "value": "e2"}]), "/externalId", json!("e2")),
            (
                json!([{"op": "Add", "path": "emails[type eq \"other\"].value", "value": "x@y.org"}]),
                "/emails/0/value",
                json!("bob@example.com"),
            ),
            (
                json!([{"op": "replace", "path": "roles[primary eq true].value", "value": "Builder"}]),
                "/roles/0/value",
                json!("Builder"),
            ),
            (
                json!([{"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "X"}]),
                "/externalId",
                json!("e2"),
            ),
        ] {
            let user = good(&patch(operations.clone()).await, 200);
            assert_eq!(user.pointer(member), Some(&value), "{operations}: {user}");
        }
        let user = good(&patch(json!([{"op": "Remove", "path": "externalId"}])).await, 200);
        assert_eq!(user.get("externalId"), None);
        for (operations, kind) in [
            (json!([{"op": "move", "path": "active"}]), "invalidValue"),
            (json!([{"op": "remove"}]), "noTarget"),
            (json!([{"op": "replace", "path": "id", "value": "x"}]), "mutability"),
            (json!([{"op": "replace", "path": "emails[", "value": "x"}]), "invalidPath"),
            (json!([{"op": "replace", "path": "phones[type eq \"work\"]", "value": "x"}]), "noTarget"),
            (json!([{"op": "replace", "path": "active", "value": "maybe"}]), "invalidValue"),
            (json!([{"op": "replace", "path": "userName", "value": "no address"}]), "invalidValue"),
            (json!([{"op": "replace", "path": "roles", "value": [{"value": "King"}]}]), "invalidValue"),
            (json!([]), "invalidValue"),
            (json!(vec![json!({"op": "add", "path": "active", "value": true}); 1001]), "invalidValue"),
        ] {
            bad(&patch(operations).await, 400, kind);
        }
        let long = json!([{"op": "replace", "path": "externalId", "value": "x".repeat(257)}]);
        bad(&patch(long).await, 400, "invalidValue");
    })
    .await;
}

#[tokio::test]
async fn bad_filters_are_told_where_and_pages_have_an_end() {
    on_both(async |nictate| {
        let deep = format!("{}active pr{}", "(".repeat(17), ")".repeat(17));
        let long = format!("userName eq \"{}\"", "x".repeat(4096));
        for (filter, words) in [
            ("userName", "it ends at position 9"),
            ("userName is \"x\"", "at position 10"),
            ("password eq \"x\"", "at position 1"),
            ("active eq true or", "it ends"),
            ("(active pr", "`)`"),
            ("userName eq é", "at position 13"),
            (&*deep, "deeper than 16"),
            (&*long, "more than 4096"),
        ] {
            let request = nictate.request_as(None, Method::GET, USERS).bearer_auth(KEY);
            let reply = Reply::of(request.query(&[("filter", filter)])).await;
            let detail = bad(&reply, 400, "invalidFilter");
            assert!(detail.contains(words), "{filter}: {detail}");
        }
        for name in ["b", "c", "d"] {
            make(nictate, &format!("{name}@example.com"), name).await;
        }
        let page =
            good(&send(nictate, Method::GET, &format!("{USERS}?startIndex=2&count=2"), json!({})).await, 200);
        assert_eq!((&page["itemsPerPage"], &page["startIndex"]), (&json!(2), &json!(2)));
        let none = good(&send(nictate, Method::GET, &format!("{USERS}?count=-1"), json!({})).await, 200);
        assert_eq!((&none["itemsPerPage"], &none["totalResults"]), (&json!(0), &page["totalResults"]));
        let reply = send(nictate, Method::GET, &format!("{USERS}?count=many"), json!({})).await;
        bad(&reply, 400, "invalidValue");
        bad(&send(nictate, Method::POST, USERS, json!([])).await, 400, "invalidSyntax");
        bad(&send(nictate, Method::POST, USERS, json!({"displayName": "x"})).await, 400, "invalidValue");
    })
    .await;
}

#[tokio::test]
async fn who_is_switched_off_is_out_at_once_and_the_last_admin_stays() {
    on_both(async |nictate| {
        let tenant = nictate.tenant().await;
        let owner = [(WORKSPACE.parse().unwrap(), Role::Owner)];
        let second = Person { tenant_role: TenantRole::Admin, ..Person::new("second", tenant, &owner) };
        nictate.add_person(second).await;
        nictate.add_person(Person::new("plain", tenant, &owner)).await;
        let other = nictate.add_tenant("other").await;
        let blue = nictate.add_workspace(other, "blue").await;
        let theirs = [(blue, Role::Owner)];
        let stranger = Person { tenant_role: TenantRole::Admin, ..Person::new("stranger", other, &theirs) };
        nictate.add_person(stranger).await;

        let get = async |key: &str, path: &str| send_as(nictate, key, Method::GET, path, &json!({})).await;
        bad(&get("wrong", USERS).await, 401, "");
        bad(&get("plain", USERS).await, 403, "");
        // A bearer key opens nothing but SCIM.
        assert_eq!(get(KEY, "/api/v1/users").await.status, 401);
        for name in ["ServiceProviderConfig", "ResourceTypes", "Schemas"] {
            good(&get(KEY, &format!("/api/v1/scim/v2/{name}")).await, 200);
        }
        let id = types::UserId::of_name("second");
        let path = format!("{USERS}/{id}");
        bad(&get("stranger", &path).await, 404, "");
        let off = json!({"Operations": [{"op": "Replace", "path": "active", "value": "False"}]});
        bad(&send_as(nictate, "stranger", Method::PATCH, &path, &off).await, 404, "");

        good(&get("second", &path).await, 200);
        good(&send(nictate, Method::PATCH, &path, off.clone()).await, 200);
        bad(&get("second", &path).await, 401, "");

        let me = text(&nictate.get("/api/v1/user").await.ok(), "inner_id");
        let path = format!("{USERS}/{me}");
        let detail = bad(&send(nictate, Method::PATCH, &path, off).await, 409, "mutability");
        assert!(detail.contains("last active Admin"), "{detail}");
        bad(&send(nictate, Method::DELETE, &path, json!({})).await, 409, "mutability");
    })
    .await;
}
