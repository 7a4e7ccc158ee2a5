//! `nictate runner-groups …` and `nictate runners …` against a server of the test's own.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::support::{Fake, page, refusal};

const ID: &str = "0192d0c0-0000-7000-8000-000000000001";

fn group() -> Value {
    json!({"id": ID, "name": "dmz", "is_default": false, "available_runners": 2, "used_by": 1})
}

fn server() -> Fake {
    Fake::start(|request| {
        let by_id = format!("/api/v1/runner_groups/{ID}");
        let token = format!("{by_id}/token");
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/api/v1/runner_groups") if request.query.contains("nowhere") => page(&json!([])),
            ("GET", "/api/v1/runner_groups") => page(&json!([group()])),
            ("POST", "/api/v1/runner_groups") => {
                (200, json!({"id": ID, "name": "dmz", "runner_group_api_key": "nct_first"}).to_string())
            }
            ("POST", path) if path == by_id => (200, group().to_string()),
            ("DELETE", path) if path == by_id => refusal(
                400,
                "runner_group_in_use",
                "runner group `dmz` cannot be deleted: it is used by triage",
            ),
            ("POST", path) if path == token => {
                let answer = json!({"latest_runner_version": "0.1.0", "runner_group_api_key": "nct_second"});
                (200, answer.to_string())
            }
            ("DELETE", path) if path == token => (200, json!(ID).to_string()),
            ("GET", "/api/v1/runners") => page(&json!([{
                "id": ID, "name": "edge-1", "group_name": "dmz", "status": "Connected", "capacity": 64,
                "ip_address": "192.0.2.7", "labels": ["edge", "arm"],
                "version": "0.1.0", "last_seen": 1_770_091_506_000_i64,
            }])),
            _ => refusal(404, "route_not_found", &request.line()),
        }
    })
}

#[test]
fn groups_and_runners_are_tables() {
    let server = server();
    assert_snapshot!(server.run(&["runner-groups", "list"]).transcript(), @r"
    exit 0
    ---- stdout
    NAME  DEFAULT  RUNNERS  USED BY  ID
    dmz   no       2        1        0192d0c0-0000-7000-8000-000000000001
    ---- stderr
    ");
    assert_snapshot!(server.run(&["runners", "list"]).transcript(), @r"
    exit 0
    ---- stdout
    NAME    GROUP  STATUS     ADDRESS    CAPACITY  LABELS    VERSION  LAST SEEN             ID
    edge-1  dmz    Connected  192.0.2.7  64        edge,arm  0.1.0    2026-02-03 04:05:06Z  0192d0c0-0000-7000-8000-000000000001
    ---- stderr
    ");
}

#[test]
fn a_token_stands_alone_on_stdout() {
    let server = server();
    for (arguments, token) in [
        (vec!["runner-groups", "create", "dmz"], "nct_first\n"),
        (vec!["runner-groups", "rotate-token", "dmz"], "nct_second\n"),
    ] {
        let ran = server.run(&arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (0, token), "{}", ran.stderr);
        assert!(ran.stderr.contains("this once"), "{}", ran.stderr);
    }
    let ran = server.run(&["runner-groups", "revoke-token", "dmz"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    let ran = server.run(&["runner-groups", "set-default", "dmz"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
}

#[test]
fn a_group_in_use_stays_and_one_that_is_not_there_is_not_found() {
    let server = server();
    let ran = server.run(&["runner-groups", "delete", "dmz"]);
    assert_eq!(ran.code, 1, "{}", ran.transcript());
    assert!(ran.stderr.contains("it is used by triage"), "{}", ran.stderr);
    let ran = server.run(&["runner-groups", "delete", "nowhere"]);
    assert_eq!(ran.code, 3, "{}", ran.transcript());
    assert!(ran.stderr.contains("there is no runner group named `nowhere`"), "{}", ran.stderr);
}
