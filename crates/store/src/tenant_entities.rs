//! Whom a thing can be shared with: the users and the groups of a tenant, in one list.

use types::TenantId;

use crate::page::{Listing, list as page};
use crate::{Defaults, Field, FieldMap, Kind, Page, Query, Read, StoreError};

/// A user or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// `user` or `group`.
    pub entity_type: String,
    /// The id of the one or the other.
    pub entity_id: String,
    /// Its name.
    pub name: String,
    /// The user's address; empty for a group.
    pub email: String,
}

const FROM: &str = "(SELECT 'user' AS entity_type, id, name, email, tenant_id FROM users
    UNION ALL
    SELECT 'group' AS entity_type, id, name, '' AS email, tenant_id FROM user_groups) AS entities";

/// The fields of an entity that lists know.
pub static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::same("email", Kind::Text),
        Field::new("entity_id", "id", Kind::Text),
        Field::same("entity_type", Kind::Text),
        Field::same("name", Kind::Text),
    ],
    defaults: Defaults { sort: &["name"], search: &["name", "email"] },
};

/// The users and groups of the tenant that a query asks for.
pub async fn list(read: &impl Read, tenant: TenantId, query: &Query) -> Result<Page<Entity>, StoreError> {
    let columns = "entity_type, id, name, email";
    let listing = Listing { name: "tenant_entities.list", columns, from: FROM, scope: "tenant_id = $1" };
    page(read, &listing, &[tenant.into()], query, |row| {
        Ok(Entity {
            entity_type: row.string(0)?,
            entity_id: row.string(1)?,
            name: row.string(2)?,
            email: row.string(3)?,
        })
    })
    .await
}
