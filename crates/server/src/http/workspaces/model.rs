//! What the API says of workspaces.

use serde::{Deserialize, Serialize};
use store::members::{Entity, GroupMember};
use store::workspaces::Workspace as Row;
use utoipa::ToSchema;

/// A workspace.
#[derive(Serialize, ToSchema)]
#[schema(as = models::Workspace)]
#[allow(missing_docs)]
pub(crate) struct Workspace<'a> {
    pub created_at: i64,
    pub created_by: &'a str,
    pub description: &'a str,
    /// Its name for people.
    pub display_name: &'a str,
    pub id: String,
    /// Follows from `display_name`.
    pub name: &'a str,
    pub tenant_id: String,
    pub updated_at: i64,
    pub updated_by: &'a str,
}

impl<'a> Workspace<'a> {
    pub(super) fn new(row: &'a Row) -> Self {
        Self {
            created_at: row.created_at.as_millis(),
            created_by: &row.created_by,
            description: &row.description,
            display_name: &row.display_name,
            id: row.id.to_string(),
            name: &row.name,
            tenant_id: row.tenant_id.to_string(),
            updated_at: row.updated_at.as_millis(),
            updated_by: &row.updated_by,
        }
    }
}

/// What a caller may say of a workspace.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::WorkspaceRequest)]
pub(crate) struct WorkspaceInput {
    /// Its name for people, where `display_name` is absent.
    pub name: Option<String>,
    /// Its name for people.
    pub display_name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
}

/// How a workspace is deleted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Deletion {
    /// Cancels runs that have not ended.
    pub force: bool,
}

/// A workspace with everybody who is in it.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::WorkspaceDescription)]
#[allow(missing_docs)]
pub(crate) struct Description<'a> {
    pub description: &'a str,
    pub display_name: &'a str,
    pub enable_overview_page: bool,
    pub entities: Vec<EntityInfo<'a>>,
    pub id: String,
    pub name: &'a str,
    #[serde(rename = "type")]
    pub kind: &'a str,
}

/// A user or group in a workspace.
#[derive(Serialize, ToSchema)]
#[schema(as = models::EntityInfo)]
#[allow(missing_docs)]
pub(crate) struct EntityInfo<'a> {
    pub email: &'a str,
    pub id: &'a str,
    pub is_invite: bool,
    /// Users of a group; 0 of a user.
    pub member_count: i64,
    /// Users of a group.
    pub members: Vec<MemberInfo<'a>>,
    pub name: &'a str,
    /// `user` or `group`.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// `Owner`, `Contributor` or `Viewer`.
    pub workspace_role: &'a str,
}

/// A user of a group.
#[derive(Serialize, ToSchema)]
#[schema(as = models::GroupMemberInfo)]
#[allow(missing_docs)]
pub(crate) struct MemberInfo<'a> {
    pub email: &'a str,
    pub id: String,
    pub name: &'a str,
}

impl<'a> Description<'a> {
    pub(super) fn new(row: &'a Row, entities: &'a [Entity], members: &'a [GroupMember]) -> Self {
        Self {
            description: &row.description,
            display_name: &row.display_name,
            enable_overview_page: false,
            entities: entities.iter().map(|entity| EntityInfo::new(entity, members)).collect(),
            id: row.id.to_string(),
            name: &row.name,
            kind: "shared",
        }
    }
}

impl<'a> EntityInfo<'a> {
    fn new(entity: &'a Entity, members: &'a [GroupMember]) -> Self {
        let of_group = members.iter().filter(|member| member.group_id.to_string() == entity.id);
        Self {
            email: &entity.email,
            id: &entity.id,
            is_invite: false,
            member_count: entity.member_count,
            members: of_group
                .map(|member| MemberInfo {
                    email: &member.email,
                    id: member.id.to_string(),
                    name: &member.name,
                })
                .collect(),
            name: &entity.name,
            kind: entity.entity_type.as_str(),
            workspace_role: entity.role.as_str(),
        }
    }
}

/// Who is to be in a workspace.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::EntityList)]
pub(crate) struct EntitiesInput {
    /// Users and groups.
    pub entities: Vec<EntityInput>,
}

/// A user or group that is to be in a workspace.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::WorkspaceEntity)]
pub(crate) struct EntityInput {
    /// The id.
    pub entity_id: String,
    /// `user` or `group`.
    pub entity_type: String,
    /// `Owner`, `Contributor` or `Viewer`, which it is if it is absent.
    pub role: Option<String>,
}

/// Users who are to be in a workspace, as Viewers.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::UserList)]
pub(crate) struct UsersInput {
    /// Their ids.
    pub users: Vec<String>,
}
