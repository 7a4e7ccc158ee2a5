//! Apps on the wire.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::app_resources::AppResource as ResourceRow;
use store::apps::AppRow;
use utoipa::ToSchema;

use crate::http::catalog::icon_of;

/// An app, which people call a dashboard.
#[derive(Serialize, ToSchema)]
#[schema(as = models::App)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct AppView {
    pub categories: Vec<String>,
    pub created_at: i64,
    pub created_by: String,
    pub description: String,
    pub display_name: String,
    /// A picture as a `data:` address.
    pub icon: String,
    pub id: String,
    pub is_portal: bool,
    /// What follows from the display name.
    pub name: String,
    pub tenant_id: String,
    pub updated_at: i64,
    pub updated_by: String,
    pub workspace_id: String,
}

impl From<&AppRow> for AppView {
    fn from(row: &AppRow) -> Self {
        Self {
            categories: serde_json::from_str(&row.categories).unwrap_or_default(),
            created_at: row.created_at.as_millis(),
            created_by: row.created_by.clone(),
            description: row.description.clone(),
            display_name: row.display_name.clone(),
            icon: icon_of(&row.icon),
            id: row.id.to_string(),
            is_portal: row.is_portal,
            name: row.name.clone(),
            tenant_id: row.tenant_id.to_string(),
            updated_at: row.updated_at.as_millis(),
            updated_by: row.updated_by.clone(),
            workspace_id: row.workspace_id.to_string(),
        }
    }
}

/// An app with what it shows.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::AppWithResources)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct AppWithResources {
    pub app: AppView,
    pub resources: Vec<Resource>,
}

/// Something that an app shows.
#[derive(Serialize, ToSchema)]
#[schema(as = models::AppResource)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct Resource {
    pub app_id: String,
    #[schema(value_type = Object)]
    pub attributes: Value,
    pub created_at: i64,
    pub created_by: String,
    #[schema(value_type = Object)]
    pub display_config: Value,
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub updated_at: i64,
    pub updated_by: String,
}

impl From<&ResourceRow> for Resource {
    fn from(row: &ResourceRow) -> Self {
        let object = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| json!({}));
        Self {
            app_id: row.app_id.to_string(),
            attributes: object(&row.attributes),
            created_at: row.created_at.as_millis(),
            created_by: row.created_by.clone(),
            display_config: object(&row.display_config),
            id: row.id.to_string(),
            kind: row.kind.clone(),
            updated_at: row.updated_at.as_millis(),
            updated_by: row.updated_by.clone(),
        }
    }
}

/// An app that is to be, or what one is to become: absent members become empty.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::AppRequest)]
pub(crate) struct AppInput {
    /// Its name for people, unique in the workspace.
    pub(super) display_name: Option<String>,
    /// What it is for.
    pub(super) description: Option<String>,
    /// The display name of a collection of actions, whose picture it gets; `Blink` if there is no such collection.
    pub(super) icon: Option<String>,
    /// Words to find it by.
    pub(super) categories: Option<Vec<String>>,
    /// What it shows from the beginning. Only when it is made.
    pub(super) resources: Option<Vec<ResourceInput>>,
}

/// Something that an app is to show.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::AppResourceRequest)]
pub(crate) struct ResourceInput {
    /// Its id, as in the address; needed to change a filter.
    pub(super) id: Option<String>,
    /// `table`, `table_data`, `filter`, `textbox`, `flow` or `html`; it never changes.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// What it shows; kept as it is sent, with what the server fills in.
    #[schema(value_type = Object)]
    pub(super) attributes: Map<String, Value>,
    /// `{width, height, position: {x, y}}` on 12 columns; positions count from 1.
    #[schema(value_type = Option<Object>)]
    pub(super) display_config: Option<Map<String, Value>>,
}

/// Whether an app is for the portal.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = v1::AppIsPortalRequest)]
pub(crate) struct IsPortalInput {
    /// Whether it may be shared with people who are no members of the workspace.
    pub(super) is_portal_app: bool,
}
