//! Connection types: those that ship, and the tenant's own, which its Admin makes.

use reqwest::Method;
use serde_json::{Value, json};
use types::Role;

use crate::support::{NOBODY, Reply, WORKSPACE, members, on_both, text};

const TYPES: &str = "/api/v1/connection_types";

fn own_type(name: &str) -> Value {
    json!({
        "name": name, "display_name": "The in-house vault", "description": "Ours.", "category": "generic", "plugin_name": "http",
        "fields": [
            {"name": "base_url", "display_name": "Address", "input_type": "url", "required": true},
            {"name": "pin", "display_name": "PIN", "input_type": "password", "required": true, "secret": true},
        ],
        "base_url": "{base_url}", "allowed_hosts": ["{base_url}"],
        "authentication": {"headers": {"X-Pin": "{pin}"}},
        "verification": {"request": {"url": "/whoami"}},
    })
}

#[tokio::test]
async fn the_types_that_ship_are_found_by_id_and_by_name() {
    on_both(async |nictate| {
        let page = nictate.list(TYPES, &json!({"limit": 1000})).await;
        let names = page.column("name");
        assert!(names.len() >= 25, "{names:?}");
        for name in [
            "slack",
            "github",
            "jira",
            "okta",
            "crowdstrike",
            "sentinelone",
            "microsoft_graph",
            "microsoft_defender",
            "splunk",
            "elastic",
            "google_workspace",
            "aws",
            "pagerduty",
            "servicenow",
            "virustotal",
            "abuseipdb",
            "shodan",
            "wiz",
            "tenable",
            "smtp",
            "ssh",
            "postgresql",
            "openai",
            "anthropic",
            "http_bearer",
        ] {
            let found = nictate.get(&format!("{TYPES}/{name}")).await.ok();
            assert_eq!(nictate.get(&format!("{TYPES}/{}", text(&found, "id"))).await.ok(), found, "{name}");
            assert!(!found["attributes"].as_object().unwrap().is_empty(), "{name}");
        }
        let bearer = nictate.get(&format!("{TYPES}/http_bearer")).await.ok();
        let token = &bearer["attributes"]["token"];
        assert_eq!((&token["input_type"], &token["required"]), (&json!("password"), &json!(true)));
        for member in [
            "default_value",
            "display_name",
            "field_type",
            "format",
            "index",
            "options",
            "pattern",
            "placeholder",
        ] {
            assert!(members(token).contains(&member), "{member}");
        }
        let found = nictate.list(TYPES, &json!({"search": {"text": "bearer"}, "select": ["name"]})).await;
        assert!(found.column("name").contains(&"http_bearer".to_owned()));
        for missing in [NOBODY, "telepathy", "%00"] {
            nictate.get(&format!("{TYPES}/{missing}")).await.error(404, "connection_type_not_found");
        }
    })
    .await;
}

#[tokio::test]
async fn a_type_of_the_tenants_own_is_made_used_by_a_run_and_deleted() {
    on_both(async |nictate| {
        let made = nictate.post(TYPES, own_type("house_vault")).await.ok();
        let path = format!("{TYPES}/{}", text(&made, "id"));
        assert_eq!(nictate.get(&path).await.ok(), made);
        nictate.post(TYPES, own_type("house_vault")).await.error(400, "connection_type_name_taken");
        nictate.post(TYPES, own_type("slack")).await.error(400, "connection_type_name_taken");

        let attributes = json!({"base_url": nictate.tool.url(), "pin": "1234-5678"});
        let body = json!({"name": "vault", "connection_type_id": made["id"], "attributes": attributes});
        let connection = nictate.post("/connections", body).await.ok();
        assert_eq!(connection["attributes"]["pin"]["value"], "********");
        nictate.post_nothing(&format!("/connections/{}/test", text(&connection, "id"))).await.ok();
        assert_eq!(nictate.tool.seen_at("/whoami")[0].header("x-pin"), "1234-5678");

        // The runner does not know the type: its definition goes along.
        let document = crate::executions::calls_the_tool("vault", nictate.tool.url());
        let document = document.replace("http_bearer", "house_vault");
        let workflow = nictate.publish("calls", &document).await;
        nictate.run_sync(&workflow, json!({"user": "ann"})).await.ok();
        assert_eq!(nictate.tool.seen_at("/users/ann")[0].header("x-pin"), "1234-5678");

        nictate.delete(&path).await.error(400, "connection_type_in_use");
        let slack = text(&nictate.get(&format!("{TYPES}/slack")).await.ok(), "id");
        nictate.delete(&format!("{TYPES}/{slack}")).await.error(400, "connection_type_in_use");
        nictate.delete(&format!("/connections/{}?force=true", text(&connection, "id"))).await.ok();
        nictate.delete(&path).await.ok();
        nictate.get(&path).await.error(404, "connection_type_not_found");
        nictate.delete(&path).await.error(404, "connection_type_not_found");
    })
    .await;
}

#[tokio::test]
async fn a_definition_that_cannot_be_used_is_refused_with_every_problem() {
    on_both(async |nictate| {
        for body in [
            json!({}),
            json!([]),
            json!({"name": "Not A Name"}),
            json!({"name": "x", "fields": [{"name": "a"}, {"name": "a"}]}),
            json!({"name": "x", "authentication": "telepathy"}),
            json!({"name": "x", "base_url": "{nothing}", "allowed_hosts": ["{nothing}"]}),
        ] {
            let reply = nictate.post(TYPES, body.clone()).await;
            let answer = reply.error(400, "connection_type_invalid");
            assert!(!answer["user_error"]["fields"].as_object().unwrap().is_empty(), "{body}: {answer}");
        }
        for raw in [&b"{\"name\": "[..], b"\xff\xfe", &b"[".repeat(10_000)] {
            let request = nictate.request(Method::POST, TYPES).body(raw.to_vec());
            Reply::of(request).await.error(400, "connection_type_invalid");
        }
    })
    .await;
}

#[tokio::test]
async fn another_tenants_type_is_not_there() {
    on_both(async |nictate| {
        let made = nictate.post(TYPES, own_type("house_vault")).await.ok();
        let other = nictate.add_tenant("other").await;
        let blue = nictate.add_workspace(other, "blue").await;
        nictate.add_person(crate::support::Person::new("bob", other, &[(blue, Role::Owner)])).await;
        for path in [text(&made, "id"), "house_vault".to_owned()] {
            let request = nictate.request_as(Some("bob"), Method::GET, &format!("{TYPES}/{path}"));
            Reply::of(request).await.error(404, "connection_type_not_found");
        }
        let list =
            nictate.request_as(Some("bob"), Method::GET, &format!("{TYPES}?q=%7B%22limit%22%3A1000%7D"));
        assert!(!Reply::of(list).await.column("name").contains(&"house_vault".to_owned()));
        let create = format!("/api/v1/workspace/{blue}/connections");
        let body = json!({"name": "v", "connection_type_id": made["id"], "attributes": {}});
        let request = nictate.request_as(Some("bob"), Method::POST, &create).json(&body);
        Reply::of(request).await.error(400, "connection_invalid");
        assert_ne!(blue.to_string(), WORKSPACE);
    })
    .await;
}
