//! Apps, which people call dashboards: their rows. What they show is in `app_resources`.

use types::{AppId, TenantId, Timestamp, WorkspaceId};

use crate::page::{Listing, list as page};
use crate::statement::sql;
use crate::{Defaults, Field, FieldMap, Kind, Page, Query, Read, Row, RowError, StoreError, Tx};

/// The unique key that a second app with the same display name meets.
pub const NAME_KEY: &str = "apps_workspace_id_display_name_key";

/// An app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppRow {
    /// Its id.
    pub id: AppId,
    /// The tenant of its workspace.
    pub tenant_id: TenantId,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// What follows from its display name, for addresses.
    pub name: String,
    /// Its name for people, unique in the workspace.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// The name of the collection of actions whose picture it has.
    pub icon: String,
    /// A JSON list of words.
    pub categories: String,
    /// Whether it may be shared with people who are no members of the workspace.
    pub is_portal: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who changed it.
    pub updated_by: String,
}

macro_rules! columns {
    () => {
        "id, tenant_id, workspace_id, name, display_name, description, icon, categories, is_portal, created_at, \
         created_by, updated_at, updated_by"
    };
}

sql! {
    INSERT = "apps.insert": concat!(
        "INSERT INTO apps (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
    );
    GET = "apps.get": concat!("SELECT ", columns!(), " FROM apps WHERE workspace_id = $1 AND id = $2");
    GET_TO_CHANGE = "apps.get_to_change":
        concat!("SELECT ", columns!(), " FROM apps WHERE workspace_id = $1 AND id = $2 {for_update}");
    COUNT = "apps.count": "SELECT COUNT(*) AS counted FROM apps WHERE workspace_id = $1";
    UPDATE = "apps.update":
        "UPDATE apps
         SET name = $3, display_name = $4, description = $5, icon = $6, categories = $7, is_portal = $8,
             updated_at = $9, updated_by = $10
         WHERE workspace_id = $1 AND id = $2";
    DELETE = "apps.delete": "DELETE FROM apps WHERE workspace_id = $1 AND id = $2";
}

/// The fields of an app that lists know.
pub static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::same("categories", Kind::Opaque),
        Field::same("created_at", Kind::Time),
        Field::same("created_by", Kind::Text),
        Field::same("description", Kind::Text),
        Field::same("display_name", Kind::Text),
        Field::computed("icon"),
        Field::same("id", Kind::Text),
        Field::same("is_portal", Kind::Bool),
        Field::same("name", Kind::Text),
        Field::same("tenant_id", Kind::Text),
        Field::same("updated_at", Kind::Time),
        Field::same("updated_by", Kind::Text),
        Field::same("workspace_id", Kind::Text),
    ],
    defaults: Defaults { sort: &["display_name"], search: &["display_name", "description"] },
};

/// Stores a new app. Fails with [`NAME_KEY`] if the name is taken.
pub async fn insert(tx: &Tx<'_>, app: &AppRow) -> Result<(), StoreError> {
    let a = app;
    let params = [
        a.id.into(),
        a.tenant_id.into(),
        a.workspace_id.into(),
        (&a.name).into(),
        (&a.display_name).into(),
        (&a.description).into(),
        (&a.icon).into(),
        (&a.categories).into(),
        a.is_portal.into(),
        a.created_at.into(),
        (&a.created_by).into(),
        a.updated_at.into(),
        (&a.updated_by).into(),
    ];
    tx.execute(&INSERT, &params).await?;
    Ok(())
}

/// Stores what may change of an app. Fails with [`NAME_KEY`] if the name is taken.
pub async fn update(tx: &Tx<'_>, app: &AppRow) -> Result<(), StoreError> {
    let a = app;
    let params = [
        a.workspace_id.into(),
        a.id.into(),
        (&a.name).into(),
        (&a.display_name).into(),
        (&a.description).into(),
        (&a.icon).into(),
        (&a.categories).into(),
        a.is_portal.into(),
        a.updated_at.into(),
        (&a.updated_by).into(),
    ];
    tx.execute(&UPDATE, &params).await?;
    Ok(())
}

/// Deletes an app with what it shows; whether there was one.
pub async fn delete(tx: &Tx<'_>, workspace: WorkspaceId, id: AppId) -> Result<bool, StoreError> {
    Ok(tx.execute(&DELETE, &[workspace.into(), id.into()]).await? == 1)
}

/// The app of that id.
pub async fn get(read: &impl Read, workspace: WorkspaceId, id: AppId) -> Result<Option<AppRow>, StoreError> {
    read.read_one(&GET, &[workspace.into(), id.into()], decode).await
}

/// The app of that id, which nobody else changes or deletes until the transaction has ended.
pub async fn get_to_change(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    id: AppId,
) -> Result<Option<AppRow>, StoreError> {
    tx.read_one(&GET_TO_CHANGE, &[workspace.into(), id.into()], decode).await
}

/// How many apps the workspace has.
pub async fn count(read: &impl Read, workspace: WorkspaceId) -> Result<i64, StoreError> {
    read.count(&COUNT, &[workspace.into()]).await
}

/// The workspace's apps.
pub async fn list(
    read: &impl Read,
    workspace: WorkspaceId,
    query: &Query,
) -> Result<Page<AppRow>, StoreError> {
    let listing =
        Listing { name: "apps.list", columns: columns!(), from: "apps", scope: "workspace_id = $1" };
    page(read, &listing, &[workspace.into()], query, decode).await
}

fn decode(row: &Row<'_>) -> Result<AppRow, RowError> {
    Ok(AppRow {
        id: row.id(0)?,
        tenant_id: row.id(1)?,
        workspace_id: row.id(2)?,
        name: row.string(3)?,
        display_name: row.string(4)?,
        description: row.string(5)?,
        icon: row.string(6)?,
        categories: row.string(7)?,
        is_portal: row.bool(8)?,
        created_at: row.time(9)?,
        created_by: row.string(10)?,
        updated_at: row.time(11)?,
        updated_by: row.string(12)?,
    })
}
