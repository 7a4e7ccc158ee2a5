//! Why somebody does not get in: as the audit log has it, and as they are told. They have shown the provider who they
//! are, so that they may know more than whoever types a password.

use std::fmt;

use sso::SsoError;
use types::UserId;

use crate::error::{ApiError, code};

/// Why.
#[derive(Debug)]
pub(super) enum Reason {
    /// The browser has begun no such attempt, or too long ago.
    NotBegun,
    /// The provider says so.
    Said(String),
    /// The provider cannot be asked or believed.
    Provider(SsoError),
    /// The provider does not say that an address is the person's, or what it says is no address.
    NotVerified,
    /// People with such an address may not come.
    OtherDomain,
    /// Nobody has invited them.
    UnknownUser,
    /// The user is somebody else to the provider.
    OtherPerson,
    /// The user is switched off.
    SwitchedOff,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBegun => f.write_str("not begun in this browser"),
            Self::Said(said) => write!(f, "the provider says `{said}`"),
            Self::Provider(error) => error.fmt(f),
            Self::NotVerified => f.write_str("address not verified"),
            Self::OtherDomain => f.write_str("domain not allowed"),
            Self::UnknownUser => f.write_str("unknown user"),
            Self::OtherPerson => f.write_str("known as another person"),
            Self::SwitchedOff => f.write_str("switched off"),
        }
    }
}

/// Somebody who does not get in.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    /// The user they would have been.
    pub(super) user: Option<UserId>,
    /// The address that the provider names.
    pub(super) email: Option<String>,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self { reason, user: None, email: None }
    }
}

impl Refusal {
    /// Whether it counts as a failure of whoever tried, rather than of the provider.
    pub(super) fn is_the_persons(&self) -> bool {
        !matches!(&self.reason, Reason::Provider(error) if !is_about_the_person(error))
    }

    /// What they are told.
    pub(super) fn into_error(self) -> ApiError {
        let refused = |message: &str| ApiError::new(&code::SSO_REFUSED, message);
        match self.reason {
            Reason::NotBegun => ApiError::new(
                &code::SSO_STATE_INVALID,
                "this answer of the provider belongs to no sign-in that this browser has begun in the last minutes: \
                 begin again",
            ),
            Reason::Said(said) => refused(&format!("the provider has not signed you in; it says `{said}`")),
            Reason::Provider(error) if is_about_the_person(&error) => {
                refused("what the provider sent cannot be trusted; the audit log says why")
            }
            Reason::Provider(error) => unavailable(&error),
            Reason::NotVerified => {
                refused("the provider does not say that it has verified your e-mail address")
            }
            Reason::OtherDomain => {
                refused("people with an e-mail address of your domain may not sign in here")
            }
            Reason::UnknownUser => refused("you have no account here: ask an Admin to invite you"),
            Reason::OtherPerson => refused(
                "the account with your e-mail address belongs to another account at the provider: ask an Admin",
            ),
            Reason::SwitchedOff => refused("your account here is switched off"),
        }
    }
}

/// When the provider itself is what fails.
pub(super) fn unavailable(error: &SsoError) -> ApiError {
    let message = "the provider of single sign-on does not answer as it must; try again later";
    ApiError::new(&code::SSO_UNAVAILABLE, message).with_cause(error)
}

fn is_about_the_person(error: &SsoError) -> bool {
    matches!(error, SsoError::CodeRefused(_) | SsoError::TokenRefused(_))
}
