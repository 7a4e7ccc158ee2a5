//! Mails of invitations that are still to be sent. Stored with the invitation, and gone with it: whoever withdraws or accepts
//! one, or deletes it otherwise, leaves nothing to send.

use types::{InviteId, TenantId, Timestamp};

use crate::statement::sql;
use crate::{Read, Row, RowError, StoreError, Tx};

/// Mails that [`due`] answers at a time.
const DUE_MAX: i64 = 50;

/// A mail that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueMail {
    /// The invitation that it is of.
    pub invite_id: InviteId,
    /// Into which tenant.
    pub tenant_id: TenantId,
    /// To whom.
    pub email: String,
    /// The text, sealed: another one whenever the invitation is renewed.
    pub sealed: String,
    /// How often it has been tried.
    pub tries: i64,
}

sql! {
    PUT = "invite_mails.put":
        "INSERT INTO invite_mails (invite_id, sealed, tries, due_at) VALUES ($1, $2, 0, $3)
         ON CONFLICT (invite_id) DO UPDATE
         SET sealed = excluded.sealed, tries = 0, due_at = excluded.due_at";
    DUE = "invite_mails.due":
        "SELECT m.invite_id, i.tenant_id, i.email, m.sealed, m.tries
         FROM invite_mails m JOIN invites i ON i.id = m.invite_id
         WHERE m.due_at <= $1 AND i.expires_at > $1 ORDER BY m.due_at, m.invite_id LIMIT $2";
    CLAIM = "invite_mails.claim":
        "UPDATE invite_mails SET tries = tries + 1, due_at = $4
         WHERE invite_id = $1 AND sealed = $2 AND tries = $3";
    DELETE = "invite_mails.delete": "DELETE FROM invite_mails WHERE invite_id = $1 AND sealed = $2";
    EXPIRED = "invite_mails.expired":
        "SELECT COUNT(*) AS counted FROM invite_mails m JOIN invites i ON i.id = m.invite_id WHERE i.expires_at <= $1";
    DELETE_EXPIRED = "invite_mails.delete_expired":
        "DELETE FROM invite_mails WHERE invite_id IN (SELECT id FROM invites WHERE expires_at <= $1)";
    DELETE_OF = "invite_mails.delete_of": "DELETE FROM invite_mails WHERE invite_id = $1";
}

/// Stores the mail of an invitation in place of an earlier one.
pub async fn put(tx: &Tx<'_>, invite: InviteId, sealed: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(&PUT, &[invite.into(), sealed.into(), now.into()]).await?;
    Ok(())
}

/// Mails that are due, of every tenant, the longest due first; those of invitations that have expired are not.
pub async fn due(read: &impl Read, now: Timestamp) -> Result<Vec<DueMail>, StoreError> {
    read.read_all(&DUE, &[now.into(), DUE_MAX.into()], decode).await
}

/// Takes a mail for one try, until `until`; false if another server has taken it, or it is not to be sent any more.
pub async fn claim(tx: &Tx<'_>, mail: &DueMail, until: Timestamp) -> Result<bool, StoreError> {
    let params = [mail.invite_id.into(), (&mail.sealed).into(), mail.tries.into(), until.into()];
    Ok(tx.execute(&CLAIM, &params).await? == 1)
}

/// Deletes a mail; whether it was still there.
pub async fn delete(tx: &Tx<'_>, mail: &DueMail) -> Result<bool, StoreError> {
    Ok(tx.execute(&DELETE, &[mail.invite_id.into(), (&mail.sealed).into()]).await? == 1)
}

/// Deletes the mail of an invitation whose link is worth nothing any more.
pub async fn delete_of(tx: &Tx<'_>, invite: InviteId) -> Result<(), StoreError> {
    tx.execute(&DELETE_OF, &[invite.into()]).await?;
    Ok(())
}

/// How many mails are of invitations that have expired.
pub async fn expired(read: &impl Read, now: Timestamp) -> Result<i64, StoreError> {
    read.count(&EXPIRED, &[now.into()]).await
}

/// Deletes the mails of invitations that have expired.
pub async fn delete_expired(tx: &Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(&DELETE_EXPIRED, &[now.into()]).await?;
    Ok(())
}

fn decode(row: &Row<'_>) -> Result<DueMail, RowError> {
    Ok(DueMail {
        invite_id: row.id(0)?,
        tenant_id: row.id(1)?,
        email: row.string(2)?,
        sealed: row.string(3)?,
        tries: row.int(4)?,
    })
}
