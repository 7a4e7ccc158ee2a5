//! The audit log is read and exported by those who may, whole and in order, and without a secret.

use reqwest::Method;
use serde_json::{Value, json};
use types::Role;

use crate::support::{Nictate, Person, Reply, WORKSPACE, members, on_both, text};

const TENANT_LOG: &str = "/api/v1/tenant/audit_log";

fn lines(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    reply.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn as_person(nictate: &Nictate, key: &str, path: &str) -> Reply {
    Reply::of(nictate.request_as(Some(key), Method::GET, path)).await
}

#[tokio::test]
async fn what_was_done_is_listed_with_who_did_it() {
    on_both(async |nictate| {
        let made = nictate.connect("edge", "never-to-be-seen").await;
        let q = json!({"filter": {"entity_type": "connection"}, "sort": ["-at"]});
        let reply = nictate.list("/audit_log", &q).await;
        assert!(!reply.text.contains("never-to-be-seen"), "{}", reply.text);
        let rows = reply.results();
        let shape = [
            "action",
            "actor_id",
            "actor_type",
            "at",
            "details",
            "entity_id",
            "entity_type",
            "host",
            "id",
            "workspace_id",
        ];
        assert_eq!(members(&rows[0]), shape);
        assert_eq!((&rows[0]["action"], &rows[0]["entity_id"]), (&json!("connection.created"), &made["id"]));
        assert_eq!((&rows[0]["actor_type"], &rows[0]["workspace_id"]), (&json!("user"), &json!(WORKSPACE)));
        let me = nictate.get("/api/v1/user").await.ok();
        assert_eq!(rows[0]["actor_id"], me["inner_id"]);
        nictate.list("/audit_log", &json!({"filter": {"secret": 1}})).await.error(400, "query_invalid");
    })
    .await;
}

#[tokio::test]
async fn an_export_has_every_entry_once_in_order() {
    on_both(async |nictate| {
        // More than one page of an export.
        let names: Vec<String> = (0..1_100).map(|number| format!("n{number}")).collect();
        let (tenant, workspace) = (nictate.tenant().await, WORKSPACE.parse().unwrap());
        let now = types::Clock::now(&*nictate.clock);
        let entries: Vec<store::audit::AuditEntry> = names
            .iter()
            .map(|name| store::audit::AuditEntry {
                id: types::AuditId::new(now, &mut types::SystemRng),
                tenant_id: tenant,
                workspace_id: Some(workspace),
                at: now,
                actor_type: store::audit::ActorType::System,
                actor_id: "test".to_owned(),
                action: "test.done".to_owned(),
                entity_type: "test".to_owned(),
                entity_id: name.clone(),
                host: None,
                details: "{}".to_owned(),
            })
            .collect();
        nictate.write_beside(async move |tx| store::audit::record_many(tx, &entries).await).await;
        for path in ["/audit_log/export", "/api/v1/tenant/audit_log/export"] {
            let exported = lines(&nictate.get(path).await);
            let ids: Vec<&str> = exported.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
            assert!(ids.is_sorted_by(|one, next| one < next), "{path}");
            let mut found: Vec<&str> = exported
                .iter()
                .filter(|entry| entry["action"] == "test.done")
                .map(|entry| entry["entity_id"].as_str().unwrap())
                .collect();
            found.sort_unstable();
            let mut expected: Vec<&str> = names.iter().map(String::as_str).collect();
            expected.sort_unstable();
            assert_eq!(found, expected, "{path}");
        }
        let at = now.as_millis();
        let none = lines(&nictate.get(&format!("/audit_log/export?from={}", at + 100_000)).await);
        assert_eq!(none.len(), 0);
        let none = lines(&nictate.get(&format!("/audit_log/export?to={}", at - 100_000)).await);
        assert_eq!(none.len(), 0);
        nictate.get("/audit_log/export?from=yesterday").await.error(400, "parameter_invalid");
    })
    .await;
}

#[tokio::test]
async fn a_workspace_shows_its_owners_its_own_entries_alone() {
    on_both(async |nictate| {
        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "red").await;
        nictate.add_person(Person::new("bob", tenant, &[(red, Role::Owner)])).await;
        nictate.add_person(Person::new("carol", tenant, &[(WORKSPACE.parse().unwrap(), Role::Viewer)])).await;
        nictate.connect("edge", "s3cret").await;
        for rest in ["", "/export"] {
            let own = as_person(nictate, "bob", &format!("/api/v1/workspace/{red}/audit_log{rest}")).await;
            assert!(own.status == 200 && !own.text.contains("connection"), "{}", own.text);
            as_person(nictate, "bob", &format!("/audit_log{rest}")).await.error(404, "workspace_not_found");
            as_person(nictate, "carol", &format!("/audit_log{rest}")).await.error(403, "forbidden");
            as_person(nictate, "bob", &format!("{TENANT_LOG}{rest}")).await.error(403, "forbidden");
        }
    })
    .await;
}

#[tokio::test]
async fn a_change_is_told_with_what_was_before_and_after_and_from_where() {
    on_both(async |nictate| {
        let made = nictate.connect("vt", "s3cret-one").await;
        let path = format!("/connections/{}", text(&made, "id"));
        let change = json!({"description": "for the night shift", "active": false,
            "attributes": {"token": {"value": "s3cret-two"}}});
        nictate.post(&path, change).await.ok();
        nictate.delete(&path).await.ok();
        let keys = nictate.get("/api/v1/apikey").await.ok();

        let entry = async |action: &str| -> Value {
            let entries = nictate.audited(action).await;
            assert_eq!(entries.len(), 1, "{action}");
            assert!(!entries[0].details.contains("s3cret"), "{action}: {}", entries[0].details);
            serde_json::from_str(&entries[0].details).unwrap()
        };
        let created = entry("connection.created").await;
        assert_eq!((&created["peer"], &created["api_key_id"]), (&json!("127.0.0.1"), &keys[0]["id"]));
        assert_eq!(created["after"]["attributes"]["token"]["value"], "********");
        assert!(created.get("before").is_none());
        let edited = entry("connection.edited").await;
        assert_eq!((&edited["before"]["active"], &edited["after"]["active"]), (&json!(true), &json!(false)));
        assert_eq!(edited["before"]["description"], "");
        assert_eq!(edited["after"]["description"], "for the night shift");
        assert_eq!(edited["secrets_set"], json!(["token"]));
        assert!(edited["after"].get("name").is_none(), "what stayed is not told: {edited}");
        let deleted = entry("connection.deleted").await;
        assert_eq!(deleted["before"]["description"], "for the night shift");
        assert!(deleted.get("after").is_none());
    })
    .await;
}

#[tokio::test]
async fn a_change_of_a_table_s_schema_is_told_by_field() {
    on_both(async |nictate| {
        let fields = json!([{"display_name": "Level", "type": "single-select", "attributes": {"options": ["low"]}}]);
        nictate.post("/table", json!({"display_name": "Findings", "fields": fields})).await.ok();
        let field = json!({"display_name": "Level", "type": "single-select", "attributes": {"options": ["low", "high"]}});
        nictate.put("/table/findings/fields/level", field).await.ok();
        nictate.delete("/table/findings/fields/level").await.ok();
        nictate.delete("/table/findings").await.ok();
        let details = async |action: &str| -> Value {
            serde_json::from_str(&nictate.audited(action).await[0].details).unwrap()
        };
        assert_eq!(details("table.created").await["after"]["fields"][0]["name"], "level");
        let edited = details("table_field.edited").await;
        assert_ne!(edited["before"], edited["after"]);
        assert!(edited["after"].to_string().contains("high") && !edited["before"].to_string().contains("high"));
        assert_eq!(details("table_field.deleted").await["before"]["name"], "level");
        assert_eq!(details("table.deleted").await["before"]["table"]["name"], "findings");
    })
    .await;
}
