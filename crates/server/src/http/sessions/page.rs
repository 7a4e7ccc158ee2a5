//! The page that a link to set a password leads to. A client of the public API, like any page.

use axum::response::Response;

use crate::http::docs::{HTML, JS, answer};

const PAGE: &str = include_str!("../../../assets/sign-in/set-password.html");
const SCRIPT: &str = include_str!("../../../assets/sign-in/set-password.js");

/// The page itself.
pub(in crate::http) async fn page() -> Response {
    answer(HTML, PAGE)
}

/// What it loads.
pub(in crate::http) async fn script() -> Response {
    answer(JS, SCRIPT)
}
