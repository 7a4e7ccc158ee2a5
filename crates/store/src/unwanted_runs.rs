//! Runs that are to stop because the run that called them no longer waits for them. The wish is in the commit in which
//! the caller gives up, so that a crash does not lose it; whoever drives the run carries it out. A table of its own:
//! a commit that wrote into the rows of other runs could wait for one that does the same to its own.

use types::{ExecutionId, TenantId, Timestamp, WorkspaceId};

use crate::batch::Batch;
use crate::executions::ExecutionState;
use crate::statement::sql;
use crate::{Read, StoreError, Tx};

/// A run that is to stop, and may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnwantedRun {
    /// The run.
    pub id: ExecutionId,
    /// Its workspace.
    pub workspace_id: WorkspaceId,
    /// The tenant of that.
    pub tenant_id: TenantId,
    /// How far it is.
    pub state: ExecutionState,
}

sql! {
    INSERT = "unwanted_runs.insert":
        "INSERT INTO unwanted_runs (execution_id, requested_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    CONTAINS = "unwanted_runs.contains":
        "SELECT u.requested_at FROM unwanted_runs u JOIN executions e ON e.id = u.execution_id
         WHERE e.workspace_id = $1 AND u.execution_id = $2";
    LIST = "unwanted_runs.list":
        "SELECT e.id, e.workspace_id, e.tenant_id, e.state
         FROM unwanted_runs u JOIN executions e ON e.id = u.execution_id
         WHERE u.requested_at <= $1 ORDER BY u.requested_at, e.id LIMIT $2";
    REMOVE = "unwanted_runs.remove": "DELETE FROM unwanted_runs WHERE execution_id = $1";
}

/// Notes that the runs are to stop, each since when; a wish that was there before stays. One for a run that is not
/// there means nothing. Called by the driver, which owns runs of every workspace.
pub async fn insert(tx: &Tx<'_>, runs: &[(ExecutionId, Timestamp)]) -> Result<(), StoreError> {
    tx.run_all(&[inserts(runs)]).await
}

pub(crate) fn inserts<'r>(runs: impl IntoIterator<Item = &'r (ExecutionId, Timestamp)>) -> Batch<'static> {
    Batch::each(&INSERT, runs.into_iter().map(|(id, since)| [(*id).into(), (*since).into()]))
}

/// Whether the run is to stop.
pub async fn contains(read: &impl Read, workspace: WorkspaceId, id: ExecutionId) -> Result<bool, StoreError> {
    let found = read.read_one(&CONTAINS, &[workspace.into(), id.into()], |row| row.time(0)).await?;
    Ok(found.is_some())
}

/// Runs of any workspace that were to stop at `requested_until` already, with those that have.
pub async fn list(
    read: &impl Read,
    requested_until: Timestamp,
    limit: i64,
) -> Result<Vec<UnwantedRun>, StoreError> {
    read.read_all(&LIST, &[requested_until.into(), limit.into()], |row| {
        Ok(UnwantedRun {
            id: row.id(0)?,
            workspace_id: row.id(1)?,
            tenant_id: row.id(2)?,
            state: row.word(3, ExecutionState::from_name)?,
        })
    })
    .await
}

/// Forgets the wish: the run has stopped.
pub async fn remove(tx: &Tx<'_>, id: ExecutionId) -> Result<(), StoreError> {
    tx.run_all(&[removals([id])]).await
}

pub(crate) fn removals(ids: impl IntoIterator<Item = ExecutionId>) -> Batch<'static> {
    Batch::each(&REMOVE, ids.into_iter().map(|id| [id.into()]))
}
