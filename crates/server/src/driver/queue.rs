//! Runs that wait for their turn. Such a run is a row in the state `queued` without a journal; in memory it is an id in a
//! line. When its turn comes it is read, begins, and from then on is a run as any.

use std::sync::{Arc, Weak};
use std::time::Duration;

use engine::{Event, Execution, RunState, Start};
use store::executions::{ExecutionState, Outcome};
use store::queued_runs::QueuedRun;
use store::runs::{Begin, RunWrite};
use tokio::sync::mpsc;
use types::{ExecutionId, Timestamp};
use workflow::plan::Plan;

use super::commit::Batch;
use super::grants::RunIds;
use super::places::{Full, Turn};
use super::recover::ReadBackError;
use super::seat::Seat;
use super::start::{Accepted, FIRST_EPOCH, NewRun, event_of, row_of};
use super::subflows::Origin;
use super::{Driver, Inner, codes};
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
        id: ExecutionId,
        seed: [u8; 32],
        now: Timestamp,
    ) -> ApiResult<ExecutionId> {
        let inner = &self.0;
        let home = new.home();
        inner.places().reserve(home).map_err(refused)?;
        inner.remember(id, FIRST_EPOCH, None);
        let begin = inner.begin_queued(&new, id, seed, now);
        let first = RunWrite { begins: vec![begin], ..RunWrite::default() };
        let ids = RunIds { tenant: home.tenant, workspace: home.workspace, execution: id };
        self.accept(ids, first, Accepted::Queued(Turn { home, id, epoch: FIRST_EPOCH })).await
    }

    /// Begins the run whose turn has come; ends it instead if it is to be cancelled. Its state, which is on disk; none if
    /// it is no longer this server's, or cannot begin at the moment.
    pub(super) async fn begin(&self, turn: Turn, seat: Seat, cancel: Option<String>) -> Option<RunState> {
        let inner = &self.0;
        let Turn { home, id, epoch } = turn;
        let read = loop {
            match read(inner, turn).await {
                // It keeps its place meanwhile: for those behind it the database is away too.
                Err(ReadBackError::Store(error)) if error.is_unavailable() => {
                    tracing::warn!(execution.id = %id, %error, "queued run cannot be read at the moment");
                    if cancel.is_some() || inner.stopping.is_cancelled() {
                        inner.change_places(|places| places.line_up(turn));
                        return None;
                    }
                    tokio::time::sleep(READ_PAUSE).await;
                }
                read => break read,
            }
        };
        let Ready { plan, start, origin } = match read {
            Ok(Some(read)) => read,
            Ok(None) => {
                // Somebody else has begun or ended it.
                inner.forget(id, epoch);
                return None;
            }
            Err(error) => {
                tracing::error!(execution.id = %id, %error, "queued run cannot begin");
                let message = "the run cannot be read back from the database";
                inner.give_up(id, epoch, codes::NOT_RESTORABLE, message).await;
                inner.forget(id, epoch);
                return None;
            }
        };
        let now = inner.clock.now();
        let (mut execution, mut commands) = Execution::start(plan, start, now);
        commands.extend(match cancel {
            Some(reason) => execution.absorb(Event::CancelRequested { reason }, now),
            None => execution.advance(Event::Continue, now),
        });
        let ids = RunIds { tenant: home.tenant, workspace: home.workspace, execution: id };
        let origin = Origin { started_at: now, ..origin };
        let batch = Batch::new(inner, ids, &origin, commands).await;
        let mut run = self.run(ids, origin, epoch, (execution, 1, RunState::Queued), seat);
        let state = run.execution.state();
        let (effects, rest) = run.begin(batch).await?;
        self.set_going(run, effects, rest);
        Some(state)
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

/// What a run begins with whose turn has come.
struct Ready {
    plan: Arc<Plan>,
    start: Start,
    origin: Origin,
}

/// What the run begins with; none if it does not wait any more.
async fn read(inner: &Inner, turn: Turn) -> Result<Option<Ready>, ReadBackError> {
    let (workspace, id) = (turn.home.workspace, turn.id);
    let Some(queued) = store::queued_runs::get(&inner.db, workspace, id).await? else { return Ok(None) };
    let Some(row) = store::executions::get(&inner.db, workspace, id).await? else { return Ok(None) };
    if row.execution.state != ExecutionState::Queued || row.owner_epoch != turn.epoch {
        return Ok(None);
    }
    let plan = inner.plans.get(turn.home.tenant, workspace, &row.execution.document_hash).await?;
    let mut metadata: expr::Map = serde_json::from_str(&queued.metadata)?;
    let now = inner.clock.now();
    metadata.insert("start_time".into(), now.as_millis().into());
    let origin = Origin::of(&row.execution, &expr::Value::from(metadata.clone()), now);
    let allowed = Duration::from_millis(u64::try_from(queued.run_time_ms).unwrap_or(1));
    let start = Start {
        inputs: serde_json::from_str(&row.inputs)?,
        event: event_of(serde_json::from_str(&row.event)?),
        metadata,
        seed: unhex(&row.seed).ok_or(ReadBackError::Seed)?,
        run_time: plan.run_time(allowed),
    };
    Ok(Some(Ready { plan, start, origin }))
}

impl Inner {
    /// What is written of a run that is accepted and waits for its turn.
    pub(super) fn begin_queued(
        &self,
        new: &NewRun,
        id: ExecutionId,
        seed: [u8; 32],
        now: Timestamp,
    ) -> Begin {
        let queued = QueuedRun {
            metadata: serde_json::to_string(&self.metadata(new, id, now)).unwrap_or_default(),
            run_time_ms: i64::try_from(self.run_time.as_millis()).unwrap_or(i64::MAX),
            begins_at: new.begins_at,
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
