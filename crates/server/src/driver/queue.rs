//! Runs that wait for their turn. Such a run is a row in the state `queued` without a journal; in memory it is an id in a
//! line. When its turn comes it is read, begins, and from then on is a run as any.

use std::sync::{Arc, Weak};
use std::time::Duration;

use engine::{Command, Entry, Event, Execution, Restart, RestoreError, RunState, Start};
use store::executions::{ExecutionState, Outcome};
use store::keyed_runs::Key;
use store::queued_runs::QueuedRun;
use store::runs::{Begin, RunWrite};
use tokio::sync::mpsc;
use types::{ExecutionId, Timestamp};
use workflow::plan::{OnFull, Plan};

use super::commit::Batch;
use super::grants::RunIds;
use super::keyed::{Gate, Passage};
use super::places::{Full, Turn};
use super::recover::{ReadBackError, entries_of};
use super::seat::Seat;
use super::start::{Accepted, Carried, FIRST_EPOCH, NewRun, event_of, row_of};
use super::subflows::Origin;
use super::{Driver, Inner, codes, lock};
use crate::error::{ApiError, ApiResult, code};

/// Seconds after which a caller who was refused for want of room may try again.
const RETRY_AFTER_S: u64 = 5;
/// Pause before a run whose turn has come is read again that the database did not give.
const READ_PAUSE: Duration = Duration::from_millis(500);

impl Driver {
    /// Accepts a run that has to wait.
    ///
    /// # Errors
    /// `queue_full` if no more runs can wait.
    pub(super) async fn enqueue(
        &self,
        new: NewRun,
        (id, seed, now): (ExecutionId, [u8; 32], Timestamp),
        key: Option<Key>,
        carried: Carried,
    ) -> ApiResult<ExecutionId> {
        let inner = &self.0;
        let home = new.home();
        inner.places().reserve(home).map_err(refused)?;
        inner.remember(id, FIRST_EPOCH, None);
        let turn = Turn { home, id, epoch: FIRST_EPOCH, accepted_at: now };
        if let Some(key) = &key {
            // From now on those that are accepted later wait for it.
            lock(&inner.waiters).enter(key, turn);
        }
        let queued = inner.begin_queued(&new, id, seed, key, now);
        let begin = Begin { lines: carried.lines, ..queued };
        let (begins, copied_files) = (vec![begin], carried.files);
        let (audit, delivered) = (carried.audit, carried.delivered);
        let first = RunWrite { begins, copied_files, audit, delivered, ..RunWrite::default() };
        let ids = RunIds { tenant: home.tenant, workspace: home.workspace, execution: id };
        self.accept(ids, first, Accepted::Queued(turn)).await
    }

    /// Begins the run whose turn has come; ends it instead if it is to be cancelled. Its state, which is on disk; none if
    /// it is no longer this server's, or cannot begin at the moment.
    pub(super) async fn begin(&self, turn: Turn, seat: Seat, cancel: Option<String>) -> Option<RunState> {
        let inner = &self.0;
        let (plan, opening) = self.read_opening(turn, cancel.is_some()).await?;
        let gate = opening.gate(&plan);
        let state = self.begin_opened(turn, seat, (plan, opening, gate), cancel).await;
        if state != Some(RunState::Queued) {
            inner.leave_key(turn.home, turn.id);
        }
        state
    }

    /// What the run begins with, however long the database is away; none if it cannot begin.
    async fn read_opening(&self, turn: Turn, at_once: bool) -> Option<(Arc<Plan>, Opening)> {
        let inner = &self.0;
        let Turn { home, id, epoch, .. } = turn;
        loop {
            match read(inner, turn).await {
                Ok(Some(read)) => return Some(read),
                Ok(None) => {
                    // Somebody else has begun or ended it.
                    inner.leave_key(home, id);
                    inner.forget_queued(id, epoch);
                    return None;
                }
                // It keeps its place meanwhile: for those behind it the database is away too.
                Err(ReadBackError::Store(error)) if error.is_unavailable() => {
                    tracing::warn!(execution.id = %id, %error, "queued run cannot be read at the moment");
                    if at_once || inner.stopping.is_cancelled() {
                        inner.change_places(|places| places.line_up(turn));
                        return None;
                    }
                    tokio::time::sleep(READ_PAUSE).await;
                }
                Err(error) => {
                    tracing::error!(execution.id = %id, %error, "queued run cannot begin");
                    let message = "the run cannot be read back from the database";
                    inner.give_up(id, epoch, codes::NOT_RESTORABLE, message).await;
                    inner.leave_key(home, id);
                    inner.forget_queued(id, epoch);
                    return None;
                }
            }
        }
    }

    async fn begin_opened(
        &self,
        turn: Turn,
        mut seat: Seat,
        (plan, opening, gate): (Arc<Plan>, Opening, Option<Gate>),
        mut cancel: Option<String>,
    ) -> Option<RunState> {
        let inner = &self.0;
        let Turn { home, id, epoch, .. } = turn;
        let ids = RunIds { tenant: home.tenant, workspace: home.workspace, execution: id };
        loop {
            // Who is to be cancelled needs no key.
            let gate = gate.as_ref().filter(|_| cancel.is_none());
            if let Some(gate) = gate {
                match self.pass(gate, turn).await {
                    Passage::Free => seat.hold(gate.key.clone()),
                    Passage::Waits => return Some(RunState::Queued),
                    Passage::Refused(reason) => {
                        cancel = Some(reason);
                        continue;
                    }
                }
            }
            let now = inner.clock.now();
            let (mut execution, mut commands) = match opening.begin(Arc::clone(&plan), now) {
                Ok(begun) => begun,
                Err(error) => {
                    tracing::error!(execution.id = %id, %error, "queued run cannot begin");
                    let message = "what the run goes on from cannot be read back from its journal";
                    inner.give_up(id, epoch, codes::NOT_RESTORABLE, message).await;
                    inner.forget_queued(id, epoch);
                    return None;
                }
            };
            commands.extend(match &cancel {
                Some(reason) => execution.absorb(Event::CancelRequested { reason: reason.clone() }, now),
                None => execution.advance(Event::Continue, now),
            });
            let origin = Origin { started_at: now, ..opening.origin.clone() };
            let batch = Batch::new(inner, ids, &origin, commands).await;
            let next_seq = opening.next_seq();
            let mut run = self.run(ids, origin, epoch, (execution, next_seq, RunState::Queued), seat);
            let state = run.execution.state();
            let begun = match gate {
                Some(gate) => run.begin_keyed(batch, gate).await,
                None => run.begin(batch).await.map(Some),
            };
            match begun? {
                Some((effects, rest)) => {
                    self.set_going(run, effects, rest);
                    return Some(state);
                }
                // Another run with its key was faster.
                None => seat = run.hand_back(),
            }
        }
    }
}

/// What a queued run begins with.
struct Opening {
    inputs: expr::Map,
    event: expr::Value,
    metadata: expr::Map,
    seed: [u8; 32],
    run_time: Duration,
    key: Option<Key>,
    origin: Origin,
    /// The run that it goes on from, the path of the step that it begins with, and what it has copied.
    restarted: Option<(ExecutionId, String, Vec<Entry>)>,
}

impl Opening {
    /// The run, which has not taken a step.
    fn begin(&self, plan: Arc<Plan>, now: Timestamp) -> Result<(Execution, Vec<Command>), RestoreError> {
        let start = self.start(now);
        let Some((from, path, copied)) = &self.restarted else {
            return Ok(Execution::start(plan, start, now));
        };
        let Start { metadata, seed, run_time, .. } = start;
        let restart = Restart { from: from.to_string(), path: path.clone(), metadata, seed, run_time };
        Execution::restart(plan, copied, restart, now)
    }

    /// The number of the first line that its beginning writes.
    fn next_seq(&self) -> i64 {
        let copied = self.restarted.as_ref().map_or(0, |(_, _, copied)| copied.len());
        1 + i64::try_from(copied).unwrap_or(i64::MAX)
    }

    fn start(&self, now: Timestamp) -> Start {
        let mut metadata = self.metadata.clone();
        metadata.insert("start_time".into(), now.as_millis().into());
        let (inputs, event) = (self.inputs.clone(), self.event.clone());
        Start { inputs, event, metadata, seed: self.seed, run_time: self.run_time }
    }

    fn gate(&self, plan: &Plan) -> Option<Gate> {
        let gate = Gate::new(self.key.clone()?, plan.concurrency.as_ref()?);
        // The run that it goes on from may hold the key until it is cancelled for it.
        let must_wait = self.restarted.is_some() && gate.on_full == OnFull::CancelNewest;
        Some(if must_wait { Gate { on_full: OnFull::Queue, ..gate } } else { gate })
    }
}

/// Begins runs as their turn comes, as long as there is a driver that has not been asked to stop.
pub(super) async fn serve_turns(driver: Weak<Inner>, mut turns: mpsc::UnboundedReceiver<Turn>) {
    while let Some(turn) = turns.recv().await {
        let Some(inner) = driver.upgrade() else { return };
        let seat = Seat::of_turn(&inner, &turn);
        if inner.stopping.is_cancelled() {
            // It stays queued, for the next start or another server.
            continue;
        }
        let driver = Driver(Arc::clone(&inner));
        inner.tasks.spawn(async move { driver.begin(turn, seat, None).await });
    }
}

/// What the run begins with; none if it does not wait any more.
async fn read(inner: &Inner, turn: Turn) -> Result<Option<(Arc<Plan>, Opening)>, ReadBackError> {
    let (workspace, id) = (turn.home.workspace, turn.id);
    let Some(queued) = store::queued_runs::get(&inner.db, workspace, id).await? else { return Ok(None) };
    let Some(row) = store::executions::get(&inner.db, workspace, id).await? else { return Ok(None) };
    if row.execution.state != ExecutionState::Queued || row.owner_epoch != turn.epoch {
        return Ok(None);
    }
    let plan = inner.plans.get(turn.home.tenant, workspace, &row.execution.document_hash).await?;
    let allowed = Duration::from_millis(u64::try_from(queued.run_time_ms).unwrap_or(1));
    let metadata: expr::Map = serde_json::from_str(&queued.metadata)?;
    let opening = Opening {
        inputs: serde_json::from_str(&row.inputs)?,
        event: event_of(serde_json::from_str(&row.event)?),
        seed: unhex(&row.seed).ok_or(ReadBackError::Seed)?,
        run_time: plan.run_time(allowed),
        key: queued.key,
        restarted: read_copied(inner, &row.execution).await?,
        origin: Origin::of(&row, &expr::Value::from(metadata.clone()), inner.clock.now()),
        metadata,
    };
    Ok(Some((plan, opening)))
}

/// What a run begins with that goes on from another one.
async fn read_copied(
    inner: &Inner,
    row: &store::executions::Execution,
) -> Result<Option<(ExecutionId, String, Vec<Entry>)>, ReadBackError> {
    let Some(from) = row.restarted_from_id else { return Ok(None) };
    let lines = store::journal::read_all(&inner.db, row.workspace_id, row.id).await?;
    Ok(Some((from, row.restarted_from_step.clone(), entries_of(&lines)?)))
}

impl Inner {
    /// What is written of a run that is accepted and waits for its turn.
    pub(super) fn begin_queued(
        &self,
        new: &NewRun,
        id: ExecutionId,
        seed: [u8; 32],
        key: Option<Key>,
        now: Timestamp,
    ) -> Begin {
        let queued = QueuedRun {
            metadata: serde_json::to_string(&self.metadata(new, id, now)).unwrap_or_default(),
            run_time_ms: i64::try_from(self.run_time.as_millis()).unwrap_or(i64::MAX),
            begins_at: new.begins_at,
            key,
        };
        // Whoever is there when its time comes adopts it.
        let server = new.begins_at.is_none().then_some(self.server);
        let row = row_of(new, id, server, waiting_outcome(), seed, now);
        Begin { row, queued: Some(queued), lines: Vec::new(), now }
    }
}

fn refused(full: Full) -> ApiError {
    let message = format!("{} runs wait in this {}, as many as may", full.most, full.whose);
    ApiError::new(&code::QUEUE_FULL, message)
        .with_data("queued_max", full.most)
        .with_data("whose", full.whose)
        .with_retry_after(RETRY_AFTER_S)
}

/// Of a run that has not begun.
fn waiting_outcome() -> Outcome {
    Outcome {
        state: ExecutionState::Queued,
        outputs: None,
        step_results: "{}".to_owned(),
        error_code: None,
        error_message: None,
        cancel_reason: None,
        started_at: None,
        finished_at: None,
        net_runtime_ms: 0,
    }
}

/// 32 bytes of hex.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if !text.is_ascii() || text.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}
