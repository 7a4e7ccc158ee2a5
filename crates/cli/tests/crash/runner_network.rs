//! Remote runners behind a network that fails: it swallows everything for a while, short or long, while steps run;
//! another runner takes over meanwhile; one runner works for two servers. Nothing is lost, nothing is done twice.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::remote::{Remote, SETTINGS, connected, execute, in_state, make_group, one_step, way_to};
use super::server::{Api, Server};
use super::tool::{Tool, some_take_longer};

/// Runs of the tests under load.
const RUNS: usize = 60;
/// Longer than three heartbeats of [`SETTINGS`].
const TOO_LONG: Duration = Duration::from_millis(1_500);

/// A run with a step that may be repeated, else one with a step that may not: id, and the address that it calls.
async fn start_all(api: &Api, tool: &Tool) -> Vec<(String, String)> {
    let workflows =
        [api.publish(&one_step("get", "GET")).await, api.publish(&one_step("post", "POST")).await];
    let mut runs = Vec::new();
    for number in 0..RUNS {
        let (workflow, name) = (&workflows[number % 2], ["get", "post"][number % 2]);
        let run = execute(api, workflow, &tool.url, &format!("r{number}")).await;
        runs.push((run, format!("/r{number}/{name}")));
    }
    runs
}

#[tokio::test]
async fn a_network_that_swallows_everything_for_a_moment_loses_and_doubles_nothing() {
    let (folder, tool) = (tempfile::tempdir().unwrap(), Tool::start(some_take_longer));
    // Each silence is shorter than three heartbeats.
    let server = Server::start(folder.path(), "", &[("NICTATE_SERVER_RUNNER_HEARTBEAT_MS", "2000")]);
    let (_, token) = make_group(&server.api, "dmz").await;
    let (proxy, url) = way_to(&server.api);
    let _runner = Remote::start(folder.path(), &url, &token, &["--capacity", "4"]);
    connected(&server.api, 1).await;
    let runs = start_all(&server.api, &tool).await;
    for _ in 0..3 {
        proxy.hold();
        sleep(Duration::from_millis(700)).await;
        proxy.release();
        sleep(Duration::from_millis(100)).await;
    }
    for (run, path) in &runs {
        let full = in_state(&server.api, run, &["Completed", "Paused", "Failed"]).await;
        assert_eq!(full["state"], "Completed", "{full:#}");
        assert_eq!(full["outputs"]["said"], path.trim_start_matches('/'));
    }
    assert_eq!((tool.calls().len(), tool.called_again()), (RUNS, Vec::new()));
    assert_eq!(server.errors(), "");
}

#[tokio::test]
async fn a_network_that_is_gone_for_too_long_repeats_what_may_be_and_doubles_nothing_else() {
    let (folder, tool) = (tempfile::tempdir().unwrap(), Tool::start(some_take_longer));
    let server = Server::start(folder.path(), "", SETTINGS);
    let (_, token) = make_group(&server.api, "dmz").await;
    let (proxy, url) = way_to(&server.api);
    let runner = Remote::start(folder.path(), &url, &token, &["--capacity", "4"]);
    connected(&server.api, 1).await;
    let runs = start_all(&server.api, &tool).await;
    tool.called("/r0/get", 1).await;
    proxy.hold();
    // Until the server has given up what the runner had, and the runner what it had not begun.
    connected(&server.api, 0).await;
    sleep(TOO_LONG).await;
    let before = tool.calls().len();
    sleep(TOO_LONG).await;
    assert_eq!(tool.calls().len(), before, "something began behind the server's back");
    proxy.release();
    let mut in_doubt = 0;
    for (run, path) in &runs {
        let full = in_state(&server.api, run, &["Completed", "Paused", "Failed"]).await;
        match full["state"].as_str().unwrap() {
            "Completed" if path.ends_with("get") => assert!((1..=2).contains(&tool.count(path)), "{path}"),
            "Completed" => assert_eq!(tool.count(path), 1, "{path}"),
            "Paused" => {
                assert!(path.ends_with("post") && tool.count(path) <= 1, "{path}");
                in_doubt += 1;
                let body = json!({"step": "S1", "decision": "done", "output": {"said": "by hand"}});
                server.api.post(&format!("/executions/{run}/resolve"), &body).await;
                let full = in_state(&server.api, run, &["Completed"]).await;
                assert_eq!(full["outputs"]["said"], "by hand");
            }
            _ => panic!("{full:#}"),
        }
    }
    assert!(in_doubt <= 4, "{in_doubt} in doubt, more than the runner had");
    assert!(runner.said().contains("the connection was cut"), "{}", runner.said());
    assert_eq!(server.errors(), "");
}

/// The second call comes from the runner that has taken over.
fn the_second_call_takes_longer(_: &str) -> Duration {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let is_first = CALLS.fetch_add(1, Ordering::Relaxed) == 0;
    Duration::from_millis(if is_first { 1_500 } else { 8_000 })
}

#[tokio::test]
async fn a_late_report_on_what_another_runner_has_by_now_changes_nothing() {
    let (folder, tool) = (tempfile::tempdir().unwrap(), Tool::start(the_second_call_takes_longer));
    let server = Server::start(folder.path(), "", SETTINGS);
    let (_, token) = make_group(&server.api, "dmz").await;
    let (proxy, url) = way_to(&server.api);
    let _stale = Remote::start(folder.path(), &url, &token, &["--name", "stale"]);
    connected(&server.api, 1).await;
    let workflow = server.api.publish(&one_step("get", "GET")).await;
    let run = execute(&server.api, &workflow, &tool.url, "a").await;
    tool.called("/a/get", 1).await;
    let began = Instant::now();
    proxy.hold();
    let _fresh = Remote::start(folder.path(), &server.api.url, &token, &["--name", "fresh"]);
    tool.called("/a/get", 2).await;
    sleep(Duration::from_secs(2).saturating_sub(began.elapsed())).await;
    // It has its answer by now, and says so as soon as it can.
    proxy.release();
    connected(&server.api, 2).await;
    sleep(TOO_LONG).await;
    assert_eq!(server.api.get(&format!("/executions/{run}")).await["state"], "Running");
    let full = in_state(&server.api, &run, &["Completed", "Paused", "Failed"]).await;
    assert_eq!((&full["state"], tool.count("/a/get")), (&json!("Completed"), 2), "{full:#}");
    let steps = server.api.get(&format!("/executions/{run}/steps")).await;
    assert_eq!((&steps["total"], &steps["results"][0]["execution_count"]), (&json!(1), &json!(2)));
    assert_eq!(server.errors(), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_runner_works_for_two_servers_and_goes_on_when_one_of_them_dies() {
    let databases = store::testing::databases().await;
    let [_, database] = databases.urls();
    let (folder, tool) = (tempfile::tempdir().unwrap(), Tool::start(some_take_longer));
    let settings = [SETTINGS[0], ("NICTATE_SERVER_LEASE_MS", "1500")];
    let mut servers = [(); 2].map(|()| Server::start(folder.path(), database, &settings));
    let (_, token) = make_group(&servers[0].api, "dmz").await;
    let second = servers[1].api.url.clone();
    let _runner = Remote::start(folder.path(), &servers[0].api.url, &token, &["--server", &second]);
    connected(&servers[1].api, 2).await;
    let workflow = servers[0].api.publish(&one_step("get", "GET")).await;
    let mut runs = Vec::new();
    for number in 0..RUNS {
        let api = &servers[number % 2].api;
        runs.push(execute(api, &workflow, &tool.url, &format!("r{number}")).await);
    }
    for (number, run) in runs.iter().enumerate() {
        let full = in_state(&servers[0].api, run, &["Completed", "Paused", "Failed"]).await;
        assert_eq!((&full["state"], tool.count(&format!("/r{number}/get"))), (&json!("Completed"), 1));
    }
    // What the dead server had is finished by the other, over its own link.
    let mut runs = Vec::new();
    for number in 0..RUNS {
        let tag = format!("s{number}");
        runs.push((execute(&servers[number % 2].api, &workflow, &tool.url, &tag).await, tag));
    }
    servers[0].kill();
    for (run, tag) in &runs {
        let full = in_state(&servers[1].api, run, &["Completed", "Paused", "Failed"]).await;
        assert_eq!(full["state"], "Completed", "{full:#}");
        assert!((1..=2).contains(&tool.count(&format!("/{tag}/get"))), "{tag}");
    }
    assert_eq!(servers[1].errors(), "");
    databases.drop_all().await;
}
