//! Rows to begin with. Their ids come from their names, so that a test can name them too.

use types::{
    ConnectionId, ConnectionTypeId, ExecutionId, Role, TenantId, TenantRole, Timestamp, UserId, WorkflowId,
    WorkspaceId,
};

use crate::connections::Connection;
use crate::executions::{Execution, ExecutionState, FullExecution, Outcome};
use crate::tenants::{self, Tenant};
use crate::users::{self, User, UserKind, UserStatus};
use crate::workflow_versions::{Branch, WorkflowVersion};
use crate::workflows::Workflow;
use crate::workspaces::{self, Workspace};
use crate::{Chain, Db, FieldMap, Query, StoreError, members};

/// When the fixtures were made: 2026-01-01T00:00:00Z.
pub const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Who and what [`seed`] stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeded {
    /// The tenant.
    pub tenant: TenantId,
    /// Its Admin, who is no member of a workspace; the first workspace is their default.
    pub admin: UserId,
    /// A Builder: Contributor in the first workspace, a stranger to the second.
    pub builder: UserId,
    /// The first workspace, named `blue`.
    pub workspace: WorkspaceId,
    /// The second workspace, named `red`.
    pub other_workspace: WorkspaceId,
    /// Another tenant.
    pub other_tenant: TenantId,
}

/// Stores two tenants, two users and two workspaces.
pub async fn seed(db: &Db) -> Seeded {
    let seeded = Seeded {
        tenant: TenantId::of_name("acme"),
        admin: UserId::of_name("ada"),
        builder: UserId::of_name("bob"),
        workspace: WorkspaceId::of_name("blue"),
        other_workspace: WorkspaceId::of_name("red"),
        other_tenant: TenantId::of_name("other"),
    };
    let stored = db.write(async move |tx| {
        for (id, name) in [(seeded.tenant, "acme"), (seeded.other_tenant, "other")] {
            let tenant = Tenant { id, name: name.to_owned(), created_at: NOW, updated_at: NOW };
            tenants::insert(tx, &tenant).await?;
        }
        for (id, name) in [(seeded.workspace, "blue"), (seeded.other_workspace, "red")] {
            workspaces::insert(tx, &workspace(seeded.tenant, id, name)).await?;
        }
        users::insert(tx, &user(&seeded, seeded.admin, "ada", TenantRole::Admin)).await?;
        users::insert(tx, &user(&seeded, seeded.builder, "bob", TenantRole::Builder)).await?;
        members::set(tx, seeded.workspace, seeded.builder, &Role::Contributor.into()).await
    });
    stored.await.map_err(|error: StoreError| error.to_string()).expect("the fixtures can be stored");
    seeded
}

fn workspace(tenant_id: TenantId, id: WorkspaceId, name: &str) -> Workspace {
    Workspace {
        id,
        tenant_id,
        name: name.to_owned(),
        display_name: name.to_owned(),
        description: String::new(),
        created_at: NOW,
        created_by: "system".to_owned(),
        updated_at: NOW,
        updated_by: "system".to_owned(),
    }
}

fn user(seeded: &Seeded, id: UserId, name: &str, tenant_role: TenantRole) -> User {
    User {
        kind: UserKind::Person,
        description: String::new(),
        id,
        tenant_id: seeded.tenant,
        email: format!("{name}@acme.example"),
        name: name.to_owned(),
        tenant_role: tenant_role.into(),
        status: UserStatus::Active,
        default_workspace_id: Some(seeded.workspace),
        created_at: NOW,
        updated_at: NOW,
    }
}

/// A connection of the first workspace, to be stored.
pub fn connection(seeded: &Seeded, name: &str) -> Connection {
    Connection {
        id: ConnectionId::of_name(name),
        tenant_id: seeded.tenant,
        workspace_id: seeded.workspace,
        name: name.to_owned(),
        display_name: name.to_owned(),
        full_name: format!("connections.http.{name}"),
        description: String::new(),
        connection_type_id: ConnectionTypeId::of_name("http"),
        type_name: "http".to_owned(),
        status: "unknown".to_owned(),
        external_id: String::new(),
        secret_manager: "nictate".to_owned(),
        creation_method: "api".to_owned(),
        creation_location: "api".to_owned(),
        created_with_o_auth: false,
        active: true,
        runner_group: String::new(),
        tags: "[]".to_owned(),
        attributes: r#"{"token":{"value":"********"}}"#.to_owned(),
        sealed: r#"{"token":"sealed"}"#.to_owned(),
        data_key_version: 1,
        row_version: 1,
        created_at: NOW,
        created_by: "ada".to_owned(),
        updated_at: NOW,
        updated_by: "ada".to_owned(),
    }
}

/// A workflow of the first workspace, to be stored.
pub fn workflow(seeded: &Seeded, name: &str) -> Workflow {
    Workflow {
        id: WorkflowId::of_name(name),
        tenant_id: seeded.tenant,
        workspace_id: seeded.workspace,
        name: name.to_owned(),
        description: String::new(),
        automation_type: "on_demand".to_owned(),
        active: false,
        pack_id: None,
        tags: "[]".to_owned(),
        kind: "flow".to_owned(),
        version: "v1".to_owned(),
        runner: String::new(),
        draft_version: 0,
        published_version: None,
        row_version: 1,
        created_at: NOW,
        created_by: "ada".to_owned(),
        updated_at: NOW,
        updated_by: "ada".to_owned(),
    }
}

/// A version of a workflow, to be stored.
pub fn version(workflow: &Workflow, branch: Branch, version: i64) -> WorkflowVersion {
    WorkflowVersion {
        workflow_id: workflow.id,
        workspace_id: workflow.workspace_id,
        branch,
        version,
        hash: format!("hash-{version}"),
        branched_from: None,
        source: "manual".to_owned(),
        created_at: NOW,
        created_by: "ada".to_owned(),
    }
}

/// A queued run of a workflow, without an owner, to be stored. Its id comes from the workflow's and `number`.
pub fn execution(workflow: &Workflow, number: i64) -> FullExecution {
    FullExecution {
        execution: Execution {
            id: ExecutionId::of_name(&format!("{} {number}", workflow.id)),
            tenant_id: workflow.tenant_id,
            workspace_id: workflow.workspace_id,
            workflow_id: workflow.id,
            workflow_name: workflow.name.clone(),
            document_hash: "hash-1".to_owned(),
            branch: Branch::Public,
            workflow_version: 1,
            execution_number: number,
            trigger_type: "on_demand".to_owned(),
            state: ExecutionState::Queued,
            step_results: "{}".to_owned(),
            error_code: None,
            error_message: None,
            cancel_reason: None,
            execution_depth: 0,
            parent_execution_id: None,
            async_parent_execution_id: None,
            top_execution: None,
            created_at: NOW,
            created_by: "ada".to_owned(),
            started_at: None,
            finished_at: None,
            net_runtime_ms: 0,
            updated_at: NOW,
            name: String::new(),
            updated_by: String::new(),
            test_session_id: String::new(),
            restarted_from_id: None,
            restarted_from_step: String::new(),
        },
        inputs: "{}".to_owned(),
        event: "{}".to_owned(),
        outputs: None,
        seed: "00".repeat(32),
        owner_server_id: None,
        owner_epoch: 0,
        chain: Chain::default(),
    }
}

/// How a run stands that has completed at [`NOW`] with nothing to say.
pub fn completed() -> Outcome {
    Outcome {
        state: ExecutionState::Completed,
        outputs: None,
        step_results: "{}".to_owned(),
        error_code: None,
        error_message: None,
        cancel_reason: None,
        started_at: Some(NOW),
        finished_at: Some(NOW),
        net_runtime_ms: 1,
    }
}

/// A query, from the JSON of its `q`. Panics if it is none.
pub fn query(q: &str, fields: &'static FieldMap) -> Query {
    Query::parse(Some(q), fields).map_err(|error| error.to_string()).expect("a good query")
}
