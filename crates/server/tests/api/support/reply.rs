//! What the server answered.

use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::Value;

use super::members;

/// The members of every error's body.
pub(crate) const SHAPE_OF_ERRORS: [&str; 6] =
    ["data", "details", "identifier", "message", "status", "user_error"];

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// A header; empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body of a 200.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        assert_eq!(self.header(CONTENT_TYPE.as_str()), "application/json");
        self.json()
    }

    /// The members of a 200's array `results`.
    #[track_caller]
    pub(crate) fn results(&self) -> Vec<Value> {
        self.ok()["results"].as_array().unwrap().clone()
    }

    /// One member of each of the results, as text.
    #[track_caller]
    pub(crate) fn column(&self, member: &str) -> Vec<String> {
        self.results().iter().map(|row| super::text(row, member)).collect()
    }

    /// The body of an error by contract, with that status and identifier.
    #[track_caller]
    pub(crate) fn error(&self, status: u16, identifier: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header(CONTENT_TYPE.as_str()), "application/json");
        let body = self.json();
        assert_eq!(members(&body), SHAPE_OF_ERRORS, "{body}");
        assert_eq!(body["identifier"], identifier, "{body}");
        assert_eq!(body["status"], status, "{body}");
        assert!(body["data"].is_object() && body["user_error"].is_object(), "{body}");
        assert!(body["details"].is_string(), "{body}");
        assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
        body
    }
}
