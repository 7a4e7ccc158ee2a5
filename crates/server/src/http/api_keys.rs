//! API keys: list, make, revoke. The caller's own, and for `http/people/service_accounts.rs` those of programs.

use serde::{Deserialize, Serialize};
use store::Tx;
use store::api_keys::{self, ApiKey as Row};
use types::{ApiKeyId, SystemRng, TenantId, UserId};
use utoipa::ToSchema;

use super::answer::json;
use super::extract::{Body, Query};
use super::names::{check_name, check_text};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};

/// Keys that one user may have.
const KEYS_MAX: usize = 5;
/// Characters of a key that are kept to recognise it by, at most.
const HINT_CHARS_MAX: usize = 8;
/// The part of a key that is kept at most, as one in so many characters.
const HINT_SHARE: usize = 4;

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

/// Whose keys are meant.
#[derive(Clone, Copy)]
pub(super) enum Owner {
    /// The caller's own: there is always one.
    Caller(UserId),
    /// Those of a service account, which may have none.
    Service(UserId),
}

impl Owner {
    const fn id(self) -> UserId {
        match self {
            Self::Caller(id) | Self::Service(id) => id,
        }
    }

    const fn named(self) -> &'static str {
        match self {
            Self::Caller(_) => "the caller",
            Self::Service(_) => "the service account",
        }
    }
}

/// The caller's keys.
pub(super) async fn list(ctx: Ctx) -> ApiResult {
    list_of(&ctx, Owner::Caller(ctx.user())).await
}

/// Somebody's keys.
pub(super) async fn list_of(ctx: &Ctx, owner: Owner) -> ApiResult {
    let rows = api_keys::list(ctx.db(), ctx.tenant(), owner.id()).await?;
    json(&rows.iter().filter(|row| row.revoked_at.is_none()).map(ApiKey::from).collect::<Vec<_>>())
}

/// A new key of the caller.
pub(super) async fn create(ctx: Ctx, Body(input): Body<ApiKeyInput>) -> ApiResult {
    create_of(&ctx, Owner::Caller(ctx.user()), input).await
}

/// A new key of somebody.
pub(super) async fn create_of(ctx: &Ctx, owner: Owner, input: ApiKeyInput) -> ApiResult {
    let name = check_name("API key", input.name.as_deref().or(Some("API key")))?;
    check_text("description", Some(&input.description))?;
    let key = secrets::generate_api_key(&mut SystemRng);
    let row = Row {
        id: ctx.new_id(),
        tenant_id: ctx.tenant(),
        user_id: owner.id(),
        name,
        description: input.description,
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
            if live(tx, row.tenant_id, row.user_id).await?.len() >= KEYS_MAX {
                let message = format!("a user may have {KEYS_MAX} API keys; revoke one first");
                return Err(ApiError::new(&code::API_KEY_LIMIT, message));
            }
            api_keys::insert(tx, &row, &hash).await?;
            Ok(store::audit::record(tx, &audit).await?)
        })
        .await?;
    json(&shown)
}

/// Which key is revoked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RevokeInput {
    pub(super) id: Option<String>,
}

/// Revokes a key of the caller, at once; named in the query or in the body.
pub(super) async fn revoke(
    ctx: Ctx,
    Query(query): Query<RevokeInput>,
    Body(body): Body<RevokeInput>,
) -> ApiResult {
    revoke_of(&ctx, Owner::Caller(ctx.user()), query.id.or(body.id).unwrap_or_default()).await
}

/// Revokes a key of somebody, at once.
pub(super) async fn revoke_of(ctx: &Ctx, owner: Owner, named: String) -> ApiResult {
    let shown = super::excerpt(&named);
    let not_found = move || {
        ApiError::new(&code::API_KEY_NOT_FOUND, format!("{} has no API key `{shown}`", owner.named()))
    };
    let id: ApiKeyId = named.parse().map_err(|_| not_found())?;
    let (tenant, user, now) = (ctx.tenant(), owner.id(), ctx.now());
    let name_of = |keys: &[Row]| keys.iter().find(|key| key.id == id).map(|key| key.name.clone());
    let name = name_of(&api_keys::list(ctx.db(), tenant, user).await?).ok_or_else(&not_found)?;
    let audit = ctx.audit("api_key.revoked", "api_key", &id.to_string(), &name);
    ctx.db()
        .write(async move |tx| {
            let keys = live(tx, tenant, user).await?;
            if !keys.iter().any(|key| key.id == id) {
                return Err(not_found());
            }
            if matches!(owner, Owner::Caller(_)) && keys.len() == 1 {
                let message = "the last API key cannot be removed: make another one first";
                return Err(ApiError::new(&code::API_KEY_LAST, message));
            }
            api_keys::revoke(tx, tenant, user, id, now).await?;
            Ok(store::audit::record(tx, &audit).await?)
        })
        .await?;
    ctx.app().identity().forget_callers();
    json(&id)
}

/// As much of a key as may be shown again.
pub(crate) fn hint_of(key: &str) -> String {
    key.chars().take((key.chars().count() / HINT_SHARE).min(HINT_CHARS_MAX)).collect()
}

/// The user's keys that work. Nobody else makes or revokes one of them until the transaction has ended.
async fn live(tx: &Tx<'_>, tenant: TenantId, user: UserId) -> ApiResult<Vec<Row>> {
    store::users::lock(tx, tenant, user).await?;
    let rows = api_keys::list(tx, tenant, user).await?;
    Ok(rows.into_iter().filter(|row| row.revoked_at.is_none()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_never_shows_more_than_a_quarter_of_the_key() {
        for (key, hint) in [("", ""), ("abc", ""), ("abcd", "a"), ("0123456789abcdef", "0123"), ("éééé", "é")]
        {
            assert_eq!(hint_of(key), hint, "{key}");
        }
        assert_eq!(hint_of(&"x".repeat(256)).len(), HINT_CHARS_MAX);
    }
}
