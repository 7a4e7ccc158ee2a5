//! What runs write: the rows of runs that begin, lines of the journal, where runs stand, what the audit log must
//! say of it. One [`RunWrite`] takes effect as a whole or not at all; a [`RunWriter`] commits many at once.

mod writer;

use std::collections::{BTreeMap, HashSet};

use futures_util::future::{try_join, try_join_all};
use types::{ExecutionId, RecordEventId, Timestamp, WorkflowId};

use crate::audit::AuditEntry;
use crate::executions::{FullExecution, Outcome};
use crate::files::{self, CopiedFiles, NewFile};
use crate::journal::{Append, Appended};
use crate::packed::Packed;
use crate::queued_runs::{self, QueuedRun};
use crate::step_logs::{self, NewStepLog};
use crate::{StoreError, Tx, audit, executions, journal, record_events, unwanted_runs};

pub use writer::RunWriter;

/// Bytes of a line's body that stay in the journal: a larger one is compressed and kept beside it.
pub const BODY_BYTES_MAX: usize = 8 * 1024;

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    kind: &'static str,
    body: String,
    packed: Option<Packed>,
}

impl Line {
    /// The engine's word for its kind, and its body as JSON, compressed here if it is large.
    pub fn new(kind: &'static str, json: String) -> Self {
        if json.len() > BODY_BYTES_MAX {
            return Self { kind, body: String::new(), packed: Some(Packed::new(&json)) };
        }
        Self { kind, body: json, packed: None }
    }

    /// Bytes that are stored of its body.
    fn bytes(&self) -> usize {
        self.packed.as_ref().map_or(self.body.len(), |packed| packed.bytes().len())
    }
}

/// What belongs together.
#[derive(Clone, Debug, Default)]
pub struct RunWrite {
    /// A run in progress goes on.
    pub progress: Option<Progress>,
    /// Runs that begin.
    pub begins: Vec<Begin>,
    /// Runs that are to stop, and since when ([`unwanted_runs`]).
    pub unwanted: Vec<(ExecutionId, Timestamp)>,
    /// Files that steps have left.
    pub files: Vec<NewFile>,
    /// What steps have said.
    pub step_logs: Vec<NewStepLog>,
    /// Files of other runs that runs which begin go on with.
    pub copied_files: Vec<CopiedFiles>,
    /// What the audit log must say.
    pub audit: Vec<AuditEntry>,
    /// Changes of records for which the runs begin ([`record_events`]).
    pub delivered: Vec<RecordEventId>,
}

/// A run in progress goes on.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The run.
    pub id: ExecutionId,
    /// The epoch in which the writer owns it.
    pub epoch: i64,
    /// The number of the first line.
    pub first_seq: i64,
    /// What was decided.
    pub lines: Vec<Line>,
    /// It was queued until now.
    pub was_queued: bool,
    /// The row's new content, if the state changed.
    pub outcome: Option<Outcome>,
    /// When.
    pub now: Timestamp,
}

/// A run begins: its row, whose number is given when it is written, and its first lines, from number 1.
#[derive(Clone, Debug)]
pub struct Begin {
    /// The row.
    pub row: FullExecution,
    /// What it will need, if it only waits for its turn.
    pub queued: Option<QueuedRun>,
    /// What was decided; of a run that waits, what it has copied from the one that it goes on from.
    pub lines: Vec<Line>,
    /// When.
    pub now: Timestamp,
}

impl RunWrite {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        let progress = self.progress.as_ref();
        progress.is_none_or(|progress| progress.lines.is_empty() && progress.outcome.is_none())
            && self.begins.is_empty()
            && self.unwanted.is_empty()
            && self.files.is_empty()
            && self.step_logs.is_empty()
            && self.copied_files.is_empty()
            && self.audit.is_empty()
            && self.delivered.is_empty()
    }

    /// Bytes of its lines and files: what makes it large, if anything does.
    fn bytes(&self) -> usize {
        let begun = self.begins.iter().map(|begin| &begin.lines);
        let lines = self.progress.iter().map(|progress| &progress.lines).chain(begun).flatten();
        let files = self.files.iter().map(|file| file.json.len());
        let logs = self.step_logs.iter().map(|new| new.log.lines.len());
        lines.map(Line::bytes).chain(files).chain(logs).sum()
    }
}

impl Progress {
    fn lines(&self) -> impl Iterator<Item = Append<'_>> {
        lines(self.id, self.epoch, self.first_seq, &self.lines, self.now)
    }
}

impl Begin {
    fn lines(&self) -> impl Iterator<Item = Append<'_>> {
        lines(self.row.execution.id, self.row.owner_epoch, 1, &self.lines, self.now)
    }
}

fn lines(
    execution_id: ExecutionId,
    epoch: i64,
    first_seq: i64,
    lines: &[Line],
    created_at: Timestamp,
) -> impl Iterator<Item = Append<'_>> {
    (first_seq..).zip(lines).map(move |(seq, Line { kind, body, packed })| Append {
        execution_id,
        epoch,
        seq,
        kind,
        body,
        packed: packed.as_ref(),
        created_at,
    })
}

/// Writes all of them. One whose run has another owner by now is left out as a whole and does not disturb the
/// others; the answers stand in the order of the writes.
///
/// However many they are, it waits for the database as long as three questions take: who owns the runs in progress, which
/// numbers those get that begin (at the same time as the first, unless a run in progress calls others), and everything
/// else.
pub async fn write_all(tx: &Tx<'_>, writes: &[&RunWrite]) -> Result<Vec<Appended>, StoreError> {
    // What a fenced run calls must not take a number.
    let calls = writes.iter().any(|write| write.progress.is_some() && !write.begins.is_empty());
    let all: Vec<&Begin> = writes.iter().filter(|_| !calls).flat_map(|write| &write.begins).collect();
    let (fenced, mut numbered) = try_join(append_first_lines(tx, writes), number(tx, &all)).await?;
    let lost =
        |write: &RunWrite| write.progress.as_ref().is_some_and(|progress| fenced.contains(&progress.id));
    let kept: Vec<&RunWrite> = writes.iter().copied().filter(|write| !lost(write)).collect();

    let begins: Vec<&Begin> = kept.iter().flat_map(|write| &write.begins).collect();
    if calls {
        numbered = number(tx, &begins).await?;
    }
    let progress = || kept.iter().filter_map(|write| write.progress.as_ref());
    // Who could append the first line holds the run until the commit.
    let rest = || progress().flat_map(|run| run.lines().skip(1));
    let begun = || begins.iter().flat_map(|begin| begin.lines());
    let outcomes = progress()
        .filter_map(|run| run.outcome.as_ref().map(|outcome| (run.id, run.epoch, outcome, run.now)));
    let queued = begins.iter().filter_map(|begin| Some((begin.row.execution.id, begin.queued.as_ref()?)));
    let [queued, keyed] = queued_runs::inserts(queued);
    tx.run_all(&[
        executions::inserts(numbered),
        queued,
        keyed,
        queued_runs::removals(progress().filter(|run| run.was_queued).map(|run| run.id)),
        journal::bodies(rest().chain(begun())),
        journal::inserts(rest().chain(begun())),
        executions::outcomes(outcomes),
        unwanted_runs::inserts(kept.iter().flat_map(|write| &write.unwanted)),
        files::inserts(kept.iter().flat_map(|write| &write.files)),
        step_logs::inserts(kept.iter().flat_map(|write| &write.step_logs)),
        files::copies(kept.iter().flat_map(|write| &write.copied_files)),
        audit::inserts(kept.iter().flat_map(|write| &write.audit)),
        record_events::removals(kept.iter().flat_map(|write| write.delivered.iter().copied())),
    ])
    .await?;
    let answer = |write: &&RunWrite| if lost(write) { Appended::Fenced } else { Appended::Written };
    Ok(writes.iter().map(answer).collect())
}

/// The first line of each run in progress asks who owns it; the runs that have another owner.
async fn append_first_lines(tx: &Tx<'_>, writes: &[&RunWrite]) -> Result<HashSet<ExecutionId>, StoreError> {
    let runs = writes.iter().filter_map(|write| write.progress.as_ref());
    let first: Vec<Append<'_>> = runs.filter_map(|run| run.lines().next()).collect();
    if first.is_empty() {
        return Ok(HashSet::new());
    }
    journal::append_all(tx, &first).await
}

/// The runs that begin, each with its number. Numbers are reserved workflow by workflow, in the order of their ids: two
/// writes that began the same workflows in another order would wait for each other.
async fn number<'b>(tx: &Tx<'_>, begins: &[&'b Begin]) -> Result<Vec<(&'b FullExecution, i64)>, StoreError> {
    let mut by_workflow: BTreeMap<WorkflowId, Vec<&FullExecution>> = BTreeMap::new();
    for begin in begins {
        by_workflow.entry(begin.row.execution.workflow_id).or_default().push(&begin.row);
    }
    // Asked for at once, and answered in that order.
    let asked = by_workflow.iter().map(|(workflow, rows)| {
        executions::next_numbers(tx, *workflow, i64::try_from(rows.len()).unwrap_or(i64::MAX))
    });
    let first = try_join_all(asked).await?;
    Ok(by_workflow.into_values().zip(first).flat_map(|(rows, first)| rows.into_iter().zip(first..)).collect())
}
