//! Apps as the table `sys_application`: to be read. They are changed by `/apps`.

use serde_json::{Map, Value};

use super::changed_elsewhere;
use crate::ctx::Ctx;
use crate::error::ApiResult;
use crate::http::apps;
use crate::http::extract::ListQuery;

const ELSEWHERE: &str = "/apps";

pub(super) async fn list(ctx: Ctx, list: ListQuery) -> ApiResult {
    apps::list_by(&ctx, list.q.as_deref()).await
}

pub(super) async fn get(ctx: Ctx) -> ApiResult {
    apps::row(&ctx).await
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
