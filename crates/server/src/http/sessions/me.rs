//! Who has signed in, from where, and signing out.

use axum::response::Response;
use serde_json::json;
use store::sessions::{self, Session as Row};
use store::users::User;
use types::SessionId;

use super::audit;
use super::model::{CurrentSession, Session, SignedInUser};
use super::visitor::Visitor;
use crate::App;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::json;

/// Who calls, and in which session.
pub(in crate::http) async fn current(ctx: Ctx, visitor: Visitor) -> ApiResult {
    let user = user_of(&ctx).await?;
    let current = visitor.signed_in.as_ref().map(|signed_in| signed_in.session);
    let rows = sessions::list(ctx.db(), ctx.tenant(), user.id).await?;
    answer_of(ctx.app(), &user, rows.iter().find(|row| current == Some(row.id))).await
}

/// The caller's sessions that have not ended, the oldest first.
pub(in crate::http) async fn list(ctx: Ctx, visitor: Visitor) -> ApiResult {
    let current = visitor.signed_in.as_ref().map(|signed_in| signed_in.session);
    let (now, idle) = (ctx.now(), ctx.app().config().sessions.idle_timeout());
    let rows = sessions::list(ctx.db(), ctx.tenant(), ctx.user()).await?;
    let live = rows.iter().filter(|row| now < row.expires_at && now.since(row.last_seen_at) < idle);
    json(&live.map(|row| Session::new(row, current)).collect::<Vec<_>>())
}

/// Signs out: ends the session of the request.
pub(in crate::http) async fn end(ctx: Ctx, visitor: Visitor) -> ApiResult {
    let Some(signed_in) = &visitor.signed_in else {
        let message = "the request came with an API key, not with a session";
        return Err(ApiError::new(&code::SESSION_NOT_FOUND, message));
    };
    end_session(&ctx, &visitor, signed_in.session).await?;
    visitor.take(json(&signed_in.session)?)
}

/// Ends any session of the caller.
pub(in crate::http) async fn end_one(ctx: Ctx, visitor: Visitor) -> ApiResult {
    let id: SessionId = ctx.id(&code::SESSION_NOT_FOUND)?;
    end_session(&ctx, &visitor, id).await?;
    let answer = json(&id)?;
    let is_current = visitor.signed_in.as_ref().is_some_and(|signed_in| signed_in.session == id);
    if is_current { visitor.take(answer) } else { Ok(answer) }
}

async fn end_session(ctx: &Ctx, visitor: &Visitor, id: SessionId) -> ApiResult<()> {
    let user = user_of(ctx).await?;
    let details = json!({"name": user.email, "peer": visitor.peer_text(), "session": id});
    let entry = audit::by_user(ctx.app(), &user, "session.ended", details);
    ctx.db()
        .write(async move |tx| {
            if !sessions::delete(tx, user.tenant_id, user.id, id).await? {
                let message = format!("the caller has no session `{id}`");
                return Err(ApiError::new(&code::SESSION_NOT_FOUND, message));
            }
            Ok(store::audit::record(tx, &entry).await?)
        })
        .await?;
    ctx.app().identity().forget_callers();
    Ok(())
}

/// The caller's row.
pub(super) async fn user_of(ctx: &Ctx) -> ApiResult<User> {
    let user = store::users::get(ctx.db(), ctx.tenant(), ctx.user()).await?;
    user.ok_or_else(|| ApiError::new(&code::UNAUTHENTICATED, "the caller is no user any more"))
}

/// What is told of somebody who has signed in.
pub(super) async fn answer_of(app: &App, user: &User, session: Option<&Row>) -> ApiResult<Response> {
    let (db, tenant) = (app.db(), user.tenant_id);
    let password = store::passwords::get(db, tenant, user.id).await?;
    let totp = store::second_factors::get(db, tenant, user.id).await?;
    let has_totp = totp.is_some_and(|totp| totp.confirmed_at.is_some());
    let codes = store::second_factors::recovery_codes_left(db, tenant, user.id).await?;
    json(&CurrentSession {
        user: SignedInUser::new(user, password.as_ref(), has_totp, codes),
        session: session.map(|row| Session::new(row, Some(row.id))),
    })
}
