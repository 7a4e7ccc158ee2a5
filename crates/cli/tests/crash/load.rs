//! The work that servers are killed in: workflows of several kinds, started by several callers at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use types::{Rng as _, SeededRng};

use super::server::Api;

/// Callers that start runs at the same time.
const CALLERS: usize = 6;
/// Milliseconds below which a caller pauses between two runs.
const PAUSE_MS_MAX: u64 = 120;

/// A workflow: its document, and the steps whose answers it gives out as `said`.
pub(crate) struct Kind {
    document: &'static str,
    pub(crate) name: &'static str,
    said: &'static [&'static str],
}

/// Kinds whose steps are all called once and no more, if no server dies.
pub(crate) const PLAIN: [&str; 8] = ["gets", "post", "keyed", "sleep", "loop", "branches", "turns", "secret"];

const fn kind(name: &'static str, document: &'static str, said: &'static [&'static str]) -> Kind {
    Kind { document, name, said }
}

/// What is started, in turn.
const KINDS: &[Kind] = &[
    kind("pure", include_str!("workflows/pure.yaml"), &["S1"]),
    kind("gets", include_str!("workflows/gets.yaml"), &["S1", "S2", "S3"]),
    kind("post", include_str!("workflows/post.yaml"), &["S1", "S2"]),
    kind("keyed", include_str!("workflows/keyed.yaml"), &["S1", "S2"]),
    kind("sleep", include_str!("workflows/sleep.yaml"), &["S2"]),
    kind("loop", include_str!("workflows/loop.yaml"), &["S3-1", "S3-2", "S3-3", "S3-4", "S3-5"]),
    kind("retry", include_str!("workflows/retry.yaml"), &["flaky-S1"]),
    kind("catch", include_str!("workflows/catch.yaml"), &["S3"]),
    kind("branches", include_str!("workflows/branches.yaml"), &["S3", "S6", "S8"]),
    kind("turns", include_str!("workflows/turns.yaml"), &["S3-1", "S3-2", "S3-3", "S3-4", "S3-5", "S3-6"]),
    kind("secret", include_str!("workflows/secret.yaml"), &["S1", "S2"]),
    // The runs that it calls are of the kind `gets`, under tags of their own: none of them may be there twice.
    kind("calls", include_str!("workflows/calls.yaml"), &["S1"]),
];

impl Kind {
    /// Of a run, by its tag.
    pub(crate) fn of(tag: &str) -> &'static Self {
        let (name, _) = tag.split_once('-').unwrap();
        KINDS.iter().find(|kind| kind.name == name).unwrap()
    }

    /// Publishes every kind; the workflows' ids, by the kinds' names.
    pub(crate) async fn publish_all(api: &Api, tool: &str) -> BTreeMap<&'static str, String> {
        api.connect("edge", tool).await;
        let mut workflows: BTreeMap<&'static str, String> = BTreeMap::new();
        for kind in KINDS {
            let gets = workflows.get("gets").map(String::as_str).unwrap_or_default();
            let document = kind.document.replace("ID-OF-GETS", gets);
            workflows.insert(kind.name, api.publish(&document).await);
        }
        workflows
    }

    /// The outputs of its run of that tag, once it has completed.
    pub(crate) fn outputs(&self, tag: &str) -> Value {
        let said: Vec<String> = self.said.iter().map(|step| format!("{tag}/{step}")).collect();
        json!({ "said": said })
    }
}

/// What callers were told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Runs whose start was answered with 200: tag and id.
    pub(crate) accepted: Vec<(String, String)>,
    /// Tags of those that were not answered so. No answer is no promise: the run may be there or not.
    pub(crate) unanswered: Vec<String>,
    /// Tags of those that were refused for another reason than that the server is away, and the reason.
    pub(crate) refused: Vec<(String, String)>,
}

/// Callers that start runs, each under a tag of its own, on whatever server there is.
pub(crate) struct Load {
    callers: JoinSet<Told>,
    over: Arc<AtomicBool>,
}

impl Load {
    /// Publishes the workflows and begins. `server` says which one there is, if any.
    pub(crate) async fn begin(tool: &str, server: &watch::Receiver<Option<Api>>, seed: u64) -> Self {
        let api = server.borrow().clone().unwrap();
        let workflows = Kind::publish_all(&api, tool).await;
        let over = Arc::new(AtomicBool::new(false));
        let work = Arc::new(Work {
            tool: tool.to_owned(),
            workflows,
            next: AtomicUsize::new(0),
            over: Arc::clone(&over),
        });
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            let rng = SeededRng::from_u64(seed.wrapping_add(caller as u64));
            callers.spawn(Arc::clone(&work).call(server.clone(), rng));
        }
        Self { callers, over }
    }

    /// Lets the callers finish what they are at.
    pub(crate) async fn end(self) -> Told {
        self.over.store(true, Ordering::Relaxed);
        let mut all = Told::default();
        for told in self.callers.join_all().await {
            all.accepted.extend(told.accepted);
            all.unanswered.extend(told.unanswered);
            all.refused.extend(told.refused);
        }
        all
    }
}

/// What callers share.
struct Work {
    tool: String,
    workflows: BTreeMap<&'static str, String>,
    next: AtomicUsize,
    over: Arc<AtomicBool>,
}

impl Work {
    async fn call(self: Arc<Self>, mut server: watch::Receiver<Option<Api>>, mut rng: SeededRng) -> Told {
        let mut told = Told::default();
        while !self.over.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(rng.below(PAUSE_MS_MAX))).await;
            let Ok(api) = server.wait_for(Option::is_some).await.map(|api| api.clone().unwrap()) else {
                break;
            };
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let kind = KINDS[number % KINDS.len()].name;
            let tag = format!("{kind}-{number}");
            let body = json!({"input_values": {"tool": self.tool, "tag": tag}});
            match api.try_post(&format!("/playbooks/{}/execute", self.workflows[kind]), &body).await {
                Ok(answer) => told.accepted.push((tag, answer["execution_id"].as_str().unwrap().to_owned())),
                Err(error) => match error.status() {
                    None | Some(StatusCode::SERVICE_UNAVAILABLE) => told.unanswered.push(tag),
                    Some(status) => told.refused.push((tag, status.to_string())),
                },
            }
        }
        told
    }
}
