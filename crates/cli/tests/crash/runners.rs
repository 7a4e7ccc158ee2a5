//! Remote runners, as real processes: killed under load, cut off, frozen, drained, shut out. No step is lost, none is
//! done twice unless it may be, and what nobody knows is in doubt.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::remote::{Remote, SETTINGS, connected, execute, in_state, make_group, one_step, way_to};
use super::server::Server;
use super::tool::{Tool, some_take_longer};

/// Runs of the test under load.
const RUNS: usize = 60;
/// Longer than three heartbeats of the tests.
const TOO_LONG: Duration = Duration::from_millis(1_500);

fn at_once(_: &str) -> Duration {
    Duration::ZERO
}

fn slowly(_: &str) -> Duration {
    Duration::from_millis(700)
}

fn very_slowly(_: &str) -> Duration {
    Duration::from_secs(3)
}

#[tokio::test]
async fn a_step_waits_for_a_runner_of_its_group_and_is_done_there() {
    let (folder, tool) = (tempfile::tempdir().unwrap(), Tool::start(at_once));
    let server = Server::start(folder.path(), "", SETTINGS);
    let (_, token) = make_group(&server.api, "dmz").await;
    let workflow = server.api.publish(&one_step("get", "GET")).await;
    let run = execute(&server.api, &workflow, &tool.url, "a").await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(server.api.get(&format!("/executions/{run}")).await["state"], "Running");
    assert_eq!(server.api.get("/runner_groups").await["results"][0]["waiting_steps"], 1);
    let steps = server.api.get(&format!("/executions/{run}/steps")).await;
    assert_eq!(steps["results"][0]["state"], "Pending", "{steps:#}");
    assert_eq!(tool.count("/a/get"), 0);
    let runner =
        Remote::start(folder.path(), &server.api.url, &token, &["--group", "dmz", "--name", "edge-1"]);
    let full = in_state(&server.api, &run, &["Completed"]).await;
    assert_eq!(full["outputs"]["said"], "a/get");
    assert_eq!(tool.count("/a/get"), 1);
    let rows = server.api.get("/runners").await;
    let row = &rows["results"][0];
    assert_eq!(
        (&row["name"], &row["group_name"], &row["status"]),
        (&json!("edge-1"), &json!("dmz"), &json!("Connected"))
    );
    assert!(!runner.said().contains(&token));
    assert_eq!(server.errors(), "");
}

#[tokio::test]
async fn a_step_without_a_runner_fails_in_its_time_and_has_not_begun() {
    let (folder, tool) = (tempfile::tempdir().unwrap(), Tool::start(at_once));
    let server = Server::start(folder.path(), "", SETTINGS);
    make_group(&server.api, "dmz").await;
    let document = one_step("get", "POST")
        .replace("        inputs: {method", "        timeout: 1\n        inputs: {method");
    let workflow = server.api.publish(&document).await;
    let run = execute(&server.api, &workflow, &tool.url, "a").await;
    let full = in_state(&server.api, &run, &["Failed"]).await;
    let steps = server.api.get(&format!("/executions/{run}/steps")).await;
    assert_eq!(steps["results"][0]["error_data"]["code"], "runner_unavailable", "{full:#} {steps:#}");
    assert_eq!(tool.calls().len(), 0);
}

#[tokio::test]
async fn a_runner_killed_under_load_loses_nothing_and_does_nothing_twice() {
    let (folder, tool) = (tempfile::tempdir().unwrap(), Tool::start(some_take_longer));
    let server = Server::start(folder.path(), "", SETTINGS);
    let (_, token) = make_group(&server.api, "dmz").await;
    let mut first = Remote::start(folder.path(), &server.api.url, &token, &["--capacity", "8"]);
    connected(&server.api, 1).await;
    let repeatable = server.api.publish(&one_step("get", "GET")).await;
    let once = server.api.publish(&one_step("post", "POST")).await;
    let mut runs = Vec::new();
    for number in 0..RUNS {
        let workflow = if number % 2 == 0 { &repeatable } else { &once };
        runs.push(execute(&server.api, workflow, &tool.url, &format!("r{number}")).await);
    }
    first.kill();
    let _second = Remote::start(folder.path(), &server.api.url, &token, &["--capacity", "8"]);
    let mut in_doubt = 0;
    for (number, run) in runs.iter().enumerate() {
        let full = in_state(&server.api, run, &["Completed", "Paused", "Failed"]).await;
        let path = format!("/r{number}/{}", if number % 2 == 0 { "get" } else { "post" });
        let calls = tool.count(&path);
        match full["state"].as_str().unwrap() {
            "Completed" if number % 2 == 0 => assert!((1..=2).contains(&calls), "{path}: {calls}"),
            "Completed" => assert_eq!(calls, 1, "{path}"),
            "Paused" => {
                assert!(number % 2 == 1 && calls <= 1, "{path}: {calls}");
                in_doubt += 1;
                let body = json!({"step": "S1", "decision": "done", "output": {"said": "by hand"}});
                server.api.post(&format!("/executions/{run}/resolve"), &body).await;
                in_state(&server.api, run, &["Completed"]).await;
                assert_eq!(tool.count(&path), calls, "{path} was done again");
            }
            _ => panic!("{full:#}"),
        }
    }
    assert!(in_doubt <= 8, "{in_doubt} in doubt, more than the runner had");
    assert_eq!(server.errors(), "");
}

#[tokio::test]
async fn a_report_of_what_ended_during_a_short_cut_is_delivered_after_it() {
    let (folder, tool) = (tempfile::tempdir().unwrap(), Tool::start(slowly));
    // The cut must be shorter than three heartbeats.
    let server = Server::start(folder.path(), "", &[("NICTATE_SERVER_RUNNER_HEARTBEAT_MS", "3000")]);
    let (_, token) = make_group(&server.api, "dmz").await;
    let (proxy, url) = way_to(&server.api);
    let _runner = Remote::start(folder.path(), &url, &token, &[]);
    connected(&server.api, 1).await;
    let workflow = server.api.publish(&one_step("post", "POST")).await;
    let run = execute(&server.api, &workflow, &tool.url, "a").await;
    tool.called("/a/post", 1).await;
    proxy.cut();
    sleep(slowly("") + Duration::from_millis(300)).await;
    assert_eq!(server.api.get(&format!("/executions/{run}")).await["state"], "Running");
    proxy.mend();
    let full = in_state(&server.api, &run, &["Completed", "Paused", "Failed"]).await;
    assert_eq!((&full["state"], &full["outputs"]["said"]), (&json!("Completed"), &json!("a/post")));
    assert_eq!(tool.count("/a/post"), 1);
    // The same link goes on.
    let run = execute(&server.api, &workflow, &tool.url, "b").await;
    in_state(&server.api, &run, &["Completed"]).await;
}

#[tokio::test]
async fn a_stale_runner_that_comes_back_is_not_believed() {
    let (folder, tool) = (tempfile::tempdir().unwrap(), Tool::start(slowly));
    let server = Server::start(folder.path(), "", SETTINGS);
    let (_, token) = make_group(&server.api, "dmz").await;
    let runner = Remote::start(folder.path(), &server.api.url, &token, &[]);
    connected(&server.api, 1).await;
    let workflow = server.api.publish(&one_step("post", "POST")).await;
    let run = execute(&server.api, &workflow, &tool.url, "a").await;
    tool.called("/a/post", 1).await;
    runner.signal("STOP");
    in_state(&server.api, &run, &["Paused"]).await;
    runner.signal("CONT");
    connected(&server.api, 1).await;
    sleep(TOO_LONG).await;
    // Its report has come by now, and changes nothing.
    assert_eq!(server.api.get(&format!("/executions/{run}")).await["state"], "Paused");
    let body = json!({"step": "S1", "decision": "done", "output": {"said": "by hand"}});
    server.api.post(&format!("/executions/{run}/resolve"), &body).await;
    let full = in_state(&server.api, &run, &["Completed"]).await;
    assert_eq!((&full["outputs"]["said"], tool.count("/a/post")), (&json!("by hand"), 1));
    let run = execute(&server.api, &workflow, &tool.url, "b").await;
    in_state(&server.api, &run, &["Completed"]).await;
    assert_eq!(server.errors(), "");
}

#[tokio::test]
async fn what_a_lost_runner_had_is_repeated_elsewhere_if_it_may_be() {
    let (folder, tool) = (tempfile::tempdir().unwrap(), Tool::start(slowly));
    let server = Server::start(folder.path(), "", SETTINGS);
    let (_, token) = make_group(&server.api, "dmz").await;
    let mut first = Remote::start(folder.path(), &server.api.url, &token, &[]);
    connected(&server.api, 1).await;
    let workflow = server.api.publish(&one_step("get", "GET")).await;
    let run = execute(&server.api, &workflow, &tool.url, "a").await;
    tool.called("/a/get", 1).await;
    first.kill();
    let _second = Remote::start(folder.path(), &server.api.url, &token, &[]);
    let full = in_state(&server.api, &run, &["Completed", "Paused", "Failed"]).await;
    assert_eq!((&full["state"], tool.count("/a/get")), (&json!("Completed"), 2));
}

#[tokio::test]
async fn a_runner_that_is_asked_to_stop_finishes_what_it_has_and_hands_back_the_rest() {
    let (folder, tool) = (tempfile::tempdir().unwrap(), Tool::start(slowly));
    let server = Server::start(folder.path(), "", SETTINGS);
    let (_, token) = make_group(&server.api, "dmz").await;
    let mut first = Remote::start(folder.path(), &server.api.url, &token, &["--capacity", "2"]);
    connected(&server.api, 1).await;
    let workflow = server.api.publish(&one_step("post", "POST")).await;
    let mut runs = Vec::new();
    for tag in ["a", "b", "c", "d"] {
        runs.push(execute(&server.api, &workflow, &tool.url, tag).await);
    }
    tool.called("/a/post", 1).await;
    tool.called("/b/post", 1).await;
    first.signal("TERM");
    assert_eq!(first.ended().await, Some(0), "{}", first.said());
    assert_eq!(tool.calls().len(), 2, "it took nothing more");
    for run in &runs[..2] {
        in_state(&server.api, run, &["Completed"]).await;
    }
    let _second = Remote::start(folder.path(), &server.api.url, &token, &[]);
    for run in &runs[2..] {
        in_state(&server.api, run, &["Completed"]).await;
    }
    for tag in ["a", "b", "c", "d"] {
        assert_eq!(tool.count(&format!("/{tag}/post")), 1, "{tag}");
    }
    assert_eq!(server.errors(), "");
}

#[tokio::test]
async fn a_runner_that_does_not_come_to_an_end_in_its_grace_says_so() {
    let (folder, tool) = (tempfile::tempdir().unwrap(), Tool::start(very_slowly));
    let server = Server::start(folder.path(), "", SETTINGS);
    let (_, token) = make_group(&server.api, "dmz").await;
    let mut runner = Remote::start(folder.path(), &server.api.url, &token, &["--grace", "1"]);
    connected(&server.api, 1).await;
    let workflow = server.api.publish(&one_step("post", "POST")).await;
    let run = execute(&server.api, &workflow, &tool.url, "a").await;
    tool.called("/a/post", 1).await;
    runner.signal("TERM");
    assert_eq!(runner.ended().await, Some(1));
    assert!(runner.said().contains("still in flight after 1 s"), "{}", runner.said());
    in_state(&server.api, &run, &["Paused"]).await;
}

#[tokio::test]
async fn whoever_has_no_token_of_the_group_is_shut_out_and_told_why() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), "", SETTINGS);
    let (id, token) = make_group(&server.api, "dmz").await;
    for (url, token, more, code, why) in [
        (server.api.url.as_str(), "nct_wrong", vec![], 4, "the runner token is unknown or has been revoked"),
        (&server.api.url, &token, vec!["--group", "other"], 3, "not one of the runner group `other`"),
        ("http://10.255.255.1:8700", &token, vec![], 6, "is not encrypted"),
        ("not an address", &token, vec![], 6, "is no address of a server"),
    ] {
        let mut runner = Remote::start(folder.path(), url, token, &more);
        assert_eq!(runner.ended().await, Some(code), "{}", runner.said());
        assert!(runner.said().contains(why), "{}", runner.said());
    }
    // The token opens nothing but the link, and no API key opens the link.
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for header in ["BLINK-API-KEY", "authorization"] {
        let request = client.get(format!("{}/api/v1/runner_groups", server.api.url));
        let request = request.header(header, &token).header(header, format!("Bearer {token}"));
        assert_eq!(request.send().await.unwrap().status(), 401, "{header}");
    }
    assert_eq!(server.api.answer(server.api.request(reqwest::Method::GET, "/runner_link")).await.0, 401);
    // A token that is replaced cuts those off that came with it.
    let mut runner = Remote::start(folder.path(), &server.api.url, &token, &[]);
    connected(&server.api, 1).await;
    server.api.post(&format!("/runner_groups/{id}/token"), &json!({})).await;
    assert_eq!(runner.ended().await, Some(4), "{}", runner.said());
    connected(&server.api, 0).await;
}

#[tokio::test]
async fn a_server_that_starts_again_finds_its_runner_again() {
    let (folder, tool) = (tempfile::tempdir().unwrap(), Tool::start(slowly));
    let mut server = Server::start(folder.path(), "", SETTINGS);
    let (_, token) = make_group(&server.api, "dmz").await;
    let listen = server.api.url.trim_start_matches("http://").to_owned();
    let _runner = Remote::start(folder.path(), &server.api.url, &token, &[]);
    connected(&server.api, 1).await;
    let workflow = server.api.publish(&one_step("get", "GET")).await;
    let run = execute(&server.api, &workflow, &tool.url, "a").await;
    tool.called("/a/get", 1).await;
    server.kill();
    let server = Server::start_at(folder.path(), &listen, SETTINGS);
    let full = in_state(&server.api, &run, &["Completed", "Paused", "Failed"]).await;
    assert_eq!(full["state"], "Completed");
    assert!((1..=2).contains(&tool.count("/a/get")));
    assert_eq!(server.errors(), "");
}
