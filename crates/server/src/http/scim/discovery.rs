//! What the server tells of itself: what of SCIM it knows, and which attributes a user has.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::user::SCHEMA;
use super::users::{COUNT_MAX, answer, list_of};
use crate::ctx::Ctx;

/// What of SCIM the server knows.
pub(in crate::http) async fn provider_config(_: Ctx) -> Result<Response, Refusal> {
    let no = json!({"supported": false});
    let config = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": COUNT_MAX},
        "changePassword": no, "sort": no, "etag": no,
        "authenticationSchemes": [{
            "type": "oauthbearertoken", "name": "API key",
            "description": "The key of a user or service account that is an Admin, as `Authorization: Bearer`",
        }],
    });
    Ok(answer(StatusCode::OK, &config))
}

/// The kinds of resources there are.
pub(in crate::http) async fn resource_types(_: Ctx) -> Result<Response, Refusal> {
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": "User", "name": "User", "endpoint": "/Users", "schema": SCHEMA,
    });
    Ok(answer(StatusCode::OK, &list_of(&[user], 1, 1)))
}

/// The attributes of a user.
pub(in crate::http) async fn schemas(_: Ctx) -> Result<Response, Refusal> {
    let value = || attribute("value", "string", "readWrite");
    let names = ["formatted", "givenName", "familyName"].map(|name| attribute(name, "string", "readWrite"));
    let mut user_name = attribute("userName", "string", "readWrite");
    (user_name["required"], user_name["uniqueness"]) = (json!(true), json!("server"));
    let (mut name, mut emails, mut roles) = (
        attribute("name", "complex", "readWrite"),
        attribute("emails", "complex", "readOnly"),
        attribute("roles", "complex", "readWrite"),
    );
    name["subAttributes"] = json!(names);
    for many in [&mut emails, &mut roles] {
        (many["multiValued"], many["subAttributes"]) = (json!(true), json!([value()]));
    }
    let schema = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": SCHEMA, "name": "User", "description": "A person of the tenant",
        "attributes": [
            user_name, name, attribute("displayName", "string", "readWrite"),
            attribute("active", "boolean", "readWrite"), emails, roles,
        ],
    });
    Ok(answer(StatusCode::OK, &list_of(&[schema], 1, 1)))
}

fn attribute(name: &str, kind: &str, mutability: &str) -> Value {
    json!({
        "name": name, "type": kind, "multiValued": false, "required": false, "caseExact": false,
        "mutability": mutability, "returned": "default", "uniqueness": "none",
    })
}
