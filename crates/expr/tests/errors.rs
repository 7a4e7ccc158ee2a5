//! How errors look: the message, the place, the hint.

#![allow(clippy::unwrap_used)] // helpers of tests, which may

use expr::{Context, Expression, Map, Value};
use serde_json::json;

/// The error of `source` as it is explained.
fn explain(source: &str) -> String {
    let inputs = json!({"name": "Ann", "age": 42, "tags": ["a"], "when": "2026-01-02"});
    let scope = Map::from_iter([("inputs".into(), Value::from(inputs))]);
    let mut rng = types::SeededRng::from_u64(1);
    let now = types::Timestamp::from_millis(0);
    Expression::parse(source)
        .and_then(|expression| expression.evaluate(&mut Context::new(&scope, now, &mut rng)))
        .unwrap_err()
        .explain(source)
}

#[test]
fn syntax_errors_say_what_was_expected() {
    insta::assert_snapshot!(explain("inputs.name has \"A\""), @r#"
    expected the end of the expression, found `has` (line 1, column 13)
    1 | inputs.name has "A"
                    ^^^
        did you mean `contains`?
    "#);
    insta::assert_snapshot!(explain("inputs.age = 42"), @r"
    expected the end of the expression, found `=` (line 1, column 12)
    1 | inputs.age = 42
                   ^
        did you mean `==`?
    ");
    insta::assert_snapshot!(explain("inputs.tags.0"), @r"
    expected the end of the expression, found `0` (line 1, column 12)
    1 | inputs.tags.0
                   ^^
        an element of a list is read with `[0]`
    ");
    insta::assert_snapshot!(explain("[1, 2"), @r"
    expected `,` or `]`, the expression ends (line 1, column 6)
    1 | [1, 2
             ^
    ");
    insta::assert_snapshot!(explain("map(inputs.tags, {id: #})"), @r"
    expected `}`, found `:` (line 1, column 21)
    1 | map(inputs.tags, {id: #})
                            ^
        a map made for each element is written `{{key: value}}`
    ");
    insta::assert_snapshot!(explain(".name"), @r"
    `#` and `.field` have a meaning only inside a loop such as `filter(list, .field)` (line 1, column 1)
    1 | .name
        ^
    ");
    insta::assert_snapshot!(explain("a ?? b + 1"), @r"
    `??` and `+` cannot be mixed without parentheses (line 1, column 8)
    1 | a ?? b + 1
               ^
    ");
    insta::assert_snapshot!(explain("inputs.name AND true"), @r"
    expected the end of the expression, found `AND` (line 1, column 13)
    1 | inputs.name AND true
                    ^^^
        did you mean `and`?
    ");
}

#[test]
fn calls_that_cannot_work_are_refused_before_they_run() {
    insta::assert_snapshot!(explain("fitler(inputs.tags, # == 'a')"), @r"
    function `fitler` does not exist (line 1, column 1)
    1 | fitler(inputs.tags, # == 'a')
        ^^^^^^
        did you mean `filter`?
    ");
    insta::assert_snapshot!(explain("upper()"), @r"
    `upper` takes 1 argument, not 0 (line 1, column 1)
    1 | upper()
        ^^^^^^^
        upper(text) string
    ");
    insta::assert_snapshot!(explain("replace('a', 'b')"), @r"
    `replace` takes 3 to 4 arguments, not 2 (line 1, column 1)
    1 | replace('a', 'b')
        ^^^^^^^^^^^^^^^^^
        replace(text, old, new, n?) string
    ");
    insta::assert_snapshot!(explain("filter(inputs.tags)"), @r"
    `filter` needs a list and what to do with each element (line 1, column 1)
    1 | filter(inputs.tags)
        ^^^^^^^^^^^^^^^^^^
        for example `filter(list, # == 1)`
    ");
    insta::assert_snapshot!(explain("1 and true"), @r"
    `&&` takes truth values, not a number (line 1, column 1)
    1 | 1 and true
        ^
    ");
    insta::assert_snapshot!(explain("'a' matches '('"), @r"
    `(` is not a regular expression: unclosed group (line 1, column 13)
    1 | 'a' matches '('
                    ^^^
    ");
}

#[test]
fn evaluation_errors_point_at_the_operation() {
    insta::assert_snapshot!(explain("inputs[inputs.age]"), @r"
    the keys of a map are text, not an int (line 1, column 1)
    1 | inputs[inputs.age]
        ^^^^^^^^^^^^^^^^^^
        make text of it: `map[string(key)]`
    ");
    insta::assert_snapshot!(explain("1 + inputs.name"), @r"
    `+` does not work on an int and a text (line 1, column 1)
    1 | 1 + inputs.name
        ^^^^^^^^^^^^^^^
        make text of the other side: `string(x)`
    ");
    insta::assert_snapshot!(explain("inputs.missing.deep + 1"), @r"
    cannot read `deep` of nil (line 1, column 1)
    1 | inputs.missing.deep + 1
        ^^^^^^^^^^^^^^^^^^^
        if it may be missing, write `?.deep`
    ");
    insta::assert_snapshot!(explain("inputs.tags[5]"), @r"
    index 5 is outside the list, which has 1 elements (line 1, column 1)
    1 | inputs.tags[5]
        ^^^^^^^^^^^^^^
        `get(list, index)` is nil there
    ");
    insta::assert_snapshot!(explain("inputs.tags.name"), @r"
    a list has no member `name` (line 1, column 1)
    1 | inputs.tags.name
        ^^^^^^^^^^^^^^^^
        one element is `[0].name`, all of them `map(list, .name)`
    ");
    insta::assert_snapshot!(explain("filter(inputs.tags, #)"), @r"
    the body of `filter` is a truth value, not a text (line 1, column 21)
    1 | filter(inputs.tags, #)
                            ^
    ");
    insta::assert_snapshot!(explain("filter(inputs.missing, # == 1)"), @r"
    `filter` goes over a list, not nil (line 1, column 1)
    1 | filter(inputs.missing, # == 1)
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        if it may be missing, write `(list ?? [])`
    ");
    insta::assert_snapshot!(explain("not inputs.name"), @r"
    `not` takes a truth value, not a text (line 1, column 1)
    1 | not inputs.name
        ^^^^^^^^^^^^^^^
        compare it: `x == nil`, `len(x) == 0`
    ");
    insta::assert_snapshot!(explain("9223372036854775807 + 1"), @r"
    `9223372036854775807 + 1` does not fit into 64 bits (line 1, column 1)
    1 | 9223372036854775807 + 1
        ^^^^^^^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(explain("date(inputs.when).Yaer()"), @r"
    a time has no method `Yaer` (line 1, column 1)
    1 | date(inputs.when).Yaer()
        ^^^^^^^^^^^^^^^^^^^^^^^^
        did you mean `Year`?
    ");
    insta::assert_snapshot!(explain("inputs.get('name')"), @r"
    a map has no method `get` (line 1, column 1)
    1 | inputs.get('name')
        ^^^^^^^^^^^^^^^^^^
        there is a function: `get(list or map, index or key) any`
    ");
    insta::assert_snapshot!(explain("date('soon')"), @r"
    `soon` is not a time (line 1, column 1)
    1 | date('soon')
        ^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(explain("int('4x')"), @r"
    `4x` is not a whole number (line 1, column 1)
    1 | int('4x')
        ^^^^^^^^^
    ");
    insta::assert_snapshot!(explain("upper(inputs.age)"), @r"
    argument 1 of `upper` must be a text, not an int (line 1, column 1)
    1 | upper(inputs.age)
        ^^^^^^^^^^^^^^^^^
    ");
}
