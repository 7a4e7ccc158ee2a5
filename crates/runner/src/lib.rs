//! Carries out what a server assigns: opens the connections, runs the action within its time, takes the
//! secrets out of what it says, reports.
//!
//! Speaks `protocol` messages only, also when it lives in the server's own process; knows no database and
//! takes no decision on how a workflow goes on. A step's plaintext secrets exist here while it runs, and
//! nowhere else.

mod attempt;
mod dial;
mod grants;
mod link;
mod outcome;
mod secret_managers;
mod traffic;
mod voice;

use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actions::http::{HttpClient, TokenCache};
use actions::{Catalog, CodeHost, ErrorCode};
use futures_util::FutureExt as _;
use protocol::{
    ActionError, Assignment, AttemptToken, Outcome, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN, RunnerInfo,
    ToRunner, ToServer,
};
use secrets::session::SessionKey;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use types::{Clock, Lease, Moment, Rng, RunnerId};

pub use dial::{Plaintext, RemoteServer};
pub use link::LinkError;
pub use secret_managers::{SECRET_BYTES_MAX, SecretError, SecretManagers, VaultLogin};

use link::Link;

/// Attempts that a runner runs at the same time if its settings do not say.
pub const CAPACITY_DEFAULT: u32 = 64;
/// Messages that wait on the link, each way; a sender waits when there are more.
const LINK_MESSAGES_MAX: usize = 1024;
/// Bytes of one message on a link to a remote server: more than the largest output, and its inputs.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Heartbeats whose answers are waited for.
const BEATS_MAX: usize = 8;

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
    /// Where it runs code; runners of one process share one.
    pub code: Arc<CodeHost>,
    /// Where secrets are that the server does not have.
    pub secret_managers: Arc<SecretManagers>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl RunnerSettings {
    /// The usual capacity, the built-in actions, the label `default`, no code, no secret managers.
    pub fn new(http: HttpClient, clock: Arc<dyn Clock>) -> Self {
        let labels = vec!["default".to_owned()];
        let (catalog, code) = (Arc::new(Catalog::builtin()), Arc::new(CodeHost::off()));
        let secret_managers = Arc::default();
        Self { capacity: CAPACITY_DEFAULT, labels, catalog, http, code, secret_managers, clock }
    }
}

/// The server's end of the link to an embedded runner. Dropping `to_runner` ends the runner.
pub struct RunnerLink {
    /// To the runner. Not bounded itself: a server assigns no more than the runner's capacity.
    pub to_runner: mpsc::UnboundedSender<ToRunner>,
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
    info: Option<RunnerInfo>,
    from_server: mpsc::UnboundedReceiver<ToRunner>,
    /// Heartbeats that the server has not answered: the number, and when it was sent.
    beats: VecDeque<(u64, Moment)>,
    beat: u64,
    running: HashMap<AttemptToken, CancellationToken>,
    attempts: JoinSet<AttemptToken>,
}

/// What all attempts use.
struct Shared {
    to_server: mpsc::Sender<ToServer>,
    sessions: Arc<Sessions>,
    lease: Arc<Lease>,
    /// Nothing more is begun.
    draining: CancellationToken,
    turns: Semaphore,
    catalog: Arc<Catalog>,
    http: HttpClient,
    code: Arc<CodeHost>,
    secret_managers: Arc<SecretManagers>,
    token_cache: TokenCache,
    clock: Arc<dyn Clock>,
}

/// The keys under which grants have come: one for a runner in the server's process, one for each connection else.
#[derive(Default)]
pub(crate) struct Sessions {
    only: Option<Arc<SessionKey>>,
    of_attempts: Mutex<HashMap<AttemptToken, Arc<SessionKey>>>,
}

impl Sessions {
    pub(crate) fn remember(&self, token: &AttemptToken, key: &Arc<SessionKey>) {
        self.lock().insert(token.clone(), Arc::clone(key));
    }

    pub(crate) fn forget(&self, token: &AttemptToken) {
        if self.only.is_none() {
            self.lock().remove(token);
        }
    }

    /// The key for the grants of the attempt.
    fn of(&self, token: &AttemptToken) -> Option<Arc<SessionKey>> {
        self.only.clone().or_else(|| self.lock().get(token).cloned())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<AttemptToken, Arc<SessionKey>>> {
        self.of_attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runner {
    /// A runner in this process, and the server's end of the link to it. `rng` must be unguessable: it
    /// makes the key that both share. Nothing happens until [`Runner::run`] is polled.
    pub fn embedded(settings: RunnerSettings, rng: &mut dyn Rng) -> (RunnerLink, Self) {
        let session = SessionKey::generate(rng);
        let lease = Arc::new(Lease::boundless(Arc::clone(&settings.clock)));
        let sessions = Sessions { only: Some(Arc::new(session.duplicate())), ..Sessions::default() };
        let draining = CancellationToken::new();
        let (runner, to_runner, from_runner) =
            Self::new(settings, None, Arc::new(sessions), Arc::clone(&lease), draining);
        (RunnerLink { to_runner, from_runner, session, lease }, runner)
    }

    /// Works for a server elsewhere: connects, and connects again, until `draining` is cancelled and everything that had
    /// begun has been reported. `rng` must be unguessable.
    ///
    /// # Errors
    /// If the server refuses the runner.
    pub async fn remote(
        settings: RunnerSettings,
        name: String,
        server: RemoteServer,
        mut rng: Box<dyn Rng + Send>,
        draining: CancellationToken,
    ) -> Result<(), LinkError> {
        let lease = Arc::new(Lease::ended(Arc::clone(&settings.clock)));
        let id = RunnerId::new(settings.clock.now(), &mut *rng);
        let info = RunnerInfo { id, name, software: env!("CARGO_PKG_VERSION").to_owned(), held: Vec::new() };
        let sessions = Arc::new(Sessions::default());
        let (runner, to_core, from_core) =
            Self::new(settings, Some(info), Arc::clone(&sessions), Arc::clone(&lease), draining);
        let link = Link::new(server, from_core, to_core, sessions, lease, rng);
        // The link ends when the runner has said goodbye; a link that is refused ends the runner.
        let mut core = tokio::task::JoinSet::new();
        core.spawn(runner.run());
        link.keep().await
    }

    fn new(
        settings: RunnerSettings,
        info: Option<RunnerInfo>,
        sessions: Arc<Sessions>,
        lease: Arc<Lease>,
        draining: CancellationToken,
    ) -> (Self, mpsc::UnboundedSender<ToRunner>, mpsc::Receiver<ToServer>) {
        let (to_runner, from_server) = mpsc::unbounded_channel();
        let (to_server, from_runner) = mpsc::channel(LINK_MESSAGES_MAX);
        let RunnerSettings { capacity, labels, catalog, http, code, secret_managers, clock } = settings;
        let turns = Semaphore::new(usize::try_from(capacity.max(1)).unwrap_or(1));
        let token_cache = TokenCache::default();
        let shared = Shared {
            to_server,
            sessions,
            lease,
            draining,
            turns,
            catalog,
            http,
            code,
            secret_managers,
            token_cache,
            clock,
        };
        let runner = Self {
            shared: Arc::new(shared),
            labels,
            capacity,
            info,
            from_server,
            beats: VecDeque::new(),
            beat: 0,
            running: HashMap::new(),
            attempts: JoinSet::new(),
        };
        (runner, to_runner, from_runner)
    }

    /// Works until the server closes the link; what still runs then is stopped and not reported. Or until it is to drain,
    /// and what had begun has ended.
    pub async fn run(mut self) {
        let (version, capacity) = (PROTOCOL_VERSION, self.capacity);
        let (labels, runner) = (std::mem::take(&mut self.labels), self.info.take());
        let remote = runner.is_some();
        let hello = ToServer::Hello { version, labels, capacity, runner };
        if self.shared.to_server.send(hello).await.is_err() {
            return;
        }
        let mut heartbeat: Option<Interval> = None;
        let draining = self.shared.draining.clone();
        let mut told = false;
        loop {
            if told && self.attempts.is_empty() {
                // Nobody is left to hear it if this fails.
                let _ = self.shared.to_server.send(ToServer::Goodbye).await;
                return;
            }
            tokio::select! {
                message = self.from_server.recv() => match message {
                    None => return,
                    Some(ToRunner::Welcome { version, heartbeat_ms }) => {
                        if !(PROTOCOL_VERSION_MIN..=PROTOCOL_VERSION).contains(&version) {
                            tracing::error!(
                                server.version = version, runner.version = PROTOCOL_VERSION,
                                "server and runner speak different versions, the runner stops"
                            );
                            return;
                        }
                        heartbeat = Some(every(heartbeat_ms));
                        self.beats.clear();
                    }
                    Some(ToRunner::Beat { beat, term, holds_ms }) => self.follow(beat, term, holds_ms),
                    // The link's own affair.
                    Some(ToRunner::Received { .. }) => {}
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
                () = tick(&mut heartbeat) => self.give_sign(remote),
                () = draining.cancelled(), if !told => {
                    told = true;
                    // Nobody is left to hear it if this fails.
                    let _ = self.shared.to_server.send(ToServer::Draining).await;
                }
            }
        }
    }

    /// Says that it lives; a remote server answers how long its lease holds.
    fn give_sign(&mut self, remote: bool) {
        let running = self.running.keys().cloned().collect();
        let beat = if remote {
            self.beat += 1;
            self.beats.push_back((self.beat, self.shared.lease.moment()));
            if self.beats.len() > BEATS_MAX {
                self.beats.pop_front();
            }
            self.beat
        } else {
            0
        };
        // A full link carries signs of life enough.
        let _ = self.shared.to_server.try_send(ToServer::Heartbeat { running, beat });
    }

    /// The server's lease, as its answer to a heartbeat has it; an answer to one before the last cut says nothing.
    fn follow(&mut self, beat: u64, term: u64, holds_ms: u64) {
        while let Some((number, asked)) = self.beats.pop_front_if(|(number, _)| *number <= beat) {
            if number == beat {
                self.shared.lease.follow(asked, term, Duration::from_millis(holds_ms));
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
