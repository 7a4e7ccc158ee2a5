//! `array.*`.

use serde_json::{Value as Json, json};

use crate::{check, check_fails};

#[tokio::test]
async fn duplicates_are_removed_and_the_first_stays() {
    let action = "array.Deduplicate";
    check(action, json!({"array": [3, 1, 3, "3", 1.0, null, null]}), json!([3, 1, "3", null])).await;
    let maps = json!([{"a": 1, "b": [2]}, {"b": [2], "a": 1}, {"a": 1}]);
    check(action, json!({"array": maps}), json!([{"a": 1, "b": [2]}, {"a": 1}])).await;
    let users = json!([{"u": {"n": "ann"}, "i": 1}, {"u": {"n": "ann"}, "i": 2}, {"u": {}}, {"x": 1}]);
    let expected = json!([{"u": {"n": "ann"}, "i": 1}, {"u": {}}]);
    check(action, json!({"array": users, "key": "u.n"}), expected).await;
    check(action, json!({"array": [[1, 2], [1, 3]], "key": "0"}), json!([[1, 2]])).await;
    check(action, json!({"array": []}), json!([])).await;
}

#[tokio::test]
async fn lists_within_a_list_are_opened() {
    let nested = json!([1, [2, [3, [4]]], [], {"a": [5]}]);
    check("array.Flatten", json!({"array": nested}), json!([1, 2, 3, 4, {"a": [5]}])).await;
    check("array.Flatten", json!({"array": nested, "depth": 1}), json!([1, 2, [3, [4]], {"a": [5]}])).await;
    check("array.Flatten", json!({"array": nested, "depth": 0}), nested).await;
}

#[tokio::test]
async fn a_flat_list_has_an_end() {
    let many: Json = vec![0; 1_000_001].into();
    check_fails("array.Flatten", json!({"array": [many]}), "the output has more than 1000000 elements").await;
}

#[tokio::test]
async fn a_part_is_taken() {
    let list = json!(["a", "b", "c", "d"]);
    for (start, end, expected) in [
        (json!(1), json!(3), json!(["b", "c"])),
        (json!(-2), json!(null), json!(["c", "d"])),
        (json!(null), json!(-1), json!(["a", "b", "c"])),
        (json!(null), json!(null), list.clone()),
        (json!(2), json!(1), json!([])),
        (json!(9), json!(99), json!([])),
        (json!(-99), json!("1"), json!(["a"])),
        (json!(i64::MIN), json!(i64::MAX), list.clone()),
    ] {
        check("array.Slice", json!({"array": list, "start": start, "end": end}), expected).await;
    }
    let message = "input `start` must be a whole number, not `x`";
    check_fails("array.Slice", json!({"array": list, "start": "x"}), message).await;
}

#[tokio::test]
async fn a_list_is_parted() {
    check("array.Chunk", json!({"array": [1, 2, 3], "size": 2}), json!([[1, 2], [3]])).await;
    check("array.Chunk", json!({"array": [], "size": 2}), json!([])).await;
    check("array.Chunk", json!({"array": [1], "size": 1_000_000}), json!([[1]])).await;
}
