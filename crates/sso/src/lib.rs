//! Single sign-on by OpenID Connect: finds a provider by discovery, sends people there by the code flow with PKCE, and
//! says who came back.
//!
//! It knows neither the database nor who may enter: that is the server's to decide. It has no HTTP client and no clock
//! either; both are handed in, and what the client may reach and trust is its owner's affair.

mod claims;
mod error;
mod provider;
mod token;

pub use claims::Person;
pub use error::SsoError;
pub use openidconnect::{HttpRequest, HttpResponse};
pub use provider::{
    Attempt, HttpClient, PROVIDER_TIME_MAX, Provider, ProviderSettings, SendError, is_safe_url,
};
pub use token::CLOCK_SKEW;
