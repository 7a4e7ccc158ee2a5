//! Workflows: their rows. Their texts are in `workflow_versions` and `documents`.

use types::{PackId, TenantId, Timestamp, WorkflowId, WorkspaceId};

use crate::page::{Listing, list as page};
use crate::statement::sql;
use crate::{Defaults, Field, FieldMap, Kind, Page, Query, Read, Row, RowError, StoreError, Tx};

/// The unique key that a second workflow with the same name meets.
pub const NAME_KEY: &str = "workflows_workspace_id_name_key";

/// A workflow, without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workflow {
    /// Its id.
    pub id: WorkflowId,
    /// The tenant of its workspace.
    pub tenant_id: TenantId,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// Its name, unique in the workspace.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What starts it: the public word.
    pub automation_type: String,
    /// Whether its triggers work.
    pub active: bool,
    /// The folder it is in.
    pub pack_id: Option<PackId>,
    /// A JSON list of words.
    pub tags: String,
    /// The document's own `type`.
    pub kind: String,
    /// The document's own `version`.
    pub version: String,
    /// The runner that it asks for; "" for any.
    pub runner: String,
    /// The newest version on the draft branch; 0 before the first.
    pub draft_version: i64,
    /// The newest version on the public branch.
    pub published_version: Option<i64>,
    /// Goes up by one at each change.
    pub row_version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who changed it.
    pub updated_by: String,
}

macro_rules! columns {
    () => {
        "id, tenant_id, workspace_id, name, description, automation_type, active, pack_id, tags, type, version, \
         runner, draft_version, published_version, row_version, created_at, created_by, updated_at, updated_by"
    };
}

sql! {
    INSERT = "workflows.insert": concat!(
        "INSERT INTO workflows (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, \
         $13, $14, $15, $16, $17, $18, $19)"
    );
    GET = "workflows.get":
        concat!("SELECT ", columns!(), " FROM workflows WHERE workspace_id = $1 AND id = $2");
    GET_BY_NAME = "workflows.get_by_name":
        concat!("SELECT ", columns!(), " FROM workflows WHERE workspace_id = $1 AND name = $2");
    UPDATE = "workflows.update":
        "UPDATE workflows
         SET name = $4, description = $5, automation_type = $6, active = $7, pack_id = $8, tags = $9, type = $10,
             version = $11, runner = $12, draft_version = $13, published_version = $14, updated_at = $15,
             updated_by = $16, row_version = row_version + 1
         WHERE workspace_id = $1 AND id = $2 AND row_version = $3";
    TAG_LISTS = "workflows.tag_lists":
        "SELECT DISTINCT tags FROM workflows WHERE workspace_id = $1 AND tags <> '[]'";
    DELETE = "workflows.delete": "DELETE FROM workflows WHERE workspace_id = $1 AND id = $2";
}

/// The fields of a workflow that lists know.
pub static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::same("id", Kind::Text),
        Field::same("tenant_id", Kind::Text),
        Field::same("workspace_id", Kind::Text),
        Field::same("name", Kind::Text),
        Field::same("description", Kind::Text),
        Field::same("automation_type", Kind::Text),
        Field::same("active", Kind::Bool),
        Field::optional("pack_id", Kind::Text),
        Field::same("tags", Kind::Opaque),
        Field::same("type", Kind::Text),
        Field::same("version", Kind::Text),
        Field::same("runner", Kind::Text),
        Field::same("draft_version", Kind::Int),
        Field::optional("published_version", Kind::Int),
        Field::new("is_published", "(published_version IS NOT NULL)", Kind::Bool),
        Field::computed("playbook"),
        Field::same("created_at", Kind::Time),
        Field::same("created_by", Kind::Text),
        Field::same("updated_at", Kind::Time),
        Field::same("updated_by", Kind::Text),
        Field::computed("actions"),
        Field::computed("deleted"),
        Field::computed("has_unpublished_changes"),
        Field::computed("is_request"),
        Field::computed("used_connections"),
        Field::computed("used_subflows"),
    ],
    defaults: Defaults { sort: &["name"], search: &["name", "description"] },
};

/// Stores a new workflow. Fails with [`NAME_KEY`] if the name is taken.
pub async fn insert(tx: &Tx<'_>, workflow: &Workflow) -> Result<(), StoreError> {
    let w = workflow;
    let params = [
        w.id.into(),
        w.tenant_id.into(),
        w.workspace_id.into(),
        (&w.name).into(),
        (&w.description).into(),
        (&w.automation_type).into(),
        w.active.into(),
        w.pack_id.into(),
        (&w.tags).into(),
        (&w.kind).into(),
        (&w.version).into(),
        (&w.runner).into(),
        w.draft_version.into(),
        w.published_version.into(),
        w.row_version.into(),
        w.created_at.into(),
        (&w.created_by).into(),
        w.updated_at.into(),
        (&w.updated_by).into(),
    ];
    tx.execute(&INSERT, &params).await?;
    Ok(())
}

/// Stores what may change of a workflow, if it still is the one that was read (by `row_version`), and counts
/// that up; whether it was.
pub async fn update(tx: &Tx<'_>, workflow: &Workflow) -> Result<bool, StoreError> {
    let w = workflow;
    let params = [
        w.workspace_id.into(),
        w.id.into(),
        w.row_version.into(),
        (&w.name).into(),
        (&w.description).into(),
        (&w.automation_type).into(),
        w.active.into(),
        w.pack_id.into(),
        (&w.tags).into(),
        (&w.kind).into(),
        (&w.version).into(),
        (&w.runner).into(),
        w.draft_version.into(),
        w.published_version.into(),
        w.updated_at.into(),
        (&w.updated_by).into(),
    ];
    Ok(tx.execute(&UPDATE, &params).await? == 1)
}

/// Deletes a workflow with its versions; its runs and the documents they are pinned to stay. Whether there
/// was one.
pub async fn delete(tx: &Tx<'_>, workspace: WorkspaceId, id: WorkflowId) -> Result<bool, StoreError> {
    Ok(tx.execute(&DELETE, &[workspace.into(), id.into()]).await? == 1)
}

/// The workflow of that id.
pub async fn get(
    read: &impl Read,
    workspace: WorkspaceId,
    id: WorkflowId,
) -> Result<Option<Workflow>, StoreError> {
    read.read_one(&GET, &[workspace.into(), id.into()], decode).await
}

/// The workflow of that name.
pub async fn get_by_name(
    read: &impl Read,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Option<Workflow>, StoreError> {
    read.read_one(&GET_BY_NAME, &[workspace.into(), name.into()], decode).await
}

/// The different lists of tags that the workspace's workflows have, each a JSON list.
pub async fn tag_lists(read: &impl Read, workspace: WorkspaceId) -> Result<Vec<String>, StoreError> {
    read.read_all(&TAG_LISTS, &[workspace.into()], |row| row.string(0)).await
}

/// The workspace's workflows.
pub async fn list(
    read: &impl Read,
    workspace: WorkspaceId,
    query: &Query,
) -> Result<Page<Workflow>, StoreError> {
    let listing = Listing {
        name: "workflows.list",
        columns: columns!(),
        from: "workflows",
        scope: "workspace_id = $1",
    };
    page(read, &listing, &[workspace.into()], query, decode).await
}

fn decode(row: &Row<'_>) -> Result<Workflow, RowError> {
    Ok(Workflow {
        id: row.id(0)?,
        tenant_id: row.id(1)?,
        workspace_id: row.id(2)?,
        name: row.string(3)?,
        description: row.string(4)?,
        automation_type: row.string(5)?,
        active: row.bool(6)?,
        pack_id: row.opt_id(7)?,
        tags: row.string(8)?,
        kind: row.string(9)?,
        version: row.string(10)?,
        runner: row.string(11)?,
        draft_version: row.int(12)?,
        published_version: row.opt_int(13)?,
        row_version: row.int(14)?,
        created_at: row.time(15)?,
        created_by: row.string(16)?,
        updated_at: row.time(17)?,
        updated_by: row.string(18)?,
    })
}
