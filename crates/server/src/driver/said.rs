//! What attempts say while they run, kept until they end: the last lines, so many and so long.

use std::collections::VecDeque;

use serde_json::json;
use store::step_logs::{NewStepLog, StepLog};
use types::{StepLogId, SystemRng, Timestamp};

use super::grants::RunIds;

/// Lines of one attempt that are kept; of more the last ones.
pub(crate) const LINES_MAX: usize = 1_000;
/// Bytes of the lines of one attempt that are kept; of more the last ones.
pub(crate) const BYTES_MAX: usize = 256 * 1024;

/// What one attempt has said so far.
#[derive(Debug, Default)]
pub(crate) struct Said {
    lines: VecDeque<(Timestamp, String)>,
    bytes: usize,
    dropped: u64,
}

impl Said {
    /// One more line.
    pub(super) fn hear(&mut self, at: Timestamp, line: String) {
        self.bytes += line.len();
        self.lines.push_back((at, line));
        while self.lines.len() > LINES_MAX || (self.bytes > BYTES_MAX && self.lines.len() > 1) {
            let first = self.lines.pop_front();
            self.bytes -= first.map_or(0, |(_, line)| line.len());
            self.dropped += 1;
        }
    }

    /// What is kept of it.
    pub(super) fn into_log(self, run: RunIds, path: &str, attempt: u32, now: Timestamp) -> NewStepLog {
        let lines: Vec<_> = self.lines.into_iter().map(|(at, line)| json!([at.as_millis(), line])).collect();
        let log = StepLog {
            id: StepLogId::new(now, &mut SystemRng),
            path: path.to_owned(),
            attempt: attempt.into(),
            lines: json!(lines).to_string(),
            dropped: i64::try_from(self.dropped).unwrap_or(i64::MAX),
            created_at: now,
        };
        NewStepLog { execution: run.execution, workspace: run.workspace, log }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept() {
        let at = Timestamp::from_millis(7);
        let mut said = Said::default();
        for number in 0..LINES_MAX + 3 {
            said.hear(at, number.to_string());
        }
        assert_eq!((said.lines.len(), said.dropped), (LINES_MAX, 3));
        assert_eq!(said.lines[0].1, "3");

        let mut said = Said::default();
        for _ in 0..3 {
            said.hear(at, "x".repeat(BYTES_MAX / 2));
        }
        assert_eq!((said.lines.len(), said.dropped, said.bytes), (2, 1, BYTES_MAX));
        said.hear(at, "y".repeat(BYTES_MAX + 1));
        assert_eq!((said.lines.len(), said.dropped), (1, 3), "a line is never cut here");
    }
}
