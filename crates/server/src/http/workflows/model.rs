//! Workflows on the wire, where they are called playbooks.

use std::sync::Arc;

use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::workflow_versions::Saved;
use store::workflows::Workflow as Row;
use utoipa::ToSchema;
use workflow::Document;

use crate::http::packs::Pack;

/// Documents of which is remembered what they use.
const USES_MAX: u64 = 4096;

/// What documents use, by their hash: read once for all lists.
pub(crate) struct KnownUses(Cache<String, Arc<Uses>>);

impl KnownUses {
    /// Knows nothing yet.
    pub(crate) fn new() -> Self {
        Self(Cache::new(USES_MAX))
    }

    pub(super) fn get(&self, hash: &str) -> Option<Arc<Uses>> {
        self.0.get(hash)
    }

    /// Reads the document of that hash.
    pub(in crate::http) fn read(&self, hash: &str, text: &str) -> Arc<Uses> {
        let read = || Arc::new(Uses::of(workflow::parse(text).document.as_ref()));
        self.0.get_with_by_ref(hash, read)
    }
}

/// What a document uses, read from its text.
#[derive(Default)]
pub(crate) struct Uses {
    pub(super) actions: Vec<PlaybookAction>,
    pub(super) connections: Vec<String>,
    pub(in crate::http) subflows: Vec<String>,
}

impl Uses {
    pub(super) fn of(document: Option<&Document>) -> Self {
        let Some(document) = document else { return Self::default() };
        Self {
            actions: document
                .actions()
                .into_iter()
                .map(|used| PlaybookAction {
                    collection_name: used.full_name.split('.').next().unwrap_or_default().to_owned(),
                    action_full_name: used.full_name.clone(),
                    full_name: used.full_name,
                    id: used.step,
                    name: used.name.unwrap_or_default(),
                })
                .collect(),
            connections: document.connections().into_iter().map(|(_, name)| name.to_owned()).collect(),
            subflows: document.subflows().into_iter().map(str::to_owned).collect(),
        }
    }
}

/// An action that a workflow uses.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = models::PlaybookAction)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct PlaybookAction {
    pub action_full_name: String,
    pub collection_name: String,
    pub full_name: String,
    pub id: String,
    pub name: String,
}

/// A workflow. `playbook` is its document: the published version, or the draft where none is published.
#[derive(Serialize, ToSchema)]
#[schema(as = models::Playbook)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct Playbook {
    pub actions: Vec<PlaybookAction>,
    pub active: bool,
    pub automation_type: String,
    pub created_at: i64,
    pub created_by: String,
    pub deleted: bool,
    pub description: String,
    /// The number of the newest draft.
    pub draft_version: i64,
    pub has_unpublished_changes: bool,
    pub id: String,
    pub is_published: bool,
    pub is_request: bool,
    pub name: String,
    pub pack_id: String,
    pub playbook: String,
    /// The number of the newest published version; 0 if there is none.
    pub published_version: i64,
    pub runner: String,
    pub tags: Vec<String>,
    pub tenant_id: String,
    pub r#type: String,
    pub updated_at: i64,
    pub updated_by: String,
    pub used_connections: Vec<String>,
    pub used_subflows: Vec<String>,
    pub version: String,
    pub workspace_id: String,
}

impl Playbook {
    pub(super) fn new(row: Row, text: String, uses: &Uses, has_unpublished_changes: bool) -> Self {
        Self {
            actions: uses.actions.clone(),
            active: row.active,
            automation_type: row.automation_type,
            created_at: row.created_at.as_millis(),
            created_by: row.created_by,
            deleted: false,
            description: row.description,
            draft_version: row.draft_version,
            has_unpublished_changes,
            id: row.id.to_string(),
            is_published: row.published_version.is_some(),
            is_request: false,
            name: row.name,
            pack_id: row.pack_id.map(|id| id.to_string()).unwrap_or_default(),
            playbook: text,
            published_version: row.published_version.unwrap_or(0),
            runner: row.runner,
            tags: serde_json::from_str(&row.tags).unwrap_or_default(),
            tenant_id: row.tenant_id.to_string(),
            r#type: row.kind,
            updated_at: row.updated_at.as_millis(),
            updated_by: row.updated_by,
            used_connections: uses.connections.clone(),
            used_subflows: uses.subflows.clone(),
            version: row.version,
            workspace_id: row.workspace_id.to_string(),
        }
    }
}

/// A saved version: the workflow with the document of one branch.
#[derive(Serialize, ToSchema)]
#[schema(as = playbook_versions::PlaybookWithVersion)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct PlaybookWithVersion {
    #[serde(flatten)]
    pub playbook: Playbook,
    pub branch: String,
    pub branched_from: i64,
    #[schema(value_type = Object)]
    pub connections: Value,
    pub has_published_version: bool,
    #[schema(value_type = Object)]
    pub inputs: Value,
    /// The pack that it is in; none if a server of an older version has stored it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Pack, required = false)]
    pub pack: Option<Pack>,
    /// The Python packages that its steps run with, as far as they have been resolved.
    pub package_locks: Vec<PackageLock>,
    pub version_id: i64,
}

/// Exact versions for one list of required Python packages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = v1::PackageLock)]
pub(crate) struct PackageLock {
    /// What is required.
    pub requirements: Vec<String>,
    /// Packages, versions and the hashes of their files.
    pub lock: String,
    /// Milliseconds since 1970, when they were resolved.
    pub created_at: i64,
}

/// What a caller says of a workflow; everything else is accepted and has no effect.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::PlaybookWriteRequest)]
pub(crate) struct PlaybookInput {
    /// Unique in the workspace; the document's own name, if absent.
    pub name: Option<String>,
    /// The document, as YAML text. The clients of 2022 call it `automation`.
    #[serde(alias = "automation")]
    pub playbook: Option<String>,
    /// The pack it belongs to.
    pub pack_id: Option<String>,
    /// Whether it may be run. Absent means false, for clients leave false members out; only a workflow made with
    /// its first draft (`POST /playbooks/ui`) is active then.
    pub active: Option<bool>,
    /// Words to find it by; the document's own, if absent.
    pub tags: Option<Vec<String>>,
}

/// A version to be saved.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = playbook_versions::PlaybookForCommit)]
pub(crate) struct PlaybookForCommit {
    /// The document, as YAML text; kept byte for byte.
    pub playbook: Option<String>,
    /// The version the author began from; 0 if they do not say.
    pub branched_from: i64,
    /// Where it comes from: `manual`.
    pub source: Option<String>,
}

/// What became of a saved version.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::SavedVersion)]
#[allow(missing_docs)]
pub(crate) struct SavedVersion {
    pub id: String,
    pub branch: String,
    pub version_id: i64,
    /// Problems that did not stand in the way.
    #[schema(value_type = Vec<Object>)]
    pub diagnostics: Vec<workflow::Diagnostic>,
}

/// A version in a workflow's history.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::PlaybookVersion)]
#[allow(missing_docs)]
pub(crate) struct ListedVersion {
    pub branch: String,
    /// The version its author began from; 0 if they did not say.
    pub branched_from: i64,
    pub created_at: i64,
    pub created_by: String,
    /// Empty if they are gone.
    pub created_by_name: String,
    /// `<branch>/<version_id>`, as a diff takes it.
    pub id: String,
    /// Whether its text is the one that is published now.
    pub is_published: bool,
    /// How it was made, in its author's words.
    pub source: String,
    /// Its number on the branch, from 1.
    pub version_id: i64,
}

impl From<Saved> for ListedVersion {
    fn from(saved: Saved) -> Self {
        let Saved { version, created_by_name, is_published } = saved;
        Self {
            id: version.name(),
            branch: version.branch.as_str().to_owned(),
            branched_from: version.branched_from.unwrap_or(0),
            created_at: version.created_at.as_millis(),
            created_by: version.created_by,
            created_by_name,
            is_published,
            source: version.source,
            version_id: version.version,
        }
    }
}

/// What is different between two versions.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::PlaybookVersionDiff)]
pub(crate) struct VersionDiff {
    /// How many lines the second one has that the first one has not.
    pub added: usize,
    /// A unified diff with three lines around each change; empty if the two are the same.
    pub diff: String,
    /// The first one, `<branch>/<version_id>`.
    pub from: String,
    /// How many lines the first one has that the second one has not.
    pub removed: usize,
    /// The second one.
    pub to: String,
}
