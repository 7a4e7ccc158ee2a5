//! The rules of fields: what one may be, and what it may become. Every refusal names the field.

use serde_json::json;
use store::tables::{
    self, Attributes, COLUMNS_EVER_MAX, FIELD_NAME_KEY, FIELDS_MAX, FieldType, SYSTEM_FIELDS, Table,
    TableField,
};
use store::{StoreError, Tx};
use types::TableId;

use super::FieldInput;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::hand::Hand;
use crate::http::excerpt;
use crate::http::names::derived_name;
use crate::http::names::{check_name, check_text};

/// Options of one field.
const OPTIONS_MAX: usize = 1_000;
/// Types that only the system gives to fields.
const SYSTEM_TYPES: [&str; 6] =
    ["sys-id", "sys-time", "sys-record-modifier", "auto-increment-id", "incident", "generic-id"];

/// A field that is to be, by itself: whether it fits its table is seen when it is added.
pub(super) struct Definition {
    name: String,
    display_name: String,
    description: String,
    field_type: FieldType,
    attributes: Attributes,
}

impl Definition {
    pub(super) fn new(input: &FieldInput) -> ApiResult<Self> {
        let display_name = check_name("field", Some(&input.display_name))?;
        let name = derived_name("field", &display_name)?;
        check_text("description", input.description.as_deref())?;
        let field_type = field_type(&name, &input.kind)?;
        let attributes = attributes(&name, field_type, input)?;
        let description = input.description.clone().unwrap_or_default();
        Ok(Self { name, display_name, description, field_type, attributes })
    }
}

/// Adds a field to a table that the transaction holds, and counts the table's columns on; the caller stores the table.
pub(super) async fn add(
    hand: &Hand,
    tx: &Tx<'_>,
    table: &mut Table,
    definition: &Definition,
) -> ApiResult<TableField> {
    let Definition { name, display_name, description, field_type, attributes } = definition;
    let others = tables::fields(tx, table.workspace_id, table.id).await?;
    if SYSTEM_FIELDS.contains(&name.as_str()) || others.iter().any(|other| other.name == *name) {
        return Err(refused(name, "exists in the table already"));
    }
    if others.len() >= FIELDS_MAX {
        return Err(refused(name, format!("is one too many: a table has at most {FIELDS_MAX} fields")));
    }
    if table.next_column > COLUMNS_EVER_MAX {
        let why =
            format!("cannot be added: the table has had {COLUMNS_EVER_MAX} fields, removed ones included");
        return Err(refused(name, why));
    }
    let reference_table_id = target(tx, table, &others, name, attributes).await?;
    let (now, user) = (hand.now, hand.by.clone());
    let mut field = TableField {
        id: hand.new_id(),
        table_id: table.id,
        workspace_id: table.workspace_id,
        name: name.clone(),
        display_name: display_name.clone(),
        description: description.clone(),
        field_type: *field_type,
        attributes: attributes.clone(),
        column_number: table.next_column,
        reference_table_id,
        created_at: now,
        created_by: user.clone(),
        updated_at: now,
        updated_by: user,
    };
    settle_default(&mut field)?;
    tables::insert_field(tx, &field).await.map_err(|error| {
        if error.is_duplicate_of(FIELD_NAME_KEY) {
            return refused(name, "exists in the table already");
        }
        error.into()
    })?;
    table.next_column += 1;
    Ok(field)
}

/// Makes `before` what the input says, in a table that the transaction holds.
pub(super) async fn change(
    ctx: &Ctx,
    tx: &Tx<'_>,
    table: &Table,
    before: &TableField,
    input: &FieldInput,
) -> ApiResult<TableField> {
    let name = &before.name;
    if !input.kind.is_empty() && input.kind != before.field_type.as_str() {
        let why = format!("has the type `{}`, which never changes", before.field_type.as_str());
        return Err(refused(name, why));
    }
    check_text("description", input.description.as_deref())?;
    let attributes = attributes(name, before.field_type, input)?;
    let targets = [&before.attributes, &attributes]
        .map(|attributes| attributes.table_reference.as_ref().map(|reference| &reference.table_name));
    if targets[0] != targets[1] {
        return Err(refused(name, "refers to a table, which never changes"));
    }
    let mut others = tables::fields(tx, table.workspace_id, table.id).await?;
    others.retain(|other| other.id != before.id);
    target(tx, table, &others, name, &attributes).await?;
    let display_name = match input.display_name.as_str() {
        "" => before.display_name.clone(),
        name => check_name("field", Some(name))?,
    };
    let mut field = TableField {
        display_name,
        description: input.description.clone().unwrap_or_else(|| before.description.clone()),
        attributes,
        updated_at: ctx.now(),
        updated_by: ctx.user().to_string(),
        ..before.clone()
    };
    settle_default(&mut field)?;
    match tables::update_field(tx, before, &field).await {
        Ok(true) => Ok(field),
        Ok(false) => {
            let bytes = tables::UNIQUE_TEXT_BYTES_MAX;
            let why =
                format!("has a value of more than {bytes} bytes, so it can be neither unique nor indexed");
            Err(refused(name, why))
        }
        Err(StoreError::Duplicate { .. }) => Err(refused(name, "has equal values in several records")),
        Err(error) => Err(error.into()),
    }
}

fn field_type(name: &str, kind: &str) -> ApiResult<FieldType> {
    if SYSTEM_TYPES.contains(&kind) {
        return Err(refused(name, format!("has the type `{kind}`, which only the system gives")));
    }
    FieldType::from_name(kind).ok_or_else(|| {
        let known: Vec<&str> = FieldType::ALL.iter().map(|kind| kind.as_str()).collect();
        refused(name, format!("has the unknown type `{}`; known are {}", excerpt(kind), known.join(", ")))
    })
}

fn attributes(name: &str, field_type: FieldType, input: &FieldInput) -> ApiResult<Attributes> {
    let attributes = Attributes::from(&input.attributes);
    let kind = field_type.as_str();
    if field_type == FieldType::Attachment
        && let Some(attribute) = not_of_files(&attributes)
    {
        return Err(refused(name, format!("has the type `{kind}`, which takes no `{attribute}`")));
    }
    let options = &attributes.options;
    if field_type.needs_options() && options.is_empty() {
        return Err(refused(name, format!("has the type `{kind}`, which needs `options`")));
    }
    if !field_type.takes_options() && !options.is_empty() {
        return Err(refused(name, format!("has the type `{kind}`, which takes no `options`")));
    }
    if options.len() > OPTIONS_MAX {
        return Err(refused(name, format!("has {} options, more than {OPTIONS_MAX}", options.len())));
    }
    for (index, option) in options.iter().enumerate() {
        check_name("option", Some(option))?;
        if options[..index].contains(option) {
            return Err(refused(name, format!("has the option `{}` twice", excerpt(option))));
        }
    }
    if (attributes.is_unique || attributes.indexed) && !field_type.is_indexable() {
        return Err(refused(name, format!("has the type `{kind}`, which can be neither unique nor indexed")));
    }
    if field_type == FieldType::Button && attributes.required {
        return Err(refused(name, "is a button, which holds no value, so it cannot be required"));
    }
    if attributes.is_unique && !attributes.default_value.is_null() {
        return Err(refused(name, "is unique, so it can have no default value"));
    }
    if attributes.table_reference.is_some() != (field_type == FieldType::Reference) {
        let why = if field_type == FieldType::Reference { "needs" } else { "takes no" };
        return Err(refused(name, format!("has the type `{kind}`, which {why} `table_reference`")));
    }
    Ok(attributes)
}

/// An attribute that says something no file can be, if there is one.
fn not_of_files(attributes: &Attributes) -> Option<&'static str> {
    let said = [
        ("required", attributes.required),
        ("is_unique", attributes.is_unique),
        ("indexed", attributes.indexed),
        ("default_value", !attributes.default_value.is_null()),
        ("options", !attributes.options.is_empty()),
    ];
    said.into_iter().find(|(_, is_said)| *is_said).map(|(name, _)| name)
}

/// The table that a reference refers to. It is held, so that nobody deletes it meanwhile.
async fn target(
    tx: &Tx<'_>,
    table: &Table,
    others: &[TableField],
    name: &str,
    attributes: &Attributes,
) -> ApiResult<Option<TableId>> {
    let Some(reference) = &attributes.table_reference else { return Ok(None) };
    let named = excerpt(&reference.table_name);
    let target = tables::get_to_use(tx, table.workspace_id, &reference.table_name).await?;
    let target = target
        .ok_or_else(|| refused(name, format!("refers to table `{named}`, which the workspace has not")))?;
    if let Some(other) = others.iter().find(|other| other.reference_table_id == Some(target.id)) {
        let why = format!("refers to table `{named}`, as field `{}` does; only one may", other.name);
        return Err(refused(name, why));
    }
    if let Some(shown) = &reference.display_name_field {
        let fields = tables::fields(tx, target.workspace_id, target.id).await?;
        if !SYSTEM_FIELDS.contains(&shown.as_str()) && !fields.iter().any(|field| field.name == *shown) {
            let why = format!("shows field `{}`, which table `{named}` has not", excerpt(shown));
            return Err(refused(name, why));
        }
    }
    Ok(Some(target.id))
}

/// Checks the default value, and keeps it as a value of the field is kept.
fn settle_default(field: &mut TableField) -> ApiResult<()> {
    let given = &field.attributes.default_value;
    let kept =
        field.check(given).map_err(|why| refused(&field.name, format!("{why}, as its default value")))?;
    if field.field_type == FieldType::Reference && !kept.is_null() {
        return Err(refused(&field.name, "is a reference, so it can have no default value"));
    }
    field.attributes.default_value = kept;
    Ok(())
}

/// A refusal about one field: `why` completes "field `x` ...".
fn refused(name: &str, why: impl std::fmt::Display) -> ApiError {
    let name = excerpt(name);
    let why = why.to_string();
    let fields = json!({name.to_string(): why});
    ApiError::new(&code::TABLE_INVALID, format!("field `{name}` {why}")).with_user_error("fields", fields)
}
