//! The page that an invitation's link leads to. A client of the public API, like any page.

use axum::response::Response;
use http::{HeaderValue, header};

use crate::http::docs::{HTML, JS, answer};

const PAGE: &str = include_str!("../../../assets/sign-in/accept-invitation.html");
const SCRIPT: &str = include_str!("../../../assets/sign-in/accept-invitation.js");

/// The page itself.
pub(in crate::http) async fn page() -> Response {
    unstored(answer(HTML, PAGE))
}

/// What it loads.
pub(in crate::http) async fn script() -> Response {
    unstored(answer(JS, SCRIPT))
}

fn unstored(mut page: Response) -> Response {
    page.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    page
}
