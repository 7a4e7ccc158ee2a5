//! What users keep for their own clients: named texts.

use types::{TenantId, Timestamp, UserId, UserSettingId};

use crate::statement::sql;
use crate::{Read, Row, RowError, StoreError, Tx};

/// One named text of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSetting {
    /// Its id.
    pub id: UserSettingId,
    /// Whose it is.
    pub user_id: UserId,
    /// Its name, unique for the user.
    pub name: String,
    /// The text.
    pub value: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it was last set.
    pub updated_at: Timestamp,
    /// Who set it.
    pub updated_by: String,
}

sql! {
    PUT = "user_settings.put":
        "INSERT INTO user_settings (id, user_id, name, value, created_at, created_by, updated_at, updated_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (user_id, name) DO UPDATE
         SET value = excluded.value, updated_at = excluded.updated_at, updated_by = excluded.updated_by";
    LIST = "user_settings.list":
        "SELECT s.id, s.user_id, s.name, s.value, s.created_at, s.created_by, s.updated_at, s.updated_by
         FROM user_settings s JOIN users u ON u.id = s.user_id
         WHERE u.tenant_id = $1 AND s.user_id = $2 ORDER BY s.name, s.id";
}

/// Stores a named text of a user; one of the same name keeps its id and its beginning.
pub async fn put(tx: &Tx<'_>, setting: &UserSetting) -> Result<(), StoreError> {
    let params = [
        setting.id.into(),
        setting.user_id.into(),
        (&setting.name).into(),
        (&setting.value).into(),
        setting.created_at.into(),
        (&setting.created_by).into(),
        setting.updated_at.into(),
        (&setting.updated_by).into(),
    ];
    tx.execute(&PUT, &params).await?;
    Ok(())
}

/// Everything that the user keeps, by name.
pub async fn list(read: &impl Read, tenant: TenantId, user: UserId) -> Result<Vec<UserSetting>, StoreError> {
    read.read_all(&LIST, &[tenant.into(), user.into()], decode).await
}

fn decode(row: &Row<'_>) -> Result<UserSetting, RowError> {
    Ok(UserSetting {
        id: row.id(0)?,
        user_id: row.id(1)?,
        name: row.string(2)?,
        value: row.string(3)?,
        created_at: row.time(4)?,
        created_by: row.string(5)?,
        updated_at: row.time(6)?,
        updated_by: row.string(7)?,
    })
}
