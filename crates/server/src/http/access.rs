//! The door: every route passes here before its handler runs. Finds out who calls, which workspace is meant,
//! and whether the caller may; puts a [`Ctx`] into the request.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts as _, RawPathParams, Request};
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{HeaderMap, Method, header};
use store::runner_groups::RunnerGroup;
use store::shares::{Shared, Way};
use types::{Permission, WorkspaceId};

use super::peer::{Peer, origin};
use super::routes::Access;
use super::scim::Refusal;
use super::sessions::door::{self, Credential};
use crate::App;
use crate::audit::Whence;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::identity::{API_KEY_BYTES_MAX, Principal, SignedIn};

/// The header that carries the key.
pub(super) const API_KEY_HEADER: &str = "blink-api-key";

/// A handler with the door before it. A handler itself rather than a layer around one: those are boxed for every
/// request.
#[derive(Clone)]
pub(crate) struct Guarded<H> {
    handler: H,
    access: Access,
}

impl<H> Guarded<H> {
    pub(crate) fn new(handler: H, access: Access) -> Self {
        Self { handler, access }
    }
}

impl<H: Handler<T, App>, T: 'static> Handler<T, App> for Guarded<H> {
    type Future = BoxFuture<'static, Response>;

    /// Lets the request through, or answers for the handler.
    fn call(self, request: Request, app: App) -> Self::Future {
        let Self { handler, access } = self;
        Box::pin(async move {
            if access == Access::Public {
                return handler.call(request, app).await;
            }
            let (mut parts, body) = request.into_parts();
            if access == Access::RunnerToken {
                return match runner_group(&app, &parts).await {
                    Ok(group) => {
                        parts.extensions.insert(group);
                        handler.call(Request::from_parts(parts, body), app).await
                    }
                    Err(error) => error.into_response(),
                };
            }
            match admit(&app, access, &mut parts).await {
                Ok(ctx) => {
                    parts.extensions.insert(ctx);
                    handler.call(Request::from_parts(parts, body), app).await
                }
                Err(error) if matches!(access, Access::ScimNeeds(_)) => Refusal::from(error).into_response(),
                Err(error) => error.into_response(),
            }
        })
    }
}

/// The runner group that the request's token opens.
async fn runner_group(app: &App, parts: &Parts) -> ApiResult<RunnerGroup> {
    let refused = |message: &str| ApiError::new(&code::UNAUTHENTICATED, message);
    let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(token) = header.and_then(|value| value.strip_prefix("Bearer ")) else {
        return Err(refused("the header `Authorization: Bearer` with a runner group's token is missing"));
    };
    let found = match token.len() {
        1..=API_KEY_BYTES_MAX => {
            store::runner_groups::find_by_token(app.db(), &app.identity().hash(token)).await?
        }
        _ => None,
    };
    found.ok_or_else(|| refused("the runner token is unknown or has been revoked"))
}

async fn admit(app: &App, access: Access, parts: &mut Parts) -> ApiResult<Ctx> {
    let mut whence = Whence { peer: peer_of(app, parts), ..Whence::default() };
    let credential = match access {
        Access::ScimNeeds(_) => Credential::of_provider(&parts.headers),
        _ => Credential::of(&parts.headers),
    };
    let caller = match authenticate(app, &credential).await? {
        Caller::Key(caller) => {
            whence.key = caller.key;
            caller
        }
        Caller::Session(signed_in) => {
            door::let_in(&signed_in, parts)?;
            whence.session = Some(signed_in.session);
            let caller = Arc::clone(&signed_in.principal);
            parts.extensions.insert(signed_in);
            caller
        }
    };
    let params = RawPathParams::from_request_parts(parts, app)
        .await
        .map_err(|_| ApiError::new(&code::ROUTE_NOT_FOUND, "the address is no UTF-8 once it is decoded"))?;
    let param = |wanted: &str| params.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value);
    let workspace = match access {
        Access::Needs(permission) => Some(enter(&caller, param("ws_id"), permission)?),
        Access::NeedsOrShared(permission, kind) => {
            let named = param("ws_id");
            Some(match enter(&caller, named, permission) {
                Ok(workspace) => workspace,
                Err(refused) => {
                    let shared = Shared { kind, id: param("id").unwrap_or_default() };
                    enter_shared(app, &caller, (named, shared, permission)).await?.ok_or(refused)?
                }
            })
        }
        Access::WorkspaceNeeds(permission) => {
            Some(enter(&caller, Some(param("id").unwrap_or_default()), permission)?)
        }
        Access::TenantNeeds(permission) | Access::ScimNeeds(permission) => {
            require_in_tenant(&caller, permission)?;
            caller.default_workspace
        }
        Access::Authenticated | Access::Public | Access::RunnerToken => caller.default_workspace,
    };
    Ok(Ctx::new(app.clone(), caller, workspace, params, whence))
}

/// Who asks, as far as the audit log says: of whoever changes something.
fn peer_of(app: &App, parts: &Parts) -> Option<IpAddr> {
    let peer = parts.extensions.get::<Peer>().filter(|_| parts.method != Method::GET)?;
    Some(origin(peer.0, &parts.headers, &app.config().server.proxies()))
}

/// The workspace that is named, if the caller may do that there.
fn enter(caller: &Principal, named: Option<&str>, permission: Permission) -> ApiResult<WorkspaceId> {
    let workspace = find_workspace(caller, named)?;
    require(caller, workspace, permission)?;
    Ok(workspace)
}

/// The workspace of a thing that is shared with the caller, a group of theirs, or a workspace where they may do that
/// with what it has. The path names that workspace, or none.
async fn enter_shared(
    app: &App,
    caller: &Principal,
    (named, shared, permission): (Option<&str>, Shared<'_>, Permission),
) -> ApiResult<Option<WorkspaceId>> {
    let ways = store::shares::ways(app.db(), caller.tenant, shared, caller.user).await?;
    let named = named.filter(|named| !named.is_empty());
    let leads = |way: &Way| {
        let is_meant = named.is_none_or(|named| named == way.workspace_id.to_string());
        let may = match way.through {
            Some(through) => require(caller, through, permission).is_ok(),
            None => caller.tenant_permissions.contains(in_portal(permission)),
        };
        is_meant && may
    };
    Ok(ways.into_iter().find(leads).map(|way| way.workspace_id))
}

/// What a user may do with a thing that is shared with them, by what members of its workspace may.
const fn in_portal(permission: Permission) -> Permission {
    match permission {
        Permission::AppView => Permission::PortalAppView,
        Permission::WorkflowView => Permission::PortalServiceView,
        Permission::WorkflowExecute => Permission::PortalServiceExecute,
        other => other,
    }
}

/// What a caller was let in with, for an answer that takes long: whether they still would be.
pub(super) struct Pass {
    credential: Credential,
    workspace: WorkspaceId,
    permission: Permission,
}

impl Pass {
    /// What the request behind `headers` was let in with.
    pub(super) fn new(headers: &HeaderMap, workspace: WorkspaceId, permission: Permission) -> Self {
        Self { credential: Credential::of(headers), workspace, permission }
    }

    /// Whether the key or the session still is one and its user still may.
    ///
    /// # Errors
    /// If the database does not answer: nobody knows then.
    pub(super) async fn holds(&self, app: &App) -> ApiResult<bool> {
        match authenticate(app, &self.credential).await {
            Ok(caller) => Ok(require(caller.principal(), self.workspace, self.permission).is_ok()),
            Err(error) if *error.code() == code::UNAUTHENTICATED => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Who calls, and how that was found out.
enum Caller {
    Key(Arc<Principal>),
    Session(Arc<SignedIn>),
}

impl Caller {
    fn principal(&self) -> &Principal {
        match self {
            Self::Key(caller) => caller,
            Self::Session(signed_in) => &signed_in.principal,
        }
    }
}

async fn authenticate(app: &App, credential: &Credential) -> ApiResult<Caller> {
    let refused = |message: &str| ApiError::new(&code::UNAUTHENTICATED, message);
    let now = app.clock().now();
    match credential {
        Credential::None => {
            Err(refused("the header `BLINK-API-KEY` is missing, and no session's cookie is there"))
        }
        Credential::Key(key) => {
            let key = key.to_str().map_err(|_| refused("the header `BLINK-API-KEY` holds no key"))?;
            let caller = app.identity().find_caller(key, now).await?;
            caller.map(Caller::Key).ok_or_else(|| refused("the API key is unknown or has been revoked"))
        }
        Credential::Session(token) => {
            let signed_in = app.identity().find_session(token, now, &app.config().sessions).await?;
            signed_in.map(Caller::Session).ok_or_else(|| refused("the session is unknown or has ended"))
        }
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
    match caller.workspaces.get(&workspace) {
        Some(membership) if membership.permissions.contains(permission) => Ok(()),
        Some(membership) => Err(forbidden(membership.role.as_str(), permission)),
        None => Err(ApiError::new(&code::WORKSPACE_NOT_FOUND, "cannot find the workspace")),
    }
}

/// Refuses a caller whose role in the tenant does not allow it.
pub(super) fn require_in_tenant(caller: &Principal, permission: Permission) -> ApiResult<()> {
    if caller.tenant_permissions.contains(permission) {
        Ok(())
    } else {
        Err(forbidden(caller.tenant_role.as_str(), permission))
    }
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
