//! Evaluating expressions and rendering templates: it ends within small limits, answers the same each time, also in
//! the canonical form, and whatever comes out can be shown.

#![no_main]

use std::sync::LazyLock;

use expr::{Context, Error, ErrorKind, Expression, Limits, Map, Rendering, Template, Value};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    fuel: 20_000,
    memory_bytes: 1024 * 1024,
    string_bytes: 64 * 1024,
    list_items: 2_000,
    value_nodes: 10_000,
    value_depth: 32,
};

/// The names that the seeds use, with values of every sort.
const SCOPE: &str = r#"{
    "inputs": {"name": "Ann", "age": 42, "tags": ["a", "b"], "score": 7.5, "none": null},
    "steps": {"S1": {"output": {"items": [{"id": 1, "sev": "high"}, {"id": 2, "sev": "low"}]}, "status": "OK"}},
    "list": [3, 1, 2], "text": "http://a.example/x 10.0.0.1", "ok": true, "f64": 0.5
}"#;

static ROOTS: LazyLock<Map> = LazyLock::new(|| match Expression::parse("fromJSON(scope)") {
    Ok(expression) => {
        let scope = Map::from_iter([("scope".into(), Value::from(SCOPE))]);
        let mut rng = types::SeededRng::from_u64(0);
        let mut context = Context::new(&scope, types::Timestamp::from_millis(0), &mut rng);
        expression.evaluate(&mut context).ok().and_then(|value| value.as_map().cloned()).unwrap_or_default()
    }
    Err(_) => Map::new(),
});

fuzz_target!(|source: &str| {
    if let Ok(expression) = Expression::parse(source) {
        let (outcome, used) = with_context(|context| expression.measure(context));
        assert!(used <= LIMITS.fuel);
        show(source, &outcome);
        let (again, used_again) = with_context(|context| expression.measure(context));
        assert_eq!((format!("{again:?}"), used_again), (format!("{outcome:?}"), used));
        if let Ok(canonical) = Expression::canonical(source) {
            match Expression::parse(&canonical) {
                Ok(expression) => {
                    let (again, _) = with_context(|context| expression.measure(context));
                    let message = |outcome: Result<Value, Error>| outcome.map_err(|error| error.message);
                    assert_eq!(
                        format!("{:?}", message(again)),
                        format!("{:?}", message(outcome)),
                        "{canonical}"
                    );
                }
                Err(error) => assert_eq!(error.kind, ErrorKind::Limit, "{canonical}: {error}"),
            }
        }
    }
    if let Ok(template) = Template::parse(source) {
        show(source, &with_context(|context| template.render(context)));
        for rendering in [Rendering::Python, Rendering::Bash, Rendering::JavaScript] {
            show(source, &with_context(|context| template.render_with(context, rendering)));
        }
    }
});

fn with_context<T>(run: impl FnOnce(&mut Context<'_>) -> T) -> T {
    let mut rng = types::SeededRng::from_u64(1);
    run(&mut Context::new(&*ROOTS, types::Timestamp::from_millis(1_767_323_045_006), &mut rng)
        .with_limits(&LIMITS))
}

/// Shows an outcome in every way there is.
fn show(source: &str, outcome: &Result<Value, Error>) {
    match outcome {
        Ok(value) => {
            let json = value.to_json().to_string();
            assert_eq!(json.len(), value.json_len());
            drop((value.render(), value.is_truthy()));
        }
        Err(error) => {
            assert!(error.span.end <= source.len());
            drop(error.explain(source));
        }
    }
}
