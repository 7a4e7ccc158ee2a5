//! People on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use store::groups::Group as GroupRow;
use store::invites::Invite as InviteRow;
use store::tenant_entities::Entity as EntityRow;
use store::user_settings::UserSetting as SettingRow;
use store::users::{User as UserRow, UserStatus};
use types::Timestamp;
use utoipa::ToSchema;

/// A user as others see them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = models::User)]
#[allow(missing_docs)]
pub(crate) struct User {
    pub created_at: i64,
    /// What a service account is for.
    pub description: String,
    pub email: String,
    pub id: String,
    /// `person` or `service`.
    pub kind: String,
    pub name: String,
    pub status: String,
    pub tenant_id: String,
    pub tenant_role: String,
    pub updated_at: i64,
}

impl From<&UserRow> for User {
    fn from(row: &UserRow) -> Self {
        Self {
            created_at: row.created_at.as_millis(),
            description: row.description.clone(),
            email: row.email.clone(),
            id: row.id.to_string(),
            kind: row.kind.as_str().to_owned(),
            name: row.name.clone(),
            status: row.status.as_str().to_owned(),
            tenant_id: row.tenant_id.to_string(),
            tenant_role: row.tenant_role.as_str().to_owned(),
            updated_at: row.updated_at.as_millis(),
        }
    }
}

/// The caller.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = user_details::Details)]
#[allow(missing_docs)]
pub(crate) struct Details {
    pub auth_id: String,
    pub default_workspace: String,
    pub email: String,
    pub inner_id: String,
    pub name: String,
    pub permissions: Vec<String>,
    pub selected_workspace: String,
    pub status: String,
    pub tenant_id: String,
    pub tenant_role: String,
    /// The role in the selected workspace.
    pub user_role: String,
    pub workspaces: WorkspaceInfoMap,
}

/// Workspaces by id.
pub(crate) type WorkspaceInfoMap = BTreeMap<String, WorkspaceInfo>;

/// A workspace as its member sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = models::WorkspaceInfo)]
#[allow(missing_docs)]
pub(crate) struct WorkspaceInfo {
    pub description: String,
    pub display_name: String,
    pub id: String,
    pub name: String,
    /// The caller's role.
    pub role: String,
    /// How many members it has.
    pub user_count: i64,
}

/// Which workspace is selected.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::SelectedWorkspace)]
pub(crate) struct SelectedWorkspace {
    /// Its id.
    pub workspace_id: Option<String>,
}

/// A group of users.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = models::Group)]
#[allow(missing_docs)]
pub(crate) struct Group {
    pub created_at: i64,
    pub created_by: String,
    pub description: String,
    pub id: String,
    pub managed: bool,
    pub name: String,
    pub tenant_id: String,
    pub updated_at: i64,
    pub updated_by: String,
}

impl From<&GroupRow> for Group {
    fn from(row: &GroupRow) -> Self {
        Self {
            created_at: row.created_at.as_millis(),
            created_by: row.created_by.clone(),
            description: row.description.clone(),
            id: row.id.to_string(),
            managed: row.managed,
            name: row.name.clone(),
            tenant_id: row.tenant_id.to_string(),
            updated_at: row.updated_at.as_millis(),
            updated_by: row.updated_by.clone(),
        }
    }
}

/// What somebody writes of a group.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct GroupInput {
    pub description: Option<String>,
    pub managed: Option<bool>,
    pub name: Option<String>,
}

/// Ids in a list.
#[derive(Debug, ToSchema)]
#[schema(as = v1::Ids)]
#[allow(dead_code)]
pub(crate) struct Ids(Vec<String>);

/// Somebody who is asked to join.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::invitation)]
pub(crate) struct Invitation {
    /// Their address.
    pub email: String,
    /// As what; Consumer if it is absent.
    pub role: Option<String>,
    /// The same as a list of one.
    pub roles: Vec<String>,
}

/// Several of them.
#[derive(Debug, ToSchema)]
#[schema(as = v1::Invitations)]
#[allow(dead_code)]
pub(crate) struct Invitations(Vec<Invitation>);

/// What was made of an invitation: the link, which is shown this once.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = v1::InvitationLink)]
#[allow(missing_docs)]
pub(crate) struct InvitationLink {
    pub email: String,
    pub id: String,
    pub link: String,
}

/// Who accepts an invitation.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::InvitationAnswer)]
pub(crate) struct InvitationAnswer {
    /// Their name; the address if it is absent.
    pub name: Option<String>,
    /// What they want to sign in with.
    pub password: Option<String>,
}

/// An invitation, without its link.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = models::Invite)]
#[allow(missing_docs)]
pub(crate) struct Invite {
    pub created_at: i64,
    pub created_by: String,
    pub email_address: String,
    pub expires_at: i64,
    pub id: String,
    pub role: String,
    /// `Invited` or `Invitation Expired`.
    pub status: String,
    pub tenant_id: String,
    pub updated_at: i64,
    pub updated_by: String,
}

impl Invite {
    /// The invitation as it stands at `now`.
    pub(crate) fn new(row: &InviteRow, now: Timestamp) -> Self {
        let status = if now < row.expires_at { UserStatus::Invited } else { UserStatus::InvitationExpired };
        Self {
            created_at: row.created_at.as_millis(),
            created_by: row.created_by.clone(),
            email_address: row.email.clone(),
            expires_at: row.expires_at.as_millis(),
            id: row.id.to_string(),
            role: row.tenant_role.as_str().to_owned(),
            status: status.as_str().to_owned(),
            tenant_id: row.tenant_id.to_string(),
            updated_at: row.updated_at.as_millis(),
            updated_by: row.updated_by.clone(),
        }
    }
}

/// A new service account.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::ServiceAccountRequest)]
pub(crate) struct ServiceAccountInput {
    /// For people.
    pub name: Option<String>,
    /// What it is for.
    pub description: String,
    /// What it may do in the tenant; Consumer if it is absent.
    pub tenant_role: Option<String>,
}

/// A text that a user keeps.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = models::UserSettings)]
#[allow(missing_docs)]
pub(crate) struct UserSetting {
    pub created_at: i64,
    pub created_by: String,
    pub id: String,
    pub name: String,
    pub updated_at: i64,
    pub updated_by: String,
    pub user_id: String,
    pub value: String,
}

impl From<&SettingRow> for UserSetting {
    fn from(row: &SettingRow) -> Self {
        Self {
            created_at: row.created_at.as_millis(),
            created_by: row.created_by.clone(),
            id: row.id.to_string(),
            name: row.name.clone(),
            updated_at: row.updated_at.as_millis(),
            updated_by: row.updated_by.clone(),
            user_id: row.user_id.to_string(),
            value: row.value.clone(),
        }
    }
}

/// A text to keep.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::UserSettingRequest)]
pub(crate) struct UserSettingInput {
    /// Its name.
    pub name: Option<String>,
    /// The text.
    pub value: Option<String>,
}

/// The tenant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = models::Tenant)]
#[allow(missing_docs)]
pub(crate) struct Tenant {
    pub active: bool,
    pub created_at: i64,
    pub created_by: String,
    pub id: String,
    pub name: String,
    pub settings: TenantSettings,
    pub updated_at: i64,
    pub updated_by: String,
}

/// What a tenant decides for all of its workspaces.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
#[schema(as = models::TenantSettings)]
pub(crate) struct TenantSettings {
    /// Everything but signing in.
    pub general: GeneralSettings,
}

/// What a tenant decides besides signing in. What is absent was not decided.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
#[schema(as = models::GeneralSettings)]
pub(crate) struct GeneralSettings {
    /// Kept for clients, and without effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_cloud_runner: Option<bool>,
    /// For how many days runs are kept after their end, unless the configuration keeps them shorter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_period: Option<i64>,
}

/// A change of the tenant's settings: what is absent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::TenantSettingsRequest)]
pub(crate) struct TenantSettingsInput {
    /// Not there yet: anything but an empty object is refused.
    #[schema(value_type = Object)]
    pub authentication: Option<serde_json::Map<String, serde_json::Value>>,
    /// Everything but signing in.
    pub general: GeneralSettings,
}

/// A user or a group.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = models::TenantEntity)]
#[allow(missing_docs)]
pub(crate) struct Entity {
    pub email: String,
    pub entity_id: String,
    pub entity_type: String,
    pub name: String,
}

impl From<EntityRow> for Entity {
    fn from(row: EntityRow) -> Self {
        let EntityRow { entity_type, entity_id, name, email } = row;
        Self { email, entity_id, entity_type, name }
    }
}
