//! Connections: their life, what a list of them can be asked, what is refused, and what is tested.

use reqwest::Method;
use serde_json::{Value, json};
use types::Role;

use crate::support::{NOBODY, Nictate, Reply, WORKSPACE, on_both, on_both_with, text};

/// The parts of the body that make a bearer connection.
fn bearer(name: &str, attributes: Value) -> Value {
    json!({"name": name, "type_name": "http_bearer", "attributes": attributes})
}

fn path(connection: &Value) -> String {
    format!("/connections/{}", text(connection, "id"))
}

/// Puts the connection to the test, and answers the key that the tool was sent.
async fn token_sent(nictate: &Nictate, connection: &Value) -> String {
    nictate.post_nothing(&format!("{}/test", path(connection))).await.ok();
    nictate.tool.seen().last().unwrap().header("authorization").to_owned()
}

#[tokio::test]
async fn a_connection_is_made_changed_and_deleted() {
    on_both(async |nictate| {
        let body = json!({
            "name": "  edge ", "display_name": "The edge", "description": "firewalls", "tags": ["a", "b"],
            "external_id": "x-1", "type_name": "http_bearer", "unknown": {"members": "are accepted"},
            // `{"value": v}` and `v` are the same.
            "attributes": {"base_url": nictate.tool.url(), "token": {"value": "one"}},
        });
        let made = nictate.post("/connections", body).await.ok();
        assert_eq!((&made["name"], &made["full_name"]), (&json!("edge"), &json!("edge")));
        assert_eq!(made["display_name"], "The edge");
        assert_eq!((&made["status"], &made["creation_method"]), (&json!("Active"), &json!("manual")));
        assert_eq!(made["created_by"], made["updated_by"]);

        let changes = json!({"description": "all of them", "active": false, "tags": ["c"]});
        let changed = nictate.post(&path(&made), changes).await.ok();
        assert_eq!(
            (&changed["description"], &changed["status"]),
            (&json!("all of them"), &json!("Inactive"))
        );
        for kept in ["id", "name", "display_name", "external_id", "attributes", "created_at", "created_by"] {
            assert_eq!(changed[kept], made[kept], "{kept}");
        }
        assert_eq!(nictate.get(&path(&made)).await.ok(), json!([changed]));
        let [row] = nictate.get("/connections").await.results().try_into().unwrap();
        assert_eq!((&row["active"], &row["tags"]), (&json!(false), &json!(["c"])));

        assert_eq!(nictate.delete(&path(&made)).await.ok(), made["id"]);
        nictate.get(&path(&made)).await.error(404, "connection_not_found");
        nictate.delete(&path(&made)).await.error(404, "connection_not_found");
        nictate.post(&path(&made), json!({})).await.error(404, "connection_not_found");
        let audited: Vec<(usize, &str)> = [
            (nictate.audited("connection.created").await.len(), "created"),
            (nictate.audited("connection.edited").await.len(), "edited"),
            (nictate.audited("connection.deleted").await.len(), "deleted"),
        ]
        .into();
        assert_eq!(audited, [(1, "created"), (1, "edited"), (1, "deleted")]);
        let entry = nictate.audited("connection.created").await.remove(0);
        assert_eq!((entry.entity_type.as_str(), entry.entity_id), ("connection", text(&made, "id")));
        assert_eq!(entry.actor_id, text(&made, "created_by"));
        assert!(entry.details.contains("edge"), "{}", entry.details);
    })
    .await;
}

#[tokio::test]
async fn the_mask_keeps_a_secret_and_anything_else_replaces_it() {
    on_both(async |nictate| {
        let made = nictate.connect("edge", "one").await;
        assert_eq!(token_sent(nictate, &made).await, "Bearer one");

        // As a form sends it back: everything, with the mask where the secret is.
        let attributes = made["attributes"].clone();
        let changed = nictate.post(&path(&made), json!({"attributes": attributes})).await.ok();
        assert_eq!(changed["attributes"], made["attributes"]);
        assert_eq!(token_sent(nictate, &made).await, "Bearer one");

        nictate.post(&path(&made), json!({"attributes": {"token": {"value": "two"}}})).await.ok();
        assert_eq!(token_sent(nictate, &made).await, "Bearer two");
    })
    .await;
}

#[tokio::test]
async fn an_attribute_that_an_edit_does_not_name_stays() {
    on_both(async |nictate| {
        let attributes = json!({"base_url": nictate.tool.url(), "location": "header", "api_key": "one"});
        let body = json!({"name": "edge", "type_name": "http_api_key", "attributes": attributes});
        let made = nictate.post("/connections", body).await.ok();
        let attributes = json!({"key_name": "X-Key", "prefix": {"value": "Key "}});
        let changed = nictate.post(&path(&made), json!({"attributes": attributes})).await.ok();
        assert_eq!(changed["attributes"]["api_key"]["value"], "********");
        assert_eq!(changed["attributes"]["location"]["value"], "header");
        nictate.post_nothing(&format!("{}/test", path(&made))).await.ok();
        assert_eq!(nictate.tool.seen()[0].header("x-key"), "Key one");
    })
    .await;
}

#[tokio::test]
async fn a_kept_secret_cannot_be_led_to_another_host() {
    on_both(async |nictate| {
        let made = nictate.connect("edge", "one").await;
        let elsewhere = "https://evil.example.com";
        for attributes in [
            json!({"base_url": {"value": elsewhere}}),
            json!({"base_url": {"value": elsewhere}, "token": {"value": "********"}}),
            json!({"more_hosts": {"value": "evil.example.com"}}),
        ] {
            let reply = nictate.post(&path(&made), json!({"attributes": attributes})).await;
            let body = reply.error(400, "connection_invalid");
            let moved = attributes.as_object().unwrap().keys().next().unwrap();
            assert!(body["user_error"]["fields"][moved].is_string(), "{body}");
            // Neither by testing it with such a change.
            let candidate = json!({"connection": {"id": made["id"], "attributes": attributes}});
            nictate.post("/connections/test", candidate).await.error(400, "connection_invalid");
        }
        assert_eq!(nictate.get(&path(&made)).await.ok(), json!([made]));
        let attributes = json!({"base_url": {"value": elsewhere}, "token": {"value": "new"}});
        let changed = nictate.post(&path(&made), json!({"attributes": attributes})).await.ok();
        assert_eq!(changed["attributes"]["base_url"]["value"], elsewhere);
        assert!(nictate.tool.seen().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_name_is_taken_in_the_whole_tenant() {
    on_both(async |nictate| {
        let made = nictate.connect("edge", "one").await;
        let other = nictate.connect("core", "two").await;
        let again = bearer("edge", json!({"base_url": nictate.tool.url(), "token": "x"}));
        let body = nictate.post("/connections", again.clone()).await.error(400, "connection_name_taken");
        assert!(body["message"].as_str().unwrap().contains("`edge`"), "{body}");
        nictate.post(&path(&other), json!({"name": "edge"})).await.error(400, "connection_name_taken");

        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "red").await;
        nictate.add_member("rita", red, Role::Contributor).await;
        let create = format!("/api/v1/workspace/{red}/connections");
        let request = nictate.request_as(Some("rita"), Method::POST, &create).json(&again);
        Reply::of(request).await.error(400, "connection_name_taken");

        // A name that went is free again.
        nictate.delete(&path(&made)).await.ok();
        nictate.post("/connections", again).await.ok();
    })
    .await;
}

#[tokio::test]
async fn every_attribute_that_does_not_fit_is_named() {
    on_both(async |nictate| {
        let cases = [
            (json!({}), vec!["base_url", "token"]),
            (json!({"base_url": "nowhere", "token": "x"}), vec!["base_url"]),
            (json!({"base_url": "https://a.example", "token": "********"}), vec!["token"]),
            (
                json!({"base_url": "https://a.example", "token": "", "test_path": "me"}),
                vec!["test_path", "token"],
            ),
            (json!({"base_url": "https://a.example", "token": "x", "colour": "red"}), vec!["colour"]),
            (json!({"base_url": {"value": 7}, "token": {"value": ["x"]}}), vec!["base_url", "token"]),
        ];
        for (attributes, fields) in cases {
            let reply = nictate.post("/connections", bearer("edge", attributes.clone())).await;
            let body = reply.error(400, "connection_invalid");
            let mut named: Vec<&String> = body["user_error"]["fields"].as_object().unwrap().keys().collect();
            named.sort_unstable();
            assert_eq!(named, fields, "{attributes}: {body}");
            for field in fields {
                assert!(body["message"].as_str().unwrap().contains(&format!("`{field}`")), "{body}");
            }
        }
        for (body, identifier) in [
            (json!({"type_name": "http_bearer"}), "name_invalid"),
            (json!({"name": "a\nb", "type_name": "http_bearer"}), "name_invalid"),
            (json!({"name": "x".repeat(256), "type_name": "http_bearer"}), "name_invalid"),
            (json!({"name": "a"}), "connection_invalid"),
            (json!({"name": "a", "type_name": "telepathy"}), "connection_invalid"),
            (json!({"name": "a", "connection_type_id": NOBODY}), "connection_invalid"),
            (json!({"name": "a", "type_name": "http_bearer", "attributes": []}), "body_invalid"),
            (json!({"name": ["a"]}), "body_invalid"),
            (json!([]), "body_invalid"),
        ] {
            nictate.post("/connections", body).await.error(400, identifier);
        }
        let made = nictate.connect("edge", "one").await;
        nictate.post(&path(&made), json!({"type_name": "slack"})).await.error(400, "connection_invalid");
        nictate
            .post(&path(&made), json!({"attributes": {"colour": 1}}))
            .await
            .error(400, "connection_invalid");
        assert_eq!(nictate.get("/connections").await.ok()["total"], 1);
    })
    .await;
}

#[tokio::test]
async fn a_list_is_filtered_sorted_searched_cut_and_projected() {
    on_both(async |nictate| {
        for (name, description) in
            [("Alpha", "north"), ("beta", "south"), ("gamma", "north pole"), ("delta", "")]
        {
            let body = json!({
                "name": name, "description": description, "type_name": "http_none", "active": name != "delta",
            });
            nictate.post("/connections", body).await.ok();
        }
        for (q, names) in [
            (json!({"sort": ["name"], "filter": {"name": "beta"}}), vec!["beta"]),
            (json!({"filter": {"name": {"$eq": "BETA"}}}), vec![]),
            (json!({"filter": {"name": {"$eq": "BETA"}}, "ci": true}), vec!["beta"]),
            (json!({"filter": {"active": false}}), vec!["delta"]),
            (json!({"filter": {"name": {"$like": "%mm%"}}}), vec!["gamma"]),
            (
                json!({"filter": {"$or": [{"name": "beta"}, {"name": "gamma"}]}, "sort": ["-name"]}),
                vec!["gamma", "beta"],
            ),
            (json!({"filter": {"name": {"$neq": "beta"}, "description": "north"}}), vec!["Alpha"]),
            (
                json!({"search": {"text": "NORTH", "fields": ["description"]}, "sort": ["-created_at"]}),
                vec!["gamma", "Alpha"],
            ),
            (json!({"search": {"text": "elt"}}), vec!["delta"]),
            (json!({"sort": ["+created_at"], "limit": 2}), vec!["Alpha", "beta"]),
            (json!({"sort": ["created_at"], "limit": 2, "offset": 3}), vec!["delta"]),
            (json!({"filter": {"type_name": "http_none"}, "sort": ["-created_at"], "offset": 9}), vec![]),
        ] {
            assert_eq!(nictate.list("/connections", &q).await.column("name"), names, "{q}");
        }
        let page = nictate
            .list("/connections", &json!({"limit": 1, "offset": 1, "select": ["id", "name"]}))
            .await
            .ok();
        assert_eq!((&page["limit"], &page["offset"], &page["total"]), (&json!(1), &json!(1), &json!(4)));
        assert_eq!(crate::support::members(&page["results"][0]), ["id", "name"]);
        let whole = nictate.get("/connections").await.ok();
        assert_eq!((&whole["limit"], &whole["offset"], &whole["total"]), (&json!(100), &json!(0), &json!(4)));
        for member in ["name", "type_name", "is_shared", "shared_with", "used_by", "workspace_name"] {
            assert!(!whole["results"][0][member].is_null(), "{member}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_list_query_that_says_nothing_sensible_is_refused() {
    on_both(async |nictate| {
        for q in [
            "{",
            "[]",
            "7",
            "\"limit\"",
            "nonsense",
            "{\"limit\": 0}",
            "{\"limit\": 1001}",
            "{\"limit\": -1}",
            "{\"limit\": \"ten\"}",
            "{\"offset\": -1}",
            "{\"filter\": {\"colour\": 1}}",
            "{\"filter\": {\"name\": {\"$near\": 1}}}",
            "{\"filter\": {\"sealed\": \"x\"}}",
            "{\"filter\": {\"attributes\": \"x\"}}",
            "{\"sort\": [\"colour\"]}",
            "{\"sort\": [\"sealed\"]}",
            "{\"select\": [\"colour\"]}",
            "{\"select\": [\"sealed\"]}",
            "{\"filter\": {\"name\": {\"$eq\": {}}}}",
            "{\"search\": {\"text\": \"x\", \"fields\": [\"colour\"]}}",
            "{\"filter\": {\"created_at\": \"now\"}}",
        ] {
            for list in ["/connections", "/playbooks", "/executions", "/api/v1/connection_types"] {
                nictate.list_raw(list, q).await.error(400, "query_invalid");
            }
        }
        nictate.list_raw("/connections", "{\"limit\": 1000}").await.ok();
        nictate.list_raw("/connections", "").await.ok();
    })
    .await;
}

#[tokio::test]
async fn a_test_asks_the_tool_and_is_remembered() {
    on_both(async |nictate| {
        let made = nictate.connect("edge", "one").await;
        let test = format!("{}/test", path(&made));
        nictate.post_nothing(&test).await.ok();
        let entry = nictate.audited("connection.used").await.remove(0);
        assert!(nictate.tool.url().ends_with(entry.host.as_deref().unwrap()), "{:?}", entry.host);

        // Fails: the tool says 401. The ETag moves with the status, which is part of the answer.
        let before = nictate.get(&path(&made)).await.header("etag").to_owned();
        nictate
            .post(&path(&made), json!({"attributes": {"test_path": "/status/401", "token": "one"}}))
            .await
            .ok();
        let edited = nictate.get(&path(&made)).await.header("etag").to_owned();
        let body = nictate.post_nothing(&test).await.error(400, "connection_test_failed");
        assert!(!body.to_string().contains("Bearer one"), "{body}");
        let failing = nictate.get(&path(&made)).await;
        assert_eq!(failing.ok()[0]["status"], "Failing");
        assert!(before != edited && edited != failing.header("etag"), "the status is part of the answer");

        // One that is not stored yet.
        let attributes = json!({"base_url": nictate.tool.url(), "token": "two", "test_path": "/fresh"});
        let candidate = json!({"connection": bearer("new", attributes), "runner_group": ""});
        nictate.post("/connections/test", candidate).await.ok();
        assert_eq!(nictate.tool.seen_at("/fresh")[0].header("authorization"), "Bearer two");

        // A stored one with a change that is not stored.
        let candidate =
            json!({"connection": {"id": made["id"], "attributes": {"test_path": "/trial", "token": "one"}}});
        nictate.post("/connections/test", candidate).await.ok();
        assert_eq!(nictate.tool.seen_at("/trial")[0].header("authorization"), "Bearer one");
        assert_eq!(
            nictate.get(&path(&made)).await.ok()[0]["attributes"]["test_path"]["value"],
            "/status/401"
        );

        nictate
            .post("/connections/test", json!({"connection": {"id": NOBODY}}))
            .await
            .error(404, "connection_not_found");
        nictate.post_nothing(&format!("/connections/{NOBODY}/test")).await.error(404, "connection_not_found");
    })
    .await;
}

#[tokio::test]
async fn a_test_does_not_reach_private_addresses_unless_the_configuration_opens_them() {
    let closed = |config: &mut server::config::Config| config.http.allow_private = false;
    on_both_with(closed, async |nictate| {
        let made = nictate.connect("edge", "one").await;
        let body =
            nictate.post_nothing(&format!("{}/test", path(&made))).await.error(400, "connection_test_failed");
        assert_eq!(body["data"]["code"], "address_not_allowed", "{body}");
        assert!(nictate.tool.seen().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_connection_in_use_is_deleted_by_force_only() {
    on_both(async |nictate| {
        let made = nictate.connect("edge", "one").await;
        let document = crate::executions::calls_the_tool("edge", nictate.tool.url());
        let (first, second) =
            (nictate.publish("beta", &document).await, nictate.publish("alpha", &document).await);
        let usage = nictate.get(&format!("{}/usage", path(&made))).await.ok();
        assert_eq!(usage["shared_with"], json!([]));
        let user = |id: &str, name: &str| {
            json!({"automation_id": id, "automation_name": name, "playbook_id": id, "playbook_name": name,
                "workspace_name": "Default"})
        };
        assert_eq!(usage["used_by"], json!([user(&second, "alpha"), user(&first, "beta")]));
        assert_eq!(nictate.get("/connections").await.ok()["results"][0]["used_by"], 2);
        let body = nictate.delete(&path(&made)).await.error(400, "connection_in_use");
        assert_eq!(body["data"]["workflows"], json!(["alpha", "beta"]));
        nictate.delete(&format!("{}?force=perhaps", path(&made))).await.error(400, "parameter_invalid");
        nictate.get(&path(&made)).await.ok();
        nictate.delete(&format!("{}?force=true", path(&made))).await.ok();
        nictate.get(&path(&made)).await.error(404, "connection_not_found");
    })
    .await;
}

#[tokio::test]
async fn a_caller_who_has_the_newest_version_is_told_so_without_a_body() {
    on_both(async |nictate| {
        let made = nictate.connect("edge", "one").await;
        let etag = nictate.get(&path(&made)).await.header("etag").to_owned();
        assert!(etag.starts_with("W/\""), "{etag}");
        let ask = async |tag: &str| {
            Reply::of(nictate.request(Method::GET, &path(&made)).header("If-None-Match", tag)).await
        };
        for tag in [etag.as_str(), "*", &format!("\"x\", {etag}"), etag.trim_start_matches("W/")] {
            let reply = ask(tag).await;
            assert_eq!(
                (reply.status, reply.text.as_str(), reply.header("etag")),
                (304, "", etag.as_str()),
                "{tag}"
            );
        }
        nictate.post(&path(&made), json!({"description": "new"})).await.ok();
        assert_eq!(ask(&etag).await.ok()[0]["description"], "new");
    })
    .await;
}

#[tokio::test]
async fn a_workspace_is_meant_by_id_by_name_or_by_leaving_it_out() {
    on_both(async |nictate| {
        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "Red team").await;
        nictate.add_member("rita", red, Role::Owner).await;
        let made = nictate.connect("edge", "one").await;
        let id = text(&made, "id");
        for base in [
            format!("/api/v1/workspace/{WORKSPACE}"),
            "/api/v1/workspace/Default".to_owned(),
            "/api/v1/workspace/".to_owned(),
            "/api/v1".to_owned(),
        ] {
            assert_eq!(
                nictate.get(&format!("{base}/connections")).await.column("id"),
                std::slice::from_ref(&id),
                "{base}"
            );
            assert_eq!(nictate.get(&format!("{base}/connections/{id}")).await.ok(), json!([made]), "{base}");
            let q = nictate.list(&format!("{base}/connections"), &json!({"filter": {"name": "none"}})).await;
            assert_eq!(q.ok()["total"], 0, "{base}");
        }
        for base in
            ["/api/v1/workspace/default%20", &format!("/api/v1/workspace/{NOBODY}"), "/api/v1/workspace/x"]
        {
            nictate.get(&format!("{base}/connections")).await.error(404, "workspace_not_found");
        }
        // The default workspace is each caller's own.
        for base in ["/api/v1", "/api/v1/workspace/", "/api/v1/workspace/Red%20team"] {
            let list = nictate.request_as(Some("rita"), Method::GET, &format!("{base}/connections"));
            assert_eq!(Reply::of(list).await.ok()["total"], 0, "{base}");
            let get = nictate.request_as(Some("rita"), Method::GET, &format!("{base}/connections/{id}"));
            Reply::of(get).await.error(404, "connection_not_found");
        }
        // The Admin enters it without being a member.
        assert_eq!(nictate.get(&format!("/api/v1/workspace/{red}/connections")).await.ok()["total"], 0);
    })
    .await;
}

/// A workflow elsewhere may name the connection, but cannot use it: it neither shows nor stands in the way.
#[tokio::test]
async fn only_workflows_of_its_own_workspace_use_a_connection() {
    on_both(async |nictate| {
        let made = nictate.connect("edge", "one").await;
        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "red").await;
        nictate.add_member("rita", red, Role::Owner).await;
        let document = crate::executions::calls_the_tool("edge", nictate.tool.url());
        let create = format!("/api/v1/workspace/{red}/playbooks");
        let body = json!({"name": "a secret plan", "playbook": document});
        Reply::of(nictate.request_as(Some("rita"), Method::POST, &create).json(&body)).await.ok();
        assert_eq!(nictate.get(&format!("{}/usage", path(&made))).await.ok()["used_by"], json!([]));
        assert_eq!(nictate.get("/connections").await.ok()["results"][0]["used_by"], 0);
        nictate.delete(&path(&made)).await.ok();
    })
    .await;
}

#[tokio::test]
async fn a_test_of_a_connection_that_is_not_there_names_it() {
    on_both(async |nictate| {
        for id in [NOBODY, "no-id"] {
            let reply = nictate.post("/connections/test", json!({"connection": {"id": id}})).await;
            let body = reply.error(404, "connection_not_found");
            assert!(text(&body, "details").contains(id), "{body}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_secret_manager_of_the_runners_changes_with_all_secrets_or_not_at_all() {
    on_both(async |nictate| {
        let attributes = json!({"base_url": nictate.tool.url(), "token": "jira#token"});
        let body = |manager: &str| {
            let mut body = bearer(&format!("kept {}", manager.len()), attributes.clone());
            body["secret_manager"] = json!(manager);
            body
        };
        let made = nictate.post("/connections", body("corp")).await.ok();
        assert_eq!(made["secret_manager"], "corp");
        assert_eq!(made["attributes"]["token"]["value"], "********", "what it is called is not shown either");
        let [row] = nictate.get("/connections").await.results().try_into().unwrap();
        assert_eq!(row["secret_manager_name"], "corp");
        let error = nictate.post_nothing(&format!("{}/test", path(&made))).await;
        let error = error.error(400, "connection_test_failed");
        assert!(text(&error, "message").contains("`corp`"), "{error}");
        assert!(nictate.tool.seen().is_empty());

        for changes in [
            json!({"secret_manager": ""}),
            json!({"secret_manager": "other", "attributes": {"token": "********"}}),
        ] {
            let error = nictate.post(&path(&made), changes).await.error(400, "connection_invalid");
            assert!(
                text(&error, "message").contains("`token` and every other secret must be given again"),
                "{error}"
            );
        }
        let here = json!({"secret_manager": "", "attributes": {"token": "a real one"}});
        let changed = nictate.post(&path(&made), here).await.ok();
        assert_eq!(changed["secret_manager"], "");
        assert_eq!(token_sent(nictate, &changed).await, "Bearer a real one");

        let most = "m".repeat(64);
        assert_eq!(nictate.post("/connections", body(&most)).await.ok()["secret_manager"], most);
        for wrong in ["m".repeat(65), "a=b".to_owned(), "a\nb".to_owned()] {
            let error = nictate.post("/connections", body(&wrong)).await.error(400, "connection_invalid");
            assert!(text(&error, "message").contains("is no name of a secret manager"), "{error}");
        }
        // A shape that this type's secrets must have says nothing of what they are called; that there is one does.
        let mut nothing = body("corp2");
        nothing["attributes"]["token"] = json!("");
        nictate.post("/connections", nothing).await.error(400, "connection_invalid");
    })
    .await;
}
