//! `kill -9` at random moments under load, again and again: every accepted run comes to its end, and nothing that is
//! in the journal is done twice. What is in doubt then is decided. Each round is a database of its own.
//!
//! `cargo xtask crashtest` runs many rounds; with all the other tests run a few.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use types::{Rng as _, SeededRng, SystemRng};

use super::doctored;
use super::doubt;
use super::journal::Journals;
use super::load::Load;
use super::server::{Api, Server};
use super::tool::{Tool, some_take_longer};
use super::verdict::{Death, Evidence};

/// Rounds if nobody says how many.
const ROUNDS: u64 = 2;
/// Times that the server is killed in a round.
const KILLS: usize = 6;
/// Milliseconds of load after which the server is killed, at the least and at the most.
const KILL_AFTER_MS: (u64, u64) = (30, 900);
/// Milliseconds of a server's lease on PostgreSQL: so long the runs of a dead one lie still.
const LEASE_MS: &str = "1000";
/// For all runs to end, from the last start on.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kill_breaks_a_promise_on_sqlite() {
    let last = rounds("sqlite").await;
    // A check that notices nothing proves nothing.
    assert_eq!(doctored::unnoticed(&last), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kill_breaks_a_promise_on_postgresql() {
    rounds("postgres").await;
}

/// A number from the environment.
fn number(name: &str, default: impl FnOnce() -> u64) -> u64 {
    std::env::var(name)
        .map_or_else(|_| default(), |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

/// Runs them, fails with the first that breaks a promise, and answers the last one's evidence.
async fn rounds(kind: &'static str) -> Evidence {
    let first = number("NICTATE_TEST_SEED", || SystemRng.below(1 << 32));
    let count = number("NICTATE_TEST_CRASH_ROUNDS", || ROUNDS);
    println!("{kind}, seeds from {first}");
    println!("      seed kills accepted unanswered   runs completed in_doubt  calls again  lines      s");
    let mut last = None;
    for seed in first..first.saturating_add(count) {
        let folder = tempfile::tempdir().unwrap();
        let databases = if kind == "sqlite" { None } else { Some(store::testing::databases().await) };
        // The server's own default, by its full name for the test to read too.
        let embedded = format!("sqlite:{}", folder.path().join("data/nictate.db").display());
        let database = databases.as_ref().map_or(embedded.as_str(), |databases| databases.urls()[1]);
        let began = Instant::now();
        let evidence = round(folder.path(), database, seed).await;
        println!("{seed:>10} {} {:>6.1}", summary(&evidence), began.elapsed().as_secs_f64());
        let broken = evidence.broken();
        if let Some((run, _)) = broken.first() {
            let all: Vec<String> = broken.iter().map(|(run, what)| format!("run {run}: {what}")).collect();
            panic!(
                "{}\n\nthe journal of run {run}:\n{}\nagain: cargo xtask crashtest --database {kind} --seed {seed} --rounds 1",
                all.join("\n"),
                evidence.journals.shown(run)
            );
        }
        if let Some(databases) = databases {
            databases.drop_all().await;
        }
        last = Some(evidence);
    }
    last.expect("at least one round")
}

fn summary(evidence: &Evidence) -> String {
    let Evidence { told, deaths, runs, journals, calls } = evidence;
    let in_state = |state: &str| runs.iter().filter(|run| run["state_ui"] == state).count();
    let mut paths: Vec<&str> = calls.iter().map(|call| call.path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    format!(
        "{:>5} {:>8} {:>10} {:>6} {:>9} {:>8} {:>6} {:>5} {:>6}",
        deaths.len(),
        told.accepted.len(),
        told.unanswered.len(),
        runs.len(),
        in_state("Completed"),
        in_state("Paused"),
        calls.len(),
        calls.len() - paths.len(),
        journals.runs.values().map(Vec::len).sum::<usize>(),
    )
}

async fn round(folder: &Path, database: &str, seed: u64) -> Evidence {
    let mut rng = SeededRng::from_u64(seed);
    let tool = Tool::start(some_take_longer);
    let start = || Server::start(folder, database, &[("NICTATE_SERVER_LEASE_MS", LEASE_MS)]);
    let mut server = start();
    let (there, server_there) = watch::channel(Some(server.api.clone()));
    let load = Load::begin(&tool.url, &server_there, seed).await;
    let mut deaths = Vec::new();
    let (least, most) = KILL_AFTER_MS;
    for _ in 0..KILLS {
        sleep(Duration::from_millis(least + rng.below(most - least))).await;
        there.send_replace(None);
        server.kill();
        let calls = tool.calls().len();
        deaths.push(Death { journals: Journals::read(database).await, calls });
        server = start();
        there.send_replace(Some(server.api.clone()));
    }
    sleep(Duration::from_millis(least)).await;
    let told = load.end().await;
    let runs = settled(&server.api).await;
    assert_eq!(server.errors(), "");
    assert!(server.stop().await.success());
    let journals = Journals::read(database).await;
    let evidence = Evidence { told, deaths, runs, journals, calls: tool.calls() };
    if evidence.broken().is_empty() {
        let server = start();
        doubt::decide(&server.api, &tool, &evidence).await;
        assert_eq!(server.errors(), "");
    }
    evidence
}

/// Waits until every run has ended, or stands still for somebody to decide; all of them in full.
async fn settled(api: &Api) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let runs = api.runs().await;
        let open = |run: &&Value| {
            ["Queued", "Running", "Pending"].contains(&run["state_ui"].as_str().unwrap_or_default())
        };
        let stuck: Vec<_> =
            runs.iter().filter(open).map(|run| format!("{} {}", run["id"], run["name"])).collect();
        if stuck.is_empty() {
            let mut full = Vec::new();
            for run in runs {
                full.push(api.get(&format!("/executions/{}", run["id"].as_str().unwrap())).await);
            }
            return full;
        }
        // Not an assertion of one promise, but of its absence: what is stuck has broken one.
        assert!(began.elapsed() < SETTLED_WITHIN, "stuck: {stuck:#?}");
        sleep(Duration::from_millis(200)).await;
    }
}
