//! The audit log: who did what to what, and when. Read as lists, and as a stream of JSON lines for another system to keep.

use std::collections::VecDeque;

use axum::body::{Body as Stream, Bytes};
use axum::response::Response;
use http::{HeaderValue, header};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use store::audit::{self, AuditEntry as Row};
use store::{Page, StoreError};
use types::{AuditId, WorkspaceId};
use utoipa::ToSchema;

use super::answer::{self, broken_off, page};
use super::extract::{ListQuery, Query};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult};

/// Entries that an export reads at a time: what it holds in memory.
const EXPORT_PAGE: usize = 500;

/// An entry.
#[derive(Serialize, ToSchema)]
#[schema(as = models::AuditEntry)]
#[allow(missing_docs)]
pub(crate) struct AuditEntry {
    /// What was done: `connection.created`.
    pub action: String,
    /// A user's id, a run's, or a part of the server.
    pub actor_id: String,
    /// `user`, `execution` or `system`.
    pub actor_type: &'static str,
    pub at: i64,
    /// More, never a secret.
    #[schema(value_type = Object)]
    pub details: Box<RawValue>,
    pub entity_id: String,
    pub entity_type: String,
    /// The host that was spoken to, where a secret was used; else empty.
    pub host: String,
    pub id: String,
    /// Empty for what is of the tenant and of no workspace.
    pub workspace_id: String,
}

impl AuditEntry {
    fn new(row: Row) -> ApiResult<Self> {
        Ok(Self {
            action: row.action,
            actor_id: row.actor_id,
            actor_type: row.actor_type.as_str(),
            at: row.at.as_millis(),
            details: RawValue::from_string(row.details).map_err(ApiError::internal)?,
            entity_id: row.entity_id,
            entity_type: row.entity_type,
            host: row.host.unwrap_or_default(),
            id: row.id.to_string(),
            workspace_id: row.workspace_id.map(|id| id.to_string()).unwrap_or_default(),
        })
    }
}

/// What is exported: from an instant on, and before one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Extent {
    /// Milliseconds since the epoch.
    from: Option<i64>,
    /// Milliseconds since the epoch.
    to: Option<i64>,
}

/// The entries of the workspace.
pub(super) async fn list(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    listed(&ctx, Some(ctx.workspace()), list.q.as_deref()).await
}

/// The entries of the whole tenant.
pub(super) async fn list_tenant(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    listed(&ctx, None, list.q.as_deref()).await
}

async fn listed(ctx: &Ctx, workspace: Option<WorkspaceId>, q: Option<&str>) -> ApiResult {
    let query = super::parse_q(q, &audit::FIELDS)?;
    let found = read(ctx, workspace, &query).await?;
    let rows = found.rows.into_iter().map(AuditEntry::new).collect::<ApiResult<Vec<_>>>()?;
    page(&query, found.total, &rows)
}

/// The newest seal over the log. Whoever keeps its head elsewhere can find out later whether anything before it is missing.
#[derive(Serialize, ToSchema)]
#[schema(as = models::AuditHead)]
#[allow(missing_docs)]
pub(crate) struct AuditHead {
    /// SHA-256 in hex; empty while nothing is sealed.
    pub head: String,
    /// Counts seals from 1.
    pub number: i64,
    pub sealed_at: i64,
}

/// The newest seal over the tenant's log.
pub(super) async fn head(ctx: Ctx) -> ApiResult {
    let seal = store::audit_seals::last(ctx.db(), ctx.tenant()).await?;
    answer::json(&match seal {
        Some(seal) => {
            AuditHead { head: seal.head, number: seal.number, sealed_at: seal.sealed_at.as_millis() }
        }
        None => AuditHead { head: String::new(), number: 0, sealed_at: 0 },
    })
}

/// The entries of the workspace as JSON lines, the oldest first.
pub(super) async fn export(ctx: Ctx, Query(extent): Query<Extent>) -> ApiResult {
    let workspace = Some(ctx.workspace());
    stream(ctx, workspace, extent).await
}

/// The entries of the whole tenant as JSON lines, the oldest first.
pub(super) async fn export_tenant(ctx: Ctx, Query(extent): Query<Extent>) -> ApiResult {
    stream(ctx, None, extent).await
}

async fn stream(ctx: Ctx, workspace: Option<WorkspaceId>, extent: Extent) -> ApiResult {
    let mut export = Export { ctx, workspace, extent, after: None, read: VecDeque::new() };
    // What cannot be read at all is an error, not a stream that breaks off.
    export.read_on().await?;
    let lines = futures_util::stream::try_unfold(export, async |mut export| {
        let line = export.next().await?;
        Ok::<_, std::io::Error>(line.map(|line| (line, export)))
    });
    let mut response = Response::new(Stream::from_stream(lines));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    Ok(response)
}

/// An export on its way: the entries that were read and not sent, and the last one that was read.
struct Export {
    ctx: Ctx,
    workspace: Option<WorkspaceId>,
    extent: Extent,
    after: Option<AuditId>,
    read: VecDeque<Row>,
}

impl Export {
    async fn next(&mut self) -> Result<Option<Bytes>, std::io::Error> {
        if self.read.is_empty() {
            self.read_on().await.map_err(|error| broken_off("the export of an audit log", error))?;
        }
        let Some(row) = self.read.pop_front() else { return Ok(None) };
        let entry = AuditEntry::new(row).map_err(|error| broken_off("the export of an audit log", error))?;
        let mut line = serde_json::to_vec(&entry)?;
        line.push(b'\n');
        Ok(Some(line.into()))
    }

    /// Reads the next entries. Ids grow with time.
    async fn read_on(&mut self) -> ApiResult<()> {
        let mut filter = serde_json::Map::new();
        if let Some(after) = self.after {
            filter.insert("id".to_owned(), json!({"$gt": after}));
        }
        let (from, to) = (self.extent.from.unwrap_or(i64::MIN), self.extent.to.unwrap_or(i64::MAX));
        filter.insert("at".to_owned(), json!({"$gte": from, "$lt": to}));
        let q = json!({"filter": filter, "sort": ["id"], "limit": EXPORT_PAGE}).to_string();
        let query = super::parse_q(Some(&q), &audit::FIELDS)?;
        self.read = read(&self.ctx, self.workspace, &query).await?.rows.into();
        self.after = self.read.back().map(|row| row.id);
        Ok(())
    }
}

async fn read(
    ctx: &Ctx,
    workspace: Option<WorkspaceId>,
    query: &store::Query,
) -> Result<Page<Row>, StoreError> {
    match workspace {
        Some(workspace) => audit::list(ctx.db(), ctx.tenant(), workspace, query).await,
        None => audit::list_tenant(ctx.db(), ctx.tenant(), query).await,
    }
}
