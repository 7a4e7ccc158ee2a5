//! Our answers held against those of the reference (expr-lang/expr v1.17.8): `data/*.tsv` hold an expression and
//! its answer as JSON, or `ERROR`, a line. The expressions of `generated.tsv` are from its test data (MIT).

use std::fs;
use std::path::PathBuf;

use expr::{Context, Expression, Map, Value};
use serde_json::Value as Json;

/// The share of `generated.tsv` that agrees, in rows of 100,000. It may only go up.
const GENERATED_SHARE_MIN: usize = 99_000;

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
    assert!(share >= GENERATED_SHARE_MIN, "{}", different.join("\n"));
}
