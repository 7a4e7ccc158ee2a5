//! Groups of runners. A workspace owns them; each workspace has one for the server's embedded runner. The token with
//! which runners register is stored as a hash alone.

use std::collections::HashMap;

use types::{Id, RunnerGroupId, TenantId, Timestamp, WorkspaceId};

use crate::page::{Listing, list as page};
use crate::statement::sql;
use crate::workspaces::Workspace;
use crate::{Defaults, Field, FieldMap, Kind, Page, Query, Read, Row, RowError, StoreError, Tx};

/// The name of the group of the embedded runner.
pub const EMBEDDED: &str = "embedded";
/// The name that imported workflows have for it.
pub const EMBEDDED_ALIAS: &str = "blink_cloud";
/// The unique key that a second group with the same name meets.
pub const NAME_KEY: &str = "runner_groups_workspace_id_name_key";

/// A group, without its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerGroup {
    /// Its id; that of the workspace for the group of the embedded runner.
    pub id: RunnerGroupId,
    /// The tenant of its workspace.
    pub tenant_id: TenantId,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// The name that workflows, steps and connections use, unique in the workspace.
    pub name: String,
    /// Whether steps go there for which nothing names a group.
    pub is_default: bool,
    /// A JSON list of words.
    pub tags: String,
    /// The token's first characters; empty if there is none.
    pub token_hint: String,
    /// Goes up by one whenever the token changes.
    pub token_version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who changed it.
    pub updated_by: String,
}

impl RunnerGroup {
    /// Whether it is the embedded runner's.
    pub fn is_embedded(&self) -> bool {
        self.id == embedded_id(self.workspace_id)
    }
}

/// The id of the group of the embedded runner.
pub fn embedded_id(workspace: WorkspaceId) -> RunnerGroupId {
    Id::from(workspace.as_uuid())
}

/// The name by which the group is stored that is meant by `name`.
pub fn stored_name(name: &str) -> &str {
    if name == EMBEDDED_ALIAS { EMBEDDED } else { name }
}

macro_rules! columns {
    () => {
        "id, tenant_id, workspace_id, name, is_default, tags, token_hint, token_version, created_at, created_by, \
         updated_at, updated_by"
    };
}

sql! {
    TAG_LISTS = "runner_groups.tag_lists":
        "SELECT DISTINCT tags FROM runner_groups WHERE workspace_id = $1 AND tags <> '[]'";
    INSERT = "runner_groups.insert": concat!(
        "INSERT INTO runner_groups (", columns!(), ", token_hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
    );
    GET = "runner_groups.get":
        concat!("SELECT ", columns!(), " FROM runner_groups WHERE workspace_id = $1 AND id = $2");
    GET_BY_NAME = "runner_groups.get_by_name":
        concat!("SELECT ", columns!(), " FROM runner_groups WHERE workspace_id = $1 AND name = $2");
    GET_DEFAULT = "runner_groups.get_default": concat!(
        "SELECT ", columns!(), " FROM runner_groups WHERE workspace_id = $1 AND is_default ORDER BY id LIMIT 1"
    );
    FIND_BY_TOKEN = "runner_groups.find_by_token":
        concat!("SELECT ", columns!(), " FROM runner_groups WHERE token_hash = $1");
    TOKEN_VERSION = "runner_groups.token_version":
        "SELECT token_version FROM runner_groups WHERE workspace_id = $1 AND id = $2";
    NAMES = "runner_groups.names": "SELECT name FROM runner_groups WHERE workspace_id = $1 ORDER BY name";
    UPDATE = "runner_groups.update":
        "UPDATE runner_groups SET name = $3, tags = $4, updated_at = $5, updated_by = $6
         WHERE workspace_id = $1 AND id = $2";
    SET_DEFAULT = "runner_groups.set_default":
        "UPDATE runner_groups SET is_default = (id = $2) WHERE workspace_id = $1";
    SET_TOKEN = "runner_groups.set_token":
        "UPDATE runner_groups
         SET token_hash = $3, token_hint = $4, token_version = token_version + 1, updated_at = $5, updated_by = $6
         WHERE workspace_id = $1 AND id = $2";
    DELETE = "runner_groups.delete": "DELETE FROM runner_groups WHERE workspace_id = $1 AND id = $2";
    USED_BY = "runner_groups.used_by":
        "SELECT DISTINCT w.name, 'workflow' AS kind
         FROM workflow_runner_groups g JOIN workflows w ON w.id = g.workflow_id
         WHERE g.workspace_id = $1 AND g.group_name = $2
         UNION ALL
         SELECT c.name, 'connection' AS kind FROM connections c WHERE c.workspace_id = $1 AND c.runner_group = $2
         ORDER BY 2, 1";
    WORKFLOWS_OF = "runner_groups.workflows_of":
        "SELECT DISTINCT w.id, w.name FROM workflow_runner_groups g JOIN workflows w ON w.id = g.workflow_id
         WHERE g.workspace_id = $1 AND g.group_name = $2 ORDER BY w.name, w.id";
    USAGE_COUNTS = "runner_groups.usage_counts":
        "SELECT group_name, COUNT(*) AS users FROM (
             SELECT DISTINCT group_name, workflow_id AS user_id FROM workflow_runner_groups WHERE workspace_id = $1
             UNION ALL
             SELECT runner_group AS group_name, id AS user_id FROM connections
             WHERE workspace_id = $1 AND runner_group <> ''
         ) AS named GROUP BY group_name";
}

/// The fields of a group that lists know.
pub static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::computed("available_runners"),
        Field::same("created_at", Kind::Time),
        Field::same("created_by", Kind::Text),
        Field::new("display_name", "name", Kind::Text),
        Field::new("full_name", "name", Kind::Text),
        Field::same("id", Kind::Text),
        Field::same("is_default", Kind::Bool),
        Field::computed("is_shared"),
        Field::same("name", Kind::Text),
        Field::computed("number_of_instances"),
        Field::computed("shared_with"),
        Field::new("slug_name", "name", Kind::Text),
        Field::same("tags", Kind::Opaque),
        Field::same("tenant_id", Kind::Text),
        Field::same("token_hint", Kind::Text),
        Field::same("updated_at", Kind::Time),
        Field::same("updated_by", Kind::Text),
        Field::computed("used_by"),
        Field::computed("waiting_steps"),
        Field::same("workspace_id", Kind::Text),
        Field::computed("workspace_name"),
    ],
    defaults: Defaults { sort: &["name"], search: &["name"] },
};

/// Something that names a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedBy {
    /// Its name.
    pub name: String,
    /// `workflow` or `connection`.
    pub kind: String,
}

/// Stores a new group, with its token's hash. Fails with [`NAME_KEY`] if the name is taken.
pub async fn insert(tx: &Tx<'_>, group: &RunnerGroup, token_hash: Option<&str>) -> Result<(), StoreError> {
    let g = group;
    let params = [
        g.id.into(),
        g.tenant_id.into(),
        g.workspace_id.into(),
        (&g.name).into(),
        g.is_default.into(),
        (&g.tags).into(),
        (&g.token_hint).into(),
        g.token_version.into(),
        g.created_at.into(),
        (&g.created_by).into(),
        g.updated_at.into(),
        (&g.updated_by).into(),
        token_hash.into(),
    ];
    tx.execute(&INSERT, &params).await?;
    Ok(())
}

/// Stores the group of the embedded runner of a new workspace.
pub(crate) async fn insert_embedded(tx: &Tx<'_>, workspace: &Workspace) -> Result<(), StoreError> {
    let group = RunnerGroup {
        id: embedded_id(workspace.id),
        tenant_id: workspace.tenant_id,
        workspace_id: workspace.id,
        name: EMBEDDED.to_owned(),
        is_default: true,
        tags: "[]".to_owned(),
        token_hint: String::new(),
        token_version: 0,
        created_at: workspace.created_at,
        created_by: workspace.created_by.clone(),
        updated_at: workspace.updated_at,
        updated_by: workspace.updated_by.clone(),
    };
    insert(tx, &group, None).await
}

/// The group of that id.
pub async fn get(
    read: &impl Read,
    workspace: WorkspaceId,
    id: RunnerGroupId,
) -> Result<Option<RunnerGroup>, StoreError> {
    read.read_one(&GET, &[workspace.into(), id.into()], decode).await
}

/// The group of that name, or of the name that imported workflows have for it.
pub async fn get_by_name(
    read: &impl Read,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Option<RunnerGroup>, StoreError> {
    read.read_one(&GET_BY_NAME, &[workspace.into(), stored_name(name).into()], decode).await
}

/// The group for steps for which nothing names one.
pub async fn get_default(
    read: &impl Read,
    workspace: WorkspaceId,
) -> Result<Option<RunnerGroup>, StoreError> {
    read.read_one(&GET_DEFAULT, &[workspace.into()], decode).await
}

/// The group that the token with that hash opens, in whichever workspace.
pub async fn find_by_token(read: &impl Read, token_hash: &str) -> Result<Option<RunnerGroup>, StoreError> {
    read.read_one(&FIND_BY_TOKEN, &[token_hash.into()], decode).await
}

/// The present version of the group's token; none if the group is gone.
pub async fn token_version(
    read: &impl Read,
    workspace: WorkspaceId,
    id: RunnerGroupId,
) -> Result<Option<i64>, StoreError> {
    read.read_one(&TOKEN_VERSION, &[workspace.into(), id.into()], |row| row.int(0)).await
}

/// The names of the workspace's groups.
pub async fn names(read: &impl Read, workspace: WorkspaceId) -> Result<Vec<String>, StoreError> {
    read.read_all(&NAMES, &[workspace.into()], |row| row.string(0)).await
}

/// The workspace's groups.
pub async fn list(
    read: &impl Read,
    workspace: WorkspaceId,
    query: &Query,
) -> Result<Page<RunnerGroup>, StoreError> {
    let listing = Listing {
        name: "runner_groups.list",
        columns: columns!(),
        from: "runner_groups",
        scope: "workspace_id = $1",
    };
    page(read, &listing, &[workspace.into()], query, decode).await
}

/// Stores a group's name and tags; whether there is such a group. Fails with [`NAME_KEY`] if the name is taken.
pub async fn update(tx: &Tx<'_>, group: &RunnerGroup) -> Result<bool, StoreError> {
    let g = group;
    let params = [
        g.workspace_id.into(),
        g.id.into(),
        (&g.name).into(),
        (&g.tags).into(),
        g.updated_at.into(),
        (&g.updated_by).into(),
    ];
    Ok(tx.execute(&UPDATE, &params).await? == 1)
}

/// Makes the group the workspace's default, in place of the one that was.
pub async fn set_default(tx: &Tx<'_>, workspace: WorkspaceId, id: RunnerGroupId) -> Result<(), StoreError> {
    tx.execute(&SET_DEFAULT, &[workspace.into(), id.into()]).await?;
    Ok(())
}

/// Gives the group another token, or none; whether there is such a group. The former one opens nothing any more.
pub async fn set_token(
    tx: &Tx<'_>,
    group: &RunnerGroup,
    token_hash: Option<&str>,
) -> Result<bool, StoreError> {
    let g = group;
    let params = [
        g.workspace_id.into(),
        g.id.into(),
        token_hash.into(),
        (&g.token_hint).into(),
        g.updated_at.into(),
        (&g.updated_by).into(),
    ];
    Ok(tx.execute(&SET_TOKEN, &params).await? == 1)
}

/// Deletes a group with its runners' rows; whether there was one.
pub async fn delete(tx: &Tx<'_>, workspace: WorkspaceId, id: RunnerGroupId) -> Result<bool, StoreError> {
    Ok(tx.execute(&DELETE, &[workspace.into(), id.into()]).await? == 1)
}

/// The workspace's workflows and connections that name the group.
pub async fn used_by(
    read: &impl Read,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Vec<UsedBy>, StoreError> {
    read.read_all(&USED_BY, &[workspace.into(), name.into()], |row| {
        Ok(UsedBy { name: row.string(0)?, kind: row.string(1)? })
    })
    .await
}

/// The workspace's workflows that name the group: id and name.
pub async fn workflows_of(
    read: &impl Read,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Vec<(String, String)>, StoreError> {
    let params = [workspace.into(), name.into()];
    read.read_all(&WORKFLOWS_OF, &params, |row| Ok((row.string(0)?, row.string(1)?))).await
}

/// How many workflows and connections name each group; one that none names is left out.
pub async fn usage_counts(
    read: &impl Read,
    workspace: WorkspaceId,
) -> Result<HashMap<String, i64>, StoreError> {
    let params = [workspace.into()];
    let counts = read.read_all(&USAGE_COUNTS, &params, |row| Ok((row.string(0)?, row.int(1)?))).await?;
    Ok(counts.into_iter().collect())
}

/// The different lists of tags that the workspace's runner groups have, each a JSON list.
pub async fn tag_lists(read: &impl Read, workspace: WorkspaceId) -> Result<Vec<String>, StoreError> {
    read.read_all(&TAG_LISTS, &[workspace.into()], |row| row.string(0)).await
}

fn decode(row: &Row<'_>) -> Result<RunnerGroup, RowError> {
    Ok(RunnerGroup {
        id: row.id(0)?,
        tenant_id: row.id(1)?,
        workspace_id: row.id(2)?,
        name: row.string(3)?,
        is_default: row.bool(4)?,
        tags: row.string(5)?,
        token_hint: row.string(6)?,
        token_version: row.int(7)?,
        created_at: row.time(8)?,
        created_by: row.string(9)?,
        updated_at: row.time(10)?,
        updated_by: row.string(11)?,
    })
}
