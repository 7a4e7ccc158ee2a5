//! Steps that only read tables.

use serde_json::{Value, json};
use store::records::{self, Shape};
use store::tables;
use store::{Db, Query};
use types::{Timestamp, WorkspaceId};

use super::input::SearchBy;
use crate::error::{ApiError, ApiResult, code};
use crate::http::{records as operations, tables as schemas};

/// Times that a read is tried whose table others change meanwhile.
const READ_TRIES: usize = 8;

/// A page of the records that `q` asks for.
pub(super) async fn records(db: &Db, workspace: WorkspaceId, table: &str, q: &str) -> ApiResult<Value> {
    for _ in 0..READ_TRIES {
        let shape = shape(db, workspace, table).await?;
        match operations::find(db, shape.clone(), q).await {
            Ok(listed) => return serde_json::to_value(listed).map_err(ApiError::internal),
            Err(error) if *error.code() == code::INTERNAL && shape.has_changed(db).await? => {}
            Err(error) => return Err(error),
        }
    }
    let message = format!("table `{table}` is being changed by others");
    Err(ApiError::new(&code::STORAGE_UNAVAILABLE, message))
}

/// The rows that a SELECT answers.
pub(super) async fn sql(
    db: &Db,
    workspace: WorkspaceId,
    (sql, params): (&str, &[Value]),
    now: Timestamp,
) -> ApiResult<Value> {
    let answered = operations::answer_sql(db, workspace, (sql, params), now).await?;
    serde_json::to_value(answered).map_err(ApiError::internal)
}

/// What the table is called and which fields it has, those that every table has first.
pub(super) async fn schema(db: &Db, workspace: WorkspaceId, name: &str) -> ApiResult<Value> {
    let table = tables::get(db, workspace, name).await?.ok_or_else(|| schemas::not_found(name))?;
    let fields = schemas::shown_fields(db, &table).await?;
    let fields = serde_json::to_value(fields).map_err(ApiError::internal)?;
    Ok(json!({
        "id": table.id, "name": table.name, "display_name": table.display_name, "description": table.description,
        "fields": fields,
    }))
}

/// Whether there is a table of that name.
pub(super) async fn exists(db: &Db, workspace: WorkspaceId, name: &str, by: SearchBy) -> ApiResult<Value> {
    let mut exists = false;
    if by != SearchBy::DisplayName {
        exists = tables::get(db, workspace, name).await?.is_some();
    }
    if by != SearchBy::Name && !exists {
        let q = json!({"filter": {"display_name": name}, "limit": 1}).to_string();
        let query = Query::parse(Some(&q), &tables::FIELDS).map_err(ApiError::internal)?;
        exists = tables::list(db, workspace, &query).await?.total > 0;
    }
    Ok(json!({"exists": exists}))
}

async fn shape(db: &Db, workspace: WorkspaceId, name: &str) -> ApiResult<Shape> {
    records::shape(db, workspace, name).await?.ok_or_else(|| schemas::not_found(name))
}
