//! `POST /session`: address, password and code become a session.
//!
//! Whatever is wrong, the answer and the work are the same, so that nobody learns which addresses have an account. What
//! was wrong stands in the audit log.

use axum::extract::State;
use secrets::Secret;
use serde_json::json;
use store::Tx;
use store::audit::AuditEntry;
use store::passwords::Password;
use store::second_factors::Totp;
use store::sessions::Session as Row;
use store::users::{User, UserStatus};
use types::{SystemRng, TenantId, Timestamp, UserId};

use super::audit;
use super::me::answer_of;
use super::model::SignInInput;
use super::throttle::{self, Subject};
use super::visitor::Visitor;
use crate::App;
use crate::error::{ApiError, ApiResult, code};
use crate::http::extract::Body;

/// Sessions that one user may have; signing in once more ends the one that was not used for longest.
pub(super) const SESSIONS_MAX: usize = 50;
/// Bytes of an address or password; longer ones are no one's.
const INPUT_BYTES_MAX: usize = 4 * 256;
/// What recovery codes are hashed as.
pub(super) const RECOVERY_CODE: &str = "recovery code";

/// Why somebody is not let in: for the audit log alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    UnknownUser,
    NoPassword,
    WrongPassword,
    SwitchedOff,
    WrongCode,
    /// The password was right.
    CodeMissing,
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownUser => "unknown user",
            Self::NoPassword => "no password",
            Self::WrongPassword => "wrong password",
            Self::SwitchedOff => "switched off",
            Self::WrongCode => "wrong code",
            Self::CodeMissing => "code missing",
        }
    }
}

/// What was shown besides the password.
enum Factor {
    None,
    Step(Totp, i64),
    RecoveryCode(String),
}

impl Factor {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Step(..) => "authenticator",
            Self::RecoveryCode(_) => "recovery code",
        }
    }

    /// Takes the code, which is good once; whether it still was.
    async fn take(&self, tx: &Tx<'_>, user: &User) -> Result<bool, store::StoreError> {
        use store::second_factors::{use_recovery_code, use_step};
        match self {
            // Somebody may have set an authenticator up meanwhile.
            Self::None => {
                let totp = store::second_factors::get(tx, user.tenant_id, user.id).await?;
                Ok(totp.is_none_or(|totp| totp.confirmed_at.is_none()))
            }
            Self::Step(totp, step) => use_step(tx, totp, *step).await,
            Self::RecoveryCode(hash) => use_recovery_code(tx, user.tenant_id, user.id, hash).await,
        }
    }
}

/// Somebody who has shown everything that is asked for.
struct Passed {
    user: User,
    password: Password,
    factor: Factor,
}

/// The session, its token, and whose it is.
type Begun = (Row, Secret<String>, User);
/// Why somebody is not let in, and whom they said to be, if there is one.
type Refused = (Reason, Option<UserId>);

/// Signs somebody in.
pub(in crate::http) async fn create(
    State(app): State<App>,
    visitor: Visitor,
    Body(input): Body<SignInInput>,
) -> ApiResult {
    visitor.refuse_forged()?;
    if !app.config().sso.password_sign_in {
        let message = "nobody signs in with a password here: use single sign-on";
        return Err(ApiError::new(&code::PASSWORD_SIGN_IN_OFF, message));
    }
    let SignInInput { email, password, totp, tenant_id } = input;
    let (email, password) = (email.trim().to_owned(), Secret::new(password));
    let missing = |member: &str| Err(ApiError::new(&code::BODY_INVALID, format!("`{member}` is missing")));
    if email.is_empty() {
        return missing("email");
    }
    if password.expose().is_empty() {
        return missing("password");
    }
    let tenant = find_tenant(&app, &tenant_id).await?;
    let subjects = vec![Subject::account(&app, tenant, &email), Subject::network(&app, visitor.peer)];
    let counted = throttle::count(&app, subjects).await?;
    let (reason, user) = match attempt(&app, &visitor, (tenant, &email), password, totp.trim()).await {
        Ok(Ok((row, token, user))) => {
            counted.succeeded(&app).await?;
            tidy(&app).await?;
            app.identity().forget_callers();
            let answer = answer_of(&app, &user, Some(&row)).await?;
            return visitor.give(answer, &token, (row.created_at, row.expires_at));
        }
        Ok(Err(refused)) => refused,
        Err(error) => {
            // The server's failure is none of the account's.
            counted.take_back(&app).await?;
            return Err(error);
        }
    };
    let details = json!({"name": audit::cut(&email), "peer": visitor.peer_text(), "reason": reason.as_str()});
    let entry = audit::by_somebody(&app, tenant, user, "session.refused", details);
    app.db().write(async move |tx| store::audit::record(tx, &entry).await).await?;
    if reason == Reason::CodeMissing {
        counted.take_back(&app).await?;
        let message = "the code of the authenticator is needed too, as `totp`";
        return Err(ApiError::new(&code::TOTP_REQUIRED, message));
    }
    Err(refused())
}

async fn attempt(
    app: &App,
    visitor: &Visitor,
    (tenant, email): (TenantId, &str),
    password: Secret<String>,
    typed: &str,
) -> ApiResult<Result<Begun, Refused>> {
    match judge(app, tenant, email, password, typed).await? {
        Ok(passed) => begin(app, visitor, passed).await,
        Err(refused) => Ok(Err(refused)),
    }
}

/// The tenant of that id, the oldest one if none is named. One that is not there has no users.
async fn find_tenant(app: &App, named: &str) -> ApiResult<TenantId> {
    let found = match (named.is_empty(), named.parse()) {
        (true, _) => store::tenants::first(app.db()).await?,
        (false, Ok(id)) => store::tenants::get(app.db(), id).await?,
        (false, Err(_)) => None,
    };
    found.map(|tenant| tenant.id).ok_or_else(refused)
}

/// What everybody is told who is not let in.
fn refused() -> ApiError {
    ApiError::new(&code::SIGN_IN_REFUSED, "address, password or code are not right")
}

/// Whether what was shown is right.
async fn judge(
    app: &App,
    tenant: TenantId,
    email: &str,
    password: Secret<String>,
    typed: &str,
) -> ApiResult<Result<Passed, Refused>> {
    // What nobody can have is looked for all the same, as something shorter that nobody has.
    let email = if email.len() <= INPUT_BYTES_MAX && !email.contains('\0') { email } else { "" };
    let password = if password.expose().len() <= INPUT_BYTES_MAX { password } else { Secret::from("") };
    let user = store::users::find_by_email(app.db(), tenant, email).await?;
    // Looked for in any case: it takes its time.
    let id = user.as_ref().map_or_else(|| UserId::from(uuid::Uuid::nil()), |user| user.id);
    let stored = store::passwords::get(app.db(), tenant, id).await?;
    let hash = stored.as_ref().map(|stored| stored.hash.clone());
    let fits = app.passwords().fits(password, hash).await?;
    let Some(user) = user else { return Ok(Err((Reason::UnknownUser, None))) };
    let refused = |reason| Ok(Err((reason, Some(id))));
    let Some(password) = stored else { return refused(Reason::NoPassword) };
    if !fits {
        return refused(Reason::WrongPassword);
    }
    if user.status != UserStatus::Active {
        return refused(Reason::SwitchedOff);
    }
    let totp = store::second_factors::get(app.db(), tenant, id).await?;
    let factor = match totp.filter(|totp| totp.confirmed_at.is_some()) {
        None => Factor::None,
        Some(_) if typed.is_empty() => return refused(Reason::CodeMissing),
        Some(totp) => match read_factor(app, totp, typed)? {
            Some(factor) => factor,
            None => return refused(Reason::WrongCode),
        },
    };
    Ok(Ok(Passed { user, password, factor }))
}

fn read_factor(app: &App, totp: Totp, typed: &str) -> ApiResult<Option<Factor>> {
    if let Some(code) = secrets::read_recovery_code(typed) {
        return Ok(Some(Factor::RecoveryCode(app.identity().hash_of(RECOVERY_CODE, code.expose()))));
    }
    let secret = app.vault().masters().user_sealer().open(totp.user_id, &totp.secret);
    let secret = secret.map_err(ApiError::internal)?;
    let now_s = app.clock().now().as_millis().div_euclid(1000);
    Ok(secret.step_of(typed, now_s, totp.last_step).map(|step| Factor::Step(totp, step)))
}

/// Stores the session, unless the code was used meanwhile, or user or password have changed.
async fn begin(app: &App, visitor: &Visitor, passed: Passed) -> ApiResult<Result<Begun, Refused>> {
    let Passed { user, password, factor } = passed;
    let NewSession { row, token, hash, former } = NewSession::of(app, visitor, (user.tenant_id, user.id));
    let row = Row { mfa_passed: !matches!(factor, Factor::None), ..row };
    let details = json!({
        "name": user.email, "peer": row.peer, "second_factor": factor.as_str(), "session": row.id,
    });
    let entry = audit::by_user(app, &user, "session.created", details);
    let (stored, asked) = (row.clone(), user.clone());
    let reason = app
        .db()
        .write(async move |tx| {
            let (tenant, id) = (asked.tenant_id, asked.id);
            store::users::lock(tx, tenant, id).await?;
            let found = store::users::get(tx, tenant, id).await?;
            if found.is_none_or(|found| found.status != UserStatus::Active) {
                return Ok(Some(Reason::SwitchedOff));
            }
            let present = store::passwords::get(tx, tenant, id).await?;
            if present.is_none_or(|present| present.hash != password.hash) {
                return Ok(Some(Reason::WrongPassword));
            }
            if !factor.take(tx, &asked).await? {
                return Ok(Some(Reason::WrongCode));
            }
            put(tx, &stored, (&hash, former.as_deref()), &entry).await?;
            Ok::<_, store::StoreError>(None)
        })
        .await?;
    Ok(match reason {
        Some(reason) => Err((reason, Some(user.id))),
        None => Ok((row, token, user)),
    })
}

/// A session that is to be, which has shown no second factor and comes from no provider.
pub(super) struct NewSession {
    pub(super) row: Row,
    pub(super) token: Secret<String>,
    /// Of the token.
    pub(super) hash: String,
    /// Of the token that the browser came with: that session ends. Nobody can have chosen the new token.
    pub(super) former: Option<String>,
}

impl NewSession {
    pub(super) fn of(app: &App, visitor: &Visitor, (tenant_id, user_id): (TenantId, UserId)) -> Self {
        let (now, token) = (app.clock().now(), secrets::generate_token(&mut SystemRng));
        let hash = |token: &Secret<String>| app.identity().session_hash(token.expose());
        let row = Row {
            id: app.new_id(),
            tenant_id,
            user_id,
            created_at: now,
            last_seen_at: now,
            expires_at: now.saturating_add(app.config().sessions.age_max()),
            mfa_passed: false,
            peer: visitor.peer_text(),
            user_agent: visitor.user_agent.clone(),
            issuer: String::new(),
        };
        Self { row, hash: hash(&token), former: visitor.token.as_ref().map(hash), token }
    }
}

/// Stores a session with what is written down of it.
pub(super) async fn put(
    tx: &Tx<'_>,
    row: &Row,
    (hash, former): (&str, Option<&str>),
    entry: &AuditEntry,
) -> Result<(), store::StoreError> {
    make_room(tx, row, former).await?;
    store::sessions::insert(tx, row, hash).await?;
    store::audit::record(tx, entry).await
}

/// Ends the session that the same browser had, and what is too much.
async fn make_room(tx: &Tx<'_>, new: &Row, former: Option<&str>) -> Result<(), store::StoreError> {
    if let Some(former) = former
        && let Some(found) = store::sessions::find_by_hash(tx, former).await?
    {
        store::sessions::delete(tx, found.tenant_id, found.user_id, found.id).await?;
    }
    let mut rows = store::sessions::list(tx, new.tenant_id, new.user_id).await?;
    rows.sort_by_key(|row| row.last_seen_at);
    let too_many = (rows.len() + 1).saturating_sub(SESSIONS_MAX);
    for row in rows.iter().take(too_many) {
        store::sessions::delete(tx, row.tenant_id, row.user_id, row.id).await?;
    }
    Ok(())
}

/// Removes everybody's sessions that have ended.
pub(super) async fn tidy(app: &App) -> ApiResult<()> {
    let now: Timestamp = app.clock().now();
    let idle_since = now.saturating_sub(app.config().sessions.idle_timeout());
    Ok(app.db().write(async move |tx| store::sessions::delete_ended(tx, now, idle_since).await).await?)
}
