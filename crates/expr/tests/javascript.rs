//! Expressions in the code of JavaScript steps.

#![allow(clippy::unwrap_used)] // helpers of tests, which may

mod code;

use std::cell::Cell;
use std::rc::Rc;

use expr::{Rendering, Value};
use proptest::prelude::*;
use rquickjs::function::Func;
use serde_json::json;

/// The program that `source` gives with `x` as that value.
fn program(source: &str, x: impl Into<Value>) -> Result<String, String> {
    code::program(Rendering::JavaScript, source, x.into())
}

#[track_caller]
fn check(source: &str, x: impl Into<Value>, wanted: &str) {
    assert_eq!(program(source, x).as_deref(), Ok(wanted), "{source}");
}

#[track_caller]
fn refused(source: &str, x: impl Into<Value>, why: &str) {
    let error = program(source, x).unwrap_err();
    assert!(error.contains(why), "{source}: {error}");
}

/// What `r` is after the program, as JSON, and whether it called `hit`.
fn run(program: &str) -> (Option<String>, bool) {
    let hit = Rc::new(Cell::new(false));
    let runtime = rquickjs::Runtime::new().unwrap();
    // Pieces of programs may be a loop without an end.
    let mut checks = 0;
    runtime.set_interrupt_handler(Some(Box::new(move || {
        checks += 1;
        checks > 10
    })));
    let engine = rquickjs::Context::full(&runtime).unwrap();
    let result = engine.with(|context| {
        let called = hit.clone();
        context.globals().set("hit", Func::from(move || called.set(true))).unwrap();
        let mut options = rquickjs::context::EvalOptions::default();
        options.strict = false;
        context.eval_with_options::<(), _>(program, options).ok()?;
        context.eval::<Option<String>, _>("JSON.stringify(r)").ok()?
    });
    (result, hit.get())
}

/// Programs that leave the value in `r`, each with it in another place.
const PLACES: &[&str] = &[
    "var r = {{ x }}",
    "var r; r={{ x }};",
    "var r = '{{ x }}'",
    "var r = \"it's {{ x }}\".slice(5)",
    "var r = `{{ x }}`",
    "var r = `${`${ {{ x }} }`}`",
    "var r = `${'a'}{{ x }}${'}'}`.slice(1, -1)",
    "// {{ x }}\n/* {{ x }} */ var r = {{ x }} // {{ x }}",
    "var r = [{{ x }}, 1][0]",
    "var r = {[{{ x }}]: 1}; r = Object.keys(r)[0]",
    "var r = {a: {{ x }}}.a",
    "var r = (() => {{ x }})()",
    "function f() { return{{ x }} } var r = f()",
    "{{ x }}; var r = {{ x }}",
    "var a = 4, r = a / 2 / 1 > 0 ? {{ x }} : {{ x }}",
    "var r = /[/'\"]\\/`/.test('') || {{ x }}",
    "var r; for (r of [{{ x }}]) if (r) /'/.test(r)\nr = '{{ x }}'",
    "var r = true && ({{ x }}).concat({{ x }}.toString()).slice(0, {{ x }}.length)",
    "var r; switch ({{ x }}) { case {{ x }}: r = {{ x }} }",
];

const ODD: &[&str] = &[
    "",
    "a",
    "'",
    "\"",
    "`",
    "${hit()}",
    "{hit()}",
    "$",
    "\\",
    "\\\\",
    "\n",
    "\r\n",
    "\u{2028}hit()\u{2029}",
    "*/ hit() /*",
    "\nhit()\n",
    "'; hit(); '",
    "\"; hit(); \"",
    "`; hit(); `",
    "/; hit(); /",
    "*/",
    "/",
    "//",
    "<!--",
    "-->",
    "__proto__",
    "use strict",
    "\0\u{1}\u{7f}\u{85}\u{feff}",
    "é ß 漢 \u{1f600} \u{a0}",
    "}}",
    ") hit() (",
    "u0041",
    "1",
];

#[track_caller]
fn yields_it(source: &str, value: &str) {
    let program = program(source, value).unwrap();
    let (result, hit) = run(&program);
    assert!(!hit, "a function was called: {program}");
    let result: Option<String> = result.and_then(|json| serde_json::from_str(&json).ok());
    assert_eq!(result.as_deref(), Some(value), "{program}");
}

#[test]
fn the_engine_reads_odd_values_as_they_are() {
    for source in PLACES {
        for value in ODD {
            yields_it(source, value);
        }
    }
}

/// Values of pieces that mean something to the engine.
fn value() -> impl Strategy<Value = String> {
    let piece =
        prop_oneof![prop::sample::select(ODD).prop_map(str::to_owned), "[a-z0 $'\"\\\\`\n(){};/*]{0,4}"];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

/// Pieces of programs, whole ones and such that leave something open.
const PIECES: &[&str] = &[
    "a",
    "'",
    "\"",
    "`",
    "${",
    "}",
    "{",
    "(",
    ")",
    "[",
    "]",
    "/",
    "//",
    "/*",
    "*/",
    "\n",
    ";",
    ",",
    ":",
    "?",
    "=",
    "=>",
    "++",
    "--",
    "-",
    "<!--",
    "-->",
    "\\",
    "$",
    ".",
    "...",
    "return ",
    "if (a)",
    "for (",
    "of ",
    "await ",
    "1",
    "1.",
    "/a/g",
    "/[/]/",
    "{{ x }}",
    " {{ x }} ",
    "'{{ x }}'",
    "\"{{ x }}\"",
    "`{{ x }}`",
    "`${",
    "}`",
    "// it's\n",
    "/* ' */",
    "a = ",
    "var b = ",
    "function f() {",
    "() => ",
    "'a'",
    "String.raw`",
    "else ",
    "*",
    "!",
    " ",
    "#",
    "do ",
    "while (",
    "\u{2028}",
    "\\u{",
    "'\\",
];

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn the_engine_reads_every_value_as_it_is(place in prop::sample::select(PLACES), value in value()) {
        yields_it(place, &value);
    }

    #[test]
    fn no_value_becomes_code_whatever_the_program(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 1..10),
        value in value(),
    ) {
        let source = format!("{}{{{{ x }}}}", pieces.concat());
        if let Ok(program) = program(&source, value.as_str()) {
            prop_assert!(!run(&program).1, "a function was called: {program}");
        }
        // A program that does not parse runs nothing of what it holds: whole values alone must do no harm either.
        let source = format!("{}; {{{{ x }}}}", pieces.concat());
        if let Ok(program) = program(&source, value.as_str()) {
            prop_assert!(!run(&program).1, "a function was called: {program}");
        }
    }
}

fn of_json(json: serde_json::Value) -> Value {
    Value::from(json)
}

#[test]
fn values_are_literals() {
    check("a = {{ x }}", Value::Nil, "a = null");
    check("a = {{ x }}", true, "a = true");
    check("a = {{ x }} - {{ x }}", -1.5, "a = (-1.5) - (-1.5)");
    check("a ={{ x }}", 7.0, "a =7");
    check(
        "a = {{ x }}.b",
        of_json(json!({"b": [1, "a\"\n</"], "__proto__": null})),
        "a = ({\"b\": [1, \"a\\\"\\n</\"], [\"__proto__\"]: null}) .b",
    );
    check("a = {{ [0 / 0, 1 / 0, -1 / 0] }}", 0, "a = [NaN, Infinity, -Infinity]");
    check("a = {{ -1 / 0 }}", 0, "a = (-Infinity)");
    check("a = {{ now() }}", 0, "a = \"2026-01-02T03:04:05Z\"");
    check("a = {{ {d: duration('90m')} }}", 0, "a = ({\"d\": \"1h30m0s\"})");
    check("'{{ x }}' + `{{ x }}`", of_json(json!({"a": [null]})), "'{\"a\":[null]}' + `\\{\"a\":[null]}`");
}

#[test]
fn nothing_before_or_after_a_literal_becomes_a_part_of_it() {
    check("{{ x }}", "use strict", "(\"use strict\")");
    check("{ {{ x }} }", "use strict", "{ (\"use strict\") }");
    check("return{{ x }}", 1, "return 1");
    check("a = {{ x }}.toFixed()", 1, "a = 1 .toFixed()");
    check("a = {{ x }}n", 1, "a = 1 n");
    check("/* {{ x }} */ // {{ x }}", "*/\n", "/* \"*\\/\\n\" */ // \"*\\/\\n\"");
    let object = || of_json(json!({"__proto__": {"a": 1}}));
    let program = program("var r = [{{ x }}.a, Object.keys({{ x }})]", object()).unwrap();
    assert_eq!(run(&program).0.as_deref(), Some("[null,[\"__proto__\"]]"));
}

#[test]
fn where_nothing_is_certainly_safe_there_can_be_no_expression() {
    insta::assert_snapshot!(program("a = /{{ x }}/", "a").unwrap_err(), @r"
    an expression cannot stand in a regular expression of JavaScript (line 1, column 6)
    1 | a = /{{ x }}/
             ^^^^^^^
        give it a name before: `const name = {{ … }};`
    ");
    for (source, why) in [
        ("a = String.raw`{{ x }}`", "in a tagged template"),
        ("a = `${{ x }}`", "after a `$`"),
        ("a = '\\{{ x }}'", "after a backslash"),
        ("a = `\\u{0{{ x }}}`", "after a backslash"),
        ("a = '\\x4{{ x }}'", "after a backslash"),
        ("a = { {{ x }}: 1}", "between brackets: `[{{ … }}]`"),
        ("a = {b, {{ x }} /* */ : 1}", "between brackets: `[{{ … }}]`"),
        ("class A { {{ x }}() {} }", "between brackets: `[{{ … }}]`"),
        ("f {{ x }}", "right after a value"),
        ("f\n{{ x }}", "right after a value"),
        ("a.{{ x }}", "right after a value"),
        ("a = {{ x }}{{ x }}", "right after a value"),
        ("import {{ x }}", "right after a value"),
        ("function f() {}\n{{ x }}", "right after a value"),
        ("a = b++ / 2 + {{ x }}", "a `/` that may divide"),
        ("a = {} / 2 + {{ x }}", "a `/` that may divide"),
        ("<!-- it's\n{{ x }}", "`<!--`"),
        ("a\n --> it's\n{{ x }}", "`-->`"),
        ("'a\n' + {{ x }}", "a text without its end"),
        ("a = /b\n/ + {{ x }}", "a regular expression without its end"),
        ("a) + {{ x }}", "brackets that do not match"),
        ("\\u0061 = {{ x }}", "a character that is no JavaScript"),
        ("#!a\n{{ x }}", "`#!`"),
    ] {
        refused(source, "a", why);
    }
    check("while (n --> 0) a = b / 2 / {{ x }}", 1, "while (n --> 0) a = b / 2 / 1");
    check("if (a) /'/.test({{ x }})", 1, "if (a) /'/.test(1)");
    check("a = (b) / 2 - '{{ x }}'", 1, "a = (b) / 2 - '1'");
    check("for await (a of {{ x }}) /'/.test({{ x }})", 1, "for await (a of 1) /'/.test(1)");
}
