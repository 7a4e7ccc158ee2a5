//! Lists of runs: plain, with their inputs, with counts of their states.

use store::executions::{self, FIELDS, FIELDS_WITH_INPUTS};

use super::model::{Execution, Metrics, WithInputs, WithMetrics};
use crate::ctx::Ctx;
use crate::error::ApiResult;
use crate::http::answer::{json, page, page_parts};
use crate::http::extract::{ListQuery, Query};
use crate::http::parse_q;

/// The runs of the workspace.
pub(in crate::http) async fn list(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = parse_q(list.q.as_deref(), &FIELDS)?;
    let found = executions::list(ctx.db(), ctx.workspace(), &query).await?;
    page(&query, found.total, &rows(&ctx, found.rows)?)
}

/// The same, each with what went in.
pub(in crate::http) async fn list_with_inputs(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = parse_q(list.q.as_deref(), &FIELDS_WITH_INPUTS)?;
    let found = executions::list_with_inputs(ctx.db(), ctx.workspace(), &query).await?;
    let now = ctx.now();
    let rows: ApiResult<Vec<WithInputs>> =
        found.rows.into_iter().map(|(row, inputs)| WithInputs::new(row, inputs, now)).collect();
    page(&query, found.total, &rows?)
}

/// The same as [`list`], with how many runs the filter lets through of each state.
pub(in crate::http) async fn list_with_metrics(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = parse_q(list.q.as_deref(), &FIELDS)?;
    let found = executions::list(ctx.db(), ctx.workspace(), &query).await?;
    let counts = executions::count_by_state(ctx.db(), ctx.workspace(), &query).await?;
    let (info, results) = page_parts(&query, found.total, &rows(&ctx, found.rows)?)?;
    json(&WithMetrics { info, results, metrics: Metrics::of(&counts) })
}

fn rows(ctx: &Ctx, rows: Vec<executions::Execution>) -> ApiResult<Vec<Execution>> {
    let now = ctx.now();
    rows.into_iter().map(|row| Execution::new(row, now)).collect()
}
