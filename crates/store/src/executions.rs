//! Executions: runs of workflows. The row is written when a run starts and when it ends; what happens in
//! between is in the journal. A run has an owner, the server that drives it, and an epoch that goes up with
//! each owner, so that a former owner can write nothing more.

use types::{ExecutionId, ServerId, TenantId, Timestamp, WorkflowId, WorkspaceId};

use crate::batch::Batch;
use crate::chain::Chain;
use crate::statement::sql;
use crate::workflow_versions::Branch;
use crate::{Read, Row, RowError, StoreError, Tx, Value};

mod lists;
mod ownership;
mod state;

pub use lists::{FIELDS, FIELDS_WITH_INPUTS, INPUTS_SHOWN_CHARS_MAX, count_by_state, list, list_with_inputs};
pub use ownership::{Owned, adopt, list_unfinished, owned, release, take_over};
pub use state::ExecutionState;

/// A run, without what went in and came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Its id.
    pub id: ExecutionId,
    /// The tenant of its workspace.
    pub tenant_id: TenantId,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// The workflow, which may be gone by now.
    pub workflow_id: WorkflowId,
    /// The workflow's name when the run started.
    pub workflow_name: String,
    /// The document that it runs.
    pub document_hash: String,
    /// The branch of that document.
    pub branch: Branch,
    /// Its version on that branch.
    pub workflow_version: i64,
    /// Its number among the workflow's runs, from 1.
    pub execution_number: i64,
    /// What started it: the public word.
    pub trigger_type: String,
    /// How far it is.
    pub state: ExecutionState,
    /// A JSON object: step id to the public number of its state.
    pub step_results: String,
    /// The code of the error that ended it.
    pub error_code: Option<String>,
    /// The words of the error that ended it.
    pub error_message: Option<String>,
    /// Why it was cancelled, as the one who did said.
    pub cancel_reason: Option<String>,
    /// How many runs it is nested in.
    pub execution_depth: i64,
    /// The run that called it and waits for its end.
    pub parent_execution_id: Option<ExecutionId>,
    /// The run that called it and does not wait.
    pub async_parent_execution_id: Option<ExecutionId>,
    /// The run that it all began with, and when that started; none in that run itself.
    pub top_execution: Option<(ExecutionId, Timestamp)>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// Who or what started it.
    pub created_by: String,
    /// When its first step started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Milliseconds that it ran, waits left out.
    pub net_runtime_ms: i64,
    /// When the row was last written.
    pub updated_at: Timestamp,
    /// A name of its own; empty if it goes by its workflow's.
    pub name: String,
    /// Who changed it last; empty if nobody has since it was started.
    pub updated_by: String,
    /// The editor's session that it tests for, in the editor's words; empty if there is none.
    pub test_session_id: String,
    /// The run that it goes on from.
    pub restarted_from_id: Option<ExecutionId>,
    /// The path of the step that it began with; empty if that is its own first.
    pub restarted_from_step: String,
}

/// A run with what went in and came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullExecution {
    /// The run.
    pub execution: Execution,
    /// Its inputs, a JSON object.
    pub inputs: String,
    /// What triggered it, as JSON.
    pub event: String,
    /// Its outputs, as JSON; none until it has ended well.
    pub outputs: Option<String>,
    /// The seed of its randomness, in hex.
    pub seed: String,
    /// The server that drives it.
    pub owner_server_id: Option<ServerId>,
    /// How many owners it has had.
    pub owner_epoch: i64,
    /// The workflows that have led to it.
    pub chain: Chain,
}

/// What there is to say of a run that stands still or has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How far it is.
    pub state: ExecutionState,
    /// As in [`FullExecution`].
    pub outputs: Option<String>,
    /// As in [`Execution`].
    pub step_results: String,
    /// As in [`Execution`].
    pub error_code: Option<String>,
    /// As in [`Execution`].
    pub error_message: Option<String>,
    /// As in [`Execution`].
    pub cancel_reason: Option<String>,
    /// As in [`Execution`].
    pub started_at: Option<Timestamp>,
    /// As in [`Execution`]; none while it may go on.
    pub finished_at: Option<Timestamp>,
    /// As in [`Execution`].
    pub net_runtime_ms: i64,
}

macro_rules! columns {
    () => {
        "id, tenant_id, workspace_id, workflow_id, workflow_name, document_hash, branch, workflow_version, \
         execution_number, trigger_type, state, step_results, error_code, error_message, cancel_reason, \
         execution_depth, parent_execution_id, created_at, created_by, started_at, finished_at, net_runtime_ms, \
         updated_at, name, updated_by, test_session_id, async_parent_execution_id, top_execution_id, \
         top_started_at, restarted_from_execution_id, restarted_from_step"
    };
}
use columns;
macro_rules! all_columns {
    () => {
        concat!(columns!(), ", inputs, event, outputs, seed, owner_server_id, owner_epoch, chain")
    };
}

// One run of the workspace, by its primary key alone. The indexes that begin with the workspace are kept out: to a
// PostgreSQL that has no statistics of the table yet they look as good, and it would read all runs of the workspace.
macro_rules! one_of_workspace {
    () => {
        "workspace_id || '' = $1 AND id = $2"
    };
}
pub(crate) use one_of_workspace;

sql! {
    INSERT = "executions.insert":
        concat!("INSERT INTO executions (", all_columns!(), ") VALUES {row:38}");
    GET = "executions.get":
        concat!("SELECT ", all_columns!(), " FROM executions WHERE ", one_of_workspace!());
    STATE = "executions.state": concat!("SELECT state FROM executions WHERE ", one_of_workspace!());
    OUTPUTS = "executions.outputs":
        concat!("SELECT state, outputs FROM executions WHERE ", one_of_workspace!());
    SET_OUTCOME = "executions.set_outcome":
        "UPDATE executions
         SET state = $3, outputs = $4, step_results = $5, error_code = $6, error_message = $7,
             cancel_reason = $8, started_at = $9, finished_at = $10, net_runtime_ms = $11, updated_at = $12
         WHERE id = $1 AND owner_epoch = $2
           AND state IN ('queued', 'running', 'waiting', 'paused')";
    // The row's time is also its version: it must move on, whatever the clock does.
    RENAME = "executions.rename":
        concat!(
            "UPDATE executions
             SET name = $3, updated_by = $4,
                 updated_at = CASE WHEN updated_at < $5 THEN $5 ELSE updated_at + 1 END
             WHERE ", one_of_workspace!());
    CALLED_BY = "executions.called_by":
        "SELECT id FROM executions WHERE workspace_id = $1 AND parent_execution_id = $2
         UNION ALL
         SELECT id FROM executions WHERE workspace_id = $1 AND async_parent_execution_id = $2";
    NEXT_NUMBERS = "execution_numbers.next":
        "INSERT INTO execution_numbers (workflow_id, last) VALUES ($1, $2)
         ON CONFLICT (workflow_id) DO UPDATE SET last = execution_numbers.last + excluded.last
         RETURNING last";
}

/// Stores a run that was accepted.
pub async fn insert(tx: &Tx<'_>, run: &FullExecution) -> Result<(), StoreError> {
    tx.run_all(&[inserts([(run, run.execution.execution_number)])]).await
}

/// Stores runs that were accepted, each under the number beside it.
pub(crate) fn inserts<'r>(runs: impl IntoIterator<Item = (&'r FullExecution, i64)>) -> Batch<'r> {
    Batch::rows(&INSERT, runs.into_iter().map(|(run, number)| params(run, number)))
}

fn params(run: &FullExecution, number: i64) -> [Value<'_>; 38] {
    let e = &run.execution;
    [
        e.id.into(),
        e.tenant_id.into(),
        e.workspace_id.into(),
        e.workflow_id.into(),
        (&e.workflow_name).into(),
        (&e.document_hash).into(),
        e.branch.as_str().into(),
        e.workflow_version.into(),
        number.into(),
        (&e.trigger_type).into(),
        e.state.as_str().into(),
        (&e.step_results).into(),
        e.error_code.as_deref().into(),
        e.error_message.as_deref().into(),
        e.cancel_reason.as_deref().into(),
        e.execution_depth.into(),
        e.parent_execution_id.into(),
        e.created_at.into(),
        (&e.created_by).into(),
        e.started_at.into(),
        e.finished_at.into(),
        e.net_runtime_ms.into(),
        e.updated_at.into(),
        (&e.name).into(),
        (&e.updated_by).into(),
        (&e.test_session_id).into(),
        e.async_parent_execution_id.into(),
        e.top_execution.map(|(id, _)| id).into(),
        e.top_execution.map(|(_, started_at)| started_at).into(),
        e.restarted_from_id.into(),
        (&e.restarted_from_step).into(),
        (&run.inputs).into(),
        (&run.event).into(),
        run.outputs.as_deref().into(),
        (&run.seed).into(),
        run.owner_server_id.into(),
        run.owner_epoch.into(),
        run.chain.to_string().into(),
    ]
}

/// Reserves the next `count` numbers of the workflow's runs; answers the first of them.
pub async fn next_numbers(tx: &Tx<'_>, workflow: WorkflowId, count: i64) -> Result<i64, StoreError> {
    let last = tx.read_one(&NEXT_NUMBERS, &[workflow.into(), count.into()], |row| row.int(0)).await?;
    Ok(last.unwrap_or(count) - count + 1)
}

/// The run of that id with everything.
pub async fn get(
    read: &impl Read,
    workspace: WorkspaceId,
    id: ExecutionId,
) -> Result<Option<FullExecution>, StoreError> {
    read.read_one(&GET, &[workspace.into(), id.into()], decode_full).await
}

/// How far the run is; none if there is no such run.
pub async fn state(
    read: &impl Read,
    workspace: WorkspaceId,
    id: ExecutionId,
) -> Result<Option<ExecutionState>, StoreError> {
    read.read_one(&STATE, &[workspace.into(), id.into()], |row| row.word(0, ExecutionState::from_name)).await
}

/// The runs that a run called, in no order.
pub async fn called_by(
    read: &impl Read,
    workspace: WorkspaceId,
    caller: ExecutionId,
) -> Result<Vec<ExecutionId>, StoreError> {
    read.read_all(&CALLED_BY, &[workspace.into(), caller.into()], |row| row.id(0)).await
}

/// How far the run is, and its outputs; none if there is no such run.
pub async fn outputs(
    read: &impl Read,
    workspace: WorkspaceId,
    id: ExecutionId,
) -> Result<Option<(ExecutionState, Option<String>)>, StoreError> {
    read.read_one(&OUTPUTS, &[workspace.into(), id.into()], |row| {
        Ok((row.word(0, ExecutionState::from_name)?, row.opt_string(1)?))
    })
    .await
}

/// Stores where the run stands, on behalf of the owner of `epoch`; whether that still is the owner and the
/// run had not ended. Called by the driver, which owns runs of every workspace.
pub async fn set_outcome(
    tx: &Tx<'_>,
    id: ExecutionId,
    epoch: i64,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(tx.execute(&SET_OUTCOME, &outcome_params(id, epoch, outcome, now)).await? == 1)
}

/// [`set_outcome`] of many runs.
pub(crate) fn outcomes<'o>(
    of: impl IntoIterator<Item = (ExecutionId, i64, &'o Outcome, Timestamp)>,
) -> Batch<'o> {
    let set = |(id, epoch, outcome, now)| outcome_params(id, epoch, outcome, now);
    Batch::each(&SET_OUTCOME, of.into_iter().map(set))
}

fn outcome_params(id: ExecutionId, epoch: i64, outcome: &Outcome, now: Timestamp) -> [Value<'_>; 12] {
    [
        id.into(),
        epoch.into(),
        outcome.state.as_str().into(),
        outcome.outputs.as_deref().into(),
        (&outcome.step_results).into(),
        outcome.error_code.as_deref().into(),
        outcome.error_message.as_deref().into(),
        outcome.cancel_reason.as_deref().into(),
        outcome.started_at.into(),
        outcome.finished_at.into(),
        outcome.net_runtime_ms.into(),
        now.into(),
    ]
}

/// Gives the run a name of its own, or with an empty one takes it away; false if it is not there.
pub async fn rename(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    id: ExecutionId,
    name: &str,
    by: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let params = [workspace.into(), id.into(), name.into(), by.into(), now.into()];
    Ok(tx.execute(&RENAME, &params).await? == 1)
}

fn decode_full(row: &Row<'_>) -> Result<FullExecution, RowError> {
    Ok(FullExecution {
        execution: decode(row)?,
        inputs: row.string(31)?,
        event: row.string(32)?,
        outputs: row.opt_string(33)?,
        seed: row.string(34)?,
        owner_server_id: row.opt_id(35)?,
        owner_epoch: row.int(36)?,
        chain: row.word(37, Chain::from_text)?,
    })
}

fn decode(row: &Row<'_>) -> Result<Execution, RowError> {
    Ok(Execution {
        id: row.id(0)?,
        tenant_id: row.id(1)?,
        workspace_id: row.id(2)?,
        workflow_id: row.id(3)?,
        workflow_name: row.string(4)?,
        document_hash: row.string(5)?,
        branch: row.word(6, Branch::from_name)?,
        workflow_version: row.int(7)?,
        execution_number: row.int(8)?,
        trigger_type: row.string(9)?,
        state: row.word(10, ExecutionState::from_name)?,
        step_results: row.string(11)?,
        error_code: row.opt_string(12)?,
        error_message: row.opt_string(13)?,
        cancel_reason: row.opt_string(14)?,
        execution_depth: row.int(15)?,
        parent_execution_id: row.opt_id(16)?,
        created_at: row.time(17)?,
        created_by: row.string(18)?,
        started_at: row.opt_time(19)?,
        finished_at: row.opt_time(20)?,
        net_runtime_ms: row.int(21)?,
        updated_at: row.time(22)?,
        name: row.string(23)?,
        updated_by: row.string(24)?,
        test_session_id: row.string(25)?,
        async_parent_execution_id: row.opt_id(26)?,
        top_execution: row.opt_id(27)?.zip(row.opt_time(28)?),
        restarted_from_id: row.opt_id(29)?,
        restarted_from_step: row.string(30)?,
    })
}
