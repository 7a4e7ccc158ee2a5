//! Audit entries of signing in. They belong to no workspace, and hold neither a password nor a code.

use serde_json::Value;
use store::audit::{ActorType, AuditEntry};
use store::users::User;
use types::{TenantId, UserId};

use crate::App;

/// Characters of an address that somebody has typed which are kept.
const ADDRESS_CHARS_MAX: usize = 120;
/// What most of it is done to.
const USER: &str = "user";

/// Something that a user did to themselves, or to their session.
pub(super) fn by_user(app: &App, user: &User, action: &str, details: Value) -> AuditEntry {
    let actor = (ActorType::User, user.id.to_string());
    entry(app, user.tenant_id, actor, (action, USER, &user.id.to_string()), details)
}

/// Something that an Admin did to a user.
pub(super) fn by_admin(app: &App, admin: UserId, user: &User, action: &str, details: Value) -> AuditEntry {
    let actor = (ActorType::User, admin.to_string());
    entry(app, user.tenant_id, actor, (action, USER, &user.id.to_string()), details)
}

/// Something that follows from what a provider of single sign-on says, to a thing of that type and id.
pub(super) fn by_provider(
    app: &App,
    tenant: TenantId,
    thing: (&str, &str, &str),
    details: Value,
) -> AuditEntry {
    entry(app, tenant, (ActorType::System, "single sign-on".to_owned()), thing, details)
}

/// Something that somebody did of whom nobody knows who they are; `user` is whom they said to be, if there is one.
pub(super) fn by_somebody(
    app: &App,
    tenant: TenantId,
    user: Option<UserId>,
    action: &str,
    details: Value,
) -> AuditEntry {
    let user = user.map(|id| id.to_string()).unwrap_or_default();
    entry(app, tenant, (ActorType::System, "sign-in".to_owned()), (action, USER, &user), details)
}

/// As much of an address that somebody has typed as is written down.
pub(super) fn cut(address: &str) -> String {
    address.chars().filter(|c| !c.is_control()).take(ADDRESS_CHARS_MAX).collect()
}

fn entry(
    app: &App,
    tenant: TenantId,
    (actor_type, actor_id): (ActorType, String),
    (action, entity_type, entity_id): (&str, &str, &str),
    details: Value,
) -> AuditEntry {
    AuditEntry {
        id: app.new_id(),
        tenant_id: tenant,
        workspace_id: None,
        at: app.clock().now(),
        actor_type,
        actor_id,
        action: action.to_owned(),
        entity_type: entity_type.to_owned(),
        entity_id: entity_id.to_owned(),
        host: None,
        details: details.to_string(),
    }
}
