//! What apps show: tables, numbers, charts, texts. Their attributes are JSON, whose meaning is the caller's business.

use types::{AppId, AppResourceId, Timestamp, WorkspaceId};

use crate::statement::sql;
use crate::{Read, Row, RowError, StoreError, Tx};

/// Something that an app shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppResource {
    /// Its id.
    pub id: AppResourceId,
    /// The app.
    pub app_id: AppId,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// What it is: the public word. It never changes.
    pub kind: String,
    /// What it shows, as a JSON object.
    pub attributes: String,
    /// Where it lies and how large it is, as a JSON object.
    pub display_config: String,
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
        "id, app_id, workspace_id, type, attributes, display_config, created_at, created_by, updated_at, updated_by"
    };
}

sql! {
    INSERT = "app_resources.insert": concat!(
        "INSERT INTO app_resources (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    );
    GET = "app_resources.get": concat!(
        "SELECT ", columns!(), " FROM app_resources WHERE workspace_id = $1 AND app_id = $2 AND id = $3"
    );
    LIST = "app_resources.list": concat!(
        "SELECT ", columns!(), " FROM app_resources WHERE workspace_id = $1 AND app_id = $2 ORDER BY created_at, id"
    );
    COUNT = "app_resources.count": "SELECT COUNT(*) AS counted FROM app_resources WHERE workspace_id = $1 AND app_id = $2";
    UPDATE = "app_resources.update":
        "UPDATE app_resources SET attributes = $4, display_config = $5, updated_at = $6, updated_by = $7
         WHERE workspace_id = $1 AND app_id = $2 AND id = $3";
    DELETE = "app_resources.delete":
        "DELETE FROM app_resources WHERE workspace_id = $1 AND app_id = $2 AND id = $3";
}

/// Stores a new resource of an app.
pub async fn insert(tx: &Tx<'_>, resource: &AppResource) -> Result<(), StoreError> {
    let r = resource;
    let params = [
        r.id.into(),
        r.app_id.into(),
        r.workspace_id.into(),
        (&r.kind).into(),
        (&r.attributes).into(),
        (&r.display_config).into(),
        r.created_at.into(),
        (&r.created_by).into(),
        r.updated_at.into(),
        (&r.updated_by).into(),
    ];
    tx.execute(&INSERT, &params).await?;
    Ok(())
}

/// Stores what may change of a resource; whether there is such a one.
pub async fn update(tx: &Tx<'_>, resource: &AppResource) -> Result<bool, StoreError> {
    let r = resource;
    let params = [
        r.workspace_id.into(),
        r.app_id.into(),
        r.id.into(),
        (&r.attributes).into(),
        (&r.display_config).into(),
        r.updated_at.into(),
        (&r.updated_by).into(),
    ];
    Ok(tx.execute(&UPDATE, &params).await? == 1)
}

/// Deletes a resource; whether there was one.
pub async fn delete(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    app: AppId,
    id: AppResourceId,
) -> Result<bool, StoreError> {
    Ok(tx.execute(&DELETE, &[workspace.into(), app.into(), id.into()]).await? == 1)
}

/// The resource of that id in the app.
pub async fn get(
    read: &impl Read,
    workspace: WorkspaceId,
    app: AppId,
    id: AppResourceId,
) -> Result<Option<AppResource>, StoreError> {
    read.read_one(&GET, &[workspace.into(), app.into(), id.into()], decode).await
}

/// What the app shows, in the order of making.
pub async fn list(
    read: &impl Read,
    workspace: WorkspaceId,
    app: AppId,
) -> Result<Vec<AppResource>, StoreError> {
    read.read_all(&LIST, &[workspace.into(), app.into()], decode).await
}

/// How many resources the app has.
pub async fn count(read: &impl Read, workspace: WorkspaceId, app: AppId) -> Result<i64, StoreError> {
    read.count(&COUNT, &[workspace.into(), app.into()]).await
}

fn decode(row: &Row<'_>) -> Result<AppResource, RowError> {
    Ok(AppResource {
        id: row.id(0)?,
        app_id: row.id(1)?,
        workspace_id: row.id(2)?,
        kind: row.string(3)?,
        attributes: row.string(4)?,
        display_config: row.string(5)?,
        created_at: row.time(6)?,
        created_by: row.string(7)?,
        updated_at: row.time(8)?,
        updated_by: row.string(9)?,
    })
}
