//! The language, beyond what `conformance` holds against the reference: each row an expression and what it
//! gives, both evaluated.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests, which may

use expr::{Context, Expression, Value};
use serde_json::json;

fn evaluate(source: &str) -> Value {
    let scope = json!({
        "inputs": {"name": "Ann", "age": 42, "tags": ["b", "a"], "not": 1, "in": 2},
        "items": [{"id": 1, "sev": "high"}, {"id": 2, "sev": "low"}],
        "notes": 1, "inbox": 2, "order": 3, "android": 4, "lettuce": 5, "iffy": 6, "nile": 7, "elsewhere": 8,
        "müller": 9,
    });
    let Value::Map(scope) = Value::from(scope) else { panic!("the scope is a map") };
    let mut rng = types::SeededRng::from_u64(1);
    // 2026-01-02T03:04:05.006Z
    let now = types::Timestamp::from_millis(1_767_323_045_006);
    Expression::parse(source)
        .and_then(|expression| expression.evaluate(&mut Context::new(&*scope, now, &mut rng)))
        .unwrap_or_else(|error| panic!("{}", error.explain(source)))
}

#[track_caller]
fn check(rows: &[(&str, &str)]) {
    for (source, wanted) in rows {
        let (value, wanted) = (evaluate(source), evaluate(wanted));
        assert_eq!(value, wanted, "{source}");
        assert_eq!(value.type_name(), wanted.type_name(), "{source}");
    }
}

#[test]
fn keywords_do_not_eat_names() {
    check(&[
        ("notes + inbox + order + android + lettuce + iffy + nile + elsewhere", "36"),
        ("inputs.not + inputs.in", "3"),
        ("not(true)", "false"),
        ("müller", "9"),
        ("1 in[1]", "true"),
    ]);
}

#[test]
fn operators_bind_as_in_the_reference() {
    check(&[
        ("1 + 2 * 3 ** 2", "19.0"),
        ("-2 ** 2", "-4.0"),
        ("not false and false", "false"),
        ("1 < 2 <= 2 < 3", "true"),
        ("3 > 2 > 2", "false"),
        ("true ? 1 : false ? 2 : 3", "1"),
        ("nil ?? nil ?? 3", "3"),
        ("1..2 == [1, 2]", "true"),
        ("inputs.age not in [1] && 'a' not contains 'b'", "true"),
        ("7 / 2 == 3.5 and 6 / 2 == 3 and type(6 / 2) == 'float'", "true"),
        ("-7 % 3", "-1"),
        ("+1 - -1", "2"),
        ("[1, 2, 3][1:] | map(# * 2) | sum()", "10"),
    ]);
}

#[test]
fn what_is_not_needed_is_not_evaluated() {
    check(&[
        ("false and inputs.missing.deep", "false"),
        ("true or inputs.missing.deep", "true"),
        ("1 ?? inputs.missing.deep", "1"),
        ("inputs.missing?.deep.deeper.deepest", "nil"),
        ("inputs.missing?.deep(inputs.missing.deep)", "nil"),
        ("inputs?.missing?.[0]", "nil"),
        ("if true { 1 } else { inputs.missing.deep }", "1"),
        ("any(items, .id == 1 or .missing.deep)", "true"),
    ]);
}

#[test]
fn loops_know_their_element_index_and_accumulator() {
    check(&[
        ("map(['a', 'b'], string(#index) + #)", "['0a', '1b']"),
        ("reduce([1, 2, 3], #acc * 10 + #)", "123"),
        ("reduce([5, 6], concat(#acc, [#index]), [])", "[0, 1]"),
        ("map(items, map(inputs.tags, #)) | flatten()", "['b', 'a', 'b', 'a']"),
        ("map(items, {let id = .id; map([10], # + id)})", "[[11], [12]]"),
        ("filter(items, {.sev == 'high'})[0].id", "1"),
        ("map(items, {{id: .id}})", "[{id: 1}, {id: 2}]"),
        ("items | map(.sev) | sort()", "['high', 'low']"),
        ("sortBy(items, -.id) | map(.id)", "[2, 1]"),
        ("toPairs(groupBy([1, 2, 1], #))", "[[1, [1, 1]], [2, [2]]]"),
        ("groupBy(items, .sev).low[0].id", "2"),
        ("findLastIndex([1, 2, 1], # == 1)", "2"),
        ("find([1], # == 2)", "nil"),
        ("count([true, false, true])", "2"),
        ("one(items, .id == 2) and none(items, .id == 3) and all([], false)", "true"),
    ]);
}

#[test]
fn texts_have_all_their_escapes() {
    check(&[
        (r#""\x41\u00e9\t\"" + 'it"s' + `\n`"#, r#"'Aé\t"' + "it\"s\\n""#),
        ("len('héllo')", "5"),
        ("'héllo'[0:1] + 'abc'[-1:]", "'hc'"),
        ("{'a': 1, b: 2, (inputs.name): 3, 4: 5}", "{a: 1, b: 2, Ann: 3, '4': 5}"),
        ("{a: 1, a: 2}", "{a: 1}"),
        ("0x1F + 0b11 + 0o17 + 1_000", "1049"),
        (".5 + 1e3 + 1.5e-1", "1000.65"),
        ("1 /* one */ + 2 // two", "3"),
    ]);
}

#[test]
fn instants_have_the_methods_of_the_reference() {
    check(&[
        ("now().Format('2006-01-02 15:04:05.000')", "'2026-01-02 03:04:05.006'"),
        ("now().Weekday()", "5"),
        ("date('2024-02-29').AddDate(1, 0, 0) == date('2025-03-01')", "true"),
        ("date('2026-01-31').AddDate(0, 1, 0).Format('Jan 2')", "'Mar 3'"),
        ("date('2026-03-31').AddDate(0, 0, 1).Format('Jan 2')", "'Apr 1'"),
        ("now().Truncate(duration('1h')).Minute() + now().Round('24h').Hour()", "0"),
        ("now().In(timezone('Asia/Tokyo')).Hour()", "12"),
        ("date('2026-07-01 12:00', '2006-01-02 15:04', 'Europe/Zurich').UTC().Hour()", "10"),
        ("date(timezone('Europe/Zurich'), '2026-01-01').UTC().Hour()", "23"),
        ("now() - duration('1h') < now() and now().After(today())", "true"),
        ("duration('1h') * 2 + duration('30m')", "duration('2h30m')"),
        ("string(duration('90m'))", "'1h30m0s'"),
        ("duration('90m').Hours()", "1.5"),
        ("sub(now(), today()).Hours() > 3", "true"),
        ("to_epoch('2026-01-02T03:04:05Z')", "1767323045"),
        ("toJSON({at: now()})", r#"'{\n  "at": "2026-01-02T03:04:05.006Z"\n}'"#),
    ]);
}

#[test]
fn the_environment_is_a_map_of_the_roots() {
    check(&[
        ("$env.inputs.name", "'Ann'"),
        ("$env['notes']", "1"),
        ("'inbox' in $env and 'nothing' not in $env", "true"),
        ("len($env)", "11"),
    ]);
}

#[test]
fn loops_over_filtered_lists_keep_their_index() {
    check(&[
        ("map(filter([1, 2, 3, 4], # % 2 == 0), # * 10)", "[20, 40]"),
        ("map(filter([1, 2, 3, 4], # % 2 == 0), #index)", "[0, 1]"),
        ("filter(filter([1, 2, 3, 4], # > 1), # < 4) | map(# + 1)", "[3, 4]"),
        ("filter(filter([1, 2, 3, 4], # > 1), #index == 0)", "[2]"),
        ("map(filter(filter([1, 2, 3, 4], # > 1), # < 4), map(filter([5, 6], # > 5), #index))", "[[0], [0]]"),
    ]);
}

#[test]
fn keys_that_are_no_text_are_those_of_groups() {
    check(&[
        ("groupBy([1, 2], #)[3]", "nil"),
        ("let g = groupBy([1, 2], #); [g[1], g[3], g[true], g[nil]]", "[[1], nil, nil, nil]"),
        ("fromPairs([[1, 'a']])?.[2]", "nil"),
        ("(if true { groupBy([1], #) } else { {} })[2] ?? 'none'", "'none'"),
        ("{'1': 'a'}[1]", "'a'"),
        ("get({a: 1}, 1)", "nil"),
    ]);
}

#[test]
fn written_lists_are_summed_up_by_their_plus() {
    check(&[
        ("sum(['a', inputs.name])", "'aAnn'"),
        ("sum([duration('1h'), duration('30m'), duration('1s')]) == duration('90m1s')", "true"),
        ("sum([1, 2, 0.5])", "3.5"),
        ("sum([])", "0"),
        ("sum([3])", "3"),
        ("sum([1, 2, 3], # * 2)", "12"),
    ]);
}
