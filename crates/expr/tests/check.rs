//! The checker held against the evaluator: whatever evaluates is no error to it, and what it says of a result is
//! so. And what it says, sentence by sentence.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests, which may

use std::fs;
use std::path::PathBuf;

use expr::{Context, Expression, Map, Severity, Shape, Value};

fn data(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn evaluate(source: &str, scope: &Map) -> Option<Value> {
    let mut rng = types::SeededRng::from_u64(1);
    let now = types::Timestamp::from_millis(1_767_323_045_000);
    let expression = Expression::parse(source).ok()?;
    expression.evaluate(&mut Context::new(scope, now, &mut rng)).ok()
}

/// Holds the checker against the rows of a file: the failing rows that have an error, that have at least a
/// warning, and how many there are.
fn hold(rows: &str, env: &str) -> (usize, usize, usize) {
    let value: Value = serde_json::from_str(&data(env)).unwrap();
    let shape = Shape::of(&value);
    let Value::Map(scope) = value else { panic!("{env} is no map") };
    let (mut errors, mut warned, mut failing) = (0, 0, 0);
    let mut wrong = Vec::new();
    for row in data(rows).lines() {
        let (source, answer) = row.split_once('\t').unwrap();
        let problems = expr::check(source, &shape);
        let error = problems.iter().find(|problem| problem.severity == Severity::Error);
        if let Some(value) = evaluate(source, &scope) {
            if let Some(error) = error {
                wrong.push(error.explain(source));
            }
            let result = expr::shape(source, &shape);
            if !result.admits(&value) {
                wrong.push(format!("{source} is {value:?}, not {result}"));
            }
        }
        if answer == "ERROR" {
            failing += 1;
            errors += usize::from(error.is_some());
            warned += usize::from(error.is_none() && !problems.is_empty());
            if error.is_none() && std::env::var("CHECK_UNCAUGHT").is_ok() {
                println!("not caught: {source}");
            }
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
    println!(
        "{rows}: of {failing} rows that fail {errors} are errors to the checker, {warned} get a warning"
    );
    (errors, warned, failing)
}

#[test]
fn what_evaluates_is_no_error_and_what_fails_is_seldom_passed_over() {
    let (errors, warned, failing) = hold("generated.tsv", "generated.env.json");
    // Most of them fail in the body of a loop, and whether a list is empty no shape tells.
    assert!(errors * 100 / failing >= 20, "{errors} of {failing}");
    assert!((errors + warned) * 100 / failing >= 94, "{} of {failing}", errors + warned);
}

#[test]
fn everyday_expressions_are_no_errors_and_their_mistakes_are() {
    let (errors, _, failing) = hold("scopes.tsv", "scopes.env.json");
    assert!(errors + 1 >= failing, "{errors} of {failing}: only an index outside its list passes");
}

fn env() -> Shape {
    let item = Shape::closed([("id", Shape::Int), ("sev", Shape::Text), ("owner", Shape::Text.optional())]);
    let output = Shape::closed([("items", Shape::list(item)), ("when", Shape::Time)]);
    let inputs = [("name", Shape::Text), ("age", Shape::Int), ("nick", Shape::Text.optional())];
    Shape::closed([
        ("inputs", Shape::closed(inputs)),
        ("steps", Shape::closed([("fetch", Shape::open([("output", output)]))])),
        ("event", Shape::open([("payload", Shape::Any)])),
    ])
}

/// Everything said of an expression, as `severity at: message (hint)`.
fn said(source: &str) -> Vec<String> {
    let problems = expr::check(source, &env());
    let line = |problem: &expr::Problem| {
        let severity = if problem.severity == Severity::Error { "error" } else { "warning" };
        let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{severity} `{}`: {}{hint}", &source[problem.span.clone()], problem.message)
    };
    problems.iter().map(line).collect()
}

#[track_caller]
fn check(source: &str, expected: &[&str]) {
    assert_eq!(said(source), expected, "{source}");
}

#[test]
fn names_that_are_unknown_are_warned_of_with_the_one_that_was_meant() {
    check(
        "input ?? 1",
        &["warning `input`: `input` is not known here, so it is nil (did you mean `inputs`?)"],
    );
    check(
        "inputs.nmae",
        &["warning `nmae`: `inputs` has no member `nmae`, so it is nil (did you mean `name`?)"],
    );
    check("steps.fetsh", &["warning `fetsh`: there is no step `fetsh` (did you mean `fetch`?)"]);
    check(
        "now == nil",
        &["warning `now`: `now` is not known here, so it is nil (there is a function: `now(zone?) time`)"],
    );
    check("event.whatever.it.is", &[]);
    check("steps.fetch.output.items[0].owner ?? inputs.name", &[]);
}

#[test]
fn what_is_read_of_an_unknown_name_is_one_error_and_not_two() {
    check("steps.fetsh.output", &["error `fetsh`: there is no step `fetsh` (did you mean `fetch`?)"]);
    check(
        "inptus.name + 1",
        &["error `inptus`: `inptus` is not known here, so it is nil (did you mean `inputs`?)"],
    );
    check("steps.fetsh?.output", &["warning `fetsh`: there is no step `fetsh` (did you mean `fetch`?)"]);
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    check(
        "[uper(inputs.name), unknown, trim()]",
        &[
            "error `uper`: function `uper` does not exist (did you mean `upper`?)",
            "warning `unknown`: `unknown` is not known here, so it is nil (values come from `inputs`, `steps`, `event`)",
            "error `trim()`: `trim` takes 1 to 2 arguments, not 0 (trim(text, characters?) string)",
        ],
    );
    check(
        "[not 5, \"a\" + 1, 1 in \"x\", inputs.age < inputs.name]",
        &[
            "error `not 5`: `not` takes a truth value, not an int (compare it: `x == nil`, `len(x) == 0`)",
            "error `\"a\" + 1`: `+` does not work on a text and an int (make text of the other side: `string(x)`)",
            "error `1 in \"x\"`: `in` looks into a list or a map, not a text (for a part of a text use `text contains part`)",
            "error `inputs.age < inputs.name`: `<` does not work on an int and a text",
        ],
    );
}

#[test]
fn arguments_are_held_against_the_signature() {
    check(
        "upper(inputs.age)",
        &["error `inputs.age`: argument 1 of `upper` must be a text, not an int (upper(text) string)"],
    );
    check("filter(inputs.age, # > 1)", &["error `inputs.age`: `filter` goes over a list, not an int"]);
    check("add(steps.fetch.output.when, \"1h\").Year() + 1", &[]);
    check(
        "regex_find(inputs.name, \"(\")",
        &["error `\"(\"`: `(` is not a regular expression: unclosed group"],
    );
    check("inputs.name matches \"(\"", &["error `\"(\"`: `(` is not a regular expression: unclosed group"]);
    check(
        "duration(\"5 parsecs\")",
        &["error `duration(\"5 parsecs\")`: unknown unit ` parsecs` in duration `5 parsecs`"],
    );
    check("steps.fetch.output.items | take(2) | join()", &[]);
}

#[test]
fn the_elements_of_a_list_are_known_in_bodies_and_after() {
    check(
        "filter(steps.fetch.output.items, .sve == \"high\")",
        &["warning `sve`: there is no member `sve`, so it is nil (did you mean `sev`?)"],
    );
    check("map(steps.fetch.output.items, .id)[0].x", &["error `x`: an int has no member `x`"]);
    check(
        "steps.fetch.output.items | map(upper(.id))",
        &["warning `.id`: argument 1 of `upper` must be a text, not an int (upper(text) string)"],
    );
    check("find(steps.fetch.output.items, .id == 1).sev", &[]);
    check(
        "steps.fetch.output.items.sev",
        &[
            "error `sev`: a list has no member `sev` (one element is `[0].sev`, all of them `map(list, .sev)`)",
        ],
    );
}

#[test]
fn what_may_not_be_reached_is_only_warned_of() {
    check(
        "inputs.age > 1 ? \"a\" + 1 : \"\"",
        &[
            "warning `\"a\" + 1`: `+` does not work on a text and an int (make text of the other side: `string(x)`)",
        ],
    );
    check("inputs.nick != nil && inputs.nick contains \"x\"", &[]);
    check(
        "false && upper(1) == \"\"",
        &["warning `1`: argument 1 of `upper` must be a text, not an int (upper(text) string)"],
    );
}

#[test]
fn methods_are_those_of_times_and_durations() {
    let when = "steps.fetch.output.when";
    check(
        &format!("{when}.Year"),
        &["error `Year`: a time has no member `Year` (it is a method: `time.Year() int`)"],
    );
    check(
        &format!("{when}.Yaer()"),
        &["error `steps.fetch.output.when.Yaer()`: a time has no method `Yaer` (did you mean `Year`?)"],
    );
    check(
        &format!("{when}.Format()"),
        &[
            "error `steps.fetch.output.when.Format()`: `Format` takes 1 argument, not 0 (time.Format(layout) string)",
        ],
    );
    check(
        "inputs.name.upper()",
        &[
            "error `inputs.name.upper()`: a text has no method `upper` (there is a function: `upper(text) string`)",
        ],
    );
    check(&format!("({when} - now()).Hours() > 1.5"), &[]);
}

#[test]
fn a_comparison_that_no_value_can_change_is_warned_of() {
    check(
        "inputs.age == \"42\"",
        &[
            "warning `inputs.age == \"42\"`: an int is never equal to a text (make both of one type: `string(x)`, `int(x)`)",
        ],
    );
    check(
        "inputs.name in [1, 2.5]",
        &[
            "warning `inputs.name in [1, 2.5]`: the list has no element that is a text (make both of one type: `string(x)`, `int(x)`)",
        ],
    );
    check(
        "inputs.age == 1.5 or inputs.nick != nil or inputs.nick == \"\" or event.x == 1 or inputs.name in []",
        &[],
    );
}

#[test]
fn a_variable_that_is_never_read_is_warned_of() {
    check("let a = 1; let b = 2; b", &["warning `a`: variable `a` is never used"]);
}

#[test]
fn what_is_no_expression_is_one_error() {
    check(
        "inputs.name has \"x\"",
        &["error `has`: expected the end of the expression, found `has` (did you mean `contains`?)"],
    );
}

#[test]
fn a_template_tells_the_problems_of_all_its_expressions() {
    let source = "Hello {{ input.name }}, {{ 1 + }} and {{ not 5 }} {{ \"x }}";
    let problems = expr::check_template(source, &env());
    let places: Vec<&str> = problems.iter().map(|problem| &source[problem.span.clone()]).collect();
    assert_eq!(places, ["input", "", "not 5", "\""]);
    assert!(problems[2].explain(source).contains("^^^^^"));
}
