//! The link of a runner, spoken to as a runner does it: an earlier version, one of another workspace, one that talks
//! nonsense; and that secrets travel sealed.

use futures_util::{SinkExt as _, StreamExt as _};
use secrets::session::{Offer, SessionKey};
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use types::{Clock as _, ConnectionId, Role as MemberRole, SystemRng};

use crate::support::{Nictate, PATIENCE, Reply, on_both, on_both_with, text, until};

/// A runner that the test plays word for word.
struct Played {
    socket: WebSocketStream<reqwest::Upgraded>,
    session: SessionKey,
}

fn request(nictate: &Nictate, token: &str, key: Option<&str>) -> reqwest::RequestBuilder {
    let request = reqwest::Client::builder().no_proxy().http1_only().build().unwrap();
    let request = request.get(format!("{}/api/v1/runner_link", nictate.url)).bearer_auth(token);
    let request = request.header("connection", "upgrade").header("upgrade", "websocket");
    let request =
        request.header("sec-websocket-version", "13").header("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==");
    match key {
        Some(key) => request.header("nictate-runner-key", key),
        None => request,
    }
}

impl Played {
    async fn connect(nictate: &Nictate, token: &str) -> Self {
        let offer = Offer::new(&mut SystemRng).unwrap();
        let answer = request(nictate, token, Some(&offer.public())).send().await.unwrap();
        assert_eq!(answer.status(), 101);
        let theirs = answer.headers()["nictate-server-key"].to_str().unwrap().to_owned();
        let upgraded = answer.upgrade().await.unwrap();
        let socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
        Self { socket, session: offer.agree(&theirs).unwrap() }
    }

    async fn say(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message, or why the link was closed.
    async fn hear(&mut self) -> Result<Value, String> {
        loop {
            match tokio::time::timeout(PATIENCE, self.socket.next()).await.unwrap() {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(text.as_str()).unwrap()),
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map(|f| f.reason.to_string()).unwrap_or_default());
                }
                Some(Ok(_)) => {}
                other => return Err(format!("{other:?}")),
            }
        }
    }

    /// The next assignment.
    async fn assigned(&mut self) -> Value {
        loop {
            let message = self.hear().await.unwrap();
            if message["type"] == "assign" {
                return message["assignment"].clone();
            }
        }
    }
}

async fn group(nictate: &Nictate, name: &str) -> String {
    text(&nictate.post("/runner_groups", json!({"name": name})).await.ok(), "runner_group_api_key")
}

fn document(connection: &str) -> String {
    format!(
        "name: far\nrunner: dmz\nworkflow:\n  - section: Steps\n    steps:\n      - id: S1\n        action: http.requestV2\n        \
         {connection}inputs: {{method: POST, url: 'http://far.example/'}}\noutputs:\n  got: {{value: '{{{{ steps.S1.output }}}}'}}\n"
    )
}

#[tokio::test]
async fn a_runner_of_version_2_is_spoken_to_in_version_2() {
    on_both(async |nictate| {
        let token = group(nictate, "dmz").await;
        let workflow = nictate.publish("far", &document("")).await;
        let mut runner = Played::connect(nictate, &token).await;
        runner.say(json!({"type": "hello", "version": 2, "labels": ["default"], "capacity": 1})).await;
        let welcome = runner.hear().await.unwrap();
        assert_eq!((&welcome["type"], &welcome["version"]), (&json!("welcome"), &json!(2)));
        let run = nictate.execute(&workflow, json!({})).await;
        let assignment = runner.assigned().await;
        assert_eq!((&assignment["step_id"], &assignment["lease_term"]), (&json!("S1"), &json!(0)));
        let attempt = assignment["token"].clone();
        runner.say(json!({"type": "started", "token": attempt, "at": 1})).await;
        runner.say(json!({"type": "heartbeat", "running": [attempt]})).await;
        let outcome = json!({"status": "succeeded", "output": {"said": "by an old one"}});
        runner
            .say(json!({"type": "finished", "token": attempt, "outcome": outcome, "secret_uses": []}))
            .await;
        nictate.execution_in(&run, "Completed").await;
        // What version 2 does not know it is not told: the next word is the next assignment.
        nictate.execute(&workflow, json!({})).await;
        assert_eq!(runner.hear().await.unwrap()["type"], "assign");
    })
    .await;
}

#[tokio::test]
async fn secrets_travel_sealed_for_this_connection_and_this_attempt() {
    on_both(async |nictate| {
        let token = group(nictate, "dmz").await;
        let made = nictate.connect("edge", "zq7-for-the-runner-alone").await;
        let workflow = nictate.publish("far", &document("connections: {http_bearer: edge}\n        ")).await;
        let mut runner = Played::connect(nictate, &token).await;
        let who = json!({"id": types::RunnerId::of_name("r"), "name": "played", "software": "0"});
        runner.say(json!({"type": "hello", "version": 99, "labels": [], "capacity": 1, "runner": who})).await;
        assert_eq!(runner.hear().await.unwrap()["version"], protocol::PROTOCOL_VERSION);
        let run = nictate.execute(&workflow, json!({})).await;
        let assignment = runner.assigned().await;
        assert!(!assignment.to_string().contains("zq7"), "{assignment}");
        let attempt = text(&assignment, "token");
        let sealed = text(&assignment["connections"][0], "sealed_attributes");
        let id: ConnectionId = text(&made, "id").parse().unwrap();
        let opened = runner.session.open(&attempt, id, &sealed).unwrap();
        assert_eq!(opened["token"].expose(), "zq7-for-the-runner-alone");
        assert!(SessionKey::generate(&mut SystemRng).open(&attempt, id, &sealed).is_err());
        // A report that comes twice counts once, and both are acknowledged.
        for _ in 0..2 {
            let outcome = json!({"status": "succeeded", "output": 7});
            runner
                .say(json!({"type": "finished", "token": attempt, "outcome": outcome, "secret_uses": []}))
                .await;
            assert_eq!(runner.hear().await.unwrap(), json!({"type": "received", "tokens": [attempt]}));
        }
        nictate.execution_in(&run, "Completed").await;
    })
    .await;
}

#[tokio::test]
async fn a_runner_gets_no_work_of_another_workspace_or_group() {
    on_both(async |nictate| {
        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "red").await;
        nictate.add_member("rita", red, MemberRole::Owner).await;
        let make = format!("/api/v1/workspace/{red}/runner_groups");
        let made =
            nictate.request_as(Some("rita"), reqwest::Method::POST, &make).json(&json!({"name": "dmz"}));
        let foreign = text(&Reply::of(made).await.ok(), "runner_group_api_key");
        let (own, other) = (group(nictate, "dmz").await, group(nictate, "other").await);
        let hello = json!({"type": "hello", "version": 3, "labels": [], "capacity": 8});
        let mut bystanders = Vec::new();
        for token in [&foreign, &other] {
            let mut runner = Played::connect(nictate, token).await;
            runner.say(hello.clone()).await;
            assert_eq!(runner.hear().await.unwrap()["type"], "welcome");
            bystanders.push(runner);
        }
        let workflow = nictate.publish("far", &document("")).await;
        let run = nictate.execute(&workflow, json!({})).await;
        let mut runner = Played::connect(nictate, &own).await;
        runner.say(hello.clone()).await;
        let attempt = runner.assigned().await["token"].clone();
        // Whoever has not got the attempt cannot report on it.
        for bystander in &mut bystanders {
            let outcome = json!({"status": "succeeded", "output": "stolen"});
            bystander
                .say(json!({"type": "finished", "token": attempt, "outcome": outcome, "secret_uses": []}))
                .await;
            // The acknowledgement is the first it hears since its welcome: no work has come.
            assert_eq!(bystander.hear().await.unwrap()["type"], "received");
        }
        let outcome = json!({"status": "succeeded", "output": "own"});
        runner
            .say(json!({"type": "finished", "token": attempt, "outcome": outcome, "secret_uses": []}))
            .await;
        nictate.execution_in(&run, "Completed").await;
        let outputs = nictate.get(&format!("/executions/{run}/outputs")).await.ok();
        assert!(outputs.to_string().contains("own") && !outputs.to_string().contains("stolen"), "{outputs}");
    })
    .await;
}

/// A runner's row after one has come that says so of itself, and of where it comes from.
async fn row_of(nictate: &Nictate, name: &str, forwarded_for: &str) -> Value {
    let token = group(nictate, name).await;
    let offer = Offer::new(&mut SystemRng).unwrap();
    let request = request(nictate, &token, Some(&offer.public())).header("x-forwarded-for", forwarded_for);
    let answer = request.send().await.unwrap();
    let socket = WebSocketStream::from_raw_socket(answer.upgrade().await.unwrap(), Role::Client, None).await;
    let mut runner = Played { socket, session: SessionKey::generate(&mut SystemRng) };
    let who = json!({"id": types::RunnerId::of_name(name), "name": name, "software": "7.8.9"});
    let labels = json!(["edge", "arm"]);
    runner.say(json!({"type": "hello", "version": 3, "labels": labels, "capacity": 5, "runner": who})).await;
    assert_eq!(runner.hear().await.unwrap()["type"], "welcome");
    let rows = nictate.list("/runners", &json!({"filter": {"name": {"$eq": name}}})).await.ok();
    rows["results"][0].clone()
}

#[tokio::test]
async fn a_runner_is_shown_as_it_says_and_with_the_address_that_it_comes_from() {
    on_both(async |nictate| {
        let before = nictate.clock.now().as_millis();
        let row = row_of(nictate, "dmz", "203.0.113.9").await;
        let shown = ["name", "group_name", "status", "version", "labels", "capacity", "ip_address"];
        let shown: Vec<&Value> = shown.iter().map(|member| &row[member]).collect();
        let labels = json!(["edge", "arm"]);
        let expected = json!(["dmz", "dmz", "Connected", "7.8.9", labels, 5, "127.0.0.1"]);
        assert_eq!(json!(shown), expected);
        for member in ["created_at", "started_at", "last_seen"] {
            assert!(row[member].as_i64().unwrap() >= before, "{row}");
        }
    })
    .await;
    let behind = |config: &mut server::config::Config| {
        config.server.trusted_proxies = vec!["127.0.0.0/8".to_owned()];
    };
    on_both_with(behind, async |nictate| {
        let row = row_of(nictate, "dmz", "198.51.100.1, 203.0.113.9").await;
        assert_eq!(row["ip_address"], "203.0.113.9");
    })
    .await;
}

#[tokio::test]
async fn a_step_is_pending_until_a_runner_has_begun_it() {
    on_both(async |nictate| {
        let token = group(nictate, "dmz").await;
        let workflow = nictate.publish("far", &document("")).await;
        let run = nictate.execute(&workflow, json!({})).await;
        let state = async |expected: &str| {
            until(&format!("the step is {expected}"), async || {
                let steps = nictate.get(&format!("/executions/{run}/steps")).await.ok();
                (steps["results"][0]["state"] == expected).then_some(())
            })
            .await;
        };
        state("Pending").await;
        let mut runner = Played::connect(nictate, &token).await;
        runner.say(json!({"type": "hello", "version": 3, "labels": [], "capacity": 1})).await;
        let attempt = runner.assigned().await["token"].clone();
        state("Pending").await;
        runner.say(json!({"type": "started", "token": attempt, "at": 1})).await;
        state("Running").await;
        // It gives the step back: another attempt waits.
        runner.say(json!({"type": "not_begun", "token": attempt})).await;
        let attempt = runner.assigned().await["token"].clone();
        state("Pending").await;
        let full = nictate.get(&format!("/executions/{run}")).await.ok();
        assert_eq!((&full["state"], &full["step_results"]), (&json!("Running"), &json!({"S1": 0})));
        let outcome = json!({"status": "succeeded", "output": 7});
        runner
            .say(json!({"type": "finished", "token": attempt, "outcome": outcome, "secret_uses": []}))
            .await;
        state("OK").await;
    })
    .await;
}

#[tokio::test]
async fn the_step_decides_before_its_connection_before_the_workflow_before_the_default() {
    on_both(async |nictate| {
        let hello = json!({"type": "hello", "version": 3, "labels": vec!["x".repeat(255); 64], "capacity": 4096});
        let mut runners = Vec::new();
        for name in ["of step", "of connection", "of workflow", "of all"] {
            let mut runner = Played::connect(nictate, &group(nictate, name).await).await;
            runner.say(hello.clone()).await;
            assert_eq!(runner.hear().await.unwrap()["type"], "welcome");
            runners.push(runner);
        }
        nictate.post_nothing("/runner_groups/default?name=of%20all").await.ok();
        let edge = text(&nictate.connect("edge", "t").await, "id");
        nictate.post(&format!("/connections/{edge}"), json!({"runner_group": "of connection"})).await.ok();
        nictate.connect("plain", "t").await;
        // Each names one group less than the one before.
        let documents = [
            ("of workflow", "edge", "of step"),
            ("of workflow", "edge", "''"),
            ("of workflow", "plain", "''"),
            ("''", "plain", "''"),
        ];
        for (number, ((of_workflow, connection, of_step), runner)) in
            documents.into_iter().zip(&mut runners).enumerate()
        {
            let name = format!("far{number}");
            let more = format!(
                "custom_runner_group_name: {of_step}\n        connections: {{http_bearer: {connection}}}\n        "
            );
            let document = document(&more).replace("name: far", &format!("name: {name}"));
            let document = document.replace("runner: dmz", &format!("runner: {of_workflow}"));
            let workflow = nictate.publish(&name, &document).await;
            let run = nictate.execute(&workflow, json!({})).await;
            let assignment = runner.assigned().await;
            assert_eq!(text(&assignment, "execution_id"), run, "{document}");
            let (token, outcome) = (&assignment["token"], json!({"status": "succeeded", "output": 7}));
            runner
                .say(json!({"type": "finished", "token": token, "outcome": outcome, "secret_uses": []}))
                .await;
            nictate.execution_in(&run, "Completed").await;
        }
    })
    .await;
}

#[tokio::test]
async fn nonsense_is_refused_by_name() {
    on_both(async |nictate| {
        let token = group(nictate, "dmz").await;
        for key in [None, Some(""), Some("AAAA")] {
            Reply::of(request(nictate, &token, key)).await.error(400, "runner_link_invalid");
        }
        let plain = reqwest::Client::builder().no_proxy().build().unwrap();
        let plain = plain.get(format!("{}/api/v1/runner_link", nictate.url));
        Reply::of(plain.try_clone().unwrap()).await.error(401, "unauthenticated");
        let key = Offer::new(&mut SystemRng).unwrap().public();
        let plain = plain.bearer_auth(&token).header("nictate-runner-key", key);
        Reply::of(plain).await.error(400, "runner_link_invalid");
        let long = "x".repeat(256);
        let nameless = json!({"id": types::RunnerId::of_name("r"), "name": long, "software": "0"});
        for (message, why) in [
            (json!({"type": "draining"}), "must be `hello`"),
            (json!({"no": "message"}), "cannot be read"),
            (json!({"type": "hello", "version": 1, "labels": [], "capacity": 1}), "speaks version 1"),
            (
                json!({"type": "hello", "version": 3, "labels": [], "capacity": 0}),
                "capacity is 1 to 4096, not 0",
            ),
            (json!({"type": "hello", "version": 3, "labels": [], "capacity": 4097}), "not 4097"),
            (
                json!({"type": "hello", "version": 3, "labels": [long], "capacity": 1}),
                "at most 255 characters",
            ),
            (
                json!({"type": "hello", "version": 3, "labels": vec!["x"; 65], "capacity": 1}),
                "at most 64 labels",
            ),
            (
                json!({"type": "hello", "version": 3, "labels": [], "capacity": 1, "runner": nameless}),
                "at most 255 characters",
            ),
        ] {
            let mut runner = Played::connect(nictate, &token).await;
            runner.say(message).await;
            let closed = runner.hear().await.unwrap_err();
            assert!(closed.contains(why), "{closed}");
        }
        assert_eq!(nictate.get("/runners").await.ok()["total"], 0);
    })
    .await;
}
