//! `json.*`.

use serde_json::{Map, Value as Json, json};

use crate::{check, check_fails, run};

#[tokio::test]
async fn two_maps_become_one() {
    let action = "json.MergeJSONObjects";
    let (source, merged) = (json!({"a": {"x": 1}, "b": 1}), json!({"a": {"y": 2}, "c": null}));
    let flat = json!({"Source JSON Object": source, "Merged JSON Object": merged});
    check(action, flat, json!({"a": {"y": 2}, "b": 1, "c": null})).await;
    let deep = json!({
        "source_json_object": source, "merged_json_object": merged.to_string(), "Recursive Merge": "true",
    });
    check(action, deep, json!({"a": {"x": 1, "y": 2}, "b": 1, "c": null})).await;
    let lists = json!({
        "source_json_object": {"l": [1]}, "merged_json_object": {"l": [2]}, "recursive_merge": true,
    });
    check(action, lists, json!({"l": [2]})).await;
    let message = "input `merged_json_object` must be a map, not a list";
    check_fails(action, json!({"source_json_object": {}, "merged_json_object": []}), message).await;
}

#[tokio::test]
async fn structures_are_compared() {
    let action = "json.CompareJSONStructure";
    let same = json!({"First JSON": {"a": [1, "x"], "b": null}, "Second JSON": "{\"b\": null, \"a\": [2, \"y\", 3]}"});
    check(action, same, json!({"equal": true, "differences": [], "truncated": false})).await;
    let other = json!({
        "first_json": {"user": {"id": 7}, "tags": [], "list": [{"a": 1}]},
        "second_json": {"user": {"id": "7"}, "list": [{"b c": 1}], "more": {}},
    });
    let expected = json!({"equal": false, "truncated": false, "differences": [
        {"path": "$.user.id", "first": "a number", "second": "a text"},
        {"path": "$.tags", "first": "a list", "second": "missing"},
        {"path": "$.list[0].a", "first": "a number", "second": "missing"},
        {"path": "$.list[0][\"b c\"]", "first": "missing", "second": "a number"},
        {"path": "$.more", "first": "missing", "second": "a map"},
    ]});
    check(action, other, expected).await;
    check_fails(action, json!({"first_json": 1}), "input `second_json` is missing").await;
}

#[tokio::test]
async fn only_so_many_differences_are_listed() {
    let many: Map<String, Json> = (0..1001).map(|number| (format!("k{number}"), json!(1))).collect();
    let inputs = json!({"first_json": many, "second_json": {}});
    let output = run("json.CompareJSONStructure", inputs).await.unwrap();
    assert_eq!(output["differences"].as_array().unwrap().len(), 1000);
    assert_eq!(output["truncated"], true);
}
