//! Invitations into a tenant. The code of the link is stored as a hash alone. Whoever accepts becomes a user, and the
//! invitation is gone.

use types::{Assigned, InviteId, TenantId, TenantRole, Timestamp};

use crate::page::{Listing, list as page};
use crate::statement::sql;
use crate::{Defaults, Field, FieldMap, Kind, Page, Query, Read, Row, RowError, StoreError, Tx};

/// An invitation, without its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// Its id.
    pub id: InviteId,
    /// Into which tenant.
    pub tenant_id: TenantId,
    /// Whom, in lower case.
    pub email: String,
    /// As what.
    pub tenant_role: Assigned<TenantRole>,
    /// From when on it cannot be accepted.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it was last renewed or changed.
    pub updated_at: Timestamp,
    /// Who did that.
    pub updated_by: String,
}

macro_rules! columns {
    () => {
        "id, tenant_id, email, COALESCE(custom_role, tenant_role) AS tenant_role, expires_at, created_at, created_by,
         updated_at, updated_by"
    };
}

sql! {
    PUT = "invites.put":
        "INSERT INTO invites (id, tenant_id, email, tenant_role, expires_at, created_at, created_by, updated_at, updated_by,
                              code_hash, custom_role)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (tenant_id, email) DO UPDATE
         SET tenant_role = excluded.tenant_role, custom_role = excluded.custom_role, expires_at = excluded.expires_at,
             code_hash = excluded.code_hash, updated_at = excluded.updated_at, updated_by = excluded.updated_by";
    GET = "invites.get": concat!("SELECT ", columns!(), " FROM invites WHERE tenant_id = $1 AND id = $2");
    GET_BY_EMAIL = "invites.get_by_email":
        concat!("SELECT ", columns!(), " FROM invites WHERE tenant_id = $1 AND email = $2");
    FIND_BY_CODE = "invites.find_by_code":
        concat!("SELECT ", columns!(), " FROM invites WHERE code_hash = $1");
    COUNT = "invites.count": "SELECT COUNT(*) AS counted FROM invites WHERE tenant_id = $1";
    SET_ROLE = "invites.set_role":
        "UPDATE invites SET tenant_role = $3, updated_at = $4, updated_by = $5, custom_role = $6
         WHERE tenant_id = $1 AND id = $2";
    DELETE = "invites.delete": "DELETE FROM invites WHERE tenant_id = $1 AND id = $2";
}

/// The fields of an invitation that lists know.
pub static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::same("created_at", Kind::Time),
        Field::same("created_by", Kind::Text),
        Field::new("email_address", "email", Kind::Text),
        Field::same("expires_at", Kind::Time),
        Field::same("id", Kind::Text),
        Field::new("role", "COALESCE(custom_role, tenant_role)", Kind::Text),
        Field::computed("status"),
        Field::same("tenant_id", Kind::Text),
        Field::same("updated_at", Kind::Time),
        Field::same("updated_by", Kind::Text),
    ],
    defaults: Defaults { sort: &["email_address"], search: &["email_address"] },
};

/// Stores an invitation with its code's hash. One of the same address keeps its id, and nothing else.
pub async fn put(tx: &Tx<'_>, invite: &Invite, code_hash: &str) -> Result<(), StoreError> {
    let (role, custom_role) = invite.tenant_role.columns();
    let params = [
        invite.id.into(),
        invite.tenant_id.into(),
        (&invite.email).into(),
        role.into(),
        invite.expires_at.into(),
        invite.created_at.into(),
        (&invite.created_by).into(),
        invite.updated_at.into(),
        (&invite.updated_by).into(),
        code_hash.into(),
        custom_role.into(),
    ];
    tx.execute(&PUT, &params).await?;
    Ok(())
}

/// The invitation of that id.
pub async fn get(read: &impl Read, tenant: TenantId, id: InviteId) -> Result<Option<Invite>, StoreError> {
    read.read_one(&GET, &[tenant.into(), id.into()], decode).await
}

/// The invitation of that address, given in lower case.
pub async fn get_by_email(
    read: &impl Read,
    tenant: TenantId,
    email: &str,
) -> Result<Option<Invite>, StoreError> {
    read.read_one(&GET_BY_EMAIL, &[tenant.into(), email.into()], decode).await
}

/// The invitation that the code with that hash opens, into whichever tenant.
pub async fn find_by_code(read: &impl Read, code_hash: &str) -> Result<Option<Invite>, StoreError> {
    read.read_one(&FIND_BY_CODE, &[code_hash.into()], decode).await
}

/// How many invitations the tenant has.
pub async fn count(read: &impl Read, tenant: TenantId) -> Result<i64, StoreError> {
    read.count(&COUNT, &[tenant.into()]).await
}

/// The tenant's invitations.
pub async fn list(read: &impl Read, tenant: TenantId, query: &Query) -> Result<Page<Invite>, StoreError> {
    let listing =
        Listing { name: "invites.list", columns: columns!(), from: "invites", scope: "tenant_id = $1" };
    page(read, &listing, &[tenant.into()], query, decode).await
}

/// Stores as what somebody is invited; whether there is such an invitation.
pub async fn set_role(tx: &Tx<'_>, invite: &Invite) -> Result<bool, StoreError> {
    let (role, custom_role) = invite.tenant_role.columns();
    let params = [
        invite.tenant_id.into(),
        invite.id.into(),
        role.into(),
        invite.updated_at.into(),
        (&invite.updated_by).into(),
        custom_role.into(),
    ];
    Ok(tx.execute(&SET_ROLE, &params).await? == 1)
}

/// Deletes an invitation; whether there was one.
pub async fn delete(tx: &Tx<'_>, tenant: TenantId, id: InviteId) -> Result<bool, StoreError> {
    Ok(tx.execute(&DELETE, &[tenant.into(), id.into()]).await? == 1)
}

fn decode(row: &Row<'_>) -> Result<Invite, RowError> {
    Ok(Invite {
        id: row.id(0)?,
        tenant_id: row.id(1)?,
        email: row.string(2)?,
        tenant_role: Assigned::named(row.text(3)?),
        expires_at: row.time(4)?,
        created_at: row.time(5)?,
        created_by: row.string(6)?,
        updated_at: row.time(7)?,
        updated_by: row.string(8)?,
    })
}
