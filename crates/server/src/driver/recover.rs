//! Runs whose server is gone: reads their journal, folds it, goes on.

use engine::{Command, Entry, Event, Execution, PendingEffect, Refusal, RunState};
use futures_util::{StreamExt as _, stream};
use store::StoreError;
use store::executions::{ExecutionState, Owned};
use store::keyed_runs::Key;
use types::{ExecutionId, TenantId, WorkspaceId};

use super::commit::Batch;
use super::control::Asked;
use super::grants::RunIds;
use super::places::{Home, Turn};
use super::plans::PlanError;
use super::seat::Seat;
use super::subflows::Origin;
use super::waiting::unwanted_reason;
use super::{Driver, Inner, codes};
use crate::error::{ApiError, ApiResult};

/// Runs that are adopted in one transaction.
const ADOPTED_AT_A_TIME: i64 = 200;
/// Runs that are read back at the same time.
const RESUMED_AT_ONCE: usize = 16;
/// How often a run is taken over to be cancelled, if another server takes it each time in between.
const TAKE_OVER_TRIES: usize = 3;

impl Driver {
    /// Adopts every unfinished run that no living server owns; answers how many.
    pub(crate) async fn adopt(&self) -> ApiResult<usize> {
        let mut adopted = 0;
        let mut waiting = Vec::new();
        let all_adopted = loop {
            let (server, now) = (self.0.server, self.0.clock.now());
            let db = &self.0.db;
            let next =
                db.write(async move |tx| store::executions::adopt(tx, server, now, ADOPTED_AT_A_TIME).await);
            let owned = match next.await {
                Ok(owned) if owned.is_empty() => break Ok(()),
                Ok(owned) => owned,
                Err(error) => break Err(ApiError::from(error)),
            };
            let (queued, begun): (Vec<_>, Vec<_>) =
                owned.into_iter().partition(|run| run.state == ExecutionState::Queued);
            waiting.extend(queued);
            // Many at a time: reading one back is mostly waiting for the database.
            let resumed = stream::iter(begun)
                .map(async |run| usize::from(self.resume(run, None).await.is_some()))
                .buffer_unordered(RESUMED_AT_ONCE);
            adopted += resumed.fold(0, async |sum, one| sum + one).await;
        };
        // As they were accepted: what was queued first comes first again. Those that had begun have taken their places by
        // now.
        waiting.sort_unstable_by_key(|run: &Owned| (run.created_at, run.id));
        for run in waiting {
            adopted += usize::from(self.resume(run, None).await.is_some());
        }
        all_adopted.map(|()| adopted)
    }

    /// Takes over one run that this server does not drive, for what somebody asks of it: its state then, and why that
    /// was refused, if it was. None if it has ended, or was taken by another server each time.
    pub(super) async fn take_over(
        &self,
        tenant: TenantId,
        workspace: WorkspaceId,
        id: ExecutionId,
        asked: Asked,
    ) -> ApiResult<Option<(RunState, Option<Refusal>)>> {
        let driver = self.clone();
        // A task of its own: a caller who goes away must not leave a run behind that nobody drives.
        let taken = self.0.tasks.spawn(async move {
            for _ in 0..TAKE_OVER_TRIES {
                let (server, now) = (driver.0.server, driver.0.clock.now());
                let db = &driver.0.db;
                let taken = db.write(async move |tx| {
                    store::executions::take_over(tx, server, workspace, id, now).await
                });
                let Some(run) = taken.await? else { return Ok(None) };
                tracing::info!(execution.id = %id, tenant.id = %tenant, "run taken over, as somebody has decided about it");
                // Only what is on disk counts: its owner may have ended it in between, or another server taken it.
                if let Some(done) = driver.resume(run, Some(asked.clone())).await {
                    return Ok(Some(done));
                }
            }
            Ok::<_, StoreError>(None)
        });
        Ok(taken.await.map_err(ApiError::internal)??)
    }

    /// Reads a run back and sets it going again, or ends it if it is to be cancelled; its state, which is on disk,
    /// and why it refuses what is asked of it. None if it is no longer this server's, or cannot be read back: then it
    /// has been ended, or let go of if that was for want of the database.
    async fn resume(&self, owned: Owned, asked: Option<Asked>) -> Option<(RunState, Option<Refusal>)> {
        let inner = &self.0;
        let home = Home { tenant: owned.tenant_id, workspace: owned.workspace_id };
        if owned.state == ExecutionState::Queued {
            // There is nothing of it yet that anything else could be decided of.
            let cancel = match asked.map(|asked| asked.event) {
                Some(Event::CancelRequested { reason }) => Some(reason),
                _ => None,
            };
            let turn = Turn { home, id: owned.id, epoch: owned.epoch, accepted_at: owned.created_at };
            return Some((self.resume_queued(turn, cancel).await?, None));
        }
        let ReadBack { execution, next_seq, origin, unwanted, key } = match read_back(inner, owned).await {
            Ok(read) => read,
            Err(ReadBackError::Store(error)) if error.is_unavailable() => {
                tracing::warn!(execution.id = %owned.id, %error, "run cannot be read back at the moment");
                inner.release(owned.id, owned.epoch).await;
                return None;
            }
            Err(error) => {
                tracing::error!(execution.id = %owned.id, %error, "run cannot be read back");
                let message = "the run cannot be read back from its journal";
                inner.give_up(owned.id, owned.epoch, codes::NOT_RESTORABLE, message).await;
                return None;
            }
        };
        let ids = RunIds { tenant: home.tenant, workspace: home.workspace, execution: owned.id };
        let stored_state = execution.state();
        let mut seat = Seat::held(inner, home);
        seat.occupy(stored_state == RunState::Running);
        if let Some(key) = key {
            seat.hold(key);
        }
        let mut run = self.run(ids, origin, owned.epoch, (execution, next_seq, stored_state), seat);
        let mut commands = run.execution.outstanding();
        let unwanted = unwanted.then(|| Asked {
            event: Event::CancelRequested { reason: unwanted_reason() },
            audit: Vec::new(),
        });
        let (mut events, mut audit, mut refusal) = (Vec::new(), Vec::new(), None);
        if let Some(asked) = unwanted.or(asked) {
            refusal = match &asked.event {
                Event::Decided(control) => run.execution.refusal(control),
                _ => None,
            };
            if refusal.is_none() {
                // Not first repeated and then stopped: whatever was in flight is not to happen.
                (events, audit) = (vec![asked.event], asked.audit);
            }
        }
        for event in events {
            commands.extend(run.execution.advance(event, inner.clock.now()));
        }
        for event in lost_attempts(inner, &run.execution, &commands) {
            commands.extend(run.execution.advance(event, inner.clock.now()));
        }
        let mut batch = Batch::new(inner, ids, &run.origin, commands).await;
        batch.audit.extend(audit);
        let state = run.execution.state();
        let (effects, rest) = run.begin(batch).await?;
        self.set_going(run, effects, rest);
        Some((state, refusal))
    }

    /// Puts a run that has not begun at the end of its line, or ends it.
    async fn resume_queued(&self, turn: Turn, cancel: Option<String>) -> Option<RunState> {
        self.0.remember(turn.id, turn.epoch, None);
        // It may have been in line here until now, under its former epoch.
        self.0.places().leave(turn.home.workspace, turn.id, turn.epoch);
        self.0.leave_key(turn.home, turn.id);
        if cancel.is_some() {
            return self.begin(turn, Seat::held(&self.0, turn.home), cancel).await;
        }
        self.0.change_places(|places| places.line_up(turn));
        Some(RunState::Queued)
    }
}

/// Why a run cannot be read back.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadBackError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Plan(PlanError),
    #[error("its row is gone")]
    NoRow,
    #[error("its seed is not 32 bytes in hex")]
    Seed,
    #[error("a line of its journal, or what it begins with, is damaged: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Restore(#[from] engine::RestoreError),
}

impl From<PlanError> for ReadBackError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Store(error) => Self::Store(error),
            other => Self::Plan(other),
        }
    }
}

struct ReadBack {
    execution: Execution,
    next_seq: i64,
    origin: Origin,
    /// The run that called it no longer waits for it.
    unwanted: bool,
    /// The key that it holds.
    key: Option<Key>,
}

async fn read_back(inner: &Inner, owned: Owned) -> Result<ReadBack, ReadBackError> {
    let row = store::executions::get(&inner.db, owned.workspace_id, owned.id).await?;
    let row = row.ok_or(ReadBackError::NoRow)?;
    let hash = &row.execution.document_hash;
    let (execution, next_seq) =
        read_journal(inner, owned.tenant_id, owned.workspace_id, owned.id, hash).await?;
    // It was compiled to read the journal.
    let plan = inner.plans.get(owned.tenant_id, owned.workspace_id, hash).await?;
    let key = match plan.concurrency {
        Some(_) => store::keyed_runs::get(&inner.db, owned.workspace_id, owned.id).await?,
        None => None,
    };
    let origin = Origin::of(&row, execution.metadata(), execution.started_at());
    // Only who waits for a run can cease to.
    let unwanted = origin.lineage.parent.is_some()
        && store::unwanted_runs::contains(&inner.db, owned.workspace_id, owned.id).await?;
    Ok(ReadBack { execution, next_seq, origin, unwanted, key })
}

/// The run that its journal tells of, and the number of the journal's next line.
pub(super) async fn read_journal(
    inner: &Inner,
    tenant: TenantId,
    workspace: WorkspaceId,
    id: ExecutionId,
    document_hash: &str,
) -> Result<(Execution, i64), ReadBackError> {
    let lines = store::journal::read_all(&inner.db, workspace, id).await?;
    let next_seq = lines.last().map_or(1, |line| line.seq + 1);
    let entries = entries_of(&lines);
    let plan = inner.plans.get(tenant, workspace, document_hash).await?;
    Ok((Execution::restore(plan, &entries?)?, next_seq))
}

/// What the lines of a journal say.
///
/// # Errors
/// If a line is no entry.
pub(crate) fn entries_of(lines: &[store::journal::Entry]) -> serde_json::Result<Vec<Entry>> {
    lines.iter().map(|line| serde_json::from_str(&line.body)).collect()
}

/// The attempts that were in flight before these commands: nobody will report on them any more.
fn lost_attempts(inner: &Inner, execution: &Execution, commands: &[Command]) -> Vec<Event> {
    let is_new = |pending: &PendingEffect| {
        commands.iter().any(|command| {
            matches!(command, Command::Dispatch(new) if new.path == pending.path && new.attempt == pending.attempt)
        })
    };
    // A run that was called goes on by itself.
    let lost = |pending: &&PendingEffect| !pending.in_doubt && pending.subflow.is_none() && !is_new(pending);
    let awaited = execution.pending_effects().filter(lost);
    awaited.map(|pending| lost_attempt(inner, pending)).collect()
}

pub(super) fn lost_attempt(inner: &Inner, pending: &PendingEffect) -> Event {
    let PendingEffect { path, attempt, action, inputs, .. } = pending;
    let repeatable = is_repeatable(inner, action, inputs);
    Event::AttemptLost { path: path.clone(), attempt: *attempt, repeatable }
}

/// Whether the action may be done again with these inputs, though nobody knows whether it has been done.
pub(super) fn is_repeatable(inner: &Inner, action: &str, inputs: &expr::Value) -> bool {
    match &inputs.to_json() {
        serde_json::Value::Object(inputs) => inner.catalog.is_idempotent(action, inputs),
        _ => inner.catalog.is_idempotent(action, &serde_json::Map::new()),
    }
}
