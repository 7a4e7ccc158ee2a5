//! What the door asks of a request that comes with the cookie of a session.
//!
//! A browser sends the cookie along with requests that pages of others make. So whatever changes something must carry a
//! header of its own: a page of another origin cannot set one without asking the server first (CORS), which never allows
//! it. Where the browser says from where the page is, that must fit too.

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, header};

use crate::error::{ApiError, ApiResult, code};
use crate::http::access::API_KEY_HEADER;
use crate::http::routes::BASE;
use crate::identity::SignedIn;

/// The cookie that carries a session's token.
pub(super) const COOKIE: &str = "nictate_session";
/// The header that only our own pages can send.
const CSRF_HEADER: &str = "x-nictate-csrf";
/// Where the page comes from that makes the request, as browsers say it.
const FETCH_SITE: &str = "sec-fetch-site";
/// What is open to whoever must choose another password first.
const OPEN_WITHOUT_CHANGE: [&str; 2] = ["/session", "/user/password"];

/// What a request shows of its caller.
pub(in crate::http) enum Credential {
    /// Nothing.
    None,
    /// The header of an API key, whatever it holds; it wins over a cookie.
    Key(HeaderValue),
    /// The token of a session.
    Session(String),
}

impl Credential {
    /// What stands in the headers.
    pub(in crate::http) fn of(headers: &HeaderMap) -> Self {
        match headers.get(API_KEY_HEADER) {
            Some(key) => Self::Key(key.clone()),
            None => session_token(headers).map_or(Self::None, |token| Self::Session(token.to_owned())),
        }
    }

    /// The same where an identity provider calls, which can send a key as `Authorization: Bearer` alone.
    pub(in crate::http) fn of_provider(headers: &HeaderMap) -> Self {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = bearer.and_then(|text| {
            let (scheme, key) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
        });
        match key.and_then(|key| HeaderValue::from_str(key).ok()) {
            Some(key) => Self::Key(key),
            None => Self::of(headers),
        }
    }
}

/// The token in the first cookie of a session.
pub(super) fn session_token(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, COOKIE)
}

/// The first cookie of that name.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

/// Whether whoever has signed in may make this request at all.
pub(in crate::http) fn let_in(signed_in: &SignedIn, parts: &Parts) -> ApiResult<()> {
    if parts.method != Method::GET && parts.method != Method::HEAD {
        refuse_forged(&parts.headers)?;
    }
    let path = parts.uri.path().strip_prefix(BASE).unwrap_or_default();
    if signed_in.must_change && !OPEN_WITHOUT_CHANGE.contains(&path) {
        let message = "choose another password first: the present one was set by somebody else";
        return Err(ApiError::new(&code::PASSWORD_MUST_CHANGE, message));
    }
    Ok(())
}

/// Refuses what a page of another origin may have made a browser send.
pub(super) fn refuse_forged(headers: &HeaderMap) -> ApiResult<()> {
    let refused = |message: &str| Err(ApiError::new(&code::CSRF_REFUSED, message));
    if headers.get(CSRF_HEADER).is_none_or(|value| value != "1") {
        return refused("the header `X-Nictate-CSRF: 1` is missing");
    }
    match headers.get(FETCH_SITE).map(HeaderValue::as_bytes) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => refused("the request comes from a page of another origin"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        for (pairs, token) in [
            (vec![], None),
            (vec![("cookie", "a=1")], None),
            (vec![("cookie", "nictate_session=x")], Some("x")),
            (vec![("cookie", "a=1; nictate_session=x; b=2")], Some("x")),
            (vec![("cookie", "a=1"), ("cookie", "nictate_session=x;nictate_session=y")], Some("x")),
            (vec![("cookie", "xnictate_session=x")], None),
            (vec![("cookie", "nictate_session")], None),
        ] {
            assert_eq!(session_token(&headers(&pairs)), token, "{pairs:?}");
        }
        let both = headers(&[("cookie", "nictate_session=x"), ("blink-api-key", "")]);
        assert!(matches!(Credential::of(&both), Credential::Key(_)));
    }

    #[test]
    fn only_our_own_pages_and_programs_are_believed() {
        for (pairs, good) in [
            (vec![], false),
            (vec![("x-nictate-csrf", "1")], true),
            (vec![("x-nictate-csrf", "0")], false),
            (vec![("x-nictate-csrf", "1"), ("sec-fetch-site", "same-origin")], true),
            (vec![("x-nictate-csrf", "1"), ("sec-fetch-site", "none")], true),
            (vec![("x-nictate-csrf", "1"), ("sec-fetch-site", "same-site")], false),
            (vec![("x-nictate-csrf", "1"), ("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "same-origin")], false),
        ] {
            assert_eq!(refuse_forged(&headers(&pairs)).is_ok(), good, "{pairs:?}");
        }
    }
}
