//! What people decide about runs: pause and resume, steps that only they can decide on, completion. On the server
//! that drives the run, on another one, and over crashes in between.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::executions::workflow;
use crate::support::{KEY, NOBODY, Nictate, Reply, Running, WORKSPACE, on_both, start, text, until};

/// How long a server is believed to live after its last sign of life, and a bit.
const LEASE: Duration = Duration::from_secs(11);

/// Calls the tool at the gate, then somewhere else.
fn calls_twice(url: &str) -> String {
    let steps = format!(
        "- id: S1\n  action: http.requestV2\n  inputs: {{method: POST, url: {url}/gate}}\n\
         - id: S2\n  action: http.requestV2\n  inputs: {{method: POST, url: {url}/second, body: as written}}"
    );
    workflow(&steps, "{{ steps.S2.output.ok }}")
}

async fn crash_and_start(nictate: &mut Nictate) {
    nictate.crash().await;
    nictate.clock.put_forward(LEASE);
    nictate.start_again().await;
}

async fn decide(nictate: &Nictate, run: &str, what: &str, body: Value) -> Reply {
    nictate.post(&format!("/executions/{run}/{what}"), body).await
}

async fn steps_of(nictate: &Nictate, run: &str) -> Vec<Value> {
    nictate.get(&format!("/executions/{run}/steps")).await.results()
}

/// A run of that document whose first request has arrived at the tool.
async fn run_at(nictate: &Nictate, document: &str, path: &str) -> String {
    let id = nictate.publish("decided", document).await;
    let seen = nictate.tool.seen_at(path).len();
    let run = nictate.execute(&id, json!({})).await;
    until("the tool is asked", async || (nictate.tool.seen_at(path).len() > seen).then_some(())).await;
    run
}

/// A run whose first step is in doubt.
async fn run_in_doubt(nictate: &mut Nictate) -> String {
    let url = nictate.tool.url().to_owned();
    let document = calls_twice(&url).replace("/gate", "/hang-once");
    let run = run_at(nictate, &document, "/hang-once").await;
    crash_and_start(nictate).await;
    nictate.execution_in(&run, "Paused").await;
    run
}

#[tokio::test]
async fn a_paused_run_lets_its_request_end_and_goes_on_when_it_is_told_to() {
    on_both(async |nictate| {
        let run = run_at(nictate, &calls_twice(nictate.tool.url()), "/gate").await;
        let paused = decide(nictate, &run, "pause", json!({"reason": "lunch"})).await.ok();
        assert_eq!((&paused["state"], &paused["state_ui"]), (&json!("Paused"), &json!("Paused")));
        let twice = decide(nictate, &run, "pause", json!({})).await.error(400, "execution_not_running");
        assert!(text(&twice, "message").ends_with("the run is paused already"), "{twice}");
        nictate.tool.let_through(1);
        until("the first step has ended", async || {
            (steps_of(nictate, &run).await[0]["state"] == "OK").then_some(())
        })
        .await;
        // Neither now nor after a crash does the next one begin.
        crash_and_start(nictate).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let waiting = nictate.get(&format!("/executions/{run}")).await.ok();
        assert_eq!((&waiting["state"], &waiting["step_results"]), (&json!("Paused"), &json!({"S1": 1})));

        let resumed = decide(nictate, &run, "resume", json!({"inputs": {"body": "replaced"}})).await.ok();
        assert_ne!(resumed["state"], "Paused");
        nictate.execution_in(&run, "Completed").await;
        assert_eq!(nictate.tool.seen_at("/second")[0].body, "replaced");
        for (action, count) in [("execution.paused", 1), ("execution.resumed", 1)] {
            let entries = nictate.audited(action).await;
            assert_eq!(entries.len(), count, "{action}");
            assert_eq!(entries[0].entity_id, run);
        }
        let names: Vec<String> = events_of(nictate, &run).await;
        assert!(names.contains(&"pause_requested".to_owned()) && names.contains(&"resumed".to_owned()));
        decide(nictate, &run, "resume", json!({})).await.error(400, "execution_not_running");
    })
    .await;
}

async fn events_of(nictate: &Nictate, run: &str) -> Vec<String> {
    let text = nictate.get(&format!("/executions/{run}/events")).await.text;
    text.lines().filter_map(|line| line.strip_prefix("event: ")).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_step_in_doubt_is_resolved_by_hand() {
    on_both(async |nictate| {
        let run = run_in_doubt(nictate).await;
        let doubt = decide(nictate, &run, "resume", json!({})).await.error(400, "execution_in_doubt");
        assert_eq!(doubt["data"]["steps"], json!(["S1"]));
        let body = json!({"decision": "done", "step": "S2"});
        decide(nictate, &run, "resolve", body).await.error(400, "step_invalid");
        decide(nictate, &run, "resolve", json!({"decision": "perhaps"})).await.error(400, "body_invalid");
        decide(nictate, &run, "resolve", json!({})).await.error(400, "body_invalid");
        let body = json!({"decision": "done", "step": "S1", "output": {"ok": "by hand"}});
        decide(nictate, &run, "resolve", body).await.ok();
        nictate.execution_in(&run, "Completed").await;
        let steps = steps_of(nictate, &run).await;
        assert_eq!((&steps[0]["state"], &steps[0]["output_data"]), (&json!("OK"), &json!({"ok": "by hand"})));
        assert_eq!(nictate.tool.seen_at("/hang-once").len(), 1, "it is not repeated");
        assert_eq!(nictate.audited("execution.resolved").await.len(), 1);

        let run = run_in_doubt_again(nictate).await;
        decide(nictate, &run, "resolve", json!({"decision": "retry"})).await.ok();
        nictate.execution_in(&run, "Completed").await;
        let [first, _] = steps_of(nictate, &run).await.try_into().unwrap();
        assert_eq!((&first["state"], &first["execution_count"]), (&json!("OK"), &json!(2)));

        let run = run_in_doubt_again(nictate).await;
        decide(nictate, &run, "resolve", json!({"decision": "failed", "message": "it says no"})).await.ok();
        let failed = nictate.execution_in(&run, "Failed").await;
        let details = json!({"error_code": "resolved_as_failed", "message": "it says no"});
        assert_eq!(failed["error_details"], details);
    })
    .await;
}

/// The same once more, at an address of the tool that has not been asked yet.
async fn run_in_doubt_again(nictate: &mut Nictate) -> String {
    let query = format!("/hang-once?{}", nictate.tool.seen_at("/hang-once").len());
    let document = calls_twice(nictate.tool.url()).replace("/gate", &query);
    let id = text(&nictate.get("/playbooks").await.results()[0], "id");
    let body = json!({"playbook": document, "active": true});
    nictate.put(&format!("/playbooks/{id}"), body).await.ok();
    let run = nictate.execute(&id, json!({})).await;
    until("the tool is asked", async || (!nictate.tool.seen_at(&query).is_empty()).then_some(())).await;
    crash_and_start(nictate).await;
    nictate.execution_in(&run, "Paused").await;
    run
}

#[tokio::test]
async fn a_run_pauses_where_its_attempts_are_used_up_if_the_step_says_so() {
    on_both(async |nictate| {
        let url = nictate.tool.url();
        let steps = format!(
            "- id: S1\n  action: http.requestV2\n  inputs: {{url: {url}/status/503, idempotency_key_header: X-Key}}\n  \
             retry: {{attempts: 2, initial_backoff: 0, on_exhausted: pause}}"
        );
        let id = nictate.publish("tries", &workflow(&steps, "{{ steps.S1.output.ok }}")).await;
        let run = nictate.execute(&id, json!({})).await;
        let paused = nictate.execution_in(&run, "Paused").await;
        assert_eq!((&paused["step_results"], nictate.tool.seen().len()), (&json!({"S1": 2}), 2));
        crash_and_start(nictate).await;
        decide(nictate, &run, "resume", json!({})).await.ok();
        nictate.execution_in(&run, "Paused").await;
        assert_eq!(nictate.tool.seen().len(), 4);
        let inputs = json!({"step": "S1", "inputs": {"url": format!("{}/fine", nictate.tool.url())}});
        decide(nictate, &run, "resume", inputs).await.ok();
        let run_ended = nictate.execution_in(&run, "Completed").await;
        assert_eq!(run_ended["outputs"], json!({"out": true}));
        // With other inputs it is another request, to the tool as well.
        let keys: Vec<String> = nictate.tool.seen().iter().map(|seen| seen.header("x-key").to_owned()).collect();
        assert!(keys[..4].iter().all(|key| *key == format!("{run}/S1")), "{keys:?}");
        assert_eq!(keys[4], format!("{run}/S1#1"));
        let steps = steps_of(nictate, &run).await;
        let states: Vec<&Value> = steps.iter().map(|step| &step["state"]).collect();
        assert_eq!(states, ["Failed", "Failed", "Failed", "Failed", "OK"]);
        assert!(steps[..4].iter().all(|step| step["error_data"]["code"] == "http_status"));
    })
    .await;
}

#[tokio::test]
async fn a_run_is_completed_by_hand() {
    on_both(async |nictate| {
        let run = run_at(nictate, &calls_twice(nictate.tool.url()), "/gate").await;
        let path = format!("/executions/{run}/complete");
        let completed = nictate.post_nothing(&path).await.ok();
        assert_eq!(
            (&completed["state"], &completed["step_results"]),
            (&json!("Completed"), &json!({"S1": 4}))
        );
        let refused = nictate.post_nothing(&path).await.error(400, "execution_not_running");
        assert_eq!(refused["message"], "Cannot complete execution, it is not in a running state");
        assert_eq!(refused["data"]["state"], "Completed");
        assert_eq!(nictate.audited("execution.completed").await.len(), 1);
        nictate
            .post_nothing(&format!("/executions/{NOBODY}/complete"))
            .await
            .error(404, "execution_not_found");
    })
    .await;
}

/// Another server of the same database.
struct Second {
    running: Running,
    _folder: tempfile::TempDir,
}

impl Second {
    async fn start(nictate: &Nictate) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = nictate.config.clone();
        config.server.data = folder.path().to_owned();
        config.secrets.key_file = nictate.config.key_file();
        Self { running: start(&config, &nictate.clock).await.unwrap(), _folder: folder }
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        let address = format!("{}/api/v1/workspace/{WORKSPACE}{path}", self.running.url());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Reply::of(client.request(Method::POST, address).header("BLINK-API-KEY", KEY).json(&body)).await
    }
}

#[tokio::test]
async fn a_decision_can_be_told_to_another_server() {
    on_both(async |nictate| {
        if nictate.is_sqlite() {
            return;
        }
        let second = Second::start(nictate).await;
        let steps = "- id: S1\n  action: internal.Sleep\n  inputs: {duration: 1h}\n\
                     - id: S2\n  action: internal.print\n  inputs: {text: x}";
        let id = nictate.publish("sleeps", &workflow(steps, "{{ steps.S2.output }}")).await;
        let run = nictate.execute(&id, json!({})).await;
        nictate.execution_in(&run, "Pending").await;
        let refused = second.post(&format!("/executions/{run}/resume"), json!({})).await;
        refused.error(400, "execution_not_paused");
        for (what, state) in [("pause", "Paused"), ("resume", "Pending"), ("complete", "Completed")] {
            let reply = second.post(&format!("/executions/{run}/{what}"), json!({})).await;
            assert_eq!(reply.ok()["state"], state, "{what}");
            assert_eq!(nictate.get(&format!("/executions/{run}")).await.ok()["state"], state, "{what}");
        }
        second.running.stop().await;
    })
    .await;
}
