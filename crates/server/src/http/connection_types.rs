//! Connection types: those that ship with the server, and the tenant's own.

use actions::connection_types::{ConnectionType as Definition, FormAttribute, Registry};
use bytes::Bytes;
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;
use store::connection_types::{self, ConnectionType as Row, NAME_KEY};
use store::{Defaults, Field, FieldMap, Kind as FieldKind, StoreError};
use utoipa::ToSchema;

use super::answer::{json, page};
use super::extract::{ListQuery, Query, RawBody};
use crate::connection_kinds::Kind;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};

/// A connection type, with the form that asks for its attributes.
#[derive(Serialize, ToSchema)]
#[schema(as = models::ConnectionType)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct ConnectionType {
    #[schema(value_type = Object)]
    pub attributes: IndexMap<String, FormAttribute>,
    pub category: String,
    pub created_at: i64,
    pub created_by: String,
    pub description: String,
    pub display_name: String,
    pub documentation_url: String,
    pub id: String,
    pub name: String,
    pub oauth_supported: bool,
    pub plugin_name: String,
    pub tenant_id: String,
    pub updated_at: i64,
    pub updated_by: String,
}

impl ConnectionType {
    fn new(ctx: &Ctx, kind: &Kind) -> Self {
        let definition = &kind.definition;
        let row = kind.row.as_ref();
        Self {
            attributes: definition.form_attributes(),
            category: definition.category.clone(),
            created_at: row.map_or(0, |row| row.created_at.as_millis()),
            created_by: row.map(|row| row.created_by.clone()).unwrap_or_default(),
            description: definition.description.clone(),
            display_name: definition.display_name.clone(),
            documentation_url: definition.documentation_url.clone(),
            id: kind.id.to_string(),
            name: definition.name.clone(),
            // Nobody is sent to a tool's consent page yet: tokens are fetched with stored credentials.
            oauth_supported: false,
            plugin_name: definition.plugin_name.clone(),
            tenant_id: ctx.tenant().to_string(),
            updated_at: row.map_or(0, |row| row.updated_at.as_millis()),
            updated_by: row.map(|row| row.updated_by.clone()).unwrap_or_default(),
        }
    }
}

/// The fields that lists know. The list lives in memory, so the columns are the names themselves.
static FIELDS: FieldMap = FieldMap {
    fields: &[
        Field::same("id", FieldKind::Text),
        Field::same("name", FieldKind::Text),
        Field::same("display_name", FieldKind::Text),
        Field::same("description", FieldKind::Text),
        Field::same("category", FieldKind::Text),
        Field::same("plugin_name", FieldKind::Text),
        Field::same("oauth_supported", FieldKind::Bool),
        Field::same("attributes", FieldKind::Opaque),
        Field::same("documentation_url", FieldKind::Text),
        Field::same("tenant_id", FieldKind::Text),
        Field::same("created_at", FieldKind::Time),
        Field::same("created_by", FieldKind::Text),
        Field::same("updated_at", FieldKind::Time),
        Field::same("updated_by", FieldKind::Text),
    ],
    defaults: Defaults { sort: &["name"], search: &["name", "display_name", "description"] },
};

/// Every type.
pub(super) async fn list(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = super::parse_q(list.q.as_deref(), &FIELDS)?;
    let kinds = ctx.app().kinds().list(ctx.tenant()).await?;
    let rows: Vec<ConnectionType> = kinds.iter().map(|kind| ConnectionType::new(&ctx, kind)).collect();
    let values: Result<Vec<Value>, _> = rows.iter().map(serde_json::to_value).collect();
    let (rows, total) = query.apply(values.map_err(ApiError::internal)?);
    page(&query, total, &rows)
}

/// One type, by id or name.
pub(super) async fn get(ctx: Ctx) -> ApiResult {
    let kind = find(&ctx).await?;
    json(&ConnectionType::new(&ctx, &kind))
}

/// A type of the tenant's own.
pub(super) async fn create(ctx: Ctx, RawBody(body): RawBody) -> ApiResult {
    let definition = read_definition(&body)?;
    let taken = || {
        let message = format!("a connection type `{}` exists already", definition.name);
        ApiError::new(&code::CONNECTION_TYPE_NAME_TAKEN, message)
    };
    if Registry::builtin().get(&definition.name).is_some() {
        return Err(taken());
    }
    let (now, user) = (ctx.now(), ctx.user().to_string());
    let row = Row {
        id: ctx.new_id(),
        tenant_id: ctx.tenant(),
        name: definition.name.clone(),
        definition: serde_json::to_string(&definition).map_err(ApiError::internal)?,
        created_at: now,
        created_by: user.clone(),
        updated_at: now,
        updated_by: user,
    };
    let stored = row.clone();
    let audit = ctx.audit("connection_type.created", "connection_type", &row.id.to_string(), &row.name);
    let written = ctx
        .db()
        .write(async move |tx| {
            connection_types::insert(tx, &row).await?;
            store::audit::record(tx, &audit).await
        })
        .await;
    match written {
        Err(StoreError::Duplicate { key }) if key == NAME_KEY => Err(taken()),
        Err(error) => Err(error.into()),
        Ok(()) => {
            let kind = Kind { id: stored.id, definition: definition.into(), row: Some(stored) };
            json(&ConnectionType::new(&ctx, &kind))
        }
    }
}

/// Deletes a type of the tenant's own that no connection has.
pub(super) async fn delete(ctx: Ctx) -> ApiResult {
    let kind = find(&ctx).await?;
    let in_use = |message: String| Err(ApiError::new(&code::CONNECTION_TYPE_IN_USE, message));
    if kind.row.is_none() {
        return in_use(format!("connection type `{}` ships with the server", kind.definition.name));
    }
    if connection_types::is_used(ctx.db(), ctx.tenant(), kind.id).await? {
        return in_use(format!("connections of type `{}` exist", kind.definition.name));
    }
    let (tenant, id) = (ctx.tenant(), kind.id);
    let audit =
        ctx.audit("connection_type.deleted", "connection_type", &id.to_string(), &kind.definition.name);
    ctx.db()
        .write(async move |tx| {
            connection_types::delete(tx, tenant, id).await?;
            store::audit::record(tx, &audit).await
        })
        .await?;
    json(&id)
}

async fn find(ctx: &Ctx) -> ApiResult<Kind> {
    ctx.app().kinds().find_by_text(ctx.tenant(), ctx.id_text()).await?.ok_or_else(|| {
        ApiError::new(&code::CONNECTION_TYPE_NOT_FOUND, "Cannot find Connection type")
            .with_details(format!("there is no connection type `{}`", super::excerpt(ctx.id_text())))
    })
}

fn read_definition(body: &Bytes) -> ApiResult<Definition> {
    let invalid = |message: String| ApiError::new(&code::CONNECTION_TYPE_INVALID, message);
    let text = std::str::from_utf8(body).map_err(|_| invalid("the body is not UTF-8".to_owned()))?;
    Definition::from_request(text).map_err(|error| {
        let problems: serde_json::Map<String, Value> = error
            .problems
            .iter()
            .map(|problem| (problem.key.clone(), problem.message.clone().into()))
            .collect();
        let first = error.problems.first().map(|problem| format!("`{}`: {}", problem.key, problem.message));
        invalid(format!("the connection type cannot be used: {}", first.unwrap_or_default()))
            .with_user_error("fields", problems)
    })
}
