//! What a step sees of a response.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value as Json, json};

use crate::http::Response;
use crate::{ActionError, ErrorCode};

/// Bytes of a body that an error carries.
const ERROR_BODY_BYTES_MAX: usize = 64 * 1024;
/// Characters of a body that an error's sentence quotes.
const QUOTE_CHARS_MAX: usize = 200;

/// The body: parsed where it says that it is JSON, else as text; what is no text as
/// `{"encoding": "base64", "content_type": …, "data": …}`, which a request's body takes back.
pub(super) fn body(response: &Response) -> Json {
    let content_type = content_type(response);
    let bytes = response.body.as_ref();
    if is_json(content_type) {
        if bytes.is_empty() {
            return Json::Null;
        }
        // What only claims to be JSON is kept as it came.
        if let Ok(parsed) = serde_json::from_slice(bytes) {
            return parsed;
        }
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Json::from(text),
        Err(_) if is_latin1(content_type) => bytes.iter().copied().map(char::from).collect::<String>().into(),
        Err(_) => json!({"encoding": "base64", "content_type": content_type, "data": STANDARD.encode(bytes)}),
    }
}

/// Status, headers and all.
pub(super) fn full(response: &Response) -> Json {
    json!({
        "status": response.status.as_u16(),
        "headers": headers(response),
        "body": body(response),
        "url": response.url.as_str(),
        "duration_ms": u64::try_from(response.duration.as_millis()).unwrap_or(u64::MAX),
    })
}

/// The failure of a step whose request was answered with such a status.
pub(super) fn status_error(response: &Response) -> ActionError {
    let status = response.status;
    let host = response.url.host_str().unwrap_or_default();
    let said = String::from_utf8_lossy(response.body.get(..4 * QUOTE_CHARS_MAX).unwrap_or(&response.body));
    let quote: String =
        said.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(QUOTE_CHARS_MAX).collect();
    let quote = if quote.is_empty() { quote } else { format!(": {quote}") };
    let data =
        json!({"status": status.as_u16(), "headers": headers(response), "body": bounded_body(response)});
    ActionError {
        code: ErrorCode::HttpStatus,
        message: format!("host `{host}` answered with status {status}{quote}"),
        retryable: matches!(status.as_u16(), 408 | 425 | 429 | 502..=504),
        data,
    }
}

fn bounded_body(response: &Response) -> Json {
    match response.body.get(..ERROR_BODY_BYTES_MAX) {
        None => body(response),
        Some(start) => {
            Json::from(format!("{}… ({} bytes)", String::from_utf8_lossy(start), response.body.len()))
        }
    }
}

/// Lower-case names; a header that stands several times is a list.
fn headers(response: &Response) -> Json {
    let mut headers = Map::new();
    for name in response.headers.keys() {
        let values = response.headers.get_all(name).iter();
        let mut values: Vec<Json> =
            values.map(|value| String::from_utf8_lossy(value.as_bytes()).into()).collect();
        let value = if values.len() == 1 { values.remove(0) } else { Json::Array(values) };
        headers.insert(name.as_str().to_owned(), value);
    }
    Json::Object(headers)
}

fn content_type(response: &Response) -> &str {
    response.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// `application/json`, `text/json`, `application/problem+json; charset=utf-8`.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.ends_with("/json") || essence.ends_with("+json")
}

fn is_latin1(content_type: &str) -> bool {
    let content_type = content_type.to_ascii_lowercase();
    ["iso-8859-1", "latin1", "windows-1252"].iter().any(|charset| content_type.contains(charset))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::*;

    fn response(status: u16, content_type: &'static str, body: &[u8]) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.append("set-cookie", HeaderValue::from_static("a=1"));
        headers.append("set-cookie", HeaderValue::from_static("b=2"));
        Response {
            status: StatusCode::from_u16(status).unwrap(),
            url: reqwest::Url::parse("https://acme.example/x?key=1").unwrap(),
            headers,
            body: Bytes::copy_from_slice(body),
            duration: Duration::from_millis(7),
        }
    }

    #[test]
    fn a_body_becomes_what_its_type_says() {
        let check = |content_type, bytes: &[u8], expected: Json| {
            assert_eq!(body(&response(200, content_type, bytes)), expected, "{content_type}");
        };
        check("application/json", br#"{"a": 1}"#, json!({"a": 1}));
        check("application/problem+json; charset=utf-8", b"[1]", json!([1]));
        check("application/json", b"", Json::Null);
        check("application/json", b"<html>", json!("<html>"));
        check("text/plain", br#"{"a": 1}"#, json!("{\"a\": 1}"));
        check("text/plain", b"", json!(""));
        check("text/html; charset=ISO-8859-1", b"caf\xe9", json!("café"));
        let binary = json!({"encoding": "base64", "content_type": "image/png", "data": "/wA="});
        check("image/png", b"\xff\x00", binary);
    }

    #[test]
    fn the_full_response_has_everything() {
        let expected = json!({
            "status": 201,
            "headers": {"content-type": "application/json", "set-cookie": ["a=1", "b=2"]},
            "body": {"id": 7},
            "url": "https://acme.example/x?key=1",
            "duration_ms": 7,
        });
        assert_eq!(full(&response(201, "application/json", br#"{"id": 7}"#)), expected);
    }

    #[test]
    fn an_error_status_carries_the_answer_but_not_the_query() {
        let error = status_error(&response(503, "text/plain", b"try\nlater"));
        assert_eq!(
            error.message,
            "host `acme.example` answered with status 503 Service Unavailable: try later"
        );
        assert!(error.retryable);
        assert_eq!(error.data["body"], "try\nlater");
        assert!(!status_error(&response(404, "text/plain", b"")).retryable);
        let long = status_error(&response(500, "application/json", &[b'x'; 100_000]));
        let body = long.data["body"].as_str().unwrap();
        assert!(body.len() < 66_000 && body.ends_with("… (100000 bytes)"));
    }
}
