//! The API's description as a whole: sound in both renderings, the same as the file in the repository, and
//! served.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::support::on_both;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Calls `visit` with every object in the document.
fn walk<'v>(value: &'v Value, visit: &mut impl FnMut(&'v serde_json::Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            visit(members);
            members.values().for_each(|value| walk(value, visit));
        }
        Value::Array(items) => items.iter().for_each(|value| walk(value, visit)),
        _ => {}
    }
}

/// What every reader of OpenAPI relies on, whichever version.
fn hold_sound(document: &Value) {
    let mut operation_ids = BTreeSet::new();
    let tags: BTreeSet<&str> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let place = format!("{method} {path}");
            assert!(METHODS.contains(&method.as_str()), "{place}");
            let id = operation["operationId"].as_str().unwrap();
            assert!(operation_ids.insert(id), "`{id}` twice, at {place}");
            for tag in operation["tags"].as_array().unwrap() {
                assert!(tags.contains(tag.as_str().unwrap()), "{place}: tag {tag}");
            }
            hold_parameters(&place, path, operation);
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{place}");
            for (status, response) in responses {
                assert!(response["description"].is_string(), "{place}: {status} without a description");
            }
        }
    }
    walk(document, &mut |object| {
        let Some(Value::String(reference)) = object.get("$ref") else { return };
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "`{reference}` leads nowhere");
    });
}

fn hold_parameters(place: &str, path: &str, operation: &Value) {
    let in_path: BTreeSet<&str> =
        path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
    let mut declared = BTreeSet::new();
    let mut names = BTreeSet::new();
    for parameter in operation["parameters"].as_array().unwrap() {
        let name = parameter["name"].as_str().unwrap();
        assert!(names.insert((name, parameter["in"].as_str().unwrap())), "{place}: `{name}` twice");
        assert!(parameter["schema"]["type"].is_string(), "{place}: `{name}` has no type");
        if parameter["in"] == "path" {
            assert_eq!(parameter["required"], true, "{place}: `{name}`");
            declared.insert(name);
        }
    }
    assert_eq!(declared, in_path, "{place}");
}

#[test]
fn the_description_is_sound() {
    let document = parse(&server::openapi());
    assert_eq!(document["openapi"], "3.1.0");
    hold_sound(&document);
}

#[test]
fn the_older_rendering_is_sound_and_says_nothing_that_3_0_does_not_know() {
    let document = parse(&server::openapi_3_0());
    assert_eq!(document["openapi"], "3.0.1");
    hold_sound(&document);
    assert_eq!(document["info"]["license"].get("identifier"), None, "3.1 only");
    walk(&document["components"]["schemas"], &mut |object| {
        for unknown in ["const", "examples", "propertyNames", "$schema", "$defs", "prefixItems"] {
            assert!(!object.contains_key(unknown), "`{unknown}` in {object:?}");
        }
        if let Some(kind) = object.get("type").filter(|kind| !kind.is_object()) {
            assert!(kind.is_string() && kind != "null", "`type` in {object:?}");
        }
    });
}

#[test]
fn both_renderings_know_the_same_paths_and_models() {
    let (newer, older) = (parse(&server::openapi()), parse(&server::openapi_3_0()));
    for pointer in ["/paths", "/components/schemas"] {
        let names = |document: &Value| -> Vec<String> {
            document.pointer(pointer).unwrap().as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(names(&newer), names(&older), "{pointer}");
    }
}

#[test]
fn the_file_in_the_repository_is_the_description() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi.json");
    let described = server::openapi();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &described).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == described, "openapi.json is out of date: run `cargo xtask generate`");
}

#[tokio::test]
async fn the_description_and_its_page_are_served_to_anybody() {
    on_both(async |nictate| {
        for (path, document) in
            [("/api/v1/openapi.json", server::openapi()), ("/api/v1/openapi-3.0.json", server::openapi_3_0())]
        {
            let request = nictate.request_as(None, reqwest::Method::GET, path);
            assert_eq!(crate::support::Reply::of(request).await.ok(), parse(&document), "{path}");
        }
        let page = nictate.get("/docs").await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
        assert!(page.header("content-security-policy").contains("default-src 'none'"));
        for asset in ["docs.js", "docs.css", "icon.svg"] {
            assert_eq!(nictate.get(&format!("/docs/{asset}")).await.status, 200, "{asset}");
        }
        nictate.get("/docs/../../etc/passwd").await.error(404, "route_not_found");
        nictate.get("/docs/nothing.js").await.error(404, "route_not_found");
    })
    .await;
}
