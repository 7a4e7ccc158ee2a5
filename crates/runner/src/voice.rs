//! What an action says while it runs: lines for the log, redacted and bounded, and where secrets went.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actions::Sink;
use protocol::{AttemptToken, SecretUse, ToServer};
use secrets::Redactor;
use serde_json::{Map, Value as Json};
use tokio::sync::mpsc;
use types::{Clock, ConnectionId};

use crate::Shared;

/// Lines of one attempt; what comes after is dropped, and the last line says so.
const LINES_MAX: usize = 10_000;
/// Bytes of one line.
const LINE_BYTES_MAX: usize = 16 * 1024;
/// Uses of secrets that one attempt reports.
const SECRET_USES_MAX: usize = 1_000;

pub(crate) struct Voice {
    to_server: mpsc::Sender<ToServer>,
    clock: Arc<dyn Clock>,
    token: AttemptToken,
    redactor: Arc<Redactor>,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    lines: usize,
    lines_dropped: usize,
    said: Said,
}

/// What an action has said for its report.
#[derive(Default)]
pub(crate) struct Said {
    /// Not redacted.
    pub(crate) variables: Map<String, Json>,
    pub(crate) secret_uses: Vec<SecretUse>,
}

impl Voice {
    pub(crate) fn new(shared: &Shared, token: &AttemptToken, redactor: Arc<Redactor>) -> Self {
        let (to_server, clock) = (shared.to_server.clone(), Arc::clone(&shared.clock));
        Self { to_server, clock, token: token.clone(), redactor, heard: Mutex::default() }
    }

    /// Ends the log, saying so if lines are missing.
    pub(crate) async fn end(&self) -> Said {
        let Heard { lines_dropped, said, .. } = std::mem::take(&mut *self.heard());
        if lines_dropped > 0 {
            let line =
                format!("({lines_dropped} lines were dropped: more than {LINES_MAX}, or too many at once)");
            // The report that follows finds out whether the server still listens.
            let _ = self.to_server.send(self.message(line)).await;
        }
        said
    }

    fn message(&self, line: String) -> ToServer {
        ToServer::Log { token: self.token.clone(), at: self.clock.now(), line }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Voice {
    fn log(&self, line: &str) {
        let mut heard = self.heard();
        heard.lines += 1;
        // Redacted before it is cut: a secret that was cut would not be found. An action must not wait for
        // the log; a server that cannot follow loses lines, not reports.
        if heard.lines > LINES_MAX
            || self.to_server.try_send(self.message(cut(&self.redactor.text(line)))).is_err()
        {
            heard.lines_dropped += 1;
        }
    }

    fn set_variable(&self, name: String, value: Json) {
        self.heard().said.variables.insert(name, value);
    }

    fn secret_used(&self, connection_id: ConnectionId, host: &str) {
        let at = self.clock.now();
        let said = &mut self.heard().said;
        if said.secret_uses.len() < SECRET_USES_MAX {
            said.secret_uses.push(SecretUse { connection_id, host: host.to_owned(), at });
        }
    }
}

fn cut(line: &str) -> String {
    match line.len() > LINE_BYTES_MAX {
        true => format!("{}… ({} bytes)", &line[..line.floor_char_boundary(LINE_BYTES_MAX)], line.len()),
        false => line.to_owned(),
    }
}
