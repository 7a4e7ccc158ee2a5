//! `kill -9` at a random moment under load, and again: every accepted run comes to its end, and nothing that
//! was in the journal is done twice. `NICTATE_TEST_SEED` repeats the choices of a run of the test.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};
use types::{Rng as _, SeededRng, SystemRng};

use super::journal::Journals;
use super::load::{Accepted, KINDS, Load};
use super::server::{Api, Server};
use super::tool::{Tool, some_take_longer};

/// Times that the server is killed.
const KILLS: u64 = 2;
/// Runs that are accepted in the end.
const RUNS: usize = 60;
/// Milliseconds of load after which the server is killed, at the least and at the most.
const KILL_AFTER_MS: (u64, u64) = (40, 400);
/// A dead server's lease on PostgreSQL, the pause until somebody looks, and some for a slow machine.
const ADOPTED_WITHIN: Duration = Duration::from_secs(20);
/// For all runs to end, from the last start on.
const SETTLED_WITHIN: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_run_is_lost_and_no_step_doubled_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    // The server's own default, by its full name for the test to read too.
    let url = format!("sqlite:{}", folder.path().join("data/nictate.db").display());
    kill_and_check(folder.path(), &url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_run_is_lost_and_no_step_doubled_on_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    let databases = store::testing::databases().await;
    let [_, url] = databases.urls();
    kill_and_check(folder.path(), url).await;
    databases.drop_all().await;
}

/// What was on record when a server died.
struct Death {
    journals: Journals,
    /// The addresses that finished steps had called, and how often.
    finished: BTreeMap<String, usize>,
}

async fn kill_and_check(folder: &Path, database: &str) {
    let seed = std::env::var("NICTATE_TEST_SEED")
        .map_or_else(|_| SystemRng.below(1 << 32), |text| text.parse().unwrap());
    println!("NICTATE_TEST_SEED={seed}");
    let mut rng = SeededRng::from_u64(seed);
    let began = Instant::now();
    let tool = Tool::start(some_take_longer);
    let mut server = Server::start(folder, database, &[]);
    let load: &'static Load = Box::leak(Box::new(Load::publish(&server.api, &tool.url).await));
    let mut accepted = Vec::new();
    let mut deaths = Vec::new();
    for round in 0..KILLS {
        let api = server.api.clone();
        let started = tokio::spawn(async move { load.start(&api, RUNS / 2, seed ^ round).await });
        let (least, most) = KILL_AFTER_MS;
        sleep(Duration::from_millis(least + rng.below(most - least))).await;
        server.kill();
        accepted.extend(started.await.unwrap());
        let death = examine(database, &tool).await;
        println!(
            "{:.1?} killed, {} accepted, {} steps done",
            began.elapsed(),
            accepted.len(),
            death.finished.len()
        );
        deaths.push(death);
        let calls = tool.calls().len();
        server = Server::start(folder, database, &[]);
        adopted(&tool, calls).await;
        println!("{:.1?} adopted", began.elapsed());
    }
    let missing = RUNS - accepted.len();
    accepted.extend(load.start(&server.api, missing, seed).await);
    let runs = settled(&server.api).await;
    println!("{:.1?} settled, {} runs", began.elapsed(), runs.len());
    let doubtful = check_runs(&server.api, &tool, &accepted, &runs).await;
    cancel(&server.api, &doubtful).await;
    assert_eq!(server.errors(), "");
    assert!(server.stop().await.success());
    check_journals(database, &tool, &accepted, &deaths).await;
    println!("{:.1?} checked, {} in doubt", began.elapsed(), doubtful.len());
}

async fn examine(database: &str, tool: &Tool) -> Death {
    let journals = Journals::read(database).await;
    let finished = journals.finished_urls().into_iter();
    let finished = finished.map(|url| (url.clone(), tool.count(path_of(&url)))).collect();
    Death { journals, finished }
}

/// Waits for the first sign that the runs of the dead server go on.
async fn adopted(tool: &Tool, calls: usize) {
    let began = Instant::now();
    while tool.calls().len() == calls && began.elapsed() < ADOPTED_WITHIN {
        sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until every run has ended, or stands still for somebody to decide.
async fn settled(api: &Api) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let runs = api.runs().await;
        let open = |run: &&Value| ["Queued", "Running", "Pending"].contains(&state_of(run));
        let stuck: Vec<_> =
            runs.iter().filter(open).map(|run| format!("{} {}", run["id"], run["name"])).collect();
        if stuck.is_empty() {
            return runs;
        }
        assert!(began.elapsed() < SETTLED_WITHIN, "stuck: {stuck:#?}");
        sleep(Duration::from_millis(200)).await;
    }
}

/// Checks every run there is, answered for or not; gives those that stand still.
async fn check_runs(api: &Api, tool: &Tool, accepted: &[Accepted], runs: &[Value]) -> Vec<String> {
    let mut tags = BTreeMap::new();
    let mut doubtful = Vec::new();
    for run in runs {
        let id = run["id"].as_str().unwrap();
        let full = api.get(&format!("/executions/{id}")).await;
        let steps = api.get(&format!("/executions/{id}/steps")).await;
        let tag = full["inputs"]["tag"].as_str().unwrap().to_owned();
        check_run(&full, &tag);
        check_steps(tool, &full, steps["results"].as_array().unwrap());
        if state_of(&full) == "Paused" {
            doubtful.push(id.to_owned());
        }
        assert!(tags.insert(tag.clone(), id.to_owned()).is_none(), "`{tag}` was started twice");
    }
    for Accepted { id, tag } in accepted {
        assert_eq!(tags.get(tag), Some(id), "an accepted run is lost");
    }
    for call in tool.calls() {
        let tag = call.path.split('/').nth(1).unwrap();
        assert!(tags.contains_key(tag), "{call:?} was made for a run that is nowhere");
    }
    doubtful
}

fn check_run(run: &Value, tag: &str) {
    let kind = KINDS.iter().find(|kind| run["name"] == kind.name).unwrap();
    match state_of(run) {
        "Completed" => {
            let said: Vec<String> = kind.steps.iter().map(|step| format!("{tag}/{step}")).collect();
            assert_eq!(run["outputs"]["said"], serde_json::json!(said), "{run:#}");
        }
        "Paused" => assert_eq!(kind.name, "post", "only a POST can be in doubt: {run:#}"),
        other => panic!("`{other}`: {run:#}"),
    }
}

fn check_steps(tool: &Tool, run: &Value, steps: &[Value]) {
    let mut in_doubt = 0;
    for step in steps.iter().filter(|step| step["execution_count"] != 0) {
        let url = step["input_data"]["url"].as_str().unwrap();
        let called = tool.count(path_of(url)) as u64;
        let attempts = step["execution_count"].as_u64().unwrap();
        assert!(called <= attempts, "called {called} times: {step:#}");
        if step["input_data"]["method"] == "POST" {
            assert!(called <= 1, "called {called} times: {step:#}");
        }
        match step["state"].as_str().unwrap() {
            "OK" => assert!(called >= 1, "never called: {step:#}"),
            "InDoubt" => in_doubt += 1,
            other => panic!("`{other}`: {step:#}"),
        }
    }
    assert_eq!(in_doubt, u32::from(state_of(run) == "Paused"), "{run:#}");
}

/// A run that stands still can be ended.
async fn cancel(api: &Api, doubtful: &[String]) {
    for id in doubtful {
        api.post(&format!("/executions/{id}/cancel"), &serde_json::json!({})).await;
        assert_eq!(state_of(&api.get(&format!("/executions/{id}")).await), "Cancelled");
    }
}

async fn check_journals(database: &str, tool: &Tool, accepted: &[Accepted], deaths: &[Death]) {
    let last = Journals::read(database).await;
    for Accepted { id, tag } in accepted {
        assert!(last.has(id), "run `{tag}` has no journal");
    }
    for death in deaths {
        death.journals.stays_in(&last);
        for (url, count) in &death.finished {
            assert_eq!(tool.count(path_of(url)), *count, "`{url}` was called again after it had finished");
        }
    }
}

fn state_of(run: &Value) -> &str {
    run["state_ui"].as_str().unwrap()
}

/// `http://host:port/run/step` -> `/run/step`.
fn path_of(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap();
    &rest[rest.find('/').unwrap()..]
}
