//! Workflows as actions: whatever is published, active and `on_demand` can be called by a step of another one.

use serde_json::json;
use store::workflow_versions::{self, Branch};
use store::workflows::{self, Workflow};
use types::WorkflowId;
use workflow::AutomationType;

use super::model::CatalogAction;
use crate::ctx::Ctx;
use crate::error::ApiResult;
use crate::http::workflows::pages;

/// The service of a workflow that is called.
const SERVICE: &str = "automations.";

/// What a step writes that calls the workflow.
pub(super) fn full_name(id: WorkflowId) -> String {
    format!("{SERVICE}{id}")
}

/// The workflows of the workspace that can be called, by name.
pub(super) async fn callable(ctx: &Ctx) -> ApiResult<Vec<Workflow>> {
    let on_demand = AutomationType::OnDemand.as_str();
    let filter = json!({"active": true, "is_published": true, "automation_type": on_demand});
    Ok(pages(ctx, filter).await?.concat())
}

/// The workflow that is called so, as an action with the inputs of its published version; none if it cannot be called.
pub(super) async fn find(ctx: &Ctx, full_name: &str) -> ApiResult<Option<CatalogAction>> {
    let Some(id) = full_name.strip_prefix(SERVICE).and_then(|id| id.parse::<WorkflowId>().ok()) else {
        return Ok(None);
    };
    let row = workflows::get(ctx.db(), ctx.workspace(), id).await?;
    let callable = |row: &Workflow| {
        row.active
            && row.published_version.is_some()
            && row.automation_type == AutomationType::OnDemand.as_str()
    };
    let Some(row) = row.filter(callable) else { return Ok(None) };
    let published = workflow_versions::latest(ctx.db(), ctx.workspace(), id, Branch::Public).await?;
    let document = published.and_then(|published| workflow::parse(&published.text).document);
    Ok(document.map(|document| CatalogAction::of_workflow(&row, &document)))
}
