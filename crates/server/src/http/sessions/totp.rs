//! A user's authenticator: setting it up, confirming it, removing it.

use secrets::TotpSecret;
use serde_json::json;
use store::second_factors::{self, Totp};
use store::users::User;
use types::SystemRng;

use super::audit;
use super::me::user_of;
use super::model::{ConfirmInput, OwnPasswordInput, RecoveryCodes, TotpStart};
use super::own::{Kept, end_others, prove};
use super::sign_in::RECOVERY_CODE;
use super::visitor::Visitor;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::json;
use crate::http::extract::Body;

/// Recovery codes that a user gets.
const RECOVERY_CODES: usize = 10;
/// What authenticators show above the account.
const ISSUER: &str = "Nictate";

/// Makes an authenticator's secret. It is asked for once the user has shown that it works.
pub(in crate::http) async fn start(ctx: Ctx, visitor: Visitor) -> ApiResult {
    visitor.session()?;
    let user = user_of(&ctx).await?;
    let secret = TotpSecret::generate(&mut SystemRng);
    let sealed = ctx.app().vault().masters().user_sealer().seal(user.id, &secret, &mut SystemRng);
    let row = Totp {
        user_id: user.id,
        tenant_id: user.tenant_id,
        secret: sealed,
        created_at: ctx.now(),
        confirmed_at: None,
        last_step: 0,
    };
    let shown = secret.to_base32();
    let answer =
        TotpStart { otpauth_url: otpauth_url(&user, shown.expose()), secret: shown.expose().clone() };
    let entry = entry(&ctx, &visitor, &user, "totp.started");
    ctx.db()
        .write(async move |tx| {
            store::users::lock(tx, user.tenant_id, user.id).await?;
            let present = second_factors::get(tx, user.tenant_id, user.id).await?;
            if present.is_some_and(|present| present.confirmed_at.is_some()) {
                let message = "there is an authenticator already: remove it first";
                return Err(ApiError::new(&code::TOTP_ENABLED, message));
            }
            second_factors::set(tx, &row).await?;
            Ok(store::audit::record(tx, &entry).await?)
        })
        .await?;
    json(&answer)
}

/// Takes the first code: from then on codes are asked for. Answers the recovery codes; other sessions end.
pub(in crate::http) async fn confirm(
    ctx: Ctx,
    visitor: Visitor,
    Body(input): Body<ConfirmInput>,
) -> ApiResult {
    visitor.session()?;
    let user = user_of(&ctx).await?;
    let row = second_factors::get(ctx.db(), user.tenant_id, user.id).await?;
    let row = row.filter(|row| row.confirmed_at.is_none()).ok_or_else(none_waits)?;
    let secret = ctx.app().vault().masters().user_sealer().open(user.id, &row.secret);
    let secret = secret.map_err(ApiError::internal)?;
    let now = ctx.now();
    let step = secret.step_of(input.code.trim(), now.as_millis().div_euclid(1000), row.last_step);
    let step = step.ok_or_else(|| {
        ApiError::new(&code::TOTP_WRONG, "the code is not the one that the authenticator shows now")
    })?;
    let codes: Vec<_> =
        (0..RECOVERY_CODES).map(|_| secrets::generate_recovery_code(&mut SystemRng)).collect();
    let identity = ctx.app().identity();
    let hashes: Vec<String> =
        codes.iter().map(|code| identity.hash_of(RECOVERY_CODE, code.expose())).collect();
    let entry = entry(&ctx, &visitor, &user, "totp.enabled");
    let kept = Kept::of(&ctx, &visitor);
    let stays = kept.written();
    ctx.db()
        .write(async move |tx| {
            store::users::lock(tx, user.tenant_id, user.id).await?;
            if !second_factors::confirm(tx, &row, step, now, &hashes).await? {
                return Err(none_waits());
            }
            end_others(tx, &user, stays.as_ref(), true).await?;
            Ok(store::audit::record(tx, &entry).await?)
        })
        .await?;
    let recovery_codes = codes.iter().map(|code| code.expose().clone()).collect();
    kept.give(&ctx, &visitor, json(&RecoveryCodes { recovery_codes })?)
}

/// Removes it, and the recovery codes; other sessions end.
pub(in crate::http) async fn remove(
    ctx: Ctx,
    visitor: Visitor,
    Body(input): Body<OwnPasswordInput>,
) -> ApiResult {
    let user = user_of(&ctx).await?;
    prove(&ctx, &visitor, input.password).await?;
    let entry = entry(&ctx, &visitor, &user, "totp.removed");
    let kept = Kept::of(&ctx, &visitor);
    let (stays, id) = (kept.written(), user.id);
    ctx.db()
        .write(async move |tx| {
            store::users::lock(tx, user.tenant_id, user.id).await?;
            if !second_factors::delete(tx, user.tenant_id, user.id).await? {
                return Err(ApiError::new(&code::TOTP_NOT_FOUND, "the caller has no authenticator"));
            }
            end_others(tx, &user, stays.as_ref(), false).await?;
            Ok(store::audit::record(tx, &entry).await?)
        })
        .await?;
    kept.give(&ctx, &visitor, json(&id)?)
}

fn entry(ctx: &Ctx, visitor: &Visitor, user: &User, action: &str) -> store::audit::AuditEntry {
    let details = json!({"name": user.email, "peer": visitor.peer_text()});
    audit::by_user(ctx.app(), user, action, details)
}

fn none_waits() -> ApiError {
    ApiError::new(&code::TOTP_NOT_FOUND, "no authenticator waits to be confirmed: start one first")
}

/// The address that authenticators read (`otpauth://totp/…`).
fn otpauth_url(user: &User, secret: &str) -> String {
    let label = format!("{ISSUER}:{}", percent_encoded(&user.email));
    format!(
        "otpauth://totp/{label}?secret={secret}&issuer={ISSUER}&algorithm=SHA1&digits=6&period={}",
        secrets::STEP_S
    )
}

fn percent_encoded(text: &str) -> String {
    let encoded = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    encoded.collect()
}
