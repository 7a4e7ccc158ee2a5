//! Delivers changes of records to the workflows that they start. A job of every server: it works from what is stored, so that
//! restarts and other servers are the same to it. Whoever delivers an event has it for a while; a server that dies meanwhile
//! leaves it to the others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use store::audit::AuditEntry;
use store::{StoreError, Tx, record_events};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use types::{RecordEventId, Timestamp, WorkflowId};

use crate::App;
use crate::driver::{Delivered, Delivery};
use crate::retention::pause;

/// How long an event waits at most until it is looked at: one of another server, or of before a restart.
const LOOK_PAUSE: Duration = Duration::from_secs(1);
/// After an alarm it looks again and again, each time after such a pause: what was rung for may not be committed yet.
const ALARM_PAUSES_MS: [u64; 4] = [0, 20, 80, 300];
/// How long a server has an event that it delivers.
const CLAIM_TIME: Duration = Duration::from_secs(15);
/// How long an event rests after its first try; after each more, twice as long.
const REST_FIRST: Duration = Duration::from_secs(1);
/// How long it rests at most.
const REST_MAX: Duration = Duration::from_secs(60);

/// Rung when events are written, so that nobody waits for the next look.
#[derive(Clone, Debug, Default)]
pub(crate) struct Alarm(Arc<Bell>);

#[derive(Debug, Default)]
struct Bell {
    rung: Notify,
    places: AtomicI64,
}

impl Alarm {
    /// Events are being written.
    pub(crate) fn ring(&self) {
        self.0.rung.notify_one();
    }

    /// The place of the next event among those of this server.
    pub(crate) fn next_place(&self) -> i64 {
        self.0.places.fetch_add(1, Ordering::Relaxed)
    }
}

/// Delivers what is due again and again, until `stop`.
pub(crate) async fn keep(app: App, stop: CancellationToken) {
    let alarm = app.driver().record_alarm().clone();
    loop {
        look(&app, &stop).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_PAUSE) => continue,
            () = alarm.0.rung.notified() => {}
        }
        for pause_ms in ALARM_PAUSES_MS {
            if !pause(Duration::from_millis(pause_ms), &stop).await {
                return;
            }
            look(&app, &stop).await;
        }
    }
}

async fn look(app: &App, stop: &CancellationToken) {
    if let Err(error) = deliver_due(app, stop).await {
        tracing::warn!(%error, "changes of records could not be delivered");
    }
}

async fn deliver_due(app: &App, stop: &CancellationToken) -> Result<(), StoreError> {
    while !stop.is_cancelled() {
        let now = app.clock().now();
        // Asked first: most looks find nothing, and need not wait for those who write.
        if !record_events::is_due(app.db(), now).await? {
            return Ok(());
        }
        let until = now.saturating_add(CLAIM_TIME);
        let events = app.db().write(async move |tx| record_events::claim(tx, now, until).await).await?;
        if events.is_empty() {
            return Ok(());
        }
        let mut outcome = Outcome::default();
        for (event, delivery) in app.driver().deliver(events).await {
            outcome.note(&event, delivery, app.clock().now());
        }
        outcome.tell();
        if !outcome.is_empty() {
            app.db().write(async move |tx| outcome.store(tx).await).await?;
        }
    }
    Ok(())
}

/// What is to be written down of events whose runs were not started.
#[derive(Default)]
struct Outcome {
    dropped: Vec<RecordEventId>,
    put_off: Vec<(RecordEventId, Timestamp)>,
    audit: Vec<AuditEntry>,
    /// Workflow and reason -> how many events; whether that is as it should be.
    told: BTreeMap<(WorkflowId, String), (usize, bool)>,
}

impl Outcome {
    fn note(&mut self, event: &Delivered, delivery: Delivery, now: Timestamp) {
        let (reason, is_usual) = match delivery {
            Delivery::Started => return,
            Delivery::Dropped(reason) => {
                self.dropped.push(event.id);
                (reason, true)
            }
            Delivery::Refused(reason, entry) => {
                self.dropped.push(event.id);
                // One entry tells of all that could not be started together.
                if !self.told.contains_key(&(event.workflow, reason.clone())) {
                    self.audit.push(*entry);
                }
                (reason, false)
            }
            Delivery::Later(reason) => {
                self.put_off.push((event.id, now.saturating_add(rest_after(event.tries))));
                (reason, false)
            }
        };
        self.told.entry((event.workflow, reason)).or_insert((0, is_usual)).0 += 1;
    }

    fn tell(&self) {
        for ((workflow, reason), (changes, is_usual)) in &self.told {
            if *is_usual {
                tracing::info!(workflow.id = %workflow, changes, reason, "changes of records start nothing");
            } else {
                tracing::warn!(workflow.id = %workflow, changes, reason, "changes of records could not start their workflow");
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.dropped.is_empty() && self.put_off.is_empty()
    }

    async fn store(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        for entry in &self.audit {
            store::audit::record(tx, entry).await?;
        }
        record_events::settle(tx, &self.dropped, &self.put_off).await
    }
}

/// How long an event rests after so many tries.
fn rest_after(tries: i64) -> Duration {
    let doubled = tries.saturating_sub(1).clamp(0, 16);
    REST_FIRST.saturating_mul(1 << doubled).min(REST_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rest_is_longer_up_to_the_longest() {
        let seconds: Vec<u64> = (1..=9).map(|tries| rest_after(tries).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(rest_after(i64::MAX), REST_MAX);
    }
}
