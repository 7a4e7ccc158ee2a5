//! `nictate workflows …` but for executing.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::support::{Fake, page, refusal};

const ID: &str = "0192d0c0-0000-7000-8000-000000000002";

/// A server that knows the workflow `Greet` or does not.
fn server(known: bool) -> Fake {
    Fake::start(move |request| match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/api/v1/connection_types") => page(&json!([{"name": "acme"}])),
        ("GET", "/api/v1/playbooks") if known => page(&json!([{
            "id": ID, "name": "Greet", "is_published": true, "has_unpublished_changes": true,
            "updated_at": 1_770_091_506_000_i64,
        }])),
        ("GET", "/api/v1/playbooks") => page(&json!([])),
        ("POST", "/api/v1/playbooks/ui") => (200, json!({"id": ID}).to_string()),
        ("POST", path) if path.ends_with("/draft") || path.ends_with("/public") => {
            (200, json!("ok").to_string())
        }
        ("GET", path) if path.ends_with("/draft") => (200, json!({"playbook": "name: draft\n"}).to_string()),
        ("GET", path) if path.ends_with(ID) => (200, json!({"id": ID, "playbook": "name: x"}).to_string()),
        ("DELETE", path) if path.ends_with(ID) => (200, json!(ID).to_string()),
        _ => refusal(404, "route_not_found", &request.line()),
    })
}

#[test]
fn a_new_workflow_is_created_and_published() {
    let server = server(false);
    assert_snapshot!(server.run(&["workflows", "apply", "good.yaml"]).transcript(), @r"
    exit 0
    ---- stdout
    created and published  Greet  0192d0c0-0000-7000-8000-000000000002
    ---- stderr
    ");
    assert_snapshot!(server.lines(), @r"
    GET /api/v1/connection_types
    GET /api/v1/playbooks
    POST /api/v1/playbooks/ui
    POST /api/v1/playbooks/0192d0c0-0000-7000-8000-000000000002/public
    ");
    let bodies: Vec<Value> =
        server.requests()[2..].iter().map(|request| serde_json::from_str(&request.body).unwrap()).collect();
    let text = include_str!("fixtures/good.yaml");
    assert_eq!(bodies[0], json!({"name": "Greet", "playbook": text}));
    assert_eq!(bodies[1], json!({"playbook": text, "branched_from": 0, "source": "manual"}));
}

#[test]
fn a_known_workflow_is_updated_and_with_draft_not_published() {
    let server = server(true);
    let ran = server.run(&["workflows", "apply", "--draft", "good.yaml", "--json"]);
    let expected =
        json!({"file": "good.yaml", "name": "Greet", "id": ID, "done": "updated", "published": false});
    assert_eq!(ran.json()["workflows"], json!([expected]));
    assert_snapshot!(server.lines(), @r"
    GET /api/v1/connection_types
    GET /api/v1/playbooks
    POST /api/v1/playbooks/0192d0c0-0000-7000-8000-000000000002/draft
    ");
}

#[test]
fn one_wrong_file_keeps_all_from_being_applied() {
    let server = server(false);
    let ran = server.run(&["workflows", "apply", "good.yaml", "wrong.yaml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (6, ""));
    assert!(ran.stderr.contains("--> wrong.yaml:6:17"), "{}", ran.stderr);
    assert!(ran.stderr.contains("error: nothing was applied: "), "{}", ran.stderr);
    assert_eq!(server.lines(), "GET /api/v1/connection_types\n");
}

#[test]
fn two_files_of_one_name_are_refused() {
    let ran = server(false).run(&["workflows", "apply", "good.yaml", "./good.yaml"]);
    assert_eq!(ran.code, 6);
    assert!(ran.stderr.contains("`good.yaml` and `./good.yaml` are both named `Greet`"), "{}", ran.stderr);
}

#[test]
fn a_workflow_is_listed_printed_and_deleted() {
    let server = server(true);
    assert_snapshot!(server.run(&["workflows", "list"]).stdout, @r"
    NAME   STATE     UPDATED               ID
    Greet  modified  2026-02-03 04:05:06Z  0192d0c0-0000-7000-8000-000000000002
    ");
    assert_eq!(server.run(&["workflows", "get", "Greet"]).stdout, "name: x", "byte for byte");
    assert_eq!(server.run(&["workflows", "get", "Greet", "--draft"]).stdout, "name: draft\n");
    assert_eq!(server.run(&["workflows", "get", ID, "--json"]).json()["id"], ID);
    let ran = server.run(&["workflows", "delete", "Greet"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, "deleted workflow `Greet`\n"));
}
