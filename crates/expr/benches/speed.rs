//! What expressions cost, printed as a table: `cargo bench -p expr`; part of `cargo xtask bench`.
//!
//! Beside each evaluation stands what the same costs in Rust that was written by hand over `serde_json`, measured
//! in turns with it: that ratio holds on other machines and other days, the nanoseconds do not.

// A measurement needs the machine's clock, and somebody to tell.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use expr::{Context, Expression, Map, Value};
use serde_json::{Value as Json, json};

/// Each figure is the median of so many rounds.
const ROUNDS: usize = 9;
/// How long a round lasts, about.
const ROUND_NS: f64 = 20e6;

/// An expression, and the same by hand.
type Case = (&'static str, fn(&Json));

const CASES: [Case; 12] = [
    ("inputs.age + 1", |env| {
        black_box(env["inputs"]["age"].as_i64().and_then(|age| age.checked_add(1)));
    }),
    ("inputs.name == \"Ann Lee\"", |env| {
        black_box(env["inputs"]["name"] == "Ann Lee");
    }),
    ("inputs.age > 18 and inputs.age < 65", |env| {
        let age = |env: &Json| env["inputs"]["age"].as_i64().unwrap();
        black_box(age(env) > 18 && age(env) < 65);
    }),
    ("steps.S1.output.items[500].sev", |env| {
        black_box(env["steps"]["S1"]["output"]["items"][500]["sev"].as_str());
    }),
    ("inputs.tags | join(\"-\") | upper()", |env| {
        let tags: Vec<&str> =
            env["inputs"]["tags"].as_array().unwrap().iter().flat_map(Json::as_str).collect();
        black_box(tags.join("-").to_uppercase());
    }),
    ("filter(items, .sev == \"high\")", |env| {
        let items = env["items"].as_array().unwrap();
        black_box(items.iter().filter(|item| item["sev"] == "high").collect::<Vec<_>>());
    }),
    ("map(items, .id)", |env| {
        black_box(env["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect::<Vec<_>>());
    }),
    ("sum(items, .n)", |env| {
        let numbers = env["items"].as_array().unwrap().iter().flat_map(|item| item["n"].as_i64());
        black_box(numbers.sum::<i64>());
    }),
    ("groupBy(items, .sev)", |env| {
        let mut groups = indexmap::IndexMap::<&str, Vec<&Json>>::new();
        for item in env["items"].as_array().unwrap() {
            groups.entry(item["sev"].as_str().unwrap()).or_default().push(item);
        }
        black_box(groups);
    }),
    ("sortBy(items, .n)", |env| {
        let mut items: Vec<&Json> = env["items"].as_array().unwrap().iter().collect();
        items.sort_by_key(|item| item["n"].as_i64());
        black_box(items);
    }),
    ("items | filter(.n > 500) | map(.id) | len()", |env| {
        let items = env["items"].as_array().unwrap().iter();
        let ids: Vec<&Json> =
            items.filter(|item| item["n"].as_i64() > Some(500)).map(|item| &item["id"]).collect();
        black_box(ids.len());
    }),
    ("reduce(1..100, #acc + #, 0)", |_| {
        black_box((1..=100_i64).try_fold(0_i64, |sum, n| sum.checked_add(black_box(n))));
    }),
];

fn main() {
    let env = environment();
    let Value::Map(scope) = Value::from(env.clone()) else { return };
    println!("| expression | compile | evaluate | by hand | times |");
    println!("|---|---:|---:|---:|---:|");
    let mut rng = types::SeededRng::from_u64(1);
    for (source, by_hand) in CASES {
        let expression = Expression::parse(source).unwrap();
        let [compile, evaluate, by_hand] = medians([
            &mut || {
                black_box(Expression::parse(black_box(source)).unwrap());
            },
            &mut || evaluate(&expression, &scope, &mut rng),
            &mut || by_hand(&env),
        ]);
        let times = evaluate / by_hand;
        let [compile, evaluate, by_hand] = [compile, evaluate, by_hand].map(shown);
        println!("| `{}` | {compile} | {evaluate} | {by_hand} | {times:.1} |", source.replace('|', "\\|"));
    }
    everyday();
}

/// All rows of `scopes.tsv` that evaluate, as one.
fn everyday() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/");
    let read = |name: &str| std::fs::read_to_string(format!("{data}{name}")).unwrap();
    let Value::Map(scope) = serde_json::from_str(&read("scopes.env.json")).unwrap() else { return };
    let rows = read("scopes.tsv");
    let rows = rows.lines().filter_map(|row| row.split_once('\t')).filter(|(_, answer)| *answer != "ERROR");
    let sources: Vec<&str> = rows.map(|(source, _)| source).collect();
    let expressions: Vec<Expression> =
        sources.iter().map(|source| Expression::parse(source).unwrap()).collect();
    let mut rng = types::SeededRng::from_u64(1);
    let [compile, evaluate] = medians([
        &mut || {
            for source in &sources {
                black_box(Expression::parse(black_box(source)).unwrap());
            }
        },
        &mut || expressions.iter().for_each(|expression| evaluate(expression, &scope, &mut rng)),
    ]);
    let [compile, evaluate] = [compile, evaluate].map(|ns| shown(ns / sources.len() as f64));
    println!("| mean of the {} everyday ones in `scopes.tsv` | {compile} | {evaluate} | | |", sources.len());
}

fn evaluate(expression: &Expression, scope: &Map, rng: &mut types::SeededRng) {
    let mut context = Context::new(scope, types::Timestamp::from_millis(0), rng);
    black_box(expression.evaluate(&mut context).unwrap());
}

/// What expressions are evaluated against: inputs of a workflow, and a list of 1,000 alerts.
fn environment() -> Json {
    let item = |i: i64| {
        let sev = if i % 3 == 0 { "high" } else { "low" };
        json!({"id": i, "sev": sev, "n": i * 7 % 1000, "host": "a.example"})
    };
    let items: Vec<Json> = (0..1000).map(item).collect();
    json!({
        "inputs": {"name": "Ann Lee", "age": 42, "tags": ["a", "b", "c"]},
        "steps": {"S1": {"output": {"items": items}}},
        "items": items,
    })
}

/// The median nanoseconds of each, measured in turns.
fn medians<const N: usize>(mut works: [&mut dyn FnMut(); N]) -> [f64; N] {
    let turns = works.each_mut().map(|work| (ROUND_NS / timed(*work, 10).max(1.0)).clamp(1.0, 1e6) as u32);
    let mut rounds = [const { Vec::new() }; N];
    for _ in 0..ROUNDS {
        for ((work, turns), rounds) in works.iter_mut().zip(turns).zip(&mut rounds) {
            rounds.push(timed(*work, turns));
        }
    }
    rounds.map(|mut rounds| {
        rounds.sort_by(f64::total_cmp);
        rounds[ROUNDS / 2]
    })
}

/// Nanoseconds a turn.
fn timed(work: &mut dyn FnMut(), turns: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..turns {
        work();
    }
    start.elapsed().as_nanos() as f64 / f64::from(turns)
}

fn shown(ns: f64) -> String {
    if ns < 10_000.0 { format!("{ns:.0} ns") } else { format!("{:.1} us", ns / 1000.0) }
}
