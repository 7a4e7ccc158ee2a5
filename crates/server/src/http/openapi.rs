//! The API's description, made from the table of routes: OpenAPI 3.1, and a rendering as 3.0.1 for older
//! generators. `openapi.json` in the repository is a snapshot of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use super::answer::PagingInfo;
use super::describe::{Answer, SchemaSource};
use super::routes::{Access, BASE, Route, Scope};
use crate::error::ErrorWrapper;

/// The contract's tags, in its order.
const TAGS: [(&str, &str); 16] = [
    ("Controller", "Controller health and stats"),
    ("Connections", "Manage your connections"),
    ("Integrations", "Manage your integrations"),
    ("Invites", "Manage your invites"),
    ("Workflows", "Create and execute your workflows"),
    ("Executions", "Get information and manage executions"),
    ("Runners", "Configure your runners"),
    ("Tables", "Manage your tables"),
    ("Case Management", "Manage your cases"),
    ("User Settings", "Manage user settings"),
    ("Webhook", "Send to webhook"),
    ("workspaces", "Manage your workspaces"),
    ("User Info", "Get Information on current user"),
    ("Portal", "Manage your portal apps"),
    ("Groups", "Manage your Groups"),
    ("Users", "Manage your users"),
];

/// The description as OpenAPI 3.1.
pub(crate) fn document(routes: &[Route]) -> Value {
    let mut schemas = Schemas::default();
    schemas.add(SchemaSource {
        name: || Some(ErrorWrapper::name().into_owned()),
        schema: <ErrorWrapper as utoipa::PartialSchema>::schema,
        referenced: <ErrorWrapper as ToSchema>::schemas,
    });
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for route in routes {
        let operation = operation(route, &mut schemas);
        let method = route.method.as_str().to_lowercase();
        paths.entry(route.documented_path()).or_default().insert(method, operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Nictate REST API",
            "description": "Programmatic access to connections, workflows, executions and more. Speaks the Blink REST API.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "version": "1.0",
        },
        "servers": [{"url": BASE}],
        "security": [],
        "tags": TAGS.map(|(name, description)| json!({"name": name, "description": description})),
        "paths": paths,
        "components": {
            "schemas": schemas.0,
            "securitySchemes": {
                "ApiKeyAuth": {
                    "type": "apiKey",
                    "description": "Use your API key to access the API: add it to your request headers as BLINK-API-KEY.",
                    "name": "BLINK-API-KEY",
                    "in": "header",
                },
                "RunnerTokenAuth": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token of a runner group, which opens the link of its runners and nothing else.",
                },
            },
        },
    })
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let describe = &route.describe;
    let mut parameters: Vec<Value> = Vec::new();
    for name in path_parameters(route) {
        let description = match name {
            "ws_id" => "Workspace ID",
            "id" => describe.id_description,
            "table" => "The table's name",
            "field" => "The field's name",
            other => other,
        };
        parameters.push(json!({
            "name": name, "in": "path", "description": description, "required": true,
            "schema": {"type": "string"},
        }));
    }
    parameters.extend(describe.query.iter().map(|parameter| {
        json!({
            "name": parameter.name, "in": "query", "description": parameter.description,
            "required": false, "schema": {"type": parameter.kind},
        })
    }));
    let mut operation = json!({
        "tags": [describe.tag],
        "summary": describe.summary,
        "description": describe.summary,
        "operationId": describe.operation_id,
        "parameters": parameters,
        "responses": responses(route, schemas),
    });
    if let Some(body) = describe.body {
        operation["requestBody"] = json!({"content": {"application/json": {"schema": schemas.add(body)}}});
    }
    if route.access == Access::RunnerToken {
        operation["security"] = json!([{"RunnerTokenAuth": []}]);
    } else if route.access != Access::Public {
        operation["security"] = json!([{"ApiKeyAuth": []}]);
    }
    operation
}

fn path_parameters(route: &Route) -> Vec<&'static str> {
    let own = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut names: Vec<&'static str> = own.collect();
    if route.scope == Scope::Workspace {
        names.push("ws_id");
    }
    names
}

/// The content type of SCIM (RFC 7644, 3.1).
const SCIM_JSON: &str = "application/scim+json";

fn responses(route: &Route, schemas: &mut Schemas) -> Value {
    let json_of =
        |schema: Value| json!({"description": "ok", "content": {"application/json": {"schema": schema}}});
    let ok = match route.describe.answer {
        Answer::Text => json_of(json!({"type": "string"})),
        Answer::Empty => json!({"description": "ok"}),
        Answer::Any => json_of(json!({})),
        Answer::One(source) => json_of(schemas.add(source)),
        Answer::Array(source) => json_of(json!({"type": "array", "items": schemas.add(source)})),
        Answer::Page(source) => {
            let info = schemas.add(SchemaSource {
                name: || Some(PagingInfo::name().into_owned()),
                schema: <PagingInfo as utoipa::PartialSchema>::schema,
                referenced: <PagingInfo as ToSchema>::schemas,
            });
            let rows = json!({"type": "object", "properties": {"results": {"type": "array", "items": schemas.add(source)}}});
            json_of(json!({"allOf": [info, rows]}))
        }
        // Of a stream of events no schema says what one event is.
        Answer::Other(content_type @ "text/event-stream") => {
            json!({"description": "ok", "content": {content_type: {}}})
        }
        Answer::Other(content_type) => {
            json!({"description": "ok", "content": {content_type: {"schema": {"type": "string"}}}})
        }
        Answer::File(content_types) => {
            let content: Map<String, Value> =
                content_types.iter().map(|content_type| ((*content_type).to_owned(), json!({}))).collect();
            json!({"description": "ok", "content": content})
        }
        Answer::Scim(Some(_)) => {
            json!({"description": "ok", "content": {SCIM_JSON: {"schema": {"type": "object"}}}})
        }
        Answer::Scim(None) => json!({"description": "ok"}),
    };
    let (status, error) = match route.describe.answer {
        // Errors are in SCIM's form as well (RFC 7644, 3.12).
        Answer::Scim(status) => (status.unwrap_or(204), json!({SCIM_JSON: {"schema": {"type": "object"}}})),
        _ => {
            let schema = json!({"$ref": "#/components/schemas/api_responses.ErrorWrapper"});
            (200, json!({"application/json": {"schema": schema}}))
        }
    };
    let mut responses = Map::from_iter([(status.to_string(), ok)]);
    for (status, meaning) in &route.describe.errors {
        responses.insert(status.to_string(), json!({"description": meaning, "content": error}));
    }
    Value::Object(responses)
}

#[derive(Default)]
struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    /// Writes the schema down, with those it refers to, and answers the reference to it.
    fn add(&mut self, source: SchemaSource) -> Value {
        let mut referenced: Vec<(String, RefOr<Schema>)> = Vec::new();
        (source.referenced)(&mut referenced);
        for (name, schema) in referenced {
            self.insert(name, &schema);
        }
        let schema = (source.schema)();
        match (source.name)() {
            Some(name) => {
                self.insert(name.clone(), &schema);
                json!({"$ref": format!("#/components/schemas/{name}")})
            }
            None => serde_json::to_value(&schema).unwrap_or_default(),
        }
    }

    fn insert(&mut self, name: String, schema: &RefOr<Schema>) {
        let mut schema = serde_json::to_value(schema).unwrap_or_default();
        without_property_names(&mut schema);
        without_required(&mut schema);
        let known = self.0.insert(name.clone(), schema.clone());
        debug_assert!(known.is_none_or(|known| known == schema), "two schemas are named `{name}`");
    }
}

/// The contract's models mark nothing as required: a client must not fail on a member that is missing, and a list of which
/// it has selected fields lacks the others.
fn without_required(schema: &mut Value) {
    if let Some(members) = schema.as_object_mut() {
        members.shift_remove("required");
    }
    let parts = schema.get_mut("allOf").and_then(Value::as_array_mut);
    parts.into_iter().flatten().for_each(without_required);
}

/// That the names of a map's members are strings goes without saying, and OpenAPI 3.0 cannot say it.
fn without_property_names(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.shift_remove("propertyNames");
            members.values_mut().for_each(without_property_names);
        }
        Value::Array(items) => items.iter_mut().for_each(without_property_names),
        _ => {}
    }
}

/// The same description as OpenAPI 3.0.1, for generators that know nothing newer.
pub(crate) fn as_3_0(document: &Value) -> Value {
    let mut older = document.clone();
    older["openapi"] = json!("3.0.1");
    if let Some(license) = older.pointer_mut("/info/license").and_then(Value::as_object_mut) {
        license.remove("identifier");
    }
    downgrade(&mut older);
    older
}

/// One of null and something else becomes that, `nullable`.
fn downgrade_choice(members: &mut Map<String, Value>) {
    let is_null = |schema: &Value| schema["type"] == "null";
    let Some(Value::Array(choices)) = members.get_mut("oneOf") else { return };
    let before = choices.len();
    choices.retain(|schema| !is_null(schema));
    if choices.len() < before {
        let choices = std::mem::take(choices);
        members.shift_remove("oneOf");
        // Beside a reference nothing else counts.
        let word = if choices.len() == 1 { "allOf" } else { "oneOf" };
        members.insert(word.to_owned(), Value::Array(choices));
        members.insert("nullable".to_owned(), Value::Bool(true));
    }
}

/// `type: [T, "null"]` becomes `type: T, nullable: true`; `const` becomes an `enum` of one; `examples` the
/// first of them. Nothing else that 3.1 added is used.
fn downgrade(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::Array(kinds)) = members.get("type") {
                let kind = kinds.iter().find(|kind| *kind != "null").cloned();
                let nullable = kinds.iter().any(|kind| kind == "null");
                if let Some(kind) = kind {
                    members.insert("type".to_owned(), kind);
                }
                if nullable {
                    members.insert("nullable".to_owned(), Value::Bool(true));
                }
            }
            downgrade_choice(members);
            if let Some(constant) = members.shift_remove("const") {
                members.insert("enum".to_owned(), json!([constant]));
            }
            if let Some(Value::Array(examples)) = members.get("examples") {
                let first = examples.first().cloned().unwrap_or_default();
                members.shift_remove("examples");
                members.insert("example".to_owned(), first);
            }
            members.values_mut().for_each(downgrade);
        }
        Value::Array(items) => items.iter_mut().for_each(downgrade),
        _ => {}
    }
}
