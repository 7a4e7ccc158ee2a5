//! Runner groups and runners on the wire.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use store::runner_groups::RunnerGroup as GroupRow;
use store::runners::Runner as RunnerRow;
use types::{RunnerGroupId, Timestamp};
use utoipa::ToSchema;

/// A runner group.
#[derive(Serialize, ToSchema)]
#[schema(as = RGroup)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct Group {
    pub created_at: i64,
    pub created_by: String,
    pub display_name: String,
    pub full_name: String,
    pub id: String,
    pub name: String,
    pub tags: Vec<String>,
    pub tenant_id: String,
    pub updated_at: i64,
    pub updated_by: String,
    pub workspace_id: String,
    /// The token with which runners register, shown this once; only in the answer to a creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner_group_api_key: Option<String>,
}

impl From<&GroupRow> for Group {
    fn from(row: &GroupRow) -> Self {
        Self {
            created_at: row.created_at.as_millis(),
            created_by: row.created_by.clone(),
            display_name: row.name.clone(),
            full_name: row.name.clone(),
            id: row.id.to_string(),
            name: row.name.clone(),
            tags: serde_json::from_str(&row.tags).unwrap_or_default(),
            tenant_id: row.tenant_id.to_string(),
            updated_at: row.updated_at.as_millis(),
            updated_by: row.updated_by.clone(),
            workspace_id: row.workspace_id.to_string(),
            runner_group_api_key: None,
        }
    }
}

/// A runner group in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::RunnerGroupResponse)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct ListedGroup {
    #[serde(flatten)]
    pub group: Group,
    /// Runners that are connected.
    pub available_runners: i64,
    /// Steps go there for which nothing names a group.
    pub is_default: bool,
    pub is_shared: bool,
    pub number_of_instances: i64,
    pub shared_with: i64,
    pub slug_name: String,
    /// The first characters of the token; empty if there is none.
    pub token_hint: String,
    /// Workflows and connections that name it.
    pub used_by: i64,
    /// Steps of runs of this server that wait for a runner of the group; of the embedded one, those of all workspaces.
    pub waiting_steps: usize,
    pub workspace_name: String,
}

/// What a caller may say of a group. What an update leaves out stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = api_requests::CreateRunnerGroupRequest)]
pub(crate) struct GroupInput {
    /// Unique in the workspace.
    pub name: Option<String>,
    /// Steps go there for which nothing names a group.
    pub is_default: Option<bool>,
    /// Words to find it by.
    pub tags: Option<Vec<String>>,
}

/// A group's token.
#[derive(Serialize, ToSchema)]
#[schema(as = api_responses::RunnerGroupInformationResponse)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct GroupToken {
    /// The newest version of the runner that this server knows: its own.
    pub latest_runner_version: String,
    /// The token, where it has just been made; else `********`, or nothing if the group has none.
    pub runner_group_api_key: String,
}

/// A runner.
#[derive(Serialize, ToSchema)]
#[schema(as = models::Runner)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct Runner {
    /// Steps that it runs at a time.
    pub capacity: i64,
    pub container_name: String,
    pub created_at: i64,
    pub created_by: String,
    pub group_id: String,
    pub group_name: String,
    pub id: String,
    /// Where it connects from; empty if that is not known.
    pub ip_address: String,
    /// Words that it says of itself.
    pub labels: Vec<String>,
    pub last_seen: i64,
    pub name: String,
    pub started_at: i64,
    /// `Connected` or `Disconnected`.
    pub status: &'static str,
    pub stopped_at: i64,
    pub tenant_id: String,
    pub updated_at: i64,
    pub updated_by: String,
    pub user_name: String,
    pub version: String,
    pub workspace_id: String,
}

impl Runner {
    /// `names` are those of the groups; a connected runner has been seen since `since`.
    pub(super) fn new(row: &RunnerRow, names: &HashMap<RunnerGroupId, String>, since: Timestamp) -> Self {
        let connected = is_connected(row, since);
        // A server that was killed could not write down that the link has ended.
        let stopped_at = row.stopped_at.unwrap_or(row.last_seen).as_millis();
        Self {
            capacity: row.capacity,
            container_name: row.name.clone(),
            created_at: row.created_at.as_millis(),
            created_by: String::new(),
            group_id: row.group_id.to_string(),
            group_name: names.get(&row.group_id).cloned().unwrap_or_default(),
            id: row.id.to_string(),
            ip_address: row.ip_address.clone(),
            labels: serde_json::from_str(&row.labels).unwrap_or_default(),
            last_seen: row.last_seen.as_millis(),
            name: row.name.clone(),
            started_at: row.started_at.as_millis(),
            status: if connected { "Connected" } else { "Disconnected" },
            stopped_at: if connected { 0 } else { stopped_at },
            tenant_id: row.tenant_id.to_string(),
            updated_at: row.last_seen.as_millis(),
            updated_by: String::new(),
            user_name: String::new(),
            version: row.version.clone(),
            workspace_id: row.workspace_id.to_string(),
        }
    }
}

/// Whether the runner is connected and has been seen since `since`.
pub(super) fn is_connected(row: &RunnerRow, since: Timestamp) -> bool {
    row.is_connected && row.last_seen >= since
}
