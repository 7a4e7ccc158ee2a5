//! Runner groups: what may be done with them. A group that something names is not deleted, and keeps its name.

use serde::Deserialize;
use serde_json::json;
use store::audit::AuditEntry;
use store::runner_groups::{self, EMBEDDED_ALIAS, NAME_KEY, RunnerGroup as Row};
use store::shares::Shareable;
use store::{StoreError, Tx};
use types::{RunnerGroupId, SystemRng};

use super::model::{Group, GroupInput, GroupToken, ListedGroup};
use super::seen_since;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::{json as answer, page};
use crate::http::excerpt;
use crate::http::extract::{Body, ListQuery, Query};
use crate::http::hint_of;
use crate::http::names::{check_name, check_tags};

/// Groups that one workspace may have.
const GROUPS_MAX: usize = 100;

/// The groups of the workspace.
pub(in crate::http) async fn list(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = crate::http::parse_q(list.q.as_deref(), &runner_groups::FIELDS)?;
    let found = runner_groups::list(ctx.db(), ctx.workspace(), &query).await?;
    let usage = runner_groups::usage_counts(ctx.db(), ctx.workspace()).await?;
    let counts = store::runners::counts(ctx.db(), ctx.workspace(), seen_since(&ctx)).await?;
    let shares = store::shares::counts(ctx.db(), ctx.workspace(), Shareable::RunnerGroup).await?;
    let links = ctx.app().driver().links();
    let rows = found.rows.iter().map(|row| {
        // Each server has one embedded runner; this one answers for its own.
        let connected = if row.is_embedded() { 1 } else { counts.get(&row.id).copied().unwrap_or(0) };
        let shared_with = shares.get(&row.id.to_string()).copied().unwrap_or(0);
        ListedGroup {
            group: Group::from(row),
            available_runners: connected,
            is_default: row.is_default,
            is_shared: shared_with > 0,
            number_of_instances: connected,
            shared_with,
            slug_name: row.name.clone(),
            token_hint: row.token_hint.clone(),
            used_by: usage.get(&row.name).copied().unwrap_or(0),
            waiting_steps: links.waiting((!row.is_embedded()).then_some(row.id)),
            workspace_name: ctx.workspace_name().to_owned(),
        }
    });
    page(&query, found.total, &rows.collect::<Vec<_>>())
}

/// A new group with its token, which is shown this once.
pub(in crate::http) async fn create(ctx: Ctx, Body(input): Body<GroupInput>) -> ApiResult {
    let name = group_name(input.name.as_deref())?;
    check_tags(input.tags.as_deref())?;
    let token = secrets::generate_api_key(&mut SystemRng);
    let (now, user) = (ctx.now(), ctx.user().to_string());
    let row = Row {
        id: ctx.new_id(),
        tenant_id: ctx.tenant(),
        workspace_id: ctx.workspace(),
        name,
        is_default: false,
        tags: json!(input.tags.unwrap_or_default()).to_string(),
        token_hint: hint_of(token.expose()),
        token_version: 1,
        created_at: now,
        created_by: user.clone(),
        updated_at: now,
        updated_by: user,
    };
    let hash = ctx.app().identity().hash(token.expose());
    let mut made = Group::from(&row);
    made.runner_group_api_key = Some(token.expose().clone());
    let audit = crate::audit::made(audit(&ctx, "runner_group.created", &row), &Group::from(&row));
    let (makes_default, name) = (input.is_default == Some(true), row.name.clone());
    let written = ctx.db().write(async move |tx| {
        if runner_groups::names(tx, row.workspace_id).await?.len() >= GROUPS_MAX {
            let message = format!("a workspace may have {GROUPS_MAX} runner groups; delete one first");
            return Err(Refused::Api(ApiError::new(&code::RUNNER_GROUP_LIMIT, message)));
        }
        runner_groups::insert(tx, &row, Some(&hash)).await?;
        if makes_default {
            runner_groups::set_default(tx, row.workspace_id, row.id).await?;
        }
        store::audit::record(tx, &audit).await?;
        Ok(())
    });
    written.await.map_err(|refused| refused.told(&name))?;
    ctx.app().driver().forget_runner_groups();
    answer(&made)
}

/// What the contract shows of one group: whether it has a token.
pub(in crate::http) async fn get(ctx: Ctx) -> ApiResult {
    answer(&information(&find(&ctx).await?))
}

/// The same for a group named in the path.
pub(in crate::http) async fn get_named(ctx: Ctx) -> ApiResult {
    answer(&information(&find_named(&ctx, ctx.param("name")).await?))
}

/// Changes a group's name, tags, and whether it is the default one.
pub(in crate::http) async fn update(ctx: Ctx, Body(input): Body<GroupInput>) -> ApiResult {
    let before = find(&ctx).await?;
    check_tags(input.tags.as_deref())?;
    let mut row = before.clone();
    if input.name.is_some() {
        row.name = group_name(input.name.as_deref())?;
    }
    if let Some(tags) = &input.tags {
        row.tags = json!(tags).to_string();
    }
    (row.updated_at, row.updated_by) = (ctx.now(), ctx.user().to_string());
    let renamed = row.name != before.name;
    if renamed && before.is_embedded() {
        return Err(embedded("has a name that does not change"));
    }
    if input.is_default == Some(false) && before.is_default {
        let message = "a workspace needs a default runner group: make another one the default instead";
        return Err(ApiError::new(&code::RUNNER_GROUP_IS_DEFAULT, message));
    }
    let audit = audit(&ctx, "runner_group.updated", &row);
    let audit = crate::audit::changed(audit, &Group::from(&before), &Group::from(&row));
    let (stored, makes_default) = (row.clone(), input.is_default == Some(true));
    let written = ctx.db().write(async move |tx| {
        if renamed {
            refuse_if_used(tx, &before, "renamed").await?;
        }
        runner_groups::update(tx, &row).await?;
        if makes_default {
            runner_groups::set_default(tx, row.workspace_id, row.id).await?;
        }
        store::audit::record(tx, &audit).await?;
        Ok(())
    });
    written.await.map_err(|refused: Refused| refused.told(&stored.name))?;
    ctx.app().driver().forget_runner_groups();
    answer(&Group::from(&stored))
}

/// Which group becomes the default one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::http) struct DefaultQuery {
    name: String,
}

/// Makes a group the one for steps for which nothing names a group.
pub(in crate::http) async fn set_default(ctx: Ctx, Query(query): Query<DefaultQuery>) -> ApiResult {
    let row = find_named(&ctx, &query.name).await?;
    let (workspace, id) = (row.workspace_id, row.id);
    let audit = audit(&ctx, "runner_group.made_default", &row);
    ctx.db()
        .write(async move |tx| {
            runner_groups::set_default(tx, workspace, id).await?;
            store::audit::record(tx, &audit).await
        })
        .await?;
    ctx.app().driver().forget_runner_groups();
    answer(&Group::from(&row))
}

/// Deletes a group that nothing names; its runners are cut off at once.
pub(in crate::http) async fn delete(ctx: Ctx) -> ApiResult {
    let row = find(&ctx).await?;
    remove(ctx, row).await
}

/// The same for a group named in the path.
pub(in crate::http) async fn delete_named(ctx: Ctx) -> ApiResult {
    let row = find_named(&ctx, ctx.param("name")).await?;
    remove(ctx, row).await
}

async fn remove(ctx: Ctx, row: Row) -> ApiResult {
    if row.is_embedded() {
        return Err(embedded("cannot be deleted: the server has its runner"));
    }
    let id = row.id;
    let audit = crate::audit::gone(audit(&ctx, "runner_group.deleted", &row), &Group::from(&row));
    let name = row.name.clone();
    let written = ctx.db().write(async move |tx| {
        // As it is now: it may have become the default one since.
        if runner_groups::get(tx, row.workspace_id, row.id).await?.is_some_and(|row| row.is_default) {
            let message = format!(
                "runner group `{}` is the workspace's default: make another one the default first",
                row.name
            );
            return Err(Refused::Api(ApiError::new(&code::RUNNER_GROUP_IS_DEFAULT, message)));
        }
        refuse_if_used(tx, &row, "deleted").await?;
        runner_groups::delete(tx, row.workspace_id, row.id).await?;
        store::audit::record(tx, &audit).await?;
        Ok(())
    });
    written.await.map_err(|refused: Refused| refused.told(&name))?;
    ctx.app().driver().forget_runner_groups();
    ctx.app().driver().links().cut_off(id);
    answer(&id)
}

/// Why a change was not made.
pub(super) enum Refused {
    Api(ApiError),
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Refused {
    /// A second group of the same name is the caller's to fix.
    fn told(self, name: &str) -> ApiError {
        match self {
            Self::Api(error) => error,
            Self::Store(StoreError::Duplicate { key }) if key == NAME_KEY => {
                let message =
                    format!("a runner group `{name}` exists already; names are unique in the workspace");
                ApiError::new(&code::RUNNER_GROUP_NAME_TAKEN, message)
            }
            Self::Store(error) => error.into(),
        }
    }
}

async fn refuse_if_used(tx: &Tx<'_>, row: &Row, what: &str) -> Result<(), Refused> {
    let users = runner_groups::used_by(tx, row.workspace_id, &row.name).await?;
    if users.is_empty() {
        return Ok(());
    }
    let of = |kind: &str| -> Vec<String> {
        users.iter().filter(|user| user.kind == kind).map(|user| user.name.clone()).collect()
    };
    let (workflows, connections) = (of("workflow"), of("connection"));
    let listed: Vec<&str> = users.iter().map(|user| user.name.as_str()).collect();
    let message =
        format!("runner group `{}` cannot be {what}: it is used by {}", row.name, listed.join(", "));
    let error = ApiError::new(&code::RUNNER_GROUP_IN_USE, message)
        .with_data("workflows", workflows)
        .with_data("connections", connections);
    Err(Refused::Api(error))
}

pub(super) fn embedded(what: &str) -> ApiError {
    ApiError::new(&code::RUNNER_GROUP_EMBEDDED, format!("the runner group of the embedded runner {what}"))
}

fn group_name(name: Option<&str>) -> ApiResult<String> {
    let name = check_name("runner group", name)?;
    if name == EMBEDDED_ALIAS || name.contains("{{") {
        let message = format!("`{}` cannot be the name of a runner group", excerpt(&name));
        return Err(ApiError::new(&code::NAME_INVALID, message));
    }
    Ok(name)
}

fn information(row: &Row) -> GroupToken {
    let shown = if row.token_hint.is_empty() { "" } else { types::limits::SECRET_MASK };
    GroupToken {
        latest_runner_version: env!("CARGO_PKG_VERSION").to_owned(),
        runner_group_api_key: shown.to_owned(),
    }
}

pub(super) fn audit(ctx: &Ctx, action: &str, row: &Row) -> AuditEntry {
    ctx.audit(action, "runner_group", &row.id.to_string(), &row.name)
}

pub(super) async fn find(ctx: &Ctx) -> ApiResult<Row> {
    let id: RunnerGroupId = ctx.id(&code::RUNNER_GROUP_NOT_FOUND)?;
    let row = runner_groups::get(ctx.db(), ctx.workspace(), id).await?;
    row.ok_or_else(|| not_found(ctx.id_text()))
}

async fn find_named(ctx: &Ctx, name: &str) -> ApiResult<Row> {
    let row = runner_groups::get_by_name(ctx.db(), ctx.workspace(), name).await?;
    row.ok_or_else(|| not_found(name))
}

fn not_found(named: &str) -> ApiError {
    let message = format!("the workspace has no runner group `{}`", excerpt(named));
    ApiError::new(&code::RUNNER_GROUP_NOT_FOUND, message)
}
