//! Servers: which processes live. A server renews its lease; when it has ended, others adopt its runs.

use types::{ServerId, Timestamp};

use crate::statement::sql;
use crate::{Read, Row, RowError, StoreError, Tx};

/// A server process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its id, new at each start.
    pub id: ServerId,
    /// When it started.
    pub started_at: Timestamp,
    /// Until when it is taken to be alive.
    pub lease_until: Timestamp,
    /// The program's version.
    pub version: String,
}

sql! {
    REGISTER = "servers.register":
        "INSERT INTO servers (id, started_at, lease_until, version) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until";
    HEARTBEAT = "servers.heartbeat":
        "UPDATE servers SET lease_until = $2 WHERE id = $1";
    // One that is in the middle of a renewal is passed by: it may be frozen there, and must hold nobody up.
    FORGET_EXPIRED = "servers.forget_expired":
        "DELETE FROM servers WHERE id IN (
             SELECT s.id FROM servers s WHERE s.lease_until <= $1 AND s.id <> $2 {skip_locked}
         )";
    REMOVE = "servers.remove": "DELETE FROM servers WHERE id = $1";
    LIST = "servers.list": "SELECT id, started_at, lease_until, version FROM servers ORDER BY started_at, id";
    EXPIRED = "servers.expired":
        "SELECT id, started_at, lease_until, version FROM servers WHERE lease_until <= $1 ORDER BY id";
}

/// Makes the server known.
pub async fn register(tx: &Tx<'_>, server: &Server) -> Result<(), StoreError> {
    let Server { id, started_at, lease_until, version } = server;
    tx.execute(&REGISTER, &[(*id).into(), (*started_at).into(), (*lease_until).into(), version.into()])
        .await?;
    Ok(())
}

/// Renews the lease, unless another server has taken it for ended; whether none has. If one has, runs may be lost
/// to it, and the server must make itself known anew.
pub async fn heartbeat(tx: &Tx<'_>, id: ServerId, lease_until: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(&HEARTBEAT, &[id.into(), lease_until.into()]).await? == 1)
}

/// Forgets the servers whose lease has ended by `now`, but for `except`: from then on they cannot renew it.
pub(crate) async fn forget_expired(tx: &Tx<'_>, except: ServerId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(&FORGET_EXPIRED, &[now.into(), except.into()]).await?;
    Ok(())
}

/// Forgets a server that stops, or whose runs have all been adopted.
pub async fn remove(tx: &Tx<'_>, id: ServerId) -> Result<(), StoreError> {
    tx.execute(&REMOVE, &[id.into()]).await?;
    Ok(())
}

/// Every server known.
pub async fn list(read: &impl Read) -> Result<Vec<Server>, StoreError> {
    read.read_all(&LIST, &[], decode).await
}

/// The servers whose lease has ended by `now`.
pub async fn expired(read: &impl Read, now: Timestamp) -> Result<Vec<Server>, StoreError> {
    read.read_all(&EXPIRED, &[now.into()], decode).await
}

fn decode(row: &Row<'_>) -> Result<Server, RowError> {
    Ok(Server {
        id: row.id(0)?,
        started_at: row.time(1)?,
        lease_until: row.time(2)?,
        version: row.string(3)?,
    })
}
