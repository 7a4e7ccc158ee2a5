//! Changing a run by hand: it can be given a name of its own. Everything else is what happened.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{find, not_found, shown};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::json;
use crate::http::excerpt;
use crate::http::extract::Body;
use crate::http::names::check_name;

/// What a run is to be called. Clients send the whole run back: what else stands there must be as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = types::UpdateExecutionRequest)]
#[serde(default)]
pub(crate) struct UpdateInput {
    /// A name of its own; the workflow's name takes it away.
    name: Option<String>,
    #[serde(flatten)]
    #[schema(ignore)]
    rest: BTreeMap<String, Value>,
}

/// What goes on changing by itself: a client's copy may be old.
const MOVING: [&str; 5] = ["duration", "net_runtime_ms", "step_results", "updated_at", "updated_by"];
/// Members that requests have under other names than answers.
const ALIASES: [(&str, &str); 4] = [
    ("automation", "playbook"),
    ("automation_id", "playbook_id"),
    ("input_values", "inputs"),
    ("last_automation_name", "last_playbook_name"),
];

/// Gives a run a name of its own.
pub(in crate::http) async fn update(ctx: Ctx, Body(input): Body<UpdateInput>) -> ApiResult {
    let full = find(&ctx).await?;
    let (id, workspace) = (full.execution.id, full.execution.workspace_id);
    let workflow_name = full.execution.workflow_name.clone();
    let (view, _) = shown(&ctx, full).await?;
    refuse_changes(&input.rest, &serde_json::to_value(&view).map_err(ApiError::internal)?)?;
    let given = input.name.filter(|name| !name.is_empty());
    let Some(name) = given.filter(|name| *name != view.execution.name) else { return json(&view) };
    let name = check_name("execution", Some(&name))?;
    let audit = ctx.audit("execution.renamed", "execution", &id.to_string(), &name);
    let own = if name == workflow_name { String::new() } else { name };
    let (by, now) = (ctx.user().to_string(), ctx.now());
    ctx.db()
        .write(async move |tx| {
            store::executions::rename(tx, workspace, id, &own, &by, now).await?;
            store::audit::record(tx, &audit).await
        })
        .await?;
    let full = store::executions::get(ctx.db(), workspace, id).await?;
    json(&shown(&ctx, full.ok_or_else(|| not_found(&ctx))?).await?.0)
}

/// Refuses members that differ from what the run has. An empty one says nothing: some clients send every member.
fn refuse_changes(given: &BTreeMap<String, Value>, run: &Value) -> ApiResult<()> {
    for (member, value) in given {
        let alias = ALIASES.iter().find(|(other, _)| other == member);
        let Some(known) = run.get(alias.map_or(member.as_str(), |(_, name)| name)) else {
            let message = format!("a run has no member `{}`", excerpt(member));
            return Err(ApiError::new(&code::BODY_INVALID, message));
        };
        if is_empty(value) || value == known || MOVING.contains(&member.as_str()) {
            continue;
        }
        let (value, known) = (excerpt(&value.to_string()), excerpt(&known.to_string()));
        let message = format!(
            "`{member}` of a run cannot be changed: it is `{known}`, not `{value}`; only its `name` can"
        );
        return Err(ApiError::new(&code::EXECUTION_IMMUTABLE, message).with_data("member", member.as_str()));
    }
    Ok(())
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}
