//! The query language of lists: what it refuses, and that both engines answer as a plain reading of the
//! filter over the rows would.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value as Json, json};
use store::testing::{NOW, each_database, query, seed, workflow};
use store::workflows::{self, FIELDS, Workflow};
use store::{FILTER_CONDITIONS_MAX, FILTER_DEPTH_MAX, IN_VALUES_MAX, Query, SORT_KEYS_MAX, StoreError};
use types::{PackId, Timestamp};

fn refusal(q: &str) -> String {
    Query::parse(Some(q), &FIELDS).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn a_bad_query_is_told_what_is_wrong_with_it() {
    let check = |q: &str, text: &str| assert_eq!(refusal(q), text, "{q}");
    check("{", "`q` is not JSON: EOF while parsing an object at line 1 column 1");
    check("[]", "`q`: `q` is an object, not `[]`");
    check(
        r#"{"page":1}"#,
        "`q`: unknown key `page`; known are limit, offset, filter, sort, select, search, ci",
    );
    check(r#"{"limit":0}"#, "`q`: `limit` is a whole number from 1 to 1000, not `0`");
    check(r#"{"limit":1001}"#, "`q`: `limit` is a whole number from 1 to 1000, not `1001`");
    check(r#"{"limit":"9"}"#, "`q`: `limit` is a whole number from 1 to 1000, not `\"9\"`");
    check(r#"{"offset":-1}"#, "`q`: `offset` is a whole number from 0 to 1000000000, not `-1`");
    check(r#"{"filter":{"nmae":"x"}}"#, "`q`: there is no field `nmae`; did you mean `name`?");
    check(r#"{"filter":{"zzzzzzzzz":"x"}}"#, "`q`: there is no field `zzzzzzzzz`");
    check(r#"{"filter":{"id; DROP TABLE x":1}}"#, "`q`: there is no field `id; DROP TABLE x`");
    check(r#"{"filter":{"name":{"$regex":"x"}}}"#, "`q`: unknown operator `$regex` on `name`");
    check(r#"{"filter":{"name":5}}"#, "`q`: `$eq` on `name` takes text, not `5`");
    check(r#"{"filter":{"active":"yes"}}"#, "`q`: `$eq` on `active` takes true or false, not `\"yes\"`");
    check(r#"{"filter":{"active":{"$gt":true}}}"#, "`q`: `active` is true or false; it has no order");
    check(
        r#"{"filter":{"created_at":{"$gt":"2026"}}}"#,
        "`q`: `$gt` on `created_at` takes a time in milliseconds since the epoch, not `\"2026\"`",
    );
    check(
        r#"{"filter":{"draft_version":{"$like":"1%"}}}"#,
        "`q`: `$like` is for text, and `draft_version` is none",
    );
    check(r#"{"filter":{"tags":"x"}}"#, "`q`: there is no filtering by `tags`");
    check(r#"{"filter":{"name":{"$in":"x"}}}"#, "`q`: `$in` on `name` takes a list, not `\"x\"`");
    check(r#"{"filter":{"$or":{}}}"#, "`q`: `$or` is a list of filters, not `{}`");
    check(r#"{"filter":{"name":"a\u0000"}}"#, "`q`: the text for `name` holds a zero character");
    check(r#"{"sort":["-nam"]}"#, "`q`: there is no field `nam`; did you mean `name`?");
    check(r#"{"sort":["tags"]}"#, "`q`: there is no sorting by `tags`");
    check(r#"{"select":["id","nope"]}"#, "`q`: there is no field `nope`; did you mean `name`?");
    check(r#"{"search":{"text":"x","fields":["active"]}}"#, "`q`: there is no searching in `active`");
    check(r#"{"search":{"txt":"x"}}"#, "`q`: unknown key `txt` in `search`; known are text, fields");
    check(r#"{"ci":1}"#, "`q`: `ci` is true or false, not `1`");
}

#[test]
fn every_bound_is_met_and_not_passed() {
    let deep = |levels: usize| {
        let filter = (0..levels).fold(json!({"name": "x"}), |inner, _| json!({"$and": [inner]}));
        json!({"filter": filter}).to_string()
    };
    assert_eq!(refusal(&deep(FILTER_DEPTH_MAX)), "");
    assert!(refusal(&deep(FILTER_DEPTH_MAX + 1)).contains("nested deeper than 8"));
    assert!(refusal(&deep(50)).contains("nested deeper"));
    assert!(refusal(&r#"{"filter":{"$not":"#.repeat(10_000)).contains("is not JSON"));
    assert!(refusal(&"[".repeat(100_000)).contains("is not JSON"));

    let wide = |count: usize| json!({"filter": {"$or": vec![json!({"name": "x"}); count]}}).to_string();
    assert_eq!(refusal(&wide(FILTER_CONDITIONS_MAX)), "");
    assert!(refusal(&wide(FILTER_CONDITIONS_MAX + 1)).contains("more than 100 comparisons"));

    let listed = |count: usize| json!({"filter": {"name": {"$in": vec!["x"; count]}}}).to_string();
    assert_eq!(refusal(&listed(IN_VALUES_MAX)), "");
    assert!(refusal(&listed(IN_VALUES_MAX + 1)).contains("at most 1000"));

    let sorted = |count: usize| json!({"sort": vec!["name"; count]}).to_string();
    assert_eq!(refusal(&sorted(SORT_KEYS_MAX)), "");
    assert!(refusal(&sorted(SORT_KEYS_MAX + 1)).contains("at most 8"));
}

#[test]
fn what_clients_send_is_understood() {
    for q in [
        "",
        "{}",
        r#"{"limit": 1, "offset": 0, "filter": {"name": {"$eq": "n"}}, "select": ["id"]}"#,
        r#"{"search":{"text":"n","fields":["name"]}}"#,
        r#"{"limit":1,"offset":0,"filter":{"name":{"$eq":"n"}},"ci":true,"select":["id"]}"#,
        r#"{"search": {"text": "", "fields": []}, "filter": {}, "limit": 1000, "offset": 0}"#,
        r#"{"sort": ["-created_at", "+name", " name", "id"], "filter": null, "limit": null}"#,
    ] {
        assert_eq!(refusal(q), "", "{q}");
    }
    let parsed = Query::parse(Some(r#"{"select":["name","tags"]}"#), &FIELDS).unwrap();
    let selected: Vec<&str> = parsed.select.iter().map(AsRef::as_ref).collect();
    assert_eq!((selected.as_slice(), parsed.limit, parsed.offset), (["name", "tags"].as_slice(), 100, 0));
    assert!(Query::parse(None, &FIELDS).is_ok());
}

const NAMES: [&str; 8] = ["alpha", "Alpha", "al%ha", "al_ha", r"b\c", "[b]*?", "caf\u{e9}", "Zed"];

/// Rows with every name, and gaps where a column may be empty.
fn rows(seeded: &store::testing::Seeded) -> Vec<Workflow> {
    let row = |(index, name): (usize, &&str)| Workflow {
        active: index % 2 == 0,
        pack_id: (index % 3 != 0).then(|| PackId::of_name(name)),
        published_version: (index % 4 != 1).then_some(index as i64 - 2),
        description: NAMES[(index * 5 + 3) % NAMES.len()].to_owned(),
        created_at: Timestamp::from_millis(NOW.as_millis() + index as i64),
        ..workflow(seeded, name)
    };
    NAMES.iter().enumerate().map(row).collect()
}

/// The same filter, read plainly: no comparison with an absent value holds.
fn holds(filter: &Json, row: &Workflow, ci: bool) -> bool {
    let Json::Object(filter) = filter else { unreachable!("filters are objects") };
    filter.iter().all(|(key, value)| match (key.as_str(), value) {
        ("$and", Json::Array(parts)) => parts.iter().all(|part| holds(part, row, ci)),
        ("$or", Json::Array(parts)) => parts.iter().any(|part| holds(part, row, ci)),
        ("$not", part) => !holds(part, row, ci),
        (field, Json::Object(operators)) => {
            operators.iter().all(|(op, v)| compare(&get(row, field), op, v, ci))
        }
        (field, value) => compare(&get(row, field), "$eq", value, ci),
    })
}

fn get(row: &Workflow, field: &str) -> Json {
    match field {
        "name" => json!(row.name),
        "description" => json!(row.description),
        "active" => json!(row.active),
        "pack_id" => json!(row.pack_id),
        "published_version" => json!(row.published_version),
        "created_at" => json!(row.created_at),
        other => unreachable!("no field {other}"),
    }
}

fn compare(left: &Json, operator: &str, right: &Json, ci: bool) -> bool {
    let fold = |value: &Json| match value {
        Json::String(text) if ci => json!(text.to_ascii_lowercase()),
        other => other.clone(),
    };
    let order = || match (fold(left), fold(right)) {
        (Json::String(a), Json::String(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
        (a, b) => Some(a.as_i64()?.cmp(&b.as_i64()?)),
    };
    match operator {
        "$eq" => fold(left) == fold(right),
        "$neq" => fold(left) != fold(right),
        "$gt" => order().is_some_and(|order| order.is_gt()),
        "$gte" => order().is_some_and(|order| order.is_ge()),
        "$lt" => order().is_some_and(|order| order.is_lt()),
        "$lte" => order().is_some_and(|order| order.is_le()),
        "$in" => right.as_array().unwrap().iter().any(|value| compare(left, "$eq", value, ci)),
        "$nin" => !compare(left, "$in", right, ci),
        "$exists" => left.is_null() != right.as_bool().unwrap(),
        "$ilike" => compare(left, "$like", right, true),
        "$like" => match (fold(left), fold(right)) {
            (Json::String(text), Json::String(pattern)) => {
                let (text, pattern): (Vec<_>, Vec<_>) = (text.chars().collect(), pattern.chars().collect());
                like(&text, &pattern)
            }
            _ => false,
        },
        other => unreachable!("no operator {other}"),
    }
}

fn like(text: &[char], pattern: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|skip| like(&text[skip..], rest)),
        ['_', rest @ ..] => !text.is_empty() && like(&text[1..], rest),
        ['\\', c, rest @ ..] | [c, rest @ ..] => text.first() == Some(c) && like(&text[1..], rest),
    }
}

fn filters() -> impl Strategy<Value = Json> {
    let name = || prop::sample::select(&NAMES[..]);
    let field = || prop::sample::select(&["name", "description"][..]);
    let order = || prop::sample::select(&["$gt", "$gte", "$lt", "$lte", "$eq", "$neq"][..]);
    let patterns =
        &["al%", "%A", "_l%", r"al\%ha", r"al\_ha", r"b\\c", r"%\", "[b]%", "%*?", "caf_", "%", ""][..];
    let leaf = prop_oneof![
        (field(), name()).prop_map(|(f, n)| json!({ f: n })),
        (field(), order(), name()).prop_map(|(f, o, n)| json!({ f: { o: n } })),
        (field(), prop::sample::select(&["$like", "$ilike"][..]), prop::sample::select(patterns))
            .prop_map(|(f, o, p)| json!({ f: { o: p } })),
        (field(), prop::sample::select(&["$in", "$nin"][..]), prop::collection::vec(name(), 0..3))
            .prop_map(|(f, o, n)| json!({ f: { o: n } })),
        (order(), -3..6_i64).prop_map(|(o, n)| json!({"published_version": { o: n }})),
        prop::collection::vec(prop::option::of(-3..6_i64), 0..3)
            .prop_map(|n| json!({"published_version": {"$nin": n}})),
        (-1..9_i64).prop_map(|n| json!({"created_at": {"$gte": NOW.as_millis() + n}})),
        any::<bool>().prop_map(|b| json!({ "active": b })),
        any::<bool>().prop_map(|b| json!({"pack_id": {"$exists": b}})),
        Just(json!({"pack_id": null})),
        Just(json!({"pack_id": {"$neq": null}})),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({ "$and": parts })),
            prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({ "$or": parts })),
            inner.prop_map(|part| json!({ "$not": part })),
        ]
    })
}

#[tokio::test]
async fn both_engines_answer_as_a_plain_reading_of_the_filter_would() {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let strategy = (filters(), any::<bool>());
    let cases: Vec<_> = (0..300).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    each_database(async |db| {
        let seeded = seed(&db).await;
        let rows = rows(&seeded);
        let stored = rows.clone();
        db.write(async move |tx| {
            for row in &stored {
                workflows::insert(tx, row).await?;
            }
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
        for (filter, ci) in &cases {
            let q = json!({"filter": filter, "ci": ci, "sort": ["created_at"]}).to_string();
            let page = workflows::list(&db, seeded.workspace, &query(&q, &FIELDS)).await.unwrap();
            let got: Vec<_> = page.rows.iter().map(|row| row.name.as_str()).collect();
            let wanted: Vec<_> =
                rows.iter().filter(|row| holds(filter, row, *ci)).map(|row| row.name.as_str()).collect();
            assert_eq!(got, wanted, "{q}");
            assert_eq!(page.total, wanted.len() as u64, "{q}");
        }
    })
    .await;
}

#[tokio::test]
async fn text_sorts_by_its_bytes_and_pages_do_not_overlap() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let stored = rows(&seeded);
        db.write(async move |tx| {
            for row in &stored {
                workflows::insert(tx, row).await?;
            }
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
        let mut by_bytes = NAMES;
        by_bytes.sort();
        let mut paged = Vec::new();
        for offset in (0..9).step_by(3) {
            let q = json!({"sort": ["name"], "limit": 3, "offset": offset}).to_string();
            let page = workflows::list(&db, seeded.workspace, &query(&q, &FIELDS)).await.unwrap();
            assert_eq!(page.total, 8);
            paged.extend(page.rows.into_iter().map(|row| row.name));
        }
        assert_eq!(paged, by_bytes);
        let search = query(r#"{"search":{"text":"L%H","fields":["name"]}}"#, &FIELDS);
        let found = workflows::list(&db, seeded.workspace, &search).await.unwrap();
        assert_eq!(found.rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["al%ha"]);
    })
    .await;
}
