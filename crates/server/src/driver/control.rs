//! What people ask of a run that is under way: of one that this server drives, of another server's, of nobody's.

use engine::{Control, Event, Refusal, RunState};
use store::audit::AuditEntry;
use store::executions::ExecutionState;
use tokio::sync::oneshot;
use types::{ExecutionId, TenantId, WorkspaceId};

use super::Driver;
use super::recover::{ReadBackError, read_journal};
use crate::error::{ApiError, ApiResult};

/// What somebody asks of a run, and what is to be written down with it.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) event: Event,
    pub(super) audit: Vec<AuditEntry>,
}

/// What reaches a run from outside.
pub(super) struct Signal {
    pub(super) asked: Asked,
    /// Answered when it is durable, or refused.
    pub(super) done: oneshot::Sender<Result<(), Refusal>>,
}

/// What became of a request to a run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decided {
    /// It is durable.
    Done,
    /// The run does not stand so that it could be done.
    Refused(Refusal),
    /// It waits for its turn: there is nothing of it yet.
    NotBegun,
}

impl Driver {
    /// Asks a run to stop; true when that is durable, false when it had ended.
    pub(crate) async fn cancel(
        &self,
        tenant: TenantId,
        workspace: WorkspaceId,
        id: ExecutionId,
        reason: String,
    ) -> ApiResult<bool> {
        let asked = Asked { event: Event::CancelRequested { reason }, audit: Vec::new() };
        if self.ask_here(id, &asked).await.is_some() {
            return Ok(true);
        }
        // It waits for its turn, another server drives it, or nobody does: this one takes it over to end it. If
        // it has ended, there is nothing to take.
        let taken = self.take_over(tenant, workspace, id, asked).await?;
        Ok(taken.is_some_and(|(state, _)| state == RunState::Cancelled))
    }

    /// Carries out what somebody has decided about a run, with its audit entry in the same commit.
    pub(crate) async fn decide(
        &self,
        tenant: TenantId,
        workspace: WorkspaceId,
        id: ExecutionId,
        control: Control,
        audit: AuditEntry,
    ) -> ApiResult<Decided> {
        let asked = Asked { event: Event::Decided(control.clone()), audit: vec![audit] };
        if let Some(answer) = self.ask_here(id, &asked).await {
            return Ok(answer.map_or_else(Decided::Refused, |()| Decided::Done));
        }
        // A run is not taken from its owner for what would be refused.
        let row = store::executions::get(&self.0.db, workspace, id).await?;
        match row.map(|row| (row.execution.state, row.execution.document_hash)) {
            Some((ExecutionState::Queued, _)) => return Ok(Decided::NotBegun),
            Some((state, hash)) if !state.is_finished() => {
                let read = read_journal(&self.0, tenant, workspace, id, &hash).await;
                let (execution, _) = read.map_err(|error| match error {
                    ReadBackError::Store(error) => error.into(),
                    other => ApiError::internal(other),
                })?;
                if let Some(refusal) = execution.refusal(&control) {
                    return Ok(Decided::Refused(refusal));
                }
            }
            _ => return Ok(Decided::Refused(Refusal::Ended)),
        }
        Ok(match self.take_over(tenant, workspace, id, asked).await? {
            Some((RunState::Queued, _)) => Decided::NotBegun,
            Some((_, None)) => Decided::Done,
            Some((_, Some(refusal))) => Decided::Refused(refusal),
            None => Decided::Refused(Refusal::Ended),
        })
    }

    /// Step id -> number of its state, as JSON, of a run that goes on: its row tells when it ends. None of one that has
    /// not begun, or whose workflow cannot be compiled any more.
    pub(crate) async fn step_results(
        &self,
        tenant: TenantId,
        run: &store::executions::Execution,
    ) -> ApiResult<Option<String>> {
        match read_journal(&self.0, tenant, run.workspace_id, run.id, &run.document_hash).await {
            Ok((execution, _)) => {
                serde_json::to_string(execution.step_results()).map(Some).map_err(ApiError::internal)
            }
            Err(ReadBackError::Store(error)) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    /// Asks the run if this server drives it: none if it does not, or no longer does.
    async fn ask_here(&self, id: ExecutionId, asked: &Asked) -> Option<Result<(), Refusal>> {
        let signals = self.0.driven(id)?.signals;
        let (done, answered) = oneshot::channel();
        signals.send(Signal { asked: asked.clone(), done }).ok()?;
        answered.await.ok()
    }
}
