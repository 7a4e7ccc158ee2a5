//! Data keys: each workspace's ring of keys, wrapped under a master key that is not here.

use types::{Timestamp, WorkspaceId};

use crate::statement::sql;
use crate::{Read, Row, RowError, StoreError, Tx};

/// One key of a workspace's ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataKey {
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// Its number in the ring; the highest one seals.
    pub version: i64,
    /// The key, wrapped.
    pub wrapped: String,
    /// Which master key wrapped it.
    pub master_key_id: String,
    /// When it was made.
    pub created_at: Timestamp,
}

macro_rules! columns {
    () => {
        "workspace_id, version, wrapped, master_key_id, created_at"
    };
}

sql! {
    INSERT = "data_keys.insert":
        concat!("INSERT INTO data_keys (", columns!(), ") VALUES ($1, $2, $3, $4, $5)");
    LIST = "data_keys.list":
        concat!("SELECT ", columns!(), " FROM data_keys WHERE workspace_id = $1 ORDER BY version");
    LIST_ALL = "data_keys.list_all":
        concat!("SELECT ", columns!(), " FROM data_keys ORDER BY workspace_id, version");
    REWRAP = "data_keys.rewrap":
        "UPDATE data_keys SET wrapped = $4, master_key_id = $5
         WHERE workspace_id = $1 AND version = $2 AND master_key_id = $3";
    DELETE = "data_keys.delete_before": "DELETE FROM data_keys WHERE workspace_id = $1 AND version < $2";
}

/// Stores a new key. Two servers that make the same version at once: the second one meets
/// `data_keys_pkey` and reads the first one's.
pub async fn insert(tx: &Tx<'_>, key: &DataKey) -> Result<(), StoreError> {
    let DataKey { workspace_id, version, wrapped, master_key_id, created_at } = key;
    let params = [
        (*workspace_id).into(),
        (*version).into(),
        wrapped.into(),
        master_key_id.into(),
        (*created_at).into(),
    ];
    tx.execute(&INSERT, &params).await?;
    Ok(())
}

/// The workspace's ring, the oldest key first.
pub async fn list(read: &impl Read, workspace: WorkspaceId) -> Result<Vec<DataKey>, StoreError> {
    read.read_all(&LIST, &[workspace.into()], decode).await
}

/// Every ring: for the rotation of the master key, and to see at start that it opens them.
pub async fn list_all(read: &impl Read) -> Result<Vec<DataKey>, StoreError> {
    read.read_all(&LIST_ALL, &[], decode).await
}

/// Stores the key under another master key, if it still is under `from`; whether it was.
pub async fn rewrap(tx: &Tx<'_>, key: &DataKey, from: &str) -> Result<bool, StoreError> {
    let params = [
        key.workspace_id.into(),
        key.version.into(),
        from.into(),
        (&key.wrapped).into(),
        (&key.master_key_id).into(),
    ];
    Ok(tx.execute(&REWRAP, &params).await? == 1)
}

/// Deletes the keys before `version`, when nothing is sealed with them any more; how many.
pub async fn delete_before(tx: &Tx<'_>, workspace: WorkspaceId, version: i64) -> Result<u64, StoreError> {
    tx.execute(&DELETE, &[workspace.into(), version.into()]).await
}

fn decode(row: &Row<'_>) -> Result<DataKey, RowError> {
    Ok(DataKey {
        workspace_id: row.id(0)?,
        version: row.int(1)?,
        wrapped: row.string(2)?,
        master_key_id: row.string(3)?,
        created_at: row.time(4)?,
    })
}
