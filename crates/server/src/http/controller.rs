//! Health, figures and version of the server.

use axum::extract::State;

use super::answer::json;
use crate::App;
use crate::error::ApiResult;

/// Whether the server can work: its database answers.
pub(super) async fn readiness(State(app): State<App>) -> ApiResult {
    app.db().ping().await?;
    json(&"ready")
}

/// What the server is doing. The contract answers a text, so it is one: `name=value` pairs.
pub(super) async fn stats(State(app): State<App>) -> ApiResult {
    let uptime_ms = app.clock().now().since(app.started_at()).as_millis();
    let (in_flight, queued) = (app.driver().in_flight(), app.driver().queued());
    json(&format!(
        "executions_in_flight={in_flight} executions_queued={queued} uptime_ms={uptime_ms} version={}",
        env!("CARGO_PKG_VERSION")
    ))
}

/// The server's version.
pub(super) async fn version() -> ApiResult {
    json(&env!("CARGO_PKG_VERSION"))
}
