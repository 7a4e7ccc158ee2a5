//! An attempt to sign in, from the way out to the way back. A cookie holds it, so that no server has to remember anything
//! of browsers that never return: a random seed, from which the server alone derives what the provider gets to see, and
//! where the browser goes at the end, under the server's seal.

use std::time::Duration;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrets::Secret;
use subtle::ConstantTimeEq as _;
use types::{SystemRng, Timestamp};

use super::super::visitor::Visitor;
use crate::App;
use crate::error::{ApiError, ApiResult, code};
use crate::http::excerpt;

/// How long somebody may take at the provider.
pub(super) const ATTEMPT_TIME: Duration = Duration::from_secs(10 * 60);
/// Bytes of the path at which the browser ends.
pub(super) const RETURN_TO_BYTES_MAX: usize = 512;
/// The cookie, and what it is sent to.
const COOKIE: (&str, &str) = ("nictate_sso", "/api/v1/sign_in/sso");
/// Where the browser ends if nothing says otherwise.
const RETURN_TO_DEFAULT: &str = "/";

/// An attempt that this server has begun in this browser.
pub(super) struct Begun {
    seed: Secret<String>,
    expires_at: Timestamp,
    /// A path of this server.
    pub(super) return_to: String,
}

impl Begun {
    /// A new one.
    ///
    /// # Errors
    /// If `return_to` is no path of this server.
    pub(super) fn now(app: &App, return_to: Option<&str>) -> ApiResult<Self> {
        let return_to = return_to.unwrap_or(RETURN_TO_DEFAULT);
        if !is_own_path(return_to) {
            let shown = excerpt(&return_to.escape_debug().to_string());
            let message = format!(
                "`return_to` is `{shown}`: a path of this server is needed, `/…`, of {RETURN_TO_BYTES_MAX} bytes at most"
            );
            return Err(ApiError::new(&code::PARAMETER_INVALID, message));
        }
        Ok(Self {
            seed: secrets::generate_token(&mut SystemRng),
            expires_at: app.clock().now().saturating_add(ATTEMPT_TIME),
            return_to: return_to.to_owned(),
        })
    }

    /// The one in the browser's cookie, if this server has made it, not too long ago.
    pub(super) fn of(app: &App, visitor: &Visitor) -> Option<Self> {
        let (sealed, seal) = visitor.cookie(COOKIE.0)?.rsplit_once('.')?;
        let is_ours: bool = seal_of(app, sealed).as_bytes().ct_eq(seal.as_bytes()).into();
        let mut parts = sealed.split('.');
        let (seed, expires_at, return_to) = (parts.next()?, parts.next()?, parts.next()?);
        let expires_at = Timestamp::from_millis(expires_at.parse().ok()?);
        let return_to = String::from_utf8(URL_SAFE_NO_PAD.decode(return_to).ok()?).ok()?;
        let begun = Self { seed: Secret::from(seed), expires_at, return_to };
        (is_ours && app.clock().now() < begun.expires_at && is_own_path(&begun.return_to)).then_some(begun)
    }

    /// What goes to the provider and comes back. Whoever sees one of the three learns nothing of the others, nor does
    /// whoever sees the cookie.
    pub(super) fn attempt(&self, app: &App) -> ::sso::Attempt {
        let derive = |kind| Secret::new(app.identity().hash_of(kind, self.seed.expose()));
        ::sso::Attempt {
            state: derive("sso state"),
            nonce: derive("sso nonce"),
            verifier: derive("sso code verifier"),
        }
    }

    /// Gives the browser the cookie.
    pub(super) fn give(&self, app: &App, visitor: &Visitor, answer: &mut Response) -> ApiResult<()> {
        let return_to = URL_SAFE_NO_PAD.encode(&self.return_to);
        let sealed = format!("{}.{}.{return_to}", self.seed.expose(), self.expires_at.as_millis());
        let value = format!("{sealed}.{}", seal_of(app, &sealed));
        visitor.set_cookie(answer, COOKIE, &value, ATTEMPT_TIME.as_secs())
    }
}

/// Takes the cookie away.
pub(super) fn take(visitor: &Visitor, answer: &mut Response) -> ApiResult<()> {
    visitor.set_cookie(answer, COOKIE, "", 0)
}

fn seal_of(app: &App, sealed: &str) -> String {
    app.identity().hash_of("sso attempt", sealed)
}

/// Whether a browser that is sent there stays on this server, whatever it makes of odd characters: to some a backslash
/// is a slash, and two slashes begin a host.
fn is_own_path(path: &str) -> bool {
    path.len() <= RETURN_TO_BYTES_MAX
        && path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_never_leads_elsewhere() {
        let long = format!("/{}", "x".repeat(RETURN_TO_BYTES_MAX - 1));
        for path in ["/", "/a/b?c=d#e", "/a//b", "/?u=https://b.example", &long] {
            assert!(is_own_path(path), "{path}");
        }
        let longer = format!("{long}x");
        for path in [
            "",
            "a",
            "//b.example",
            "/\\b.example",
            "\\/b.example",
            "/\t/b.example",
            "https://b.example",
            "/ ",
            "javascript:alert(1)",
            "/é",
            "/\n",
            " /a",
            &longer,
        ] {
            assert!(!is_own_path(path), "{path}");
        }
    }
}
