//! Agents as actions: whatever is published can be called by a step.

use serde_json::{Value, json};
use store::agents::Callable;
use types::AgentId;

use super::model::{CatalogAction, CatalogParameter};
use crate::action_catalog::AGENT_INPUTS;
use crate::ctx::Ctx;
use crate::error::ApiResult;

/// The service of an agent that is called.
const SERVICE: &str = "agents.";

/// What a step writes that calls the agent.
pub(super) fn full_name(id: AgentId) -> String {
    format!("{SERVICE}{id}")
}

/// What people see of it in lists.
pub(super) fn display_name(agent: &Callable) -> String {
    format!("{} | {}", agent.name, agent.title)
}

/// The agent that is called so, as an action; none if it cannot be called.
pub(super) async fn find(ctx: &Ctx, name: &str) -> ApiResult<Option<CatalogAction>> {
    let Some(id) = name.strip_prefix(SERVICE).and_then(|id| id.parse::<AgentId>().ok()) else {
        return Ok(None);
    };
    let callable = store::agents::callable(ctx.db(), ctx.workspace()).await?;
    Ok(callable.iter().find(|agent| agent.id == id).map(action))
}

fn action(agent: &Callable) -> CatalogAction {
    CatalogAction {
        active: true,
        connection_optional: true,
        connection_types: Vec::new(),
        description: agent.description.clone(),
        display_name: display_name(agent),
        example_output: json!({"agent_output": Value::Null}),
        full_name: full_name(agent.id),
        hidden: false,
        parameters: AGENT_INPUTS.iter().map(CatalogParameter::of_agent).collect(),
    }
}
