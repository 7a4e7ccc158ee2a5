//! Runner groups and runners: list, make, change, delete, tokens. The link itself is `http/runner_link.rs`.

mod groups;
mod model;
mod token;

use std::collections::HashMap;
use std::time::Duration;

use store::runners;
use types::{RunnerGroupId, RunnerId, Timestamp};

use super::answer::{json, page};
use super::extract::{ListQuery, Query};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
pub(super) use groups::{create, delete, delete_named, get, get_named, list, set_default, update};
pub(crate) use model::{Group, GroupInput, GroupToken, ListedGroup, Runner};
pub(super) use token::{revoke, rotate};

/// How old the last sign of life of a connected runner may be. It is written down three times as often.
pub(crate) const SEEN_WITHIN: Duration = Duration::from_secs(30);

/// The runners that have registered with groups of the workspace.
pub(super) async fn list_runners(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = super::parse_q(list.q.as_deref(), &runners::FIELDS)?;
    let found = runners::list(ctx.db(), ctx.workspace(), &query).await?;
    let names = group_names(&ctx).await?;
    let since = seen_since(&ctx);
    let rows: Vec<Runner> = found.rows.iter().map(|row| Runner::new(row, &names, since)).collect();
    page(&query, found.total, &rows)
}

/// One runner.
pub(super) async fn get_runner(ctx: Ctx) -> ApiResult {
    let row = find_runner(&ctx).await?;
    json(&Runner::new(&row, &group_names(&ctx).await?, seen_since(&ctx)))
}

/// Forgets a runner that is not connected.
pub(super) async fn delete_runner(ctx: Ctx) -> ApiResult {
    let row = find_runner(&ctx).await?;
    if model::is_connected(&row, seen_since(&ctx)) {
        let message = format!("runner `{}` is connected: stop it, or give its group another token", row.name);
        return Err(ApiError::new(&code::RUNNER_CONNECTED, message));
    }
    let (workspace, id) = (row.workspace_id, row.id);
    let audit = ctx.audit("runner.deleted", "runner", &id.to_string(), &row.name);
    ctx.db()
        .write(async move |tx| {
            runners::delete(tx, workspace, id).await?;
            store::audit::record(tx, &audit).await
        })
        .await?;
    json(&id)
}

async fn find_runner(ctx: &Ctx) -> ApiResult<runners::Runner> {
    let id: RunnerId = ctx.id(&code::RUNNER_NOT_FOUND)?;
    let row = runners::get(ctx.db(), ctx.workspace(), id).await?;
    row.ok_or_else(|| {
        ApiError::new(&code::RUNNER_NOT_FOUND, format!("the workspace has no runner of the id `{id}`"))
    })
}

async fn group_names(ctx: &Ctx) -> ApiResult<HashMap<RunnerGroupId, String>> {
    let all = super::all_of(&store::runner_groups::FIELDS)?;
    let groups = store::runner_groups::list(ctx.db(), ctx.workspace(), &all).await?;
    Ok(groups.rows.into_iter().map(|group| (group.id, group.name)).collect())
}

/// Since when a connected runner must have been seen.
fn seen_since(ctx: &Ctx) -> Timestamp {
    let within = i64::try_from(SEEN_WITHIN.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(ctx.now().as_millis().saturating_sub(within))
}
