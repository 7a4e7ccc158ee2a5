//! What has become of records: their changes and deletions, with the values before and after. Written in the transaction of
//! the change itself. That a record was made, by whom and when, the record says; its first values are those before its first
//! change.

use std::time::Duration;

use types::{ExecutionId, RecordChangeId, RecordId, TableId, Timestamp, WorkspaceId};

use crate::batch::Batch;
use crate::page::{Listing, list as page};
use crate::statement::sql;
use crate::{Defaults, Field, FieldMap, Kind, Page, Query, Read, Row, RowError, StoreError, Tx, Value};

/// How long changes are kept: 90 days.
pub const AGE_MAX: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// Rows that one [`purge`] removes at most.
pub const ROWS_A_BATCH: i64 = 2_000;

/// What has become of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// Values of it are others.
    Updated,
    /// It is gone.
    Deleted,
}

impl ChangeKind {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Updated, Self::Deleted].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A change of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordChange {
    /// Its id; those of one record are in the order of its changes.
    pub id: RecordChangeId,
    /// The record.
    pub record_id: RecordId,
    /// What has become of it.
    pub kind: ChangeKind,
    /// When.
    pub at: Timestamp,
    /// Who has changed it.
    pub by: String,
    /// The run whose step has changed it.
    pub execution_id: Option<ExecutionId>,
    /// A JSON object: by the names of the fields, the value before and the value after, `[before, after]`.
    pub fields: String,
}

/// The members of a change that can be asked for.
pub static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::same("id", Kind::Text),
        Field::same("record_id", Kind::Text),
        Field::same("kind", Kind::Text),
        Field::same("at", Kind::Time),
        Field::new("by", "by_whom", Kind::Text),
        Field::optional("execution_id", Kind::Text),
        Field::same("fields", Kind::Opaque),
    ],
    defaults: Defaults { sort: &["-id"], search: &["by"] },
};

sql! {
    INSERT = "record_changes.insert":
        "INSERT INTO record_changes
         (table_id, id, workspace_id, record_id, kind, at, by_whom, execution_id, fields) VALUES {row:9}";
    OF_RECORD = "record_changes.of_record":
        "SELECT COUNT(*) AS changes FROM
           (SELECT 1 AS one FROM record_changes WHERE workspace_id = $1 AND table_id = $2 AND record_id = $3 LIMIT 1) AS found";
    NEXT_TABLE = "record_changes.next_table":
        "SELECT c.table_id, t.id IS NOT NULL AS is_there FROM record_changes c LEFT JOIN tables t ON t.id = c.table_id
         WHERE c.table_id > $1 ORDER BY c.table_id LIMIT 1";
    PURGE = "record_changes.purge":
        "DELETE FROM record_changes WHERE table_id = $1 AND id IN
           (SELECT id FROM record_changes WHERE table_id = $1 AND id < $2 ORDER BY id LIMIT $3)";
}

/// Notes changes of a table's records.
pub async fn insert(
    tx: &Tx<'_>,
    (workspace, table): (WorkspaceId, TableId),
    changes: &[RecordChange],
) -> Result<(), StoreError> {
    let rows = changes.iter().map(|change| {
        [
            table.into(),
            change.id.into(),
            workspace.into(),
            change.record_id.into(),
            change.kind.as_str().into(),
            change.at.into(),
            (&change.by).into(),
            change.execution_id.map_or(Value::Null, Value::from),
            (&change.fields).into(),
        ]
    });
    tx.run_all(&[Batch::rows(&INSERT, rows)]).await
}

/// The changes of a table's records, or of one of them.
pub async fn list(
    read: &impl Read,
    (workspace, table): (WorkspaceId, TableId),
    record: Option<RecordId>,
    query: &Query,
) -> Result<Page<RecordChange>, StoreError> {
    let mut scope: Vec<Value<'_>> = vec![workspace.into(), table.into()];
    scope.extend(record.map(Value::from));
    let listing = Listing {
        name: "record_changes.list",
        columns: "id, record_id, kind, at, by_whom, execution_id, fields",
        from: "record_changes",
        scope: match record {
            None => "workspace_id = $1 AND table_id = $2",
            Some(_) => "workspace_id = $1 AND table_id = $2 AND record_id = $3",
        },
    };
    page(read, &listing, &scope, query, decode).await
}

/// Whether anything is known to have become of the record.
pub async fn has_any(
    read: &impl Read,
    (workspace, table): (WorkspaceId, TableId),
    record: RecordId,
) -> Result<bool, StoreError> {
    Ok(read.count(&OF_RECORD, &[workspace.into(), table.into(), record.into()]).await? > 0)
}

/// The next table behind `after` that has changes, and whether the table itself is there still.
pub async fn next_table(read: &impl Read, after: TableId) -> Result<Option<(TableId, bool)>, StoreError> {
    read.read_one(&NEXT_TABLE, &[after.into()], |row| Ok((row.id(0)?, row.bool(1)?))).await
}

/// Removes changes of the table before `until`, the oldest ones, up to [`ROWS_A_BATCH`]; how many those were.
pub async fn purge(tx: &Tx<'_>, table: TableId, until: RecordChangeId) -> Result<u64, StoreError> {
    tx.execute(&PURGE, &[table.into(), until.into(), ROWS_A_BATCH.into()]).await
}

fn decode(row: &Row<'_>) -> Result<RecordChange, RowError> {
    Ok(RecordChange {
        id: row.id(0)?,
        record_id: row.id(1)?,
        kind: row.word(2, ChangeKind::from_name)?,
        at: row.time(3)?,
        by: row.string(4)?,
        execution_id: row.opt_id(5)?,
        fields: row.string(6)?,
    })
}
