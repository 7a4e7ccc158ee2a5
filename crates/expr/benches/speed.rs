//! What evaluations cost, printed: `cargo bench -p expr`.

// A measurement needs the machine's clock, and somebody to tell.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use expr::{Context, Expression, Map, Value};
use serde_json::json;

fn measure(source: &str, scope: &Map, turns: u32) {
    let mut rng = types::SeededRng::from_u64(1);
    let mut context = Context::new(scope, types::Timestamp::from_millis(0), &mut rng);
    let start = Instant::now();
    for _ in 0..turns {
        black_box(Expression::parse(black_box(source)).unwrap());
    }
    let parse = start.elapsed().as_nanos() / u128::from(turns);
    let expression = Expression::parse(source).unwrap();
    let start = Instant::now();
    for _ in 0..turns {
        black_box(expression.evaluate(&mut context).unwrap());
    }
    let evaluate = start.elapsed().as_nanos() / u128::from(turns);
    println!("{source:<44} parse {parse:>7} ns   evaluate {evaluate:>9} ns");
}

fn main() {
    let items: Vec<_> = (0..1000)
        .map(|i| json!({"id": i, "sev": if i % 3 == 0 { "high" } else { "low" }, "n": i * 7 % 1000, "host": "a.example"}))
        .collect();
    let root = json!({
        "inputs": {"name": "Ann Lee", "age": 42, "tags": ["a", "b", "c"]},
        "steps": {"S1": {"output": {"items": items}}},
        "items": items,
    });
    let Value::Map(scope) = Value::from(root) else { return };
    for source in [
        "inputs.age + 1",
        "inputs.name == \"Ann Lee\"",
        "inputs.age > 18 and inputs.age < 65",
        "steps.S1.output.items[500].sev",
        "inputs.name matches \"^Ann\"",
        "upper(inputs.name) + \"!\"",
    ] {
        measure(source, &scope, 200_000);
    }
    for source in [
        "filter(items, .sev == \"high\")",
        "map(items, .id)",
        "sum(items, .n)",
        "groupBy(items, .sev)",
        "sortBy(items, .n)",
        "items | filter(.n > 500) | map(.id) | len()",
        "reduce(1..100, #acc + #, 0)",
    ] {
        measure(source, &scope, 2_000);
    }
}
