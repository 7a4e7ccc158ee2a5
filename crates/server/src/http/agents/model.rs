//! Agents on the wire.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::agent_packs::AgentPack as PackRow;
use store::agents::Agent as Row;
use utoipa::ToSchema;

/// A folder of agents.
#[derive(Serialize, ToSchema)]
#[schema(as = models::AgentPack)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct AgentPack {
    pub created_at: i64,
    pub created_by: String,
    pub description: String,
    pub id: String,
    pub name: String,
    pub tenant_id: String,
    pub updated_at: i64,
    pub updated_by: String,
    pub workspace_id: String,
}

impl From<&PackRow> for AgentPack {
    fn from(row: &PackRow) -> Self {
        Self {
            created_at: row.created_at.as_millis(),
            created_by: row.created_by.clone(),
            description: row.description.clone(),
            id: row.id.to_string(),
            name: row.name.clone(),
            tenant_id: row.tenant_id.to_string(),
            updated_at: row.updated_at.as_millis(),
            updated_by: row.updated_by.clone(),
            workspace_id: row.workspace_id.to_string(),
        }
    }
}

/// An agent.
#[derive(Serialize, ToSchema)]
#[schema(as = models::Agent)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct Agent {
    pub created_at: i64,
    pub created_by: String,
    pub description: String,
    /// What is being worked on.
    #[schema(value_type = AgentVersion)]
    pub draft_version: Value,
    pub has_unpublished_changes: bool,
    pub id: String,
    pub is_published: bool,
    pub name: String,
    pub pack_id: String,
    /// What is published; none if nothing is.
    #[schema(value_type = AgentVersion, required = false)]
    pub published_version: Value,
    pub tenant_id: String,
    pub title: String,
    pub updated_at: i64,
    pub updated_by: String,
    pub workspace_id: String,
}

impl From<&Row> for Agent {
    fn from(row: &Row) -> Self {
        let version = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| json!({}));
        Self {
            created_at: row.created_at.as_millis(),
            created_by: row.created_by.clone(),
            description: row.description.clone(),
            draft_version: version(&row.draft),
            has_unpublished_changes: row.published.as_ref().is_some_and(|published| *published != row.draft),
            id: row.id.to_string(),
            is_published: row.published.is_some(),
            name: row.name.clone(),
            pack_id: row.pack_id.to_string(),
            published_version: row.published.as_deref().map_or(Value::Null, version),
            tenant_id: row.tenant_id.to_string(),
            title: row.title.clone(),
            updated_at: row.updated_at.as_millis(),
            updated_by: row.updated_by.clone(),
            workspace_id: row.workspace_id.to_string(),
        }
    }
}

/// A folder that is to be.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::AgentPackRequest)]
pub(crate) struct AgentPackInput {
    /// Its name, unique in the workspace in whatever letter case.
    pub(super) name: Option<String>,
    /// What it is for.
    pub(super) description: Option<String>,
}

/// An agent that is to be.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::CreateAgentRequest)]
pub(crate) struct AgentInput {
    /// The folder that it goes into.
    pub(super) pack_id: String,
    /// Its name; it may follow later.
    pub(super) name: Option<String>,
    /// What it is called beside its name.
    pub(super) title: Option<String>,
    /// What it is for.
    pub(super) description: Option<String>,
}

/// What may change of an agent without a new version; what is absent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::UpdateAgentRequest)]
pub(crate) struct AgentUpdate {
    /// Its name, unique in the workspace in whatever letter case.
    pub(super) name: Option<String>,
    /// What it is called beside its name.
    pub(super) title: Option<String>,
    /// What it is for.
    pub(super) description: Option<String>,
}

/// A version to be saved. It replaces the one before as a whole: what is absent becomes empty, `knowledge` alone stays
/// as it is. `name`, `title` and `description` are accepted and have no effect.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::AgentVersionRequest)]
pub(crate) struct VersionInput {
    /// The agent, as in the address.
    pub(super) id: Option<String>,
    /// What it is, in words.
    pub(super) role: Option<String>,
    /// What it must not do, in words.
    pub(super) constraints: Option<String>,
    /// The workflows that it may run.
    #[schema(value_type = Option<Vec<Object>>)]
    pub(super) abilities: Option<Vec<Map<String, Value>>>,
    /// The files that it knows.
    #[schema(value_type = Option<Vec<Object>>)]
    pub(super) knowledge: Option<Vec<Value>>,
    /// What it may do beside that.
    #[schema(value_type = AgentModes, required = false)]
    pub(super) modes: Option<Map<String, Value>>,
    /// How it looks.
    pub(super) avatar_style: Option<String>,
    /// How it looks.
    pub(super) avatar_color: Option<String>,
    /// How it looks.
    pub(super) avatar_logo: Option<String>,
}

/// What an agent may do beside its abilities; what is absent is false.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = models::AgentModes)]
pub(crate) struct AgentModes {
    /// People may talk to it.
    pub(super) chat_enabled: bool,
    /// It may write workflows of its own.
    pub(super) code_execution_enabled: bool,
}

/// A version of an agent, as it is stored and shown.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = models::AgentVersion)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct AgentVersion {
    pub role: String,
    pub constraints: String,
    #[schema(value_type = Vec<Object>)]
    pub abilities: Vec<Map<String, Value>>,
    #[schema(value_type = Vec<Object>)]
    pub knowledge: Vec<Value>,
    pub modes: AgentModes,
    pub avatar_style: String,
    pub avatar_color: String,
    pub avatar_logo: String,
}
