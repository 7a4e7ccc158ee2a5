//! The database goes away under two servers and comes back: nothing is lost, nothing is done twice, and neither server
//! takes the other's runs for it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::load::{Kind, PLAIN};
use super::proxy::Proxy;
use super::server::{Api, Server};
use super::tool::Tool;

/// How long the database is away: several times the lease.
const AWAY: Duration = Duration::from_secs(10);
/// Milliseconds of the servers' lease.
const LEASE_MS: &str = "2000";
/// For all runs to end once the database is back.
const PATIENCE: Duration = Duration::from_secs(30);
/// Seconds within which a server must say that it cannot do anything.
const ANSWERED_WITHIN: Duration = Duration::from_secs(8);

/// So long that the answers come while the database is away.
fn slow(_: &str) -> Duration {
    Duration::from_millis(1_500)
}

/// Waits until all have completed with the outputs that they must have.
pub(super) async fn ended_well(api: &Api, runs: &[(String, String)], within: Duration) {
    let began = Instant::now();
    for (tag, id) in runs {
        loop {
            let full = api.get(&format!("/executions/{id}")).await;
            if full["state_ui"] == "Completed" {
                assert_eq!(full["outputs"], Kind::of(tag).outputs(tag), "{full:#}");
                break;
            }
            assert_ne!(full["state_ui"], "Paused", "{full:#}");
            assert!(began.elapsed() < within, "{tag}: {full:#}");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Starts a run of each of these kinds.
pub(super) async fn begin(
    api: &Api,
    workflows: &BTreeMap<&'static str, String>,
    tool: &Tool,
    kinds: &[&str],
    number: usize,
) -> Vec<(String, String)> {
    let mut runs = Vec::new();
    for kind in kinds {
        let tag = format!("{kind}-{number}");
        let (status, _, answer) = api.execute(&workflows[*kind], &tool.url, &tag).await;
        assert_eq!(status, 200, "{answer:#}");
        runs.push((tag, answer["execution_id"].as_str().unwrap().to_owned()));
    }
    runs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_hold_while_postgresql_is_away_and_go_on_by_themselves() {
    let databases = store::testing::databases().await;
    let proxy = Proxy::start(databases.urls()[1]);
    let folder = tempfile::tempdir().unwrap();
    let tool = Tool::start(slow);
    let start = || Server::start(folder.path(), &proxy.url, &[("NICTATE_SERVER_LEASE_MS", LEASE_MS)]);
    let servers = [start(), start()];
    let workflows = Kind::publish_all(&servers[0].api, &tool.url).await;
    let mut runs = Vec::new();
    for (number, server) in servers.iter().enumerate() {
        runs.extend(begin(&server.api, &workflows, &tool, &PLAIN, number).await);
    }
    tool.called("/post-1/S1", 1).await;
    // The POSTs that must not be repeated are in flight when it goes.
    tool.called("/post-1/S2", 1).await;
    proxy.cut();

    let away = Instant::now();
    let mut asked = 0;
    while away.elapsed() < AWAY {
        for server in &servers {
            let began = Instant::now();
            let (status, again, body) = server.api.execute(&workflows["pure"], &tool.url, "pure-9").await;
            assert_eq!(
                (status, again.as_str(), &body["identifier"]),
                (503, "1", &"storage_unavailable".into())
            );
            let list = server.api.request(reqwest::Method::GET, "/executions");
            assert_eq!(server.api.answer(list).await.0, 503);
            assert!(began.elapsed() < ANSWERED_WITHIN, "{:?}", began.elapsed());
            asked += 1;
        }
        sleep(Duration::from_millis(200)).await;
    }
    println!("{asked} callers were told to come back");
    proxy.mend();
    ended_well(&servers[0].api, &runs, PATIENCE).await;
    assert_eq!(tool.called_again(), Vec::<String>::new());
    let (status, _, body) = servers[1].api.execute(&workflows["pure"], &tool.url, "pure-10").await;
    assert_eq!(status, 200, "{body:#}");
    for server in servers {
        assert!(server.stop().await.success());
    }
    databases.drop_all().await;
}
