//! The runner's end of a link to a remote server: one outbound websocket, opened again and again as long as there is
//! something to do. What has been assigned and not been told to have arrived is kept here, so that a cut loses no report.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use protocol::{AttemptToken, CLOSED_REFUSED, Outcome, ToRunner, ToServer};
use secrets::session::SessionKey;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use types::{Lease, Rng};

use crate::dial::{Dialled, RemoteServer, Socket, dial};
use crate::{MESSAGE_BYTES_MAX, Sessions};

/// Pause before the first attempt to connect again, and the longest: doubled each time, and up to half of it by chance.
const RECONNECT_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// Messages that go into one write at most.
const BATCH_MAX: usize = 256;
/// Silence of the server until its first word.
const WELCOME_TIME: Duration = Duration::from_secs(10);
/// Heartbeats without an answer after which the connection counts as cut.
const MISSED_MAX: u32 = 3;

/// The code of an output that is more than a run keeps, here as where it is kept.
const OUTPUT_TOO_LARGE: &str = "output_too_large";

/// Why a runner ends that was not asked to.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The server does not want it.
    #[error("{message}")]
    Refused {
        /// The HTTP status of the refusal.
        status: u16,
        /// What the server says.
        message: String,
    },
    /// The address, the token or what the runner says of itself cannot be used.
    #[error("{0}")]
    Unusable(String),
}

/// One link, whether it is connected at the moment or not.
pub(crate) struct Link {
    pub(crate) server: RemoteServer,
    pub(crate) from_core: mpsc::Receiver<ToServer>,
    pub(crate) to_core: mpsc::UnboundedSender<ToRunner>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) lease: Arc<Lease>,
    pub(crate) rng: Box<dyn Rng + Send>,
    /// What the core says of itself; sent anew on each connection.
    hello: Option<ToServer>,
    /// Attempts that were assigned; with the report, as long as the server has not said that it has arrived.
    held: HashMap<AttemptToken, Option<ToServer>>,
    /// The runner takes nothing more.
    draining: bool,
    /// The runner has said goodbye.
    leaving: bool,
}

/// How a connection ended.
enum End {
    /// For good.
    Done,
    Cut,
    /// The server will not have the runner, however often it comes.
    Refused(String),
}

impl Link {
    pub(crate) fn new(
        server: RemoteServer,
        from_core: mpsc::Receiver<ToServer>,
        to_core: mpsc::UnboundedSender<ToRunner>,
        sessions: Arc<Sessions>,
        lease: Arc<Lease>,
        rng: Box<dyn Rng + Send>,
    ) -> Self {
        let held = HashMap::new();
        Self {
            server,
            from_core,
            to_core,
            sessions,
            lease,
            rng,
            hello: None,
            held,
            draining: false,
            leaving: false,
        }
    }

    /// Keeps the link up until the runner leaves.
    ///
    /// # Errors
    /// If the server refuses the runner.
    pub(crate) async fn keep(mut self) -> Result<(), LinkError> {
        let mut pause = RECONNECT_PAUSE.0;
        loop {
            if self.leaving && self.held.is_empty() {
                return Ok(());
            }
            match dial(&self.server, &mut *self.rng).await {
                Dialled::Open(socket, session) => {
                    tracing::info!(server = %self.server.address(), "connected");
                    let end = self.serve(*socket, Arc::new(session)).await;
                    // Nothing is begun that the server may have given up.
                    self.lease.end();
                    match end {
                        End::Done => return Ok(()),
                        End::Cut => tracing::warn!(server = %self.server.address(), "the connection was cut"),
                        End::Refused(why) => return Err(LinkError::Unusable(why)),
                    }
                    pause = RECONNECT_PAUSE.0;
                }
                Dialled::Refused(error) => return Err(error),
                Dialled::Unreachable(cause) => {
                    tracing::warn!(server = %self.server.address(), cause, "cannot connect, trying again");
                }
            }
            if self.wait(pause).await {
                return Ok(());
            }
            pause = (pause * 2).min(RECONNECT_PAUSE.1);
        }
    }

    /// Waits before the next attempt to connect, and listens to the runner meanwhile; true if nothing is left to do.
    async fn wait(&mut self, pause: Duration) -> bool {
        let mut byte = [0];
        self.rng.fill(&mut byte);
        let jitter = pause.mul_f64(f64::from(byte[0]) / 512.0);
        let end = tokio::time::Instant::now() + pause + jitter;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(end) => return false,
                message = self.from_core.recv(), if !self.leaving => match message {
                    Some(message) => drop(self.note(message)),
                    None => self.leaving = true,
                },
            }
            if self.leaving && self.held.is_empty() {
                return true;
            }
        }
    }

    /// Remembers what must not get lost; what is worth sending on the connection that there is.
    fn note(&mut self, message: ToServer) -> Option<ToServer> {
        match message {
            ToServer::Hello { .. } => {
                self.hello = Some(message);
                None
            }
            ToServer::Finished { ref token, .. } | ToServer::NotBegun { ref token } => {
                self.sessions.forget(token);
                self.held.insert(token.clone(), Some(message.clone()));
                Some(message)
            }
            ToServer::Draining => {
                self.draining = true;
                Some(message)
            }
            // It goes when everything else has arrived.
            ToServer::Goodbye => {
                self.leaving = true;
                None
            }
            other => Some(other),
        }
    }

    async fn serve(&mut self, socket: Socket, session: Arc<SessionKey>) -> End {
        let traffic = socket.get_ref().traffic();
        let (mut sink, mut stream) = socket.split();
        let Some(mut hello) = self.hello().await else { return End::Done };
        if let ToServer::Hello { runner: Some(runner), .. } = &mut hello {
            runner.held = self.held.keys().cloned().collect();
        }
        let reports: Vec<ToServer> = self.held.values().flatten().cloned().collect();
        let draining = self.draining.then_some(ToServer::Draining);
        let first = std::iter::once(hello).chain(draining).chain(reports).map(|message| text_of(&message));
        if !traffic.send(&mut sink, first, WELCOME_TIME).await {
            return End::Cut;
        }
        let mut batch = Vec::with_capacity(BATCH_MAX);
        let mut silence = WELCOME_TIME;
        let mut heard = tokio::time::Instant::now();
        loop {
            if self.leaving && self.held.is_empty() {
                traffic.send(&mut sink, [text_of(&ToServer::Goodbye)], silence).await;
                let _ = tokio::time::timeout(silence, sink.close()).await;
                return End::Done;
            }
            tokio::select! {
                count = self.from_core.recv_many(&mut batch, BATCH_MAX), if !self.leaving => {
                    if count == 0 {
                        self.leaving = true;
                    }
                    let began = tokio::time::Instant::now();
                    let noted = batch.drain(..).filter_map(|message| self.note(message));
                    let texts: Vec<String> = noted.map(|message| text_of(&message)).collect();
                    if !traffic.send(&mut sink, texts, silence).await {
                        return End::Cut;
                    }
                    // Meanwhile nobody listened.
                    heard += began.elapsed();
                }
                message = stream.next() => {
                    let Some(Ok(message)) = message else { return End::Cut };
                    heard = tokio::time::Instant::now();
                    let text = match message {
                        Message::Text(text) => text,
                        Message::Close(Some(frame)) => return self.closed(&frame),
                        _ => continue,
                    };
                    match serde_json::from_str(text.as_str()) {
                        Ok(message) => {
                            if let ToRunner::Welcome { heartbeat_ms, .. } = &message {
                                silence = Duration::from_millis(*heartbeat_ms) * MISSED_MAX;
                            }
                            self.hear(message, &session);
                        }
                        Err(error) => tracing::warn!(%error, "a message of the server cannot be read"),
                    }
                }
                () = tokio::time::sleep_until(heard + silence) => {
                    // A part of a large message may have come.
                    let read = traffic.last_read();
                    if read + silence <= tokio::time::Instant::now() {
                        return End::Cut;
                    }
                    heard = read;
                }
            }
        }
    }

    /// The server has closed the connection, and says why.
    fn closed(&self, frame: &CloseFrame) -> End {
        if u16::from(frame.code) == CLOSED_REFUSED {
            return End::Refused(frame.reason.to_string());
        }
        tracing::info!(server = %self.server.address(), reason = %frame.reason, "the server ends the connection");
        End::Cut
    }

    /// What the core says of itself: the first thing it says.
    async fn hello(&mut self) -> Option<ToServer> {
        while self.hello.is_none() {
            let message = self.from_core.recv().await?;
            let _ = self.note(message);
        }
        self.hello.clone()
    }

    fn hear(&mut self, message: ToRunner, session: &Arc<SessionKey>) {
        match message {
            ToRunner::Received { tokens } => {
                for token in tokens {
                    // Only what has been reported can have arrived.
                    if self.held.get(&token).is_some_and(Option::is_some) {
                        self.held.remove(&token);
                    }
                }
                return;
            }
            ToRunner::Assign { ref assignment } => {
                self.held.insert(assignment.token.clone(), None);
                self.sessions.remember(&assignment.token, session);
            }
            _ => {}
        }
        // A runner that has ended hears nothing.
        let _ = self.to_core.send(message);
    }
}

/// The message as it travels. A report that is too large for that is one of a failure.
fn text_of(message: &ToServer) -> String {
    let text = serde_json::to_string(message).unwrap_or_default();
    if text.len() <= MESSAGE_BYTES_MAX {
        return text;
    }
    let ToServer::Finished { token, secret_uses, .. } = message else { return text };
    let error = protocol::ActionError {
        code: OUTPUT_TOO_LARGE.to_owned(),
        message: format!("the output has more than the {MESSAGE_BYTES_MAX} bytes that a runner reports"),
        retryable: false,
        data: serde_json::Value::Null,
    };
    let (token, secret_uses) = (token.clone(), secret_uses.clone());
    let report = ToServer::Finished { token, outcome: Outcome::Failed { error }, secret_uses };
    serde_json::to_string(&report).unwrap_or_default()
}
