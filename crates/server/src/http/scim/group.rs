//! Groups, as SCIM shows them, and their handlers.

use std::collections::BTreeSet;

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};
use store::groups::{self, Group as Row};
use store::{Read, StoreError, Tx, users};
use types::{GroupId, UserId};

use super::filter::{Attribute, member};
use super::lists::{Asked, answer, created, nothing};
use super::refusal::Refusal;
use super::user::EXTERNAL_ID_CHARS_MAX;
use super::users::Resource;
use super::{meta, patch};
use crate::ctx::Ctx;
use crate::error::{ApiError, code};
use crate::http::excerpt;
use crate::http::extract::Query;
use crate::http::names::check_name;
use crate::http::people::groups::{self as people, Towards};

/// The schema of groups.
pub(super) const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// Members that one call may leave in a group.
const MEMBERS_MAX: usize = 10_000;
/// Members that a refusal names.
const NAMED_MAX: usize = 10;

/// Whether groups can be filtered by the attribute.
fn is_known(attribute: &Attribute) -> bool {
    let names: Vec<&str> = attribute.0.iter().map(String::as_str).collect();
    matches!(
        names.as_slice(),
        ["displayname" | "externalid" | "id" | "members"] | ["members", "value" | "display"]
    )
}

fn resource(ctx: &Ctx, group: &Row, members: &[(UserId, String)]) -> Value {
    let members: Vec<Value> = members
        .iter()
        .map(|(id, name)| json!({"value": id, "display": name, "type": "User", "$ref": format!("../Users/{id}")}))
        .collect();
    let mut shown = json!({
        "schemas": [SCHEMA],
        "id": group.id,
        "displayName": group.name,
        "members": members,
        "meta": meta(ctx, ("Group", "Groups"), &group.id.to_string(), (group.created_at, group.updated_at)),
    });
    if let Some(id) = &group.external_id {
        shown["externalId"] = json!(id);
    }
    shown
}

async fn shown(ctx: &Ctx, read: &impl Read, group: &Row) -> Result<Value, Refusal> {
    Ok(resource(ctx, group, &groups::members(read, group.tenant_id, group.id).await?))
}

/// The groups of the tenant that a filter finds.
pub(in crate::http) async fn list(ctx: Ctx, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let mut resources = Vec::new();
    for group in groups::all(ctx.db(), ctx.tenant()).await? {
        // Providers leave members out when they look for a group, for there may be many.
        resources.push(if asked.wants("members") {
            shown(&ctx, ctx.db(), &group).await?
        } else {
            resource(&ctx, &group, &[])
        });
    }
    asked.page(resources, is_known)
}

/// A group.
pub(in crate::http) async fn get(ctx: Ctx, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let group = find(&ctx, ctx.db()).await?;
    Ok(answer(StatusCode::OK, &asked.projected(shown(&ctx, ctx.db(), &group).await?)))
}

/// A new group, about which the identity provider decides.
pub(in crate::http) async fn create(ctx: Ctx, Resource(input): Resource) -> Result<Response, Refusal> {
    let wanted = Wanted::read(&input)?;
    let (now, user) = (ctx.now(), ctx.user().to_string());
    let group = Row {
        id: ctx.new_id(),
        tenant_id: ctx.tenant(),
        name: wanted.name.clone(),
        description: String::new(),
        managed: true,
        external_id: wanted.external_id.clone(),
        created_at: now,
        created_by: user.clone(),
        updated_at: now,
        updated_by: user,
    };
    let (db, app) = (ctx.db().clone(), ctx.app().clone());
    let made = db
        .write(async move |tx| {
            users::lock_people(tx, group.tenant_id).await?;
            let members = wanted.known_members(&ctx, tx).await?;
            hold_external_id(&ctx, tx, &group).await?;
            people::make(&ctx, tx, &group).await?;
            if !members.is_empty() {
                people::move_users(&ctx, tx, &group, &members, Towards::Added).await?;
            }
            shown(&ctx, tx, &group).await
        })
        .await?;
    app.identity().forget_callers();
    Ok(created(&made))
}

/// Makes a group what the body says.
pub(in crate::http) async fn replace(ctx: Ctx, Resource(input): Resource) -> Result<Response, Refusal> {
    edit(ctx, move |_| Ok(input.clone())).await
}

/// Changes a group by a patch.
pub(in crate::http) async fn patch_group(ctx: Ctx, Resource(input): Resource) -> Result<Response, Refusal> {
    edit(ctx, move |before| patch::apply(before, &input)).await
}

/// Deletes a group.
pub(in crate::http) async fn delete(ctx: Ctx) -> Result<Response, Refusal> {
    let (db, app) = (ctx.db().clone(), ctx.app().clone());
    db.write(async move |tx| {
        users::lock_people(tx, ctx.tenant()).await?;
        let group = find(&ctx, tx).await?;
        Ok::<_, Refusal>(people::remove(&ctx, tx, &group).await?)
    })
    .await?;
    app.identity().forget_callers();
    Ok(nothing())
}

async fn edit(
    ctx: Ctx,
    change: impl Fn(Value) -> Result<Value, Refusal> + Send + Sync + 'static,
) -> Result<Response, Refusal> {
    let (db, app) = (ctx.db().clone(), ctx.app().clone());
    let after = db
        .write(async move |tx| {
            users::lock_people(tx, ctx.tenant()).await?;
            let before = find(&ctx, tx).await?;
            let members = groups::members(tx, before.tenant_id, before.id).await?;
            let wanted = Wanted::read(&change(resource(&ctx, &before, &members))?)?;
            let present: BTreeSet<UserId> = members.iter().map(|(id, _)| *id).collect();
            let group = bring_to(&ctx, tx, (&before, &present), &wanted).await?;
            shown(&ctx, tx, &group).await
        })
        .await?;
    app.identity().forget_callers();
    Ok(answer(StatusCode::OK, &after))
}

/// Writes what is another than it was.
async fn bring_to(
    ctx: &Ctx,
    tx: &Tx<'_>,
    (before, present): (&Row, &BTreeSet<UserId>),
    wanted: &Wanted,
) -> Result<Row, Refusal> {
    let mut group = before.clone();
    group.name.clone_from(&wanted.name);
    group.external_id.clone_from(&wanted.external_id);
    let members = wanted.known_members(ctx, tx).await?;
    if group != *before || members != *present {
        group.managed = true;
        (group.updated_at, group.updated_by) = (ctx.now(), ctx.user().to_string());
        hold_external_id(ctx, tx, &group).await?;
        people::change(ctx, tx, (before, &group)).await?;
    }
    for (ids, towards) in [(&members - present, Towards::Added), (present - &members, Towards::Removed)] {
        if !ids.is_empty() {
            people::move_users(ctx, tx, &group, &ids, towards).await?;
        }
    }
    Ok(group)
}

/// Refuses a second group of the same id at the identity provider.
async fn hold_external_id(ctx: &Ctx, tx: &Tx<'_>, group: &Row) -> Result<(), Refusal> {
    let Some(id) = &group.external_id else { return Ok(()) };
    let others = groups::all(tx, ctx.tenant()).await?;
    if others.iter().any(|other| other.id != group.id && other.external_id.as_ref() == Some(id)) {
        return Err(Refusal::taken(format!("another group has the `externalId` `{}`", excerpt(id))));
    }
    Ok(())
}

async fn find(ctx: &Ctx, read: &impl Read) -> Result<Row, Refusal> {
    let id: GroupId = ctx.id(&code::GROUP_NOT_FOUND)?;
    let group: Result<Option<Row>, StoreError> = groups::get(read, ctx.tenant(), id).await;
    group?.ok_or_else(|| {
        let message = format!("the tenant has no group `{}`", excerpt(ctx.id_text()));
        ApiError::new(&code::GROUP_NOT_FOUND, message).into()
    })
}

/// What a resource asks for.
struct Wanted {
    name: String,
    external_id: Option<String>,
    /// As they are written there.
    members: Vec<String>,
}

impl Wanted {
    fn read(resource: &Value) -> Result<Self, Refusal> {
        let name = member(resource, "displayName").and_then(Value::as_str);
        let external_id = match member(resource, "externalId") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => Some(id.clone()).filter(|id| !id.is_empty()),
            Some(_) => return Err(Refusal::value("`externalId` must be a text")),
        };
        if external_id.as_ref().is_some_and(|id| id.chars().count() > EXTERNAL_ID_CHARS_MAX) {
            let message = format!("`externalId` has more than {EXTERNAL_ID_CHARS_MAX} characters");
            return Err(Refusal::value(message));
        }
        Ok(Self { name: check_name("group", name)?, external_id, members: members_of(resource)? })
    }

    /// The members, each of which is a person of the tenant.
    async fn known_members(&self, ctx: &Ctx, tx: &Tx<'_>) -> Result<BTreeSet<UserId>, Refusal> {
        let (mut known, mut unknown) = (BTreeSet::new(), Vec::new());
        for named in &self.members {
            match named.parse::<UserId>() {
                Ok(id) if users::get(tx, ctx.tenant(), id).await?.is_some() => _ = known.insert(id),
                _ => unknown.push(excerpt(named)),
            }
        }
        if unknown.is_empty() {
            return Ok(known);
        }
        unknown.truncate(NAMED_MAX);
        Err(Refusal::value(format!("`members` names no users of the tenant: {}", unknown.join(", "))))
    }
}

fn members_of(resource: &Value) -> Result<Vec<String>, Refusal> {
    let members = match member(resource, "members") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(members)) => members.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    if members.len() > MEMBERS_MAX {
        let count = members.len();
        return Err(Refusal::value(format!("`members` has {count} values, more than {MEMBERS_MAX}")));
    }
    members
        .iter()
        .map(|one| {
            let id = member(one, "value").and_then(Value::as_str).or(one.as_str());
            id.map(str::to_owned).ok_or_else(|| Refusal::value("a value of `members` has no `value`"))
        })
        .collect()
}
