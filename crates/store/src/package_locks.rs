//! Which versions of Python packages a document's steps run with. Resolved once for each list of requirements of a
//! document; never changed.

use types::{Timestamp, WorkspaceId};

use crate::statement::sql;
use crate::{Read, Row, RowError, StoreError, Tx};

/// The versions for one list of requirements of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageLock {
    /// SHA-256 of the document's text, in hex.
    pub document_hash: String,
    /// SHA-256 of `requirements`, in hex.
    pub requirements_hash: String,
    /// A JSON list of texts.
    pub requirements: String,
    /// As the crate `sandbox` writes it.
    pub lock_text: String,
    /// When it was resolved.
    pub created_at: Timestamp,
}

sql! {
    PUT = "package_locks.put":
        "INSERT INTO package_locks (workspace_id, document_hash, requirements_hash, requirements, lock_text, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (workspace_id, document_hash, requirements_hash) DO NOTHING";
    GET = "package_locks.get":
        "SELECT document_hash, requirements_hash, requirements, lock_text, created_at FROM package_locks
         WHERE workspace_id = $1 AND document_hash = $2 AND requirements_hash = $3";
    LIST = "package_locks.list":
        "SELECT document_hash, requirements_hash, requirements, lock_text, created_at FROM package_locks
         WHERE workspace_id = $1 AND document_hash = $2 ORDER BY created_at, requirements_hash";
}

/// Stores a lock; does nothing if there is one for the same list of the document.
pub async fn put(tx: &Tx<'_>, workspace: WorkspaceId, lock: &PackageLock) -> Result<(), StoreError> {
    let PackageLock { document_hash, requirements_hash, requirements, lock_text, created_at } = lock;
    let values = [
        workspace.into(),
        document_hash.into(),
        requirements_hash.into(),
        requirements.into(),
        lock_text.into(),
        (*created_at).into(),
    ];
    tx.execute(&PUT, &values).await?;
    Ok(())
}

/// The lock for a list of a document.
pub async fn get(
    read: &impl Read,
    workspace: WorkspaceId,
    document_hash: &str,
    requirements_hash: &str,
) -> Result<Option<PackageLock>, StoreError> {
    read.read_one(&GET, &[workspace.into(), document_hash.into(), requirements_hash.into()], from_row).await
}

/// All locks of a document, the oldest first.
pub async fn list(
    read: &impl Read,
    workspace: WorkspaceId,
    document_hash: &str,
) -> Result<Vec<PackageLock>, StoreError> {
    read.read_all(&LIST, &[workspace.into(), document_hash.into()], from_row).await
}

fn from_row(row: &Row<'_>) -> Result<PackageLock, RowError> {
    Ok(PackageLock {
        document_hash: row.string(0)?,
        requirements_hash: row.string(1)?,
        requirements: row.string(2)?,
        lock_text: row.string(3)?,
        created_at: row.time(4)?,
    })
}
