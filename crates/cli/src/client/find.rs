//! From what a person types, a name or an id, to the id that the API's paths take.

use serde_json::{Value, json};
use types::{ConnectionId, RunnerGroupId, WorkflowId};

use super::{Client, results};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};

/// The id of the connection of that name or id.
pub(crate) async fn find_connection(client: &Client, named: &str) -> Outcome<String> {
    if named.parse::<ConnectionId>().is_ok() {
        return Ok(named.to_owned());
    }
    find_by_name(client, "connections", named)
        .await?
        .ok_or_else(|| not_found("connection", "connections", named))
}

/// The id of the workflow of that name or id.
pub(crate) async fn find_workflow(client: &Client, named: &str) -> Outcome<String> {
    if named.parse::<WorkflowId>().is_ok() {
        return Ok(named.to_owned());
    }
    find_workflow_named(client, named).await?.ok_or_else(|| not_found("workflow", "workflows", named))
}

/// The id of the workflow of that very name, if there is one.
pub(crate) async fn find_workflow_named(client: &Client, name: &str) -> Outcome<Option<String>> {
    find_by_name(client, "playbooks", name).await
}

/// The id of the runner group of that name or id.
pub(crate) async fn find_runner_group(client: &Client, named: &str) -> Outcome<String> {
    if named.parse::<RunnerGroupId>().is_ok() {
        return Ok(named.to_owned());
    }
    find_by_name(client, "runner_groups", named)
        .await?
        .ok_or_else(|| not_found("runner group", "runner-groups", named))
}

async fn find_by_name(client: &Client, resource: &str, name: &str) -> Outcome<Option<String>> {
    let q = json!({"limit": 1, "filter": {"name": {"$eq": name}}, "select": ["id"]});
    let page = client.get(&[resource], &[("q", q.to_string())]).await?;
    Ok(results(&page).first().and_then(|row: &Value| row["id"].as_str()).map(str::to_owned))
}

fn not_found(noun: &str, command: &str, named: &str) -> Failure {
    Failure::new(Exit::NotFound, format!("there is no {noun} named `{named}`"))
        .hint(format!("`nictate {command} list` shows those there are"))
}
