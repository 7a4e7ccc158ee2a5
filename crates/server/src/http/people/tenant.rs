//! The tenant: its settings, and whom in it a thing can be shared with.

use store::{tenant_entities, tenants};

pub(crate) use super::model::{Entity, Tenant, TenantSettings, TenantSettingsInput};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::{json, page};
use crate::http::extract::{Body, ListQuery, Query};

/// Days for which a tenant may want to keep what happened.
const RETENTION_DAYS: std::ops::RangeInclusive<i64> = 1..=3650;

/// The tenant with its settings.
pub(in crate::http) async fn get(ctx: Ctx) -> ApiResult {
    let row = tenants::get(ctx.db(), ctx.tenant()).await?.ok_or_else(|| gone(&ctx))?;
    let settings = tenants::settings(ctx.db(), ctx.tenant()).await?.ok_or_else(|| gone(&ctx))?;
    json(&Tenant {
        active: true,
        created_at: row.created_at.as_millis(),
        // The server itself, at its first start.
        created_by: String::new(),
        id: row.id.to_string(),
        name: row.name,
        settings: read(&settings)?,
        updated_at: row.updated_at.as_millis(),
        updated_by: String::new(),
    })
}

/// Changes the settings that the body names.
pub(in crate::http) async fn set_settings(ctx: Ctx, Body(input): Body<TenantSettingsInput>) -> ApiResult {
    if input.authentication.as_ref().is_some_and(|members| !members.is_empty()) {
        let message = "`authentication` cannot be set: this version of the server does not heed it";
        return Err(ApiError::new(&code::NOT_AVAILABLE_YET, message));
    }
    if let Some(days) = input.general.retention_period.filter(|days| !RETENTION_DAYS.contains(days)) {
        let message = format!(
            "`general.retention_period` is {days}; it is a number of days from {} to {}",
            RETENTION_DAYS.start(),
            RETENTION_DAYS.end()
        );
        return Err(ApiError::new(&code::TENANT_SETTINGS_INVALID, message));
    }
    let db = ctx.db().clone();
    let settings = db
        .write(async move |tx| {
            let kept = tenants::settings_to_change(tx, ctx.tenant()).await?.ok_or_else(|| gone(&ctx))?;
            let mut settings = read(&kept)?;
            let before = serde_json::json!(settings.general);
            let general = &mut settings.general;
            general.retention_period = input.general.retention_period.or(general.retention_period);
            general.disable_cloud_runner =
                input.general.disable_cloud_runner.or(general.disable_cloud_runner);
            let text = serde_json::to_string(&settings).map_err(ApiError::internal)?;
            tenants::set_settings(tx, ctx.tenant(), &text, ctx.now()).await?;
            let entry = ctx.audit("tenant.settings_set", "tenant", &ctx.tenant().to_string(), "");
            let entry = crate::audit::changed(entry, &before, &settings.general);
            store::audit::record(tx, &entry).await?;
            Ok::<_, ApiError>(settings)
        })
        .await?;
    json(&settings)
}

/// The tenant's users and groups.
pub(in crate::http) async fn list_entities(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = crate::http::parse_q(list.q.as_deref(), &tenant_entities::FIELDS)?;
    let found = tenant_entities::list(ctx.db(), ctx.tenant(), &query).await?;
    page(&query, found.total, &found.rows.into_iter().map(Entity::from).collect::<Vec<_>>())
}

fn read(text: &str) -> ApiResult<TenantSettings> {
    serde_json::from_str(text).map_err(|error| ApiError::internal(format!("tenants.settings: {error}")))
}

fn gone(ctx: &Ctx) -> ApiError {
    ApiError::internal(format!("there is no tenant `{}`", ctx.tenant()))
}
