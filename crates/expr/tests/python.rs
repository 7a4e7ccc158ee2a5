//! Expressions in the code of Python steps.

#![allow(clippy::unwrap_used)] // helpers of tests, which may

mod code;

use expr::{Rendering, Value};
use proptest::prelude::*;
use serde_json::json;

/// The Python program that `source` gives with `x` as that value.
fn program(source: &str, x: impl Into<Value>) -> Result<String, String> {
    code::program(Rendering::Python, source, x.into())
}

#[track_caller]
fn check(source: &str, x: impl Into<Value>, wanted: &str) {
    assert_eq!(program(source, x).as_deref(), Ok(wanted), "{source}");
}

/// Each row of `python.tsv` is a JSON value and what Python's `repr` gives for it.
#[test]
fn values_look_as_python_writes_them() {
    let mut count = 0;
    for row in include_str!("data/python.tsv").lines() {
        let (json, repr) = row.split_once('\t').unwrap();
        let value: Value = serde_json::from_str(json).unwrap();
        check("{{ x }}", value.clone(), repr);
        check("y = [{{ x }}, {{ x }}]\n", value, &format!("y = [{repr}, {repr}]\n"));
        count += 1;
    }
    assert!(count > 40);
}

#[test]
fn what_json_cannot_express_has_a_literal_too() {
    check("{{ [0 / 0, 1 / 0, -1 / 0] }}", 0, "[float('nan'), float('inf'), float('-inf')]");
    check("{{ now() }}", 0, "'2026-01-02T03:04:05Z'");
    check("{{ {d: duration('90m')} }}", 0, "{'d': '1h30m0s'}");
}

#[test]
fn a_value_in_a_text_of_the_program_is_text() {
    check("u = 'https://{{ x }}/'", "a.example", "u = 'https://a.example/'");
    check("u = \"{{ x }}\" + {{ x }}", "a'b\"c\\\n", r#"u = "a\'b\"c\\\n" + 'a\'b"c\\\n'"#);
    check("u = '''a''{{ x }}'\n''' + {{ x }}", "'", "u = '''a''\\''\n''' + \"'\"");
    check("u = '''a''{{ x }}' + {{ x }}", "", "u = '''a''' + ''");
    check("u = \"\" + {{ x }} + ''", "a", "u = \"\" + 'a' + ''");
    check("u = \"\\\"{{ x }}\\\\\" + {{ x }}", "'", "u = \"\\\"\\'\\\\\" + \"'\"");
    check("u = \"it's {{ x }}\" # it's\nv = {{ x }}", 1.5, "u = \"it's 1.5\" # it's\nv = 1.5");
    check(
        "u = u'{{ x }}{{ x }}'",
        json_value(json!({"a": [null]})),
        r#"u = u'{\"a\":[null]}{\"a\":[null]}'"#,
    );
    check("# {{ x }}\n{{ x }}", "a\nimport os", "# 'a\\nimport os'\n'a\\nimport os'");
    check("u = f'{a}' + {{ x }}", "a", "u = f'{a}' + 'a'");
    check("u = rb'\\'' + {{ x }}", "a", "u = rb'\\'' + 'a'");
}

fn json_value(json: serde_json::Value) -> Value {
    Value::from(json)
}

#[test]
fn nothing_before_or_after_a_literal_becomes_a_part_of_it() {
    check("f{{ x }}", "{evil()}", "f '{evil()}'");
    check("return{{ x }}", 1, "return 1");
    check("''{{ x }}", "a", "'' 'a'");
    check("{{ x }}'a'", "", "'' 'a'");
    check("{{ x }}{{ x }}", "", "'' ''");
    check("# it's\r'{{ x }}'", "a", "# it's\r'a'");
    check("'\\\r\n{{ x }}'", "'", "'\\\r\n\\''");
    check("x if'{{ x }}' else''", "'", "x if'\\'' else''");
}

#[test]
fn where_nothing_could_be_made_safe_there_can_be_no_expression() {
    insta::assert_snapshot!(program("u = f\"a {{ x }}\"", "a").unwrap_err(), @r#"
    an expression cannot stand in a formatted text of Python (line 1, column 9)
    1 | u = f"a {{ x }}"
                ^^^^^^^
        give it a name before: `name = {{ … }}`
    "#);
    for source in
        ["u = Rf'''{{ x }}", "u = r'{{ x }}'", "u = b\"{{ x }}\"", "u = '\\{{ x }}'", "f'{a['b']}' + {{ x }}"]
    {
        assert!(program(source, "a").is_err(), "{source}");
    }
}

proptest! {
    #[test]
    fn no_value_breaks_out_of_its_literal_or_text(x in "([\"'\\\\\n\r{}#;a()]|\\PC)*", before in "[a'\"\\\\\n# ]*") {
        // What stands for a value is on one line, and every quote in it that could end it is escaped.
        if let Ok(text) = program(&format!("{before}{{{{ x }}}}"), x.as_str()) {
            let written = text[before.len()..].trim_start_matches(' ');
            prop_assert!(!written.contains(['\n', '\r']));
            let quote = written.chars().next().filter(|char| matches!(char, '\'' | '"'));
            let inside = match quote {
                Some(_) => &written[1..written.len() - 1],
                None => written,
            };
            let mut escaped = false;
            for char in inside.chars() {
                if !escaped && (Some(char) == quote || quote.is_none() && matches!(char, '\'' | '"')) {
                    prop_assert!(false, "{} breaks out of {}", x, written);
                }
                escaped = char == '\\' && !escaped;
            }
            prop_assert!(!escaped, "{} escapes what follows", written);
        }
    }
}
