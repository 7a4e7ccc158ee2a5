//! Who drives a run. A server owns the runs it started and adopts those whose owner is gone; it works for
//! every workspace, so these functions name none.

use types::{ExecutionId, ServerId, TenantId, Timestamp, WorkspaceId};

use super::{ExecutionState, one_of_workspace};
use crate::statement::sql;
use crate::{Read, Row, RowError, StoreError, Tx};

/// A run that a server has come to own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owned {
    /// The run.
    pub id: ExecutionId,
    /// Its workspace.
    pub workspace_id: WorkspaceId,
    /// The tenant of that.
    pub tenant_id: TenantId,
    /// How far its row says it is.
    pub state: ExecutionState,
    /// The epoch in which the new owner writes.
    pub epoch: i64,
    /// When it was accepted.
    pub created_at: Timestamp,
}

sql! {
    LIST_UNFINISHED = "executions.list_unfinished":
        "SELECT id, workspace_id, tenant_id, state, owner_epoch, created_at FROM executions
         WHERE state IN ('queued', 'running', 'waiting', 'paused') AND owner_server_id = $1 AND id > $2
         ORDER BY id LIMIT $3";
    ADOPT = "executions.adopt":
        "UPDATE executions SET owner_server_id = $1, owner_epoch = owner_epoch + 1, updated_at = $2
         WHERE id IN (
             SELECT e.id FROM executions e
             WHERE e.state IN ('queued', 'running', 'waiting', 'paused')
               AND (e.owner_server_id IS NULL OR e.owner_server_id <> $1)
               AND (e.owner_server_id IS NULL
                    OR NOT EXISTS (SELECT 1 FROM servers s WHERE s.id = e.owner_server_id))
               AND (e.state <> 'queued'
                    OR NOT EXISTS (SELECT 1 FROM queued_runs q WHERE q.execution_id = e.id AND q.begins_at > $2))
             ORDER BY e.id LIMIT $3 {skip_locked}
         )
         RETURNING id, workspace_id, tenant_id, state, owner_epoch, created_at";
    OWNED = "executions.owned":
        "SELECT id, workspace_id, tenant_id, state, owner_epoch, created_at FROM executions WHERE id = $1";
    RELEASE = "executions.release":
        "UPDATE executions SET owner_server_id = NULL, updated_at = $3
         WHERE id = $1 AND owner_epoch = $2 AND state IN ('queued', 'running', 'waiting', 'paused')";
    TAKE_OVER = "executions.take_over":
        concat!(
            "UPDATE executions SET owner_server_id = $3, owner_epoch = owner_epoch + 1, updated_at = $4
             WHERE ", one_of_workspace!(), " AND state IN ('queued', 'running', 'waiting', 'paused')
             RETURNING id, workspace_id, tenant_id, state, owner_epoch, created_at");
}

/// The next `limit` unfinished runs of a server after `after` (an id, or "" to start), by id.
pub async fn list_unfinished(
    read: &impl Read,
    server: ServerId,
    after: &str,
    limit: i64,
) -> Result<Vec<Owned>, StoreError> {
    read.read_all(&LIST_UNFINISHED, &[server.into(), after.into(), limit.into()], decode).await
}

/// Takes over up to `limit` unfinished runs that have no owner, or one whose lease has ended. From then on
/// the former owner's appends and outcomes are refused. Several servers may adopt at once: each run goes to
/// one of them. A queued run that is to begin later is left alone until then.
///
/// A server whose lease has ended is forgotten along with it. So one that renews its lease with success can be sure
/// that nobody has taken a run from it, whatever the clocks say.
pub async fn adopt(
    tx: &Tx<'_>,
    server: ServerId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Owned>, StoreError> {
    crate::servers::forget_expired(tx, server, now).await?;
    tx.read_all(&ADOPT, &[server.into(), now.into(), limit.into()], decode).await
}

/// The run with the epoch in which it is owned, or was when it ended; none if it is not there.
pub async fn owned(read: &impl Read, id: ExecutionId) -> Result<Option<Owned>, StoreError> {
    read.read_one(&OWNED, &[id.into()], decode).await
}

/// Lets go of an unfinished run, so that the next who adopts finds it; whether it was the owner's of `epoch`.
pub async fn release(tx: &Tx<'_>, id: ExecutionId, epoch: i64, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(&RELEASE, &[id.into(), epoch.into(), now.into()]).await? == 1)
}

/// Takes one unfinished run over, whoever owns it; none if it has ended or is not there. The former owner's
/// appends and outcomes are refused from then on.
pub async fn take_over(
    tx: &Tx<'_>,
    server: ServerId,
    workspace: WorkspaceId,
    id: ExecutionId,
    now: Timestamp,
) -> Result<Option<Owned>, StoreError> {
    tx.read_one(&TAKE_OVER, &[workspace.into(), id.into(), server.into(), now.into()], decode).await
}

fn decode(row: &Row<'_>) -> Result<Owned, RowError> {
    Ok(Owned {
        id: row.id(0)?,
        workspace_id: row.id(1)?,
        tenant_id: row.id(2)?,
        state: row.word(3, ExecutionState::from_name)?,
        epoch: row.int(4)?,
        created_at: row.time(5)?,
    })
}
