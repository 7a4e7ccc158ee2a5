//! `ConnectionGetById`, held to the contract's seed page word for word.

use serde_json::{Value, json};

use crate::support::{NOBODY, SHAPE_OF_ERRORS, WORKSPACE, members, on_both};

/// The fields of `models.Connection` with their types, in the order of the seed page.
const FIELDS: [(&str, &str); 19] = [
    ("attributes", "object"),
    ("connection_type_id", "string"),
    ("created_at", "integer"),
    ("created_by", "string"),
    ("created_with_o_auth", "boolean"),
    ("creation_location", "string"),
    ("creation_method", "string"),
    ("description", "string"),
    ("display_name", "string"),
    ("external_id", "string"),
    ("full_name", "string"),
    ("id", "string"),
    ("name", "string"),
    ("secret_manager", "string"),
    ("status", "string"),
    ("tenant_id", "string"),
    ("updated_at", "integer"),
    ("updated_by", "string"),
    ("workspace_id", "string"),
];

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "object",
        Value::String(_) => "string",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::Bool(_) => "boolean",
        Value::Array(_) => "array",
        Value::Null => "null",
    }
}

#[tokio::test]
async fn a_connection_by_id_is_an_array_of_one_with_exactly_the_seeds_fields() {
    on_both(async |nictate| {
        let made = nictate.connect("edge", "s3cret").await;
        let id = made["id"].as_str().unwrap();
        let reply = nictate.get(&format!("/connections/{id}")).await;
        let body = reply.ok();
        let [connection] = body.as_array().unwrap().as_slice() else { panic!("not an array of one: {body}") };
        assert_eq!(members(connection), FIELDS.map(|(name, _)| name));
        for (name, kind) in FIELDS {
            assert_eq!(type_of(&connection[name]), kind, "`{name}` of {connection}");
        }
        assert_eq!(connection, &made, "the answer of the creation");
        assert_eq!(connection["name"], "edge");
        assert_eq!(connection["workspace_id"], WORKSPACE);
        assert_eq!(connection["attributes"]["base_url"], json!({"value": nictate.tool.url()}));
        assert_eq!(connection["attributes"]["token"], json!({"value": "********"}));
        // Milliseconds, not seconds: somewhere in this century.
        let created_at = connection["created_at"].as_i64().unwrap();
        assert!((1_700_000_000_000..4_000_000_000_000).contains(&created_at), "{created_at}");
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_not_there_is_a_404_with_all_fields_of_the_error() {
    on_both(async |nictate| {
        for id in [NOBODY, "17", "nothing-of-the-kind", "%00", "%F0%9F%94%91"] {
            let body = nictate.get(&format!("/connections/{id}")).await.error(404, "connection_not_found");
            assert_eq!(members(&body), SHAPE_OF_ERRORS);
            assert_eq!(body["message"], "Cannot find Connection");
            assert_eq!(type_of(&body["status"]), "integer");
        }
    })
    .await;
}

/// `components/schemas/api_responses.ErrorWrapper` and the others, as the seed page has them.
fn seed_schemas() -> Value {
    let integer = json!({"type": "integer"});
    let mut connection = json!({"type": "object", "properties": {}});
    for (name, kind) in FIELDS {
        connection["properties"][name] = json!({"type": kind});
    }
    connection["properties"]["attributes"] =
        json!({"$ref": "#/components/schemas/models.ConnectionAttributes"});
    connection["properties"]["external_id"]["description"] = json!(
        "ExternalId mapping to external entity identifier associated with this connection (used on \
         revoke/uninstall events e.g.)"
    );
    connection["properties"]["name"]["description"] =
        json!("Connection names are unique per tenant as they are used in playbook YAML");
    assert_eq!(connection["properties"]["created_at"], integer);
    json!({
        "models.Connection": connection,
        "api_responses.ErrorWrapper": {
            "type": "object",
            "properties": {
                "data": {"type": "object"},
                "details": {"type": "string"},
                "identifier": {"type": "string"},
                "message": {"type": "string"},
                "status": {"type": "integer", "example": 404},
                "user_error": {"type": "object"},
            },
        },
        "models.ConnectionAttributes": {
            "type": "object",
            "additionalProperties": {"$ref": "#/components/schemas/models.ConnectionAttribute"},
        },
        "models.ConnectionAttribute": {"type": "object", "properties": {"value": {"type": "object"}}},
    })
}

fn seed_operation() -> Value {
    let parameter = |name: &str, description: &str| {
        json!({
            "name": name, "in": "path", "description": description, "required": true,
            "schema": {"type": "string"},
        })
    };
    let json_of = |schema: Value| json!({"application/json": {"schema": schema}});
    let connections = json!({"type": "array", "items": {"$ref": "#/components/schemas/models.Connection"}});
    let error = json!({"$ref": "#/components/schemas/api_responses.ErrorWrapper"});
    json!({
        "tags": ["Connections"],
        "summary": "Gets a Connection by id",
        "description": "Gets a Connection by id",
        "operationId": "ConnectionGetById",
        "parameters": [parameter("id", "Connection ID"), parameter("ws_id", "Workspace ID")],
        "responses": {
            "200": {"description": "ok", "content": json_of(connections)},
            "404": {"description": "Cannot find Connection", "content": json_of(error)},
        },
        "security": [{"ApiKeyAuth": []}],
    })
}

/// Ours may say one thing more than the seed: that an integer has 64 bits. Without it generators for typed
/// languages take 32, in which milliseconds since the epoch do not fit.
fn without_width(mut value: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(members) => {
                if members.get("type").is_some_and(|kind| kind == "integer") {
                    members.shift_remove("format");
                }
                members.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut value);
    value
}

fn hold_to_the_seed(document: &str) {
    let document = without_width(serde_json::from_str(document).unwrap());
    let operation = &document["paths"]["/workspace/{ws_id}/connections/{id}"]["get"];
    assert_eq!(operation, &seed_operation());
    for (name, schema) in seed_schemas().as_object().unwrap() {
        assert_eq!(&document["components"]["schemas"][name], schema, "`{name}`");
    }
    let scheme = &document["components"]["securitySchemes"]["ApiKeyAuth"];
    assert_eq!(
        (&scheme["type"], &scheme["name"], &scheme["in"]),
        (&json!("apiKey"), &json!("BLINK-API-KEY"), &json!("header"))
    );
    assert_eq!(document["info"]["version"], "1.0");
    assert_eq!(document["security"], json!([]));
    let tags = document["tags"].as_array().unwrap();
    assert_eq!(tags.len(), 16);
    assert_eq!(tags[1], json!({"name": "Connections", "description": "Manage your connections"}));
    assert_eq!(tags[15], json!({"name": "Users", "description": "Manage your users"}));
}

#[test]
fn the_seeds_operation_and_models_are_described_as_the_seed_page_describes_them() {
    hold_to_the_seed(&server::openapi());
}

#[test]
fn the_older_rendering_describes_them_alike() {
    let document = server::openapi_3_0();
    hold_to_the_seed(&document);
    assert!(document.contains(r#""openapi": "3.0.1""#));
}
