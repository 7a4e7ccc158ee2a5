//! Asked to stop in the middle of its work, the server finishes what is in flight, begins nothing new, and goes
//! on where it was at the next start.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::server::{Api, Server};
use super::tool::Tool;

/// Waits for the end of a run.
async fn ended(api: &Api, run: &str) -> Value {
    let began = Instant::now();
    loop {
        let full = api.get(&format!("/executions/{run}")).await;
        if !["Queued", "Running", "Pending"].contains(&full["state_ui"].as_str().unwrap()) {
            return full;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{full:#}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Starts a run of the workflow, stops the server once `called` was called, starts it again; the run must
/// complete with each of `steps` called once.
async fn stop_and_go_on(
    document: &str,
    delay: fn(&str) -> Duration,
    grace_ms: &str,
    called: &str,
    steps: &[&str],
) {
    let folder = tempfile::tempdir().unwrap();
    let tool = Tool::start(delay);
    let settings = [("NICTATE_SERVER_SHUTDOWN_GRACE_MS", grace_ms)];
    let server = Server::start(folder.path(), "", &settings);
    let workflow = server.api.publish(document).await;
    let inputs = json!({"input_values": {"tool": tool.url, "tag": "run"}});
    let answer = server.api.post(&format!("/playbooks/{workflow}/execute"), &inputs).await;
    let run = answer["execution_id"].as_str().unwrap().to_owned();
    tool.called(&format!("/run/{called}"), 1).await;
    assert!(server.stop().await.success());

    let server = Server::start(folder.path(), "", &settings);
    let full = ended(&server.api, &run).await;
    let said: Vec<String> = steps.iter().map(|step| format!("run/{step}")).collect();
    assert_eq!(
        (&full["state_ui"], &full["outputs"]["said"]),
        (&json!("Completed"), &json!(said)),
        "{full:#}"
    );
    for step in steps {
        assert_eq!(tool.count(&format!("/run/{step}")), 1, "{step}");
    }
    let log = server.api.get(&format!("/executions/{run}/steps")).await;
    let retried = |step: &&Value| step["execution_count"].as_u64().unwrap() > 1;
    assert_eq!(log["results"].as_array().unwrap().iter().find(retried), None);
    assert_eq!(server.errors(), "");
}

#[tokio::test]
async fn a_step_in_flight_is_let_finish() {
    let first_is_slow = |path: &str| Duration::from_millis(if path.ends_with("S1") { 700 } else { 0 });
    let document = include_str!("workflows/gets.yaml");
    stop_and_go_on(document, first_is_slow, "10000", "S1", &["S1", "S2", "S3"]).await;
}

#[tokio::test]
async fn a_chain_of_effects_that_is_longer_than_the_grace_leaves_none_in_doubt() {
    let all_are_slow = |_: &str| Duration::from_millis(400);
    let steps = ["S3-1", "S3-2", "S3-3", "S3-4", "S3-5"];
    stop_and_go_on(include_str!("workflows/posts.yaml"), all_are_slow, "1000", "S3-1", &steps).await;
}

#[tokio::test]
async fn a_wait_does_not_hold_the_stop_up() {
    let folder = tempfile::tempdir().unwrap();
    let tool = Tool::start(|_| Duration::ZERO);
    let server = Server::start(folder.path(), "", &[]);
    let workflow = server.api.publish(include_str!("workflows/sleep.yaml")).await;
    let inputs = json!({"input_values": {"tool": tool.url, "tag": "run"}});
    let answer = server.api.post(&format!("/playbooks/{workflow}/execute"), &inputs).await;
    let run = answer["execution_id"].as_str().unwrap().to_owned();
    let asked = Instant::now();
    assert!(server.stop().await.success());
    assert!(asked.elapsed() < Duration::from_millis(900), "{:?}", asked.elapsed());
    assert!(tool.calls().is_empty());
    let server = Server::start(folder.path(), "", &[]);
    assert_eq!(ended(&server.api, &run).await["outputs"], json!({"said": ["run/S2"]}));
}
