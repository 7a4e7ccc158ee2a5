//! What steps of runs have said while they ran. Written with the end of the attempt that said it.

use types::{ExecutionId, StepLogId, Timestamp, WorkspaceId};

use crate::batch::Batch;
use crate::statement::sql;
use crate::{Read, Row, RowError, StoreError};

/// What one attempt of a step has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepLog {
    /// In the order in which attempts ended.
    pub id: StepLogId,
    /// The step's path.
    pub path: String,
    /// Counts from 1.
    pub attempt: i64,
    /// A JSON list of `[milliseconds, text]`, the last ones if there were more than are kept.
    pub lines: String,
    /// How many lines were not kept.
    pub dropped: i64,
    /// When the attempt ended.
    pub created_at: Timestamp,
}

/// A log to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStepLog {
    /// The run.
    pub execution: ExecutionId,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// What was said.
    pub log: StepLog,
}

sql! {
    INSERT = "step_logs.insert":
        "INSERT INTO step_logs
         (execution_id, id, workspace_id, path, attempt, lines, dropped, size_bytes, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    LIST = "step_logs.list":
        "SELECT id, path, attempt, lines, dropped, created_at FROM step_logs
         WHERE workspace_id = $1 AND execution_id = $2 ORDER BY id LIMIT $3 OFFSET $4";
    COUNT = "step_logs.count":
        "SELECT COUNT(*) AS total FROM step_logs WHERE workspace_id = $1 AND execution_id = $2";
}

/// Keeps logs.
pub(crate) fn inserts<'l>(logs: impl IntoIterator<Item = &'l NewStepLog>) -> Batch<'l> {
    let row = |new: &'l NewStepLog| {
        let log = &new.log;
        [
            new.execution.into(),
            log.id.into(),
            new.workspace.into(),
            (&log.path).into(),
            log.attempt.into(),
            (&log.lines).into(),
            log.dropped.into(),
            i64::try_from(log.lines.len()).unwrap_or(i64::MAX).into(),
            log.created_at.into(),
        ]
    };
    Batch::each(&INSERT, logs.into_iter().map(row))
}

/// Some of the logs of a run, in the order in which its attempts ended, and how many there are.
pub async fn list(
    read: &impl Read,
    workspace: WorkspaceId,
    execution: ExecutionId,
    (limit, offset): (u64, u64),
) -> Result<(u64, Vec<StepLog>), StoreError> {
    let of = [workspace.into(), execution.into()];
    let total = read.count(&COUNT, &of).await?;
    let bound = |number: u64| i64::try_from(number).unwrap_or(i64::MAX).into();
    let params = [workspace.into(), execution.into(), bound(limit), bound(offset)];
    let logs = read.read_all(&LIST, &params, from_row).await?;
    Ok((u64::try_from(total).unwrap_or_default(), logs))
}

fn from_row(row: &Row<'_>) -> Result<StepLog, RowError> {
    Ok(StepLog {
        id: row.id(0)?,
        path: row.string(1)?,
        attempt: row.int(2)?,
        lines: row.string(3)?,
        dropped: row.int(4)?,
        created_at: row.time(5)?,
    })
}
