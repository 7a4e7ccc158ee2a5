//! Asking somebody who has been let in for their password again, and another token for their session when what it may
//! do has changed.

use secrets::Secret;
use store::passwords::Password;
use store::users::User;
use store::{StoreError, Tx};
use types::{SessionId, SystemRng};

use super::throttle::{self, Subject};
use super::visitor::Visitor;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};

/// The caller's stored password, if `typed` is it.
///
/// # Errors
/// If it is not, if there is none, or if it has been tried too often.
pub(super) async fn prove(ctx: &Ctx, visitor: &Visitor, typed: String) -> ApiResult<Password> {
    let (app, typed) = (ctx.app(), Secret::new(typed));
    let subjects = vec![Subject::user(app, ctx.user()), Subject::network(app, visitor.peer)];
    let counted = throttle::count(app, subjects).await?;
    let judged = async {
        let stored = store::passwords::get(ctx.db(), ctx.tenant(), ctx.user()).await?;
        let hash = stored.as_ref().map(|stored| stored.hash.clone());
        Ok((app.passwords().fits(typed, hash).await?, stored))
    };
    let (fits, stored) = match judged.await {
        Ok(judged) => judged,
        Err(error) => {
            // The server's failure is none of the caller's.
            counted.take_back(app).await?;
            return Err(error);
        }
    };
    match stored {
        Some(stored) if fits => {
            counted.succeeded(app).await?;
            Ok(stored)
        }
        Some(_) => Err(ApiError::new(&code::PASSWORD_WRONG, "the present password is another one")),
        None => Err(ApiError::new(&code::PASSWORD_WRONG, "the caller has no password")),
    }
}

/// The session that stays when the user's other sessions end: with another token.
pub(super) struct Kept {
    session: Option<(SessionId, String)>,
    token: Secret<String>,
}

impl Kept {
    /// The one of the request, if it came with one.
    pub(super) fn of(ctx: &Ctx, visitor: &Visitor) -> Self {
        let token = secrets::generate_token(&mut SystemRng);
        let hash = ctx.app().identity().session_hash(token.expose());
        Self { session: visitor.signed_in.as_ref().map(|signed_in| (signed_in.session, hash)), token }
    }

    /// For the transaction.
    pub(super) fn written(&self) -> Option<(SessionId, String)> {
        self.session.clone()
    }

    /// The answer, with the new token.
    pub(super) fn give(self, ctx: &Ctx, visitor: &Visitor, answer: axum::response::Response) -> ApiResult {
        ctx.app().identity().forget_callers();
        match &visitor.signed_in {
            Some(signed_in) => visitor.give(answer, &self.token, (ctx.now(), signed_in.expires_at)),
            None => Ok(answer),
        }
    }
}

/// Ends the user's sessions, all but the one that stays.
pub(super) async fn end_others(
    tx: &Tx<'_>,
    user: &User,
    kept: Option<&(SessionId, String)>,
    mfa_passed: bool,
) -> Result<(), StoreError> {
    store::sessions::delete_of_user(tx, user.tenant_id, user.id, kept.map(|(id, _)| *id)).await?;
    if let Some((id, hash)) = kept {
        store::sessions::rotate(tx, user.tenant_id, *id, hash, mfa_passed).await?;
    }
    Ok(())
}
