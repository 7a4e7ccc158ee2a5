//! The JSON of every message, word for word: a difference is a new protocol version.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, json};
use types::{ConnectionId, ExecutionId, RunnerId, Timestamp};

use super::*;

/// The message's JSON, after it has been read back to the same message.
fn golden<T: Serialize + DeserializeOwned + PartialEq + Debug>(message: &T) -> String {
    let text = serde_json::to_string_pretty(message).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), message);
    text
}

fn token() -> AttemptToken {
    AttemptToken::new("t1")
}

fn assignment() -> Assignment {
    Assignment {
        token: token(),
        execution_id: ExecutionId::of_name("e"),
        step_id: "S6".to_owned(),
        path: "S4[3].S6".to_owned(),
        attempt: 1,
        action: "http.requestV2".to_owned(),
        inputs: json!({"url": "/users"}),
        context: None,
        packages: None,
        connections: vec![ConnectionGrant {
            id: ConnectionId::of_name("c"),
            name: "my jira".to_owned(),
            type_name: "jira".to_owned(),
            definition: None,
            secret_manager: None,
            sealed_attributes: "s1.AAAA".to_owned(),
        }],
        timeout_ms: 60_000,
        idempotency_key: "e/S4[3].S6".to_owned(),
        include_full_response: true,
        network: NetworkPolicy {
            allow_private: true,
            allowed_networks: vec!["10.0.0.0/8".to_owned()],
            allowed_endpoints: Vec::new(),
        },
        lease_term: 3,
    }
}

#[test]
fn welcome() {
    insta::assert_snapshot!(golden(&ToRunner::Welcome { version: PROTOCOL_VERSION, heartbeat_ms: 5000 }), @r#"
    {
      "type": "welcome",
      "version": 3,
      "heartbeat_ms": 5000
    }
    "#);
}

#[test]
fn assign() {
    insta::assert_snapshot!(golden(&ToRunner::Assign { assignment: Box::new(assignment()) }), @r#"
    {
      "type": "assign",
      "assignment": {
        "token": "t1",
        "execution_id": "3cb36b0d-36e5-5628-a5ba-178cfd4a48fc",
        "step_id": "S6",
        "path": "S4[3].S6",
        "attempt": 1,
        "action": "http.requestV2",
        "inputs": {
          "url": "/users"
        },
        "connections": [
          {
            "id": "752a5585-54d3-5abd-a3b3-c75b610e1422",
            "name": "my jira",
            "type_name": "jira",
            "sealed_attributes": "s1.AAAA"
          }
        ],
        "timeout_ms": 60000,
        "idempotency_key": "e/S4[3].S6",
        "include_full_response": true,
        "network": {
          "allow_private": true,
          "allowed_networks": [
            "10.0.0.0/8"
          ]
        },
        "lease_term": 3
      }
    }
    "#);
}

#[test]
fn assign_with_context() {
    let context = Some(r#"{"inputs":{"a":1}}"#.to_owned());
    let text = golden(&Assignment { context, ..assignment() });
    let line = text.lines().find(|line| line.contains("context"));
    assert_eq!(line, Some(r#"  "context": "{\"inputs\":{\"a\":1}}","#));
}

#[test]
fn cancel() {
    insta::assert_snapshot!(golden(&ToRunner::Cancel { token: token() }), @r#"
    {
      "type": "cancel",
      "token": "t1"
    }
    "#);
}

#[test]
fn hello() {
    let labels = vec!["default".to_owned()];
    let runner = RunnerInfo {
        id: RunnerId::of_name("r"),
        name: "edge-1".to_owned(),
        software: "0.1.0".to_owned(),
        held: vec![token()],
    };
    let message = ToServer::Hello { version: PROTOCOL_VERSION, labels, capacity: 64, runner: Some(runner) };
    insta::assert_snapshot!(golden(&message), @r#"
    {
      "type": "hello",
      "version": 3,
      "labels": [
        "default"
      ],
      "capacity": 64,
      "runner": {
        "id": "26dc5cab-86fa-58a0-a2d7-6da6c6bfe642",
        "name": "edge-1",
        "software": "0.1.0",
        "held": [
          "t1"
        ]
      }
    }
    "#);
}

#[test]
fn hello_of_version_2() {
    let message =
        ToServer::Hello { version: 2, labels: vec!["default".to_owned()], capacity: 64, runner: None };
    insta::assert_snapshot!(golden(&message), @r#"
    {
      "type": "hello",
      "version": 2,
      "labels": [
        "default"
      ],
      "capacity": 64
    }
    "#);
}

#[test]
fn beat() {
    insta::assert_snapshot!(golden(&ToRunner::Beat { beat: 1, term: 3, holds_ms: 6000 }), @r#"
    {
      "type": "beat",
      "beat": 1,
      "term": 3,
      "holds_ms": 6000
    }
    "#);
}

#[test]
fn received() {
    insta::assert_snapshot!(golden(&ToRunner::Received { tokens: vec![token()] }), @r#"
    {
      "type": "received",
      "tokens": [
        "t1"
      ]
    }
    "#);
}

#[test]
fn draining() {
    insta::assert_snapshot!(golden(&ToServer::Draining), @r#"
    {
      "type": "draining"
    }
    "#);
}

#[test]
fn goodbye() {
    insta::assert_snapshot!(golden(&ToServer::Goodbye), @r#"
    {
      "type": "goodbye"
    }
    "#);
}

#[test]
fn heartbeat_of_version_2() {
    insta::assert_snapshot!(golden(&ToServer::Heartbeat { running: vec![token()], beat: 0 }), @r#"
    {
      "type": "heartbeat",
      "running": [
        "t1"
      ]
    }
    "#);
}

#[test]
fn started() {
    insta::assert_snapshot!(golden(&ToServer::Started { token: token(), at: Timestamp::from_millis(7) }), @r#"
    {
      "type": "started",
      "token": "t1",
      "at": 7
    }
    "#);
}

#[test]
fn log() {
    let message = ToServer::Log { token: token(), at: Timestamp::from_millis(7), line: "hello".to_owned() };
    insta::assert_snapshot!(golden(&message), @r#"
    {
      "type": "log",
      "token": "t1",
      "at": 7,
      "line": "hello"
    }
    "#);
}

#[test]
fn heartbeat() {
    insta::assert_snapshot!(golden(&ToServer::Heartbeat { running: vec![token()], beat: 1 }), @r#"
    {
      "type": "heartbeat",
      "running": [
        "t1"
      ],
      "beat": 1
    }
    "#);
}

#[test]
fn not_begun() {
    insta::assert_snapshot!(golden(&ToServer::NotBegun { token: token() }), @r#"
    {
      "type": "not_begun",
      "token": "t1"
    }
    "#);
}

#[test]
fn succeeded() {
    let connection_id = ConnectionId::of_name("c");
    let host = "acme.example:8443".to_owned();
    let message = ToServer::Finished {
        token: token(),
        outcome: Outcome::Succeeded { output: json!({"id": 7}), variables: Map::new() },
        secret_uses: vec![SecretUse { connection_id, host, at: Timestamp::from_millis(7) }],
    };
    insta::assert_snapshot!(golden(&message), @r#"
    {
      "type": "finished",
      "token": "t1",
      "outcome": {
        "status": "succeeded",
        "output": {
          "id": 7
        }
      },
      "secret_uses": [
        {
          "connection_id": "752a5585-54d3-5abd-a3b3-c75b610e1422",
          "host": "acme.example:8443",
          "at": 7
        }
      ]
    }
    "#);
}

#[test]
fn succeeded_with_variables() {
    let variables = json!({"n": 1}).as_object().cloned().unwrap_or_default();
    let outcome = Outcome::Succeeded { output: json!("done"), variables };
    insta::assert_snapshot!(golden(&outcome), @r#"
    {
      "status": "succeeded",
      "output": "done",
      "variables": {
        "n": 1
      }
    }
    "#);
}

#[test]
fn failed() {
    let error = ActionError {
        code: "http_status".to_owned(),
        message: "host `acme.example` answered 503".to_owned(),
        retryable: true,
        data: json!({"status": 503}),
    };
    let message =
        ToServer::Finished { token: token(), outcome: Outcome::Failed { error }, secret_uses: vec![] };
    insta::assert_snapshot!(golden(&message), @r#"
    {
      "type": "finished",
      "token": "t1",
      "outcome": {
        "status": "failed",
        "error": {
          "code": "http_status",
          "message": "host `acme.example` answered 503",
          "retryable": true,
          "data": {
            "status": 503
          }
        }
      },
      "secret_uses": []
    }
    "#);
}

#[test]
fn cancelled() {
    let message = ToServer::Finished { token: token(), outcome: Outcome::Cancelled, secret_uses: vec![] };
    insta::assert_snapshot!(golden(&message), @r#"
    {
      "type": "finished",
      "token": "t1",
      "outcome": {
        "status": "cancelled"
      },
      "secret_uses": []
    }
    "#);
}

#[test]
fn fields_that_a_later_version_adds_are_ignored() {
    let text = r#"{"type": "cancel", "token": "t1", "reason": "timeout"}"#;
    assert_eq!(serde_json::from_str::<ToRunner>(text).unwrap(), ToRunner::Cancel { token: token() });
}
