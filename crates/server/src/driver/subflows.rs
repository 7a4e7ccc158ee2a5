//! Runs that steps call, until they are accepted. That happens in the commit that notes the start of the step's attempt,
//! under an id that follows from that attempt: a crash can neither lose such a run nor start it twice.

use std::sync::Arc;
use std::time::Duration;

use engine::{Execution, Start, StepError, SubflowCall};
use store::executions::FullExecution;
use store::keyed_runs::Key;
use store::runs::Begin;
use store::workflow_versions::{self, Branch, Document};
use store::workflows::{self, Workflow};
use store::{Chain, StoreError};
use types::limits::SUBFLOW_DEPTH_MAX;
use types::{ExecutionId, Rng as _, SystemRng, Timestamp, WorkflowId};
use workflow::plan::Plan;

use super::commit::{line_of, outcome_of};
use super::grants::RunIds;
use super::places::Turn;
use super::plans::PlanError;
use super::start::{FIRST_EPOCH, NewRun, event_of, row_of};
use super::{Inner, codes, lock};

/// Pause before the database is asked again that did not answer.
const READ_PAUSE: Duration = Duration::from_millis(250);

/// The id of the run that an attempt of a step calls.
pub(crate) fn called_id(caller: ExecutionId, path: &str, attempt: u32) -> ExecutionId {
    ExecutionId::of_name(&format!("{caller}/{path}/{attempt}"))
}

/// Where a run stands among those that call each other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lineage {
    /// How many runs it is nested in.
    pub(crate) depth: i64,
    /// The run that waits for it.
    pub(crate) parent: Option<ExecutionId>,
    /// The run that called it and does not wait.
    pub(crate) async_parent: Option<ExecutionId>,
    /// The run that it all began with, and when that started; none in that run itself.
    pub(crate) top: Option<(ExecutionId, Timestamp)>,
}

impl Lineage {
    /// Of a run that is read back.
    pub(super) fn of(row: &store::executions::Execution) -> Self {
        Self {
            depth: row.execution_depth,
            parent: row.parent_execution_id,
            async_parent: row.async_parent_execution_id,
            top: row.top_execution,
        }
    }
}

/// What a run hands on to those that it calls.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) workflow: WorkflowId,
    pub(super) lineage: Lineage,
    pub(super) started_at: Timestamp,
    pub(super) created_by: String,
    pub(super) user_email: String,
    /// The workflows that have led to it.
    pub(super) chain: Chain,
}

impl Origin {
    /// Of a run that is in the database; `metadata` is what it may know of itself.
    pub(super) fn of(row: &FullExecution, metadata: &expr::Value, started_at: Timestamp) -> Self {
        let run = &row.execution;
        Self {
            workflow: run.workflow_id,
            lineage: Lineage::of(run),
            started_at,
            created_by: run.created_by.clone(),
            user_email: metadata.get("user_email").map(expr::Value::render).unwrap_or_default(),
            chain: row.chain.clone(),
        }
    }

    /// The workflows that have led to what the run does.
    pub(super) fn chain_of_effects(&self) -> Chain {
        self.chain.with(self.workflow)
    }
}

/// The call of a run: one that is accepted with the commit at hand, or the reason why none is.
pub(super) struct Call {
    pub(super) path: String,
    pub(super) attempt: u32,
    /// The run; there is none if the call is refused.
    pub(super) id: ExecutionId,
    pub(super) called: Result<Called, StepError>,
}

/// A run that is about to be accepted.
pub(super) enum Called {
    /// Its caller waits for it, so it does not wait for a place.
    Begun(Box<Begun>),
    /// It waits for its turn.
    Queued(Reserved),
    /// It begins later; whoever is there then adopts it.
    Later,
}

/// A run that has begun and not taken a step.
pub(super) struct Begun {
    pub(super) execution: Execution,
    pub(super) ids: RunIds,
    pub(super) origin: Origin,
}

/// Room in the queue; given back if it is not used.
pub(super) struct Reserved {
    inner: Arc<Inner>,
    turn: Option<Turn>,
}

impl Reserved {
    fn new(inner: &Arc<Inner>, turn: Turn, key: Option<&Key>) -> Result<Self, StepError> {
        inner.places().reserve(turn.home).map_err(|full| {
            let message = format!("{} runs wait in this {}, as many as may", full.most, full.whose);
            StepError::new(codes::SUBFLOW_QUEUE_FULL, message)
        })?;
        if let Some(key) = key {
            // From now on those that are accepted later wait for it.
            lock(&inner.waiters).enter(key, turn);
        }
        Ok(Self { inner: Arc::clone(inner), turn: Some(turn) })
    }

    /// The run is on disk: it lines up.
    pub(super) fn line_up(mut self) {
        if let Some(turn) = self.turn.take() {
            self.inner.remember(turn.id, turn.epoch, None);
            self.inner.change_places(|places| {
                places.unreserve(turn.home);
                places.line_up(turn);
            });
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some(turn) = self.turn {
            self.inner.places().unreserve(turn.home);
            self.inner.leave_key(turn.home, turn.id);
        }
    }
}

/// What may be run, and as what.
struct Callee {
    row: Workflow,
    document: Document,
    plan: Arc<Plan>,
}

impl Inner {
    /// Prepares the run that a step calls, and what is written of it with its caller's commit. If none can be called,
    /// that is the step's failure.
    pub(super) async fn prepare_call(
        self: &Arc<Self>,
        ids: RunIds,
        origin: &Origin,
        call: SubflowCall,
    ) -> (Call, Option<Begin>) {
        let called = match self.find_callee_patiently(ids, origin, &call).await {
            Ok(callee) => self.called(ids, origin, &call, callee),
            Err(error) => Err(error),
        };
        let (called, begin) = match called {
            Ok((called, begin)) => (Ok(called), Some(begin)),
            Err(error) => (Err(error), None),
        };
        let id = called_id(ids.execution, &call.path, call.attempt);
        (Call { path: call.path, attempt: call.attempt, id, called }, begin)
    }

    async fn find_callee_patiently(
        &self,
        ids: RunIds,
        origin: &Origin,
        call: &SubflowCall,
    ) -> Result<Callee, StepError> {
        let (workflow, depth) = (call.workflow, origin.lineage.depth + 1);
        if workflow == origin.workflow {
            let message = format!("workflow `{workflow}` calls itself");
            return Err(StepError::new(codes::SUBFLOW_SELF_CALL, message));
        }
        if depth > SUBFLOW_DEPTH_MAX {
            let message = format!(
                "the run is nested {SUBFLOW_DEPTH_MAX} deep, as deep as a run may be; workflows may be calling each \
                 other in a circle"
            );
            return Err(StepError::new(codes::SUBFLOW_DEPTH, message));
        }
        loop {
            match self.find_callee(ids, call).await {
                Ok(found) => return found,
                // A run is not failed for a database that is away for a while.
                Err(error) if error.is_unavailable() && !self.stopping.is_cancelled() => {
                    tracing::warn!(execution.id = %ids.execution, %error, "workflow cannot be read, trying again");
                    tokio::time::sleep(READ_PAUSE).await;
                }
                Err(error) => {
                    tracing::error!(execution.id = %ids.execution, %error, "workflow cannot be read");
                    let message = format!("workflow `{workflow}` cannot be read at the moment");
                    return Err(StepError::new(codes::STORAGE_UNAVAILABLE, message));
                }
            }
        }
    }

    async fn find_callee(
        &self,
        ids: RunIds,
        call: &SubflowCall,
    ) -> Result<Result<Callee, StepError>, StoreError> {
        let Some(row) = workflows::get(&self.db, ids.workspace, call.workflow).await? else {
            let message = format!("the workspace has no workflow `{}`", call.workflow);
            return Ok(Err(StepError::new(codes::SUBFLOW_NOT_FOUND, message)));
        };
        let refused =
            |code: &str, what: &str| Ok(Err(StepError::new(code, format!("workflow `{}` {what}", row.name))));
        if !row.active {
            return refused(codes::SUBFLOW_INACTIVE, "is deactivated");
        }
        if row.automation_type != workflow::AutomationType::OnDemand.as_str() {
            let what = format!("is of type `{}`; only `on_demand` ones are called", row.automation_type);
            return refused(codes::SUBFLOW_NOT_ON_DEMAND, &what);
        }
        let branch = if call.options.is_draft { Branch::Draft } else { Branch::Public };
        let document = workflow_versions::latest(&self.db, ids.workspace, row.id, branch).await?;
        let Some(document) = document else {
            return refused(codes::SUBFLOW_NOT_PUBLISHED, "has not been published");
        };
        match self.plans.get(ids.tenant, ids.workspace, &document.version.hash).await {
            Ok(plan) => Ok(Ok(Callee { row, document, plan })),
            Err(PlanError::Store(error)) => Err(error),
            Err(PlanError::DoesNotCompile { problem, .. }) => {
                refused(codes::SUBFLOW_INVALID, &format!("cannot be run: {problem}"))
            }
            Err(PlanError::NoDocument(_)) => refused(codes::SUBFLOW_INVALID, "has lost its document"),
        }
    }

    /// The run itself, and what is written of it.
    fn called(
        self: &Arc<Self>,
        ids: RunIds,
        origin: &Origin,
        call: &SubflowCall,
        callee: Callee,
    ) -> Result<(Called, Begin), StepError> {
        let Callee { row, document, plan } = callee;
        let given = match call.inputs.to_json() {
            serde_json::Value::Object(given) => given,
            _ => serde_json::Map::new(),
        };
        let inputs = workflow::bind_inputs(&plan.inputs, given).map_err(|errors| {
            let list: Vec<String> =
                errors.iter().map(|error| format!("`{}` {}", error.input, error.message)).collect();
            let message = format!("workflow `{}` does not take the inputs: {}", row.name, list.join("; "));
            StepError::new(codes::SUBFLOW_INPUTS_INVALID, message)
        })?;
        let is_async = call.options.is_async;
        let new = NewRun {
            restarted_from: None,
            tenant: ids.tenant,
            workspace: ids.workspace,
            workflow: row.id,
            workflow_name: row.name,
            pack: row.pack_id.map(|id| id.to_string()),
            document_hash: document.version.hash,
            branch: document.version.branch,
            workflow_version: document.version.version,
            inputs,
            event: serde_json::json!({}),
            trigger_type: "subflow",
            user_email: origin.user_email.clone(),
            created_by: origin.created_by.clone(),
            test_session_id: String::new(),
            lineage: Lineage {
                depth: origin.lineage.depth + 1,
                parent: (!is_async).then_some(ids.execution),
                async_parent: is_async.then_some(ids.execution),
                top: Some(origin.lineage.top.unwrap_or((ids.execution, origin.started_at))),
            },
            begins_at: call.options.begins_at,
            chain: origin.chain_of_effects(),
        };
        let ids = RunIds { execution: called_id(ids.execution, &call.path, call.attempt), ..ids };
        let now = self.clock.now();
        let mut seed = [0; 32];
        SystemRng.fill(&mut seed);
        let key = self.key_of_called(&new, ids, &plan, seed, now)?;
        if !is_async && key.is_none() {
            let (begun, begin) = self.begin_called(&new, ids, plan, seed, now);
            return Ok((Called::Begun(Box::new(begun)), begin));
        }
        let called = match new.begins_at {
            Some(_) => Called::Later,
            None => {
                let (home, id) = (new.home(), ids.execution);
                let turn = Turn { home, id, epoch: FIRST_EPOCH, accepted_at: now };
                Called::Queued(Reserved::new(self, turn, key.as_ref())?)
            }
        };
        Ok((called, self.begin_queued(&new, ids.execution, seed, key, now)))
    }

    /// The key of which so many runs may be active; a run that has one waits its turn, also if another waits for it.
    fn key_of_called(
        &self,
        new: &NewRun,
        ids: RunIds,
        plan: &Plan,
        seed: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<Key>, StepError> {
        let Some(concurrency) = &plan.concurrency else { return Ok(None) };
        let start = self.start_of(new, ids.execution, seed, now);
        let text = engine::concurrency_key(concurrency, &start, now).map_err(|problem| {
            let name = &new.workflow_name;
            let message = format!("the `concurrency` key of workflow `{name}`: {problem}");
            StepError::new(codes::SUBFLOW_INPUTS_INVALID, message)
        })?;
        Ok(Some(Key { workflow: new.workflow, text }))
    }

    fn start_of(&self, new: &NewRun, id: ExecutionId, seed: [u8; 32], now: Timestamp) -> Start {
        Start {
            inputs: new.inputs.clone(),
            event: event_of(new.event.clone()),
            metadata: self.metadata(new, id, now),
            seed,
            run_time: self.run_time,
        }
    }

    /// A run that another one waits for, which has not taken a step, and what is written of it.
    fn begin_called(
        &self,
        new: &NewRun,
        ids: RunIds,
        plan: Arc<Plan>,
        seed: [u8; 32],
        now: Timestamp,
    ) -> (Begun, Begin) {
        let run_time = plan.run_time(self.run_time);
        let start = Start { run_time, ..self.start_of(new, ids.execution, seed, now) };
        let (execution, commands) = Execution::start(plan, start, now);
        let row = row_of(new, ids.execution, Some(self.server), outcome_of(&execution), seed, now);
        let lines = commands.iter().filter_map(line_of).collect();
        (Begun { execution, ids, origin: new.origin(now) }, Begin { row, queued: None, lines, now })
    }
}
