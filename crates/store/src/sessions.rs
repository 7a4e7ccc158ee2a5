//! Sessions: browsers that people have signed in with. Only the hash of a session's token is stored.

use types::{SessionId, TenantId, Timestamp, UserId};

use crate::statement::sql;
use crate::{Read, Row, RowError, StoreError, Tx};

/// A session, without its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The user's tenant.
    pub tenant_id: TenantId,
    /// Who has signed in.
    pub user_id: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When it was last used; may lag behind.
    pub last_seen_at: Timestamp,
    /// From when on it is worth nothing, however often it is used.
    pub expires_at: Timestamp,
    /// Whether a second factor was shown.
    pub mfa_passed: bool,
    /// The address that it was made from.
    pub peer: String,
    /// What the browser called itself.
    pub user_agent: String,
    /// The provider of single sign-on that vouched; empty: none, but a password.
    pub issuer: String,
}

macro_rules! columns {
    () => {
        "id, tenant_id, user_id, created_at, last_seen_at, expires_at, mfa_passed, peer, user_agent, issuer"
    };
}

sql! {
    INSERT = "sessions.insert": concat!(
        "INSERT INTO sessions (", columns!(), ", token_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    );
    FIND = "sessions.find_by_hash": concat!("SELECT ", columns!(), " FROM sessions WHERE token_hash = $1");
    LIST = "sessions.list": concat!(
        "SELECT ", columns!(), " FROM sessions WHERE tenant_id = $1 AND user_id = $2 ORDER BY created_at, id"
    );
    TOUCH = "sessions.touch":
        "UPDATE sessions SET last_seen_at = $3 WHERE tenant_id = $1 AND id = $2 AND last_seen_at < $3";
    ROTATE = "sessions.rotate":
        "UPDATE sessions SET token_hash = $3, mfa_passed = $4 WHERE tenant_id = $1 AND id = $2";
    DELETE = "sessions.delete": "DELETE FROM sessions WHERE tenant_id = $1 AND user_id = $2 AND id = $3";
    DELETE_OF_USER = "sessions.delete_of_user":
        "DELETE FROM sessions WHERE tenant_id = $1 AND user_id = $2 AND id <> $3";
    DELETE_ENDED = "sessions.delete_ended": "DELETE FROM sessions WHERE expires_at <= $1 OR last_seen_at <= $2";
}

/// Stores a new session by the hash of its token.
pub async fn insert(tx: &Tx<'_>, session: &Session, token_hash: &str) -> Result<(), StoreError> {
    let s = session;
    let params = [
        s.id.into(),
        s.tenant_id.into(),
        s.user_id.into(),
        s.created_at.into(),
        s.last_seen_at.into(),
        s.expires_at.into(),
        s.mfa_passed.into(),
        (&s.peer).into(),
        (&s.user_agent).into(),
        (&s.issuer).into(),
        token_hash.into(),
    ];
    tx.execute(&INSERT, &params).await?;
    Ok(())
}

/// The session whose token has that hash; one that has ended is found too.
pub async fn find_by_hash(read: &impl Read, token_hash: &str) -> Result<Option<Session>, StoreError> {
    read.read_one(&FIND, &[token_hash.into()], decode).await
}

/// The user's sessions, the oldest first, ended ones included.
pub async fn list(read: &impl Read, tenant: TenantId, user: UserId) -> Result<Vec<Session>, StoreError> {
    read.read_all(&LIST, &[tenant.into(), user.into()], decode).await
}

/// Remembers that the session was used. For the caller to do now and then, not at each request.
pub async fn touch(tx: &Tx<'_>, tenant: TenantId, id: SessionId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(&TOUCH, &[tenant.into(), id.into(), now.into()]).await?;
    Ok(())
}

/// Gives the session another token, and says whether a second factor was shown; whether there is such a session.
pub async fn rotate(
    tx: &Tx<'_>,
    tenant: TenantId,
    id: SessionId,
    token_hash: &str,
    mfa_passed: bool,
) -> Result<bool, StoreError> {
    let params = [tenant.into(), id.into(), token_hash.into(), mfa_passed.into()];
    Ok(tx.execute(&ROTATE, &params).await? == 1)
}

/// Ends a session of the user; whether there was one.
pub async fn delete(tx: &Tx<'_>, tenant: TenantId, user: UserId, id: SessionId) -> Result<bool, StoreError> {
    Ok(tx.execute(&DELETE, &[tenant.into(), user.into(), id.into()]).await? == 1)
}

/// Ends every session of the user but `kept`; how many that were.
pub async fn delete_of_user(
    tx: &Tx<'_>,
    tenant: TenantId,
    user: UserId,
    kept: Option<SessionId>,
) -> Result<u64, StoreError> {
    let kept = kept.map(|id| id.to_string()).unwrap_or_default();
    tx.execute(&DELETE_OF_USER, &[tenant.into(), user.into(), kept.into()]).await
}

/// Removes sessions of everybody that have ended: those that expire by `now`, and those not used since `idle_since`.
pub async fn delete_ended(tx: &Tx<'_>, now: Timestamp, idle_since: Timestamp) -> Result<(), StoreError> {
    tx.execute(&DELETE_ENDED, &[now.into(), idle_since.into()]).await?;
    Ok(())
}

fn decode(row: &Row<'_>) -> Result<Session, RowError> {
    Ok(Session {
        id: row.id(0)?,
        tenant_id: row.id(1)?,
        user_id: row.id(2)?,
        created_at: row.time(3)?,
        last_seen_at: row.time(4)?,
        expires_at: row.time(5)?,
        mfa_passed: row.bool(6)?,
        peer: row.string(7)?,
        user_agent: row.string(8)?,
        issuer: row.string(9)?,
    })
}
