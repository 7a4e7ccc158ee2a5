//! The wire forms of signing in.

use serde::{Deserialize, Serialize};
use store::users::User as UserRow;
use types::SessionId;
use utoipa::ToSchema;

/// Who signs in.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = nictate::SignIn)]
pub(in crate::http) struct SignInInput {
    /// The user's e-mail address.
    pub email: String,
    /// The user's password.
    pub password: String,
    /// The code that the user's authenticator shows, or a recovery code; needed if the user has an authenticator.
    pub totp: String,
    /// The id of the tenant, where there is more than one; the oldest one if it is empty.
    pub tenant_id: String,
}

/// Who has signed in, and where.
#[derive(Serialize, ToSchema)]
#[schema(as = nictate::CurrentSession)]
pub(in crate::http) struct CurrentSession {
    /// Who.
    pub user: SignedInUser,
    /// The session; none if the request came with an API key.
    pub session: Option<Session>,
}

/// A user, as they see themselves.
#[derive(Serialize, ToSchema)]
#[schema(as = nictate::SignedInUser)]
#[allow(missing_docs)]
pub(in crate::http) struct SignedInUser {
    pub id: String,
    pub tenant_id: String,
    pub email: String,
    pub name: String,
    pub tenant_role: String,
    /// The workspace meant by an address that names none; empty if the user is a member of none.
    pub default_workspace_id: String,
    /// Whether there is a password to sign in with.
    pub has_password: bool,
    /// Whether another password must be chosen before anything else.
    pub password_must_change: bool,
    /// Whether codes of an authenticator are asked for.
    pub has_totp: bool,
    /// Recovery codes that have not been used.
    pub recovery_codes_left: i64,
}

impl SignedInUser {
    pub(super) fn new(
        user: &UserRow,
        password: Option<&store::passwords::Password>,
        has_totp: bool,
        recovery_codes_left: i64,
    ) -> Self {
        Self {
            id: user.id.to_string(),
            tenant_id: user.tenant_id.to_string(),
            email: user.email.clone(),
            name: user.name.clone(),
            tenant_role: user.tenant_role.as_str().to_owned(),
            default_workspace_id: user.default_workspace_id.map(|id| id.to_string()).unwrap_or_default(),
            has_password: password.is_some(),
            password_must_change: password.is_some_and(|password| password.must_change),
            has_totp,
            recovery_codes_left,
        }
    }
}

/// A browser that the caller has signed in with.
#[derive(Serialize, ToSchema)]
#[schema(as = nictate::Session)]
#[allow(missing_docs)]
pub(in crate::http) struct Session {
    pub id: String,
    pub created_at: i64,
    /// May lag behind by a minute.
    pub last_seen_at: i64,
    /// From when on it is worth nothing, however much it is used.
    pub expires_at: i64,
    /// Whether a second factor was shown.
    pub mfa_passed: bool,
    /// The address that it was made from.
    pub peer: String,
    pub user_agent: String,
    /// The provider of single sign-on that vouched; empty if a password was shown.
    pub issuer: String,
    /// Whether it is the one of this request.
    pub is_current: bool,
}

impl Session {
    pub(super) fn new(row: &store::sessions::Session, current: Option<SessionId>) -> Self {
        Self {
            id: row.id.to_string(),
            created_at: row.created_at.as_millis(),
            last_seen_at: row.last_seen_at.as_millis(),
            expires_at: row.expires_at.as_millis(),
            mfa_passed: row.mfa_passed,
            peer: row.peer.clone(),
            user_agent: row.user_agent.clone(),
            issuer: row.issuer.clone(),
            is_current: current == Some(row.id),
        }
    }
}

/// Another password of the caller.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = nictate::ChangePassword)]
pub(in crate::http) struct NewPasswordInput {
    /// The present one.
    pub current: String,
    /// The one to be.
    pub new: String,
}

/// A password for whoever has a link to set it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = nictate::SetPassword)]
pub(in crate::http) struct PasswordInput {
    /// The one to be.
    pub password: String,
}

/// The caller's present password, as a proof.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = nictate::OwnPassword)]
pub(in crate::http) struct OwnPasswordInput {
    /// The present one.
    pub password: String,
}

/// What a link to set a password is to do besides.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = nictate::PasswordResetRequest)]
pub(in crate::http) struct ResetInput {
    /// Removes the user's authenticator and recovery codes at once, for whoever has lost both.
    pub remove_totp: bool,
}

/// A link with which a user sets a password once; shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = nictate::PasswordReset)]
pub(in crate::http) struct Reset {
    /// The page with the code; it asks for the password.
    pub url: String,
    /// The code itself, for `POST /password_reset/{code}`.
    pub code: String,
    /// From when on it is worth nothing.
    pub expires_at: i64,
}

/// A new authenticator, which must be confirmed; shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = nictate::TotpStart)]
pub(in crate::http) struct TotpStart {
    /// For an authenticator to read, as a QR code mostly.
    pub otpauth_url: String,
    /// The secret in it, to be typed.
    pub secret: String,
}

/// The proof that the authenticator works.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = nictate::TotpConfirm)]
pub(in crate::http) struct ConfirmInput {
    /// The code that it shows.
    pub code: String,
}

/// Codes for whoever loses their authenticator, each good once; shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = nictate::RecoveryCodes)]
pub(in crate::http) struct RecoveryCodes {
    /// The codes.
    pub recovery_codes: Vec<String>,
}
