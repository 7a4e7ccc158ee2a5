//! Every limit, met.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests, which may

use std::fmt::Write as _;

use expr::{Context, ErrorKind, Expression, Limits, Map, Template, Value, limits};
use proptest::prelude::*;

fn evaluate(source: &str, limits: &Limits) -> Result<Value, expr::Error> {
    let scope = Map::from_iter([("xs".into(), Value::from_iter(0..1000i64))]);
    let mut rng = types::SeededRng::from_u64(1);
    let now = types::Timestamp::from_millis(0);
    Expression::parse(source)?.evaluate(&mut Context::new(&scope, now, &mut rng).with_limits(limits))
}

#[track_caller]
fn refused(source: &str, limits: &Limits, message: &str) {
    let error = evaluate(source, limits).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Limit, "{error}");
    assert!(error.message.contains(message), "{error}");
}

#[test]
fn a_source_is_bounded_in_length() {
    let long = format!("\"{}\"", "a".repeat(limits::SOURCE_BYTES_MAX));
    refused(&long, &Limits::default(), "longer than 65536 bytes");
    let text = "a".repeat(limits::TEMPLATE_BYTES_MAX + 1);
    assert_eq!(Template::parse(&text).unwrap_err().kind, ErrorKind::Limit);
}

#[test]
fn a_source_is_bounded_in_depth() {
    let nested = |open: &str, close: &str, n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
    let deep = 10_000;
    for (open, close) in
        [("(", ")"), ("[", "]"), ("{a:", "}"), ("-", ""), ("not ", ""), ("1 ** ", ""), ("len(", ")")]
    {
        refused(&nested(open, close, deep), &Limits::default(), "nested too deeply");
    }
    for part in ["map([1], ", "let a = 1; ", "if true { ", "x[", "1 ? ", "1 ?: ", "f("] {
        refused(&part.repeat(3000), &Limits::default(), "nested too deeply");
    }
    for part in [" + 1", "[0]", ".a", "?.a", " | len()", " == 1", " ? 1 : 1", "[0:]", ".f()"] {
        refused(&format!("x{}", part.repeat(3000)), &Limits::default(), "nested too deeply");
    }
    assert!(evaluate(&nested("(", ")", 40), &Limits::default()).is_ok());
    assert_eq!(evaluate(&format!("1{}", " + 1".repeat(240)), &Limits::default()), Ok(Value::Int(241)));
}

#[test]
fn a_run_is_bounded_in_work() {
    let limits = Limits { fuel: 10_000, ..Limits::default() };
    refused("sum(map(xs, sum(map(xs, #))))", &limits, "takes more than 10000 steps");
    refused("uniq(xs)", &limits, "takes more than 10000 steps");
    assert!(evaluate("sum(xs)", &limits).is_ok());
    // Long texts cost by their length, whatever is done with them.
    for what in [
        "big == big + ''",
        "len(big)",
        "big in [big]",
        "uniq([big])",
        "sort([big, big])",
        "({(big): 1})[big]",
    ] {
        let source = format!("let big = repeat(\"a\", 100000); map(1..100, {what})");
        refused(&source, &limits, "takes more than 10000 steps");
    }
    // Two structures that differ only at their ends, compared again and again.
    refused("count(1..100, concat(xs, [1]) == concat(xs, [2]))", &limits, "takes more than 10000 steps");
    refused("map(1..100, [concat(xs, [1])] in [[concat(xs, [2])]])", &limits, "takes more than 10000 steps");
}

#[test]
fn a_run_is_bounded_in_memory() {
    let limits = Limits { memory_bytes: 100_000, ..Limits::default() };
    refused("map(xs, 1..100)", &limits, "makes more than 100000 bytes");
    refused("map(xs, repeat(\"a\", 1000))", &limits, "makes more than 100000 bytes");
}

#[test]
fn a_text_is_bounded_in_length() {
    let limits = Limits { string_bytes: 1000, ..Limits::default() };
    for source in [
        "repeat(\"ab\", 501)",
        "reduce(xs, #acc + \"0123456789\", \"\")",
        "join(map(xs, \"0123456789\"))",
        "replace(repeat(\"a\", 100), \"a\", repeat(\"b\", 100))",
        "regex_replace(repeat(\"a\", 100), \"a\", repeat(\"b\", 100))",
        "toJSON(xs)",
        "string(xs)",
        "repeat(\"a\", 9223372036854775807)",
    ] {
        refused(source, &limits, "longer than the 1000 allowed");
    }
    let scope = Map::from_iter([("x".into(), Value::from("a".repeat(600)))]);
    let mut rng = types::SeededRng::from_u64(1);
    let mut context = Context::new(&scope, types::Timestamp::from_millis(0), &mut rng).with_limits(&limits);
    let error = Template::parse("{{ x }} {{ x }}").unwrap().render(&mut context).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Limit);
}

#[test]
fn a_list_is_bounded_in_length() {
    let limits = Limits { list_items: 100, ..Limits::default() };
    for source in
        ["1..101", "map(xs, #)", "concat(xs, xs)", "split(repeat(\"a,\", 200), \",\")", "range(200)"]
    {
        refused(source, &limits, "than the 100");
    }
    refused("1..9223372036854775807", &Limits::default(), "longer than the 1000000 allowed");
    refused("-9223372036854775807..9223372036854775807", &Limits::default(), "longer than");
}

#[test]
fn a_value_is_bounded_in_all_that_it_holds() {
    let limits = Limits { value_nodes: 1000, value_depth: 10, ..Limits::default() };
    refused("reduce(1..50, [#acc], 1)", &limits, "nested deeper than 10");
    refused("reduce(1..9, [#acc, #acc, #acc], 1)", &limits, "holds more than 1000 values");
    // The same list ten times, and that ten times, and so on: small to make, endless to print.
    let mut bomb = String::from("let a0 = [1]; ");
    for i in 1..=30 {
        let list = vec![format!("a{}", i - 1); 10].join(", ");
        let _ = write!(bomb, "let a{i} = [{list}]; ");
    }
    let limits = Limits { value_nodes: 1000, fuel: 10_000, ..Limits::default() };
    for end in [
        "a30",
        "toJSON(a30)",
        "string(a30)",
        "a30 == a30",
        "flatten(a30)",
        "max(a30)",
        "a30 in [a30]",
        "uniq(a30)",
    ] {
        refused(&format!("{bomb}{end}"), &limits, "more than");
    }
}

#[test]
fn a_regular_expression_is_bounded_in_size() {
    refused(
        "\"a\" matches \"((a{100}){100}){100}\"",
        &Limits::default(),
        "regular expression takes more than",
    );
    refused(
        "\"a\" matches (\"((a{100}){100}){100}\" + \"\")",
        &Limits::default(),
        "regular expression takes more",
    );
    // What makes a backtracking matcher take forever is nothing special here.
    assert_eq!(
        evaluate("repeat(\"a\", 50) matches \"^(a+)+b$\"", &Limits::default()),
        Ok(Value::Bool(false))
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in ".*") {
        let _ = Expression::parse(&text);
    }

    #[test]
    fn no_heap_of_tokens_makes_reader_or_evaluator_panic(
        tokens in prop::collection::vec(prop::sample::select(TOKENS.to_vec()), 0..24),
    ) {
        let limits = Limits { fuel: 100_000, ..Limits::default() };
        let _ = evaluate(&tokens.join(" "), &limits);
    }
}

const TOKENS: [&str; 64] = [
    "xs",
    "a",
    "$env",
    "nil",
    "true",
    "1",
    "0",
    "-1",
    "2.5",
    "9223372036854775807",
    "\"a\"",
    "'é'",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    ";",
    ".",
    "?.",
    "?",
    "??",
    "|",
    "+",
    "-",
    "*",
    "/",
    "%",
    "**",
    "==",
    "<",
    ">=",
    "and",
    "or",
    "not",
    "in",
    "matches",
    "contains",
    "..",
    "#",
    "#acc",
    ".x",
    "let",
    "=",
    "if",
    "else",
    "map(",
    "filter(",
    "reduce(",
    "sortBy(",
    "groupBy(",
    "len(",
    "split(",
    "date(",
    "duration(",
    "bitshl(",
    "slice",
    ".Year()",
    "int(",
    "repeat(",
    "toJSON(",
];
