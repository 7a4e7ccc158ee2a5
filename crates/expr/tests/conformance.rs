//! Our answers held against those of the reference (expr-lang/expr v1.17.8): `data/*.tsv` hold an expression and
//! its answer as JSON, or `ERROR`, a line. The expressions of `generated.tsv` are from its test data (MIT).

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests, which may

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use expr::{Context, Expression, Map, Value};
use serde_json::Value as Json;

/// Why a row of `generated.tsv` may differ; `data/differences.tsv` says it for each.
const REASONS: [(&str, &str); 11] = [
    ("order", "the reference answers the entries of a map in an order that is random anew each time"),
    ("stack", "the reference leaves a value on its stack, which then turns up in the result"),
    ("optimizer", "the reference folds loops into one another, and so never evaluates what would fail"),
    ("overflow", "infinity and NaN have no int; the reference answers the least of them"),
    ("nil list", "the reference's empty list may be nil; ours is a list"),
    ("map key", "an int or truth value as key of a map finds nothing; in the reference it fails"),
    ("group key", "groups of the keys 1 and 1.0 are the same to us"),
    ("unchecked", "the reference does not check the arguments of functions within `$env[…]`"),
    ("literal", "the reference takes a list whose last literal is nil for a list of nils"),
    ("text sum", "the reference adds the elements of a written list, and so texts as well"),
    ("last digit", "`**` of huge numbers differs in the last digit"),
];

fn data(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn scope(name: &str) -> Map {
    match serde_json::from_str(&data(name)).unwrap() {
        Value::Map(map) => (*map).clone(),
        other => panic!("{name} is {}", other.type_name()),
    }
}

/// Our answer; `None` for an error.
fn answer(source: &str, scope: &Map) -> Option<Json> {
    let mut rng = types::SeededRng::from_u64(1);
    let now = types::Timestamp::from_millis(1_767_323_045_000);
    let expression = Expression::parse(source).ok()?;
    let value = expression.evaluate(&mut Context::new(scope, now, &mut rng)).ok()?;
    // What JSON cannot express the reference refuses to answer.
    (!has_non_finite(&value)).then(|| value.to_json())
}

fn has_non_finite(value: &Value) -> bool {
    match value {
        Value::Float(float) => !float.is_finite(),
        Value::List(list) => list.iter().any(has_non_finite),
        Value::Map(map) => map.values().any(has_non_finite),
        _ => false,
    }
}

/// Whether two answers are the same: `1` and `1.0` are, and the order of keys is nothing.
fn same(ours: &Json, theirs: &Json) -> bool {
    match (ours, theirs) {
        (Json::Number(a), Json::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// The rows of a file whose answer differs from ours, and how many rows there are.
fn differences(rows: &str, environment: &str) -> (Vec<String>, usize) {
    let scope = scope(environment);
    let rows = data(rows);
    let mut different = Vec::new();
    let mut count = 0;
    for row in rows.lines() {
        let (source, wanted) = row.split_once('\t').unwrap();
        count += 1;
        let ours = answer(source, &scope);
        let agrees = match (&ours, wanted) {
            (None, wanted) => wanted == "ERROR",
            (Some(_), "ERROR") => false,
            (Some(ours), wanted) => same(ours, &serde_json::from_str(wanted).unwrap()),
        };
        if !agrees {
            let ours = ours.map_or("ERROR".to_owned(), |json| json.to_string());
            different.push(format!("{source}\t{wanted}\t{ours}"));
        }
    }
    (different, count)
}

#[test]
fn everyday_expressions_answer_as_the_reference_does() {
    let (different, count) = differences("scopes.tsv", "scopes.env.json");
    assert!(different.is_empty(), "{} of {count} differ:\n{}", different.len(), different.join("\n"));
}

#[test]
fn generated_expressions_answer_as_the_reference_does() {
    let (different, count) = differences("generated.tsv", "generated.env.json");
    let share = (count - different.len()) * 100_000 / count;
    println!("{} of {count} rows agree ({}.{:03} %)", count - different.len(), share / 1000, share % 1000);
    if let Ok(path) = std::env::var("CONFORMANCE_DIFFERENCES") {
        fs::write(path, different.join("\n")).unwrap();
    }
    let known = data("differences.tsv");
    let known: HashMap<&str, &str> = known.lines().map(|line| line.split_once('\t').unwrap()).collect();
    let unknown: Vec<_> = different
        .iter()
        .filter(|row| !row.split_once('\t').is_some_and(|(source, _)| known.contains_key(source)))
        .collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert_eq!(different.len(), known.len(), "a row of differences.tsv agrees by now: take it out");
    for reason in known.values() {
        assert!(REASONS.iter().any(|(name, _)| name == reason), "`{reason}` is not a reason");
    }
}
