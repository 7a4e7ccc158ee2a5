//! Two servers on one PostgreSQL: each takes over what the other leaves behind, and one that was frozen for longer
//! than its lease does nothing more to runs that are not its own any more.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use store::{Db, Options};
use tokio::time::{Instant, sleep};

use super::journal::Journals;
use super::server::{Api, Server};
use super::tool::Tool;

/// Milliseconds of the servers' lease.
const LEASE_MS: &str = "1500";
/// For a server to find out that another is gone, and for all that follows.
const PATIENCE: Duration = Duration::from_secs(30);
/// Runs that are in the hands of the server that gets frozen.
const RUNS: usize = 4;
/// What a server that was frozen gets to do wrong in, after the others have gone on.
const TEMPTATION: Duration = Duration::from_secs(2);

fn start(folder: &Path, database: &str) -> Server {
    // One at a time: what has been handed out waits in the runner.
    let settings = [("NICTATE_SERVER_LEASE_MS", LEASE_MS), ("NICTATE_LIMITS_RUNNER_CAPACITY", "1")];
    Server::start(folder, database, &settings)
}

async fn execute(api: &Api, workflow: &str, tool: &Tool, tag: &str) -> String {
    let inputs = json!({"input_values": {"tool": tool.url, "tag": tag}});
    let answer = api.post(&format!("/playbooks/{workflow}/execute"), &inputs).await;
    answer["execution_id"].as_str().unwrap().to_owned()
}

/// Waits until every run is in that state.
async fn all_in(api: &Api, runs: &[String], state: &str) {
    let began = Instant::now();
    for run in runs {
        loop {
            let full = api.get(&format!("/executions/{run}")).await;
            if full["state_ui"] == state {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "not `{state}`: {full:#}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

fn one_second_each(_: &str) -> Duration {
    Duration::from_secs(1)
}

/// Waits until another server owns the run.
async fn adopted(database: &str, run: &str) {
    let db = Db::open(&database.parse().unwrap(), &Options::default()).await.unwrap();
    let began = Instant::now();
    while store::executions::owned(&db, run.parse().unwrap()).await.unwrap().map(|run| run.epoch) < Some(2) {
        assert!(began.elapsed() < PATIENCE, "nobody adopts `{run}`");
        sleep(Duration::from_millis(50)).await;
    }
    db.close().await;
}

/// Freezes a server with one effect in flight and others behind it, until another has taken its runs; answers how
/// often each was called in the end.
async fn freeze(document: &str, after: &str) -> Vec<usize> {
    let databases = store::testing::databases().await;
    let [_, database] = databases.urls();
    let folder = tempfile::tempdir().unwrap();
    let tool = Tool::start(one_second_each);
    let frozen = start(folder.path(), database);
    let workflow = frozen.api.publish(document).await;
    let mut runs = Vec::new();
    for number in 0..RUNS {
        runs.push(execute(&frozen.api, &workflow, &tool, &format!("run-{number}")).await);
    }
    tool.called("/run-0/S1", 1).await;
    frozen.signal("STOP");
    let other = start(folder.path(), database);
    all_in(&other.api, &runs, after).await;
    let journals = Journals::read(database).await;
    frozen.signal("CONT");
    sleep(TEMPTATION).await;

    let later = Journals::read(database).await;
    journals.stays_in(&later);
    later.stays_in(&journals);
    all_in(&frozen.api, &runs, after).await;
    // It is as good as new.
    let more = execute(&frozen.api, &workflow, &tool, "more").await;
    all_in(&other.api, &[more], "Completed").await;
    assert_eq!(frozen.errors(), "");
    databases.drop_all().await;
    (0..RUNS).map(|number| tool.count(&format!("/run-{number}/S1"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_frozen_hands_out_nothing_that_others_have_in_doubt() {
    let calls = freeze(include_str!("workflows/one_post.yaml"), "Paused").await;
    assert_eq!(calls, [1, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_frozen_hands_out_nothing_that_others_have_done() {
    let document = include_str!("workflows/one_post.yaml").replace("method: POST", "method: PUT");
    let calls = freeze(&document, "Completed").await;
    assert_eq!(calls, [2, 1, 1, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_frozen_lets_go_of_runs_that_merely_wait() {
    let databases = store::testing::databases().await;
    let [_, database] = databases.urls();
    let folder = tempfile::tempdir().unwrap();
    let tool = Tool::start(|_| Duration::ZERO);
    let settings = [("NICTATE_SERVER_LEASE_MS", LEASE_MS), ("NICTATE_LIMITS_EXECUTIONS_HELD_MAX", "1")];
    let frozen = Server::start(folder.path(), database, &settings);
    let waits =
        include_str!("workflows/sleep.yaml").replace("Amount: 1, Unit: Seconds", "Amount: 1, Unit: Hours");
    let workflow = frozen.api.publish(&waits).await;
    let first = execute(&frozen.api, &workflow, &tool, "first").await;
    frozen.signal("STOP");
    let other = start(folder.path(), database);
    adopted(database, &first).await;
    frozen.signal("CONT");
    // It holds no more than one, so what comes now waits for its place.
    let pure = frozen.api.publish(include_str!("workflows/pure.yaml")).await;
    let second = execute(&frozen.api, &pure, &tool, "second").await;
    all_in(&frozen.api, &[second], "Completed").await;
    all_in(&other.api, &[first], "Pending").await;
    assert_eq!(frozen.errors(), "");
    databases.drop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_of_a_killed_server_are_finished_by_the_other_one() {
    let databases = store::testing::databases().await;
    let [_, database] = databases.urls();
    let folder = tempfile::tempdir().unwrap();
    let tool = Tool::start(|_| Duration::from_millis(20));
    let mut servers = [start(folder.path(), database), start(folder.path(), database)];
    let [loops, waits] = [include_str!("workflows/loop.yaml"), include_str!("workflows/sleep.yaml")];
    let workflows = [servers[0].api.publish(loops).await, servers[0].api.publish(waits).await];
    let mut runs = Vec::new();
    for number in 0..4 * RUNS {
        let (api, workflow) = (&servers[number % 2].api, &workflows[number / 2 % 2]);
        runs.push(execute(api, workflow, &tool, &format!("run-{number}")).await);
    }
    servers[0].kill();
    all_in(&servers[1].api, &runs, "Completed").await;
    for (number, run) in runs.iter().enumerate() {
        let full: Value = servers[1].api.get(&format!("/executions/{run}")).await;
        let steps =
            if number / 2 % 2 == 0 { vec!["S3-1", "S3-2", "S3-3", "S3-4", "S3-5"] } else { vec!["S2"] };
        let said: Vec<String> = steps.iter().map(|step| format!("run-{number}/{step}")).collect();
        assert_eq!(full["outputs"]["said"], json!(said), "{full:#}");
    }
    assert_eq!(servers[1].errors(), "");
    databases.drop_all().await;
}
