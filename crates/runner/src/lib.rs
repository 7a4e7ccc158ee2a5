//! Carries out what a server assigns: opens the connections, runs the action within its time, takes the
//! secrets out of what it says, reports.
//!
//! Speaks `protocol` messages only, also when it lives in the server's own process; knows no database and
//! takes no decision on how a workflow goes on. A step's plaintext secrets exist here while it runs, and
//! nowhere else.

mod attempt;
mod grants;
mod outcome;
mod voice;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use actions::http::{HttpClient, TokenCache};
use actions::{Catalog, ErrorCode};
use futures_util::FutureExt as _;
use protocol::{ActionError, Assignment, AttemptToken, Outcome, PROTOCOL_VERSION, ToRunner, ToServer};
use secrets::session::SessionKey;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use types::{Clock, Lease, Rng};

/// Attempts that a runner runs at the same time if its settings do not say.
pub const CAPACITY_DEFAULT: u32 = 64;
/// Messages that wait on the link, each way; a sender waits when there are more.
const LINK_MESSAGES_MAX: usize = 1024;

/// What a runner is made of.
pub struct RunnerSettings {
    /// Attempts that run at the same time; others wait their turn.
    pub capacity: u32,
    /// What the runner says it is for.
    pub labels: Vec<String>,
    /// The actions it has.
    pub catalog: Arc<Catalog>,
    /// The way out. Each assignment puts it under its own network policy.
    pub http: HttpClient,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl RunnerSettings {
    /// The usual capacity, the built-in actions, the label `default`.
    pub fn new(http: HttpClient, clock: Arc<dyn Clock>) -> Self {
        let labels = vec!["default".to_owned()];
        Self { capacity: CAPACITY_DEFAULT, labels, catalog: Arc::new(Catalog::builtin()), http, clock }
    }
}

/// The server's end of the link to an embedded runner. Dropping `to_runner` ends the runner.
pub struct RunnerLink {
    /// To the runner.
    pub to_runner: mpsc::Sender<ToRunner>,
    /// From the runner.
    pub from_runner: mpsc::Receiver<ToServer>,
    /// The key under which grants travel.
    pub session: SessionKey,
    /// The server's lease: nothing is begun that was assigned under a term which has ended. Boundless until the
    /// server gives it an end.
    pub lease: Arc<Lease>,
}

/// A runner.
pub struct Runner {
    shared: Arc<Shared>,
    labels: Vec<String>,
    capacity: u32,
    from_server: mpsc::Receiver<ToRunner>,
    running: HashMap<AttemptToken, CancellationToken>,
    attempts: JoinSet<AttemptToken>,
}

/// What all attempts use.
struct Shared {
    to_server: mpsc::Sender<ToServer>,
    session: SessionKey,
    lease: Arc<Lease>,
    turns: Semaphore,
    catalog: Arc<Catalog>,
    http: HttpClient,
    token_cache: TokenCache,
    clock: Arc<dyn Clock>,
}

impl Runner {
    /// A runner in this process, and the server's end of the link to it. `rng` must be unguessable: it
    /// makes the key that both share. Nothing happens until [`Runner::run`] is polled.
    pub fn embedded(settings: RunnerSettings, rng: &mut dyn Rng) -> (RunnerLink, Self) {
        let (to_runner, from_server) = mpsc::channel(LINK_MESSAGES_MAX);
        let (to_server, from_runner) = mpsc::channel(LINK_MESSAGES_MAX);
        let session = SessionKey::generate(rng);
        let lease = Arc::new(Lease::boundless(Arc::clone(&settings.clock)));
        let link =
            RunnerLink { to_runner, from_runner, session: session.duplicate(), lease: Arc::clone(&lease) };
        let RunnerSettings { capacity, labels, catalog, http, clock } = settings;
        let turns = Semaphore::new(usize::try_from(capacity.max(1)).unwrap_or(1));
        let token_cache = TokenCache::default();
        let shared = Arc::new(Shared { to_server, session, lease, turns, catalog, http, token_cache, clock });
        let attempts = JoinSet::new();
        (link, Self { shared, labels, capacity, from_server, running: HashMap::new(), attempts })
    }

    /// Works until the server closes the link; what still runs then is stopped and not reported.
    pub async fn run(mut self) {
        let (version, capacity) = (PROTOCOL_VERSION, self.capacity);
        let hello = ToServer::Hello { version, labels: std::mem::take(&mut self.labels), capacity };
        if self.shared.to_server.send(hello).await.is_err() {
            return;
        }
        let mut heartbeat: Option<Interval> = None;
        loop {
            tokio::select! {
                message = self.from_server.recv() => match message {
                    None => return,
                    Some(ToRunner::Welcome { version, heartbeat_ms }) => {
                        if version != PROTOCOL_VERSION {
                            tracing::error!(
                                server.version = version, runner.version = PROTOCOL_VERSION,
                                "server and runner speak different versions, the runner stops"
                            );
                            return;
                        }
                        heartbeat = Some(every(heartbeat_ms));
                    }
                    Some(ToRunner::Assign { assignment }) => self.begin(*assignment),
                    Some(ToRunner::Cancel { token }) => {
                        if let Some(cancelled) = self.running.get(&token) {
                            cancelled.cancel();
                        }
                    }
                },
                Some(ended) = self.attempts.join_next() => {
                    if let Ok(token) = ended {
                        self.running.remove(&token);
                    }
                }
                () = tick(&mut heartbeat) => {
                    let running = self.running.keys().cloned().collect();
                    // A full link carries signs of life enough.
                    let _ = self.shared.to_server.try_send(ToServer::Heartbeat { running });
                }
            }
        }
    }

    fn begin(&mut self, assignment: Assignment) {
        let token = assignment.token.clone();
        let cancelled = CancellationToken::new();
        // A message that comes twice is one assignment.
        if self.running.contains_key(&token) {
            return;
        }
        self.running.insert(token.clone(), cancelled.clone());
        let shared = Arc::clone(&self.shared);
        self.attempts.spawn(async move {
            let carried =
                AssertUnwindSafe(attempt::carry_out(&shared, assignment, cancelled)).catch_unwind().await;
            if carried.is_err() {
                let _ = shared.to_server.send(broken(token.clone())).await;
            }
            token
        });
    }
}

/// The report on an attempt that the runner itself failed at: each assignment gets one.
fn broken(token: AttemptToken) -> ToServer {
    let error = ActionError {
        code: ErrorCode::Internal.as_str().to_owned(),
        message: "the runner failed while it handled the step; its log says where".to_owned(),
        retryable: false,
        data: serde_json::Value::Null,
    };
    ToServer::Finished { token, outcome: Outcome::Failed { error }, secret_uses: Vec::new() }
}

fn every(millis: u64) -> Interval {
    let mut interval = interval(Duration::from_millis(millis.max(1)));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

async fn tick(heartbeat: &mut Option<Interval>) {
    match heartbeat {
        Some(interval) => drop(interval.tick().await),
        None => std::future::pending().await,
    }
}
