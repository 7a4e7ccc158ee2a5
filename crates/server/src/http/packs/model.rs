//! Packs on the wire.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::automation_packs::AutomationPack as Row;
use utoipa::ToSchema;

/// A pack of workflows. Members that mean nothing here have neutral values: packs are not copied between workspaces.
#[derive(Serialize, ToSchema)]
#[schema(as = models::AutomationPack)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct Pack {
    /// Always empty.
    #[schema(value_type = Vec<Object>)]
    pub actions: Vec<Value>,
    pub created_at: i64,
    pub created_by: String,
    /// Always 0.
    pub deployed_from_other_ws_at: i64,
    /// Always empty.
    pub deployed_from_ws_name: String,
    pub description: String,
    /// The name for people, unique in the workspace.
    pub display_name: String,
    pub full_name: String,
    /// Always false.
    pub has_replica_connection_mapping: bool,
    pub id: String,
    /// Always false.
    pub is_replica_connections_valid: bool,
    /// Always empty.
    pub link_type: String,
    /// What follows from the display name.
    pub name: String,
    /// Always empty.
    pub primary_pack_id: String,
    pub tags: Vec<String>,
    pub tenant_id: String,
    pub updated_at: i64,
    pub updated_by: String,
    pub workspace_id: String,
}

impl From<&Row> for Pack {
    fn from(row: &Row) -> Self {
        Self {
            actions: Vec::new(),
            created_at: row.created_at.as_millis(),
            created_by: row.created_by.clone(),
            deployed_from_other_ws_at: 0,
            deployed_from_ws_name: String::new(),
            description: row.description.clone(),
            display_name: row.display_name.clone(),
            full_name: row.name.clone(),
            has_replica_connection_mapping: false,
            id: row.id.to_string(),
            is_replica_connections_valid: false,
            link_type: String::new(),
            name: row.name.clone(),
            primary_pack_id: String::new(),
            tags: serde_json::from_str(&row.tags).unwrap_or_default(),
            tenant_id: row.tenant_id.to_string(),
            updated_at: row.updated_at.as_millis(),
            updated_by: row.updated_by.clone(),
            workspace_id: row.workspace_id.to_string(),
        }
    }
}

/// A pack that is to be, or what is to change of one; what is absent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = api_requests::AutomationPackPayload)]
pub(crate) struct PackInput {
    /// Its name for people.
    name: Option<String>,
    /// The same; it counts before `name`, for clients that send back a pack that they were shown.
    display_name: Option<String>,
    /// What it is for.
    pub(super) description: Option<String>,
    /// Words to find it by.
    pub(super) tags: Option<Vec<String>>,
}

impl PackInput {
    /// What it is to be called, if anything is said of that.
    pub(super) fn display_name(&self) -> Option<&str> {
        self.display_name.as_deref().or(self.name.as_deref())
    }
}
