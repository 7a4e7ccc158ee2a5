//! On whose behalf tables are read and written: a caller's, or a run's.

use store::Chain;
use store::audit::{ActorType, AuditEntry};
use types::{ExecutionId, Id, SystemRng, TenantId, Timestamp, WorkspaceId};

use crate::audit::Whence;
use crate::ctx::Ctx;
use crate::record_events::Alarm;

/// Who writes, where and when.
#[derive(Clone, Debug)]
pub(crate) struct Hand {
    pub(crate) tenant: TenantId,
    pub(crate) workspace: WorkspaceId,
    /// Whose name rows bear that are made or changed.
    pub(crate) by: String,
    pub(crate) now: Timestamp,
    /// The run that writes, if it is one.
    pub(crate) execution: Option<ExecutionId>,
    actor: (ActorType, String),
    whence: Whence,
    /// What its changes of records lead to.
    pub(crate) leads: Leads,
}

/// How workflows come to be started by what is written.
#[derive(Clone, Debug)]
pub(crate) struct Leads {
    /// The workflows that have led to it.
    pub(crate) chain: Chain,
    /// Told of it.
    pub(crate) alarm: Alarm,
}

impl Hand {
    /// The caller's.
    pub(crate) fn of_caller(ctx: &Ctx) -> Self {
        let user = ctx.user().to_string();
        Self {
            tenant: ctx.tenant(),
            workspace: ctx.workspace(),
            by: user.clone(),
            now: ctx.now(),
            execution: None,
            actor: (ActorType::User, user),
            whence: ctx.whence(),
            leads: Leads { chain: Chain::default(), alarm: ctx.app().driver().record_alarm().clone() },
        }
    }

    /// A run's: rows bear the name of whoever started it, the audit log names the run.
    pub(crate) fn of_run(
        (tenant, workspace): (TenantId, WorkspaceId),
        execution: ExecutionId,
        started_by: &str,
        now: Timestamp,
        leads: Leads,
    ) -> Self {
        let actor = (ActorType::Execution, execution.to_string());
        Self {
            tenant,
            workspace,
            by: started_by.to_owned(),
            now,
            execution: Some(execution),
            actor,
            whence: Whence::default(),
            leads,
        }
    }

    /// A new id.
    pub(crate) fn new_id<K>(&self) -> Id<K> {
        Id::new(self.now, &mut SystemRng)
    }

    /// The audit entry of something that was done; `name` is the thing's name, for people.
    pub(crate) fn audit(&self, action: &str, entity_type: &str, entity_id: &str, name: &str) -> AuditEntry {
        self.whence.told(AuditEntry {
            id: self.new_id(),
            tenant_id: self.tenant,
            workspace_id: Some(self.workspace),
            at: self.now,
            actor_type: self.actor.0,
            actor_id: self.actor.1.clone(),
            action: action.to_owned(),
            entity_type: entity_type.to_owned(),
            entity_id: entity_id.to_owned(),
            host: None,
            details: serde_json::json!({"name": name}).to_string(),
        })
    }
}
