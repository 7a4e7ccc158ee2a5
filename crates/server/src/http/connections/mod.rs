//! Connections: list, read, create, edit, delete, test, usage.

mod model;
mod write;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use actions::connection_types::{Credential, verify};
use actions::http::AuthContext;
use serde::Deserialize;
use store::audit::AuditEntry;
use store::connections::{self, Connection as Row};
use store::shares::{Shareable, Shared};
use types::{ConnectionId, WorkspaceId};

use super::answer::{json, json_with_etag, page};
use super::extract::{Body, KnownTags, ListQuery, Query};
use super::{EDIT_TRIES, others_came_between};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::network::Use;
pub(crate) use model::{Connection, ConnectionInput, ListedConnection, TestRequest};

/// The connections of the workspace.
pub(super) async fn list(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = super::parse_q(list.q.as_deref(), &connections::FIELDS)?;
    let found = connections::list(ctx.db(), ctx.workspace(), &query).await?;
    let usage = connections::usage_counts(ctx.db(), ctx.workspace()).await?;
    let shares = store::shares::counts(ctx.db(), ctx.workspace(), Shareable::Connection).await?;
    let owners = owners(&ctx, &found.rows).await?;
    let mut rows = Vec::with_capacity(found.rows.len());
    for row in &found.rows {
        rows.push(ListedConnection {
            active: row.active,
            is_shared: row.workspace_id != ctx.workspace() || shares.contains_key(&row.id.to_string()),
            runner_group: &row.runner_group,
            secret_manager_name: &row.secret_manager,
            shared_with: shares.get(&row.id.to_string()).copied().unwrap_or(0),
            slug_name: &row.name,
            tags: serde_json::from_str(&row.tags).unwrap_or_default(),
            type_name: &row.type_name,
            used_by: usage.get(&row.name).copied().unwrap_or(0),
            workspace_name: owners.get(&row.workspace_id).map_or(ctx.workspace_name(), String::as_str),
            connection: Connection::new(row)?,
        });
    }
    page(&query, found.total, &rows)
}

/// The names of the other workspaces that share some of the connections.
async fn owners(ctx: &Ctx, rows: &[Row]) -> ApiResult<HashMap<WorkspaceId, String>> {
    let mut names = HashMap::new();
    for row in rows.iter().filter(|row| row.workspace_id != ctx.workspace()) {
        if let Entry::Vacant(vacant) = names.entry(row.workspace_id) {
            let found = store::workspaces::get(ctx.db(), ctx.tenant(), row.workspace_id).await?;
            vacant.insert(found.map(|workspace| workspace.display_name).unwrap_or_default());
        }
    }
    Ok(names)
}

/// One connection, as the contract has it: an array of one. One that another workspace shares can be read as well.
pub(super) async fn get(ctx: Ctx, known: KnownTags) -> ApiResult {
    let found = match ctx.id_text().parse() {
        Ok(id) => connections::get_with(ctx.db(), ctx.workspace(), id, |row| shown_one(&known, &row)).await?,
        Err(_) => None,
    };
    if let Some(found) = found {
        return found;
    }
    let lent = store::shares::connection(ctx.db(), ctx.workspace(), ctx.id_text()).await?;
    shown_one(&known, &lent.ok_or_else(|| not_found(ctx.id_text()))?)
}

fn shown_one<T: AsRef<str>>(known: &KnownTags, row: &Row<T>) -> ApiResult {
    // A test moves the status alone: that is no change of the row which another change could get lost by.
    let version = format_args!("{}-{}", row.row_version, row.status.as_ref());
    json_with_etag(known, version, &[Connection::new(row)?])
}

/// A new connection.
pub(super) async fn create(ctx: Ctx, Body(input): Body<ConnectionInput>) -> ApiResult {
    let row = write::new_row(&ctx, input).await?;
    let stored = row.clone();
    let audit = write::audit(&ctx, "connection.created", &row, None);
    let audit = crate::audit::made(audit, &write::audited(&row)?);
    ctx.db()
        .write(async move |tx| {
            connections::insert(tx, &row).await?;
            store::audit::record(tx, &audit).await
        })
        .await
        .map_err(|error| write::name_taken(error, &stored.name))?;
    json(&Connection::new(&stored)?)
}

/// Changes what the body names, and nothing else.
pub(super) async fn edit(ctx: Ctx, Body(input): Body<ConnectionInput>) -> ApiResult {
    // Somebody else may change it in between: then the change is laid over what they made of it.
    for _ in 0..EDIT_TRIES {
        let before = find(&ctx).await?;
        let row = write::changed_row(&ctx, before.clone(), input.clone()).await?;
        let mut stored = row.clone();
        let audit = write::audit(&ctx, "connection.edited", &row, None);
        let audit = crate::audit::changed(audit, &write::audited(&before)?, &write::audited(&row)?);
        let audit = write::secrets_told(audit, &row, input.attributes.as_ref())?;
        let written = ctx.db().write(async move |tx| {
            let changed = connections::update(tx, &row).await?;
            if changed {
                store::audit::record(tx, &audit).await?;
            }
            Ok(changed)
        });
        if written.await.map_err(|error| write::name_taken(error, &stored.name))? {
            stored.row_version += 1;
            return json(&Connection::new(&stored)?);
        }
    }
    Err(others_came_between("connection"))
}

/// How a connection is deleted.
#[derive(Debug, Deserialize)]
pub(super) struct DeleteQuery {
    #[serde(default)]
    force: bool,
}

/// Deletes a connection that no workflow uses, or any, if forced.
pub(super) async fn delete(ctx: Ctx, Query(query): Query<DeleteQuery>) -> ApiResult {
    let row = find(&ctx).await?;
    let users = connections::used_by(ctx.db(), row.workspace_id, &row.name).await?;
    if !users.is_empty() && !query.force {
        let mut names: Vec<String> = users.into_iter().map(|user| user.workflow_name).collect();
        names.sort();
        names.dedup();
        let message = format!("connection `{}` is used by: {}", row.name, names.join(", "));
        return Err(ApiError::new(&code::CONNECTION_IN_USE, message)
            .with_details("add `?force=true` to delete it all the same")
            .with_data("workflows", names));
    }
    let (workspace, id) = (row.workspace_id, row.id);
    let audit = write::audit(&ctx, "connection.deleted", &row, None);
    let audit = crate::audit::gone(audit, &write::audited(&row)?);
    ctx.db()
        .write(async move |tx| {
            connections::delete(tx, workspace, id).await?;
            store::audit::record(tx, &audit).await
        })
        .await?;
    json(&id)
}

/// Asks the tool whether it accepts the connection: a stored one, or one that is about to be.
pub(super) async fn test(ctx: Ctx, Body(request): Body<TestRequest>) -> ApiResult {
    let stored = match request.connection.id.as_deref().filter(|id| !id.is_empty()) {
        Some(id) => Some(find_by(&ctx, id).await?),
        None => None,
    };
    let candidate = write::candidate(&ctx, stored.as_ref(), request.connection).await?;
    run_test(&ctx, stored.as_ref(), candidate).await?;
    json(&"ok")
}

/// The same for a stored connection named in the path.
pub(super) async fn test_stored(ctx: Ctx) -> ApiResult {
    let row = find(&ctx).await?;
    let candidate = write::candidate(&ctx, Some(&row), ConnectionInput::default()).await?;
    run_test(&ctx, Some(&row), candidate).await?;
    json(&"ok")
}

async fn run_test(ctx: &Ctx, stored: Option<&Row>, candidate: write::Candidate) -> ApiResult<()> {
    let hosts = std::sync::Mutex::new(Vec::<String>::new());
    let note = |host: &str| {
        if let Ok(mut hosts) = hosts.lock() {
            hosts.push(host.to_owned());
        }
    };
    // By what is tested, not by what is stored: the caller may be testing another address.
    let base_url = candidate.attributes.get("base_url").map(|url| url.expose().clone());
    let tested = Use { id: stored.map(|row| row.id), type_name: &candidate.kind.name, base_url };
    let policy = ctx.app().network().for_uses([tested]);
    let cx = AuthContext {
        http: &ctx.app().http().under(policy.clone()),
        now: ctx.now(),
        token_cache: ctx.app().token_cache(),
        secret_sent_to: &note,
    };
    let credential = Arc::new(Credential::new(Arc::clone(&candidate.kind), &candidate.attributes));
    let outcome = verify(&credential, &cx, &policy).await;
    let hosts = hosts.into_inner().unwrap_or_default();
    if let Some(row) = stored {
        note_test(ctx, row, outcome.is_ok(), &hosts).await?;
    }
    outcome.map_err(|error| {
        ApiError::new(&code::CONNECTION_TEST_FAILED, format!("the connection test failed: {}", error.message))
            .with_data("code", error.code.as_str())
    })
}

/// The audit log learns of the use, the row of the outcome.
async fn note_test(ctx: &Ctx, row: &Row, ok: bool, hosts: &[String]) -> ApiResult<()> {
    let status = if ok { write::STATUS_ACTIVE } else { write::STATUS_FAILING };
    let mut entries: Vec<AuditEntry> =
        hosts.iter().map(|host| write::audit(ctx, "connection.used", row, Some(host.clone()))).collect();
    entries.push(write::audit(ctx, "connection.tested", row, None));
    let (workspace, id) = (row.workspace_id, row.id);
    let changed = row.active && row.status != status;
    // Owned: a write's body that holds a borrowed text, even a static one, is not known to be `Send`.
    let status = status.to_owned();
    ctx.db()
        .write(async move |tx| {
            if changed {
                connections::set_status(tx, workspace, id, &status).await?;
            }
            store::audit::record_many(tx, &entries).await
        })
        .await?;
    Ok(())
}

/// Whom the connection is shared with, and which workflows use it.
pub(super) async fn usage(ctx: Ctx) -> ApiResult {
    let id = find(&ctx).await?.id.to_string();
    json(&super::shares::resources(&ctx, Shared { kind: Shareable::Connection, id: &id }).await?)
}

async fn find(ctx: &Ctx) -> ApiResult<Row> {
    find_by(ctx, ctx.id_text()).await
}

async fn find_by(ctx: &Ctx, text: &str) -> ApiResult<Row> {
    let id: Option<ConnectionId> = text.parse().ok();
    let row = match id {
        Some(id) => connections::get(ctx.db(), ctx.workspace(), id).await?,
        None => None,
    };
    row.ok_or_else(|| not_found(text))
}

fn not_found(id: &str) -> ApiError {
    ApiError::new(&code::CONNECTION_NOT_FOUND, "Cannot find Connection")
        .with_details(format!("the workspace has no connection `{}`", super::excerpt(id)))
}
