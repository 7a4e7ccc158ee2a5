//! Read-only SQL over the tables of a workspace, for callers and for steps of runs alike.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::Db;
use store::select::{self, Ask, ROWS_MAX, SelectError};
use types::{Timestamp, WorkspaceId};
use utoipa::ToSchema;

use super::model::{Record, as_written};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::{PagingInfo, json};
use crate::http::extract::Body;

/// A query over the tables.
#[derive(Deserialize, ToSchema)]
#[schema(as = v1::TableSqlRequest)]
pub(crate) struct Sql {
    /// One query in SQL that reads.
    sql: String,
    /// The values for `$1`, `$2`, … in it: texts, numbers, truth values, null.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    params: Vec<Value>,
}

/// What a query answers.
#[derive(Serialize)]
pub(crate) struct Answered {
    #[serde(flatten)]
    info: PagingInfo,
    results: Vec<Record>,
}

/// The rows that a query over the workspace's tables answers.
pub(in crate::http) async fn sql(ctx: Ctx, Body(input): Body<Sql>) -> ApiResult {
    let answered = answer(ctx.db(), ctx.workspace(), (&input.sql, &input.params), ctx.now()).await?;
    json(&answered)
}

/// The same for whoever may read the workspace's records.
pub(crate) async fn answer(
    db: &Db,
    workspace: WorkspaceId,
    (sql, params): (&str, &[Value]),
    now: Timestamp,
) -> ApiResult<Answered> {
    let rows = select::select(db, workspace, &Ask { sql, params, now }).await.map_err(refused)?;
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let limit = i64::try_from(ROWS_MAX).unwrap_or(i64::MAX);
    let shown = |row: Map<String, Value>| {
        Record(row.into_iter().map(|(name, value)| (name, as_written(value))).collect())
    };
    let results = rows.into_iter().map(shown).collect();
    Ok(Answered { info: PagingInfo { limit, offset: 0, total: count }, results })
}

fn refused(error: SelectError) -> ApiError {
    match error {
        SelectError::Store(error) => error.into(),
        SelectError::TooLarge => ApiError::new(&code::PAGE_TOO_LARGE, error.to_string()),
        SelectError::TooLong => ApiError::new(&code::SQL_TIMEOUT, error.to_string()),
        SelectError::Refused(_) | SelectError::NoTable(_) | SelectError::Failed(_) => {
            ApiError::new(&code::SQL_INVALID, error.to_string())
        }
    }
}
