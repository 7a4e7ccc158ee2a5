//! Where a redirect leads and what of the request goes along. Decides only; the client sends.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use reqwest::Url;

use super::OutgoingRequest;
use super::request::host_and_port;
use crate::{ActionError, ErrorCode};

/// The request that follows `request` after an answer of `status`; none if that is no redirect.
///
/// 303, and 301 and 302 after a POST, turn into a GET without body, as browsers do. Credentials that the
/// step wrote itself (`Authorization`, `Cookie`) do not go to another origin.
pub(super) fn follow(
    request: &OutgoingRequest,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<OutgoingRequest>, ActionError> {
    let rewrite = match status {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => request.method == Method::POST,
        StatusCode::SEE_OTHER => request.method != Method::HEAD,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => false,
        _ => return Ok(None),
    };
    let Some(location) = headers.get(header::LOCATION) else {
        return Ok(None);
    };
    let refused = |why: &str| {
        let message = format!("host `{}` redirects to an address that {why}", host_and_port(&request.url));
        ActionError::new(ErrorCode::RedirectRefused, message)
    };
    // Servers send raw UTF-8 here; the URL parser encodes it.
    let location = std::str::from_utf8(location.as_bytes()).map_err(|_| refused("is not text"))?;
    let mut url = request.url.join(location).map_err(|error| refused(&format!("is not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused(&format!("is not HTTP: `{}:`", url.scheme())));
    }
    url.set_fragment(None);

    let mut next = request.clone();
    if rewrite {
        next.method = Method::GET;
        next.body = Bytes::new();
        for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
            next.headers.remove(name);
        }
    }
    if !same_origin(&request.url, &url) {
        for name in [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION, header::HOST] {
            next.headers.remove(name);
        }
    }
    next.url = url;
    Ok(Some(next))
}

/// Same scheme, host and port.
pub(super) fn same_origin(left: &Url, right: &Url) -> bool {
    left.scheme() == right.scheme()
        && left.host_str() == right.host_str()
        && left.port_or_known_default() == right.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// `METHOD status location -> METHOD url headers body`
    fn check(method: Method, status: u16, location: &str, expected: &str) {
        let mut request = OutgoingRequest::new(method, Url::parse("https://a.example/x/y?q=1").unwrap());
        request.headers.insert(header::AUTHORIZATION, HeaderValue::from_static("secret"));
        request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        request.body = Bytes::from_static(b"body");
        let mut headers = HeaderMap::new();
        headers.insert(header::LOCATION, HeaderValue::from_bytes(location.as_bytes()).unwrap());
        let next = follow(&request, StatusCode::from_u16(status).unwrap(), &headers);
        let shown = match next {
            Ok(None) => "no redirect".to_owned(),
            Ok(Some(next)) => {
                let names: Vec<&str> = next.headers.keys().map(http::HeaderName::as_str).collect();
                format!("{} {} [{}] {}", next.method, next.url, names.join(","), next.body.len())
            }
            Err(error) => error.message,
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_redirect_keeps_what_it_may() {
        check(Method::GET, 302, "/z", "GET https://a.example/z [authorization,content-type] 4");
        check(Method::POST, 302, "z", "GET https://a.example/x/z [authorization] 0");
        check(Method::PUT, 303, "?p", "GET https://a.example/x/y?p [authorization] 0");
        check(Method::POST, 307, "/z", "POST https://a.example/z [authorization,content-type] 4");
        check(Method::PUT, 301, "/z#f", "PUT https://a.example/z [authorization,content-type] 4");
        check(Method::GET, 308, "/ü", "GET https://a.example/%C3%BC [authorization,content-type] 4");
        check(Method::GET, 304, "/z", "no redirect");
        check(Method::GET, 200, "/z", "no redirect");
    }

    #[test]
    fn written_credentials_stay_at_their_origin() {
        check(Method::GET, 302, "https://b.example/", "GET https://b.example/ [content-type] 4");
        check(Method::GET, 302, "http://a.example/", "GET http://a.example/ [content-type] 4");
        check(Method::GET, 302, "https://a.example:8443/", "GET https://a.example:8443/ [content-type] 4");
        check(Method::GET, 302, "//a.example:443/", "GET https://a.example/ [authorization,content-type] 4");
    }

    #[test]
    fn a_redirect_out_of_http_is_refused() {
        check(
            Method::GET,
            302,
            "file:///etc/passwd",
            "host `a.example` redirects to an address that is not HTTP: `file:`",
        );
        check(
            Method::GET,
            302,
            "http://",
            "host `a.example` redirects to an address that is not a URL: empty host",
        );
    }
}
