//! Sharing: what a workspace lends to other workspaces, to users and to groups, and what somebody was lent.

mod model;

use serde_json::json as value;
use store::members::EntityType;
use store::shares::{self, Share, Shareable, Shared, TargetType};
use store::{Read, Tx};
use types::WorkspaceId;

use super::answer::{json, page};
use super::excerpt;
use super::extract::{Body, ListQuery, Query};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
pub(crate) use model::{Received, ShareInput, SharedResources, TargetInput};
use model::{SharedPlaybook, SharedTarget};

/// Targets that one call may name.
const TARGETS_PER_CALL_MAX: usize = 100;
/// Targets that one thing may be shared with.
const TARGETS_MAX: usize = 1_000;

/// Shares a thing of the workspace with targets, all of them or none; one that has it already keeps it.
pub(super) async fn share(ctx: Ctx, Body(input): Body<ShareInput>) -> ApiResult {
    change(ctx, input, Towards::Shared).await
}

/// Ends shares; a target that has none is no error.
pub(super) async fn unshare(ctx: Ctx, Body(input): Body<ShareInput>) -> ApiResult {
    change(ctx, input, Towards::Ended).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Towards {
    Shared,
    Ended,
}

async fn change(ctx: Ctx, input: ShareInput, towards: Towards) -> ApiResult {
    let kind = kind_of(&input.entity_type)?;
    let targets = targets_of(kind, &input.targets)?;
    let (db, app) = (ctx.db().clone(), ctx.app().clone());
    let id = db
        .write(async move |tx| {
            let shared = Shared { kind, id: &input.entity_id };
            // What is shared with whom, and what there is to share, stays as it is until this is done.
            if !store::workspaces::lock(tx, ctx.tenant(), ctx.workspace()).await? {
                return Err(ApiError::new(&code::WORKSPACE_NOT_FOUND, "cannot find the workspace"));
            }
            let name = name_of(&ctx, tx, shared).await?;
            for (target_type, target_id) in &targets {
                if towards == Towards::Shared {
                    check_target(&ctx, tx, *target_type, target_id).await?;
                    check_free(tx, shared, *target_type, target_id, &name).await?;
                    shares::insert(tx, &row(&ctx, shared, *target_type, target_id)).await?;
                } else {
                    shares::delete(tx, ctx.workspace(), shared, (*target_type, target_id)).await?;
                }
            }
            let count = shares::targets(tx, ctx.workspace(), shared).await?.len();
            if count > TARGETS_MAX && towards == Towards::Shared {
                let message =
                    format!("`{name}` would be shared with {count} targets, more than {TARGETS_MAX}");
                return Err(ApiError::new(&code::SHARE_INVALID, message));
            }
            let action = if towards == Towards::Shared { "share.created" } else { "share.ended" };
            let entry = ctx.audit(action, kind.as_str(), shared.id, &name);
            let named: Vec<_> =
                targets.iter().map(|(kind, id)| value!({"type": kind.as_str(), "id": id})).collect();
            let entry = crate::audit::also(entry, value!({"targets": named}));
            store::audit::record(tx, &entry).await?;
            Ok(input.entity_id.clone())
        })
        .await?;
    // A step asks for its runner group by a name that may mean another one now.
    app.driver().forget_runner_groups();
    json(&id)
}

/// With whom a thing of the workspace is shared, and which workflows use it.
pub(super) async fn info(ctx: Ctx) -> ApiResult {
    let shared = Shared { kind: kind_of(ctx.param("entity_type"))?, id: ctx.param("entity_id") };
    json(&resources(&ctx, shared).await?)
}

/// With whom a thing of the caller's workspace is shared, and who uses it.
pub(super) async fn resources(ctx: &Ctx, shared: Shared<'_>) -> ApiResult<SharedResources> {
    let name = name_of(ctx, ctx.db(), shared).await?;
    let targets = shares::targets(ctx.db(), ctx.workspace(), shared).await?;
    let mut used_by = Vec::new();
    for (workspace, workspace_name) in users_of(ctx, &targets) {
        for (id, name) in used_in(ctx, shared.kind, workspace, &name).await? {
            used_by.push(SharedPlaybook::new(id, name, workspace_name.clone()));
        }
    }
    Ok(SharedResources { shared_with: targets.into_iter().map(SharedTarget::from).collect(), used_by })
}

/// The workspaces that may use the thing, its own first.
fn users_of(ctx: &Ctx, targets: &[shares::Target]) -> Vec<(WorkspaceId, String)> {
    let own = (ctx.workspace(), ctx.workspace_name().to_owned());
    let others = targets
        .iter()
        .filter(|target| target.target_type == TargetType::Workspace)
        .filter_map(|target| Some((target.target_id.parse().ok()?, target.name.clone())));
    std::iter::once(own).chain(others).collect()
}

/// The workflows of a workspace that name a connection or a runner group.
async fn used_in(
    ctx: &Ctx,
    kind: Shareable,
    workspace: WorkspaceId,
    name: &str,
) -> ApiResult<Vec<(String, String)>> {
    Ok(match kind {
        Shareable::Connection => {
            let users = store::connections::used_by(ctx.db(), workspace, name).await?;
            users.into_iter().map(|user| (user.workflow_id.to_string(), user.workflow_name)).collect()
        }
        Shareable::RunnerGroup => store::runner_groups::workflows_of(ctx.db(), workspace, name).await?,
        Shareable::Workflow | Shareable::PortalApp => Vec::new(),
    })
}

/// The workflows and apps that others share with the caller.
pub(super) async fn received(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = super::parse_q(list.q.as_deref(), &shares::FIELDS)?;
    let found = shares::received(ctx.db(), ctx.tenant(), ctx.user(), &query).await?;
    page(&query, found.total, &found.rows.into_iter().map(Received::from).collect::<Vec<_>>())
}

/// The name of what is to be shared; it has to be there, and an app for the portal.
async fn name_of(ctx: &Ctx, read: &impl Read, shared: Shared<'_>) -> ApiResult<String> {
    let (workspace, id) = (ctx.workspace(), shared.id);
    let name = match (shared.kind, id.parse::<uuid::Uuid>()) {
        (_, Err(_)) => None,
        (Shareable::Connection, Ok(id)) => {
            store::connections::get(read, workspace, id.into()).await?.map(|row| row.name)
        }
        (Shareable::RunnerGroup, Ok(id)) => {
            store::runner_groups::get(read, workspace, id.into()).await?.map(|row| row.name)
        }
        (Shareable::Workflow, Ok(id)) => {
            store::workflows::get(read, workspace, id.into()).await?.map(|row| row.name)
        }
        (Shareable::PortalApp, Ok(id)) => match store::apps::get(read, workspace, id.into()).await? {
            Some(row) if !row.is_portal => {
                let message = format!("the app `{}` is not for the portal yet", row.display_name);
                return Err(ApiError::new(&code::APP_NOT_PORTAL, message));
            }
            found => found.map(|row| row.display_name),
        },
    };
    name.ok_or_else(|| {
        let message = format!("the workspace has no {} `{}`", shared.kind.as_str(), excerpt(id));
        ApiError::new(&code::SHARED_NOT_FOUND, message)
    })
}

/// Refuses a target that is not there, or a workspace that the caller may not enter: it is not there for them.
async fn check_target(ctx: &Ctx, tx: &Tx<'_>, target_type: TargetType, id: &str) -> ApiResult<()> {
    let is_known = match target_type {
        TargetType::Workspace => {
            let target = id.parse::<WorkspaceId>().ok();
            if target == Some(ctx.workspace()) {
                let message = "a thing is not shared with the workspace that has it";
                return Err(ApiError::new(&code::SHARE_INVALID, message));
            }
            target.is_some_and(|target| ctx.caller().workspaces.contains_key(&target))
        }
        TargetType::User => store::members::is_of_tenant(tx, ctx.tenant(), EntityType::User, id).await?,
        TargetType::Group => store::members::is_of_tenant(tx, ctx.tenant(), EntityType::Group, id).await?,
    };
    if is_known {
        return Ok(());
    }
    let name = format!("{} {}", target_type.as_str(), excerpt(id));
    let message = format!("there is no {name}");
    Err(ApiError::new(&code::ENTITY_NOT_FOUND, message).with_data("entities", vec![name]))
}

/// Refuses a second runner group of the same name in a workspace: a step names it by that.
async fn check_free(
    tx: &Tx<'_>,
    shared: Shared<'_>,
    target_type: TargetType,
    target: &str,
    name: &str,
) -> ApiResult<()> {
    let (Shareable::RunnerGroup, TargetType::Workspace) = (shared.kind, target_type) else { return Ok(()) };
    let Ok(workspace) = target.parse() else { return Ok(()) };
    let own = store::runner_groups::get_by_name(tx, workspace, name).await?;
    let lent = store::shares::runner_group(tx, workspace, name).await?;
    if own.or(lent).is_some_and(|group| group.id.to_string() != shared.id) {
        let message = format!("the other workspace has a runner group `{name}` already");
        return Err(ApiError::new(&code::SHARE_INVALID, message));
    }
    Ok(())
}

fn row(ctx: &Ctx, shared: Shared<'_>, target_type: TargetType, target_id: &str) -> Share {
    Share {
        id: ctx.new_id(),
        tenant_id: ctx.tenant(),
        workspace_id: ctx.workspace(),
        kind: shared.kind,
        entity_id: shared.id.to_owned(),
        target_type,
        target_id: target_id.to_owned(),
        created_at: ctx.now(),
        created_by: ctx.user().to_string(),
    }
}

/// The kind of thing of that name. A workflow is a playbook or an automation to some clients.
fn kind_of(named: &str) -> ApiResult<Shareable> {
    let kind = match named {
        "playbook" | "automation" => Some(Shareable::Workflow),
        "app" => Some(Shareable::PortalApp),
        other => Shareable::from_name(other),
    };
    kind.ok_or_else(|| {
        let known: Vec<&str> = Shareable::ALL.iter().map(|kind| kind.as_str()).collect();
        let message =
            format!("`entity_type` is `{}`; what can be shared is {}", excerpt(named), known.join(", "));
        ApiError::new(&code::SHARE_INVALID, message)
    })
}

/// The targets that the body names. What runs use is lent to workspaces alone: a person has no runs.
fn targets_of(kind: Shareable, targets: &[TargetInput]) -> ApiResult<Vec<(TargetType, String)>> {
    let refused = |message: String| Err(ApiError::new(&code::SHARE_INVALID, message));
    if targets.is_empty() || targets.len() > TARGETS_PER_CALL_MAX {
        let count = targets.len();
        return refused(format!("the body names {count} targets; a call names 1 to {TARGETS_PER_CALL_MAX}"));
    }
    let is_for_runs = matches!(kind, Shareable::Connection | Shareable::RunnerGroup);
    let mut found = Vec::with_capacity(targets.len());
    for target in targets {
        let named = target.kind.as_str();
        match TargetType::from_name(named) {
            Some(TargetType::User | TargetType::Group) if is_for_runs => {
                let kind = kind.as_str();
                return refused(format!("a {kind} is shared with a workspace, not with a {named}"));
            }
            Some(target_type) => found.push((target_type, target.id.clone())),
            None => {
                let shown = excerpt(named);
                return refused(format!(
                    "the `type` of a target is `{shown}`; it can be `workspace`, `user` or `group`"
                ));
            }
        }
    }
    Ok(found)
}
