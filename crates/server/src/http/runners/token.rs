//! The token of a runner group: with it runners register, and can do nothing else. Shown once, replaced, revoked.

use secrets::Secret;
use store::runner_groups::{self, RunnerGroup as Row};
use types::SystemRng;

use super::groups::{audit, embedded, find};
use super::model::GroupToken;
use crate::ctx::Ctx;
use crate::error::ApiResult;
use crate::http::answer::json;
use crate::http::hint_of;

/// Gives the group another token, shown this once. The former one opens nothing any more, and the links of runners that
/// came with it are cut.
pub(in crate::http) async fn rotate(ctx: Ctx) -> ApiResult {
    let token = secrets::generate_api_key(&mut SystemRng);
    set(&ctx, Some(&token), "runner_group.token_rotated").await?;
    json(&GroupToken {
        latest_runner_version: env!("CARGO_PKG_VERSION").to_owned(),
        runner_group_api_key: token.expose().clone(),
    })
}

/// Takes the group its token away: no runner registers, and the links of those that have are cut.
pub(in crate::http) async fn revoke(ctx: Ctx) -> ApiResult {
    json(&set(&ctx, None, "runner_group.token_revoked").await?.id)
}

async fn set(ctx: &Ctx, token: Option<&Secret<String>>, action: &str) -> ApiResult<Row> {
    let mut row = find(ctx).await?;
    if row.is_embedded() {
        return Err(embedded("has no token: only the server's own runner belongs to it"));
    }
    row.token_hint = token.map(|token| hint_of(token.expose())).unwrap_or_default();
    (row.updated_at, row.updated_by) = (ctx.now(), ctx.user().to_string());
    let hash = token.map(|token| ctx.app().identity().hash(token.expose()));
    let (stored, audit) = (row.clone(), audit(ctx, action, &row));
    ctx.db()
        .write(async move |tx| {
            runner_groups::set_token(tx, &row, hash.as_deref()).await?;
            store::audit::record(tx, &audit).await
        })
        .await?;
    ctx.app().driver().links().cut_off(stored.id);
    Ok(stored)
}
