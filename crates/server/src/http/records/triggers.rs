//! Changes of records that start workflows: for each trigger that wants a change an event is written, in the transaction of
//! the change. It never makes the write fail; a write to a table without triggers costs one question.

use std::borrow::Cow;

use serde_json::{Map, Value, json};
use store::record_events::{self, RecordEvent};
use store::record_triggers::{self, RecordTrigger};
use store::records::{Record as Row, Shape};
use store::{Query, StoreError, Tx};
use types::EventKind;

use super::changes::Changed;
use super::model::Record;
use crate::hand::Hand;

/// Workflows that may have led to a change that starts another one.
pub(crate) const CHAIN_MAX: usize = 8;
/// Bytes of what one run is told of a change, as JSON.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 1024 * 1024;
/// Of these, room for the names of what is left out.
const LEFT_OUT_BYTES: usize = 64 * 1024;
/// Bytes of events that are written together, and one event more.
const BYTES_AT_ONCE: usize = 4 * 1024 * 1024;

type Members = Map<String, Value>;

/// A trigger, ready to be asked.
struct Armed<'t> {
    trigger: &'t RecordTrigger,
    filter: Query,
    /// Why it does not start its workflow, though a change fits it.
    held_back: Option<&'static str>,
    /// Changes for which it was held back.
    held_back_for: usize,
}

/// Writes down what the changes start.
pub(super) async fn fire(
    hand: &Hand,
    tx: &Tx<'_>,
    shape: &Shape,
    changed: &[Changed<'_>],
) -> Result<(), StoreError> {
    if changed.is_empty() {
        return Ok(());
    }
    let triggers = record_triggers::of_table(tx, shape.table.workspace_id, shape.table.id).await?;
    let mut armed: Vec<Armed<'_>> = triggers.iter().filter_map(|trigger| arm(hand, shape, trigger)).collect();
    let (mut events, mut bytes) = (Vec::new(), 0);
    for one in changed {
        for event in events_of(hand, shape, one, &mut armed) {
            bytes += event.payload.len();
            events.push(event);
            if bytes > BYTES_AT_ONCE {
                record_events::insert(tx, &events).await?;
                (bytes, events) = (0, Vec::new());
                hand.leads.alarm.ring();
            }
        }
    }
    if !events.is_empty() {
        record_events::insert(tx, &events).await?;
        hand.leads.alarm.ring();
    }
    for Armed { trigger, held_back, held_back_for: changes, .. } in &armed {
        if let Some(reason) = held_back.filter(|_| *changes > 0) {
            tracing::info!(workflow.id = %trigger.workflow_id, trigger = trigger.place, changes, reason, "changes of records do not start the workflow");
        }
    }
    Ok(())
}

/// None if its filter does not fit the table any more.
fn arm<'t>(hand: &Hand, shape: &Shape, trigger: &'t RecordTrigger) -> Option<Armed<'t>> {
    let filter = if trigger.filter.is_empty() { "{}" } else { &trigger.filter };
    let filter = match shape.query(Some(&format!("{{\"filter\":{filter}}}"))) {
        Ok(filter) => filter,
        Err(_) => {
            // What is wrong with it may quote values.
            tracing::warn!(
                workflow.id = %trigger.workflow_id, trigger = trigger.place, table = shape.table.name,
                "the filter of a trigger does not fit its table any more: it starts nothing"
            );
            return None;
        }
    };
    let chain = &hand.leads.chain;
    let held_back = if chain.contains(trigger.workflow_id) {
        Some("its own run has led to the change")
    } else if chain.len() > CHAIN_MAX {
        Some("too many workflows have led to the change")
    } else {
        None
    };
    Some(Armed { trigger, filter, held_back, held_back_for: 0 })
}

fn events_of(hand: &Hand, shape: &Shape, one: &Changed<'_>, armed: &mut [Armed<'_>]) -> Vec<RecordEvent> {
    let (kind, row) = match (one.before, one.after) {
        (None, Some(after)) => (EventKind::Created, after),
        (Some(_), Some(after)) => (EventKind::Updated, after),
        (Some(before), None) => (EventKind::Deleted, before),
        (None, None) => return Vec::new(),
    };
    if !armed.iter().any(|armed| armed.trigger.is_for(kind)) {
        return Vec::new();
    }
    let shown = |row: &Row| Record::new(row.clone(), shape, None).0;
    let before = one.before.filter(|_| kind == EventKind::Updated).map(shown);
    let record = shown(row);
    let changed = before.as_ref().map_or_else(Vec::new, |before| differences(shape, before, &record));
    if kind == EventKind::Updated && changed.is_empty() {
        return Vec::new();
    }
    let asked = Value::Object(record);
    let mut wanted: Vec<&RecordTrigger> = Vec::new();
    for armed in armed.iter_mut().filter(|armed| armed.trigger.is_for(kind)) {
        if armed.filter.holds(&asked) {
            match armed.held_back {
                Some(_) => armed.held_back_for += 1,
                None => wanted.push(armed.trigger),
            }
        }
    }
    if wanted.is_empty() {
        return Vec::new();
    }
    let payload = Payload { kind, table: &shape.table.name, by: &hand.by, changed, before, record: asked };
    let payload = payload.text();
    let event = |trigger: &RecordTrigger| RecordEvent {
        id: hand.new_id(),
        workspace_id: shape.table.workspace_id,
        workflow_id: trigger.workflow_id,
        table_id: shape.table.id,
        record_id: row.id,
        kind,
        place: hand.leads.alarm.next_place(),
        payload: payload.clone(),
        chain: hand.leads.chain.clone(),
        tries: 0,
        created_at: hand.now,
    };
    wanted.into_iter().map(event).collect()
}

/// The fields whose values are others, in the order of the table.
fn differences<'s>(shape: &'s Shape, before: &Members, after: &Members) -> Vec<&'s str> {
    let names = shape.fields.iter().map(|field| field.name.as_str());
    names.filter(|name| before.get(*name) != after.get(*name)).collect()
}

/// What a run is told of a change.
struct Payload<'p> {
    kind: EventKind,
    table: &'p str,
    by: &'p str,
    changed: Vec<&'p str>,
    /// The record before an update.
    before: Option<Members>,
    /// The record; the last that there was of one that is gone.
    record: Value,
}

impl Payload<'_> {
    /// As JSON. Where it would be too large it lacks the record before, and then the longest values, and says so.
    fn text(self) -> String {
        let Self { kind, table, by, changed, before, record } = self;
        let mut payload = json!({
            "event": kind.as_str(), "table": table, "record": record, "before": before, "changed": changed,
            "changed_by": by,
        });
        let text = payload.to_string();
        if text.len() <= PAYLOAD_BYTES_MAX {
            return text;
        }
        let mut left_out: Vec<Cow<'_, str>> = Vec::new();
        if !payload["before"].is_null() {
            payload["before"] = Value::Null;
            left_out.push(Cow::Borrowed("before"));
        }
        let mut bytes = payload.to_string().len();
        let mut longest: Vec<(usize, String)> = Vec::new();
        for (name, value) in payload["record"].as_object().into_iter().flatten() {
            longest.push((value.to_string().len(), name.clone()));
        }
        longest.sort_unstable_by(|a, b| b.cmp(a));
        for (length, name) in longest {
            if bytes <= PAYLOAD_BYTES_MAX - LEFT_OUT_BYTES {
                break;
            }
            payload["record"][&name] = Value::Null;
            left_out.push(Cow::Owned(format!("record.{name}")));
            bytes = bytes.saturating_sub(length);
        }
        payload["left_out"] = json!(left_out);
        payload.to_string()
    }
}
