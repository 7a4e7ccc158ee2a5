//! Files that steps of runs have left: written with the entry that says so, never changed.

use types::{ExecutionId, FileId, Timestamp, WorkspaceId};

use crate::batch::Batch;
use crate::statement::sql;
use crate::{Read, Row, RowError, StoreError};

/// A file without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Unique in its run.
    pub id: FileId,
    /// The path of the step that left it.
    pub path: String,
    /// Without a folder.
    pub name: String,
    /// What kind of content it has.
    pub content_type: String,
    /// Bytes of the content.
    pub size_bytes: i64,
    /// When the step ended.
    pub created_at: Timestamp,
}

/// A file that is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The run.
    pub execution: ExecutionId,
    /// What is known of it.
    pub file: File,
    /// The content as JSON: that of a text is the text itself.
    pub json: String,
}

/// The files of a step that a run has in common with the one that it goes on from. Each has its own, so that either may
/// be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedFiles {
    /// Whose both runs are.
    pub workspace: WorkspaceId,
    /// The run whose step has left them.
    pub from: ExecutionId,
    /// The run that goes on from there.
    pub to: ExecutionId,
    /// The step's path, the same in both.
    pub path: String,
}

sql! {
    COPY = "files.copy":
        "INSERT INTO files
         (execution_id, id, workspace_id, path, name, content_type, size_bytes, content, created_at)
         SELECT CAST($3 AS TEXT), id, workspace_id, path, name, content_type, size_bytes, content, created_at
         FROM files WHERE workspace_id = $1 AND execution_id = $2 AND path = $4";
    INSERT = "files.insert":
        "INSERT INTO files
         (execution_id, id, workspace_id, path, name, content_type, size_bytes, content, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    LIST = "files.list":
        "SELECT id, path, name, content_type, size_bytes, created_at FROM files
         WHERE workspace_id = $1 AND execution_id = $2 ORDER BY created_at, path, id LIMIT $3 OFFSET $4";
    NEWEST = "files.newest":
        "SELECT id, path, name, content_type, size_bytes, created_at, content FROM files
         WHERE workspace_id = $1 AND execution_id = $2 AND name = $3 ORDER BY created_at DESC, id DESC LIMIT 1";
    COUNT = "files.count": "SELECT COUNT(*) AS total FROM files WHERE workspace_id = $1 AND execution_id = $2";
    GET = "files.get":
        "SELECT id, path, name, content_type, size_bytes, created_at, content FROM files
         WHERE workspace_id = $1 AND execution_id = $2 AND id = $3";
}

/// Keeps files.
pub(crate) fn inserts<'f>(files: impl IntoIterator<Item = &'f NewFile>) -> Batch<'f> {
    let row = |new: &'f NewFile| {
        let file = &new.file;
        [
            new.execution.into(),
            file.id.into(),
            new.workspace.into(),
            (&file.path).into(),
            (&file.name).into(),
            (&file.content_type).into(),
            file.size_bytes.into(),
            (&new.json).into(),
            file.created_at.into(),
        ]
    };
    Batch::each(&INSERT, files.into_iter().map(row))
}

/// Keeps for runs the files that steps of others have left.
pub(crate) fn copies<'c>(copied: impl IntoIterator<Item = &'c CopiedFiles>) -> Batch<'c> {
    let row = |it: &'c CopiedFiles| [it.workspace.into(), it.from.into(), it.to.into(), (&it.path).into()];
    Batch::each(&COPY, copied.into_iter().map(row))
}

/// Some of the files of a run, the oldest first, and how many it has.
pub async fn list(
    read: &impl Read,
    workspace: WorkspaceId,
    execution: ExecutionId,
    (limit, offset): (u64, u64),
) -> Result<(u64, Vec<File>), StoreError> {
    let of = [workspace.into(), execution.into()];
    let total = read.count(&COUNT, &of).await?;
    let bound = |number: u64| i64::try_from(number).unwrap_or(i64::MAX).into();
    let params = [workspace.into(), execution.into(), bound(limit), bound(offset)];
    let files = read.read_all(&LIST, &params, file).await?;
    Ok((u64::try_from(total).unwrap_or_default(), files))
}

/// A file and its content as JSON.
pub async fn get(
    read: &impl Read,
    workspace: WorkspaceId,
    execution: ExecutionId,
    id: FileId,
) -> Result<Option<(File, String)>, StoreError> {
    let params = [workspace.into(), execution.into(), id.into()];
    read.read_one(&GET, &params, |row| Ok((file(row)?, row.string(6)?))).await
}

/// The file of that name that was left last, and its content as JSON.
pub async fn newest(
    read: &impl Read,
    workspace: WorkspaceId,
    execution: ExecutionId,
    name: &str,
) -> Result<Option<(File, String)>, StoreError> {
    let params = [workspace.into(), execution.into(), name.into()];
    read.read_one(&NEWEST, &params, |row| Ok((file(row)?, row.string(6)?))).await
}

fn file(row: &Row<'_>) -> Result<File, RowError> {
    Ok(File {
        id: row.id(0)?,
        path: row.string(1)?,
        name: row.string(2)?,
        content_type: row.string(3)?,
        size_bytes: row.int(4)?,
        created_at: row.time(5)?,
    })
}
