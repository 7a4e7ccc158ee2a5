//! Runs that are to be started because records have changed. An event is written in the transaction of the change, and removed
//! by the commit that accepts the run ([`crate::runs::RunWrite::delivered`]): it can neither be lost nor start two.
//!
//! Whoever delivers an event puts it off first, so that no other server takes it meanwhile. Those functions are no workspace's:
//! a server delivers the events of all.

use types::{EventKind, RecordEventId, RecordId, TableId, Timestamp, WorkflowId, WorkspaceId};

use crate::batch::Batch;
use crate::chain::Chain;
use crate::statement::sql;
use crate::{Read, Row, RowError, StoreError, Tx};

/// Events that one [`claim`] takes.
pub const CLAIMED_MAX: i64 = 50;

/// A run that is to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordEvent {
    /// Its id, from which that of the run follows.
    pub id: RecordEventId,
    /// Where it happened.
    pub workspace_id: WorkspaceId,
    /// The workflow that is to run.
    pub workflow_id: WorkflowId,
    /// The table.
    pub table_id: TableId,
    /// The record.
    pub record_id: RecordId,
    /// What has become of it.
    pub kind: EventKind,
    /// Its place among the events that one server has written.
    pub place: i64,
    /// What the run reads at `event.payload`, as JSON.
    pub payload: String,
    /// The workflows that have led to the change.
    pub chain: Chain,
    /// How often it has been tried.
    pub tries: i64,
    /// When the record changed.
    pub created_at: Timestamp,
}

sql! {
    INSERT = "record_events.insert":
        "INSERT INTO record_events
         (id, workspace_id, workflow_id, table_id, record_id, kind, place, payload, chain, tries, due_at, created_at)
         VALUES {row:12}";
    IS_DUE = "record_events.is_due":
        "SELECT COUNT(*) AS due FROM (SELECT 1 AS one FROM record_events WHERE due_at <= $1 LIMIT 1) AS found";
    CLAIM = "record_events.claim":
        "UPDATE record_events SET tries = tries + 1, due_at = $2
         WHERE id IN (
             SELECT e.id FROM record_events e
             WHERE e.due_at <= $1
               AND EXISTS (SELECT 1 FROM workspaces w WHERE w.id = e.workspace_id AND w.deleted_at IS NULL)
             ORDER BY e.due_at, e.place, e.id LIMIT $3 {skip_locked})
         RETURNING id, workspace_id, workflow_id, table_id, record_id, kind, place, payload, chain, tries, created_at";
    PUT_OFF = "record_events.put_off": "UPDATE record_events SET due_at = $2 WHERE id = $1";
    REMOVE = "record_events.remove": "DELETE FROM record_events WHERE id = $1";
}

/// Stores events of the transaction that writes the records, due at once.
pub async fn insert(tx: &Tx<'_>, events: &[RecordEvent]) -> Result<(), StoreError> {
    let rows = events.iter().map(|event| {
        [
            event.id.into(),
            event.workspace_id.into(),
            event.workflow_id.into(),
            event.table_id.into(),
            event.record_id.into(),
            event.kind.as_str().into(),
            event.place.into(),
            (&event.payload).into(),
            event.chain.to_string().into(),
            event.tries.into(),
            event.created_at.into(),
            event.created_at.into(),
        ]
    });
    tx.run_all(&[Batch::rows(&INSERT, rows)]).await
}

/// Whether there is something to [`claim`], perhaps.
pub async fn is_due(read: &impl Read, now: Timestamp) -> Result<bool, StoreError> {
    Ok(read.count(&IS_DUE, &[now.into()]).await? > 0)
}

/// Takes the events that have been due the longest until `until`, in the order in which they were made; those of workspaces
/// that are to go are left alone.
pub async fn claim(tx: &Tx<'_>, now: Timestamp, until: Timestamp) -> Result<Vec<RecordEvent>, StoreError> {
    let mut events = tx.read_all(&CLAIM, &[now.into(), until.into(), CLAIMED_MAX.into()], decode).await?;
    events.sort_by_key(|event| (event.created_at, event.place, event.id));
    Ok(events)
}

/// What has become of events without a run: those that nothing is to be started for any more go, the others are tried again
/// at the instant beside them.
pub async fn settle(
    tx: &Tx<'_>,
    dropped: &[RecordEventId],
    put_off: &[(RecordEventId, Timestamp)],
) -> Result<(), StoreError> {
    let put_off = put_off.iter().map(|(id, until)| [(*id).into(), (*until).into()]);
    tx.run_all(&[removals(dropped.iter().copied()), Batch::each(&PUT_OFF, put_off)]).await
}

/// The events have been delivered.
pub(crate) fn removals(ids: impl IntoIterator<Item = RecordEventId>) -> Batch<'static> {
    Batch::each(&REMOVE, ids.into_iter().map(|id| [id.into()]))
}

fn decode(row: &Row<'_>) -> Result<RecordEvent, RowError> {
    Ok(RecordEvent {
        id: row.id(0)?,
        workspace_id: row.id(1)?,
        workflow_id: row.id(2)?,
        table_id: row.id(3)?,
        record_id: row.id(4)?,
        kind: row.word(5, EventKind::from_name)?,
        place: row.int(6)?,
        payload: row.string(7)?,
        chain: row.word(8, Chain::from_text)?,
        tries: row.int(9)?,
        created_at: row.time(10)?,
    })
}
