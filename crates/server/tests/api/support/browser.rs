//! A browser: keeps the cookie of a session, and sends what our own pages would send.

use reqwest::header::SET_COOKIE;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{Nictate, Reply};

/// The path of sessions.
pub(crate) const SESSION: &str = "/api/v1/session";

/// One browser.
#[derive(Clone, Debug, Default)]
pub(crate) struct Browser {
    /// The token of its session; empty if it has none.
    pub(crate) token: String,
}

impl Browser {
    /// A browser that has signed in.
    pub(crate) async fn signed_in(nictate: &Nictate, email: &str, password: &str) -> Self {
        let mut browser = Self::default();
        browser.sign_in(nictate, json!({"email": email, "password": password})).await.ok();
        browser
    }

    /// Signs in with what the body says.
    pub(crate) async fn sign_in(&mut self, nictate: &Nictate, body: Value) -> Reply {
        self.send(nictate, Method::POST, SESSION, body).await
    }

    /// A request without a body.
    pub(crate) async fn get(&mut self, nictate: &Nictate, path: &str) -> Reply {
        let reply = Reply::of(self.request(nictate, Method::GET, path)).await;
        self.keep(&reply);
        reply
    }

    /// A request with a body.
    pub(crate) async fn send(&mut self, nictate: &Nictate, method: Method, path: &str, body: Value) -> Reply {
        let request = self.request(nictate, method, path).header("X-Nictate-CSRF", "1");
        let reply = Reply::of(request.json(&body)).await;
        self.keep(&reply);
        reply
    }

    /// A request as a page of somebody else could send it.
    pub(crate) fn request(&self, nictate: &Nictate, method: Method, path: &str) -> RequestBuilder {
        let request = nictate.request_as(None, method, path);
        if self.token.is_empty() {
            return request;
        }
        request.header("cookie", format!("theme=dark; nictate_session={}", self.token))
    }

    fn keep(&mut self, reply: &Reply) {
        let cookie = reply.header(SET_COOKIE.as_str());
        if let Some(rest) = cookie.strip_prefix("nictate_session=") {
            self.token = rest.split(';').next().unwrap_or_default().to_owned();
        }
    }
}
