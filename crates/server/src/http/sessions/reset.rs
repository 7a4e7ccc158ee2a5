//! Links with which somebody sets a password once: an Admin makes one for whoever has none or has forgotten it, the first
//! start makes one for the first admin.

use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use secrets::Secret;
use serde_json::json;
use store::passwords::{self, Password, Reset as Row};
use store::users::{User, UserKind, UserStatus};
use types::{SystemRng, Timestamp, UserId};

use super::audit;
use super::model::{PasswordInput, Reset, ResetInput};
use super::visitor::Visitor;
use crate::App;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::json;
use crate::http::extract::Body;
use crate::http::people::authority;
use crate::identity::Identity;

/// How long a link is good that an Admin makes.
const LINK_TIME: Duration = Duration::from_secs(60 * 60);
/// How long the first admin's link is good.
pub(crate) const FIRST_LINK_TIME: Duration = Duration::from_secs(24 * 60 * 60);
/// Bytes of a code; longer texts are refused unread.
const CODE_BYTES_MAX: usize = 64;
/// What codes are hashed as.
const KIND: &str = "password reset";

/// The page of the link; the code comes after the hash sign, which no browser sends to a server or names as a referrer.
pub(crate) fn reset_link(public_url: &str, code: &Secret<String>) -> Secret<String> {
    Secret::new(format!("{}/password_reset#{}", public_url.trim_end_matches('/'), code.expose()))
}

/// A new link for the user: its code, the row, and the hash under which that is stored.
pub(crate) fn reset_row(
    identity: &Identity,
    user: &User,
    (now, time): (Timestamp, Duration),
) -> (Secret<String>, Row, String) {
    let code = secrets::generate_token(&mut SystemRng);
    let hash = identity.hash_of(KIND, code.expose());
    let row = Row {
        user_id: user.id,
        tenant_id: user.tenant_id,
        created_at: now,
        expires_at: now.saturating_add(time),
    };
    (code, row, hash)
}

/// A link for a user of the caller's tenant; the links that the user had are worth nothing any more.
pub(in crate::http) async fn create(ctx: Ctx, visitor: Visitor, Body(input): Body<ResetInput>) -> ApiResult {
    let id: UserId = ctx.id(&code::USER_NOT_FOUND)?;
    let user = store::users::get(ctx.db(), ctx.tenant(), id).await?.filter(may_sign_in);
    let user = user.ok_or_else(|| {
        ApiError::new(&code::USER_NOT_FOUND, format!("there is no user `{id}` who may sign in"))
    })?;
    authority::over_user(&ctx, &user).await?;
    let (app, remove_totp) = (ctx.app(), input.remove_totp);
    let (code, row, hash) = reset_row(app.identity(), &user, (ctx.now(), LINK_TIME));
    let details = json!({"name": user.email, "peer": visitor.peer_text(), "remove_totp": remove_totp});
    let entry = audit::by_admin(app, ctx.user(), &user, "password_reset.created", details);
    ctx.db()
        .write(async move |tx| {
            passwords::insert_reset(tx, &row, &hash).await?;
            if remove_totp {
                store::second_factors::delete(tx, user.tenant_id, user.id).await?;
            }
            store::audit::record(tx, &entry).await
        })
        .await?;
    json(&Reset {
        url: reset_link(app.public_url(), &code).expose().clone(),
        code: code.expose().clone(),
        expires_at: row.expires_at.as_millis(),
    })
}

/// Sets the password that the link is for; every session of its user ends.
pub(in crate::http) async fn redeem(
    State(app): State<App>,
    code: Result<Path<String>, PathRejection>,
    visitor: Visitor,
    Body(input): Body<PasswordInput>,
) -> ApiResult {
    let code = Secret::new(code.map_err(|_| not_found())?.0);
    let hash = app.identity().hash_of(KIND, code.expose());
    let (row, user) = match code.expose().len() {
        1..=CODE_BYTES_MAX => find(&app, &hash).await?.ok_or_else(not_found)?,
        _ => return Err(not_found()),
    };
    let known = vec![user.email.clone(), user.name.clone()];
    let new = app.passwords().hash_new(Secret::new(input.password), known).await?;
    let now = app.clock().now();
    let password = Password {
        user_id: row.user_id,
        tenant_id: row.tenant_id,
        hash: new,
        changed_at: now,
        must_change: false,
    };
    let details = json!({"name": user.email, "peer": visitor.peer_text()});
    let entry = audit::by_user(&app, &user, "password_reset.used", details);
    let id = user.id;
    app.db()
        .write(async move |tx| {
            store::users::lock(tx, user.tenant_id, user.id).await?;
            // Used once: the second of two at once finds it gone.
            if passwords::find_reset(tx, &hash).await?.is_none_or(|row| now >= row.expires_at) {
                return Err(not_found());
            }
            passwords::set(tx, &password).await?;
            store::sessions::delete_of_user(tx, user.tenant_id, user.id, None).await?;
            Ok(store::audit::record(tx, &entry).await?)
        })
        .await?;
    app.identity().forget_callers();
    json(&id)
}

/// The link and its user, if it is still good.
async fn find(app: &App, hash: &str) -> ApiResult<Option<(Row, User)>> {
    let row = passwords::find_reset(app.db(), hash).await?;
    let Some(row) = row.filter(|row| app.clock().now() < row.expires_at) else { return Ok(None) };
    let user = store::users::get(app.db(), row.tenant_id, row.user_id).await?;
    Ok(user.filter(may_sign_in).map(|user| (row, user)))
}

/// A service account has keys alone.
fn may_sign_in(user: &User) -> bool {
    user.status == UserStatus::Active && user.kind == UserKind::Person
}

fn not_found() -> ApiError {
    let message = "the link to set a password is unknown, was used, or has expired";
    ApiError::new(&code::PASSWORD_RESET_NOT_FOUND, message)
}
