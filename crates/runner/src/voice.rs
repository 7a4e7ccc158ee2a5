//! What an action says while it runs: lines for the log, redacted and bounded, and where secrets went.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actions::Sink;
use protocol::{AttemptToken, SecretUse, ToServer};
use secrets::Redactor;
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
    said: Mutex<Said>,
}

#[derive(Default)]
struct Said {
    lines: usize,
    lines_dropped: usize,
    secret_uses: Vec<SecretUse>,
}

impl Voice {
    pub(crate) fn new(shared: &Shared, token: &AttemptToken, redactor: Arc<Redactor>) -> Self {
        let (to_server, clock) = (shared.to_server.clone(), Arc::clone(&shared.clock));
        Self { to_server, clock, token: token.clone(), redactor, said: Mutex::default() }
    }

    /// Ends the log, saying so if lines are missing, and gives where secrets have gone.
    pub(crate) async fn end(&self) -> Vec<SecretUse> {
        let Said { lines_dropped, secret_uses, .. } = std::mem::take(&mut *self.said());
        if lines_dropped > 0 {
            let line =
                format!("({lines_dropped} lines were dropped: more than {LINES_MAX}, or too many at once)");
            // The report that follows finds out whether the server still listens.
            let _ = self.to_server.send(self.message(line)).await;
        }
        secret_uses
    }

    fn message(&self, line: String) -> ToServer {
        ToServer::Log { token: self.token.clone(), at: self.clock.now(), line }
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Voice {
    fn log(&self, line: &str) {
        let mut said = self.said();
        said.lines += 1;
        // Redacted before it is cut: a secret that was cut would not be found. An action must not wait for
        // the log; a server that cannot follow loses lines, not reports.
        if said.lines > LINES_MAX
            || self.to_server.try_send(self.message(cut(&self.redactor.text(line)))).is_err()
        {
            said.lines_dropped += 1;
        }
    }

    fn secret_used(&self, connection_id: ConnectionId, host: &str) {
        let at = self.clock.now();
        let mut said = self.said();
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
