//! Tables and fields on the wire.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::tables::{Attributes, SYSTEM_FIELDS, Table as Row, TableField, TableReference};
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult};

/// A table.
#[derive(Serialize, ToSchema)]
#[schema(as = models::Table)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct Table {
    pub created_at: i64,
    pub created_by: String,
    pub description: String,
    pub display_name: String,
    /// Records, counted up to 10,000.
    pub estimated_records_count: i64,
    pub id: String,
    pub name: String,
    #[schema(value_type = Object)]
    pub settings: Map<String, Value>,
    pub updated_at: i64,
    pub updated_by: String,
}

impl Table {
    pub(crate) fn new(row: &Row, estimated_records_count: i64) -> ApiResult<Self> {
        Ok(Self {
            created_at: row.created_at.as_millis(),
            created_by: row.created_by.clone(),
            description: row.description.clone(),
            display_name: row.display_name.clone(),
            estimated_records_count,
            id: row.id.to_string(),
            name: row.name.clone(),
            settings: serde_json::from_str(&row.settings).map_err(ApiError::internal)?,
            updated_at: row.updated_at.as_millis(),
            updated_by: row.updated_by.clone(),
        })
    }
}

/// The answer to the making of a table.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::TableResponse)]
pub(crate) struct Made {
    /// The new table.
    pub(super) table: Table,
}

/// A table that is to be.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::CreateTableRequest)]
pub(crate) struct TableInput {
    /// Its name for people; the name in URLs follows from it.
    pub(super) display_name: String,
    /// What it is for.
    pub(super) description: String,
    /// `with_default_fields` adds Name (text) and Number (number).
    pub(super) options: Vec<String>,
    /// Its fields.
    pub(super) fields: Vec<FieldInput>,
}

/// What may change of a table; what is absent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::UpdateTableRequest)]
pub(crate) struct TableUpdate {
    /// Its name for people.
    pub(super) display_name: Option<String>,
    /// What it is for.
    pub(super) description: Option<String>,
    /// Whatever clients keep of it.
    #[schema(value_type = Object)]
    pub(super) settings: Option<Map<String, Value>>,
}

/// A field that is to be, or what it is to become: the attributes are replaced as a whole.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::TableFieldRequest)]
pub(crate) struct FieldInput {
    /// Its name for people; the name in records follows from it.
    pub(super) display_name: String,
    /// What it is for.
    pub(super) description: Option<String>,
    /// What it holds; never changes.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// The rest of its meaning.
    pub(super) attributes: AttributesInput,
}

/// Attributes of a field, as they are written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::TableFieldAttributesRequest)]
pub(crate) struct AttributesInput {
    /// A record that is written must have a value.
    pub(super) required: Option<bool>,
    /// No two records have the same value.
    pub(super) is_unique: Option<bool>,
    /// Records are found and sorted by it quickly.
    pub(super) indexed: Option<bool>,
    /// What a new record gets that has no value.
    pub(super) default_value: Value,
    /// What can be chosen from.
    pub(super) options: Option<Vec<String>>,
    /// What a reference refers to.
    #[schema(value_type = ReferenceInput, required = false)]
    pub(super) table_reference: Option<ReferenceInput>,
    /// Whether clients show the time of a date.
    pub(super) include_time: Option<bool>,
}

/// What a reference refers to, as it is written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::TableReferenceRequest)]
pub(crate) struct ReferenceInput {
    /// The name of the table.
    pub(super) table_name: String,
    /// The field that clients show in place of the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) display_name_field: Option<String>,
}

impl From<&AttributesInput> for Attributes {
    fn from(input: &AttributesInput) -> Self {
        let reference = input.table_reference.as_ref().filter(|reference| !reference.table_name.is_empty());
        let shown = |reference: &ReferenceInput| reference.display_name_field.clone();
        Self {
            required: input.required.unwrap_or(false),
            is_unique: input.is_unique.unwrap_or(false),
            indexed: input.indexed.unwrap_or(false),
            default_value: input.default_value.clone(),
            options: input.options.clone().unwrap_or_default(),
            table_reference: reference.map(|reference| TableReference {
                table_name: reference.table_name.clone(),
                display_name_field: shown(reference).filter(|name| !name.is_empty()),
            }),
            include_time: input.include_time.unwrap_or(false),
        }
    }
}

/// The fields of `with_default_fields`.
pub(super) fn default_fields() -> [FieldInput; 2] {
    [("Name", "text"), ("Number", "number")].map(|(display_name, kind)| FieldInput {
        display_name: display_name.to_owned(),
        kind: kind.to_owned(),
        ..FieldInput::default()
    })
}

/// A field.
#[derive(Serialize, ToSchema)]
#[schema(as = models::TableField)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct Field {
    pub attributes: FieldAttributes,
    pub created_at: i64,
    pub created_by: String,
    pub description: String,
    pub display_name: String,
    /// Empty for the fields that every table has.
    pub id: String,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub updated_at: i64,
    pub updated_by: String,
}

/// Attributes of a field.
#[derive(Serialize, ToSchema)]
#[schema(as = models::TableFieldAttributes)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct FieldAttributes {
    pub default_value: Value,
    pub include_time: bool,
    pub indexed: bool,
    pub is_unique: bool,
    pub options: Vec<String>,
    pub protected: bool,
    pub required: bool,
    pub system: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = ReferenceInput, required = false)]
    pub table_reference: Option<ReferenceInput>,
}

impl From<&Attributes> for FieldAttributes {
    fn from(own: &Attributes) -> Self {
        Self {
            default_value: own.default_value.clone(),
            include_time: own.include_time,
            indexed: own.indexed,
            is_unique: own.is_unique,
            options: own.options.clone(),
            protected: false,
            required: own.required,
            system: false,
            table_reference: own.table_reference.as_ref().map(|reference| ReferenceInput {
                table_name: reference.table_name.clone(),
                display_name_field: reference.display_name_field.clone(),
            }),
        }
    }
}

impl From<&TableField> for Field {
    fn from(row: &TableField) -> Self {
        Self {
            attributes: FieldAttributes::from(&row.attributes),
            created_at: row.created_at.as_millis(),
            created_by: row.created_by.clone(),
            description: row.description.clone(),
            display_name: row.display_name.clone(),
            id: row.id.to_string(),
            name: row.name.clone(),
            kind: row.field_type.as_str().to_owned(),
            updated_at: row.updated_at.as_millis(),
            updated_by: row.updated_by.clone(),
        }
    }
}

/// The fields that every table has.
pub(super) fn system_fields(table: &Row) -> impl Iterator<Item = Field> {
    const SHOWN: [(&str, &str); 5] = [
        ("ID", "sys-id"),
        ("Created At", "sys-time"),
        ("Created By", "sys-record-modifier"),
        ("Updated At", "sys-time"),
        ("Updated By", "sys-record-modifier"),
    ];
    let (created_at, created_by) = (table.created_at.as_millis(), table.created_by.clone());
    SYSTEM_FIELDS.into_iter().zip(SHOWN).map(move |(name, (display_name, kind))| Field {
        attributes: FieldAttributes {
            include_time: kind == "sys-time",
            protected: true,
            system: true,
            ..FieldAttributes::from(&Attributes::default())
        },
        created_at,
        created_by: created_by.clone(),
        description: String::new(),
        display_name: display_name.to_owned(),
        id: String::new(),
        name: name.to_owned(),
        kind: kind.to_owned(),
        updated_at: created_at,
        updated_by: created_by.clone(),
    })
}
