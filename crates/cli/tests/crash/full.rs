//! The disk under the embedded database fills up, and has room again: meanwhile writes are refused, reads are answered,
//! and runs in flight hold.

use std::fs;
use std::time::Duration;

use reqwest::Method;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::load::{Kind, PLAIN};
use super::outage::{begin, ended_well};
use super::server::Server;
use super::tool::Tool;

/// How long there is no room.
const FULL: Duration = Duration::from_secs(3);
/// For all runs to end once there is.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a story is told with.
struct Disk {
    folder: TempDir,
    tool: Tool,
    server: Server,
    /// In flight, by tag and id.
    runs: Vec<(String, String)>,
}

/// Starts runs, and lets the disk be full while they are at their first step and for a while after that.
async fn fill_up(kinds: &[&str]) -> Disk {
    let folder = tempfile::tempdir().unwrap();
    let tool = Tool::start(|_| Duration::from_millis(700));
    let server = Server::start_on_small_disk(folder.path());
    let workflows = Kind::publish_all(&server.api, &tool.url).await;
    let runs = begin(&server.api, &workflows, &tool, kinds, 0).await;
    tool.called("/gets-0/S1", 1).await;
    // SQLite goes on in its log, which may grow no further.
    let log = folder.path().join("data/nictate.db-wal");
    server.limit_files(Some(fs::metadata(&log).unwrap().len()));
    let began = Instant::now();
    while began.elapsed() < FULL {
        let (status, again, body) = server.api.execute(&workflows["pure"], &tool.url, "pure-9").await;
        assert_eq!((status, again.as_str(), &body["identifier"]), (503, "1", &"storage_unavailable".into()));
        assert!(body["message"].as_str().unwrap().contains("is full"), "{body:#}");
        let run = server.api.request(Method::GET, &format!("/executions/{}", runs[0].1));
        let (status, _, run) = server.api.answer(run).await;
        assert_eq!((status, &run["state_ui"]), (200, &"Running".into()));
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(server.api.runs().await.len(), runs.len(), "what was refused is not there");
    Disk { folder, tool, server, runs }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_hold_while_the_disk_is_full_and_go_on_by_themselves() {
    let disk = fill_up(&PLAIN).await;
    disk.server.limit_files(None);
    ended_well(&disk.server.api, &disk.runs, PATIENCE).await;
    assert_eq!(disk.tool.called_again(), Vec::<String>::new());
    assert!(disk.server.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_with_a_full_disk_has_lost_no_run() {
    let mut disk = fill_up(&["gets", "keyed", "loop", "turns", "secret"]).await;
    disk.server.kill();
    let server = Server::start(disk.folder.path(), "", &[]);
    // What had been answered and could not be written is asked again: all of it may be.
    ended_well(&server.api, &disk.runs, PATIENCE).await;
}
