//! Health, figures and version of the server.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::json;
use crate::App;
use crate::error::ApiResult;

/// Whether the server can work: its database answers.
pub(super) async fn readiness(State(app): State<App>) -> ApiResult {
    app.db().ping().await?;
    json(&"ready")
}

/// Figures of the server.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::Stats)]
pub(crate) struct Stats {
    /// Runs that this server drives at the moment.
    pub executions_in_flight: usize,
    /// Milliseconds since it started.
    pub uptime_ms: i64,
    /// Its version.
    pub version: &'static str,
}

/// What the server is doing.
pub(super) async fn stats(State(app): State<App>) -> ApiResult {
    let uptime = app.clock().now().since(app.started_at()).as_millis();
    json(&Stats {
        executions_in_flight: app.driver().in_flight(),
        uptime_ms: i64::try_from(uptime).unwrap_or(i64::MAX),
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// The server's version.
pub(super) async fn version() -> ApiResult {
    json(&env!("CARGO_PKG_VERSION"))
}
