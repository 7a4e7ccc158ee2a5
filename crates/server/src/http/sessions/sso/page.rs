//! What somebody sees whom single sign-on has brought nowhere.

use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};

use super::super::visitor::Visitor;
use crate::error::ApiError;
use crate::http::docs::{HTML, answer};

const PAGE: &str = include_str!("../../../../assets/sign-in/sso-failed.html");
/// What stands in it for the message.
const PLACE: &str = "{{message}}";

/// A page for browsers, the error itself for programs.
pub(super) fn failed(visitor: &Visitor, error: ApiError) -> Response {
    if !visitor.wants_page() {
        return error.into_response();
    }
    let text = PAGE.replace(PLACE, &escaped(error.message()));
    let told = error.into_response();
    let mut page = answer(HTML, text);
    *page.status_mut() = told.status();
    // What the log learns of it goes along, and when to come back.
    *page.extensions_mut() = told.extensions().clone();
    if let Some(after) = told.headers().get(header::RETRY_AFTER) {
        page.headers_mut().insert(header::RETRY_AFTER, after.clone());
    }
    page.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    page
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
