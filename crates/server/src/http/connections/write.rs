//! From what a caller says of a connection to the row that is stored: checks everything, seals the secrets.

use std::collections::BTreeMap;

use actions::connection_types::{ConnectionType, attribute_texts, validate_attributes};
use actions::http::Attributes;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use store::StoreError;
use store::audit::AuditEntry;
use store::connections::{Connection as Row, NAME_KEY};
use types::ConnectionTypeId;
use types::limits::SECRET_MASK;

use super::model::{Connection, ConnectionInput};
use crate::connection_kinds::Kind;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::names::{check_name, check_tags, check_text};

/// Bytes of the name of a secret manager.
const SECRET_MANAGER_NAME_BYTES_MAX: usize = 64;
/// Usable, as far as is known.
pub(super) const STATUS_ACTIVE: &str = "Active";
/// Switched off.
const STATUS_INACTIVE: &str = "Inactive";
/// The last test failed.
pub(super) const STATUS_FAILING: &str = "Failing";

/// A connection that can be tested.
pub(super) struct Candidate {
    pub(super) kind: Arc<ConnectionType>,
    pub(super) attributes: Attributes,
}

/// The row of a new connection.
pub(super) async fn new_row(ctx: &Ctx, input: ConnectionInput) -> ApiResult<Row> {
    let name = check_name("connection", input.name.as_deref())?;
    check_texts(&input)?;
    let kind = find_kind(ctx, &input).await?;
    let secret_manager = secret_manager(input.secret_manager.as_deref())?.unwrap_or_default();
    let given = given_attributes(input.attributes)?;
    let attributes = complete(&kind.definition, given, &Attributes::new(), &secret_manager)?;
    let (id, now, user) = (ctx.new_id(), ctx.now(), ctx.user().to_string());
    let (public, secret) = split(&kind.definition, &attributes);
    let sealed =
        ctx.app().vault().seal(ctx.workspace(), id, &secret, now).await.map_err(ApiError::internal)?;
    let active = input.active.unwrap_or(true);
    let runner_group = runner_group(ctx, input.runner_group.as_deref()).await?.unwrap_or_default();
    Ok(Row {
        id,
        tenant_id: ctx.tenant(),
        workspace_id: ctx.workspace(),
        display_name: input.display_name.filter(|text| !text.is_empty()).unwrap_or_else(|| name.clone()),
        full_name: name.clone(),
        name,
        description: input.description.unwrap_or_default(),
        connection_type_id: kind.id,
        type_name: kind.definition.name.clone(),
        status: status(active).to_owned(),
        external_id: input.external_id.unwrap_or_default(),
        secret_manager,
        creation_method: "manual".to_owned(),
        creation_location: "api".to_owned(),
        created_with_o_auth: false,
        active,
        runner_group,
        tags: json!(input.tags.unwrap_or_default()).to_string(),
        attributes: public.to_string(),
        sealed: sealed.json,
        data_key_version: sealed.data_key_version,
        row_version: 1,
        created_at: now,
        created_by: user.clone(),
        updated_at: now,
        updated_by: user,
    })
}

/// The row with what the caller changes.
pub(super) async fn changed_row(ctx: &Ctx, mut row: Row, input: ConnectionInput) -> ApiResult<Row> {
    if input.name.is_some() {
        row.name = check_name("connection", input.name.as_deref())?;
        row.full_name.clone_from(&row.name);
    }
    check_texts(&input)?;
    refuse_other_kind(ctx, &row, &input).await?;
    let moved = secret_manager(input.secret_manager.as_deref())?.filter(|name| *name != row.secret_manager);
    if let Some(manager) = moved {
        refuse_kept_secrets(&row, input.attributes.as_ref(), &manager)?;
        row.secret_manager = manager;
    }
    if let Some(attributes) = input.attributes {
        let kind = kind_of(ctx, row.connection_type_id).await?;
        let stored = ctx.app().vault().open(&row).await.map_err(ApiError::internal)?;
        let given = merged(&row, given_attributes(Some(attributes))?)?;
        refuse_new_destination(&kind.definition, Some(&row), &given)?;
        let attributes = complete(&kind.definition, given, &stored, &row.secret_manager)?;
        let (public, secret) = split(&kind.definition, &attributes);
        let sealed = ctx.app().vault().seal(row.workspace_id, row.id, &secret, ctx.now()).await;
        let sealed = sealed.map_err(ApiError::internal)?;
        row.attributes = public.to_string();
        row.sealed = sealed.json;
        row.data_key_version = sealed.data_key_version;
    }
    if let Some(group) = runner_group(ctx, input.runner_group.as_deref()).await? {
        row.runner_group = group;
    }
    row.display_name = input.display_name.unwrap_or(row.display_name);
    row.description = input.description.unwrap_or(row.description);
    row.external_id = input.external_id.unwrap_or(row.external_id);
    if let Some(tags) = input.tags {
        row.tags = json!(tags).to_string();
    }
    row.active = input.active.unwrap_or(row.active);
    // What a test found out was about the connection as it was.
    row.status = status(row.active).to_owned();
    row.updated_at = ctx.now();
    row.updated_by = ctx.user().to_string();
    Ok(row)
}

/// What is to be tested: the stored connection with the changes that the caller is about to make, or a new one.
pub(super) async fn candidate(
    ctx: &Ctx,
    stored: Option<&Row>,
    input: ConnectionInput,
) -> ApiResult<Candidate> {
    let named = secret_manager(input.secret_manager.as_deref())?;
    let manager = named.or(stored.map(|row| row.secret_manager.clone())).unwrap_or_default();
    if !manager.is_empty() {
        let message = format!(
            "the secrets are kept by `{manager}`, which the connection's runners reach and the server does not: a workflow \
             on such a runner tests it"
        );
        return Err(ApiError::new(&code::CONNECTION_TEST_FAILED, message));
    }
    let (kind, kept, given) = match stored {
        Some(row) => {
            let kind = kind_of(ctx, row.connection_type_id).await?;
            let kept = ctx.app().vault().open(row).await.map_err(ApiError::internal)?;
            (kind, kept, merged(row, given_attributes(input.attributes)?)?)
        }
        None => {
            let kind = find_kind(ctx, &input).await?;
            (kind, Attributes::new(), given_attributes(input.attributes)?)
        }
    };
    refuse_new_destination(&kind.definition, stored, &given)?;
    let attributes = complete(&kind.definition, given, &kept, &manager)?;
    Ok(Candidate { kind: kind.definition, attributes: attribute_texts(&attributes) })
}

/// The audit entry of something the caller did with a connection.
pub(super) fn audit(ctx: &Ctx, action: &str, row: &Row, host: Option<String>) -> AuditEntry {
    AuditEntry { host, ..ctx.audit(action, "connection", &row.id.to_string(), &row.name) }
}

/// The connection as the audit log shows it: what the API shows, secrets as masks, and what lists show besides.
pub(super) fn audited(row: &Row) -> ApiResult<Value> {
    let mut shown = serde_json::to_value(Connection::new(row)?).map_err(ApiError::internal)?;
    shown["active"] = row.active.into();
    shown["runner_group"] = row.runner_group.as_str().into();
    shown["tags"] = serde_json::from_str(&row.tags).unwrap_or_default();
    Ok(shown)
}

/// The entry with the names of the secrets that were given: the masks before and after are the same.
pub(super) fn secrets_told(
    entry: AuditEntry,
    row: &Row,
    given: Option<&Map<String, Value>>,
) -> ApiResult<AuditEntry> {
    let public: Map<String, Value> = serde_json::from_str(&row.attributes).map_err(ApiError::internal)?;
    let public = given_attributes(Some(public))?;
    let is_mask = |value: Option<&Value>| value.and_then(Value::as_str) == Some(SECRET_MASK);
    let names: Vec<String> = given_attributes(given.cloned())?
        .into_iter()
        .filter(|(name, value)| is_mask(public.get(name)) && !is_mask(Some(value)))
        .map(|(name, _)| name)
        .collect();
    Ok(if names.is_empty() { entry } else { crate::audit::also(entry, json!({"secrets_set": names})) })
}

/// A second connection of the same name is the caller's to fix.
pub(super) fn name_taken(error: StoreError, name: &str) -> ApiError {
    match error {
        StoreError::Duplicate { key } if key == NAME_KEY => {
            let message = format!("a connection `{name}` exists already; names are unique in the tenant");
            ApiError::new(&code::CONNECTION_NAME_TAKEN, message)
        }
        other => other.into(),
    }
}

const fn status(active: bool) -> &'static str {
    if active { STATUS_ACTIVE } else { STATUS_INACTIVE }
}

fn check_texts(input: &ConnectionInput) -> ApiResult<()> {
    check_text("description", input.description.as_deref())?;
    check_text("display_name", input.display_name.as_deref())?;
    check_text("external_id", input.external_id.as_deref())?;
    check_tags(input.tags.as_deref())
}

/// The name of the runner group that is named, as it is stored; empty for any.
async fn runner_group(ctx: &Ctx, named: Option<&str>) -> ApiResult<Option<String>> {
    let Some(name) = named.map(str::trim) else { return Ok(None) };
    if name.is_empty() {
        return Ok(Some(String::new()));
    }
    match store::runner_groups::get_by_name(ctx.db(), ctx.workspace(), name).await? {
        Some(group) => Ok(Some(group.name)),
        None => {
            let message = format!("the workspace has no runner group `{}`", crate::http::excerpt(name));
            Err(ApiError::new(&code::CONNECTION_INVALID, message))
        }
    }
}

/// The name of the runners' secret manager, if the caller says one; empty for none.
fn secret_manager(named: Option<&str>) -> ApiResult<Option<String>> {
    let Some(name) = named.map(str::trim) else { return Ok(None) };
    if name.len() > SECRET_MANAGER_NAME_BYTES_MAX || name.chars().any(|c| c.is_control() || c == '=') {
        let message = format!(
            "`{}` is no name of a secret manager: at most {SECRET_MANAGER_NAME_BYTES_MAX} bytes without `=`",
            crate::http::excerpt(name)
        );
        return Err(ApiError::new(&code::CONNECTION_INVALID, message));
    }
    Ok(Some(name.to_owned()))
}

/// What is a secret here is no name of one elsewhere, and the other way round.
fn refuse_kept_secrets(row: &Row, given: Option<&Map<String, Value>>, manager: &str) -> ApiResult<()> {
    let stored: Map<String, Value> = serde_json::from_str(&row.attributes).map_err(ApiError::internal)?;
    let given = given_attributes(given.cloned())?;
    let is_masked = |value: &Value| value.as_str() == Some(SECRET_MASK);
    let kept = given_attributes(Some(stored))?
        .into_iter()
        .find(|(name, value)| is_masked(value) && given.get(name).is_none_or(is_masked));
    let Some((name, _)) = kept else { return Ok(()) };
    let message = format!(
        "the secret manager changes to `{manager}`, so that `{name}` and every other secret must be given again"
    );
    Err(ApiError::new(&code::CONNECTION_INVALID, message))
}

async fn find_kind(ctx: &Ctx, input: &ConnectionInput) -> ApiResult<Kind> {
    let named = [&input.connection_type_id, &input.type_name];
    let Some(named) = named.into_iter().flatten().find(|text| !text.is_empty()) else {
        let message = "the connection names no type: `connection_type_id` or `type_name` is needed";
        return Err(ApiError::new(&code::CONNECTION_INVALID, message));
    };
    ctx.app().kinds().find_by_text(ctx.tenant(), named).await?.ok_or_else(|| {
        let message = format!("there is no connection type `{}`", crate::http::excerpt(named));
        ApiError::new(&code::CONNECTION_INVALID, message)
    })
}

async fn kind_of(ctx: &Ctx, id: ConnectionTypeId) -> ApiResult<Kind> {
    let kind = ctx.app().kinds().find(ctx.tenant(), id).await?;
    kind.ok_or_else(|| ApiError::internal(format!("connection type `{id}` is gone")))
}

/// A connection keeps its type: another type has other fields and other hosts.
async fn refuse_other_kind(ctx: &Ctx, row: &Row, input: &ConnectionInput) -> ApiResult<()> {
    if input.connection_type_id.is_none() && input.type_name.is_none() {
        return Ok(());
    }
    if find_kind(ctx, input).await?.id == row.connection_type_id {
        return Ok(());
    }
    let message = format!("connection `{}` is of type `{}`, which cannot change", row.name, row.type_name);
    Err(ApiError::new(&code::CONNECTION_INVALID, message))
}

/// `{"field": {"value": v}}`, or `{"field": v}`, as field -> v.
fn given_attributes(attributes: Option<Map<String, Value>>) -> ApiResult<BTreeMap<String, Value>> {
    let unwrap = |(name, value): (String, Value)| match value {
        Value::Object(mut members) => (name, members.remove("value").unwrap_or(Value::Null)),
        scalar => (name, scalar),
    };
    Ok(attributes.unwrap_or_default().into_iter().map(unwrap).filter(|(_, value)| !value.is_null()).collect())
}

/// The stored public attributes with the given ones laid over them: what is not named stays.
fn merged(row: &Row, given: BTreeMap<String, Value>) -> ApiResult<BTreeMap<String, Value>> {
    let stored: Map<String, Value> = serde_json::from_str(&row.attributes).map_err(ApiError::internal)?;
    let mut all = given_attributes(Some(stored))?;
    all.extend(given);
    Ok(all)
}

/// A secret that stays as it is must not go where it could not go before: who may edit a connection could
/// otherwise point it at a host of their own and read what they cannot see.
fn refuse_new_destination(
    kind: &ConnectionType,
    stored: Option<&Row>,
    given: &BTreeMap<String, Value>,
) -> ApiResult<()> {
    let Some(row) = stored else { return Ok(()) };
    let before = merged(row, BTreeMap::new())?;
    let keeps =
        |(name, value): (&String, &Value)| kind.is_secret(name) && value.as_str() == Some(SECRET_MASK);
    if !given.iter().any(keeps) {
        return Ok(());
    }
    let moved = kind.target_fields().into_iter().find(|field| before.get(*field) != given.get(*field));
    let Some(field) = moved else { return Ok(()) };
    let message = format!(
        "`{field}` decides where the connection's secrets go: to change it, give the secrets again instead of `{SECRET_MASK}`"
    );
    let fields = Map::from_iter([(field.to_owned(), Value::from("the secrets must be given again"))]);
    Err(ApiError::new(&code::CONNECTION_INVALID, message).with_user_error("fields", fields))
}

/// The attributes with masks replaced by what is stored, checked against the type.
fn complete(
    kind: &ConnectionType,
    mut given: BTreeMap<String, Value>,
    stored: &Attributes,
    secret_manager: &str,
) -> ApiResult<BTreeMap<String, Value>> {
    let masked = |(name, value): (&String, &Value)| {
        (kind.is_secret(name) && value.as_str() == Some(SECRET_MASK)).then(|| name.clone())
    };
    let masks: Vec<String> = given.iter().filter_map(masked).collect();
    for name in masks {
        // A mask where nothing is stored keeps nothing: the field counts as missing.
        match stored.get(&name) {
            Some(secret) => given.insert(name, Value::String(secret.expose().clone())),
            None => given.remove(&name),
        };
    }
    // A secret that is kept elsewhere need not look like one here; that it is there is still asked for.
    let is_elsewhere = |field: &str| {
        let is_given = given.get(field).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        !secret_manager.is_empty() && kind.is_secret(field) && is_given
    };
    let errors = validate_attributes(kind, &given).err().unwrap_or_default();
    let errors: Vec<_> = errors.into_iter().filter(|error| !is_elsewhere(&error.field)).collect();
    if !errors.is_empty() {
        let fields: Map<String, Value> =
            errors.iter().map(|error| (error.field.clone(), error.message.clone().into())).collect();
        let list: Vec<String> =
            errors.iter().map(|error| format!("`{}`: {}", error.field, error.message)).collect();
        let message = format!("the attributes do not fit type `{}`: {}", kind.name, list.join("; "));
        return Err(ApiError::new(&code::CONNECTION_INVALID, message).with_user_error("fields", fields));
    }
    Ok(given)
}

/// The public JSON with masks, and the secrets.
fn split(kind: &ConnectionType, attributes: &BTreeMap<String, Value>) -> (Value, Attributes) {
    let is_secret = |name: &str, value: &Value| kind.is_secret(name) && value.as_str() != Some("");
    let public = attributes.iter().map(|(name, value)| {
        let shown = if is_secret(name, value) { Value::from(SECRET_MASK) } else { value.clone() };
        (name.clone(), json!({"value": shown}))
    });
    let secrets: BTreeMap<String, Value> = attributes
        .iter()
        .filter(|(name, value)| is_secret(name, value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    (Value::Object(public.collect()), attribute_texts(&secrets))
}
