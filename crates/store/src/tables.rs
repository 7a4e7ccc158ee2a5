//! Tables of workspaces: what they are called and which fields they have. The records of each lie in a physical table
//! (`physical`), which is made and changed in the transaction of the rows here: a crash leaves both or neither.
//! Whoever changes a table holds its row exclusively, whoever writes records shares it.

mod cell;
mod field;
mod physical;

use types::{TableId, TenantId, Timestamp, WorkspaceId};

use crate::page::{Listing, list as page};
use crate::statement::sql;
use crate::{Defaults, Field, FieldMap, Kind, Page, Query, Read, Row, RowError, StoreError, Tx, blobs};

pub use cell::{
    LIST_VALUES_MAX, LONG_TEXT_CHARS_MAX, NUMBER_WHOLE_MAX, TEXT_CHARS_MAX, UNIQUE_TEXT_BYTES_MAX,
};
pub use field::{
    Attributes, FIELD_NAME_KEY, FieldType, TableField, TableReference, delete_field, fields, insert_field,
    update_field,
};
pub use physical::records_count;
pub(crate) use physical::{Name, cast_type};

/// The unique key that a second table with the same name meets.
pub const NAME_KEY: &str = "tables_workspace_id_name_key";
/// Tables of one workspace.
pub const TABLES_MAX: i64 = 500;
/// Fields of one table, the system's five left out.
pub const FIELDS_MAX: usize = 200;
/// Columns that a table may ever have had. PostgreSQL counts those that were removed too, and ends at 1,600.
pub const COLUMNS_EVER_MAX: i64 = 1_500;
/// The columns that every table has; a field's name is none of them.
pub const SYSTEM_FIELDS: [&str; 5] = ["id", "created_at", "created_by", "updated_at", "updated_by"];

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its id.
    pub id: TableId,
    /// The tenant of its workspace.
    pub tenant_id: TenantId,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// The name in URLs and workflows, unique in the workspace; never changes.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// A JSON object which is the clients' own.
    pub settings: String,
    /// The number of the next field's column.
    pub next_column: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it was last changed, its fields included.
    pub updated_at: Timestamp,
    /// Who changed it.
    pub updated_by: String,
}

/// A field of another table that refers to a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferredBy {
    /// The other table's name.
    pub table: String,
    /// The field's name.
    pub field: String,
}

macro_rules! columns {
    () => {
        "id, tenant_id, workspace_id, name, display_name, description, settings, next_column, created_at, \
         created_by, updated_at, updated_by"
    };
}

sql! {
    INSERT = "tables.insert":
        concat!("INSERT INTO tables (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)");
    GET = "tables.get": concat!("SELECT ", columns!(), " FROM tables WHERE workspace_id = $1 AND name = $2");
    GET_TO_CHANGE = "tables.get_to_change":
        concat!("SELECT ", columns!(), " FROM tables WHERE workspace_id = $1 AND name = $2 {for_update}");
    GET_TO_USE = "tables.get_to_use":
        concat!("SELECT ", columns!(), " FROM tables WHERE workspace_id = $1 AND name = $2 {for_share}");
    COUNT = "tables.count": "SELECT COUNT(*) AS total FROM tables WHERE workspace_id = $1";
    GET_BY_ID = "tables.get_by_id": concat!("SELECT ", columns!(), " FROM tables WHERE workspace_id = $1 AND id = $2");
    UPDATE = "tables.update":
        "UPDATE tables
         SET display_name = $3, description = $4, settings = $5, next_column = $6, updated_at = $7, updated_by = $8
         WHERE workspace_id = $1 AND id = $2";
    DELETE_FIELDS = "table_fields.delete_all": "DELETE FROM table_fields WHERE workspace_id = $1 AND table_id = $2";
    DELETE = "tables.delete": "DELETE FROM tables WHERE workspace_id = $1 AND id = $2";
    REFERRED_BY = "table_fields.referred_by":
        "SELECT t.name, f.name
         FROM table_fields f JOIN tables t ON t.id = f.table_id
         WHERE f.workspace_id = $1 AND f.reference_table_id = $2 AND f.table_id <> $2
         ORDER BY t.name, f.name";
}

/// The fields of a table that lists of tables know.
pub static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::same("id", Kind::Text),
        Field::same("name", Kind::Text),
        Field::same("display_name", Kind::Text),
        Field::same("description", Kind::Text),
        Field::same("settings", Kind::Opaque),
        Field::same("created_at", Kind::Time),
        Field::same("created_by", Kind::Text),
        Field::same("updated_at", Kind::Time),
        Field::same("updated_by", Kind::Text),
        Field::computed("estimated_records_count"),
    ],
    defaults: Defaults { sort: &["name"], search: &["name", "display_name"] },
};

/// Makes a table without fields, and where its records will lie. Fails with [`NAME_KEY`] if the name is taken.
pub async fn insert(tx: &Tx<'_>, table: &Table) -> Result<(), StoreError> {
    let t = table;
    let params = [
        t.id.into(),
        t.tenant_id.into(),
        t.workspace_id.into(),
        (&t.name).into(),
        (&t.display_name).into(),
        (&t.description).into(),
        (&t.settings).into(),
        t.next_column.into(),
        t.created_at.into(),
        (&t.created_by).into(),
        t.updated_at.into(),
        (&t.updated_by).into(),
    ];
    tx.execute(&INSERT, &params).await?;
    physical::create(tx, t.id).await
}

/// Stores what may change of a table that is held by [`get_to_change`].
pub async fn update(tx: &Tx<'_>, table: &Table) -> Result<(), StoreError> {
    let t = table;
    let params = [
        t.workspace_id.into(),
        t.id.into(),
        (&t.display_name).into(),
        (&t.description).into(),
        (&t.settings).into(),
        t.next_column.into(),
        t.updated_at.into(),
        (&t.updated_by).into(),
    ];
    tx.execute(&UPDATE, &params).await?;
    Ok(())
}

/// Deletes a table that is held by [`get_to_change`], with its fields and records. Fails with
/// [`StoreError::Reference`] while another table refers to it.
pub async fn delete(tx: &Tx<'_>, table: &Table) -> Result<(), StoreError> {
    blobs::look_soon_of_table(tx, table.workspace_id, table.id).await?;
    let params = [table.workspace_id.into(), table.id.into()];
    tx.execute(&DELETE_FIELDS, &params).await?;
    tx.execute(&DELETE, &params).await?;
    physical::drop(tx, table.id).await
}

/// The table of that name.
pub async fn get(read: &impl Read, workspace: WorkspaceId, name: &str) -> Result<Option<Table>, StoreError> {
    read.read_one(&GET, &[workspace.into(), name.into()], decode).await
}

/// The table of that id.
pub async fn get_by_id(
    read: &impl Read,
    workspace: WorkspaceId,
    id: TableId,
) -> Result<Option<Table>, StoreError> {
    read.read_one(&GET_BY_ID, &[workspace.into(), id.into()], decode).await
}

/// The table of that name, which nobody else changes, deletes or writes to until the transaction has ended.
pub async fn get_to_change(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Option<Table>, StoreError> {
    tx.read_one(&GET_TO_CHANGE, &[workspace.into(), name.into()], decode).await
}

/// The table of that name, which nobody changes or deletes until the transaction has ended.
pub async fn get_to_use(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Option<Table>, StoreError> {
    tx.read_one(&GET_TO_USE, &[workspace.into(), name.into()], decode).await
}

/// How many tables the workspace has.
pub async fn count(read: &impl Read, workspace: WorkspaceId) -> Result<i64, StoreError> {
    read.count(&COUNT, &[workspace.into()]).await
}

/// The workspace's tables.
pub async fn list(
    read: &impl Read,
    workspace: WorkspaceId,
    query: &Query,
) -> Result<Page<Table>, StoreError> {
    let listing =
        Listing { name: "tables.list", columns: columns!(), from: "tables", scope: "workspace_id = $1" };
    page(read, &listing, &[workspace.into()], query, decode).await
}

/// The fields of other tables that refer to this one.
pub async fn referred_by(
    read: &impl Read,
    workspace: WorkspaceId,
    id: TableId,
) -> Result<Vec<ReferredBy>, StoreError> {
    read.read_all(&REFERRED_BY, &[workspace.into(), id.into()], |row| {
        Ok(ReferredBy { table: row.string(0)?, field: row.string(1)? })
    })
    .await
}

fn decode(row: &Row<'_>) -> Result<Table, RowError> {
    Ok(Table {
        id: row.id(0)?,
        tenant_id: row.id(1)?,
        workspace_id: row.id(2)?,
        name: row.string(3)?,
        display_name: row.string(4)?,
        description: row.string(5)?,
        settings: row.string(6)?,
        next_column: row.int(7)?,
        created_at: row.time(8)?,
        created_by: row.string(9)?,
        updated_at: row.time(10)?,
        updated_by: row.string(11)?,
    })
}
