//! An embedded runner, spoken to as a server would: over its link, in `protocol` messages.

// Helpers of a test may stop it: clippy's leave covers the test functions only.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actions::guard::NetworkPolicy as Policy;
use actions::http::HttpClient;
use actions::{
    ActionContext, ActionError, ActionKind, ActionSpec, Catalog, ConnectionNeed, Effect, Idempotency,
};
use futures_util::future::BoxFuture;
use protocol::{
    Assignment, AttemptToken, ConnectionGrant, NetworkPolicy, Outcome, PROTOCOL_VERSION, ToRunner, ToServer,
};
use runner::{Runner, RunnerLink, RunnerSettings};
use secrets::Secret;
use serde_json::{Map, Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use types::{ConnectionId, ExecutionId, FixedClock, SeededRng, Timestamp};

const SECRET: &str = "hunter2-secret";

/// Does what its input says.
struct Puppet;

/// The puppets that hang, by the name in their inputs: tests may share a process.
static HANGING: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

struct Presence(String);

impl Drop for Presence {
    fn drop(&mut self) {
        HANGING.lock().unwrap().remove(&self.0);
    }
}

impl Effect for Puppet {
    fn spec(&self) -> ActionSpec {
        ActionSpec {
            full_name: "test.puppet".to_owned(),
            display_name: "Puppet".to_owned(),
            description: "Does what it is told.".to_owned(),
            collection: "Test".to_owned(),
            parameters: Vec::new(),
            connections: ConnectionNeed::AnyType,
            connection_optional: true,
            hidden: true,
            kind: ActionKind::Effect,
            idempotency: Idempotency::NotIdempotent,
            example_output: Json::Null,
        }
    }

    fn run<'a>(&'a self, cx: ActionContext<'a>) -> BoxFuture<'a, Result<Json, ActionError>> {
        Box::pin(async move {
            match cx.inputs.get("do").and_then(Json::as_str) {
                Some("panic") => panic!("as told"),
                Some("hang") => {
                    let name = cx.inputs["name"].to_string();
                    HANGING.lock().unwrap().insert(name.clone());
                    let _presence = Presence(name);
                    std::future::pending().await
                }
                Some("talk") => {
                    let secret = cx.connections[0].credential.field("token");
                    cx.sink.log(&format!("the token is {secret}"));
                    cx.sink.secret_used(cx.connections[0].id, "a.test");
                    Ok(json!({ secret: [secret, format!("x{secret}y")] }))
                }
                Some("fail") => {
                    let secret = cx.connections[0].credential.field("token");
                    let error =
                        ActionError::transient(actions::ErrorCode::HttpStatus, format!("no {secret}"));
                    Err(error.with_data(json!({"body": secret})))
                }
                Some("chatter") => {
                    (0..20_000).for_each(|_| cx.sink.log("x"));
                    Ok(Json::Null)
                }
                _ => Ok(Json::Object(cx.inputs.clone())),
            }
        })
    }
}

const LEASE: Duration = Duration::from_secs(10);

/// The server's side of one runner.
struct Server {
    link: RunnerLink,
    rng: SeededRng,
}

impl Server {
    /// Starts a runner and takes its first message.
    async fn start(capacity: u32) -> Self {
        let mut rng = SeededRng::from_u64(1);
        let clock = Arc::new(FixedClock::new(Timestamp::from_millis(1_700_000_000_000)));
        let mut settings = RunnerSettings::new(HttpClient::new(Policy::default()), clock);
        settings.capacity = capacity;
        settings.catalog = Arc::new(Catalog::builtin().with_effect(&Puppet));
        let (link, runner) = Runner::embedded(settings, &mut rng);
        tokio::spawn(runner.run());
        let mut server = Self { link, rng };
        let labels = vec!["default".to_owned()];
        assert_eq!(
            server.next().await,
            ToServer::Hello { version: PROTOCOL_VERSION, labels, capacity, runner: None }
        );
        server
    }

    async fn say(&self, message: ToRunner) {
        self.link.to_runner.send(message).unwrap();
    }

    async fn next(&mut self) -> ToServer {
        let message = tokio::time::timeout(Duration::from_secs(20), self.link.from_runner.recv());
        message.await.expect("the runner says something").expect("the runner lives")
    }

    /// Assigns an attempt with that token.
    async fn assign(&self, assignment: Assignment) {
        self.say(ToRunner::Assign { assignment: Box::new(assignment) }).await;
    }

    /// How the attempt that is assigned now ends, and what was said before that.
    async fn outcome(&mut self, assignment: Assignment) -> (Outcome, Vec<ToServer>) {
        self.assign(assignment).await;
        let mut before = Vec::new();
        loop {
            match self.next().await {
                ToServer::Finished { outcome, .. } => return (outcome, before),
                other => before.push(other),
            }
        }
    }

    /// A connection to an HTTP service with a bearer token, granted to the attempt `token`.
    fn grant(&mut self, token: &str, base_url: &str) -> ConnectionGrant {
        let id = ConnectionId::of_name("c");
        let attributes = [("base_url", base_url), ("token", SECRET)];
        let attributes: BTreeMap<_, _> =
            attributes.iter().map(|(name, value)| ((*name).to_owned(), Secret::from(*value))).collect();
        ConnectionGrant {
            id,
            name: "mine".to_owned(),
            type_name: "http_bearer".to_owned(),
            definition: None,
            secret_manager: None,
            sealed_attributes: self.link.session.seal(token, id, &attributes, &mut self.rng),
        }
    }
}

fn token(text: &str) -> AttemptToken {
    AttemptToken::new(text)
}

fn assignment(text: &str, action: &str, inputs: Json) -> Assignment {
    Assignment {
        token: token(text),
        execution_id: ExecutionId::of_name("e"),
        step_id: "S1".to_owned(),
        path: "S1".to_owned(),
        attempt: 1,
        action: action.to_owned(),
        inputs,
        context: None,
        packages: None,
        connections: Vec::new(),
        timeout_ms: 20_000,
        idempotency_key: "e/S1".to_owned(),
        include_full_response: false,
        network: NetworkPolicy { allow_private: true, ..NetworkPolicy::default() },
        lease_term: 0,
    }
}

fn failure(outcome: Outcome) -> String {
    match outcome {
        Outcome::Failed { error } => format!("{}: {}", error.code, error.message),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_attempt_is_started_and_finished() {
    let mut server = Server::start(64).await;
    let (outcome, before) = server.outcome(assignment("t1", "test.puppet", json!({"a": 1}))).await;
    assert_eq!(outcome, Outcome::Succeeded { output: json!({"a": 1}), variables: Map::new() });
    assert_eq!(
        before,
        [ToServer::Started { token: token("t1"), at: Timestamp::from_millis(1_700_000_000_000) }]
    );
}

#[tokio::test]
async fn whatever_the_action_says_holds_no_secret() {
    let mut server = Server::start(64).await;
    let mut talk = assignment("t1", "test.puppet", json!({"do": "talk"}));
    talk.connections.push(server.grant("t1", "https://a.test"));
    server.assign(talk).await;
    let mut said = Vec::new();
    while !matches!(said.last(), Some(ToServer::Finished { .. })) {
        said.push(server.next().await);
    }
    let text = format!("{said:?}");
    assert!(!text.contains(SECRET), "{text}");
    let ToServer::Log { line, .. } = &said[1] else { panic!("{text}") };
    assert_eq!(line, "the token is ********");
    let ToServer::Finished { outcome, secret_uses, .. } = &said[2] else { panic!("{text}") };
    assert_eq!(
        *outcome,
        Outcome::Succeeded { output: json!({"********": ["********", "x********y"]}), variables: Map::new() }
    );
    assert_eq!((secret_uses.len(), secret_uses[0].host.as_str()), (1, "a.test"));

    let mut fail = assignment("t2", "test.puppet", json!({"do": "fail"}));
    fail.connections.push(server.grant("t2", "https://a.test"));
    let (outcome, _) = server.outcome(fail).await;
    let Outcome::Failed { error } = outcome else { panic!("{outcome:?}") };
    assert_eq!(error.message, "no ********");
    assert_eq!(error.data, json!({"body": "********"}));
    assert!(error.retryable);
}

#[tokio::test]
async fn a_real_request_is_made_with_the_granted_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = vec![0; 4096];
        let count = stream.read(&mut bytes).await.unwrap();
        let request = String::from_utf8_lossy(&bytes[..count]).into_owned();
        // An echo: the service gives the credential away.
        let head =
            format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", request.len());
        stream.write_all((head + &request).as_bytes()).await.unwrap();
    });
    let mut server = Server::start(64).await;
    let mut request = assignment("t1", "http.requestV2", json!({"url": "/who"}));
    request.connections.push(server.grant("t1", &format!("http://{address}")));
    server.assign(request).await;
    assert!(matches!(server.next().await, ToServer::Started { .. }));
    let finished = server.next().await;
    let ToServer::Finished { outcome: Outcome::Succeeded { output, .. }, secret_uses, .. } = finished else {
        panic!("{finished:?}")
    };
    let echo = output.as_str().unwrap();
    assert!(echo.starts_with("GET /who ") && echo.contains("authorization: Bearer ********"), "{echo}");
    assert_eq!(secret_uses[0].host, address.to_string());
    assert_eq!(secret_uses[0].connection_id, ConnectionId::of_name("c"));
}

#[tokio::test]
async fn the_assignment_s_network_policy_holds() {
    let mut server = Server::start(64).await;
    let mut request = assignment("t1", "http.requestV2", json!({"url": "http://127.0.0.1:1/"}));
    request.network = NetworkPolicy::default();
    let (outcome, _) = server.outcome(request).await;
    assert!(failure(outcome).starts_with("address_not_allowed: 127.0.0.1"));
    let mut request = assignment("t2", "http.requestV2", json!({"url": "http://127.0.0.1:1/"}));
    request.network =
        NetworkPolicy { allowed_networks: vec!["127.0.0.0/8".to_owned()], ..NetworkPolicy::default() };
    let (outcome, _) = server.outcome(request).await;
    assert!(failure(outcome).starts_with("connect_failed"));
    let mut request = assignment("t3", "http.requestV2", json!({"url": "http://127.0.0.1:1/"}));
    request.network.allowed_networks.push("all of it".to_owned());
    let (outcome, _) = server.outcome(request).await;
    let expected = "internal: `all of it` in the allowed networks is not a network such as `10.0.0.0/8`";
    assert_eq!(failure(outcome), expected);
}

#[tokio::test]
async fn a_grant_for_another_attempt_does_not_open() {
    let mut server = Server::start(64).await;
    let mut talk = assignment("t1", "test.puppet", json!({"do": "talk"}));
    talk.connections.push(server.grant("t0", "https://a.test"));
    let failed = failure(server.outcome(talk).await.0);
    assert!(failed.starts_with("connection_invalid: the grant of connection `"), "{failed}");
    let mut talk = assignment("t2", "test.puppet", json!({}));
    talk.connections.push(ConnectionGrant { type_name: "nobody_s".to_owned(), ..server.grant("t2", "") });
    let failed = failure(server.outcome(talk).await.0);
    assert_eq!(failed, "connection_invalid: this runner has no connection type `nobody_s`");
}

#[tokio::test]
async fn a_type_that_travels_with_the_grant_is_used() {
    let mut server = Server::start(64).await;
    let mut talk = assignment("t1", "test.puppet", json!({"do": "talk"}));
    let kind = actions::connection_types::Registry::builtin().get("http_bearer").unwrap();
    let mut definition = serde_json::to_value(kind.as_ref()).unwrap();
    definition["name"] = json!("ours");
    let grant = server.grant("t1", "https://a.test");
    talk.connections.push(ConnectionGrant {
        type_name: "ours".to_owned(),
        definition: Some(definition),
        ..grant
    });
    let (outcome, _) = server.outcome(talk).await;
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_panic_ends_the_attempt_and_not_the_runner() {
    let mut server = Server::start(64).await;
    let (outcome, _) = server.outcome(assignment("t1", "test.puppet", json!({"do": "panic"}))).await;
    let expected =
        "internal: action `test.puppet` panicked; this is a bug in it, the runner's log says where";
    assert_eq!(failure(outcome), expected);
    let (outcome, _) = server.outcome(assignment("t2", "test.puppet", json!({}))).await;
    assert!(matches!(outcome, Outcome::Succeeded { .. }));
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_fails_and_is_stopped() {
    let mut server = Server::start(64).await;
    let mut hang = assignment("t1", "test.puppet", json!({"do": "hang", "name": "aatttlfais"}));
    hang.timeout_ms = 50;
    let (outcome, _) = server.outcome(hang).await;
    assert_eq!(failure(outcome), "timeout: action `test.puppet` did not end within 0.05 s");
    stopped("aatttlfais").await;
}

/// Waits until that puppet hangs no more: a stopped task is dropped a moment later.
async fn stopped(name: &str) {
    for _ in 0..200 {
        if !HANGING.lock().unwrap().contains(&json!(name).to_string()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the action was not stopped");
}

#[tokio::test]
async fn a_cancelled_attempt_stops_at_once_running_or_waiting() {
    let mut server = Server::start(1).await;
    server.assign(assignment("t1", "test.puppet", json!({"do": "hang", "name": "acasaorow"}))).await;
    assert!(matches!(server.next().await, ToServer::Started { .. }));
    server.assign(assignment("t2", "test.puppet", json!({}))).await;
    for name in ["t2", "t1"] {
        server.say(ToRunner::Cancel { token: token(name) }).await;
        let expected =
            ToServer::Finished { token: token(name), outcome: Outcome::Cancelled, secret_uses: vec![] };
        assert_eq!(server.next().await, expected);
    }
    stopped("acasaorow").await;
    // Nothing to stop: nothing happens.
    server.say(ToRunner::Cancel { token: token("t1") }).await;
    assert!(matches!(
        server.outcome(assignment("t3", "test.puppet", json!({}))).await.0,
        Outcome::Succeeded { .. }
    ));
}

#[tokio::test]
async fn more_attempts_than_capacity_wait_their_turn() {
    let mut server = Server::start(2).await;
    for name in ["t1", "t2", "t3"] {
        server.assign(assignment(name, "test.puppet", json!({"do": "hang", "name": "matcwtt"}))).await;
    }
    for _ in 0..2 {
        assert!(matches!(server.next().await, ToServer::Started { .. }));
    }
    assert!(tokio::time::timeout(Duration::from_millis(50), server.link.from_runner.recv()).await.is_err());
    server.say(ToRunner::Cancel { token: token("t1") }).await;
    assert!(matches!(server.next().await, ToServer::Finished { .. }));
    assert!(
        matches!(server.next().await, ToServer::Started { token: started, .. } if started == token("t3"))
    );
}

#[tokio::test]
async fn nothing_is_begun_under_a_term_of_the_lease_that_has_ended() {
    let mut server = Server::start(2).await;
    let lease = Arc::clone(&server.link.lease);
    lease.began(lease.moment(), LEASE);
    let old = lease.term();
    lease.began(lease.moment(), LEASE);
    for (name, lease_term) in [("t1", old), ("t2", lease.term())] {
        server.assign(Assignment { lease_term, ..assignment(name, "test.puppet", json!({})) }).await;
    }
    let mut said = Vec::new();
    while said.len() < 3 {
        said.push(server.next().await);
    }
    let mut of = |name: &str| {
        let mine = |message: &ToServer| match message {
            ToServer::NotBegun { token } | ToServer::Started { token, .. } => token.as_str() == name,
            ToServer::Finished { token, .. } => token.as_str() == name,
            _ => false,
        };
        said.extract_if(.., |message| mine(message)).collect::<Vec<_>>()
    };
    assert_eq!(of("t1"), [ToServer::NotBegun { token: token("t1") }]);
    assert!(matches!(of("t2")[..], [ToServer::Started { .. }, ToServer::Finished { .. }]));
}

#[tokio::test]
async fn an_attempt_waits_for_a_lease_that_has_run_out_to_be_renewed() {
    let mut server = Server::start(2).await;
    let lease = Arc::clone(&server.link.lease);
    lease.began(lease.moment(), Duration::ZERO);
    let lease_term = lease.term();
    server.assign(Assignment { lease_term, ..assignment("t1", "test.puppet", json!({})) }).await;
    assert!(tokio::time::timeout(Duration::from_millis(100), server.link.from_runner.recv()).await.is_err());
    lease.renewed(lease.moment(), LEASE);
    assert!(matches!(server.next().await, ToServer::Started { .. }));
}

#[tokio::test]
async fn heartbeats_name_what_is_running() {
    let mut server = Server::start(64).await;
    server.say(ToRunner::Welcome { version: PROTOCOL_VERSION, heartbeat_ms: 10 }).await;
    assert_eq!(server.next().await, ToServer::Heartbeat { running: vec![], beat: 0 });
    server.assign(assignment("t1", "test.puppet", json!({"do": "hang", "name": "hnwir"}))).await;
    let running = ToServer::Heartbeat { running: vec![token("t1")], beat: 0 };
    while server.next().await != running {}
}

#[tokio::test]
async fn an_assignment_that_comes_twice_runs_once() {
    let mut server = Server::start(64).await;
    for _ in 0..2 {
        server.assign(assignment("t1", "test.puppet", json!({"do": "hang", "name": "aatctro"}))).await;
    }
    assert!(matches!(server.next().await, ToServer::Started { .. }));
    server.say(ToRunner::Cancel { token: token("t1") }).await;
    assert!(matches!(server.next().await, ToServer::Finished { .. }));
    assert!(tokio::time::timeout(Duration::from_millis(50), server.link.from_runner.recv()).await.is_err());
}

#[tokio::test]
async fn a_log_without_end_is_cut() {
    let mut server = Server::start(64).await;
    server.assign(assignment("t1", "test.puppet", json!({"do": "chatter"}))).await;
    let mut lines = Vec::new();
    loop {
        match server.next().await {
            ToServer::Log { line, .. } => lines.push(line),
            ToServer::Finished { outcome, .. } => {
                assert_eq!(outcome, Outcome::Succeeded { output: Json::Null, variables: Map::new() });
                break;
            }
            _ => {}
        }
    }
    assert!((2..=10_001).contains(&lines.len()), "{}", lines.len());
    let dropped = 20_000 - (lines.len() - 1);
    let expected = format!("({dropped} lines were dropped: more than 10000, or too many at once)");
    assert_eq!(lines.last(), Some(&expected));
}

#[tokio::test]
async fn an_unknown_action_is_told() {
    let mut server = Server::start(64).await;
    let (outcome, _) = server.outcome(assignment("t1", "acme.frobnicate", json!({}))).await;
    assert_eq!(failure(outcome), "unknown_action: this runner has no action `acme.frobnicate`");
    let (outcome, _) = server.outcome(assignment("t2", "test.puppet", json!([1]))).await;
    assert_eq!(failure(outcome), "invalid_input: the inputs are not a map");
}

#[tokio::test]
async fn the_runner_ends_with_its_link_and_with_a_foreign_version() {
    let mut server = Server::start(64).await;
    server.assign(assignment("t1", "test.puppet", json!({"do": "hang", "name": "trewilawafv"}))).await;
    assert!(matches!(server.next().await, ToServer::Started { .. }));
    let RunnerLink { to_runner, mut from_runner, .. } = server.link;
    drop(to_runner);
    assert_eq!(from_runner.recv().await, None);
    stopped("trewilawafv").await;

    let mut server = Server::start(64).await;
    server.say(ToRunner::Welcome { version: PROTOCOL_VERSION + 1, heartbeat_ms: 1000 }).await;
    assert_eq!(server.link.from_runner.recv().await, None);
}
