//! The server's end of the link to a runner: hands assignments out, routes reports back to their runs.
//!
//! Speaks `protocol` messages only, to the embedded runner as to any other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use protocol::{
    ActionError, Assignment, AttemptToken, Outcome, PROTOCOL_VERSION, SecretUse, ToRunner, ToServer,
};
use secrets::session::SessionKey;
use tokio::sync::mpsc;

use super::codes;

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
}

/// What a runner says of one attempt.
#[derive(Debug)]
pub(crate) enum Report {
    /// Its turn has come.
    Began(AttemptToken),
    /// How it went.
    Ended(Ended),
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
    waiting: Arc<Mutex<HashMap<AttemptToken, Reports>>>,
}

impl Link {
    /// Takes the channel over and starts routing what comes from the runner.
    pub(crate) fn new(channel: RunnerChannel) -> Self {
        let waiting = Arc::new(Mutex::new(HashMap::new()));
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
        lock(&self.waiting).insert(token.clone(), reports);
        if self.to_runner.send(ToRunner::Assign { assignment }).await.is_ok() {
            return true;
        }
        lock(&self.waiting).remove(&token);
        false
    }

    /// Tells the runner to stop an attempt whose report no longer matters.
    pub(crate) async fn cancel(&self, token: AttemptToken) {
        lock(&self.waiting).remove(&token);
        // A runner that is gone has nothing to stop.
        let _ = self.to_runner.send(ToRunner::Cancel { token }).await;
    }
}

async fn route(
    mut from_runner: mpsc::Receiver<ToServer>,
    to_runner: mpsc::Sender<ToRunner>,
    waiting: Arc<Mutex<HashMap<AttemptToken, Reports>>>,
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
                let reports = lock(&waiting).remove(&token);
                if let Some(reports) = reports {
                    // The run may have ended meanwhile; its attempt is of no interest then.
                    let _ = reports.send(Report::Ended(Ended { token, outcome, secret_uses }));
                }
            }
            ToServer::Log { token, line, .. } => {
                tracing::debug!(attempt.token = %token, line, "step log");
            }
            ToServer::Started { token, .. } => {
                let reports = lock(&waiting).get(&token).cloned();
                if let Some(reports) = reports {
                    // The run may have ended meanwhile.
                    let _ = reports.send(Report::Began(token));
                }
            }
            ToServer::Heartbeat { .. } => {}
        }
    }
    // The runner is gone: whoever waits for it waits in vain.
    for (token, reports) in lock(&waiting).drain() {
        let error = ActionError {
            code: codes::RUNNER_LOST.to_owned(),
            message: "the runner stopped while it had the step".to_owned(),
            retryable: false,
            data: serde_json::Value::Null,
        };
        // The run may have ended meanwhile.
        let ended = Ended { token, outcome: Outcome::Failed { error }, secret_uses: Vec::new() };
        let _ = reports.send(Report::Ended(ended));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
