//! The work that servers are killed in: five kinds of workflows, started by several callers at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use types::{Rng as _, SeededRng};

use super::server::Api;

/// Callers that start runs at the same time.
const CALLERS: usize = 6;
/// Milliseconds below which a caller pauses between two runs.
const PAUSE_MS_MAX: u64 = 60;

/// A workflow: its document, and the steps whose answers it gives out as `said`.
pub(crate) struct Kind {
    document: &'static str,
    pub(crate) name: &'static str,
    pub(crate) steps: &'static [&'static str],
}

/// What is started, in turn.
pub(crate) const KINDS: [Kind; 5] = [
    Kind { name: "pure", document: include_str!("workflows/pure.yaml"), steps: &["S1"] },
    Kind { name: "gets", document: include_str!("workflows/gets.yaml"), steps: &["S1", "S2", "S3"] },
    Kind { name: "post", document: include_str!("workflows/post.yaml"), steps: &["S1", "S2"] },
    Kind { name: "sleep", document: include_str!("workflows/sleep.yaml"), steps: &["S2"] },
    Kind {
        name: "loop",
        document: include_str!("workflows/loop.yaml"),
        steps: &["S3-1", "S3-2", "S3-3", "S3-4", "S3-5"],
    },
];

/// A run whose start was answered with 200.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) id: String,
    pub(crate) tag: String,
}

/// Starts runs, each under a tag of its own.
pub(crate) struct Load {
    tool: String,
    /// In the order of [`KINDS`].
    workflows: Vec<String>,
    next: AtomicUsize,
}

impl Load {
    /// Publishes the workflows.
    pub(crate) async fn publish(api: &Api, tool: &str) -> Self {
        let mut workflows = Vec::new();
        for kind in &KINDS {
            workflows.push(api.publish(kind.document).await);
        }
        Self { tool: tool.to_owned(), workflows, next: AtomicUsize::new(0) }
    }

    /// Starts up to `count` runs; fewer if the server goes away meanwhile.
    pub(crate) async fn start(&'static self, api: &Api, count: usize, seed: u64) -> Vec<Accepted> {
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            let share = count / CALLERS + usize::from(caller < count % CALLERS);
            let rng = SeededRng::from_u64(seed.wrapping_add(caller as u64));
            callers.spawn(self.call(api.clone(), share, rng));
        }
        callers.join_all().await.into_iter().flatten().collect()
    }

    async fn call(&self, api: Api, count: usize, mut rng: SeededRng) -> Vec<Accepted> {
        let mut accepted = Vec::new();
        for _ in 0..count {
            tokio::time::sleep(Duration::from_millis(rng.below(PAUSE_MS_MAX))).await;
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let kind = number % KINDS.len();
            let tag = format!("{}-{number}", KINDS[kind].name);
            let body = json!({"input_values": {"tool": self.tool, "tag": tag}});
            let path = format!("/playbooks/{}/execute", self.workflows[kind]);
            // No answer is no promise: the run may be there or not.
            let Ok(answer) = api.try_post(&path, &body).await else { break };
            accepted.push(Accepted { id: answer["execution_id"].as_str().unwrap().to_owned(), tag });
        }
        accepted
    }
}
