//! Packs of workflows as the table `automation_packs`: to be read. They are changed by `/automation_packs`.

use serde_json::{Map, Value};

use super::changed_elsewhere;
use crate::ctx::Ctx;
use crate::error::ApiResult;
use crate::http::extract::ListQuery;
use crate::http::packs;

const ELSEWHERE: &str = "/automation_packs";

pub(super) async fn list(ctx: Ctx, list: ListQuery) -> ApiResult {
    packs::list(&ctx, list.q.as_deref()).await
}

pub(super) async fn get(ctx: Ctx) -> ApiResult {
    packs::get(&ctx).await
}

pub(super) async fn create(ctx: Ctx, _: Map<String, Value>) -> ApiResult {
    Err(changed_elsewhere(&ctx, ELSEWHERE))
}

pub(super) async fn update(ctx: Ctx, _: Map<String, Value>) -> ApiResult {
    Err(changed_elsewhere(&ctx, ELSEWHERE))
}

pub(super) async fn delete(ctx: Ctx) -> ApiResult {
    Err(changed_elsewhere(&ctx, ELSEWHERE))
}
