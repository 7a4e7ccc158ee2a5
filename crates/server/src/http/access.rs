//! The door: every route passes here before its handler runs. Finds out who calls, which workspace is meant,
//! and whether the caller may; puts a [`Ctx`] into the request.

use std::sync::Arc;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use types::{Permission, TenantRole, WorkspaceId};

use super::routes::Access;
use crate::App;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::identity::Principal;

/// The header that carries the key.
pub(super) const API_KEY_HEADER: &str = "blink-api-key";

/// What the door knows of its route.
#[derive(Clone)]
pub(crate) struct Guard {
    app: App,
    access: Access,
}

impl Guard {
    pub(crate) fn new(app: App, access: Access) -> Self {
        Self { app, access }
    }
}

/// Lets the request through, or answers for the handler.
pub(crate) async fn authorize(
    State(guard): State<Guard>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Response {
    if guard.access == Access::Public {
        return next.run(request).await;
    }
    match admit(&guard, params, request.headers()).await {
        Ok(ctx) => {
            request.extensions_mut().insert(ctx);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

async fn admit(
    guard: &Guard,
    params: Result<RawPathParams, RawPathParamsRejection>,
    headers: &HeaderMap,
) -> ApiResult<Ctx> {
    let caller = authenticate(&guard.app, headers).await?;
    let params = params
        .map_err(|_| ApiError::new(&code::ROUTE_NOT_FOUND, "the address is no UTF-8 once it is decoded"))?;
    let param = |name: &str| params.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
    let workspace = match guard.access {
        Access::Needs(permission) => {
            let workspace = find_workspace(&caller, param("ws_id"))?;
            require(&caller, workspace, permission)?;
            Some(workspace)
        }
        Access::TenantNeeds(permission) => {
            require_in_tenant(&caller, permission)?;
            caller.default_workspace
        }
        Access::Authenticated | Access::Public => caller.default_workspace,
    };
    let own = params.iter().filter(|(name, _)| *name != "ws_id");
    let params = own.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Ok(Ctx::new(guard.app.clone(), caller, workspace, params))
}

async fn authenticate(app: &App, headers: &HeaderMap) -> ApiResult<Arc<Principal>> {
    let refused = |message: &str| ApiError::new(&code::UNAUTHENTICATED, message);
    let Some(key) = headers.get(API_KEY_HEADER) else {
        return Err(refused("the header `BLINK-API-KEY` is missing"));
    };
    let Ok(key) = key.to_str() else {
        return Err(refused("the header `BLINK-API-KEY` holds no key"));
    };
    match app.identity().find_caller(key, app.clock().now()).await? {
        Some(caller) => Ok(caller),
        None => Err(refused("the API key is unknown or has been revoked")),
    }
}

/// The workspace of that id or display name; the default one if none is named. One that the caller cannot see
/// is not there.
fn find_workspace(caller: &Principal, named: Option<&str>) -> ApiResult<WorkspaceId> {
    let Some(named) = named.filter(|named| !named.is_empty()) else {
        return caller.default_workspace.ok_or_else(|| {
            ApiError::new(&code::WORKSPACE_NOT_FOUND, "the caller is a member of no workspace")
        });
    };
    let by_id = named.parse().ok().filter(|id| caller.workspaces.contains_key(id));
    let found = by_id.or_else(|| {
        caller.workspaces.iter().find(|(_, workspace)| workspace.display_name == named).map(|(id, _)| *id)
    });
    found.ok_or_else(|| {
        ApiError::new(&code::WORKSPACE_NOT_FOUND, format!("cannot find workspace `{}`", excerpt(named)))
    })
}

fn require(caller: &Principal, workspace: WorkspaceId, permission: Permission) -> ApiResult<()> {
    match caller.workspaces.get(&workspace).map(|membership| membership.role) {
        Some(role) if role.allows(permission) => Ok(()),
        Some(role) => Err(forbidden(role.as_str(), permission)),
        None => Err(ApiError::new(&code::WORKSPACE_NOT_FOUND, "cannot find the workspace")),
    }
}

fn require_in_tenant(caller: &Principal, permission: Permission) -> ApiResult<()> {
    let role = caller.tenant_role;
    let allowed = match permission {
        Permission::ConnectionTypeView => role >= TenantRole::Builder,
        _ => role == TenantRole::Admin,
    };
    if allowed { Ok(()) } else { Err(forbidden(role.as_str(), permission)) }
}

fn forbidden(role: &str, permission: Permission) -> ApiError {
    let message = format!("the role `{role}` does not include the permission `{}`", permission.as_str());
    ApiError::new(&code::FORBIDDEN, message).with_data("permission", permission.as_str())
}

/// As much of a caller's text as an error may repeat.
pub(crate) fn excerpt(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    let mut short: String = text.chars().take(CHARS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
