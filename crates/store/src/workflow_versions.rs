//! The saved versions of workflows, on two branches: drafts and what was published. A version points to a
//! document; which connections the newest one of each branch names is kept beside it.

use types::{Timestamp, WorkflowId, WorkspaceId};

use crate::page::{Listing, list as page};
use crate::statement::sql;
use crate::{
    Defaults, Field, FieldMap, Kind, Page, Query, Read, Row, RowError, Sql, StoreError, Tx, Value, documents,
};

/// One of a workflow's two lines of versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Branch {
    /// What is being worked on.
    Draft,
    /// What triggers start.
    Public,
}

impl Branch {
    /// The public name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Public => "public",
        }
    }

    /// The branch of that public name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Draft, Self::Public].into_iter().find(|branch| branch.as_str() == name)
    }
}

/// A saved version, without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowVersion {
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// Its workspace.
    pub workspace_id: WorkspaceId,
    /// The line it is on.
    pub branch: Branch,
    /// Its number on that line, from 1.
    pub version: i64,
    /// The document's hash.
    pub hash: String,
    /// The version it was made from, as its author said.
    pub branched_from: Option<i64>,
    /// How it was made: the public word.
    pub source: String,
    /// When it was saved.
    pub created_at: Timestamp,
    /// Who saved it.
    pub created_by: String,
}

impl WorkflowVersion {
    /// `<branch>/<number>`: which of the workflow's versions it is.
    pub fn name(&self) -> String {
        format!("{}/{}", self.branch.as_str(), self.version)
    }
}

/// A version with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The version.
    pub version: WorkflowVersion,
    /// The text, as it was saved.
    pub text: String,
}

/// A connection that a document names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedConnection {
    /// The name of its type.
    pub type_name: String,
    /// Its own name.
    pub name: String,
}

macro_rules! columns {
    () => {
        "v.workflow_id, v.workspace_id, v.branch, v.version, v.hash, v.branched_from, v.source, v.created_at, \
         v.created_by"
    };
}
macro_rules! with_document {
    () => {
        "workflow_versions v JOIN documents d ON d.workspace_id = v.workspace_id AND d.hash = v.hash"
    };
}

sql! {
    INSERT = "workflow_versions.insert":
        "INSERT INTO workflow_versions (workflow_id, workspace_id, branch, version, hash, branched_from, source,
                                        created_at, created_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    GET = "workflow_versions.get": concat!(
        "SELECT ", columns!(), ", d.text FROM ", with_document!(),
        " WHERE v.workspace_id = $1 AND v.workflow_id = $2 AND v.branch = $3 AND v.version = $4"
    );
    LATEST = "workflow_versions.latest": concat!(
        "SELECT ", columns!(), ", d.text FROM ", with_document!(),
        " WHERE v.workspace_id = $1 AND v.workflow_id = $2 AND v.branch = $3 ORDER BY v.version DESC LIMIT 1"
    );
    FORGET_CONNECTIONS = "workflow_connections.forget":
        "DELETE FROM workflow_connections WHERE workspace_id = $1 AND workflow_id = $2 AND branch = $3";
    NAME_CONNECTION = "workflow_connections.insert":
        "INSERT INTO workflow_connections (workflow_id, workspace_id, branch, connection_type, connection_name)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
    FORGET_RUNNER_GROUPS = "workflow_runner_groups.forget":
        "DELETE FROM workflow_runner_groups WHERE workspace_id = $1 AND workflow_id = $2 AND branch = $3";
    NAME_RUNNER_GROUP = "workflow_runner_groups.insert":
        "INSERT INTO workflow_runner_groups (workflow_id, workspace_id, branch, group_name)
         VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
}

/// What a document names, by which it is found as a user of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The connections.
    pub connections: Vec<NamedConnection>,
    /// The runner groups.
    pub runner_groups: Vec<String>,
}

/// Saves a version: its document, its row, and what it names in place of what its predecessor named.
/// The number is the caller's; [`crate::workflows::update`] fences two who save at once.
pub async fn insert(
    tx: &Tx<'_>,
    version: &WorkflowVersion,
    text: &str,
    names: &Named,
) -> Result<(), StoreError> {
    let v = version;
    documents::put(tx, v.workspace_id, &v.hash, text).await?;
    let params = [
        v.workflow_id.into(),
        v.workspace_id.into(),
        v.branch.as_str().into(),
        v.version.into(),
        (&v.hash).into(),
        v.branched_from.into(),
        (&v.source).into(),
        v.created_at.into(),
        (&v.created_by).into(),
    ];
    tx.execute(&INSERT, &params).await?;
    let branch = v.branch.as_str();
    tx.execute(&FORGET_CONNECTIONS, &[v.workspace_id.into(), v.workflow_id.into(), branch.into()]).await?;
    let named: Vec<_> = names
        .connections
        .iter()
        .map(|c| {
            let (type_name, name) = ((&c.type_name).into(), (&c.name).into());
            [v.workflow_id.into(), v.workspace_id.into(), branch.into(), type_name, name]
        })
        .collect();
    tx.execute_each(&NAME_CONNECTION, &named).await?;
    tx.execute(&FORGET_RUNNER_GROUPS, &[v.workspace_id.into(), v.workflow_id.into(), branch.into()]).await?;
    let groups = names.runner_groups.iter();
    let named: Vec<_> = groups
        .map(|name| [v.workflow_id.into(), v.workspace_id.into(), branch.into(), name.into()])
        .collect();
    tx.execute_each(&NAME_RUNNER_GROUP, &named).await?;
    Ok(())
}

/// One version with its text.
pub async fn get(
    read: &impl Read,
    workspace: WorkspaceId,
    workflow: WorkflowId,
    branch: Branch,
    version: i64,
) -> Result<Option<Document>, StoreError> {
    let params = [workspace.into(), workflow.into(), branch.as_str().into(), version.into()];
    read.read_one(&GET, &params, decode_document).await
}

/// What a list shows of a workflow's documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// The published document, or the draft where none is published; empty where it was not asked for.
    pub text: String,
    /// That document's hash.
    pub hash: String,
    /// The newest draft's hash.
    pub draft_hash: String,
}

/// The documents of many workflows in one read, with their texts or only the hashes; a workflow that is not in
/// the workspace is left out.
pub async fn shown(
    read: &impl Read,
    workspace: WorkspaceId,
    workflows: &[WorkflowId],
    with_text: bool,
) -> Result<Vec<Shown>, StoreError> {
    if workflows.is_empty() {
        return Ok(Vec::new());
    }
    let places: Vec<String> = (0..workflows.len()).map(|index| format!("${}", index + 2)).collect();
    let (text, documents) = if with_text {
        ("d.text", "JOIN documents d ON d.workspace_id = v.workspace_id AND d.hash = v.hash")
    } else {
        ("''", "")
    };
    let text = format!(
        "SELECT w.id, {text}, v.hash, n.hash
         FROM workflows w
         JOIN workflow_versions n ON n.workflow_id = w.id AND n.branch = 'draft' AND n.version = w.draft_version
         JOIN workflow_versions v ON v.workflow_id = w.id
          AND v.branch = CASE WHEN w.published_version IS NULL THEN 'draft' ELSE 'public' END
          AND v.version = COALESCE(w.published_version, w.draft_version)
         {documents}
         WHERE w.workspace_id = $1 AND w.id IN ({})",
        places.join(", ")
    );
    let params: Vec<Value<'_>> =
        std::iter::once(workspace.into()).chain(workflows.iter().map(|id| (*id).into())).collect();
    let mut found = Vec::with_capacity(workflows.len());
    read.fetch(Sql::Dynamic { name: "workflow_versions.shown", text: &text }, &params, |row| {
        let (text, hash, draft_hash) = (row.string(1)?, row.string(2)?, row.string(3)?);
        found.push(Shown { workflow_id: row.id(0)?, text, hash, draft_hash });
        Ok(())
    })
    .await?;
    Ok(found)
}

/// The newest version of a branch with its text.
pub async fn latest(
    read: &impl Read,
    workspace: WorkspaceId,
    workflow: WorkflowId,
    branch: Branch,
) -> Result<Option<Document>, StoreError> {
    read.read_one(&LATEST, &[workspace.into(), workflow.into(), branch.as_str().into()], decode_document)
        .await
}

/// A version as a workflow's history shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The version.
    pub version: WorkflowVersion,
    /// The name of who saved it; empty if they are gone.
    pub created_by_name: String,
    /// Whether its text is the one that is published now.
    pub is_published: bool,
}

/// The fields of a version that lists know. `id` is `<branch>/<number>`.
pub static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::same("id", Kind::Text),
        Field::same("branch", Kind::Text),
        Field::new("version_id", "version", Kind::Int),
        Field::same("branched_from", Kind::Int),
        Field::same("source", Kind::Text),
        Field::same("created_at", Kind::Time),
        Field::same("created_by", Kind::Text),
        Field::same("created_by_name", Kind::Text),
        Field::same("is_published", Kind::Bool),
    ],
    defaults: Defaults { sort: &["-created_at", "-version_id"], search: &["source", "created_by_name"] },
};

/// The versions of a workflow, of both branches.
pub async fn list(
    read: &impl Read,
    workspace: WorkspaceId,
    workflow: WorkflowId,
    query: &Query,
) -> Result<Page<Saved>, StoreError> {
    let listing = Listing {
        name: "workflow_versions.list",
        columns: "workflow_id, workspace_id, branch, version, hash, branched_from, source, created_at, created_by, \
                  created_by_name, is_published",
        from: "(SELECT v.workflow_id, v.workspace_id, v.branch, v.version, v.hash,
                       COALESCE(v.branched_from, 0) AS branched_from, v.source, v.created_at, v.created_by,
                       v.branch || '/' || v.version AS id, COALESCE(u.name, '') AS created_by_name,
                       COALESCE(v.hash = p.hash, FALSE) AS is_published
                FROM workflow_versions v
                JOIN workflows w ON w.id = v.workflow_id
                LEFT JOIN workflow_versions p ON p.workflow_id = w.id AND p.branch = 'public'
                                             AND p.version = w.published_version
                LEFT JOIN users u ON u.id = v.created_by AND u.tenant_id = w.tenant_id
               ) AS saved",
        scope: "workspace_id = $1 AND workflow_id = $2",
    };
    page(read, &listing, &[workspace.into(), workflow.into()], query, decode_saved).await
}

fn decode_saved(row: &Row<'_>) -> Result<Saved, RowError> {
    let mut version = decode(row)?;
    version.branched_from = version.branched_from.filter(|number| *number > 0);
    Ok(Saved { version, created_by_name: row.string(9)?, is_published: row.bool(10)? })
}

fn decode_document(row: &Row<'_>) -> Result<Document, RowError> {
    Ok(Document { version: decode(row)?, text: row.string(9)? })
}

fn decode(row: &Row<'_>) -> Result<WorkflowVersion, RowError> {
    Ok(WorkflowVersion {
        workflow_id: row.id(0)?,
        workspace_id: row.id(1)?,
        branch: row.word(2, Branch::from_name)?,
        version: row.int(3)?,
        hash: row.string(4)?,
        branched_from: row.opt_int(5)?,
        source: row.string(6)?,
        created_at: row.time(7)?,
        created_by: row.string(8)?,
    })
}
