//! What all of them do with what they are given.

use std::time::Duration;

use actions::{ActionKind, Catalog, ConnectionNeed, Idempotency};
use serde_json::json;

use crate::{attempt, check, check_fails};

#[test]
fn they_take_no_connection_and_may_be_repeated() {
    let catalog = Catalog::builtin();
    let services = ["array", "json", "utility"];
    let pure = catalog.all().iter().filter(|spec| services.contains(&spec.service()));
    let mut count = 0;
    for spec in pure {
        count += 1;
        assert_eq!(spec.kind, ActionKind::Effect, "{}", spec.full_name);
        assert_eq!(spec.idempotency, Idempotency::Pure, "{}", spec.full_name);
        assert_eq!(spec.connections, ConnectionNeed::Nothing, "{}", spec.full_name);
        assert!(!spec.hidden && !spec.example_output.is_null(), "{}", spec.full_name);
    }
    assert!(count >= 24);
}

#[tokio::test]
async fn an_input_may_be_spelled_in_many_ways() {
    for name in ["array", "Array", "ARRAY", "a-r r_a y"] {
        check("array.GetLength", json!({name: [1, 2]}), json!(2)).await;
    }
    let chosen = json!({"display_name": "two", "value": [1, 2]});
    check("array.GetLength", json!({"array": chosen}), json!(2)).await;
    check("array.GetLength", json!({"array": " [1, 2, 3] "}), json!(3)).await;
    check("array.Chunk", json!({"array": [1], "size": "1"}), json!([[1]])).await;
    check("array.Chunk", json!({"array": [1], "size": 1.0}), json!([[1]])).await;
}

#[tokio::test]
async fn a_wrong_input_is_named() {
    check_fails("array.GetLength", json!({}), "input `array` is missing").await;
    check_fails("array.GetLength", json!({"array": null}), "input `array` is missing").await;
    check_fails("array.GetLength", json!({"array": 7}), "input `array` must be a list, not a number").await;
    let message = "input `array` must be a list, not a text that is not";
    check_fails("array.GetLength", json!({"array": "[1, "}), message).await;
    check_fails("array.GetLength", json!({"array": "{}"}), "input `array` must be a list, not a map").await;
    let message = "input `size` must be a whole number from 1 to 1000000, not `0`";
    check_fails("array.Chunk", json!({"array": [], "size": 0}), message).await;
    let message = "input `size` must be a whole number from 1 to 1000000, not `1.5`";
    check_fails("array.Chunk", json!({"array": [], "size": 1.5}), message).await;
    check_fails("array.Chunk", json!({"array": []}), "input `size` is missing").await;
    let inputs = json!({"source_json_object": {}, "merged_json_object": {}, "recursive_merge": "perhaps"});
    let message = "input `recursive_merge` must be true or false, not a text that is not";
    check_fails("json.MergeJSONObjects", inputs, message).await;
}

#[tokio::test]
async fn an_unknown_input_is_told_and_ignored() {
    let inputs = json!({"array": [], "wat": 1});
    let (outcome, heard) = attempt("array.GetLength", &inputs, Duration::from_secs(1)).await;
    assert_eq!(outcome, Ok(json!(0)));
    assert_eq!(heard, ["input `wat` is unknown to `array.GetLength` and was ignored"]);
}

#[tokio::test]
async fn large_inputs_are_worked_on_and_too_large_ones_are_not() {
    let large: Vec<u32> = (0..200_000).collect();
    check("array.GetLength", json!({"array": large}), json!(200_000)).await;
    let huge = "x".repeat(20 * 1024 * 1024);
    check_fails("array.GetLength", json!({"array": [huge]}), "the inputs have more than 20971520 bytes")
        .await;
    let quotes = "\"".repeat(11 * 1024 * 1024);
    let message = "the output has more than the 20971520 bytes that a step may keep";
    check_fails("array.Slice", json!({"array": [quotes]}), message).await;
}
