//! What runs write: the rows of runs that begin, lines of the journal, where runs stand, what the audit log must
//! say of it. One [`RunWrite`] takes effect as a whole or not at all; a [`RunWriter`] commits many at once.

mod writer;

use std::collections::{BTreeMap, HashSet};

use types::{ExecutionId, Timestamp, WorkflowId};

use crate::audit::AuditEntry;
use crate::executions::{FullExecution, Outcome};
use crate::files::{self, CopiedFiles, NewFile};
use crate::journal::{Append, Appended};
use crate::queued_runs::{self, QueuedRun};
use crate::{StoreError, Tx, audit, executions, journal, unwanted_runs};

pub use writer::RunWriter;

/// A line of the journal: the engine's word for its kind, and its body as JSON.
pub type Line = (&'static str, String);

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
    /// Files of other runs that runs which begin go on with.
    pub copied_files: Vec<CopiedFiles>,
    /// What the audit log must say.
    pub audit: Vec<AuditEntry>,
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
            && self.copied_files.is_empty()
            && self.audit.is_empty()
    }

    /// Bytes of its lines and files: what makes it large, if anything does.
    fn bytes(&self) -> usize {
        let begun = self.begins.iter().map(|begin| &begin.lines);
        let lines = self.progress.iter().map(|progress| &progress.lines).chain(begun).flatten();
        let files = self.files.iter().map(|file| file.json.len());
        lines.map(|(_, body)| body.len()).chain(files).sum()
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
    (first_seq..).zip(lines).map(move |(seq, (kind, body))| Append {
        execution_id,
        epoch,
        seq,
        kind,
        body,
        created_at,
    })
}

/// Writes all of them. One whose run has another owner by now is left out as a whole and does not disturb the
/// others; the answers stand in the order of the writes.
pub async fn write_all(tx: &Tx<'_>, writes: &[&RunWrite]) -> Result<Vec<Appended>, StoreError> {
    let fenced = append_first_lines(tx, writes).await?;
    let lost =
        |write: &RunWrite| write.progress.as_ref().is_some_and(|progress| fenced.contains(&progress.id));
    let kept: Vec<&RunWrite> = writes.iter().copied().filter(|write| !lost(write)).collect();

    let begins: Vec<&Begin> = kept.iter().flat_map(|write| &write.begins).collect();
    insert_begins(tx, &begins).await?;
    queue_and_dequeue(tx, &kept).await?;

    // Who could append the first line holds the run until the commit.
    let rest = kept.iter().filter_map(|write| write.progress.as_ref()).flat_map(|run| run.lines().skip(1));
    let lines: Vec<Append<'_>> = rest.chain(begins.iter().flat_map(|begin| begin.lines())).collect();
    journal::insert_many(tx, &lines).await?;

    let outcomes: Vec<_> = kept
        .iter()
        .filter_map(|write| write.progress.as_ref())
        .filter_map(|run| run.outcome.as_ref().map(|outcome| (run.id, run.epoch, outcome, run.now)))
        .collect();
    executions::set_outcomes(tx, &outcomes).await?;

    let unwanted: Vec<_> = kept.iter().flat_map(|write| &write.unwanted).copied().collect();
    unwanted_runs::insert(tx, &unwanted).await?;
    for write in &kept {
        for file in &write.files {
            files::insert(tx, file).await?;
        }
        for copied in &write.copied_files {
            files::copy(tx, copied).await?;
        }
    }
    let audit: Vec<&AuditEntry> = kept.iter().flat_map(|write| &write.audit).collect();
    audit::record_many(tx, audit).await?;
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

/// Keeps what runs will need that only wait for their turn, and forgets it of those whose turn has come.
async fn queue_and_dequeue(tx: &Tx<'_>, writes: &[&RunWrite]) -> Result<(), StoreError> {
    for write in writes {
        for begin in &write.begins {
            if let Some(queued) = &begin.queued {
                queued_runs::insert(tx, begin.row.execution.id, queued).await?;
            }
        }
        if let Some(progress) = write.progress.as_ref().filter(|progress| progress.was_queued) {
            queued_runs::remove(tx, progress.id).await?;
        }
    }
    Ok(())
}

/// Numbers are reserved workflow by workflow, in the order of their ids: two writes that began the same workflows
/// in another order would wait for each other.
async fn insert_begins(tx: &Tx<'_>, begins: &[&Begin]) -> Result<(), StoreError> {
    let mut by_workflow: BTreeMap<WorkflowId, Vec<&FullExecution>> = BTreeMap::new();
    for begin in begins {
        by_workflow.entry(begin.row.execution.workflow_id).or_default().push(&begin.row);
    }
    let mut numbered = Vec::with_capacity(begins.len());
    for (workflow, rows) in by_workflow {
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let first = executions::next_numbers(tx, workflow, count).await?;
        numbered.extend(rows.into_iter().zip(first..));
    }
    executions::insert_numbered(tx, &numbered).await
}
