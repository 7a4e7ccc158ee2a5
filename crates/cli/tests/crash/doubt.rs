//! What kills leave in doubt is decided, and then every run comes to its end: a step that is said to be done is not done
//! again, and one that is to be tried again is tried once.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::load::Kind;
use super::server::Api;
use super::tool::Tool;
use super::verdict::{Doubt, Evidence};

/// For the runs to end once it is decided.
const PATIENCE: Duration = Duration::from_secs(30);

/// Decides all that is in doubt, in turn one way and the other, and waits for the ends.
pub(crate) async fn decide(api: &Api, tool: &Tool, evidence: &Evidence) {
    let doubts = evidence.in_doubt();
    for (number, Doubt { run, step, path, .. }) in doubts.iter().enumerate() {
        let body = if number.is_multiple_of(2) {
            json!({"step": step, "decision": "done", "output": {"said": path.trim_start_matches('/')}})
        } else {
            json!({"step": step, "decision": "retry"})
        };
        api.post(&format!("/executions/{run}/resolve"), &body).await;
    }
    let before = |path: &str| evidence.calls.iter().filter(|call| call.path == path).count();
    let began = Instant::now();
    for (number, Doubt { run, tag, path, .. }) in doubts.iter().enumerate() {
        loop {
            let full = api.get(&format!("/executions/{run}")).await;
            if full["state_ui"] == "Completed" {
                assert_eq!(full["outputs"], Kind::of(tag).outputs(tag), "{full:#}");
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{full:#}");
            sleep(Duration::from_millis(50)).await;
        }
        let again = tool.count(path) - before(path);
        assert_eq!(again, number % 2, "`{path}` was called {again} times after it was decided");
    }
}
