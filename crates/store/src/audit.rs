//! The audit log: who did what to what. Written in the transaction of the deed, never changed.

use serde_json::{Map, Value as Json};
use types::{AuditId, TenantId, Timestamp, WorkspaceId};

use crate::batch::Batch;
use crate::page::{Listing, list as page};
use crate::statement::sql;
use crate::{Defaults, Field, FieldMap, Kind, Page, Query, Read, Row, RowError, StoreError, Tx, Value};

/// The key that an entry meets if it has been written before.
pub const KEY: &str = "audit_log_pkey";

/// One deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its id.
    pub id: AuditId,
    /// In which tenant.
    pub tenant_id: TenantId,
    /// In which workspace, if in one.
    pub workspace_id: Option<WorkspaceId>,
    /// When.
    pub at: Timestamp,
    /// What kind of actor did it.
    pub actor_type: ActorType,
    /// Which one: a user's id, a run's id, a part of the server.
    pub actor_id: String,
    /// What was done: `connection.create`.
    pub action: String,
    /// To what kind of thing.
    pub entity_type: String,
    /// To which one.
    pub entity_id: String,
    /// The host that was spoken to, where a secret was used.
    pub host: Option<String>,
    /// More, as a JSON object; never a secret.
    pub details: String,
}

impl AuditEntry {
    /// The entry with more members of its details; those that it has of these names are replaced.
    #[must_use]
    pub fn with(mut self, more: Map<String, Json>) -> Self {
        let mut details: Map<String, Json> = serde_json::from_str(&self.details).unwrap_or_default();
        details.extend(more);
        self.details = Json::Object(details).to_string();
        self
    }
}

/// What kind of actor did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorType {
    /// A person or service account.
    User,
    /// A run.
    Execution,
    /// The server itself.
    System,
}

impl ActorType {
    /// The public name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Execution => "execution",
            Self::System => "system",
        }
    }

    /// The type of that public name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::User, Self::Execution, Self::System].into_iter().find(|actor| actor.as_str() == name)
    }
}

macro_rules! columns {
    () => {
        "id, tenant_id, workspace_id, at, actor_type, actor_id, action, entity_type, entity_id, host, details"
    };
}

sql! {
    INSERT = "audit_log.record":
        concat!("INSERT INTO audit_log (", columns!(), ") VALUES {row:11}");
    UNSEALED = "audit_log.unsealed": concat!(
        "SELECT ", columns!(), " FROM audit_log WHERE tenant_id = $1 AND seal IS NULL ORDER BY id LIMIT $2"
    );
    UNDER_SEAL = "audit_log.under_seal":
        concat!("SELECT ", columns!(), " FROM audit_log WHERE tenant_id = $1 AND seal = $2 ORDER BY id LIMIT $3");
}

/// The fields of an entry that lists know.
pub static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::same("id", Kind::Text),
        Field::optional("workspace_id", Kind::Text),
        Field::same("at", Kind::Time),
        Field::same("actor_type", Kind::Text),
        Field::same("actor_id", Kind::Text),
        Field::same("action", Kind::Text),
        Field::same("entity_type", Kind::Text),
        Field::same("entity_id", Kind::Text),
        Field::optional("host", Kind::Text),
        Field::same("details", Kind::Opaque),
    ],
    defaults: Defaults { sort: &["-at"], search: &["action", "entity_id", "host"] },
};

/// Writes an entry.
pub async fn record(tx: &Tx<'_>, entry: &AuditEntry) -> Result<(), StoreError> {
    tx.execute(&INSERT, &params(entry)).await?;
    Ok(())
}

/// Writes many entries in one round trip: the uses of secrets, gathered.
pub async fn record_many<'e>(
    tx: &Tx<'_>,
    entries: impl IntoIterator<Item = &'e AuditEntry>,
) -> Result<(), StoreError> {
    tx.run_all(&[inserts(entries)]).await
}

pub(crate) fn inserts<'e>(entries: impl IntoIterator<Item = &'e AuditEntry>) -> Batch<'e> {
    Batch::rows(&INSERT, entries.into_iter().map(params))
}

/// The entries of a workspace.
pub async fn list(
    read: &impl Read,
    tenant: TenantId,
    workspace: WorkspaceId,
    query: &Query,
) -> Result<Page<AuditEntry>, StoreError> {
    let scope = "tenant_id = $1 AND workspace_id = $2";
    let listing = Listing { name: "audit_log.list", columns: columns!(), from: "audit_log", scope };
    page(read, &listing, &[tenant.into(), workspace.into()], query, decode).await
}

/// The entries of the whole tenant, those outside any workspace included.
pub async fn list_tenant(
    read: &impl Read,
    tenant: TenantId,
    query: &Query,
) -> Result<Page<AuditEntry>, StoreError> {
    let scope = "tenant_id = $1";
    let listing = Listing { name: "audit_log.list", columns: columns!(), from: "audit_log", scope };
    page(read, &listing, &[tenant.into()], query, decode).await
}

/// The oldest entries that no seal is over.
pub(crate) async fn unsealed(
    read: &impl Read,
    tenant: TenantId,
    most: usize,
) -> Result<Vec<AuditEntry>, StoreError> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    read.read_all(&UNSEALED, &[tenant.into(), most.into()], decode).await
}

/// The entries under a seal, in their order, `most` of them at most.
pub(crate) async fn under_seal(
    read: &impl Read,
    tenant: TenantId,
    seal: i64,
    most: usize,
) -> Result<Vec<AuditEntry>, StoreError> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    read.read_all(&UNDER_SEAL, &[tenant.into(), seal.into(), most.into()], decode).await
}

fn params(entry: &AuditEntry) -> [Value<'_>; 11] {
    [
        entry.id.into(),
        entry.tenant_id.into(),
        entry.workspace_id.into(),
        entry.at.into(),
        entry.actor_type.as_str().into(),
        (&entry.actor_id).into(),
        (&entry.action).into(),
        (&entry.entity_type).into(),
        (&entry.entity_id).into(),
        entry.host.as_deref().into(),
        (&entry.details).into(),
    ]
}

fn decode(row: &Row<'_>) -> Result<AuditEntry, RowError> {
    Ok(AuditEntry {
        id: row.id(0)?,
        tenant_id: row.id(1)?,
        workspace_id: row.opt_id(2)?,
        at: row.time(3)?,
        actor_type: row.word(4, ActorType::from_name)?,
        actor_id: row.string(5)?,
        action: row.string(6)?,
        entity_type: row.string(7)?,
        entity_id: row.string(8)?,
        host: row.opt_string(9)?,
        details: row.string(10)?,
    })
}
