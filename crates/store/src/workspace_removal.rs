//! The end of a workspace. [`mark`] takes it out of sight, with whatever lets anybody in and with its secrets; what is left
//! goes in pieces with a bound, and the row last, so that it goes on after a crash, and on any server.

use types::{ExecutionId, TenantId, Timestamp, UserId, WorkspaceId};

use crate::history::{self, Place};
use crate::statement::sql;
use crate::tables::{self, Table};
use crate::{Read, Statement, StoreError, Tx, blobs};

/// Runs that [`unfinished`] answers at a time.
pub const RUNS_A_BATCH: i64 = 200;
/// Rows that one piece removes of one table, or one table of the workspace's own.
const ROWS_A_PIECE: i64 = 200;

sql! {
    MARK = "workspaces.mark_deleted":
        "UPDATE workspaces SET deleted_at = $3, name = id, updated_at = $3, updated_by = $4
         WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL";
    END_MEMBERS = "workspace_members.delete_all": "DELETE FROM workspace_members WHERE workspace_id = $1";
    END_GROUPS = "workspace_groups.delete_all": "DELETE FROM workspace_groups WHERE workspace_id = $1";
    END_CONNECTIONS = "connections.delete_all": "DELETE FROM connections WHERE workspace_id = $1";
    END_TOKENS = "runner_groups.delete_tokens":
        "UPDATE runner_groups SET token_hash = NULL, token_version = token_version + 1 WHERE workspace_id = $1";
    DELETED = "workspaces.deleted":
        "SELECT tenant_id, id FROM workspaces WHERE deleted_at IS NOT NULL ORDER BY deleted_at, id";
    UNFINISHED_COUNT = "executions.unfinished_count":
        "SELECT COUNT(*) AS runs FROM executions
         WHERE workspace_id = $1 AND state IN ('queued', 'running', 'waiting', 'paused')";
    UNFINISHED = "executions.unfinished_of_workspace":
        "SELECT id FROM executions
         WHERE workspace_id = $1 AND id > $2 AND state IN ('queued', 'running', 'waiting', 'paused')
         ORDER BY id LIMIT $3";
    TABLES = "tables.all_of_workspace": "SELECT name FROM tables WHERE workspace_id = $1 ORDER BY name LIMIT $2";
    WORKFLOWS = "workflows.delete_some":
        "DELETE FROM workflows WHERE id IN (SELECT id FROM workflows WHERE workspace_id = $1 ORDER BY id LIMIT $2)";
    LOCKS = "package_locks.delete_some":
        "DELETE FROM package_locks WHERE workspace_id = $1 AND document_hash IN
           (SELECT document_hash FROM package_locks WHERE workspace_id = $1 ORDER BY document_hash LIMIT $2)";
    DOCUMENTS = "documents.delete_some":
        "DELETE FROM documents WHERE workspace_id = $1 AND hash IN
           (SELECT hash FROM documents WHERE workspace_id = $1 ORDER BY hash LIMIT $2)";
    EVENTS = "record_events.delete_some":
        "DELETE FROM record_events WHERE id IN (SELECT id FROM record_events WHERE workspace_id = $1 ORDER BY id LIMIT $2)";
    DELETE = "workspaces.delete": "DELETE FROM workspaces WHERE id = $1 AND deleted_at IS NOT NULL";
}

/// Takes the workspace out of sight, and with it its members, its connections and the tokens of its runners; false if it is
/// not there. Its name is free again.
pub async fn mark(
    tx: &Tx<'_>,
    tenant: TenantId,
    id: WorkspaceId,
    by: UserId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let by = by.to_string();
    if tx.execute(&MARK, &[tenant.into(), id.into(), now.into(), (&by).into()]).await? == 0 {
        return Ok(false);
    }
    for end in [&END_MEMBERS, &END_GROUPS, &END_CONNECTIONS, &END_TOKENS] {
        tx.execute(end, &[id.into()]).await?;
    }
    Ok(true)
}

/// The workspaces that are to go, the longest marked first.
pub async fn marked(read: &impl Read) -> Result<Vec<(TenantId, WorkspaceId)>, StoreError> {
    read.read_all(&DELETED, &[], |row| Ok((row.id(0)?, row.id(1)?))).await
}

/// How many runs of the workspace have not ended.
pub async fn unfinished_count(read: &impl Read, workspace: WorkspaceId) -> Result<i64, StoreError> {
    read.count(&UNFINISHED_COUNT, &[workspace.into()]).await
}

/// The next runs after `after` that have not ended: [`RUNS_A_BATCH`] at most.
pub async fn unfinished(
    read: &impl Read,
    workspace: WorkspaceId,
    after: ExecutionId,
) -> Result<Vec<ExecutionId>, StoreError> {
    let params = [workspace.into(), after.into(), RUNS_A_BATCH.into()];
    read.read_all(&UNFINISHED, &params, |row| row.id(0)).await
}

/// Removes one piece of what is in the workspace; false if nothing but runs was left, so that the workspace itself is gone
/// with it or waits for them. Runs are hidden here and purged with all others that are, by [`history::purge`].
pub async fn remove_piece(tx: &Tx<'_>, workspace: WorkspaceId, now: Timestamp) -> Result<bool, StoreError> {
    let ever = Timestamp::from_millis(i64::MAX);
    let first = Place::at(Timestamp::from_millis(i64::MIN));
    let ended = history::ended(tx, workspace, first, Place::at(ever), ever).await?;
    let ended: Vec<ExecutionId> = ended.into_iter().map(|place| place.id).collect();
    if history::hide(tx, workspace, &ended, now).await? > 0 {
        return Ok(true);
    }
    if remove_table(tx, workspace).await? {
        return Ok(true);
    }
    let pieces: [&Statement; 4] = [&EVENTS, &WORKFLOWS, &LOCKS, &DOCUMENTS];
    for piece in pieces {
        if tx.execute(piece, &[workspace.into(), ROWS_A_PIECE.into()]).await? > 0 {
            return Ok(true);
        }
    }
    blobs::look_soon_of_all(tx, workspace).await?;
    if unfinished_count(tx, workspace).await? == 0 {
        tx.execute(&DELETE, &[workspace.into()]).await?;
    }
    Ok(false)
}

/// Removes one table of the workspace's own with its records; false if there is none. What refers to other tables goes
/// first, whichever table it is in.
async fn remove_table(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<bool, StoreError> {
    let names = tx.read_all(&TABLES, &[workspace.into(), ROWS_A_PIECE.into()], |row| row.string(0)).await?;
    let mut last: Option<Table> = None;
    for name in names {
        let Some(table) = tables::get_to_change(tx, workspace, &name).await? else { continue };
        for field in tables::fields(tx, workspace, table.id).await? {
            if field.reference_table_id.is_some() {
                tables::delete_field(tx, &field).await?;
                return Ok(true);
            }
        }
        last = Some(table);
    }
    match last {
        Some(table) => tables::delete(tx, &table).await.map(|()| true),
        None => Ok(false),
    }
}
