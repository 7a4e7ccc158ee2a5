//! SCIM 2.0 (RFC 7643, RFC 7644): an identity provider makes, changes and removes the people and groups of the tenant.

mod discovery;
mod filter;
mod group;
mod lists;
mod patch;
mod refusal;
mod user;
mod users;

use serde_json::{Value, json};
use types::Timestamp;

use super::routes::BASE;
use crate::ctx::Ctx;
pub(super) use discovery::{provider_config, resource_type, resource_types, schema, schemas};
pub(super) use group::{
    create as create_group, delete as delete_group, get as get_group, list as list_groups, patch_group,
    replace as replace_group,
};
pub(super) use refusal::Refusal;
pub(super) use users::{create, delete, get, list, patch_user, replace};

/// What every resource says of itself: its kind, when it was made and changed, and where it is.
fn meta(
    ctx: &Ctx,
    (kind, place): (&str, &str),
    id: &str,
    (created, changed): (Timestamp, Timestamp),
) -> Value {
    let base = ctx.app().public_url().trim_end_matches('/');
    json!({
        "resourceType": kind,
        "created": rfc3339(created),
        "lastModified": rfc3339(changed),
        "location": format!("{base}{BASE}/scim/v2/{place}/{id}"),
    })
}

/// RFC 3339, in UTC and with milliseconds.
fn rfc3339(at: Timestamp) -> Option<String> {
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
    Some(format!("{at:.3}"))
}
