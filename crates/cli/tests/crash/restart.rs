//! A server that is killed and started again on its folder goes on at once, however long its lease would have been.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::server::Server;
use super::tool::Tool;

/// Far longer than the test waits.
const LEASE_MS: &str = "600000";
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_restart_does_not_wait_for_the_lease_of_the_server_before_it() {
    let databases = store::testing::databases().await;
    let [_, database] = databases.urls();
    let folder = tempfile::tempdir().unwrap();
    let tool = Tool::start(|_| Duration::ZERO);
    let settings = [("NICTATE_SERVER_LEASE_MS", LEASE_MS)];
    let mut server = Server::start(folder.path(), database, &settings);
    let workflow = server.api.publish(include_str!("workflows/sleep.yaml")).await;
    let inputs = json!({"input_values": {"tool": tool.url, "tag": "run"}});
    let answer = server.api.post(&format!("/playbooks/{workflow}/execute"), &inputs).await;
    server.kill();

    let server = Server::start(folder.path(), database, &settings);
    let began = Instant::now();
    loop {
        let run = server.api.get(&format!("/executions/{}", answer["execution_id"].as_str().unwrap())).await;
        if run["state_ui"] == "Completed" {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{run:#}");
        sleep(Duration::from_millis(50)).await;
    }
    drop(server);
    databases.drop_all().await;
}
