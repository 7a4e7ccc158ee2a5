//! The API's description and the page that shows it.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, header};

use crate::App;
use crate::error::{ApiError, ApiResult, code};

const PAGE: &str = include_str!("../../assets/docs/index.html");

pub(super) const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
pub(super) const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// What the page loads: name, content type, text.
const ASSETS: [(&str, &str, &str); 8] = [
    ("docs.css", CSS, include_str!("../../assets/docs/docs.css")),
    ("docs.js", JS, include_str!("../../assets/docs/docs.js")),
    ("dom.js", JS, include_str!("../../assets/docs/dom.js")),
    ("schema.js", JS, include_str!("../../assets/docs/schema.js")),
    ("operation.js", JS, include_str!("../../assets/docs/operation.js")),
    ("request.js", JS, include_str!("../../assets/docs/request.js")),
    ("console.js", JS, include_str!("../../assets/docs/console.js")),
    ("icon.svg", SVG, include_str!("../../assets/docs/icon.svg")),
];

/// Scripts, styles and calls of this server only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The API's description in both renderings, as text.
pub(crate) struct Documents {
    pub(crate) v3_1: String,
    pub(crate) v3_0: String,
}

impl Documents {
    /// Both, from the table of routes.
    pub(crate) fn render() -> Self {
        Self { v3_1: crate::openapi(), v3_0: crate::openapi_3_0() }
    }
}

pub(super) async fn page() -> Response {
    answer(HTML, PAGE)
}

pub(super) async fn asset(name: Result<Path<String>, PathRejection>) -> ApiResult {
    // An address that is no UTF-8 names no file.
    let name = name.map(|Path(name)| name).unwrap_or_default();
    let found = ASSETS.iter().find(|(known, ..)| *known == name);
    let (_, content_type, text) = found.ok_or_else(|| {
        let shown = super::excerpt(&name);
        ApiError::new(&code::ROUTE_NOT_FOUND, format!("the documentation has no file `{shown}`"))
    })?;
    Ok(answer(content_type, *text))
}

pub(super) async fn openapi(State(app): State<App>) -> ApiResult {
    described(app.documents().v3_1.clone())
}

pub(super) async fn openapi_3_0(State(app): State<App>) -> ApiResult {
    described(app.documents().v3_0.clone())
}

fn described(text: String) -> ApiResult {
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

pub(super) fn answer(content_type: &'static str, text: impl IntoResponse) -> Response {
    let headers: [(HeaderName, HeaderValue); 4] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (headers, text).into_response()
}
