//! `PUT /user/password`: another password of the caller.

use secrets::Secret;
use serde_json::json;
use store::passwords::Password;

use super::audit;
use super::me::user_of;
use super::model::NewPasswordInput;
use super::own::{Kept, end_others, prove};
use super::visitor::Visitor;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::json;
use crate::http::extract::Body;

/// Changes it. Every other session of the caller ends, and this one gets another token.
pub(in crate::http) async fn change(
    ctx: Ctx,
    visitor: Visitor,
    Body(input): Body<NewPasswordInput>,
) -> ApiResult {
    let user = user_of(&ctx).await?;
    let NewPasswordInput { current, new } = input;
    if new == current && !new.is_empty() {
        let message = "the new password is the present one";
        return Err(ApiError::new(&code::PASSWORD_REFUSED, message));
    }
    let former = prove(&ctx, &visitor, current).await?;
    let known = vec![user.email.clone(), user.name.clone()];
    let hash = ctx.app().passwords().hash_new(Secret::new(new), known).await?;
    let password = Password { hash, changed_at: ctx.now(), must_change: false, ..former.clone() };
    let details = json!({"name": user.email, "peer": visitor.peer_text()});
    let entry = audit::by_user(ctx.app(), &user, "password.changed", details);
    let kept = Kept::of(&ctx, &visitor);
    let (stays, id) = (kept.written(), user.id);
    ctx.db()
        .write(async move |tx| {
            store::users::lock(tx, user.tenant_id, user.id).await?;
            let present = store::passwords::get(tx, user.tenant_id, user.id).await?;
            if present.is_none_or(|present| present.hash != former.hash) {
                let message = "the password was changed meanwhile";
                return Err(ApiError::new(&code::PASSWORD_WRONG, message));
            }
            let mfa_passed = store::second_factors::get(tx, user.tenant_id, user.id).await?;
            let mfa_passed = mfa_passed.is_some_and(|totp| totp.confirmed_at.is_some());
            store::passwords::set(tx, &password).await?;
            end_others(tx, &user, stays.as_ref(), mfa_passed).await?;
            Ok(store::audit::record(tx, &entry).await?)
        })
        .await?;
    kept.give(&ctx, &visitor, json(&id)?)
}
