//! What workflows can be made of: actions and triggers, as clients read them.

mod agents;
mod explore;
mod icons;
mod model;
mod subflows;
mod triggers;

use super::answer::{json, page};
use super::excerpt;
use super::extract::{ListQuery, Query};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
pub(crate) use explore::Explored;
pub(crate) use model::{CatalogAction, CatalogTrigger};
pub(crate) use triggers::TriggerCollection;

/// The collection of whose picture an app has that asks for none.
const ICON_DEFAULT: &str = "Blink";

/// Every built-in action, as a bare list.
pub(super) async fn actions(ctx: Ctx) -> ApiResult {
    let type_names = ctx.app().kinds().names(ctx.tenant()).await?;
    let specs = ctx.app().catalog().all().iter();
    let actions: Vec<CatalogAction> = specs.map(|spec| CatalogAction::new(spec, &type_names)).collect();
    json(&actions)
}

/// The picture of a collection of actions, as a `data:` address.
pub(super) fn icon_of(collection: &str) -> String {
    icons::of(collection)
}

/// The display name of the collection that is meant by its name or by its picture; that of the product whose clients
/// ask, if there is none.
pub(super) fn collection_of_icon(ctx: &Ctx, icon: &str) -> String {
    let specs = ctx.app().catalog().all().iter().map(|spec| spec.collection.as_str());
    let mut known = specs.chain(explore::OWN);
    let found = known.find(|name| *name == icon || icons::of(name) == icon);
    found.unwrap_or(ICON_DEFAULT).to_owned()
}

/// Every trigger, as a bare list.
pub(super) async fn triggers(_: Ctx) -> ApiResult {
    json(&triggers::all())
}

/// The categories of triggers, as a page.
pub(super) async fn trigger_collections(ctx: Ctx) -> ApiResult {
    let collections = triggers::collections(&ctx);
    page(&super::all_of(&store::workflows::FIELDS)?, collections.len() as u64, &collections)
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
    let found = match subflows::find(&ctx, name).await? {
        Some(action) => Some(action),
        None => agents::find(&ctx, name).await?,
    };
    let missing =
        || ApiError::new(&code::ACTION_NOT_FOUND, format!("there is no action `{}`", excerpt(name)));
    json(&found.ok_or_else(missing)?)
}
