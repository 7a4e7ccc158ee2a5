//! From a dispatch to an assignment: finds the connections that a step names, opens their secrets and seals
//! them again for the runner, and notes in the audit log what was handed out.

use std::time::Duration;

use engine::{Dispatch, StepError};
use protocol::{Assignment, AttemptToken, ConnectionGrant};
use store::StoreError;
use store::audit::{ActorType, AuditEntry};
use store::connections::Connection;
use store::shares::{Shareable, Shared};
use types::{AuditId, ExecutionId, SystemRng, TenantId, Timestamp, WorkspaceId};

use super::link::Target;
use super::{Inner, codes};
use crate::network::{Use, base_url_of, for_runner};
use crate::package_locks::LockError;
use crate::vault::random_token;

/// Pause before a connection is looked up again that the database did not give.
const READ_RETRY_PAUSE: Duration = Duration::from_millis(250);

/// The run that a step belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunIds {
    pub(super) tenant: TenantId,
    pub(super) workspace: WorkspaceId,
    pub(super) execution: ExecutionId,
}

/// An assignment, and what the audit log must say before it is handed out.
pub(super) struct Prepared {
    pub(super) assignment: Box<Assignment>,
    pub(super) target: Target,
    pub(super) audit: Vec<AuditEntry>,
}

impl Inner {
    /// Makes the assignment for a dispatch.
    ///
    /// # Errors
    /// The step's error when a connection it names cannot be used.
    pub(super) async fn prepare(&self, run: RunIds, dispatch: &Dispatch) -> Result<Prepared, StepError> {
        let token = AttemptToken::new(random_token());
        let now = self.clock.now();
        let mut connections = Vec::with_capacity(dispatch.connections.len());
        let mut audit = Vec::new();
        let mut rows = Vec::with_capacity(dispatch.connections.len());
        for (type_name, name) in &dispatch.connections {
            let row = self.find_connection(run, type_name, name).await?;
            connections.push(self.grant(run, &row, &token).await?);
            audit.push(granted(run, dispatch, &row, now));
            rows.push(row);
        }
        // A connection's group is named in the workspace that has it, which may not be the run's.
        let of_connection = rows.iter().find(|row| !row.runner_group.is_empty());
        let of_connection = of_connection.map(|row| (row.workspace_id, row.runner_group.as_str()));
        let own = |name| (run.workspace, name);
        let named = dispatch.runner_group.as_deref().map(own).or(of_connection);
        let named = named.or(dispatch.workflow_runner_group.as_deref().map(own));
        let target = self.find_group(run, named).await?;
        let assignment = Box::new(Assignment {
            token,
            execution_id: run.execution,
            step_id: dispatch.step.clone(),
            path: dispatch.path.clone(),
            attempt: dispatch.attempt,
            action: dispatch.action.clone(),
            inputs: dispatch.inputs.to_json(),
            context: dispatch.context.as_ref().map(expr::Value::render),
            packages: self.lock_packages(run, dispatch).await?,
            connections,
            timeout_ms: dispatch.timeout_ms,
            idempotency_key: idempotency_key(run, dispatch),
            include_full_response: dispatch.full_response,
            network: for_runner(&self.network.for_uses(rows.iter().map(use_of))),
            // Before the commit: a term that begins after it is another one.
            lease_term: self.lease.term(),
        });
        Ok(Prepared { assignment, target, audit })
    }

    /// The versions of the packages that the step's code imports.
    async fn lock_packages(&self, run: RunIds, dispatch: &Dispatch) -> Result<Option<String>, StepError> {
        let Some(packages) = &dispatch.packages else { return Ok(None) };
        let lock = async || {
            let (document, requirements) = (&packages.document, &packages.requirements);
            match self.package_locks.lock(run.workspace, document, requirements, &*self.clock).await {
                Err(LockError::Store(error)) => Err(error),
                locked => Ok(locked),
            }
        };
        let what = format!("the packages that step `{}` requires", dispatch.step);
        let locked = self.read_patiently(run, &what, lock).await?;
        locked
            .map(Some)
            .map_err(|error| StepError::new(codes::PACKAGES_UNRESOLVED, format!("{what}: {error}")))
    }

    /// The runner group of that name in that workspace, or the run's default one.
    async fn find_group(&self, run: RunIds, named: Option<(WorkspaceId, &str)>) -> Result<Target, StepError> {
        let (workspace, named) =
            named.map_or((run.workspace, None), |(workspace, name)| (workspace, Some(name)));
        let found =
            self.read_patiently(run, "the step's runner group", || self.groups.find(workspace, named));
        found.await?.ok_or_else(|| {
            let message = format!("the workspace has no runner group `{}`", named.unwrap_or_default());
            StepError::new(codes::RUNNER_GROUP_NOT_FOUND, message)
        })
    }

    async fn find_connection(
        &self,
        run: RunIds,
        type_name: &str,
        name: &str,
    ) -> Result<Connection, StepError> {
        let what = format!("connection `{name}`");
        let found = self.read_patiently(run, &what, || self.usable_connection(run, name));
        let row = found.await?.ok_or_else(|| {
            StepError::new(codes::CONNECTION_NOT_FOUND, format!("the workspace has no connection `{name}`"))
        })?;
        if row.type_name != type_name {
            let message = format!("connection `{name}` is of type `{}`, not `{type_name}`", row.type_name);
            return Err(StepError::new(codes::CONNECTION_TYPE_MISMATCH, message));
        }
        if !row.active {
            return Err(StepError::new(
                codes::CONNECTION_INACTIVE,
                format!("connection `{name}` is deactivated"),
            ));
        }
        Ok(row)
    }

    /// The connection of that name, if the run's workspace has it or another one shares it with that.
    async fn usable_connection(&self, run: RunIds, name: &str) -> Result<Option<Connection>, StoreError> {
        let Some(row) = store::connections::get_by_name(&self.db, run.tenant, name).await? else {
            return Ok(None);
        };
        let id = row.id.to_string();
        let shared = Shared { kind: Shareable::Connection, id: &id };
        let usable = row.workspace_id == run.workspace
            || store::shares::reaches(&self.db, shared, run.workspace).await?;
        Ok(usable.then_some(row))
    }

    /// What `read` answers: a run is not failed for a database that is away for a while.
    async fn read_patiently<T, F: Future<Output = Result<T, StoreError>>>(
        &self,
        run: RunIds,
        what: &str,
        read: impl Fn() -> F,
    ) -> Result<T, StepError> {
        loop {
            match read().await {
                Ok(found) => return Ok(found),
                Err(error) if error.is_unavailable() && !self.stopping.is_cancelled() => {
                    tracing::warn!(execution.id = %run.execution, what, %error, "cannot be read, trying again");
                    tokio::time::sleep(READ_RETRY_PAUSE).await;
                }
                Err(error) => {
                    tracing::error!(execution.id = %run.execution, what, %error, "cannot be read");
                    let message = format!("{what} cannot be read at the moment");
                    return Err(StepError::new(codes::STORAGE_UNAVAILABLE, message));
                }
            }
        }
    }

    async fn grant(
        &self,
        run: RunIds,
        row: &Connection,
        token: &AttemptToken,
    ) -> Result<ConnectionGrant, StepError> {
        let unusable = |what: &str, error: &dyn std::fmt::Display| {
            tracing::error!(connection.id = %row.id, error = %error, "cannot {what} a connection");
            StepError::new(codes::CONNECTION_UNUSABLE, format!("connection `{}` cannot be opened", row.name))
        };
        let attributes = self.vault.attributes(row).await.map_err(|error| unusable("open", &error))?;
        let kind = self.kinds.find(run.tenant, row.connection_type_id).await;
        let kind = kind.map_err(|error| unusable("find the type of", &error))?;
        // A type of the tenant's own is not known to the runner, so its definition travels along.
        let definition =
            kind.and_then(|kind| kind.row).and_then(|row| serde_json::from_str(&row.definition).ok());
        let sealed = self.links.session().seal(token.as_str(), row.id, &attributes, &mut SystemRng);
        Ok(ConnectionGrant {
            id: row.id,
            name: row.name.clone(),
            type_name: row.type_name.clone(),
            definition,
            secret_manager: Some(row.secret_manager.clone()).filter(|name| !name.is_empty()),
            sealed_attributes: sealed,
        })
    }
}

fn use_of(row: &Connection) -> Use<'_> {
    Use { id: Some(row.id), type_name: &row.type_name, base_url: base_url_of(&row.attributes) }
}

fn granted(run: RunIds, dispatch: &Dispatch, row: &Connection, at: Timestamp) -> AuditEntry {
    let details = serde_json::json!({
        "step_id": dispatch.step,
        "path": dispatch.path,
        "attempt": dispatch.attempt,
        "action": dispatch.action,
        "connection_name": row.name,
    });
    entry(run, "connection.granted", row.id.to_string(), None, &details, at)
}

/// The audit entry of a use that a runner reports.
pub(super) fn used(run: RunIds, path: &str, attempt: u32, secret_use: &protocol::SecretUse) -> AuditEntry {
    let details = serde_json::json!({"path": path, "attempt": attempt});
    let host = Some(secret_use.host.clone());
    entry(run, "connection.used", secret_use.connection_id.to_string(), host, &details, secret_use.at)
}

fn entry(
    run: RunIds,
    action: &str,
    connection: String,
    host: Option<String>,
    details: &serde_json::Value,
    at: Timestamp,
) -> AuditEntry {
    AuditEntry {
        id: AuditId::new(at, &mut SystemRng),
        tenant_id: run.tenant,
        workspace_id: Some(run.workspace),
        at,
        actor_type: ActorType::Execution,
        actor_id: run.execution.to_string(),
        action: action.to_owned(),
        entity_type: "connection".to_owned(),
        entity_id: connection,
        host,
        details: details.to_string(),
    }
}

/// The same for every attempt of a step, as long as its inputs are the same.
fn idempotency_key(run: RunIds, dispatch: &Dispatch) -> String {
    let step = format!("{}/{}", run.execution, dispatch.path);
    if dispatch.replacements == 0 { step } else { format!("{step}#{}", dispatch.replacements) }
}
