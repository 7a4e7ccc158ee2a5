//! Single sign-on: out to the provider, back from it, into a session.
//!
//! Both ways are addresses that a browser opens, so both are GET and no header of ours can be asked for. What holds them
//! together is the cookie of the attempt: an answer of the provider is worth something in the browser alone that has
//! begun.

mod admission;
mod attempt;
mod page;
mod refusal;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::json;
use subtle::ConstantTimeEq as _;
use types::{TenantId, UserId};
use utoipa::ToSchema;

use self::attempt::Begun;
use self::refusal::{Reason, Refusal};
use super::audit;
use super::sign_in::tidy;
use super::throttle::{self, Subject};
use super::visitor::Visitor;
use crate::App;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::json;
use crate::http::excerpt;
use crate::http::extract::Query;
use crate::http::routes::BASE;
use crate::single_sign_on::SingleSignOn;

/// Where the provider sends browsers back to, below [`BASE`].
pub(crate) const CALLBACK: &str = "/sign_in/sso/callback";
/// Where browsers begin.
const START: &str = "/sign_in/sso";

/// How people sign in.
#[derive(Serialize, ToSchema)]
#[schema(as = nictate::SignInMethods)]
pub(in crate::http) struct SignInMethods {
    /// Whether they may with a password.
    pub password: bool,
    /// The providers of single sign-on.
    pub sso: Vec<SsoMethod>,
}

/// A provider of single sign-on, as a button.
#[derive(Serialize, ToSchema)]
#[schema(as = nictate::SsoMethod)]
pub(in crate::http) struct SsoMethod {
    /// What the button says.
    pub name: String,
    /// Where it leads; `?return_to=/path` says where the browser goes at the end.
    pub url: String,
}

/// Where to go at the end.
#[derive(Deserialize)]
pub(in crate::http) struct StartInput {
    return_to: Option<String>,
}

/// What the provider sends along.
#[derive(Deserialize)]
pub(in crate::http) struct CallbackInput {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
    error: Option<String>,
    iss: Option<String>,
}

/// How people sign in here.
pub(in crate::http) async fn methods(State(app): State<App>) -> ApiResult {
    let button = |sso: &SingleSignOn| SsoMethod { name: sso.name.clone(), url: format!("{BASE}{START}") };
    json(&SignInMethods {
        password: app.config().sso.password_sign_in,
        sso: app.single_sign_on().map(button).into_iter().collect(),
    })
}

/// Sends the browser to the provider.
pub(in crate::http) async fn start(
    State(app): State<App>,
    visitor: Visitor,
    Query(input): Query<StartInput>,
) -> Response {
    let answer = send_off(&app, &visitor, input.return_to.as_deref()).await;
    answer.unwrap_or_else(|error| page::failed(&visitor, error))
}

async fn send_off(app: &App, visitor: &Visitor, return_to: Option<&str>) -> ApiResult {
    let sso = configured(app)?;
    let begun = Begun::now(app, return_to)?;
    let url = sso.provider.authorization_url(&begun.attempt(app), app.clock().now()).await;
    let url = url.map_err(|error| refusal::unavailable(&error))?;
    let mut answer = redirect(&url)?;
    begun.give(app, visitor, &mut answer)?;
    Ok(answer)
}

/// Takes the browser back from the provider.
pub(in crate::http) async fn callback(
    State(app): State<App>,
    visitor: Visitor,
    Query(input): Query<CallbackInput>,
) -> Response {
    let answer = finish(&app, &visitor, input).await;
    answer.unwrap_or_else(|error| page::failed(&visitor, error))
}

async fn finish(app: &App, visitor: &Visitor, input: CallbackInput) -> ApiResult {
    let sso = configured(app)?;
    let tenant = store::tenants::first(app.db()).await?;
    let tenant = tenant.ok_or_else(|| ApiError::internal("there is no tenant"))?.id;
    let counted = throttle::count(app, vec![Subject::network(app, visitor.peer)]).await?;
    let refusal = match attempt_of(app, sso, visitor, &input) {
        Err(refusal) => refusal,
        Ok(begun) => match enter(app, sso, visitor, (tenant, &begun), input).await {
            Ok(Ok(answer)) => {
                counted.take_back(app).await?;
                tidy(app).await?;
                return Ok(answer);
            }
            Ok(Err(refusal)) => refusal,
            Err(error) => {
                // The server's failure is none of the network's.
                counted.take_back(app).await?;
                return Err(error);
            }
        },
    };
    write_down(app, (tenant, sso), visitor, &refusal).await?;
    if !refusal.is_the_persons() {
        counted.take_back(app).await?;
    }
    Err(refusal.into_error())
}

/// The attempt that the answer belongs to.
fn attempt_of(
    app: &App,
    sso: &SingleSignOn,
    visitor: &Visitor,
    input: &CallbackInput,
) -> Result<Begun, Refusal> {
    let begun = Begun::of(app, visitor).ok_or(Reason::NotBegun)?;
    let attempt = begun.attempt(app);
    let is_same: bool = attempt.state.expose().as_bytes().ct_eq(input.state.as_bytes()).into();
    if !is_same {
        return Err(Reason::NotBegun.into());
    }
    // Of another provider (RFC 9207).
    if input.iss.as_deref().is_some_and(|issuer| issuer != sso.provider.issuer()) {
        return Err(Reason::NotBegun.into());
    }
    Ok(begun)
}

async fn enter(
    app: &App,
    sso: &SingleSignOn,
    visitor: &Visitor,
    (tenant, begun): (TenantId, &Begun),
    input: CallbackInput,
) -> ApiResult<Result<Response, Refusal>> {
    if let Some(said) = input.error {
        return Ok(Err(Reason::Said(excerpt(&audit::cut(&said))).into()));
    }
    if input.code.is_empty() {
        return Ok(Err(Reason::Said("no code".to_owned()).into()));
    }
    let person = sso.provider.person(&begun.attempt(app), input.code, app.clock().now()).await;
    let person = match person {
        Ok(person) => person,
        Err(error) => return Ok(Err(Reason::Provider(error).into())),
    };
    let (row, token) = match admission::admit(app, visitor, (tenant, sso), person).await? {
        Ok(admitted) => admitted,
        Err(refusal) => return Ok(Err(refusal)),
    };
    app.identity().forget_callers();
    let mut answer = visitor.give(redirect(&begun.return_to)?, &token, (row.created_at, row.expires_at))?;
    attempt::take(visitor, &mut answer)?;
    Ok(Ok(answer))
}

async fn write_down(
    app: &App,
    (tenant, sso): (TenantId, &SingleSignOn),
    visitor: &Visitor,
    refusal: &Refusal,
) -> ApiResult<()> {
    let details = json!({
        "name": audit::cut(refusal.email.as_deref().unwrap_or_default()), "peer": visitor.peer_text(),
        "reason": refusal.reason.to_string(), "issuer": sso.provider.issuer(),
    });
    let entry = audit::by_somebody(app, tenant, refusal.user, "session.refused", details);
    Ok(app.db().write(async move |tx| store::audit::record(tx, &entry).await).await?)
}

fn configured(app: &App) -> ApiResult<&SingleSignOn> {
    let message = "there is no provider of single sign-on here";
    app.single_sign_on().ok_or_else(|| ApiError::new(&code::SSO_NOT_CONFIGURED, message))
}

/// Sends the browser elsewhere, without the address it was at: a code stands in it.
fn redirect(to: &str) -> ApiResult {
    let to = HeaderValue::try_from(to).map_err(ApiError::internal)?;
    let referrer = HeaderValue::from_static("no-referrer");
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, to), (header::REFERRER_POLICY, referrer)]).into_response())
}

/// Forgets as whom a provider knows the user: the next one who comes with the user's verified address is known instead.
pub(in crate::http) async fn forget(ctx: Ctx) -> ApiResult {
    let id: UserId = ctx.id(&code::USER_NOT_FOUND)?;
    let db = ctx.db().clone();
    db.write(async move |tx| {
        store::users::lock_people(tx, ctx.tenant()).await?;
        let user = store::users::get(tx, ctx.tenant(), id).await?.ok_or_else(|| {
            let message = format!("the tenant has no user `{}`", excerpt(ctx.id_text()));
            ApiError::new(&code::USER_NOT_FOUND, message)
        })?;
        if store::user_identities::delete_of_user(tx, ctx.tenant(), id).await? == 0 {
            let message = format!("no provider knows `{}`", user.email);
            return Err(ApiError::new(&code::IDENTITY_NOT_FOUND, message));
        }
        let entry = ctx.audit("user.identities_forgotten", "user", &id.to_string(), &user.email);
        Ok(store::audit::record(tx, &entry).await?)
    })
    .await?;
    json(&id)
}
