//! Invitations: ask people to join the tenant, renew, withdraw, accept. The code of the link is shown once and stored
//! as a hash; whoever has it becomes the user who was invited.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::extract::{Path, State};
use secrets::Secret;
use serde_json::json as object;
use store::audit::{ActorType, AuditEntry};
use store::invites::{self, Invite as Row};
use store::passwords::Password;
use store::users::{self, User as UserRow, UserKind, UserStatus};
use store::{StoreError, Tx};
use types::{Assigned, InviteId, Rng as _, SystemRng, TenantRole, Timestamp};

use super::authority;
pub(crate) use super::model::{Invitation, InvitationAnswer, InvitationLink, Invitations, Invite};
use crate::App;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::{json, page};
use crate::http::excerpt;
use crate::http::extract::{Body, Items, ListQuery, Query};
use crate::http::names::check_name;
use crate::identity::Roles;

/// How long an invitation can be accepted.
const INVITE_TIME: Duration = Duration::from_secs(5 * 24 * 60 * 60);
/// People invited by one call.
const INVITES_PER_CALL_MAX: usize = 100;
/// Invitations that one tenant may have, expired ones included.
const INVITES_MAX: i64 = 10_000;
/// Random bytes of a code.
const CODE_BYTES: usize = 32;
/// Bytes of an e-mail address (RFC 5321, with the errata of RFC 3696).
const EMAIL_BYTES_MAX: usize = 254;
/// What somebody is invited as if nothing says otherwise.
const ROLE_DEFAULT: TenantRole = TenantRole::Consumer;

/// The tenant's invitations.
pub(in crate::http) async fn list(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let query = crate::http::parse_q(list.q.as_deref(), &invites::FIELDS)?;
    let found = invites::list(ctx.db(), ctx.tenant(), &query).await?;
    let now = ctx.now();
    page(&query, found.total, &found.rows.iter().map(|row| Invite::new(row, now)).collect::<Vec<_>>())
}

/// Invites people, all or none; who was invited before gets a new link, and the old one opens nothing.
pub(in crate::http) async fn create(ctx: Ctx, Items(input): Items<Invitation>) -> ApiResult {
    let asked = read(&input)?;
    let (base, db) = (ctx.app().public_url().to_owned(), ctx.db().clone());
    let links = db
        .write(async move |tx| {
            users::lock_people(tx, ctx.tenant()).await?;
            let mut links = Vec::with_capacity(asked.len());
            let roles = Roles::of_tenant(tx, ctx.tenant()).await?;
            for (email, named) in &asked {
                let role = match named {
                    Some(named) => role_to_give(&ctx, &roles, named)?,
                    None => ROLE_DEFAULT.into(),
                };
                let (id, code) = invite(&ctx, tx, email, role).await?;
                let link = link_of(&base, &code);
                crate::invite_mail::put(ctx.app(), tx, id, &link).await?;
                links.push(InvitationLink { email: email.clone(), id: id.to_string(), link });
            }
            if invites::count(tx, ctx.tenant()).await? > INVITES_MAX {
                let message = format!("a tenant may have {INVITES_MAX} invitations; withdraw some first");
                return Err(ApiError::new(&code::INVITE_LIMIT, message));
            }
            Ok(links)
        })
        .await?;
    json(&links)
}

async fn invite(
    ctx: &Ctx,
    tx: &Tx<'_>,
    email: &str,
    role: Assigned<TenantRole>,
) -> ApiResult<(InviteId, String)> {
    if users::exists_by_email(tx, ctx.tenant(), email).await? {
        return Err(user_exists(email));
    }
    let before = invites::get_by_email(tx, ctx.tenant(), email).await?;
    let (now, user) = (ctx.now(), ctx.user().to_string());
    let row = Row {
        id: before.as_ref().map_or_else(|| ctx.new_id(), |before| before.id),
        tenant_id: ctx.tenant(),
        email: email.to_owned(),
        tenant_role: role,
        expires_at: expiry(now),
        created_at: now,
        created_by: user.clone(),
        updated_at: now,
        updated_by: user,
    };
    let code = new_code();
    invites::put(tx, &row, &hash(ctx.app(), &code)).await?;
    let action = if before.is_some() { "invite.renewed" } else { "invite.created" };
    store::audit::record(tx, &audit(ctx, action, &row)).await?;
    Ok((row.id, code))
}

/// Gives an invitation another role.
pub(in crate::http) async fn set_role(ctx: Ctx) -> ApiResult {
    let id: InviteId = ctx.id(&code::INVITE_NOT_FOUND)?;
    let db = ctx.db().clone();
    db.write(async move |tx| {
        users::lock_people(tx, ctx.tenant()).await?;
        let row = invites::get(tx, ctx.tenant(), id).await?;
        let mut row = row.ok_or_else(|| not_found(&format!("of id `{}`", excerpt(ctx.id_text()))))?;
        let roles = Roles::of_tenant(tx, ctx.tenant()).await?;
        let before = row.clone();
        row.tenant_role = authority::tenant_role_to_give(&ctx, &roles, ctx.param("role"))?;
        (row.updated_at, row.updated_by) = (ctx.now(), ctx.user().to_string());
        invites::set_role(tx, &row).await?;
        let shown = |row: &Row| object!({"role": row.tenant_role.as_str()});
        let entry = audit(&ctx, "invite.role_set", &row);
        let entry = crate::audit::changed(entry, &shown(&before), &shown(&row));
        Ok::<_, ApiError>(store::audit::record(tx, &entry).await?)
    })
    .await?;
    json(&id)
}

/// Withdraws the invitation of an address.
pub(in crate::http) async fn withdraw(ctx: Ctx) -> ApiResult {
    let email = ctx.param("email").to_ascii_lowercase();
    let db = ctx.db().clone();
    let id = db
        .write(async move |tx| {
            users::lock_people(tx, ctx.tenant()).await?;
            let row = invites::get_by_email(tx, ctx.tenant(), &email).await?;
            let row = row.ok_or_else(|| not_found(&format!("for `{}`", excerpt(&email))))?;
            invites::delete(tx, row.tenant_id, row.id).await?;
            store::audit::record(tx, &audit(&ctx, "invite.withdrawn", &row)).await?;
            Ok::<_, ApiError>(row.id)
        })
        .await?;
    json(&id)
}

/// Withdraws the invitation of an address, given in lower case, if there is one.
pub(in crate::http) async fn withdraw_of(ctx: &Ctx, tx: &Tx<'_>, email: &str) -> ApiResult<()> {
    let Some(row) = invites::get_by_email(tx, ctx.tenant(), email).await? else { return Ok(()) };
    invites::delete(tx, row.tenant_id, row.id).await?;
    Ok(store::audit::record(tx, &audit(ctx, "invite.withdrawn", &row)).await?)
}

/// Accepts an invitation by its code: makes the user, once.
pub(in crate::http) async fn accept(
    State(app): State<App>,
    Path(code): Path<String>,
    Body(input): Body<InvitationAnswer>,
) -> ApiResult {
    let name = input.name.as_deref().map(|name| check_name("user", Some(name))).transpose()?;
    let (hash, now, db) = (hash(&app, &code), app.clock().now(), app.db().clone());
    let password = input.password.filter(|password| !password.is_empty()).map(Secret::new);
    let password = match password {
        Some(password) => Some(hashed(&app, &hash, password, name.as_deref()).await?),
        None => None,
    };
    let id = db
        .write(async move |tx| {
            let found = invites::find_by_code(tx, &hash).await?.ok_or_else(|| not_found("with this code"))?;
            users::lock_people(tx, found.tenant_id).await?;
            // As it is once nobody else changes it.
            let row = invites::find_by_code(tx, &hash).await?.ok_or_else(|| not_found("with this code"))?;
            if now >= row.expires_at {
                return Err(ApiError::new(
                    &code::INVITE_EXPIRED,
                    "the invitation has expired: ask for another",
                ));
            }
            let user = user_of(&app, &row, name.clone(), now);
            users::insert(tx, &user).await.map_err(|error| email_taken(error, &row.email))?;
            invites::delete(tx, row.tenant_id, row.id).await?;
            if let Some(password) = &password {
                store::passwords::set(tx, &first_password(&user, password)).await?;
            }
            store::audit::record(tx, &accepted(&app, &row, &user)).await?;
            Ok(user.id)
        })
        .await?;
    json(&id)
}

/// The hash of a password that somebody chooses who accepts an invitation. That there is one with this code is looked at
/// first: hashing is work that strangers do not get.
async fn hashed(
    app: &App,
    code_hash: &str,
    password: Secret<String>,
    name: Option<&str>,
) -> ApiResult<String> {
    let row = invites::find_by_code(app.db(), code_hash).await?.ok_or_else(|| not_found("with this code"))?;
    let known = std::iter::once(row.email).chain(name.map(str::to_owned)).collect();
    app.passwords().hash_new(password, known).await
}

fn first_password(user: &UserRow, hash: &str) -> Password {
    Password {
        user_id: user.id,
        tenant_id: user.tenant_id,
        hash: hash.to_owned(),
        changed_at: user.created_at,
        must_change: false,
    }
}

fn user_of(app: &App, row: &Row, name: Option<String>, now: Timestamp) -> UserRow {
    UserRow {
        id: app.new_id(),
        tenant_id: row.tenant_id,
        email: row.email.clone(),
        name: name.unwrap_or_else(|| row.email.clone()),
        description: String::new(),
        kind: UserKind::Person,
        tenant_role: row.tenant_role.clone(),
        status: UserStatus::Active,
        default_workspace_id: None,
        created_at: now,
        updated_at: now,
    }
}

pub(in crate::http) fn accepted(app: &App, row: &Row, user: &UserRow) -> AuditEntry {
    AuditEntry {
        id: app.new_id(),
        tenant_id: row.tenant_id,
        workspace_id: None,
        at: user.created_at,
        actor_type: ActorType::User,
        actor_id: user.id.to_string(),
        action: "invite.accepted".to_owned(),
        entity_type: "invite".to_owned(),
        entity_id: row.id.to_string(),
        host: None,
        details: object!({"name": row.email, "role": row.tenant_role.as_str()}).to_string(),
    }
}

fn audit(ctx: &Ctx, action: &str, row: &Row) -> AuditEntry {
    let entry = ctx.audit(action, "invite", &row.id.to_string(), &row.email);
    crate::audit::also(entry, object!({"role": row.tenant_role.as_str()}))
}

/// Whom to invite as what, if that is said; each address once.
fn read(input: &[Invitation]) -> ApiResult<Vec<(String, Option<String>)>> {
    let refused = |message: String| ApiError::new(&code::INVITE_INVALID, message);
    if input.is_empty() || input.len() > INVITES_PER_CALL_MAX {
        let message =
            format!("the body names {} people; a call invites 1 to {INVITES_PER_CALL_MAX}", input.len());
        return Err(refused(message));
    }
    let mut seen = BTreeSet::new();
    let mut asked = Vec::with_capacity(input.len());
    for invitation in input {
        let email = email_of(&invitation.email)?;
        if !seen.insert(email.clone()) {
            return Err(refused(format!("`{email}` is named twice")));
        }
        asked.push((email, role_of(invitation)?.cloned()));
    }
    Ok(asked)
}

/// The role that is given once, by whichever of the two members.
fn role_of(invitation: &Invitation) -> ApiResult<Option<&String>> {
    let mut roles: Vec<&String> = invitation.role.iter().chain(&invitation.roles).collect();
    roles.retain(|role| !role.is_empty());
    roles.dedup();
    match roles.as_slice() {
        [] => Ok(None),
        [role] => Ok(Some(role)),
        _ => {
            let message = format!("`{}` is given several roles; a user has one", excerpt(&invitation.email));
            Err(ApiError::new(&code::INVITE_INVALID, message))
        }
    }
}

/// The role of that name, which the caller may give.
fn role_to_give(ctx: &Ctx, roles: &Roles, named: &str) -> ApiResult<Assigned<TenantRole>> {
    let role = authority::tenant_role_named(roles, named)
        .map_err(|error| ApiError::new(&code::INVITE_INVALID, error.message().to_owned()))?;
    authority::over_tenant_role(ctx, roles, &role)?;
    Ok(role)
}

/// The address in lower case, if it can be one: plain characters around one `@`.
pub(in crate::http) fn email_of(text: &str) -> ApiResult<String> {
    let email = text.trim().to_ascii_lowercase();
    let is_plain = email.len() <= EMAIL_BYTES_MAX && email.bytes().all(|byte| byte.is_ascii_graphic());
    let parts: Vec<&str> = email.split('@').collect();
    if !is_plain
        || parts.len() != 2
        || parts.iter().any(|part| part.is_empty())
        || email.contains(['/', ',', '<', '>'])
    {
        let shown = excerpt(&text.escape_debug().to_string());
        return Err(ApiError::new(&code::INVITE_INVALID, format!("`{shown}` is no e-mail address")));
    }
    Ok(email)
}

fn expiry(now: Timestamp) -> Timestamp {
    let length_ms = i64::try_from(INVITE_TIME.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.as_millis().saturating_add(length_ms))
}

fn new_code() -> String {
    let mut bytes = [0; CODE_BYTES];
    SystemRng.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The page of the link; the code comes after the hash sign, which no browser sends to a server or names as a referrer.
fn link_of(public_url: &str, code: &str) -> String {
    format!("{}/invite#{code}", public_url.trim_end_matches('/'))
}

/// What is stored of a code. The word before it keeps codes and API keys apart.
fn hash(app: &App, code: &str) -> String {
    app.identity().hash(&format!("invite {code}"))
}

fn not_found(which: &str) -> ApiError {
    ApiError::new(&code::INVITE_NOT_FOUND, format!("there is no invitation {which}"))
}

fn user_exists(email: &str) -> ApiError {
    let message = format!("a user `{email}` exists already");
    ApiError::new(&code::USER_EXISTS, message).with_data("email", email)
}

/// What a store's error is that may be about an address which is taken.
pub(in crate::http) fn email_taken(error: StoreError, email: &str) -> ApiError {
    if error.is_duplicate_of(users::EMAIL_KEY) { user_exists(email) } else { error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_plain_and_has_one_at() {
        assert_eq!(email_of(" Bob@Example.com ").unwrap(), "bob@example.com");
        let long = format!("{}@example.com", "x".repeat(EMAIL_BYTES_MAX));
        for bad in ["", "bob", "@x", "bob@", "a@b@c", "a b@c", "a@b\r\nBcc: x@y", "é@x", "a@b,c@d", &long] {
            assert_eq!(email_of(bad).unwrap_err().code(), &code::INVITE_INVALID, "{bad}");
        }
    }

    #[test]
    fn a_code_has_256_bits_and_is_never_the_same() {
        assert_eq!(new_code().len(), 64);
        assert_ne!(new_code(), new_code());
    }
}
