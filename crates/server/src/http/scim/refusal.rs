//! Errors as SCIM has them (RFC 7644, 3.12).

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::error::{ApiError, code};

/// The type of every body.
pub(super) const SCIM_JSON: HeaderValue = HeaderValue::from_static("application/scim+json");

/// Why something is refused.
#[derive(Debug)]
pub(in crate::http) struct Refusal {
    error: ApiError,
    status: u16,
    kind: Option<&'static str>,
}

impl Refusal {
    fn bad(kind: &'static str, detail: impl Into<String>) -> Self {
        Self { error: ApiError::new(&code::BODY_INVALID, detail), status: 400, kind: Some(kind) }
    }

    /// A filter that cannot be read; `why` goes on after its name.
    pub(super) fn filter(why: impl std::fmt::Display) -> Self {
        Self::bad("invalidFilter", format!("the filter cannot be read: {why}"))
    }

    /// The same of the path of a patch.
    pub(super) fn into_invalid_path(self) -> Self {
        Self::bad("invalidPath", self.error.message().replacen("the filter", "the path", 1))
    }

    /// A patch whose path leads nowhere.
    pub(super) fn no_target(detail: impl Into<String>) -> Self {
        Self::bad("noTarget", detail)
    }

    /// A change of what is read-only.
    pub(super) fn mutability(detail: impl Into<String>) -> Self {
        Self::bad("mutability", detail)
    }

    /// A value that cannot be.
    pub(super) fn value(detail: impl Into<String>) -> Self {
        Self::bad("invalidValue", detail)
    }

    /// A value that somebody else has.
    pub(super) fn taken(detail: impl Into<String>) -> Self {
        Self { status: 409, ..Self::bad("uniqueness", detail) }
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        let kind = error.code();
        let (status, kind) = if *kind == code::LAST_ADMIN {
            (409, Some("mutability"))
        } else if *kind == code::USER_EXISTS || *kind == code::GROUP_NAME_TAKEN {
            (409, Some("uniqueness"))
        } else if *kind == code::BODY_INVALID {
            (kind.status, Some("invalidSyntax"))
        } else if kind.status == 400 {
            (400, Some("invalidValue"))
        } else {
            (kind.status, None)
        };
        Self { error, status, kind }
    }
}

impl From<store::StoreError> for Refusal {
    fn from(error: store::StoreError) -> Self {
        ApiError::from(error).into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": self.status.to_string(),
            "detail": self.error.message(),
        });
        if let (Some(kind), Some(members)) = (self.kind, body.as_object_mut()) {
            members.insert("scimType".to_owned(), Value::from(kind));
        }
        // What the usual answer tells the log and the caller besides its body, this one tells too.
        let mut response = self.error.into_response();
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(header::CONTENT_TYPE, SCIM_JSON);
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::from(body.to_string());
        response
    }
}
