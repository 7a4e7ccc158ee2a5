//! The caller's own API keys: list, make, revoke.

use serde::{Deserialize, Serialize};
use store::api_keys::{self, ApiKey as Row};
use types::{ApiKeyId, SystemRng};
use utoipa::ToSchema;

use super::answer::json;
use super::extract::{Body, Query};
use super::names::check_name;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};

/// Keys that one user may have.
const KEYS_MAX: usize = 5;
/// Characters of a key that are kept to recognise it by.
const HINT_CHARS: usize = 8;

/// A key without the key.
#[derive(Serialize, ToSchema)]
#[schema(as = models::ApiKey)]
#[allow(missing_docs)]
pub(crate) struct ApiKey {
    pub created_at: i64,
    pub description: String,
    pub hint: String,
    pub id: String,
    pub last_used_at: i64,
    pub name: String,
}

impl From<&Row> for ApiKey {
    fn from(row: &Row) -> Self {
        Self {
            created_at: row.created_at.as_millis(),
            description: row.description.clone(),
            hint: row.hint.clone(),
            id: row.id.to_string(),
            last_used_at: row.last_used_at.map_or(0, types::Timestamp::as_millis),
            name: row.name.clone(),
        }
    }
}

/// A new key: shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::NewApiKey)]
pub(crate) struct NewApiKey {
    #[serde(flatten)]
    row: ApiKey,
    /// The key itself.
    key: String,
}

/// What a new key is called.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = v1::ApiKeyRequest)]
pub(crate) struct ApiKeyInput {
    /// For people.
    pub name: Option<String>,
    /// What it is for.
    pub description: String,
}

/// The caller's keys.
pub(super) async fn list(ctx: Ctx) -> ApiResult {
    let rows = live(&ctx).await?;
    json(&rows.iter().map(ApiKey::from).collect::<Vec<_>>())
}

/// A new key of the caller.
pub(super) async fn create(ctx: Ctx, Body(input): Body<ApiKeyInput>) -> ApiResult {
    let name = check_name("API key", input.name.as_deref().or(Some("API key")))?;
    if live(&ctx).await?.len() >= KEYS_MAX {
        let message = format!("a user may have {KEYS_MAX} API keys; revoke one first");
        return Err(ApiError::new(&code::API_KEY_LIMIT, message));
    }
    let key = secrets::generate_api_key(&mut SystemRng);
    let row = Row {
        id: ctx.new_id(),
        tenant_id: ctx.tenant(),
        user_id: ctx.user(),
        name,
        description: input.description.chars().take(types::limits::DESCRIPTION_CHARS_MAX).collect(),
        hint: hint_of(key.expose()),
        created_at: ctx.now(),
        last_used_at: None,
        revoked_at: None,
    };
    let shown = NewApiKey { row: ApiKey::from(&row), key: key.expose().clone() };
    let hash = ctx.app().identity().hash(key.expose());
    let audit = ctx.audit("api_key.created", "api_key", &row.id.to_string(), &row.name);
    ctx.db()
        .write(async move |tx| {
            api_keys::insert(tx, &row, &hash).await?;
            store::audit::record(tx, &audit).await
        })
        .await?;
    json(&shown)
}

/// Which key is revoked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RevokeInput {
    id: Option<String>,
}

/// Revokes a key of the caller, at once; named in the query or in the body.
pub(super) async fn revoke(
    ctx: Ctx,
    Query(query): Query<RevokeInput>,
    Body(body): Body<RevokeInput>,
) -> ApiResult {
    let named = query.id.or(body.id).unwrap_or_default();
    let not_found = || {
        let shown = super::excerpt(&named);
        ApiError::new(&code::API_KEY_NOT_FOUND, format!("the caller has no API key `{shown}`"))
    };
    let id: ApiKeyId = named.parse().map_err(|_| not_found())?;
    let keys = live(&ctx).await?;
    let key = keys.iter().find(|key| key.id == id).ok_or_else(not_found)?;
    if keys.len() == 1 {
        return Err(ApiError::new(
            &code::API_KEY_LAST,
            "the last API key cannot be removed: make another one first",
        ));
    }
    let (tenant, user, now) = (ctx.tenant(), ctx.user(), ctx.now());
    let audit = ctx.audit("api_key.revoked", "api_key", &id.to_string(), &key.name);
    ctx.db()
        .write(async move |tx| {
            api_keys::revoke(tx, tenant, user, id, now).await?;
            store::audit::record(tx, &audit).await
        })
        .await?;
    ctx.app().identity().forget_callers();
    json(&id)
}

/// As much of a key as may be shown again.
pub(crate) fn hint_of(key: &str) -> String {
    key.chars().take(HINT_CHARS).collect()
}

async fn live(ctx: &Ctx) -> ApiResult<Vec<Row>> {
    let rows = api_keys::list(ctx.db(), ctx.tenant(), ctx.user()).await?;
    Ok(rows.into_iter().filter(|row| row.revoked_at.is_none()).collect())
}
