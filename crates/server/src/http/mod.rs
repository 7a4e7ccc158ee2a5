//! The HTTP API. `table` is its table of contents: every route in one list.

mod access;
mod agents;
mod answer;
mod api_keys;
mod apps;
mod audit_log;
mod catalog;
mod connection_types;
mod connections;
mod controller;
mod describe;
mod docs;
mod envelope;
mod executions;
mod extract;
mod incoming;
mod names;
mod openapi;
mod packs;
mod peer;
mod people;
pub(crate) mod records;
mod routes;
mod runner_link;
mod runners;
mod scim;
mod sessions;
mod shares;
mod system_tables;
mod table;
pub(crate) mod tables;
mod workflows;
mod workspaces;

use axum::extract::Request;
use store::{FieldMap, Query};

pub(crate) use access::excerpt;
pub(crate) use api_keys::hint_of;
pub(crate) use docs::Documents;
pub(crate) use envelope::Api;
pub(crate) use executions::FOLLOWERS_MAX;
pub(crate) use names::derived_name;
pub(crate) use openapi::{as_3_0, document};
pub(crate) use people::tenant::TenantSettings;
pub use routes::{Access, BASE, Route, Scope};
pub(crate) use sessions::{FIRST_LINK_TIME, SSO_CALLBACK, reset_link, reset_row};
pub(crate) use workflows::KnownUses;

use crate::App;
use crate::error::{ApiError, ApiResult, code};

/// The service that answers requests, and the table of its routes.
pub(crate) fn service(app: &App) -> (Api, Vec<Route>) {
    let (router, routes) = table::table().finish();
    let router = router
        .route("/docs", axum::routing::get(docs::page))
        .route("/docs/{name}", axum::routing::get(docs::asset))
        .route("/password_reset", axum::routing::get(sessions::password_page))
        .route("/password_reset/set-password.js", axum::routing::get(sessions::password_script))
        .route("/invite", axum::routing::get(people::invite_page::page))
        .route("/invite/accept-invitation.js", axum::routing::get(people::invite_page::script))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed);
    (Api::new(router.with_state(app.clone())), routes)
}

/// The table of routes alone, to be described.
pub(crate) fn described_routes() -> Vec<Route> {
    table::table().finish().1
}

/// How often an edit is tried that others come between.
const EDIT_TRIES: usize = 8;

/// When they came between each time.
fn others_came_between(what: &str) -> ApiError {
    let message = format!("the {what} is being changed by others; try again");
    ApiError::new(&code::STORAGE_UNAVAILABLE, message)
}

async fn not_found(request: Request) -> ApiError {
    let path = excerpt(request.uri().path());
    ApiError::new(&code::ROUTE_NOT_FOUND, format!("there is no address `{path}`"))
}

async fn method_not_allowed(request: Request) -> ApiError {
    let (method, path) = (request.method().as_str().to_owned(), excerpt(request.uri().path()));
    ApiError::new(&code::METHOD_NOT_ALLOWED, format!("`{path}` does not take `{}`", excerpt(&method)))
}

/// The largest page of everything, for what is never more than that.
fn all_of(fields: &'static FieldMap) -> ApiResult<Query> {
    parse_q(Some(r#"{"limit": 1000}"#), fields)
}

fn parse_q(q: Option<&str>, fields: &'static FieldMap) -> ApiResult<Query> {
    Query::parse(q, fields).map_err(|error| ApiError::new(&code::QUERY_INVALID, error.to_string()))
}
