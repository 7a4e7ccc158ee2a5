//! What the steps of a run have said.

use serde::Serialize;
use store::step_logs::{self, StepLog};
use store::{Defaults, Field, FieldMap};
use utoipa::ToSchema;

use super::files::known_run;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult};
use crate::http::answer::page;
use crate::http::extract::{ListQuery, Query};

/// Logs of one page: each may have 256 KiB.
const LOGS_A_PAGE_MAX: u64 = 100;

/// The members of a row. Logs come in the order in which attempts ended, and cannot be filtered.
static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::computed("attempt"),
        Field::computed("created_at"),
        Field::computed("dropped"),
        Field::computed("id"),
        Field::computed("lines"),
        Field::computed("path"),
    ],
    defaults: Defaults { sort: &[], search: &[] },
};

/// What one attempt of a step has said.
#[derive(Serialize, ToSchema)]
#[schema(as = models::StepLog)]
pub(crate) struct ExecutionLog {
    /// Counts from 1.
    pub attempt: i64,
    /// When the attempt ended.
    pub created_at: i64,
    /// How many lines before these were not kept.
    pub dropped: i64,
    pub id: String,
    pub lines: Vec<LogLine>,
    /// The step's path.
    pub path: String,
}

/// A line that a step has said.
#[derive(Serialize, ToSchema)]
#[schema(as = models::StepLogLine)]
pub(crate) struct LogLine {
    /// When.
    pub at: i64,
    /// Without secrets, and without its end.
    pub text: String,
}

impl TryFrom<StepLog> for ExecutionLog {
    type Error = ApiError;

    fn try_from(log: StepLog) -> ApiResult<Self> {
        let StepLog { id, path, attempt, lines, dropped, created_at } = log;
        let lines: Vec<(i64, String)> = serde_json::from_str(&lines)
            .map_err(|error| ApiError::internal(format!("the step log `{id}` cannot be read: {error}")))?;
        let lines = lines.into_iter().map(|(at, text)| LogLine { at, text }).collect();
        Ok(Self { attempt, created_at: created_at.as_millis(), dropped, id: id.to_string(), lines, path })
    }
}

/// What the steps of a run have said, once each has ended.
pub(crate) async fn list_logs(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let mut query = crate::http::parse_q(list.q.as_deref(), &FIELDS)?;
    query.limit = query.limit.min(LOGS_A_PAGE_MAX);
    let id = known_run(&ctx).await?;
    let (total, logs) = step_logs::list(ctx.db(), ctx.workspace(), id, (query.limit, query.offset)).await?;
    let rows: Vec<ExecutionLog> = logs.into_iter().map(TryInto::try_into).collect::<ApiResult<_>>()?;
    page(&query, total, &rows)
}
