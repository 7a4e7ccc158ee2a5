//! What has become of records and their fields.

use serde::Serialize;
use serde_json::{Map, Value};
use store::record_changes::{self, RecordChange as Row};
use store::records::{self, Shape};
use types::RecordId;
use utoipa::ToSchema;

use super::model::as_written;
use super::{id_of, not_found, to_read};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult};
use crate::http::answer::page;
use crate::http::extract::{ListQuery, Query};
use crate::http::parse_q;

/// A change of a record, or its deletion.
#[derive(Serialize, ToSchema)]
#[schema(as = models::RecordChange)]
#[allow(missing_docs)]
pub(crate) struct RecordChange {
    pub id: String,
    pub record_id: String,
    /// `updated` or `deleted`.
    pub kind: String,
    /// Milliseconds since the epoch.
    pub at: i64,
    /// Who changed it: the id of a user, or what records have in `updated_by`.
    pub by: String,
    /// The run whose step changed it; null if none did.
    pub execution_id: Option<String>,
    /// The fields that changed, by name.
    #[schema(value_type = std::collections::BTreeMap<String, FieldChange>)]
    pub fields: Map<String, Value>,
}

/// A field's value before and after a change.
#[derive(Serialize, ToSchema)]
#[schema(as = models::FieldChange)]
#[allow(missing_docs)]
pub(crate) struct FieldChange {
    #[schema(value_type = Object)]
    pub before: Value,
    #[schema(value_type = Object)]
    pub after: Value,
}

impl RecordChange {
    fn new(row: Row) -> ApiResult<Self> {
        let stored: Map<String, Value> = serde_json::from_str(&row.fields).map_err(ApiError::internal)?;
        Ok(Self {
            id: row.id.to_string(),
            record_id: row.record_id.to_string(),
            kind: row.kind.as_str().to_owned(),
            at: row.at.as_millis(),
            by: row.by,
            execution_id: row.execution_id.map(|id| id.to_string()),
            fields: stored.into_iter().map(|(name, values)| (name, told(values))).collect(),
        })
    }
}

/// `[before, after]` as it is answered.
fn told(mut values: Value) -> Value {
    let mut take =
        |index: usize| values.get_mut(index).map(|value| as_written(value.take())).unwrap_or_default();
    serde_json::json!(FieldChange { before: take(0), after: take(1) })
}

/// What has become of a record, the newest change first; also of one that has been deleted.
pub(in crate::http) async fn history(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let shape = to_read(&ctx).await?;
    let id = id_of(&ctx, &shape)?;
    let is_known = records::get(ctx.db(), &shape, id).await?.is_some()
        || record_changes::has_any(ctx.db(), (ctx.workspace(), shape.table.id), id).await?;
    if !is_known {
        return Err(not_found(&shape, ctx.id_text()));
    }
    listed(&ctx, &shape, Some(id), list.q.as_deref()).await
}

/// What has become of all records of a table, the newest change first.
pub(in crate::http) async fn history_of_table(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let shape = to_read(&ctx).await?;
    listed(&ctx, &shape, None, list.q.as_deref()).await
}

async fn listed(ctx: &Ctx, shape: &Shape, record: Option<RecordId>, q: Option<&str>) -> ApiResult {
    let query = parse_q(q, &record_changes::FIELDS)?;
    let found = record_changes::list(ctx.db(), (ctx.workspace(), shape.table.id), record, &query).await?;
    let rows = found.rows.into_iter().map(RecordChange::new).collect::<ApiResult<Vec<_>>>()?;
    page(&query, found.total, &rows)
}
