//! Our answers held against those of the reference (expr-lang/expr v1.17.8): `data/*.tsv` hold an expression and
//! its answer as JSON, or `ERROR`, a line. The expressions of `generated.tsv` are from its test data (MIT).

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests, which may

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use expr::{Context, Expression, Map, Value};
use serde_json::Value as Json;

/// Why a row of `generated.tsv` may differ; `data/differences.tsv` says it for each.
const REASONS: [(&str, &str); 8] = [
    (ORDER, "the reference answers the entries of a map in an order that is random anew each time"),
    ("stack", "the reference leaves a value on its stack, which then turns up in the result"),
    ("overflow", "infinity and NaN have no int; the reference answers the least of them"),
    ("nil list", "the reference's empty list may be nil; ours is a list"),
    ("group key", "groups of the keys 1 and 1.0 are the same to us"),
    ("sort", "the reference's `sort` answers nil for the lists that `toPairs` makes; ours refuses them"),
    (
        "unchecked",
        "the reference does not look into some parts before it evaluates them, and may never do that",
    ),
    ("literal", "the reference takes a written list whose last element is `nil` for a list of nils"),
];

/// The reason of rows whose answer, in the reference, differs from run to run.
const ORDER: &str = "order";

/// How many of a thousand rows agree at least.
const AGREE_PER_MILLE: usize = 999;

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
    value.is_finite().then(|| value.to_json())
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

/// As `same`, but the elements of every list may stand in any order.
fn same_but_for_order(ours: &Json, theirs: &Json) -> bool {
    match (ours, theirs) {
        (Json::Array(a), Json::Array(b)) => {
            let mut rest: Vec<_> = b.iter().collect();
            let mut take = |a| {
                let found = rest.iter().position(|b| same_but_for_order(a, b));
                found.is_some_and(|i| {
                    rest.swap_remove(i);
                    true
                })
            };
            a.len() == b.len() && a.iter().all(&mut take)
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same_but_for_order(a, b)))
        }
        (a, b) => same(a, b),
    }
}

/// A row whose answer is not ours.
struct Different {
    source: String,
    wanted: String,
    ours: Option<Json>,
}

impl Different {
    /// Whether the order of a map's entries is all that differs: the elements of lists are the same, or there is
    /// an order of the environment in which we answer what the reference did.
    fn is_order_alone(&self, scope: &Map) -> bool {
        let Ok(wanted) = serde_json::from_str::<Json>(&self.wanted) else { return false };
        self.ours.as_ref().is_some_and(|ours| same_but_for_order(ours, &wanted))
            || orders(scope.clone().into_iter().collect()).any(|scope| {
                answer(&self.source, &scope.into_iter().collect()).is_some_and(|ours| same(&ours, &wanted))
            })
    }

    fn show(&self) -> String {
        let ours = self.ours.as_ref().map_or("ERROR".to_owned(), Json::to_string);
        format!("{}\t{}\t{ours}", self.source, self.wanted)
    }
}

/// All orders of `entries`, by Heap's method.
fn orders<T: Clone>(mut entries: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut counters = vec![0; entries.len()];
    let mut next = Some(entries.clone());
    std::iter::from_fn(move || {
        let order = next.take();
        let mut i = 1;
        while i < entries.len() {
            if counters[i] < i {
                entries.swap(if i % 2 == 0 { 0 } else { counters[i] }, i);
                counters[i] += 1;
                next = Some(entries.clone());
                break;
            }
            counters[i] = 0;
            i += 1;
        }
        order
    })
}

/// The rows of a file whose answer differs from ours, and how many rows there are.
fn differences(rows: &str, scope: &Map) -> (Vec<Different>, usize) {
    let rows = data(rows);
    let mut different = Vec::new();
    let mut count = 0;
    for row in rows.lines() {
        let (source, wanted) = row.split_once('\t').unwrap();
        count += 1;
        let ours = answer(source, scope);
        let agrees = match (&ours, wanted) {
            (None, wanted) => wanted == "ERROR",
            (Some(_), "ERROR") => false,
            (Some(ours), wanted) => same(ours, &serde_json::from_str(wanted).unwrap()),
        };
        if !agrees {
            different.push(Different { source: source.to_owned(), wanted: wanted.to_owned(), ours });
        }
    }
    (different, count)
}

#[test]
fn everyday_expressions_answer_as_the_reference_does() {
    let (different, count) = differences("scopes.tsv", &scope("scopes.env.json"));
    let shown: Vec<_> = different.iter().map(Different::show).collect();
    assert!(different.is_empty(), "{} of {count} differ:\n{}", different.len(), shown.join("\n"));
}

#[test]
fn generated_expressions_answer_as_the_reference_does() {
    let scope = scope("generated.env.json");
    let (unequal, count) = differences("generated.tsv", &scope);
    let known = data("differences.tsv");
    let known: HashMap<&str, &str> = known.lines().map(|line| line.split_once('\t').unwrap()).collect();
    let (reordered, different): (Vec<_>, Vec<_>) = unequal
        .iter()
        .partition(|row| known.get(row.source.as_str()) == Some(&ORDER) && row.is_order_alone(&scope));
    println!("{} of {count} rows are equal outright", count - unequal.len());
    println!("{} are equal but for the random order of the reference", reordered.len());
    println!("{} are different", different.len());
    if let Ok(path) = std::env::var("CONFORMANCE_DIFFERENCES") {
        fs::write(path, unequal.iter().map(Different::show).collect::<Vec<_>>().join("\n")).unwrap();
    }
    let unknown = unequal.iter().filter(|row| !known.contains_key(row.source.as_str()));
    assert!(unknown.clone().count() == 0, "{:#?}", unknown.map(Different::show).collect::<Vec<_>>());
    assert_eq!(unequal.len(), known.len(), "a row of differences.tsv agrees by now: take it out");
    let random = different.iter().filter(|row| known.get(row.source.as_str()) == Some(&ORDER));
    assert_eq!(random.map(|row| row.show()).collect::<Vec<_>>(), [""; 0], "more than the order differs");
    for reason in known.values() {
        assert!(REASONS.iter().any(|(name, _)| name == reason), "`{reason}` is not a reason");
    }
    assert!((count - different.len()) * 1000 / count >= AGREE_PER_MILLE);
}
