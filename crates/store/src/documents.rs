//! Workflow documents by the hash of their text. A document never changes; a run is pinned to one.

use types::WorkspaceId;

use crate::statement::sql;
use crate::{Read, StoreError, Tx};

sql! {
    PUT = "documents.put":
        "INSERT INTO documents (workspace_id, hash, text) VALUES ($1, $2, $3)
         ON CONFLICT (workspace_id, hash) DO NOTHING";
    GET = "documents.get": "SELECT text FROM documents WHERE workspace_id = $1 AND hash = $2";
}

/// Stores a document; does nothing if it is there.
pub async fn put(tx: &Tx<'_>, workspace: WorkspaceId, hash: &str, text: &str) -> Result<(), StoreError> {
    tx.execute(&PUT, &[workspace.into(), hash.into(), text.into()]).await?;
    Ok(())
}

/// The document's text.
pub async fn get(read: &impl Read, workspace: WorkspaceId, hash: &str) -> Result<Option<String>, StoreError> {
    read.read_one(&GET, &[workspace.into(), hash.into()], |row| row.string(0)).await
}
