//! What the server tells of itself: what of SCIM it knows, and which attributes a user has.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::group;
use super::lists::{COUNT_MAX, answer, list_of};
use super::refusal::Refusal;
use super::user::SCHEMA;
use crate::ctx::Ctx;
use crate::error::{ApiError, code};
use crate::http::excerpt;

/// What of SCIM the server knows.
pub(in crate::http) async fn provider_config(_: Ctx) -> Result<Response, Refusal> {
    let no = json!({"supported": false});
    let config = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": COUNT_MAX},
        "changePassword": no, "sort": {"supported": true}, "etag": no,
        "authenticationSchemes": [{
            "type": "oauthbearertoken", "name": "API key",
            "description": "The key of a user or service account that is an Admin, as `Authorization: Bearer`",
        }],
    });
    Ok(answer(StatusCode::OK, &config))
}

/// The kinds of resources there are.
pub(in crate::http) async fn resource_types(_: Ctx) -> Result<Response, Refusal> {
    Ok(all(&types()))
}

/// One of them.
pub(in crate::http) async fn resource_type(ctx: Ctx) -> Result<Response, Refusal> {
    one(&ctx, types())
}

fn types() -> [Value; 2] {
    [("User", "/Users", SCHEMA), ("Group", "/Groups", group::SCHEMA)].map(|(name, endpoint, schema)| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": name, "name": name, "endpoint": endpoint, "schema": schema,
        })
    })
}

fn all(things: &[Value]) -> Response {
    answer(StatusCode::OK, &list_of(things, things.len(), 1))
}

/// The one that the path names.
fn one<const N: usize>(ctx: &Ctx, things: [Value; N]) -> Result<Response, Refusal> {
    let found = things.into_iter().find(|thing| thing["id"] == ctx.id_text());
    let found = found.ok_or_else(|| {
        let message = format!("there is no `{}`", excerpt(ctx.id_text()));
        Refusal::from(ApiError::new(&code::ROUTE_NOT_FOUND, message))
    })?;
    Ok(answer(StatusCode::OK, &found))
}

/// The attributes of users and groups.
pub(in crate::http) async fn schemas(_: Ctx) -> Result<Response, Refusal> {
    Ok(all(&[user_schema(), group_schema()]))
}

/// Those of one of both.
pub(in crate::http) async fn schema(ctx: Ctx) -> Result<Response, Refusal> {
    one(&ctx, [user_schema(), group_schema()])
}

fn group_schema() -> Value {
    let mut name = attribute("displayName", "string", "readWrite");
    (name["required"], name["uniqueness"]) = (json!(true), json!("server"));
    let mut members = attribute("members", "complex", "readWrite");
    let parts = [attribute("value", "string", "immutable"), attribute("display", "string", "readOnly")];
    (members["multiValued"], members["subAttributes"]) = (json!(true), json!(parts));
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": group::SCHEMA, "name": "Group", "description": "A group of the tenant's users",
        "attributes": [name, members],
    })
}

fn user_schema() -> Value {
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
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": SCHEMA, "name": "User", "description": "A person of the tenant",
        "attributes": [
            user_name, name, attribute("displayName", "string", "readWrite"),
            attribute("active", "boolean", "readWrite"), emails, roles,
        ],
    })
}

fn attribute(name: &str, kind: &str, mutability: &str) -> Value {
    json!({
        "name": name, "type": kind, "multiValued": false, "required": false, "caseExact": false,
        "mutability": mutability, "returned": "default", "uniqueness": "none",
    })
}
