//! What holds for every expression: it ends within its limits, never panics, and answers the same each time. The
//! expressions are made from a grammar with every function, operator, loop and method.

#![allow(clippy::unwrap_used)] // helpers of tests, which may

use expr::{Context, ErrorKind, Expression, Limits, Map, Severity, Shape, Value, functions};
use proptest::prelude::*;
use serde_json::json;

const LIMITS: Limits = Limits {
    fuel: 5_000,
    memory_bytes: 200_000,
    string_bytes: 20_000,
    list_items: 500,
    value_nodes: 2_000,
    value_depth: 16,
};

const ATOMS: [&str; 34] = [
    "nil",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "2",
    "7",
    "0.5",
    "1e3",
    "9223372036854775807",
    "\"\"",
    "\"a\"",
    "\"a,b;c\"",
    "'é\u{1F600}'",
    "'2026-01-02'",
    "'2006-01-02'",
    "'90m'",
    "'UTC'",
    "'a+(b|c)'",
    "'YWJj'",
    "'{\"a\": [1]}'",
    "'hxxp://a[.]example'",
    "'10.0.0.0/8'",
    "'::1'",
    "[]",
    "{}",
    "1..9",
    "$env",
    "inputs.name",
    "inputs.list",
    "inputs.items",
    "inputs?.missing",
    "now()",
];
/// What has a meaning inside of loops only.
const POINTERS: [&str; 5] = ["#", "#index", "#acc", ".id", ".tags"];
const OPERATORS: [&str; 26] = [
    "+",
    "-",
    "*",
    "/",
    "%",
    "**",
    "^",
    "..",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "in",
    "not in",
    "and",
    "or",
    "&&",
    "||",
    "??",
    "matches",
    "contains",
    "startsWith",
    "endsWith",
    "not contains",
];
const METHODS: [&str; 14] = [
    "Year", "Unix", "Format", "String", "Add", "Sub", "AddDate", "In", "Location", "Truncate", "Round",
    "Hours", "Abs", "Compare",
];

fn scope() -> Map {
    let inputs = json!({
        "name": "Ann",
        "list": [3, 1, 2, 2],
        "items": [{"id": 1, "tags": ["a", "b"]}, {"id": 2, "tags": []}],
    });
    Map::from_iter([("inputs".into(), Value::from(inputs))])
}

fn evaluate(source: &str, limits: &Limits) -> Option<(Result<Value, expr::Error>, u64)> {
    let scope = scope();
    let mut rng = types::SeededRng::from_u64(1);
    let now = types::Timestamp::from_millis(1_767_323_045_006);
    let expression = Expression::parse(source).ok()?;
    Some(expression.measure(&mut Context::new(&scope, now, &mut rng).with_limits(limits)))
}

/// How an outcome looks. Not the outcome itself, since no NaN is equal to itself.
fn shown(outcome: &Result<Value, expr::Error>) -> String {
    format!("{outcome:?}")
}

/// The arguments in a function's signature.
fn arguments(signature: &str) -> impl Iterator<Item = &str> {
    let inside = signature.split_once('(').and_then(|(_, rest)| rest.split_once(')')).unwrap().0;
    inside.split(", ").filter(|argument| !argument.is_empty())
}

/// How many arguments a function needs.
fn least(signature: &str) -> usize {
    arguments(signature).filter(|argument| !argument.ends_with('?')).count()
}

/// How many arguments a function takes.
fn most(signature: &str) -> usize {
    arguments(signature).count()
}

fn expressions() -> impl Strategy<Value = String> {
    let functions: Vec<(&str, usize, usize)> = functions::GROUPS
        .iter()
        .flat_map(|(_, functions)| functions.iter().map(|function| (function.name, function.signature)))
        .map(|(name, signature)| (name, least(signature), most(signature)))
        .collect();
    let loops: Vec<&str> = functions::LOOPS.iter().map(|kind| kind.name).collect();
    let select = |from: &'static [&'static str]| prop::sample::select(from);
    let atom = prop_oneof![4 => select(&ATOMS), 1 => select(&POINTERS)].prop_map(str::to_owned);
    atom.prop_recursive(6, 48, 4, move |inner| {
        let arguments = || prop::collection::vec(inner.clone(), 0..4).prop_map(|list| list.join(", "));
        prop_oneof![
            6 => (prop::sample::select(functions.clone()), prop::collection::vec(inner.clone(), 4), any::<bool>())
                .prop_map(|((name, least, most), list, all)| {
                    let list = &list[..if all { most } else { least }];
                    match list {
                        [first, rest @ ..] if all => format!("({first} | {name}({}))", rest.join(", ")),
                        _ => format!("{name}({})", list.join(", ")),
                    }
                }),
            4 => (prop::sample::select(loops.clone()), inner.clone(), inner.clone())
                .prop_map(|(kind, list, body)| format!("{kind}({list}, {{{body}}})")),
            1 => (select(&["sortBy", "reduce"]), inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(kind, list, body, extra)| format!("{kind}({list}, ({body}), {extra})")),
            4 => (inner.clone(), select(&OPERATORS), inner.clone())
                .prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            1 => (select(&["-", "+", "not "]), inner.clone()).prop_map(|(op, a)| format!("{op}({a})")),
            1 => (inner.clone(), select(&METHODS), arguments()).prop_map(|(a, m, list)| format!("({a}).{m}({list})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[{b}]")),
            1 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a})[{b}:{c}]")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})?.id?.[{b}]")),
            1 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(let v = {a}; [v, {b}, v])")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{a: {a}, (string({b})): {b}}}")),
            1 => arguments().prop_map(|list| format!("[{list}]")),
        ]
    })
    // Most pointers stand in a loop this way.
    .prop_map(|body| format!("map(inputs.items, ({body}))"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn every_expression_of_the_grammar_is_read(source in expressions()) {
        match Expression::parse(&source) {
            Ok(_) => {}
            // A loop over a number, a fixed text that is no pattern, a variable within one of its name.
            Err(error) => prop_assert!(
                matches!(error.kind, ErrorKind::Type | ErrorKind::Value | ErrorKind::Limit)
                    || error.message.ends_with("already declared"),
                "{}",
                error.explain(&source)
            ),
        }
    }

    #[test]
    fn every_expression_ends_within_its_limits(source in expressions()) {
        let Some((outcome, used)) = evaluate(&source, &LIMITS) else { return Ok(()) };
        prop_assert!(used <= LIMITS.fuel, "{source} used {used}");
        match &outcome {
            Ok(value) => {
                // What it used is what it needs: no less will do.
                let exactly = Limits { fuel: used, ..LIMITS };
                prop_assert_eq!(shown(&evaluate(&source, &exactly).unwrap().0), shown(&outcome));
                let less = Limits { fuel: used - 1, ..LIMITS };
                let error = evaluate(&source, &less).unwrap().0.unwrap_err();
                prop_assert_eq!(error.kind, ErrorKind::Limit);
                // Whatever is done with a value that was let through must not fail.
                prop_assert_eq!(value.json_len(), serde_json::to_string(value).unwrap().len());
                drop((value.render(), value.to_json()));
            }
            Err(error) => {
                prop_assert!(error.span.end <= source.len() && error.span.start <= error.span.end);
                drop(error.explain(&source));
            }
        }
    }

    #[test]
    fn every_expression_answers_the_same_each_time(source in expressions()) {
        let first = evaluate(&source, &LIMITS).map(|(outcome, used)| (shown(&outcome), used));
        let second = evaluate(&source, &LIMITS).map(|(outcome, used)| (shown(&outcome), used));
        prop_assert_eq!(first, second);
    }

    #[test]
    fn the_canonical_form_answers_as_the_source_does(source in expressions()) {
        let Some((outcome, used)) = evaluate(&source, &LIMITS) else { return Ok(()) };
        let canonical = Expression::canonical(&source).unwrap();
        let (again, used_again) = evaluate(&canonical, &LIMITS).unwrap();
        let said = |outcome: Result<Value, expr::Error>| outcome.map_err(|error| error.message);
        prop_assert_eq!(format!("{:?}", said(again)), format!("{:?}", said(outcome)), "{}", canonical);
        prop_assert_eq!(used_again, used);
    }
    #[test]
    fn the_checker_is_never_wrong_about_what_evaluates(source in expressions()) {
        let Some((Ok(value), _)) = evaluate(&source, &LIMITS) else { return Ok(()) };
        for env in [Shape::of(&scope().into()), Shape::Any] {
            let problems = expr::check(&source, &env);
            let error = problems.iter().find(|problem| problem.severity == Severity::Error);
            prop_assert!(error.is_none(), "{}", error.unwrap().explain(&source));
            let shape = expr::shape(&source, &env);
            prop_assert!(shape.admits(&value), "{source} is {value:?}, not {shape}");
        }
    }

    #[test]
    fn every_beginning_of_an_expression_is_completed(source in expressions()) {
        let env = Shape::of(&scope().into());
        for (position, _) in source.char_indices().step_by(29) {
            let completion = expr::complete(&source[..position], position, &env);
            prop_assert!(completion.span.start <= position && completion.span.end == position);
        }
    }
}
