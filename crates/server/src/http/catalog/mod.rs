//! What workflows can be made of: actions and triggers, as clients read them.

mod explore;
mod icons;
mod model;
mod subflows;
mod triggers;

use super::answer::json;
use super::excerpt;
use super::extract::{ListQuery, Query};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
pub(crate) use explore::Explored;
pub(crate) use model::{CatalogAction, CatalogTrigger};

/// Every built-in action, as a bare list.
pub(super) async fn actions(ctx: Ctx) -> ApiResult {
    let type_names = ctx.app().kinds().names(ctx.tenant()).await?;
    let specs = ctx.app().catalog().all().iter();
    let actions: Vec<CatalogAction> = specs.map(|spec| CatalogAction::new(spec, &type_names)).collect();
    json(&actions)
}

/// Every trigger, as a bare list.
pub(super) async fn triggers(_: Ctx) -> ApiResult {
    json(&triggers::all())
}

/// The actions of the workspace, its own workflows among them, in collections.
pub(super) async fn explore(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let question = explore::Question::parse(list.q.as_deref())?;
    json(&explore::collections(&ctx, &question).await?)
}

/// One action by its full name, also one that lists do not offer.
pub(super) async fn action(ctx: Ctx) -> ApiResult {
    let name = ctx.id_text();
    if let Some(spec) = ctx.app().catalog().get(name) {
        let type_names = ctx.app().kinds().names(ctx.tenant()).await?;
        return json(&CatalogAction::new(spec, &type_names));
    }
    match subflows::find(&ctx, name).await? {
        Some(action) => json(&action),
        None => {
            Err(ApiError::new(&code::ACTION_NOT_FOUND, format!("there is no action `{}`", excerpt(name))))
        }
    }
}
