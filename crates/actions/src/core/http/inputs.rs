//! The inputs of `http.requestV2`, read into what a request needs. Tolerant of spellings and shapes that
//! forms, old documents and expressions bring; strict about what it cannot make sense of.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value as Json};

use crate::ActionError;
use crate::http::RESPONSE_BYTES_MAX;
use crate::inputs::{chosen, invalid, same_name, scalar, truth, wrong};

/// Query parameters and headers of one request.
const PAIRS_MAX: usize = 1000;
const FORM: &str = "application/x-www-form-urlencoded";

/// The names that inputs may have, the published one first. Letter case, spaces, `_` and `-` do not count.
const NAMES: [(&str, &[&str]); 14] = [
    ("method", &["http_method", "request_method"]),
    ("url", &["request_url", "uri"]),
    ("query", &["params", "query_params", "query_parameters", "parameters"]),
    ("headers", &["header", "request_headers"]),
    ("body", &["payload", "request_body"]),
    ("content_type", &[]),
    ("timeout", &["timeout_seconds", "timeout_s"]),
    ("follow_redirects", &["follow_redirect", "allow_redirects"]),
    ("fail_on_error", &["fail_on_error_status", "fail_on_http_error"]),
    (
        "insecure",
        &["skip_tls_verification", "skip_ssl_verification", "ignore_ssl", "disable_tls_verification"],
    ),
    ("verify", &["verify_tls", "verify_ssl", "verify_certificate", "tls_verify", "ssl_verify"]),
    ("ca_certificate", &["ca", "ca_cert", "ca_pem", "root_certificate"]),
    ("max_response_bytes", &["response_size_limit", "max_bytes"]),
    ("idempotency_key_header", &["idempotency_header"]),
];

/// The inputs, understood.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    /// The bytes and the content type that goes with them unless the headers name one.
    pub(super) body: Option<(Bytes, HeaderValue)>,
    pub(super) timeout: Option<Duration>,
    pub(super) follow_redirects: bool,
    pub(super) fail_on_error: bool,
    pub(super) insecure: bool,
    pub(super) ca_certificate: Option<String>,
    pub(super) max_bytes: usize,
    pub(super) idempotency_key_header: Option<HeaderName>,
}

impl Inputs {
    /// The inputs, and the names of those that mean nothing here.
    pub(super) fn parse(map: &Map<String, Json>) -> Result<(Self, Vec<&str>), ActionError> {
        let (method, idempotency_key_header) = Self::method_and_key_header(map)?;
        let url = text(map, "url")?.unwrap_or_default().trim().to_owned();
        if url.is_empty() {
            return Err(invalid("input `url` is missing"));
        }
        let inputs = Self {
            method,
            url,
            query: pairs(map, "query")?,
            headers: headers(map)?,
            body: body(map)?,
            timeout: timeout(map)?,
            follow_redirects: boolean(map, "follow_redirects")?.unwrap_or(true),
            fail_on_error: boolean(map, "fail_on_error")?.unwrap_or(true),
            // Either way of asking can switch the check off; neither undoes the other.
            insecure: boolean(map, "insecure")?.unwrap_or(false) || !boolean(map, "verify")?.unwrap_or(true),
            ca_certificate: text(map, "ca_certificate")?.filter(|pem| !pem.trim().is_empty()),
            max_bytes: max_bytes(map)?,
            idempotency_key_header,
        };
        let unknown = map.keys().filter(|key| canonical(key).is_none()).map(String::as_str).collect();
        Ok((inputs, unknown))
    }

    /// What decides whether the request may be repeated.
    pub(super) fn method_and_key_header(
        map: &Map<String, Json>,
    ) -> Result<(Method, Option<HeaderName>), ActionError> {
        let method = text(map, "method")?.filter(|method| !method.trim().is_empty());
        let method = match method.map(|method| method.trim().to_ascii_uppercase()) {
            None => Method::GET,
            Some(method) => Method::from_bytes(method.as_bytes())
                .ok()
                .filter(|method| *method != Method::CONNECT && *method != Method::TRACE)
                .ok_or_else(|| invalid(&format!("input `method` is not an HTTP method: `{method}`")))?,
        };
        let header = text(map, "idempotency_key_header")?.filter(|name| !name.trim().is_empty());
        Ok((method, header.map(|name| header_name(&name)).transpose()?))
    }
}

/// The published name of an input.
fn canonical(key: &str) -> Option<&'static str> {
    let known = |(name, others): &&(&str, &[&str])| {
        same_name(name, key) || others.iter().any(|other| same_name(other, key))
    };
    NAMES.iter().find(known).map(|(name, _)| *name)
}

/// The value of the input with that published name; none if it is null.
fn value<'a>(map: &'a Map<String, Json>, name: &str) -> Option<&'a Json> {
    let written = || map.iter().find(|(key, _)| canonical(key) == Some(name)).map(|(_, value)| value);
    chosen(map.get(name).or_else(written)?)
}

fn text(map: &Map<String, Json>, name: &str) -> Result<Option<String>, ActionError> {
    value(map, name).map(|value| scalar(value).ok_or_else(|| wrong(name, "a text", value))).transpose()
}

fn boolean(map: &Map<String, Json>, name: &str) -> Result<Option<bool>, ActionError> {
    value(map, name).map(|given| truth(name, given)).transpose().map(Option::flatten)
}

fn number(map: &Map<String, Json>, name: &str) -> Result<Option<f64>, ActionError> {
    let Some(given) = value(map, name) else { return Ok(None) };
    match scalar(given).as_deref().map(str::trim) {
        Some("") => Ok(None),
        Some(text) => match text.parse::<f64>() {
            Ok(number) if number.is_finite() && number > 0.0 => Ok(Some(number)),
            _ => Err(wrong(name, "a number greater than 0", given)),
        },
        None => Err(wrong(name, "a number greater than 0", given)),
    }
}

fn timeout(map: &Map<String, Json>) -> Result<Option<Duration>, ActionError> {
    let seconds = number(map, "timeout")?;
    Ok(seconds.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)))
}

fn max_bytes(map: &Map<String, Json>) -> Result<usize, ActionError> {
    let given = number(map, "max_response_bytes")?.unwrap_or(RESPONSE_BYTES_MAX as f64);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive, and saturates
    let bytes = given as usize;
    if bytes > RESPONSE_BYTES_MAX {
        return Err(invalid(&format!(
            "input `max_response_bytes` is more than the {RESPONSE_BYTES_MAX} that a step may keep"
        )));
    }
    Ok(bytes)
}

/// Name and value pairs out of a map, a list of `{key, value}`, a list of `[key, value]`, or (headers)
/// lines of text. A list as a value repeats the name; null leaves it out.
fn pairs(map: &Map<String, Json>, name: &str) -> Result<Vec<(String, String)>, ActionError> {
    let given = value(map, name);
    let mut entries: Vec<(String, &Json)> = Vec::new();
    match given {
        None => {}
        Some(Json::Object(object)) => entries.extend(object.iter().map(|(key, value)| (key.clone(), value))),
        Some(Json::Array(items)) => {
            for item in items {
                entries
                    .push(pair(item).ok_or_else(|| wrong(name, "a map or a list of `{key, value}`", item))?);
            }
        }
        Some(Json::String(lines)) => return text_pairs(name, lines),
        Some(other) => return Err(wrong(name, "a map or a list of `{key, value}`", other)),
    }
    let mut pairs = Vec::new();
    for (key, value) in entries {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for value in values.iter().filter(|value| !value.is_null()) {
            pairs.push((key.clone(), scalar(value).unwrap_or_else(|| value.to_string())));
        }
    }
    if pairs.len() > PAIRS_MAX {
        return Err(invalid(&format!("input `{name}` has more than {PAIRS_MAX} entries")));
    }
    Ok(pairs)
}

fn pair(item: &Json) -> Option<(String, &Json)> {
    match item {
        Json::Object(object) => {
            let key = ["key", "name", "Key", "Name"].iter().find_map(|name| object.get(*name))?;
            let value = ["value", "Value"].iter().find_map(|name| object.get(*name)).unwrap_or(&Json::Null);
            Some((scalar(key)?, value))
        }
        Json::Array(items) => match items.as_slice() {
            [key, value] => Some((scalar(key)?, value)),
            _ => None,
        },
        _ => None,
    }
}

/// JSON of a map or list, `name: value` lines for headers, `a=1&b=2` for a query.
fn text_pairs(name: &str, text: &str) -> Result<Vec<(String, String)>, ActionError> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    if let Ok(json @ (Json::Object(_) | Json::Array(_))) = serde_json::from_str(text) {
        return pairs(&Map::from_iter([(name.to_owned(), json)]), name);
    }
    if name == "query" {
        let parsed = reqwest::Url::parse(&format!("http://x/?{}", text.trim().trim_start_matches('?')));
        return Ok(parsed.map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default());
    }
    let lines = text.lines().filter(|line| !line.trim().is_empty()).enumerate();
    lines
        .map(|(index, line)| match line.split_once(':') {
            Some((key, value)) => Ok((key.trim().to_owned(), value.trim().to_owned())),
            // The line may be a secret in the wrong place: only its number is told.
            None => Err(invalid(&format!("line {} of input `{name}` is not `name: value`", index + 1))),
        })
        .collect()
}

fn headers(map: &Map<String, Json>) -> Result<HeaderMap, ActionError> {
    let mut headers = HeaderMap::new();
    for (name, text) in pairs(map, "headers")? {
        let name = header_name(&name)?;
        let value = HeaderValue::from_bytes(text.trim().as_bytes()).map_err(|_| {
            invalid(&format!("the value of header `{name}` holds a line break or control character"))
        })?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// A header that a step may set: those that frame the message or name its target are the client's.
fn header_name(name: &str) -> Result<HeaderName, ActionError> {
    let name = name.trim();
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| invalid(&format!("`{}` is not the name of a header", name.escape_default())))?;
    if [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, UPGRADE, TE, TRAILER].contains(&parsed) {
        return Err(invalid(&format!("header `{parsed}` is set by the client and not by a step")));
    }
    Ok(parsed)
}

fn body(map: &Map<String, Json>) -> Result<Option<(Bytes, HeaderValue)>, ActionError> {
    let content_type =
        text(map, "content_type")?.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let Some(given) = value(map, "body") else { return Ok(None) };
    let json = "application/json";
    let (bytes, usual) = match given {
        Json::String(text) if text.is_empty() => return Ok(None),
        Json::String(text) => {
            (Bytes::from(text.clone()), if is_json(text) { json } else { "text/plain; charset=utf-8" })
        }
        Json::Object(object) if content_type.as_deref().is_some_and(|text| text.starts_with(FORM)) => {
            let fields = pairs(&Map::from_iter([("body".to_owned(), Json::Object(object.clone()))]), "body")?;
            (form(&fields), FORM)
        }
        Json::Object(object) => match file(object) {
            Some((bytes, kind)) => {
                let kind = content_type.as_deref().or(kind).unwrap_or("application/octet-stream").to_owned();
                return Ok(Some((bytes, content_type_value(&kind)?)));
            }
            None => (Bytes::from(given.to_string()), json),
        },
        other => (Bytes::from(other.to_string()), json),
    };
    let content_type = content_type_value(content_type.as_deref().unwrap_or(usual))?;
    Ok(Some((bytes, content_type)))
}

/// Binary data in the form in which an output of this action holds it.
pub(crate) fn file(object: &Map<String, Json>) -> Option<(Bytes, Option<&str>)> {
    if object.get("encoding")?.as_str()? != "base64" {
        return None;
    }
    let bytes = STANDARD.decode(object.get("data")?.as_str()?).ok()?;
    Some((Bytes::from(bytes), object.get("content_type").and_then(Json::as_str)))
}

fn content_type_value(text: &str) -> Result<HeaderValue, ActionError> {
    HeaderValue::from_str(text).map_err(|_| invalid("input `content_type` does not fit into a header"))
}

fn form(fields: &[(String, String)]) -> Bytes {
    // The URL parser has the encoder of forms.
    let url = reqwest::Url::parse("http://x").map(|mut url| {
        url.query_pairs_mut().extend_pairs(fields);
        url.query().unwrap_or_default().to_owned()
    });
    Bytes::from(url.unwrap_or_default())
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests;
