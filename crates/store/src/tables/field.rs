//! The fields of tables: their types, which never change, and their attributes, which may.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use types::{TableFieldId, TableId, Timestamp, WorkspaceId};

use super::{UNIQUE_TEXT_BYTES_MAX, physical};
use crate::statement::sql;
use crate::{Read, Row, RowError, StoreError, Tx, blobs};

/// The unique key that a second field with the same name meets.
pub const FIELD_NAME_KEY: &str = "table_fields_table_id_name_key";

macro_rules! field_types {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// What a field holds.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum FieldType { $($(#[$doc])* $name,)* }

        impl FieldType {
            /// Every type there is.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The public name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

field_types! {
    /// Text of one line or a few.
    Text = "text";
    /// Text of any length.
    LongText = "long-text";
    /// A number, whole or not.
    Number = "number";
    /// Milliseconds.
    Duration = "duration";
    /// One of the options; if there are none, one of five words from `informational` to `critical`.
    RiskLevel = "risk-level";
    /// True or false.
    Checkbox = "checkbox";
    /// One of the options.
    SingleSelect = "single-select";
    /// Some of the options.
    MultiSelect = "multi-select";
    /// A list of texts.
    List = "list";
    /// The id of a record of another table.
    Reference = "reference";
    /// One of the options, or any text if there are none.
    Status = "status";
    /// A person, by id or address.
    User = "user";
    /// An instant, milliseconds since the epoch.
    Date = "date";
    /// Holds nothing: clients show something to press.
    Button = "button";
    /// The instant at which something is due, milliseconds since the epoch.
    Sla = "sla";
    /// The name of a vendor.
    Vendor = "vendor";
    /// Names of vendors.
    Vendors = "vendors";
    /// A file.
    Attachment = "attachment";
}

impl FieldType {
    /// The type of that public name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// Whether its values can be kept apart or found by an index.
    pub const fn is_indexable(self) -> bool {
        !matches!(
            self,
            Self::LongText | Self::MultiSelect | Self::List | Self::Vendors | Self::Button | Self::Attachment
        )
    }

    /// Whether there is nothing to choose from without options.
    pub const fn needs_options(self) -> bool {
        matches!(self, Self::SingleSelect | Self::MultiSelect)
    }

    /// Whether it can have options.
    pub const fn takes_options(self) -> bool {
        self.needs_options() || matches!(self, Self::Status | Self::RiskLevel)
    }
}

/// What a reference refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TableReference {
    /// The target's name, which never changes.
    pub table_name: String,
    /// The target's field that clients show in place of the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name_field: Option<String>,
}

/// What may change of a field's meaning.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attributes {
    /// A record that is written must have a value.
    pub required: bool,
    /// No two records have the same value.
    pub is_unique: bool,
    /// Records are found and sorted by it quickly.
    pub indexed: bool,
    /// What a new record gets that has no value; null for none.
    pub default_value: Json,
    /// What can be chosen from.
    pub options: Vec<String>,
    /// What a reference refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_reference: Option<TableReference>,
    /// Whether clients show the time of a date.
    pub include_time: bool,
}

/// A field.
#[derive(Clone, Debug, PartialEq)]
pub struct TableField {
    /// Its id.
    pub id: TableFieldId,
    /// The table it belongs to.
    pub table_id: TableId,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// The name in records, unique in the table; never changes.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// What it holds; never changes.
    pub field_type: FieldType,
    /// The rest of its meaning.
    pub attributes: Attributes,
    /// The number of its column.
    pub column_number: i64,
    /// What a reference refers to; never changes.
    pub reference_table_id: Option<TableId>,
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
        "id, table_id, workspace_id, name, display_name, description, type, attributes, column_number, \
         reference_table_id, created_at, created_by, updated_at, updated_by"
    };
}

sql! {
    INSERT = "table_fields.insert": concat!(
        "INSERT INTO table_fields (", columns!(), ") \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
    );
    LIST = "table_fields.list": concat!(
        "SELECT ", columns!(), " FROM table_fields WHERE workspace_id = $1 AND table_id = $2 ORDER BY column_number"
    );
    UPDATE = "table_fields.update":
        "UPDATE table_fields SET display_name = $3, description = $4, attributes = $5, updated_at = $6, updated_by = $7
         WHERE workspace_id = $1 AND id = $2";
    DELETE = "table_fields.delete": "DELETE FROM table_fields WHERE workspace_id = $1 AND id = $2";
}

/// Adds a field and its column to a table that the transaction holds. Fails with [`FIELD_NAME_KEY`] if the name is
/// taken.
pub async fn insert_field(tx: &Tx<'_>, field: &TableField) -> Result<(), StoreError> {
    let f = field;
    let params = [
        f.id.into(),
        f.table_id.into(),
        f.workspace_id.into(),
        (&f.name).into(),
        (&f.display_name).into(),
        (&f.description).into(),
        f.field_type.as_str().into(),
        attributes_text(f)?.into(),
        f.column_number.into(),
        f.reference_table_id.into(),
        f.created_at.into(),
        (&f.created_by).into(),
        f.updated_at.into(),
        (&f.updated_by).into(),
    ];
    tx.execute(&INSERT, &params).await?;
    physical::add_column(tx, field).await
}

/// Stores what may change of a field, and changes its index if `before` had another one. Fails with
/// [`StoreError::Duplicate`] if values are to be unique and are not; the answer is false, and nothing changes, if a
/// value is too long to be unique or indexed.
pub async fn update_field(tx: &Tx<'_>, before: &TableField, field: &TableField) -> Result<bool, StoreError> {
    let wants = |field: &TableField| (field.attributes.is_unique, field.attributes.indexed);
    let is_indexed = |field: &TableField| field.attributes.is_unique || field.attributes.indexed;
    let is_text =
        matches!(field.field_type, FieldType::Text | FieldType::User | FieldType::Status | FieldType::Vendor);
    if is_text
        && is_indexed(field)
        && !is_indexed(before)
        && physical::has_longer_than(tx, field, UNIQUE_TEXT_BYTES_MAX).await?
    {
        return Ok(false);
    }
    let params = [
        field.workspace_id.into(),
        field.id.into(),
        (&field.display_name).into(),
        (&field.description).into(),
        attributes_text(field)?.into(),
        field.updated_at.into(),
        (&field.updated_by).into(),
    ];
    tx.execute(&UPDATE, &params).await?;
    if wants(before) != wants(field) {
        physical::set_indexes(tx, field).await?;
    }
    Ok(true)
}

/// Removes a field with all its values.
pub async fn delete_field(tx: &Tx<'_>, field: &TableField) -> Result<(), StoreError> {
    if field.field_type == FieldType::Attachment {
        blobs::look_soon_of_table(tx, field.workspace_id, field.table_id).await?;
    }
    tx.execute(&DELETE, &[field.workspace_id.into(), field.id.into()]).await?;
    physical::drop_column(tx, field).await
}

/// The fields of a table, in the order of their making.
pub async fn fields(
    read: &impl Read,
    workspace: WorkspaceId,
    table: TableId,
) -> Result<Vec<TableField>, StoreError> {
    read.read_all(&LIST, &[workspace.into(), table.into()], decode).await
}

fn attributes_text(field: &TableField) -> Result<String, StoreError> {
    serde_json::to_string(&field.attributes).map_err(|error| StoreError::Misused(error.to_string()))
}

fn decode(row: &Row<'_>) -> Result<TableField, RowError> {
    Ok(TableField {
        id: row.id(0)?,
        table_id: row.id(1)?,
        workspace_id: row.id(2)?,
        name: row.string(3)?,
        display_name: row.string(4)?,
        description: row.string(5)?,
        field_type: row.word(6, FieldType::from_name)?,
        attributes: serde_json::from_str(row.text(7)?).map_err(|error| RowError::new(7, error))?,
        column_number: row.int(8)?,
        reference_table_id: row.opt_id(9)?,
        created_at: row.time(10)?,
        created_by: row.string(11)?,
        updated_at: row.time(12)?,
        updated_by: row.string(13)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_types() {
        assert!(FieldType::ALL.iter().all(|kind| FieldType::from_name(kind.as_str()) == Some(*kind)));
        assert_eq!(FieldType::from_name("sys-id"), None);
    }
}
