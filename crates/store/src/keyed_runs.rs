//! Runs that share a key, of which a workflow allows so many at a time. A run holds the key from its beginning to its
//! end, as the state of its row says: nothing has to be given back, and nothing can be forgotten to be.
//!
//! Servers share the keys, so the functions name no workspace: a workflow lies in one.

use types::{ExecutionId, WorkflowId, WorkspaceId};

use crate::batch::Batch;
use crate::journal::Appended;
use crate::runs::{RunWrite, write_all};
use crate::statement::sql;
use crate::{Read, StoreError, Tx};

/// What runs of one workflow may share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The workflow.
    pub workflow: WorkflowId,
    /// The evaluated key.
    pub text: String,
}

sql! {
    REMOVE = "keyed_runs.remove": "DELETE FROM keyed_runs WHERE execution_id = $1";
    INSERT = "keyed_runs.insert":
        "INSERT INTO keyed_runs (execution_id, workflow_id, run_key) VALUES ($1, $2, $3)";
    GET = "keyed_runs.get":
        "SELECT k.workflow_id, k.run_key
         FROM keyed_runs k JOIN executions e ON e.id = k.execution_id
         WHERE e.workspace_id = $1 AND k.execution_id = $2";
    ACTIVE = "keyed_runs.active":
        "SELECT k.execution_id
         FROM keyed_runs k JOIN executions e ON e.id = k.execution_id
         WHERE k.workflow_id = $1 AND k.run_key = $2 AND k.execution_id <> $3
           AND e.state IN ('running', 'waiting', 'paused')
         ORDER BY e.created_at, k.execution_id LIMIT $4";
    TIDY = "keyed_runs.tidy":
        "DELETE FROM keyed_runs
         WHERE workflow_id = $1 AND run_key = $2
           AND execution_id IN (
               SELECT k.execution_id FROM keyed_runs k LEFT JOIN executions e ON e.id = k.execution_id
               WHERE k.workflow_id = $1 AND k.run_key = $2
                 AND (e.id IS NULL OR e.state IN ('completed', 'failed', 'cancelled', 'timed_out')))";
}

/// Notes which keys runs have that are queued in the same transaction.
pub(crate) fn inserts<'k>(runs: impl IntoIterator<Item = (ExecutionId, &'k Key)>) -> Batch<'k> {
    let row = |(id, key): (ExecutionId, &'k Key)| [id.into(), key.workflow.into(), (&key.text).into()];
    Batch::each(&INSERT, runs.into_iter().map(row))
}

/// Nobody asks for the runs' keys any more.
pub(crate) fn removals(ids: impl IntoIterator<Item = ExecutionId>) -> Batch<'static> {
    Batch::each(&REMOVE, ids.into_iter().map(|id| [id.into()]))
}

/// The key of a run that has not ended; none if it has no key.
pub async fn get(
    read: &impl Read,
    workspace: WorkspaceId,
    id: ExecutionId,
) -> Result<Option<Key>, StoreError> {
    read.read_one(&GET, &[workspace.into(), id.into()], |row| {
        Ok(Key { workflow: row.id(0)?, text: row.string(1)? })
    })
    .await
}

/// Up to `limit` runs other than `id` that hold the key, the oldest first.
pub async fn active(
    read: &impl Read,
    key: &Key,
    id: ExecutionId,
    limit: i64,
) -> Result<Vec<ExecutionId>, StoreError> {
    let params = [key.workflow.into(), (&key.text).into(), id.into(), limit.into()];
    read.read_all(&ACTIVE, &params, |row| row.id(0)).await
}

/// Writes the beginning of the run, unless `limit` others hold the key; none if they do. Exact also if several servers
/// begin runs at once.
pub async fn begin(
    tx: &Tx<'_>,
    key: &Key,
    id: ExecutionId,
    limit: i64,
    write: &RunWrite,
) -> Result<Option<Appended>, StoreError> {
    // Who begins a run with a key waits here for whoever else does.
    tx.lock(&format!("{} {}", key.workflow, key.text)).await?;
    tx.execute(&TIDY, &[key.workflow.into(), (&key.text).into()]).await?;
    let others = active(tx, key, id, limit).await?;
    if i64::try_from(others.len()).unwrap_or(i64::MAX) >= limit {
        return Ok(None);
    }
    let answers = write_all(tx, &[write]).await?;
    // One write, one answer.
    Ok(answers.first().copied())
}
