//! The handlers of users.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, Request};
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};
use store::provisioning::{self, EXTERNAL_ID_KEY, Identity};
use store::users::{self, User as Row, UserKind, UserStatus};
use store::{StoreError, Tx};
use types::{TenantRole, UserId};

use super::lists::{Asked, answer, created, nothing};
use super::patch;
use super::refusal::Refusal;
use super::user::{Wanted, is_known, resource};
use crate::App;
use crate::audit;
use crate::ctx::Ctx;
use crate::error::{ApiError, code};
use crate::http::excerpt;
use crate::http::extract::{self, Query};
use crate::http::people::invites::{self, email_taken};
use crate::http::people::{Change, User, authority, make};
use crate::identity::Roles;

/// What somebody becomes if nothing says otherwise.
const ROLE_DEFAULT: TenantRole = TenantRole::Consumer;

/// A JSON body, refused as SCIM does.
pub(in crate::http) struct Resource(pub(super) Value);

impl FromRequest<App> for Resource {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refusal> {
        let extract::Body(members) =
            extract::Body::<BTreeMap<String, Value>>::from_request(request, app).await?;
        Ok(Self(members.into_iter().collect()))
    }
}

/// The people of the tenant that a filter finds.
pub(in crate::http) async fn list(ctx: Ctx, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let external_ids = provisioning::external_ids(ctx.db(), ctx.tenant()).await?;
    let people = users::list(ctx.db(), ctx.tenant()).await?;
    let people = people.into_iter().filter(|user| user.kind == UserKind::Person);
    let resources = people.map(|user| resource(&ctx, &user, external_ids.get(&user.id).map(String::as_str)));
    asked.page(resources.collect(), is_known)
}

/// A user.
pub(in crate::http) async fn get(ctx: Ctx, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let id: UserId = ctx.id(&code::USER_NOT_FOUND)?;
    let user = person(users::get(ctx.db(), ctx.tenant(), id).await?, &ctx)?;
    let external_id = provisioning::external_id(ctx.db(), ctx.tenant(), id).await?;
    Ok(answer(StatusCode::OK, &asked.projected(resource(&ctx, &user, external_id.as_deref()))))
}

/// A new user, without a password.
pub(in crate::http) async fn create(ctx: Ctx, Resource(input): Resource) -> Result<Response, Refusal> {
    let wanted = Wanted::read(&input, &Value::Null)?;
    let status = if wanted.active == Some(false) { UserStatus::Inactive } else { UserStatus::Active };
    let user = Row {
        id: ctx.new_id(),
        tenant_id: ctx.tenant(),
        email: wanted.email.clone(),
        name: wanted.name.clone(),
        description: String::new(),
        kind: UserKind::Person,
        tenant_role: ROLE_DEFAULT.into(),
        status,
        default_workspace_id: None,
        created_at: ctx.now(),
        updated_at: ctx.now(),
    };
    let db = ctx.db().clone();
    let made = db
        .write(async move |tx| {
            users::lock_people(tx, user.tenant_id).await?;
            let mut user = user.clone();
            if let Some(named) = &wanted.role {
                let roles = Roles::of_tenant(tx, user.tenant_id).await?;
                user.tenant_role = authority::tenant_role_to_give(&ctx, &roles, named)?;
            }
            if users::exists_by_email(tx, user.tenant_id, &user.email).await? {
                return Err(Refusal::taken(format!("a user `{}` exists already", user.email)));
            }
            users::insert(tx, &user).await.map_err(|error| email_taken(error, &user.email))?;
            identify(tx, &ctx, user.id, &wanted).await?;
            // Whoever was invited is here now.
            invites::withdraw_of(&ctx, tx, &user.email).await?;
            let entry = ctx.audit("user.created", "user", &user.id.to_string(), &user.email);
            store::audit::record(tx, &audit::made(entry, &User::from(&user))).await?;
            Ok::<_, Refusal>(resource(&ctx, &user, wanted.external_id.as_deref()))
        })
        .await?;
    Ok(created(&made))
}

/// Makes a user what the body says.
pub(in crate::http) async fn replace(ctx: Ctx, Resource(input): Resource) -> Result<Response, Refusal> {
    edit(ctx, move |_| Ok(input.clone())).await
}

/// Changes a user by a patch.
pub(in crate::http) async fn patch_user(ctx: Ctx, Resource(input): Resource) -> Result<Response, Refusal> {
    edit(ctx, move |before| patch::apply(before, &input)).await
}

/// Deletes a user, as `DELETE /user` does.
pub(in crate::http) async fn delete(ctx: Ctx) -> Result<Response, Refusal> {
    let id: UserId = ctx.id(&code::USER_NOT_FOUND)?;
    let (db, app) = (ctx.db().clone(), ctx.app().clone());
    db.write(async move |tx| {
        users::lock_people(tx, ctx.tenant()).await?;
        let user = person(users::get(tx, ctx.tenant(), id).await?, &ctx)?;
        Ok::<_, Refusal>(make(tx, &ctx, &user, &Change::Deleted).await?)
    })
    .await?;
    app.identity().forget_callers();
    Ok(nothing())
}

async fn edit(
    ctx: Ctx,
    change: impl Fn(Value) -> Result<Value, Refusal> + Send + Sync + 'static,
) -> Result<Response, Refusal> {
    let id: UserId = ctx.id(&code::USER_NOT_FOUND)?;
    let (db, app) = (ctx.db().clone(), ctx.app().clone());
    // Whoever gives somebody an address of their own could sign in as them.
    authority::over_user(&ctx, &person(users::get(&db, ctx.tenant(), id).await?, &ctx)?).await?;
    let after = db
        .write(async move |tx| {
            users::lock_people(tx, ctx.tenant()).await?;
            let user = person(users::get(tx, ctx.tenant(), id).await?, &ctx)?;
            let external_id = provisioning::external_id(tx, ctx.tenant(), id).await?;
            let before = resource(&ctx, &user, external_id.as_deref());
            let wanted = Wanted::read(&change(before.clone())?, &before)?;
            bring_to(tx, &ctx, &user, external_id, &wanted).await?;
            let user = person(users::get(tx, ctx.tenant(), id).await?, &ctx)?;
            Ok::<_, Refusal>(resource(&ctx, &user, wanted.external_id.as_deref()))
        })
        .await?;
    app.identity().forget_callers();
    Ok(answer(StatusCode::OK, &after))
}

/// Writes what is another than it was.
async fn bring_to(
    tx: &Tx<'_>,
    ctx: &Ctx,
    user: &Row,
    external_id: Option<String>,
    wanted: &Wanted,
) -> Result<(), Refusal> {
    if (&user.email, &user.name, &external_id) != (&wanted.email, &wanted.name, &wanted.external_id) {
        let is_moved = !user.email.eq_ignore_ascii_case(&wanted.email);
        if is_moved && users::exists_by_email(tx, ctx.tenant(), &wanted.email).await? {
            return Err(Refusal::taken(format!("a user `{}` exists already", wanted.email)));
        }
        identify(tx, ctx, user.id, wanted).await?;
        let entry = ctx.audit("user.updated", "user", &user.id.to_string(), &wanted.email);
        let before = json!({"email": user.email, "name": user.name, "external_id": external_id});
        let after = json!({"email": wanted.email, "name": wanted.name, "external_id": wanted.external_id});
        store::audit::record(tx, &audit::changed(entry, &before, &after)).await?;
    }
    let present = user.tenant_role.as_str();
    if let Some(role) = wanted.role.as_ref().filter(|role| !role.eq_ignore_ascii_case(present)) {
        make(tx, ctx, user, &Change::Role(role.clone())).await?;
    }
    if let Some(active) = wanted.active.filter(|active| *active != (user.status == UserStatus::Active)) {
        let status = if active { UserStatus::Active } else { UserStatus::Inactive };
        make(tx, ctx, user, &Change::Status(status)).await?;
    }
    Ok(())
}

async fn identify(tx: &Tx<'_>, ctx: &Ctx, id: UserId, wanted: &Wanted) -> Result<(), Refusal> {
    let Wanted { email, name, external_id, .. } = wanted.clone();
    let identity = Identity { email, name, external_id };
    let taken = |error: StoreError| {
        if error.is_duplicate_of(EXTERNAL_ID_KEY) {
            let named = excerpt(identity.external_id.as_deref().unwrap_or_default());
            return Refusal::taken(format!("another user has the `externalId` `{named}`"));
        }
        Refusal::from(email_taken(error, &identity.email))
    };
    provisioning::set_identity(tx, ctx.tenant(), id, &identity, ctx.now()).await.map_err(taken)?;
    Ok(())
}

/// The user, if it is a person. A service account is nobody whom an identity provider knows.
fn person(user: Option<Row>, ctx: &Ctx) -> Result<Row, Refusal> {
    user.filter(|user| user.kind == UserKind::Person).ok_or_else(|| {
        let message = format!("the tenant has no user `{}`", excerpt(ctx.id_text()));
        ApiError::new(&code::USER_NOT_FOUND, message).into()
    })
}
