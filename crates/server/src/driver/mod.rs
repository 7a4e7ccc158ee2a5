//! Drives runs: the shell around the pure engine. Accepts a run by making it durable, then lets a task of its
//! own take it to the end; adopts the runs of servers that are gone.
//!
//! Takes no decision on how a workflow proceeds: that is the engine's.

pub(crate) mod codes;
mod commit;
mod grants;
mod link;
mod plans;
mod recover;
mod run;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actions::Catalog;
use engine::{Command, Event, Execution, Start};
use futures_util::FutureExt as _;
use store::Db;
use store::executions::{ExecutionState, FullExecution};
use store::runs::{Begin, RunWrite, RunWriter};
use store::workflow_versions::Branch;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use types::{
    Clock, ExecutionId, Lease, Rng as _, ServerId, SystemRng, TenantId, Timestamp, WorkflowId, WorkspaceId,
};
use workflow::Metadata;
use workflow::plan::Plan;

pub use link::RunnerChannel;

use crate::connection_kinds::ConnectionKinds;
use crate::error::{ApiError, ApiResult, code};
use crate::network::NetworkRules;
use crate::vault::Vault;
use commit::{Batch, Effect, outcome_of};
use grants::RunIds;
use link::Link;
use plans::Plans;
use run::{Run, Signal};

/// What the driver is made of.
pub(crate) struct Parts {
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) channel: RunnerChannel,
    pub(crate) vault: Arc<Vault>,
    pub(crate) kinds: Arc<ConnectionKinds>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) server: ServerId,
    pub(crate) network: NetworkRules,
    pub(crate) public_url: String,
    pub(crate) in_flight_max: usize,
    pub(crate) run_time: Duration,
}

/// A run to be started.
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
}

struct Handle {
    epoch: i64,
    signals: mpsc::UnboundedSender<Signal>,
    /// The number of the last line that is in the journal.
    journaled: watch::Receiver<i64>,
    ended: CancellationToken,
}

pub(crate) struct Inner {
    db: Db,
    writer: RunWriter,
    clock: Arc<dyn Clock>,
    link: Link,
    vault: Arc<Vault>,
    kinds: Arc<ConnectionKinds>,
    catalog: Arc<Catalog>,
    plans: Plans,
    server: ServerId,
    network: NetworkRules,
    public_url: String,
    in_flight_max: usize,
    run_time: Duration,
    lease: Arc<Lease>,
    runs: Mutex<HashMap<ExecutionId, Handle>>,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

/// Drives the runs of this server.
#[derive(Clone)]
pub(crate) struct Driver(Arc<Inner>);

impl Driver {
    pub(crate) fn new(parts: Parts) -> Self {
        let plans = Plans::new(parts.db.clone(), Arc::clone(&parts.catalog), Arc::clone(&parts.kinds));
        let lease = Arc::clone(&parts.channel.lease);
        Self(Arc::new(Inner {
            lease,
            link: Link::new(parts.channel),
            writer: RunWriter::new(parts.db.clone()),
            db: parts.db,
            clock: parts.clock,
            vault: parts.vault,
            kinds: parts.kinds,
            catalog: parts.catalog,
            plans,
            server: parts.server,
            network: parts.network,
            public_url: parts.public_url,
            in_flight_max: parts.in_flight_max,
            run_time: parts.run_time,
            runs: Mutex::default(),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// The plan of a stored document, if it has been compiled already.
    pub(crate) fn known_plan(&self, workspace: WorkspaceId, hash: &str) -> Option<Arc<Plan>> {
        self.0.plans.known(workspace, hash)
    }

    /// Keeps the plan of a document for its runs to come.
    pub(crate) fn keep_plan(&self, workspace: WorkspaceId, hash: &str, plan: Plan) -> Arc<Plan> {
        self.0.plans.keep(workspace, hash, plan)
    }

    /// Accepts a run: when this answers, it is durable and on its way.
    ///
    /// # Errors
    /// `overloaded` past the bound of runs in flight, `shutting_down`, `storage_unavailable`.
    pub(crate) async fn start(&self, new: NewRun, plan: Arc<Plan>) -> ApiResult<ExecutionId> {
        let inner = &self.0;
        if inner.stopping.is_cancelled() {
            return Err(ApiError::new(
                &code::SHUTTING_DOWN,
                "the server is about to stop; try again in a moment",
            ));
        }
        let in_flight = inner.in_flight();
        if in_flight >= inner.in_flight_max {
            let message = format!("{in_flight} runs are in flight, as many as this server takes");
            return Err(ApiError::new(&code::OVERLOADED, message));
        }
        let now = inner.clock.now();
        let id = ExecutionId::new(now, &mut SystemRng);
        let ids = RunIds { tenant: new.tenant, workspace: new.workspace, execution: id };
        let mut seed = [0; 32];
        SystemRng.fill(&mut seed);
        let start = Start {
            inputs: new.inputs.clone(),
            event: expr::Value::from(serde_json::json!({"payload": new.event})),
            metadata: inner.metadata(&new, id, now),
            seed,
            run_time: inner.run_time,
        };
        let (mut execution, mut commands) = Execution::start(plan, start, now);
        commands.extend(execution.advance(Event::Continue, now));
        let batch = Batch::new(inner, ids, commands).await;
        let next_seq = 1 + i64::try_from(batch.lines.len()).unwrap_or(i64::MAX);
        let row = row_of(&new, id, inner.server, &execution, seed, now);
        let begin = Begin { row, lines: batch.lines, now };
        let first = Arc::new(RunWrite { begins: vec![begin], audit: batch.audit, ..RunWrite::default() });
        let stored_state = execution.state();
        let run = self.run(ids, FIRST_EPOCH, execution, next_seq, stored_state);
        let (effects, rest) = (batch.effects, batch.rest);
        let driver = self.clone();
        // A task of its own: a caller who goes away must not leave a run behind that is durable and not driven.
        let accepted = inner.tasks.spawn(async move {
            // Dropped without being driven, the run is forgotten again.
            // Nobody else can own a run that was not there before.
            let written = driver.0.writer.write(first).await.map(|_| ());
            match &written {
                Ok(()) if !stored_state.is_terminal() => driver.set_going(run, effects, rest),
                Err(error) if error.is_unavailable() => driver.settle(run, effects, rest),
                _ => {}
            }
            written
        });
        accepted.await.map_err(ApiError::internal)??;
        Ok(id)
    }

    /// The database did not say whether the first commit of a run was done. Finds out when it answers again:
    /// a run that is there is driven, though its caller was told to try again.
    fn settle(&self, run: Run, effects: Vec<Effect>, rest: Vec<Command>) {
        let driver = self.clone();
        self.0.tasks.spawn(async move {
            let (workspace, id) = (run.ids.workspace, run.ids.execution);
            while !driver.0.stopping.is_cancelled() {
                tokio::time::sleep(SETTLE_PAUSE).await;
                match store::executions::get(&driver.0.db, workspace, id).await {
                    Ok(Some(row)) if !row.execution.state.is_finished() => {
                        return driver.set_going(run, effects, rest);
                    }
                    Ok(_) => return,
                    Err(_) => {}
                }
            }
        });
    }

    /// Drives the run in a task of its own. One that the server itself fails at is not left hanging.
    fn set_going(&self, run: Run, effects: Vec<Effect>, rest: Vec<Command>) {
        let inner = Arc::clone(&self.0);
        let (id, epoch) = (run.ids.execution, run.epoch);
        self.0.tasks.spawn(async move {
            if AssertUnwindSafe(run.drive(effects, rest)).catch_unwind().await.is_err() {
                inner
                    .give_up(id, epoch, codes::DRIVER_FAILED, "the server failed while it drove the run")
                    .await;
            }
        });
    }

    /// A run that is this server's from now on, until it is dropped.
    fn run(
        &self,
        ids: RunIds,
        epoch: i64,
        execution: Execution,
        next_seq: i64,
        stored_state: engine::RunState,
    ) -> Run {
        let (sender, signals) = mpsc::unbounded_channel();
        let (journaled, seen) = watch::channel(next_seq - 1);
        let handle = Handle { epoch, signals: sender, journaled: seen, ended: CancellationToken::new() };
        lock(&self.0.runs).insert(ids.execution, handle);
        let inner = Arc::clone(&self.0);
        Run { inner, ids, epoch, execution, next_seq, stored_state, signals, journaled }
    }

    /// Asks a run to stop; true when that is durable, false when it had ended.
    pub(crate) async fn cancel(
        &self,
        tenant: TenantId,
        workspace: WorkspaceId,
        id: ExecutionId,
        reason: String,
    ) -> ApiResult<bool> {
        if let Some(signals) = self.0.signals_of(id) {
            let (done, answered) = oneshot::channel();
            let sent = signals.send(Signal::Cancel { reason: reason.clone(), done }).is_ok();
            if sent && answered.await.is_ok() {
                return Ok(true);
            }
        }
        // Another server drives it, or nobody does: this one takes it over to end it. If it has ended, there
        // is nothing to take.
        self.take_over(tenant, workspace, id, reason).await
    }

    /// Waits until this server no longer drives the run, at most for `timeout` or until it stops; false if it
    /// still does.
    pub(crate) async fn wait(&self, id: ExecutionId, timeout: Duration) -> bool {
        let ended = lock(&self.0.runs).get(&id).map(|handle| handle.ended.clone());
        let Some(ended) = ended else { return true };
        tokio::select! {
            () = ended.cancelled() => true,
            () = tokio::time::sleep(timeout) => false,
            // Who waits for a run must not hold the server up.
            () = self.0.stopping.cancelled() => false,
        }
    }

    /// Waits until the run has journaled more than `seen` lines: as soon as it has, if this server drives it, and at
    /// most for `own_pause` then; else for `others_pause`. Not at all once the server is about to stop. Answers how
    /// many lines there are, if it knows.
    pub(crate) async fn wait_for_lines(
        &self,
        id: ExecutionId,
        seen: i64,
        own_pause: Duration,
        others_pause: Duration,
    ) -> Option<i64> {
        let journaled = lock(&self.0.runs).get(&id).map(|handle| handle.journaled.clone());
        let pause = if journaled.is_some() { own_pause } else { others_pause };
        let more = async {
            match journaled {
                // An error says that the run is no longer driven here.
                Some(mut journaled) => journaled.wait_for(|last| *last > seen).await.ok().map(|last| *last),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            known = more => known,
            () = tokio::time::sleep(pause) => None,
            () = self.0.stopping.cancelled() => None,
        }
    }

    /// Whether the server is about to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.0.stopping.is_cancelled()
    }

    /// How many runs this server drives.
    pub(crate) fn in_flight(&self) -> usize {
        self.0.in_flight()
    }

    /// Takes no more runs; those that merely wait are let go of.
    pub(crate) fn begin_stop(&self) {
        self.0.stopping.cancel();
    }

    /// Takes no more runs, lets steps in flight finish for at most `grace`, and lets go of the others: they go
    /// on at the next start.
    pub(crate) async fn stop(&self, grace: Duration) {
        self.begin_stop();
        self.0.tasks.close();
        if tokio::time::timeout(grace, self.0.tasks.wait()).await.is_err() {
            tracing::warn!(runs = self.0.in_flight(), "steps were still in flight when the grace was over");
        }
    }
}

/// Pause between two questions after a run whose first commit was not answered.
const SETTLE_PAUSE: Duration = Duration::from_millis(500);
/// The epoch of a run's first owner.
const FIRST_EPOCH: i64 = 1;

impl Inner {
    /// Ends a run that cannot go on; if not even that can be written, lets go of it for somebody else.
    async fn give_up(&self, id: ExecutionId, epoch: i64, code: &str, message: &str) {
        let now = self.clock.now();
        let outcome = store::executions::Outcome {
            state: ExecutionState::Failed,
            outputs: None,
            step_results: "{}".to_owned(),
            error_code: Some(code.to_owned()),
            error_message: Some(message.to_owned()),
            cancel_reason: None,
            started_at: None,
            finished_at: Some(now),
            net_runtime_ms: 0,
        };
        let ended =
            self.db.write(async move |tx| store::executions::set_outcome(tx, id, epoch, &outcome, now).await);
        if let Err(error) = ended.await {
            tracing::error!(execution.id = %id, %error, "run could not be ended, letting go of it");
            self.release(id, epoch).await;
        }
    }

    /// Lets go of a run: whoever adopts next will find it.
    async fn release(&self, id: ExecutionId, epoch: i64) {
        let now = self.clock.now();
        let released = self.db.write(async move |tx| store::executions::release(tx, id, epoch, now).await);
        if let Err(error) = released.await {
            tracing::error!(execution.id = %id, %error, "run could not be let go of");
        }
    }

    fn in_flight(&self) -> usize {
        lock(&self.runs).len()
    }

    /// The run of that epoch is no longer driven here; one of a later epoch may be.
    fn forget(&self, id: ExecutionId, epoch: i64) {
        let mut runs = lock(&self.runs);
        if runs.get(&id).is_some_and(|handle| handle.epoch == epoch)
            && let Some(handle) = runs.remove(&id)
        {
            handle.ended.cancel();
        }
    }

    fn signals_of(&self, id: ExecutionId) -> Option<mpsc::UnboundedSender<Signal>> {
        lock(&self.runs).get(&id).map(|handle| handle.signals.clone())
    }

    fn metadata(&self, new: &NewRun, id: ExecutionId, now: Timestamp) -> expr::Map {
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

fn row_of(
    new: &NewRun,
    id: ExecutionId,
    server: ServerId,
    execution: &Execution,
    seed: [u8; 32],
    now: Timestamp,
) -> FullExecution {
    let outcome = outcome_of(execution);
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
            execution_depth: 0,
            parent_execution_id: None,
            created_at: now,
            created_by: new.created_by.clone(),
            started_at: outcome.started_at,
            finished_at: outcome.finished_at,
            net_runtime_ms: outcome.net_runtime_ms,
            updated_at: now,
            name: String::new(),
            updated_by: String::new(),
            test_session_id: new.test_session_id.clone(),
        },
        inputs: serde_json::to_string(&new.inputs).unwrap_or_default(),
        event: new.event.to_string(),
        outputs: outcome.outputs,
        seed: seed.iter().map(|byte| format!("{byte:02x}")).collect(),
        owner_server_id: Some(server),
        owner_epoch: FIRST_EPOCH,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
