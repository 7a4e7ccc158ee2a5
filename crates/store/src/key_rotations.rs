//! How far a rotation of a workspace's data key has come, so that it can be taken up again.

use types::{Timestamp, WorkspaceId};

use crate::statement::sql;
use crate::{Read, Row, RowError, StoreError, Tx};

/// A rotation, in progress or done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRotation {
    /// Whose secrets are sealed anew.
    pub workspace_id: WorkspaceId,
    /// The version of the data key that they get.
    pub version: i64,
    /// The id of the last connection that was done; "" at the start.
    pub done_to: String,
    /// Connections done so far.
    pub resealed: i64,
    /// When it started.
    pub started_at: Timestamp,
    /// When it was done.
    pub finished_at: Option<Timestamp>,
}

sql! {
    SET = "key_rotations.set":
        "INSERT INTO key_rotations (workspace_id, version, done_to, resealed, started_at, finished_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (workspace_id) DO UPDATE
         SET version = excluded.version, done_to = excluded.done_to, resealed = excluded.resealed,
             started_at = excluded.started_at, finished_at = excluded.finished_at";
    GET = "key_rotations.get":
        "SELECT workspace_id, version, done_to, resealed, started_at, finished_at
         FROM key_rotations WHERE workspace_id = $1";
}

/// Stores how far the workspace's rotation is.
pub async fn set(tx: &Tx<'_>, rotation: &KeyRotation) -> Result<(), StoreError> {
    let params = [
        rotation.workspace_id.into(),
        rotation.version.into(),
        (&rotation.done_to).into(),
        rotation.resealed.into(),
        rotation.started_at.into(),
        rotation.finished_at.into(),
    ];
    tx.execute(&SET, &params).await?;
    Ok(())
}

/// The workspace's last rotation.
pub async fn get(read: &impl Read, workspace: WorkspaceId) -> Result<Option<KeyRotation>, StoreError> {
    read.read_one(&GET, &[workspace.into()], decode).await
}

fn decode(row: &Row<'_>) -> Result<KeyRotation, RowError> {
    Ok(KeyRotation {
        workspace_id: row.id(0)?,
        version: row.int(1)?,
        done_to: row.string(2)?,
        resealed: row.int(3)?,
        started_at: row.time(4)?,
        finished_at: row.opt_time(5)?,
    })
}
