//! How a run comes to be. Where there is room it is accepted and begun in one commit; where there is none it is accepted
//! as queued (`queue.rs`).

use std::sync::Arc;
use std::time::Duration;

use engine::{Command, Event, Execution, RunState, Start};
use store::Chain;
use store::audit::AuditEntry;
use store::executions::{FullExecution, Outcome};
use store::files::CopiedFiles;
use store::keyed_runs::Key;
use store::runs::{Begin, Line, RunWrite};
use store::workflow_versions::Branch;
use types::{
    ExecutionId, RecordEventId, Rng as _, ServerId, SystemRng, TenantId, Timestamp, WorkflowId, WorkspaceId,
};
use workflow::Metadata;
use workflow::plan::Plan;

use super::commit::{Batch, Effect, outcome_of};
use super::grants::RunIds;
use super::places::{Home, Turn};
use super::run::Run;
use super::seat::Seat;
use super::subflows::{Lineage, Origin};
use super::{Driver, Inner};
use crate::error::{ApiError, ApiResult, code};

/// Pause between two questions after a run whose first commit was not answered.
const SETTLE_PAUSE: Duration = Duration::from_millis(500);
/// The epoch of a run's first owner.
pub(super) const FIRST_EPOCH: i64 = 1;

/// A run to be started. One that another run waits for does not wait for a place, or runs could wait for each other in a
/// circle: it is no business of [`Driver::start`].
pub(crate) struct NewRun {
    pub(crate) tenant: TenantId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) workflow: WorkflowId,
    pub(crate) workflow_name: String,
    pub(crate) pack: Option<String>,
    pub(crate) document_hash: String,
    pub(crate) branch: Branch,
    pub(crate) workflow_version: i64,
    pub(crate) inputs: expr::Map,
    pub(crate) event: serde_json::Value,
    pub(crate) trigger_type: &'static str,
    pub(crate) user_email: String,
    pub(crate) created_by: String,
    /// The editor's session that it tests for; empty if there is none.
    pub(crate) test_session_id: String,
    /// Who called it; the default if it is not called by another run.
    pub(crate) lineage: Lineage,
    /// When it may begin; none: at once.
    pub(crate) begins_at: Option<Timestamp>,
    /// The run that it goes on from, and the path of the step that it begins with.
    pub(crate) restarted_from: Option<(ExecutionId, String)>,
    /// The workflows that have led to it.
    pub(crate) chain: Chain,
}

impl NewRun {
    /// What it hands on to the runs that it calls.
    pub(super) fn origin(&self, started_at: Timestamp) -> Origin {
        Origin {
            workflow: self.workflow,
            lineage: self.lineage,
            started_at,
            created_by: self.created_by.clone(),
            user_email: self.user_email.clone(),
            chain: self.chain.clone(),
        }
    }

    pub(super) fn home(&self) -> Home {
        Home { tenant: self.tenant, workspace: self.workspace }
    }
}

/// What a run brings along from another one, and what is written down with it.
#[derive(Default)]
pub(super) struct Carried {
    /// The first lines of its journal.
    pub(super) lines: Vec<Line>,
    pub(super) files: Vec<CopiedFiles>,
    pub(super) audit: Vec<AuditEntry>,
    /// The changes of records for which it begins.
    pub(super) delivered: Vec<RecordEventId>,
}

/// What is to be done with a run once it is on disk.
pub(super) enum Accepted {
    /// It has begun: drive it.
    Begun(Box<Run>, Vec<Effect>, Vec<Command>),
    /// It waits for its turn.
    Queued(Turn),
}

impl Driver {
    /// Accepts a run: when this answers, it is durable and on its way, or waits for its turn.
    ///
    /// # Errors
    /// `queue_full` if no more runs can wait, `shutting_down`, `storage_unavailable`.
    pub(crate) async fn start(&self, new: NewRun, plan: Arc<Plan>) -> ApiResult<ExecutionId> {
        self.start_as(new, plan, self.identity()?, Carried::default()).await
    }

    /// The same under an identity, and with what is written down with it.
    pub(super) async fn start_as(
        &self,
        new: NewRun,
        plan: Arc<Plan>,
        (id, seed, now): (ExecutionId, [u8; 32], Timestamp),
        carried: Carried,
    ) -> ApiResult<ExecutionId> {
        let inner = &self.0;
        if plan.concurrency.is_none() && inner.places().has_line(new.home()) {
            return self.enqueue(new, (id, seed, now), None, carried).await;
        }
        let start = Start {
            inputs: new.inputs.clone(),
            event: event_of(new.event.clone()),
            metadata: inner.metadata(&new, id, now),
            seed,
            run_time: plan.run_time(inner.run_time),
        };
        if let Some(key) = key_of(&new, &plan, &start, now)? {
            return self.enqueue(new, (id, seed, now), Some(key), carried).await;
        }
        let (mut execution, mut commands) = Execution::start(plan, start, now);
        commands.extend(execution.advance(Event::Continue, now));
        // Nothing of it is visible yet: a run that finds no room is forgotten again, and begins when its turn comes.
        let Some(seat) = inner.seat_for(&new, execution.state()) else {
            return self.enqueue(new, (id, seed, now), None, carried).await;
        };
        self.begin_new(new, (id, seed, now), (execution, commands, seat), carried).await
    }

    /// The id, the seed and the time of a run that is about to be accepted; an error if the server is about to stop.
    pub(super) fn identity(&self) -> ApiResult<(ExecutionId, [u8; 32], Timestamp)> {
        if self.0.stopping.is_cancelled() {
            let message = "the server is about to stop; try again in a moment";
            return Err(ApiError::new(&code::SHUTTING_DOWN, message));
        }
        let now = self.0.clock.now();
        let mut seed = [0; 32];
        SystemRng.fill(&mut seed);
        Ok((ExecutionId::new(now, &mut SystemRng), seed, now))
    }

    /// Writes a run that has taken its first steps, and sets it going.
    pub(super) async fn begin_new(
        &self,
        new: NewRun,
        (id, seed, now): (ExecutionId, [u8; 32], Timestamp),
        (execution, commands, seat): (Execution, Vec<Command>, Seat),
        carried: Carried,
    ) -> ApiResult<ExecutionId> {
        let inner = &self.0;
        let ids = RunIds { tenant: new.tenant, workspace: new.workspace, execution: id };
        let origin = new.origin(now);
        let mut batch = Batch::new(inner, ids, &origin, commands).await;
        batch.audit.extend(carried.audit);
        let mut lines = carried.lines;
        lines.append(&mut batch.lines);
        let next_seq = 1 + i64::try_from(lines.len()).unwrap_or(i64::MAX);
        let row = row_of(&new, id, Some(inner.server), outcome_of(&execution), seed, now);
        let mut begins = vec![Begin { row, queued: None, lines, now }];
        begins.extend(batch.called);
        let (files, copied_files, audit) = (batch.files, carried.files, batch.audit);
        let first = RunWrite {
            begins,
            files,
            copied_files,
            audit,
            delivered: carried.delivered,
            ..RunWrite::default()
        };
        let stored_state = execution.state();
        let run = self.run(ids, origin, FIRST_EPOCH, (execution, next_seq, stored_state), seat);
        self.accept(ids, first, Accepted::Begun(Box::new(run), batch.effects, batch.rest)).await
    }

    /// Writes a run's first commit, and does with the run what is to be done then.
    pub(super) async fn accept(
        &self,
        ids: RunIds,
        first: RunWrite,
        then: Accepted,
    ) -> ApiResult<ExecutionId> {
        let driver = self.clone();
        // A task of its own: a caller who goes away must not leave a run behind that is durable and not driven.
        let accepted = self.0.tasks.spawn(async move {
            // Nobody else can own a run that was not there before.
            let written = driver.0.writer.write(Arc::new(first)).await.map(|_| ());
            match &written {
                Ok(()) => driver.go_on(then),
                Err(error) if error.is_unavailable() => driver.settle(ids, then),
                Err(_) => driver.forget(then),
            }
            written
        });
        accepted.await.map_err(ApiError::internal)??;
        Ok(ids.execution)
    }

    fn go_on(&self, then: Accepted) {
        match then {
            // Dropped without being driven, a run is forgotten again.
            Accepted::Begun(run, ..) if run.execution.state().is_terminal() => {}
            Accepted::Begun(run, effects, rest) => self.set_going(*run, effects, rest),
            Accepted::Queued(turn) => self.0.change_places(|places| {
                places.unreserve(turn.home);
                places.line_up(turn);
            }),
        }
    }

    fn forget(&self, then: Accepted) {
        if let Accepted::Queued(turn) = then {
            self.0.places().unreserve(turn.home);
            self.0.leave_key(turn.home, turn.id);
            self.0.forget(turn.id, turn.epoch);
        }
    }

    /// The database did not say whether the first commit of a run was done. Finds out when it answers again:
    /// a run that is there goes on, though its caller was told to try again.
    fn settle(&self, ids: RunIds, then: Accepted) {
        let driver = self.clone();
        self.0.tasks.spawn(async move {
            let (workspace, id) = (ids.workspace, ids.execution);
            while !driver.0.stopping.is_cancelled() {
                tokio::time::sleep(SETTLE_PAUSE).await;
                match store::executions::get(&driver.0.db, workspace, id).await {
                    Ok(Some(row)) if !row.execution.state.is_finished() => return driver.go_on(then),
                    Ok(_) => return driver.forget(then),
                    Err(_) => {}
                }
            }
        });
    }
}

impl Inner {
    /// The seat of a new run that stands in that state after its first steps; none if it has to wait.
    pub(super) fn seat_for(self: &Arc<Self>, new: &NewRun, state: RunState) -> Option<Seat> {
        // What has ended already needs no place.
        if state.is_terminal() {
            return Some(Seat::held(self, new.home()));
        }
        match state {
            RunState::Waiting | RunState::Paused => Seat::try_held(self, new.home()),
            _ => Seat::try_active(self, new.home()),
        }
    }

    pub(super) fn metadata(&self, new: &NewRun, id: ExecutionId, now: Timestamp) -> expr::Map {
        let base = format!("{}/workspace/{}", self.public_url.trim_end_matches('/'), new.workspace);
        Metadata {
            automation_name: new.workflow_name.clone(),
            automation_id: new.workflow.to_string(),
            automation_url: format!("{base}/workflow/{}/edit", new.workflow),
            tenant_id: new.tenant.to_string(),
            workspace_id: new.workspace.to_string(),
            pack_id: new.pack.clone().unwrap_or_default(),
            execution_id: id.to_string(),
            execution_url: format!("{base}/executions/{id}"),
            user_email: new.user_email.clone(),
            user_groups: Vec::new(),
            start_time: now.as_millis(),
        }
        .into()
    }
}

/// The key of the run, if its workflow has one.
///
/// # Errors
/// `concurrency_key_invalid`.
pub(super) fn key_of(new: &NewRun, plan: &Plan, start: &Start, now: Timestamp) -> ApiResult<Option<Key>> {
    let Some(concurrency) = &plan.concurrency else { return Ok(None) };
    let text = engine::concurrency_key(concurrency, start, now).map_err(|problem| {
        let message = format!("Can not execute playbook: the key of `concurrency`: {problem}");
        ApiError::new(&code::CONCURRENCY_KEY_INVALID, message)
    })?;
    Ok(Some(Key { workflow: new.workflow, text }))
}

/// What `event` answers in a run.
pub(super) fn event_of(payload: serde_json::Value) -> expr::Value {
    expr::Value::from(serde_json::json!({"payload": payload}))
}

pub(super) fn row_of(
    new: &NewRun,
    id: ExecutionId,
    server: Option<ServerId>,
    outcome: Outcome,
    seed: [u8; 32],
    now: Timestamp,
) -> FullExecution {
    FullExecution {
        execution: store::executions::Execution {
            id,
            tenant_id: new.tenant,
            workspace_id: new.workspace,
            workflow_id: new.workflow,
            workflow_name: new.workflow_name.clone(),
            document_hash: new.document_hash.clone(),
            branch: new.branch,
            workflow_version: new.workflow_version,
            execution_number: 0,
            trigger_type: new.trigger_type.to_owned(),
            state: outcome.state,
            step_results: outcome.step_results,
            error_code: outcome.error_code,
            error_message: outcome.error_message,
            cancel_reason: outcome.cancel_reason,
            execution_depth: new.lineage.depth,
            parent_execution_id: new.lineage.parent,
            async_parent_execution_id: new.lineage.async_parent,
            top_execution: new.lineage.top,
            created_at: now,
            created_by: new.created_by.clone(),
            started_at: outcome.started_at,
            finished_at: outcome.finished_at,
            net_runtime_ms: outcome.net_runtime_ms,
            updated_at: now,
            name: String::new(),
            updated_by: String::new(),
            test_session_id: new.test_session_id.clone(),
            restarted_from_id: new.restarted_from.as_ref().map(|(id, _)| *id),
            restarted_from_step: new
                .restarted_from
                .as_ref()
                .map(|(_, step)| step.clone())
                .unwrap_or_default(),
        },
        inputs: serde_json::to_string(&new.inputs).unwrap_or_default(),
        event: new.event.to_string(),
        outputs: outcome.outputs,
        seed: seed.iter().map(|byte| format!("{byte:02x}")).collect(),
        owner_server_id: server,
        owner_epoch: FIRST_EPOCH,
        chain: new.chain.clone(),
    }
}
