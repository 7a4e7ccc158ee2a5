//! What the API says of shares.

use serde::{Deserialize, Serialize};
use store::shares;
use utoipa::ToSchema;

/// What is to be shared, or not any more.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::ShareRequest)]
pub(crate) struct ShareInput {
    /// Its id.
    pub entity_id: String,
    /// `connection`, `runner_group`, `workflow` or `portal-app`.
    pub entity_type: String,
    /// With whom.
    pub targets: Vec<TargetInput>,
}

/// Somebody a thing is shared with.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::ShareTarget)]
pub(crate) struct TargetInput {
    /// The id.
    pub id: String,
    /// `workspace`, `user` or `group`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Whom a thing is shared with, and which workflows use it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = v1::SharedResourcesInformation)]
#[allow(missing_docs)]
pub(crate) struct SharedResources {
    pub shared_with: Vec<SharedTarget>,
    pub used_by: Vec<SharedPlaybook>,
}

/// Somebody a thing is shared with.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = v1::SharedTarget)]
#[allow(missing_docs)]
pub(crate) struct SharedTarget {
    pub created_by: String,
    pub display_name: String,
    pub email: String,
    pub name: String,
    pub target_id: String,
    pub target_type: &'static str,
}

impl From<shares::Target> for SharedTarget {
    fn from(target: shares::Target) -> Self {
        Self {
            created_by: target.created_by,
            display_name: target.name.clone(),
            email: target.email,
            name: target.name,
            target_id: target.target_id,
            target_type: target.target_type.as_str(),
        }
    }
}

/// A workflow that uses a thing; each member by both of its names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = v1::SharedPlaybook)]
#[allow(missing_docs)]
pub(crate) struct SharedPlaybook {
    pub automation_id: String,
    pub automation_name: String,
    pub playbook_id: String,
    pub playbook_name: String,
    pub workspace_name: String,
}

impl SharedPlaybook {
    pub(super) fn new(id: String, name: String, workspace_name: String) -> Self {
        Self {
            automation_id: id.clone(),
            automation_name: name.clone(),
            playbook_id: id,
            playbook_name: name,
            workspace_name,
        }
    }
}

/// A workflow or app that others share with the caller.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = v1::ReceivedShare)]
#[allow(missing_docs)]
pub(crate) struct Received {
    pub created_at: i64,
    pub entity_id: String,
    /// `workflow` or `portal-app`.
    pub entity_type: &'static str,
    pub name: String,
    /// The workspace that has it: its addresses lie there.
    pub workspace_id: String,
    pub workspace_name: String,
}

impl From<shares::Received> for Received {
    fn from(row: shares::Received) -> Self {
        Self {
            created_at: row.created_at.as_millis(),
            entity_id: row.entity_id,
            entity_type: row.kind.as_str(),
            name: row.name,
            workspace_id: row.workspace_id.to_string(),
            workspace_name: row.workspace_name,
        }
    }
}
