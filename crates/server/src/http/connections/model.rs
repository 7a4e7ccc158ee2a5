//! Connections on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use store::connections::Connection as Row;
use types::{ConnectionId, ConnectionTypeId, TenantId, WorkspaceId};
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult};

// No doc comment where the contract's model has no description: they would become one.
// A connection: attributes with secrets masked, times in milliseconds since the epoch.
#[derive(Serialize, ToSchema)]
#[schema(as = models::Connection)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct Connection<'a> {
    #[schema(value_type = ConnectionAttributes)]
    pub attributes: &'a RawValue,
    #[schema(value_type = String)]
    pub connection_type_id: ConnectionTypeId,
    pub created_at: i64,
    pub created_by: &'a str,
    pub created_with_o_auth: bool,
    pub creation_location: &'a str,
    pub creation_method: &'a str,
    pub description: &'a str,
    pub display_name: &'a str,
    /// ExternalId mapping to external entity identifier associated with this connection (used on revoke/uninstall events e.g.)
    pub external_id: &'a str,
    pub full_name: &'a str,
    #[schema(value_type = String)]
    pub id: ConnectionId,
    /// Connection names are unique per tenant as they are used in playbook YAML
    pub name: &'a str,
    pub secret_manager: &'a str,
    pub status: &'a str,
    #[schema(value_type = String)]
    pub tenant_id: TenantId,
    pub updated_at: i64,
    pub updated_by: &'a str,
    #[schema(value_type = String)]
    pub workspace_id: WorkspaceId,
}

impl<'a> Connection<'a> {
    pub(crate) fn new<T: AsRef<str>>(row: &'a Row<T>) -> ApiResult<Self> {
        Ok(Self {
            attributes: serde_json::from_str(row.attributes.as_ref()).map_err(|_| {
                ApiError::internal(format!("the attributes of connection `{}` are no JSON", row.id))
            })?,
            connection_type_id: row.connection_type_id,
            created_at: row.created_at.as_millis(),
            created_by: row.created_by.as_ref(),
            created_with_o_auth: row.created_with_o_auth,
            creation_location: row.creation_location.as_ref(),
            creation_method: row.creation_method.as_ref(),
            description: row.description.as_ref(),
            display_name: row.display_name.as_ref(),
            external_id: row.external_id.as_ref(),
            full_name: row.full_name.as_ref(),
            id: row.id,
            name: row.name.as_ref(),
            secret_manager: row.secret_manager.as_ref(),
            status: row.status.as_ref(),
            tenant_id: row.tenant_id,
            updated_at: row.updated_at.as_millis(),
            updated_by: row.updated_by.as_ref(),
            workspace_id: row.workspace_id,
        })
    }
}

/// A connection in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = models::ConnectionEnhanced)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct ListedConnection<'a> {
    #[serde(flatten)]
    pub connection: Connection<'a>,
    pub active: bool,
    pub is_shared: bool,
    pub runner_group: &'a str,
    pub secret_manager_name: &'a str,
    pub shared_with: i64,
    pub slug_name: &'a str,
    pub tags: Vec<String>,
    pub type_name: &'a str,
    pub used_by: i64,
    pub workspace_name: &'a str,
}

// Attributes by the names of the type's fields.
#[derive(Serialize, ToSchema)]
#[schema(as = models::ConnectionAttributes)]
pub(crate) struct ConnectionAttributes(#[allow(dead_code)] pub BTreeMap<String, ConnectionAttribute>);

// One attribute.
#[derive(Serialize, ToSchema)]
#[schema(as = models::ConnectionAttribute)]
pub(crate) struct ConnectionAttribute {
    // `********` for a secret one.
    #[schema(value_type = Object)]
    pub value: Value,
}

/// What a caller may say of a connection; everything else is accepted and has no effect.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::ConnectionWriteRequest)]
pub(crate) struct ConnectionInput {
    /// The connection, where it is stored already.
    pub id: Option<String>,
    /// Unique in the tenant.
    pub name: Option<String>,
    /// For people; the name, if absent.
    pub display_name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The type's id, or its name.
    pub connection_type_id: Option<String>,
    /// The type's name.
    pub type_name: Option<String>,
    /// Field -> `{"value": …}`. The mask `********` keeps what is stored.
    #[schema(value_type = Option<Object>)]
    pub attributes: Option<serde_json::Map<String, Value>>,
    /// Whether steps may use it.
    pub active: Option<bool>,
    /// Words to find it by.
    pub tags: Option<Vec<String>>,
    /// Names the entity at the tool.
    pub external_id: Option<String>,
    /// The secret manager of the runners that keeps its secrets; secret attributes are what they are called there. Empty:
    /// they are kept here.
    pub secret_manager: Option<String>,
    /// The runner group whose runners may use it; empty: any.
    pub runner_group: Option<String>,
}

/// The body of a connection test.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::TestConnectionRequest)]
pub(crate) struct TestRequest {
    /// A stored connection by id, or one that is not stored yet.
    pub connection: ConnectionInput,
    /// The runner group that should test it.
    pub runner_group: String,
}
