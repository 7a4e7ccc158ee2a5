//! The journal: what each run decided, append-only, numbered without gaps by its owner. An append names the
//! owner's epoch and is refused if the run has another owner by now.
//!
//! What is large, mostly an output, is compressed and kept beside the line: those who read a journal for something else
//! do not carry it along.

use std::collections::HashSet;

use types::{ExecutionId, Timestamp, WorkspaceId};

use crate::batch::Batch;
use crate::packed::{Packed, unpack};
use crate::statement::sql;
use crate::{Read, Row, RowError, StoreError, Tx, Value};

/// The key that an append meets if its number is taken: by the same append, done before.
pub const SEQ_KEY: &str = "journal_pkey";

// The SQL names both.
macro_rules! lines_at_a_time {
    () => {
        100
    };
}
macro_rules! chars_at_a_time {
    () => {
        1000000
    };
}

/// Lines that [`read_after`] answers at a time.
pub const LINES_AT_A_TIME: usize = lines_at_a_time!();
/// Characters of bodies after which [`read_after`] answers no further line.
pub const CHARS_AT_A_TIME: usize = chars_at_a_time!();

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the run, from 1.
    pub seq: i64,
    /// What kind of thing was decided: the engine's word.
    pub kind: String,
    /// What was decided, as JSON.
    pub body: String,
    /// When.
    pub created_at: Timestamp,
}

/// One line to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Append<'a> {
    /// The run.
    pub execution_id: ExecutionId,
    /// The epoch in which the writer owns it.
    pub epoch: i64,
    /// As in [`Entry`].
    pub seq: i64,
    /// As in [`Entry`].
    pub kind: &'a str,
    /// As in [`Entry`]; empty if it is `packed`.
    pub body: &'a str,
    /// The body, if it is large.
    pub packed: Option<&'a Packed>,
    /// As in [`Entry`].
    pub created_at: Timestamp,
}

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a fenced writer must let go of the run"]
pub enum Appended {
    /// It is written.
    Written,
    /// The run has another owner: nothing is written.
    Fenced,
}

sql! {
    // The lock makes it a fence on PostgreSQL: without it an append that started before an adoption could
    // commit after it, behind the back of the new owner, who has read the journal by then.
    APPEND = "journal.append":
        "INSERT INTO journal (execution_id, seq, kind, body, created_at)
         SELECT e.id, CAST($3 AS BIGINT), CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS BIGINT)
         FROM executions e WHERE e.id = $1 AND e.owner_epoch = $2 {for_share}";
    INSERT = "journal.insert":
        "INSERT INTO journal (execution_id, seq, kind, body, created_at) VALUES {row:5}";
    INSERT_BODY = "journal_bodies.insert":
        "INSERT INTO journal_bodies (execution_id, seq, size_bytes, packed) VALUES {row:4}";
    READ = "journal.read_all":
        "SELECT j.seq, j.kind, j.body, j.created_at, b.size_bytes, b.packed
         FROM journal j JOIN executions e ON e.id = j.execution_id
         LEFT JOIN journal_bodies b ON b.execution_id = j.execution_id AND b.seq = j.seq
         WHERE e.workspace_id = $1 AND j.execution_id = $2 ORDER BY j.seq";
    READ_AFTER = "journal.read_after": concat!(
        "SELECT seq, kind, body, created_at, size_bytes, packed
         FROM (SELECT seq, kind, body, created_at, size_bytes, packed,
                      SUM(chars) OVER (ORDER BY seq) - chars AS chars_ahead
               FROM (SELECT j.seq, j.kind, j.body, j.created_at, b.size_bytes, b.packed,
                            COALESCE(b.size_bytes, LENGTH(j.body)) AS chars
                     FROM journal j JOIN executions e ON e.id = j.execution_id
                     LEFT JOIN journal_bodies b ON b.execution_id = j.execution_id AND b.seq = j.seq
                     WHERE e.workspace_id = $1 AND j.execution_id = $2 AND j.seq > $3
                     ORDER BY j.seq LIMIT ", lines_at_a_time!(), ") next_lines) weighed
         WHERE chars_ahead < ", chars_at_a_time!(), " ORDER BY seq"
    );
}

/// Appends one line.
pub async fn append(tx: &Tx<'_>, line: &Append<'_>) -> Result<Appended, StoreError> {
    let appended = written(tx.execute(&APPEND, &params(line)).await?);
    if appended == Appended::Written {
        tx.run_all(&[bodies([*line])]).await?;
    }
    Ok(appended)
}

/// Appends lines of many runs in one round trip, and what is packed of them in a second one. A run that is fenced is left
/// out and does not disturb the others; answers those.
pub async fn append_all(tx: &Tx<'_>, lines: &[Append<'_>]) -> Result<HashSet<ExecutionId>, StoreError> {
    let sets: Vec<_> = lines.iter().map(params).collect();
    let changed = tx.execute_each(&APPEND, &sets).await?;
    let (written, fenced): (Vec<_>, Vec<_>) =
        lines.iter().zip(changed).partition(|(_, changed)| *changed > 0);
    tx.run_all(&[bodies(written.into_iter().map(|(line, _)| *line))]).await?;
    Ok(fenced.into_iter().map(|(line, _)| line.execution_id).collect())
}

/// The run's journal, from the first line on.
pub async fn read_all(
    read: &impl Read,
    workspace: WorkspaceId,
    execution: ExecutionId,
) -> Result<Vec<Entry>, StoreError> {
    read.read_all(&READ, &[workspace.into(), execution.into()], decode).await
}

/// The next lines of the run's journal after that number: none if there are no more, else at least one and as many
/// as [`LINES_AT_A_TIME`] and [`CHARS_AT_A_TIME`] let through.
pub async fn read_after(
    read: &impl Read,
    workspace: WorkspaceId,
    execution: ExecutionId,
    after: i64,
) -> Result<Vec<Entry>, StoreError> {
    read.read_all(&READ_AFTER, &[workspace.into(), execution.into(), after.into()], decode).await
}

fn decode(row: &Row<'_>) -> Result<Entry, RowError> {
    let body = match (row.opt_int(4)?, row.opt_bytes(5)?) {
        (Some(size), Some(packed)) => unpack(packed, size).map_err(|why| RowError::new(5, why))?,
        _ => row.string(2)?,
    };
    // No JSON is.
    if body.is_empty() {
        return Err(RowError::new(5, "is absent"));
    }
    Ok(Entry { seq: row.int(0)?, kind: row.string(1)?, body, created_at: row.time(3)? })
}

/// Writes lines without asking who owns their runs: for runs that begin in the same transaction, or of which it has
/// appended a line before.
pub(crate) fn inserts<'a>(lines: impl IntoIterator<Item = Append<'a>>) -> Batch<'a> {
    Batch::rows(&INSERT, lines.into_iter().map(inserted))
}

/// Writes what is packed of the lines, beside them.
pub(crate) fn bodies<'a>(lines: impl IntoIterator<Item = Append<'a>>) -> Batch<'a> {
    let packed = |line: Append<'a>| {
        let packed = line.packed?;
        Some([line.execution_id.into(), line.seq.into(), packed.size_bytes().into(), packed.bytes().into()])
    };
    Batch::rows(&INSERT_BODY, lines.into_iter().filter_map(packed))
}

fn inserted<'a>(line: Append<'a>) -> [Value<'a>; 5] {
    [line.execution_id.into(), line.seq.into(), line.kind.into(), line.body.into(), line.created_at.into()]
}

fn params<'a>(line: &Append<'a>) -> [Value<'a>; 6] {
    [
        line.execution_id.into(),
        line.epoch.into(),
        line.seq.into(),
        line.kind.into(),
        line.body.into(),
        line.created_at.into(),
    ]
}

fn written(changed: u64) -> Appended {
    if changed == 0 { Appended::Fenced } else { Appended::Written }
}
