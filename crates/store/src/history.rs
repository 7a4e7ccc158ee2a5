//! The runs of the past, of which a workspace keeps so many and no older ones.
//!
//! A run is deleted in two steps: [`hide`] takes its row, so that nobody finds it any more, and [`purge`] takes its journal
//! and its files, however many they are, in batches with a bound. What is left to purge is written down, so that it goes on
//! after a crash, and on any server. Only runs that have ended are deleted, and none whose caller has not: it may still
//! ask for the outcome. Those that a run has started go by themselves.

use types::{ExecutionId, Timestamp, WorkspaceId};

use crate::batch::Batch;
use crate::executions::one_of_workspace;
use crate::statement::sql;
use crate::{Read, StoreError, Tx, keyed_runs, queued_runs, unwanted_runs};

/// Runs that [`ended`] answers at a time.
pub const RUNS_A_BATCH: i64 = 200;
/// Lines of journals, files and logs that one [`purge`] removes.
pub const ROWS_A_BATCH: i64 = 2_000;
/// Bytes of journals, files and logs that one [`purge`] removes, unless a single line or file has more.
pub const BYTES_A_BATCH: i64 = 4 * 1024 * 1024;

/// A run's place in the order of acceptance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// When the run was accepted.
    pub created_at: Timestamp,
    /// The run.
    pub id: ExecutionId,
}

impl Place {
    /// Before every run that was accepted at that instant.
    pub fn at(created_at: Timestamp) -> Self {
        Self { created_at, id: ExecutionId::from(uuid::Uuid::nil()) }
    }
}

/// What one [`purge`] has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Lines of journals and files.
    pub rows: i64,
    /// Their bytes, as they were stored.
    pub bytes: i64,
    /// Runs of which nothing is left.
    pub runs: usize,
}

sql! {
    WORKSPACES = "workspaces.list_all": "SELECT w.id, t.settings FROM workspaces w JOIN tenants t ON t.id = w.tenant_id ORDER BY w.id";
    NTH_NEWEST = "executions.nth_newest":
        "SELECT created_at, id FROM executions WHERE workspace_id = $1
         ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET $2";
    // That a run was accepted before it ended is known to us, not to the database.
    ENDED = "executions.ended":
        "SELECT created_at, id FROM executions
         WHERE workspace_id = $1 AND (created_at, id) > ($2, $3) AND (created_at, id) <= ($4, $5)
           AND finished_at < $6 AND state IN ('completed', 'failed', 'cancelled', 'timed_out')
           AND NOT EXISTS (SELECT 1 FROM executions caller
                           WHERE caller.id = executions.parent_execution_id
                             AND caller.state IN ('queued', 'running', 'waiting', 'paused'))
         ORDER BY created_at, id LIMIT $7";
    NOTE = "deleted_runs.insert": concat!(
        "INSERT INTO deleted_runs (execution_id, deleted_at)
         SELECT id, CAST($3 AS BIGINT) FROM executions
         WHERE ", one_of_workspace!(), " AND state IN ('completed', 'failed', 'cancelled', 'timed_out')
         ON CONFLICT DO NOTHING"
    );
    HIDE = "executions.delete": concat!(
        "DELETE FROM executions WHERE ", one_of_workspace!(), "
         AND EXISTS (SELECT 1 FROM deleted_runs d WHERE d.execution_id = executions.id)"
    );
    HIDDEN = "deleted_runs.list":
        "SELECT execution_id FROM deleted_runs ORDER BY deleted_at, execution_id LIMIT $1 {skip_locked}";
    LINES = "journal.sizes":
        "SELECT j.seq, OCTET_LENGTH(j.body) + COALESCE(OCTET_LENGTH(b.packed), 0) AS bytes
         FROM journal j LEFT JOIN journal_bodies b ON b.execution_id = j.execution_id AND b.seq = j.seq
         WHERE j.execution_id = $1 ORDER BY j.seq DESC LIMIT $2";
    DELETE_LINES = "journal.delete": "DELETE FROM journal WHERE execution_id = $1 AND seq >= $2";
    DELETE_BODIES = "journal_bodies.delete":
        "DELETE FROM journal_bodies WHERE execution_id = $1 AND seq >= $2";
    FILES = "files.sizes": "SELECT id, size_bytes FROM files WHERE execution_id = $1 ORDER BY id DESC LIMIT $2";
    DELETE_FILES = "files.delete": "DELETE FROM files WHERE execution_id = $1 AND id >= $2";
    LOGS = "step_logs.sizes":
        "SELECT id, size_bytes FROM step_logs WHERE execution_id = $1 ORDER BY id DESC LIMIT $2";
    DELETE_LOGS = "step_logs.delete": "DELETE FROM step_logs WHERE execution_id = $1 AND id >= $2";
    DELETE_TABLE_STEPS = "table_steps.delete": "DELETE FROM table_steps WHERE execution_id = $1";
    DONE = "deleted_runs.delete": "DELETE FROM deleted_runs WHERE execution_id = $1";
}

/// Every workspace there is, with the settings of its tenant, a JSON object.
pub async fn workspaces(read: &impl Read) -> Result<Vec<(WorkspaceId, String)>, StoreError> {
    read.read_all(&WORKSPACES, &[], |row| Ok((row.id(0)?, row.string(1)?))).await
}

/// The newest run that is not among the `kept` newest ones; none if there are no more than those.
pub async fn beyond(
    read: &impl Read,
    workspace: WorkspaceId,
    kept: i64,
) -> Result<Option<Place>, StoreError> {
    read.read_one(&NTH_NEWEST, &[workspace.into(), kept.into()], |row| {
        Ok(Place { created_at: row.time(0)?, id: row.id(1)? })
    })
    .await
}

/// The next runs after `after` and up to `last` that ended before `ended_before`: [`RUNS_A_BATCH`] at most.
pub async fn ended(
    read: &impl Read,
    workspace: WorkspaceId,
    after: Place,
    last: Place,
    ended_before: Timestamp,
) -> Result<Vec<Place>, StoreError> {
    let params = [
        workspace.into(),
        after.created_at.into(),
        after.id.into(),
        last.created_at.into(),
        last.id.into(),
        ended_before.into(),
        RUNS_A_BATCH.into(),
    ];
    read.read_all(&ENDED, &params, |row| Ok(Place { created_at: row.time(0)?, id: row.id(1)? })).await
}

/// Takes runs that have ended out of sight, and leaves the others alone; how many it took.
pub async fn hide(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    runs: &[ExecutionId],
    now: Timestamp,
) -> Result<usize, StoreError> {
    let noted: Vec<_> = runs.iter().map(|id| [workspace.into(), (*id).into(), now.into()]).collect();
    tx.execute_each(&NOTE, &noted).await?;
    let hidden: Vec<_> = runs.iter().map(|id| [workspace.into(), (*id).into()]).collect();
    let changed = tx.execute_each(&HIDE, &hidden).await?;
    let taken = runs.iter().copied().zip(changed).filter(|(_, rows)| *rows > 0).map(|(id, _)| id);
    tx.run_all(&[
        keyed_runs::removals(taken.clone()),
        queued_runs::removals(taken.clone()),
        unwanted_runs::removals(taken.clone()),
    ])
    .await?;
    Ok(taken.count())
}

/// Removes what is left of hidden runs, up to [`ROWS_A_BATCH`] and [`BYTES_A_BATCH`]. Nothing is left, and no other server
/// is at it, if it answers no rows and no runs.
pub async fn purge(tx: &Tx<'_>) -> Result<Purged, StoreError> {
    let hidden: Vec<ExecutionId> = tx.read_all(&HIDDEN, &[RUNS_A_BATCH.into()], |row| row.id(0)).await?;
    let mut purged = Purged::default();
    for id in hidden {
        let lines = tx.read_all(&LINES, &left(id, &purged), |row| Ok((row.int(0)?, row.int(1)?))).await?;
        if let Some(first) = purged.take(lines) {
            let from = || [[id.into(), first.into()]];
            tx.run_all(&[Batch::each(&DELETE_LINES, from()), Batch::each(&DELETE_BODIES, from())]).await?;
        }
        if purged.is_full() {
            return Ok(purged);
        }
        for (sizes, delete) in [(&FILES, &DELETE_FILES), (&LOGS, &DELETE_LOGS)] {
            let rows =
                tx.read_all(sizes, &left(id, &purged), |row| Ok((row.string(0)?, row.int(1)?))).await?;
            if let Some(first) = purged.take(rows) {
                tx.execute(delete, &[id.into(), (&first).into()]).await?;
            }
            if purged.is_full() {
                return Ok(purged);
            }
        }
        // A run has few, and they are small.
        tx.execute(&DELETE_TABLE_STEPS, &[id.into()]).await?;
        tx.execute(&DONE, &[id.into()]).await?;
        purged.runs += 1;
    }
    Ok(purged)
}

fn left(id: ExecutionId, purged: &Purged) -> [crate::Value<'static>; 2] {
    [id.into(), (ROWS_A_BATCH - purged.rows).into()]
}

impl Purged {
    /// Counts rows with their bytes, from the last one back, until the batch is full; the key of the first among them.
    fn take<K>(&mut self, rows: Vec<(K, i64)>) -> Option<K> {
        let mut first = None;
        for (key, bytes) in rows {
            if self.is_full() {
                break;
            }
            self.rows += 1;
            self.bytes += bytes;
            first = Some(key);
        }
        first
    }

    /// Whether the batch may hold no more. What is looked at next may be another run, so that a run whose last row fills
    /// the batch is done with by the next one.
    fn is_full(&self) -> bool {
        self.rows >= ROWS_A_BATCH || self.bytes >= BYTES_A_BATCH
    }
}
