//! The table of routes. One entry says everything about a route: method, path, handler, who may call it, and
//! how the API's description shows it. From the table come the router, openapi.json and the list that the
//! access test walks. A route without an access value does not compile.

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::Method;
use store::shares::Shareable;
use types::Permission;

use super::access::Guarded;
use super::describe::Describe;
use crate::App;

/// Where the API lives.
pub const BASE: &str = "/api/v1";

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Anybody with a valid key, or a session.
    Authenticated,
    /// Members of the workspace in the path (of the default workspace, if there is none) whose role allows it.
    Needs(Permission),
    /// The same, and whoever the thing that the path's `{id}` names is shared with.
    NeedsOrShared(Permission, Shareable),
    /// Members of the workspace that the path's `{id}` names, whose role allows it.
    WorkspaceNeeds(Permission),
    /// Users of the tenant whose tenant role allows it.
    TenantNeeds(Permission),
    /// As `TenantNeeds`, for identity providers: the key may also come as `Authorization: Bearer`, and errors are SCIM's.
    ScimNeeds(Permission),
    /// Whoever has the token of a runner group; no API key opens it, and the token nothing else.
    RunnerToken,
}

/// Whether the path begins with a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `/api/v1/workspace/{ws_id}/…`, and `/api/v1/…` for the caller's default workspace.
    Workspace,
    /// `/api/v1/…`.
    Root,
}

/// One route.
#[derive(Clone, Debug)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path below the scope, `/connections/{id}`.
    pub path: &'static str,
    /// Where the path hangs.
    pub scope: Scope,
    /// Who may call it.
    pub access: Access,
    /// How it is described.
    pub describe: Describe,
}

impl Route {
    /// The canonical path, as the API's description names it, without [`BASE`].
    pub fn documented_path(&self) -> String {
        match self.scope {
            Scope::Workspace => format!("/workspace/{{ws_id}}{}", self.path),
            Scope::Root => self.path.to_owned(),
        }
    }
}

/// Collects routes: what answers them, and the table that describes them.
pub(super) struct Routes {
    router: Router<App>,
    table: Vec<Route>,
}

impl Routes {
    /// No routes yet.
    pub(super) fn new() -> Self {
        Self { router: Router::new(), table: Vec::new() }
    }

    /// A route of a workspace.
    #[must_use]
    pub(super) fn workspace<H, T>(
        self,
        method: Method,
        path: &'static str,
        handler: H,
        access: Access,
        describe: Describe,
    ) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.add(Route { method, path, scope: Scope::Workspace, access, describe }, handler)
    }

    /// A route that belongs to no workspace.
    #[must_use]
    pub(super) fn root<H, T>(
        self,
        method: Method,
        path: &'static str,
        handler: H,
        access: Access,
        describe: Describe,
    ) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.add(Route { method, path, scope: Scope::Root, access, describe }, handler)
    }

    fn add<H, T>(mut self, route: Route, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let service: MethodRouter<App> = on(filter_of(&route.method), Guarded::new(handler, route.access));
        if route.scope == Scope::Workspace {
            let path = format!("{BASE}/workspace/{{ws_id}}{}", route.path);
            self.router = self.router.route(&path, service.clone());
        }
        self.router = self.router.route(&format!("{BASE}{}", route.path), service);
        self.table.push(route);
        self
    }

    /// The router and the table it was made from.
    pub(super) fn finish(self) -> (Router<App>, Vec<Route>) {
        (self.router, self.table)
    }
}

fn filter_of(method: &Method) -> MethodFilter {
    match *method {
        Method::GET => MethodFilter::GET,
        Method::POST => MethodFilter::POST,
        Method::PUT => MethodFilter::PUT,
        Method::PATCH => MethodFilter::PATCH,
        _ => MethodFilter::DELETE,
    }
}
