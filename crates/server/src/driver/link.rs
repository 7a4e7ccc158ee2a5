//! The server's end of the link to a runner: hands assignments out, routes reports back to their runs.
//!
//! Speaks `protocol` messages only, to the embedded runner as to any other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use protocol::{Assignment, AttemptToken, Outcome, PROTOCOL_VERSION, SecretUse, ToRunner, ToServer};
use secrets::session::SessionKey;
use tokio::sync::mpsc;
use types::Lease;

/// Milliseconds between a runner's heartbeats.
const HEARTBEAT_MS: u64 = 2_000;

/// The two ends of the channel to a runner, and the key that both share.
pub struct RunnerChannel {
    /// To the runner.
    pub to_runner: mpsc::Sender<ToRunner>,
    /// From the runner.
    pub from_runner: mpsc::Receiver<ToServer>,
    /// Grants are sealed under it.
    pub session: SessionKey,
    /// What the runner looks at before it begins an attempt: this server's lease.
    pub lease: Arc<Lease>,
}

/// What a runner says of one attempt.
#[derive(Debug)]
pub(crate) enum Report {
    /// Its turn has come.
    Began(AttemptToken),
    /// How it went.
    Ended(Ended),
    /// The runner is gone; nobody knows how it went.
    Lost(AttemptToken),
    /// It was not begun and will not be.
    NotBegun(AttemptToken),
    /// No runner's word: what became of a run that the attempt called.
    Called(engine::Event),
}

/// A runner's last word on one attempt.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) token: AttemptToken,
    pub(crate) outcome: Outcome,
    pub(crate) secret_uses: Vec<SecretUse>,
}

/// Where the reports of an attempt go.
pub(crate) type Reports = mpsc::UnboundedSender<Report>;

/// The server's end.
pub(crate) struct Link {
    to_runner: mpsc::Sender<ToRunner>,
    session: SessionKey,
    waiting: Arc<Mutex<Waiting>>,
}

/// Who waits for reports.
#[derive(Default)]
struct Waiting {
    attempts: HashMap<AttemptToken, Reports>,
    /// The runner will not report any more.
    gone: bool,
}

impl Link {
    /// Takes the channel over and starts routing what comes from the runner.
    pub(crate) fn new(channel: RunnerChannel) -> Self {
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        let router = route(channel.from_runner, channel.to_runner.clone(), Arc::clone(&waiting));
        tokio::spawn(router);
        Self { to_runner: channel.to_runner, session: channel.session, waiting }
    }

    pub(crate) fn session(&self) -> &SessionKey {
        &self.session
    }

    /// Hands an assignment to the runner; its report will go to `reports`. False if the runner is gone.
    pub(crate) async fn assign(&self, assignment: Box<Assignment>, reports: Reports) -> bool {
        let token = assignment.token.clone();
        {
            let mut waiting = lock(&self.waiting);
            if waiting.gone {
                return false;
            }
            waiting.attempts.insert(token.clone(), reports);
        }
        if self.to_runner.send(ToRunner::Assign { assignment }).await.is_ok() {
            return true;
        }
        lock(&self.waiting).attempts.remove(&token);
        false
    }

    /// Tells the runner to stop an attempt whose report no longer matters.
    pub(crate) async fn cancel(&self, token: AttemptToken) {
        lock(&self.waiting).attempts.remove(&token);
        // A runner that is gone has nothing to stop.
        let _ = self.to_runner.send(ToRunner::Cancel { token }).await;
    }
}

async fn route(
    mut from_runner: mpsc::Receiver<ToServer>,
    to_runner: mpsc::Sender<ToRunner>,
    waiting: Arc<Mutex<Waiting>>,
) {
    while let Some(message) = from_runner.recv().await {
        match message {
            ToServer::Hello { version, capacity, .. } => {
                tracing::debug!(runner.version = version, runner.capacity = capacity, "runner connected");
                let welcome = ToRunner::Welcome { version: PROTOCOL_VERSION, heartbeat_ms: HEARTBEAT_MS };
                if to_runner.send(welcome).await.is_err() {
                    return;
                }
            }
            ToServer::Finished { token, outcome, secret_uses } => {
                let reports = lock(&waiting).attempts.remove(&token);
                if let Some(reports) = reports {
                    // The run may have ended meanwhile; its attempt is of no interest then.
                    let _ = reports.send(Report::Ended(Ended { token, outcome, secret_uses }));
                }
            }
            ToServer::NotBegun { token } => {
                let reports = lock(&waiting).attempts.remove(&token);
                if let Some(reports) = reports {
                    // The run may have ended meanwhile.
                    let _ = reports.send(Report::NotBegun(token));
                }
            }
            ToServer::Log { token, line, .. } => {
                tracing::debug!(attempt.token = %token, line, "step log");
            }
            ToServer::Started { token, .. } => {
                let reports = lock(&waiting).attempts.get(&token).cloned();
                if let Some(reports) = reports {
                    // The run may have ended meanwhile.
                    let _ = reports.send(Report::Began(token));
                }
            }
            ToServer::Heartbeat { .. } => {}
        }
    }
    // Whoever waits for it waits in vain.
    let mut waiting = lock(&waiting);
    waiting.gone = true;
    for (token, reports) in waiting.attempts.drain() {
        // The run may have ended meanwhile.
        let _ = reports.send(Report::Lost(token));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
