//! What a request tells of where it comes from, and the cookie that it is answered with.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use secrets::Secret;
use types::Timestamp;

use super::door::{self, COOKIE};
use crate::App;
use crate::error::{ApiError, ApiResult, code};
use crate::http::peer::{Peer, is_secure, origin};
use crate::identity::SignedIn;

/// Characters of a browser's own name that are kept.
const USER_AGENT_CHARS_MAX: usize = 200;

/// Who knocks.
pub(in crate::http) struct Visitor {
    /// From where; none if that is not known.
    pub(super) peer: Option<IpAddr>,
    /// What the browser calls itself.
    pub(super) user_agent: String,
    /// The token of a session that the request came with, good or not.
    pub(super) token: Option<Secret<String>>,
    /// The session, where the door has found one.
    pub(super) signed_in: Option<Arc<SignedIn>>,
    /// Whether the cookie must come back by https alone.
    secure: bool,
    headers: HeaderMap,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let (proxies, headers) = (app.config().server.proxies(), &parts.headers);
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0);
        let said = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self {
            peer: peer.map(|peer| origin(peer, headers, &proxies)),
            user_agent: said.unwrap_or_default().chars().take(USER_AGENT_CHARS_MAX).collect(),
            token: door::session_token(headers).map(Secret::from),
            signed_in: parts.extensions.get::<Arc<SignedIn>>().cloned(),
            secure: app.public_url().starts_with("https://")
                || peer.is_some_and(|peer| is_secure(peer, headers, &proxies)),
            headers: headers.clone(),
        })
    }
}

impl Visitor {
    /// The address as it is written down.
    pub(super) fn peer_text(&self) -> String {
        self.peer.map(|peer| peer.to_string()).unwrap_or_default()
    }

    /// Refuses what a page of another origin may have made a browser send.
    pub(super) fn refuse_forged(&self) -> ApiResult<()> {
        door::refuse_forged(&self.headers)
    }

    /// The session that the request came with.
    pub(super) fn session(&self) -> ApiResult<&SignedIn> {
        let message = "sign in first: an API key is not enough";
        self.signed_in.as_deref().ok_or_else(|| ApiError::new(&code::SESSION_REQUIRED, message))
    }

    /// The answer with the cookie of a session that is good until `expires_at`.
    pub(super) fn give(
        &self,
        mut answer: Response,
        token: &Secret<String>,
        (now, expires_at): (Timestamp, Timestamp),
    ) -> ApiResult {
        let seconds = expires_at.since(now).as_secs();
        self.set_cookie(&mut answer, (COOKIE, "/"), token.expose(), seconds)?;
        Ok(answer)
    }

    /// The answer that takes the cookie away.
    pub(super) fn take(&self, mut answer: Response) -> ApiResult {
        self.set_cookie(&mut answer, (COOKIE, "/"), "", 0)?;
        Ok(answer)
    }

    /// A cookie that the request came with.
    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        door::cookie(&self.headers, name)
    }

    /// Whether it is a page that the browser asks for, to be shown to a person.
    pub(super) fn wants_page(&self) -> bool {
        let accepted = self.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        accepted.is_some_and(|accepted| accepted.contains("text/html"))
    }

    /// Gives the browser a cookie of that name, for what lies below that path.
    pub(super) fn set_cookie(
        &self,
        answer: &mut Response,
        (name, path): (&str, &str),
        value: &str,
        seconds: u64,
    ) -> ApiResult<()> {
        let secure = if self.secure { "; Secure" } else { "" };
        let cookie =
            format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        let mut cookie = HeaderValue::try_from(cookie).map_err(ApiError::internal)?;
        cookie.set_sensitive(true);
        let headers = answer.headers_mut();
        headers.append(header::SET_COOKIE, cookie);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(())
    }
}
