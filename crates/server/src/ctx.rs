//! The first parameter of every handler: who calls, in which workspace, with clock, randomness and database.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use store::Db;
use store::audit::{ActorType, AuditEntry};
use types::{Id, TenantId, Timestamp, UserId, WorkspaceId};

use crate::App;
use crate::audit::Whence;
use crate::error::{ApiError, ApiResult, Code};
use crate::http::excerpt;
use crate::identity::Principal;

/// The context of one request, made by the door (`http/access.rs`); there is no other way to get one.
#[derive(Clone)]
pub(crate) struct Ctx {
    app: App,
    caller: Arc<Principal>,
    workspace: Option<WorkspaceId>,
    params: Arc<RawPathParams>,
    whence: Whence,
}

impl Ctx {
    pub(crate) fn new(
        app: App,
        caller: Arc<Principal>,
        workspace: Option<WorkspaceId>,
        params: RawPathParams,
        whence: Whence,
    ) -> Self {
        Self { app, caller, workspace, params: Arc::new(params), whence }
    }

    /// The server's parts.
    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    /// The database.
    pub(crate) fn db(&self) -> &Db {
        self.app.db()
    }

    /// Who calls.
    pub(crate) fn caller(&self) -> &Principal {
        &self.caller
    }

    /// Who calls, by id.
    pub(crate) fn user(&self) -> UserId {
        self.caller.user
    }

    /// The caller's tenant.
    pub(crate) fn tenant(&self) -> TenantId {
        self.caller.tenant
    }

    /// The workspace the request is about. The caller has been found to be allowed. On a route without a
    /// workspace: the caller's default one, or the nil id if they have none, which is nobody's.
    pub(crate) fn workspace(&self) -> WorkspaceId {
        self.workspace.unwrap_or_else(|| WorkspaceId::from(uuid::Uuid::nil()))
    }

    /// The workspace's display name.
    pub(crate) fn workspace_name(&self) -> &str {
        self.caller.workspaces.get(&self.workspace()).map_or("", |workspace| workspace.display_name.as_str())
    }

    /// The audit entry of something the caller did; `name` is the thing's name, for people.
    pub(crate) fn audit(&self, action: &str, entity_type: &str, entity_id: &str, name: &str) -> AuditEntry {
        self.whence.told(AuditEntry {
            id: self.new_id(),
            tenant_id: self.tenant(),
            workspace_id: self.workspace,
            at: self.now(),
            actor_type: ActorType::User,
            actor_id: self.user().to_string(),
            action: action.to_owned(),
            entity_type: entity_type.to_owned(),
            entity_id: entity_id.to_owned(),
            host: None,
            details: serde_json::json!({"name": name}).to_string(),
        })
    }

    /// From where the caller does it.
    pub(crate) fn whence(&self) -> Whence {
        self.whence
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Timestamp {
        self.app.clock().now()
    }

    /// A new id.
    pub(crate) fn new_id<K>(&self) -> Id<K> {
        self.app.new_id()
    }

    /// The `{id}` of the path. One that is no id cannot exist: the resource's own 404.
    pub(crate) fn id<K>(&self, not_found: &'static Code) -> ApiResult<Id<K>> {
        let text = self.id_text();
        text.parse()
            .map_err(|_| ApiError::new(not_found, format!("`{}` is no id of anything here", excerpt(text))))
    }

    /// The `{id}` of the path as it was written.
    pub(crate) fn id_text(&self) -> &str {
        self.param("id")
    }

    /// Any parameter of the path; empty if the path has none of that name.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }
}

impl<S: Sync> FromRequestParts<S> for Ctx {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // Only a handler on a public route could come here without one; it has no business with a context.
        parts.extensions.remove::<Self>().ok_or_else(|| ApiError::internal("no context on a public route"))
    }
}
