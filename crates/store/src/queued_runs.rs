//! Runs that were accepted and wait for their turn: what their start needs beyond their row. That a run waits is
//! told by the state of its row, not by this table.

use types::{ExecutionId, Timestamp, WorkspaceId};

use crate::batch::Batch;
use crate::keyed_runs::{self, Key};
use crate::statement::sql;
use crate::{Read, StoreError, Tx};

/// What a run begins with beyond its row in `executions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedRun {
    /// A JSON object: what the run may know of itself.
    pub metadata: String,
    /// Milliseconds that it may take.
    pub run_time_ms: i64,
    /// Before that it is not adopted; none if it only waits for its turn.
    pub begins_at: Option<Timestamp>,
    /// Its key, of which so many runs may be active; none if there is no bound.
    pub key: Option<Key>,
}

sql! {
    INSERT = "queued_runs.insert":
        "INSERT INTO queued_runs (execution_id, metadata, run_time_ms, begins_at) VALUES ($1, $2, $3, $4)";
    GET = "queued_runs.get":
        "SELECT q.metadata, q.run_time_ms, q.begins_at, k.workflow_id, k.run_key
         FROM queued_runs q JOIN executions e ON e.id = q.execution_id
         LEFT JOIN keyed_runs k ON k.execution_id = q.execution_id
         WHERE e.workspace_id = $1 AND q.execution_id = $2";
    REMOVE = "queued_runs.remove": "DELETE FROM queued_runs WHERE execution_id = $1";
}

/// Stores what a run that is accepted as queued will need.
pub async fn insert(tx: &Tx<'_>, id: ExecutionId, run: &QueuedRun) -> Result<(), StoreError> {
    tx.run_all(&inserts([(id, run)])).await
}

/// What runs that are accepted as queued will need: of each, and of those that have a key.
pub(crate) fn inserts<'r>(
    runs: impl IntoIterator<Item = (ExecutionId, &'r QueuedRun)> + Clone,
) -> [Batch<'r>; 2] {
    let row = |(id, run): (ExecutionId, &'r QueuedRun)| {
        [id.into(), (&run.metadata).into(), run.run_time_ms.into(), run.begins_at.into()]
    };
    let keyed = runs.clone().into_iter().filter_map(|(id, run)| Some((id, run.key.as_ref()?)));
    [Batch::each(&INSERT, runs.into_iter().map(row)), keyed_runs::inserts(keyed)]
}

/// The runs wait no longer.
pub(crate) fn removals(ids: impl IntoIterator<Item = ExecutionId>) -> Batch<'static> {
    Batch::each(&REMOVE, ids.into_iter().map(|id| [id.into()]))
}

/// What the run needs to begin; none if it does not wait.
pub async fn get(
    read: &impl Read,
    workspace: WorkspaceId,
    id: ExecutionId,
) -> Result<Option<QueuedRun>, StoreError> {
    read.read_one(&GET, &[workspace.into(), id.into()], |row| {
        let key = match (row.opt_id(3)?, row.opt_string(4)?) {
            (Some(workflow), Some(text)) => Some(Key { workflow, text }),
            _ => None,
        };
        Ok(QueuedRun { metadata: row.string(0)?, run_time_ms: row.int(1)?, begins_at: row.opt_time(2)?, key })
    })
    .await
}

/// The run waits no longer. Called by the driver, which owns runs of every workspace.
pub async fn remove(tx: &Tx<'_>, id: ExecutionId) -> Result<(), StoreError> {
    tx.execute(&REMOVE, &[id.into()]).await?;
    Ok(())
}
