//! Signing in: sessions of browsers, passwords, second factors, single sign-on.

mod audit;
pub(super) mod door;
mod me;
mod model;
mod own;
mod page;
mod password;
mod reset;
mod sign_in;
mod sso;
mod throttle;
mod totp;
mod visitor;

pub(super) use me::{current, end, end_one, list};
pub(super) use model::{
    ConfirmInput, CurrentSession, NewPasswordInput, OwnPasswordInput, PasswordInput, RecoveryCodes, Reset,
    ResetInput, Session, SignInInput, TotpStart,
};
pub(super) use page::{page as password_page, script as password_script};
pub(super) use password::change;
pub(crate) use reset::{FIRST_LINK_TIME, reset_link, reset_row};
pub(super) use reset::{create as create_reset, redeem};
pub(super) use sign_in::create;
pub(crate) use sso::CALLBACK as SSO_CALLBACK;
pub(super) use sso::{
    SignInMethods, callback as sso_callback, forget as forget_identities, methods, start as sso_start,
};
pub(super) use totp::{confirm as confirm_totp, remove as remove_totp, start as start_totp};
