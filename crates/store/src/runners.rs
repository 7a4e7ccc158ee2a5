//! Runners that have registered with a group: which there are, and when they were last seen. What they do at the
//! moment is not stored.

use std::collections::HashMap;

use types::{RunnerGroupId, RunnerId, ServerId, TenantId, Timestamp, WorkspaceId};

use crate::page::{Listing, list as page};
use crate::statement::sql;
use crate::{Defaults, Field, FieldMap, Kind, Page, Query, Read, Row, RowError, StoreError, Tx};

/// A runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runner {
    /// Its id, new at each start of the process.
    pub id: RunnerId,
    /// The tenant of its workspace.
    pub tenant_id: TenantId,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// The group that it has registered with.
    pub group_id: RunnerGroupId,
    /// What its operator calls it; the machine's name, as a rule.
    pub name: String,
    /// The program's version.
    pub version: String,
    /// A JSON list of words that it says of itself.
    pub labels: String,
    /// Steps that it runs at a time.
    pub capacity: i64,
    /// Whether it is connected, as far as the one who wrote it knows.
    pub is_connected: bool,
    /// Where it connects from.
    pub ip_address: String,
    /// The server that it is connected to, or was.
    pub server_id: String,
    /// When it first registered.
    pub created_at: Timestamp,
    /// When it last connected.
    pub started_at: Timestamp,
    /// When it last gave a sign of life; may lag behind.
    pub last_seen: Timestamp,
    /// When it was last cut off or went; none while it is connected.
    pub stopped_at: Option<Timestamp>,
}

macro_rules! columns {
    () => {
        "id, tenant_id, workspace_id, group_id, name, version, labels, capacity, status, ip_address, server_id, \
         created_at, started_at, last_seen, stopped_at"
    };
}

sql! {
    CONNECTED = "runners.connected": concat!(
        "INSERT INTO runners (", columns!(), ")
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         ON CONFLICT (id) DO UPDATE
         SET name = excluded.name, version = excluded.version, labels = excluded.labels,
             capacity = excluded.capacity, status = excluded.status, ip_address = excluded.ip_address,
             server_id = excluded.server_id, started_at = excluded.started_at, last_seen = excluded.last_seen,
             stopped_at = excluded.stopped_at
         WHERE runners.group_id = excluded.group_id"
    );
    SEEN = "runners.seen":
        "UPDATE runners SET last_seen = $4
         WHERE workspace_id = $1 AND id = $2 AND server_id = $3 AND status = 'connected' AND last_seen < $4";
    DISCONNECTED = "runners.disconnected":
        "UPDATE runners SET status = 'disconnected', stopped_at = $4, last_seen = $4
         WHERE workspace_id = $1 AND id = $2 AND server_id = $3 AND status = 'connected'";
    FORGET_OLD = "runners.forget_old":
        "DELETE FROM runners WHERE workspace_id = $1 AND group_id = $2 AND last_seen < $3";
    GET = "runners.get": concat!("SELECT ", columns!(), " FROM runners WHERE workspace_id = $1 AND id = $2");
    DELETE = "runners.delete": "DELETE FROM runners WHERE workspace_id = $1 AND id = $2";
    COUNTS = "runners.counts":
        "SELECT group_id, COUNT(*) AS runners FROM runners
         WHERE workspace_id = $1 AND status = 'connected' AND last_seen >= $2 GROUP BY group_id";
}

/// The fields of a runner that lists know.
pub static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::same("capacity", Kind::Int),
        Field::computed("container_name"),
        Field::same("created_at", Kind::Time),
        Field::computed("created_by"),
        Field::same("group_id", Kind::Text),
        Field::computed("group_name"),
        Field::same("id", Kind::Text),
        Field::same("ip_address", Kind::Text),
        Field::same("labels", Kind::Opaque),
        Field::same("last_seen", Kind::Time),
        Field::same("name", Kind::Text),
        Field::same("started_at", Kind::Time),
        Field::computed("status"),
        Field::same("stopped_at", Kind::Time),
        Field::same("tenant_id", Kind::Text),
        Field::new("updated_at", "last_seen", Kind::Time),
        Field::computed("updated_by"),
        Field::computed("user_name"),
        Field::same("version", Kind::Text),
        Field::same("workspace_id", Kind::Text),
    ],
    defaults: Defaults { sort: &["name"], search: &["name"] },
};

/// Notes that the runner has connected; false if a runner of another group has that id.
pub async fn connected(tx: &Tx<'_>, runner: &Runner) -> Result<bool, StoreError> {
    let r = runner;
    let params = [
        r.id.into(),
        r.tenant_id.into(),
        r.workspace_id.into(),
        r.group_id.into(),
        (&r.name).into(),
        (&r.version).into(),
        (&r.labels).into(),
        r.capacity.into(),
        (if r.is_connected { "connected" } else { "disconnected" }).into(),
        (&r.ip_address).into(),
        (&r.server_id).into(),
        r.created_at.into(),
        r.started_at.into(),
        r.last_seen.into(),
        r.stopped_at.into(),
    ];
    Ok(tx.execute(&CONNECTED, &params).await? == 1)
}

/// Notes a sign of life of a runner that is connected to that server.
pub async fn seen(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    id: RunnerId,
    server: ServerId,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(&SEEN, &[workspace.into(), id.into(), server.into(), now.into()]).await?;
    Ok(())
}

/// Notes that the runner is no longer connected to that server; it may be to another by now.
pub async fn disconnected(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    id: RunnerId,
    server: ServerId,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(&DISCONNECTED, &[workspace.into(), id.into(), server.into(), now.into()]).await?;
    Ok(())
}

/// Forgets the group's runners that were last seen before `before`.
pub async fn forget_old(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    group: RunnerGroupId,
    before: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(&FORGET_OLD, &[workspace.into(), group.into(), before.into()]).await?;
    Ok(())
}

/// The runner of that id.
pub async fn get(
    read: &impl Read,
    workspace: WorkspaceId,
    id: RunnerId,
) -> Result<Option<Runner>, StoreError> {
    read.read_one(&GET, &[workspace.into(), id.into()], decode).await
}

/// The workspace's runners.
pub async fn list(
    read: &impl Read,
    workspace: WorkspaceId,
    query: &Query,
) -> Result<Page<Runner>, StoreError> {
    let listing =
        Listing { name: "runners.list", columns: columns!(), from: "runners", scope: "workspace_id = $1" };
    page(read, &listing, &[workspace.into()], query, decode).await
}

/// How many runners of each group are connected and have been seen since `since`.
pub async fn counts(
    read: &impl Read,
    workspace: WorkspaceId,
    since: Timestamp,
) -> Result<HashMap<RunnerGroupId, i64>, StoreError> {
    let params = [workspace.into(), since.into()];
    let counts = read.read_all(&COUNTS, &params, |row| Ok((row.id(0)?, row.int(1)?))).await?;
    Ok(counts.into_iter().collect())
}

/// Forgets a runner; whether there was one.
pub async fn delete(tx: &Tx<'_>, workspace: WorkspaceId, id: RunnerId) -> Result<bool, StoreError> {
    Ok(tx.execute(&DELETE, &[workspace.into(), id.into()]).await? == 1)
}

fn decode(row: &Row<'_>) -> Result<Runner, RowError> {
    Ok(Runner {
        id: row.id(0)?,
        tenant_id: row.id(1)?,
        workspace_id: row.id(2)?,
        group_id: row.id(3)?,
        name: row.string(4)?,
        version: row.string(5)?,
        labels: row.string(6)?,
        capacity: row.int(7)?,
        is_connected: row.word(8, |word| match word {
            "connected" => Some(true),
            "disconnected" => Some(false),
            _ => None,
        })?,
        ip_address: row.string(9)?,
        server_id: row.string(10)?,
        created_at: row.time(11)?,
        started_at: row.time(12)?,
        last_seen: row.time(13)?,
        stopped_at: row.opt_time(14)?,
    })
}
