//! What starts workflows when records change: the triggers of each workflow's published version. Only those of active
//! workflows are answered, so that nothing is to be done here when one is switched on or off; they go with their workflow,
//! and with their table.

use types::{EventKind, TableId, WorkflowId, WorkspaceId};

use crate::batch::Batch;
use crate::statement::sql;
use crate::{Read, Row, RowError, StoreError, Tx};

/// A trigger of a workflow's published version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordTrigger {
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// Its place among the triggers of the document, from 0.
    pub place: i64,
    /// The table whose records are meant.
    pub table_id: TableId,
    /// The label in the document, for people.
    pub name: String,
    /// What must have become of a record, in the order of [`EventKind::ALL`].
    pub kinds: [bool; 3],
    /// A filter of `q` as JSON; empty if every record will do.
    pub filter: String,
}

impl RecordTrigger {
    /// Whether it is for what has become of a record.
    pub fn is_for(&self, kind: EventKind) -> bool {
        EventKind::ALL.iter().zip(self.kinds).any(|(other, wanted)| wanted && *other == kind)
    }
}

sql! {
    REMOVE = "record_triggers.remove": "DELETE FROM record_triggers WHERE workspace_id = $1 AND workflow_id = $2";
    INSERT = "record_triggers.insert":
        "INSERT INTO record_triggers
         (workflow_id, place, workspace_id, table_id, name, on_created, on_updated, on_deleted, filter)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    COUNT = "record_triggers.count":
        "SELECT COUNT(*) AS triggers FROM record_triggers WHERE workspace_id = $1 AND table_id = $2";
    OF_TABLE = "record_triggers.of_table":
        "SELECT t.workflow_id, t.place, t.table_id, t.name, t.on_created, t.on_updated, t.on_deleted, t.filter
         FROM record_triggers t JOIN workflows w ON w.id = t.workflow_id
         WHERE t.workspace_id = $1 AND t.table_id = $2 AND w.active AND w.published_version IS NOT NULL
         ORDER BY t.workflow_id, t.place";
}

/// Puts the triggers in the place of those that the workflow had.
pub async fn replace(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    workflow: WorkflowId,
    triggers: &[RecordTrigger],
) -> Result<(), StoreError> {
    tx.execute(&REMOVE, &[workspace.into(), workflow.into()]).await?;
    let rows = triggers.iter().map(|trigger| {
        let [created, updated, deleted] = trigger.kinds;
        [
            workflow.into(),
            trigger.place.into(),
            workspace.into(),
            trigger.table_id.into(),
            (&trigger.name).into(),
            created.into(),
            updated.into(),
            deleted.into(),
            (&trigger.filter).into(),
        ]
    });
    tx.run_all(&[Batch::each(&INSERT, rows)]).await
}

/// How many triggers the table has, those of workflows that are switched off too.
pub async fn count(read: &impl Read, workspace: WorkspaceId, table: TableId) -> Result<i64, StoreError> {
    read.count(&COUNT, &[workspace.into(), table.into()]).await
}

/// The triggers of the table that may fire.
pub async fn of_table(
    read: &impl Read,
    workspace: WorkspaceId,
    table: TableId,
) -> Result<Vec<RecordTrigger>, StoreError> {
    read.read_all(&OF_TABLE, &[workspace.into(), table.into()], decode).await
}

fn decode(row: &Row<'_>) -> Result<RecordTrigger, RowError> {
    Ok(RecordTrigger {
        workflow_id: row.id(0)?,
        place: row.int(1)?,
        table_id: row.id(2)?,
        name: row.string(3)?,
        kinds: [row.bool(4)?, row.bool(5)?, row.bool(6)?],
        filter: row.string(7)?,
    })
}
