//! Runs whose server is gone: reads their journal, folds it, goes on.

use std::sync::Arc;

use engine::{Entry, Event, Execution};
use store::executions::Owned;
use types::{ExecutionId, TenantId, WorkspaceId};

use super::commit::Batch;
use super::grants::RunIds;
use super::{Driver, Inner};
use crate::error::{ApiError, ApiResult};

/// Runs that are adopted in one transaction.
const ADOPTED_AT_A_TIME: i64 = 200;

impl Driver {
    /// Adopts every unfinished run that no living server owns; answers how many.
    pub(crate) async fn adopt(&self) -> ApiResult<usize> {
        let mut adopted = 0;
        loop {
            let (server, now) = (self.0.server, self.0.clock.now());
            let owned = self
                .0
                .db
                .write(async move |tx| store::executions::adopt(tx, server, now, ADOPTED_AT_A_TIME).await)
                .await?;
            if owned.is_empty() {
                return Ok(adopted);
            }
            for run in owned {
                match self.resume(run).await {
                    Ok(()) => adopted += 1,
                    Err(error) => {
                        let cause = error.cause().unwrap_or_else(|| error.message());
                        tracing::error!(execution.id = %run.id, cause, "run cannot be resumed");
                    }
                }
            }
        }
    }

    /// Takes over one run that this server does not drive, if it has not ended.
    pub(super) async fn take_over(
        &self,
        tenant: TenantId,
        workspace: WorkspaceId,
        id: ExecutionId,
    ) -> ApiResult<()> {
        let (server, now) = (self.0.server, self.0.clock.now());
        let taken = self
            .0
            .db
            .write(async move |tx| store::executions::take_over(tx, server, workspace, id, now).await)
            .await?;
        if let Some(run) = taken {
            tracing::info!(execution.id = %id, tenant.id = %tenant, "run taken over to be cancelled");
            self.resume(run).await?;
        }
        Ok(())
    }

    /// Reads a run back and sets it going again.
    async fn resume(&self, owned: Owned) -> ApiResult<()> {
        let inner = &self.0;
        let (execution, tenant, next_seq) = read_back(inner, owned).await?;
        let ids = RunIds { tenant, workspace: owned.workspace_id, execution: owned.id };
        let stored_state = execution.state();
        let (signals, mut run) = self.run(ids, owned.epoch, execution, next_seq, stored_state);
        let mut commands = run.execution.outstanding();
        if let Some(event) = lost_attempt(inner, &run.execution) {
            commands.extend(run.execution.advance(event, inner.clock.now()));
        }
        inner.remember(owned.id, owned.epoch, signals);
        let resumed = Arc::clone(inner);
        inner.tasks.spawn(async move {
            let batch = Batch::new(&resumed, ids, commands).await;
            run.begin(batch).await;
        });
        Ok(())
    }
}

async fn read_back(inner: &Inner, owned: Owned) -> ApiResult<(Execution, TenantId, i64)> {
    let row = store::executions::get(&inner.db, owned.workspace_id, owned.id)
        .await?
        .ok_or_else(|| ApiError::internal("the run's row is gone"))?;
    let tenant = row.execution.tenant_id;
    let lines = store::journal::read_all(&inner.db, owned.workspace_id, owned.id).await?;
    let next_seq = lines.last().map_or(1, |line| line.seq + 1);
    let entries: Result<Vec<Entry>, _> = lines.iter().map(|line| serde_json::from_str(&line.body)).collect();
    let entries =
        entries.map_err(|error| ApiError::internal(format!("a line of its journal is damaged: {error}")))?;
    let hash = &row.execution.document_hash;
    let plan = inner.plans.get(tenant, owned.workspace_id, hash).await.map_err(ApiError::internal)?;
    let execution = Execution::restore(plan, &entries).map_err(ApiError::internal)?;
    Ok((execution, tenant, next_seq))
}

/// The attempt that was in flight: nobody will report on it any more.
fn lost_attempt(inner: &Inner, execution: &Execution) -> Option<Event> {
    if execution.state() == engine::RunState::Paused {
        return None;
    }
    let pending = execution.pending_effect()?;
    let inputs = pending.inputs.to_json();
    let repeatable = match &inputs {
        serde_json::Value::Object(inputs) => inner.catalog.is_idempotent(&pending.action, inputs),
        _ => inner.catalog.is_idempotent(&pending.action, &serde_json::Map::new()),
    };
    Some(Event::AttemptLost { path: pending.path.clone(), attempt: pending.attempt, repeatable })
}
