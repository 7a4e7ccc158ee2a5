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

#[test]
fn every_form_of_a_literal_is_read() {
    check(&[
        ("[42, 0x2A, 0X2a, 0o52, 0O52, 0b101010, 0B101010, 4_2, 0x_2A]", "map(1..9, 42)"),
        ("[0.5, .5, 5e-1, 5E-1, 0.05e+1, 5_0.0e-2, 0.5_0]", "map(1..7, 0.5)"),
        ("1.", "1.0"),
        ("1.e3", "1000.0"),
        ("[true, false, nil, null]", "[1 == 1, 1 == 2, {}.a, nil]"),
        ("b'a\\x62\\143é'", "[97, 98, 99, 195, 169]"),
        ("b\"\\\"\" [0] + len(b'')", "34"),
        ("b'ab' == [97, 98] and 97 in b'a'", "true"),
        ("[1, 2,] == [1, 2] and {a: 1,} == {a: 1}", "true"),
        ("max(1, 2,)", "2"),
        ("{}", "fromJSON('{}')"),
        ("[]", "fromJSON('[]')"),
    ]);
}

#[test]
fn every_escape_of_a_text_is_read() {
    check(&[
        (r#""\a\b\f\n\r\t\v""#, r#""\x07\x08\x0c\x0a\x0d\x09\x0b""#),
        (r#"'\'' + "\"""#, r#"`'"`"#),
        (r#""\u{e9}\u{1F600}\u00e9\U0001F600\351""#, "'é😀é😀é'"),
        (r#""\\d""#, r"`\d`"),
        ("`a\nb`", r#""a\nb""#),
        ("`{{ \"' }}`", r#""{{ \"' }}""#),
        (r#""\ud83d""#, "'\u{fffd}'"),
        ("'é' // \"'\n", "\"é\""),
        ("/* ' */ 'a' /* \" // */ + /**/ 'b'", "'ab'"),
    ]);
}

#[test]
fn every_operator_does_what_it_says() {
    check(&[
        ("[2 ** 3, 2 ^ 3]", "[8.0, 8.0]"),
        ("2 ** 3 ** 2", "512.0"),
        ("[7 % 3, -7 % 3, 7 % -3]", "[1, -1, 1]"),
        ("[3 / 2, 4 / 2]", "[1.5, 2.0]"),
        ("[1 + 2.0, 1 - 0.5, 2 * 1.5]", "[3.0, 0.5, 3.0]"),
        ("'a' + 'b' + 'c'", "'abc'"),
        (
            "[1 == 1.0, 1 != 1.0, 'a' == 1, nil == nil, [1] == [1.0], {a: 1} == {a: 1.0}]",
            "[true, false, false, true, true, true]",
        ),
        ("['a' < 'b', 'B' < 'a', 'a' <= 'a', 1 < 1.5, 2 > 1, 2 >= 2.0]", "map(1..6, true)"),
        ("[not true, !true, not not true, !!true]", "[false, false, true, true]"),
        ("[true and false, true && true, false or true, false || false]", "[false, true, true, false]"),
        (
            "['a' in ['a'], 'b' not in ['a'], 'a' in {a: 1}, 'b' not in {a: 1}, 1 in 1..3, nil in [nil]]",
            "map(1..6, true)",
        ),
        ("['foobar' contains 'ob', 'foobar' startsWith 'foo', 'foobar' endsWith 'bar']", "map(1..3, true)"),
        (
            "['foobar' not contains 'x', 'a' not startsWith 'b', 'a' not endsWith 'b', 'a' not matches 'b']",
            "map(1..4, true)",
        ),
        (
            "['foobar' matches '^fo+b', 'a\\nb' matches '(?s)a.b', 'A' matches '(?i)a', 'x' matches ('X' | lower())]",
            "map(1..4, true)",
        ),
        ("[1..3, 3..1, 2..2, -1..1]", "[[1, 2, 3], [], [2], [-1, 0, 1]]"),
        ("[nil ?? 1, false ?? 1, 0 ?? 1, inputs.none ?? nil ?? 2]", "[1, false, 0, 2]"),
        ("[true ? 1 : 2, false ? 1 : 2, true ?: 3, false ?: 3]", "[1, 2, true, 3]"),
        ("1 + 2 | string() | len()", "1"),
        ("-2 | abs()", "2"),
    ]);
}

#[test]
fn members_elements_and_slices_are_read_from_both_ends() {
    check(&[
        (
            "inputs.name == inputs['name'] and inputs.name == inputs?.name and inputs?.['name'] == 'Ann'",
            "true",
        ),
        ("[1, 2, 3][0] + [1, 2, 3][-1]", "4"),
        ("[1, 2, 3, 4, 5][1:4]", "[2, 3, 4]"),
        ("[1, 2, 3, 4, 5][1:-1]", "[2, 3, 4]"),
        ("[1, 2, 3, 4, 5][:3]", "[1, 2, 3]"),
        ("[1, 2, 3, 4, 5][3:]", "[4, 5]"),
        ("[1, 2, 3][:]", "[1, 2, 3]"),
        ("[[1, 2, 3][2:1], [1, 2, 3][5:], [1, 2, 3][-9:9]]", "[[], [], [1, 2, 3]]"),
        ("'hello'[1:3] + 'hello'[-2:]", "'ello'"),
        ("items[1].sev + items[-1]['sev']", "'lowlow'"),
        ("inputs.none?.a.b.c ?? inputs?.none?.['a'] ?? inputs.none?.f() ?? 'nothing'", "'nothing'"),
        ("$env['inputs'].age + $env?.['inputs']?.['age'] + $env.inputs.age", "126"),
    ]);
}

#[test]
fn variables_conditions_and_sequences_nest() {
    check(&[
        ("let x = 42; let y = 2; x * y", "84"),
        ("let x = 1; let y = (let z = 2; z); x + y", "3"),
        ("let name = inputs.name | lower() | split('n'); name[0]", "'a'"),
        ("if false { 1 } else if false { 2 } else { 3 }", "3"),
        ("if true { let a = 1; a + 1 } else { 0 }", "2"),
        ("(if true { 1 } else { 2 }) + 1", "2"),
        ("1; 2; 3", "3"),
        ("map([1, 2], {let a = #; a; a * 2})", "[2, 4]"),
        ("let filter = 5; filter + len(filter([1], true))", "6"),
        ("::len('ab')", "2"),
    ]);
}

#[test]
fn every_loop_takes_its_body_with_braces_and_without() {
    check(&[
        ("[all(1..3, # > 0), all(1..3, {# > 1}), all([], {# > 1})]", "[true, false, true]"),
        ("[any(1..3, # > 2), any(1..3, {# > 3}), any([], true)]", "[true, false, false]"),
        ("[one(1..3, # > 2), one(1..3, {# > 1}), one([], true)]", "[true, false, false]"),
        ("[none(1..3, # > 3), none(1..3, {# > 2}), none([], true)]", "[true, false, true]"),
        ("[map(1..3, # * 2), filter(1..4, {# % 2 == 0})]", "[[2, 4, 6], [2, 4]]"),
        (
            "[find(1..4, # > 2), findIndex(1..4, # > 2), findLast(1..4, # > 2), findLastIndex(1..4, # > 2)]",
            "[3, 2, 4, 3]",
        ),
        (
            "[find([], true), findIndex([1], false), findLast([1], false), findLastIndex([], true)]",
            "[nil, nil, nil, nil]",
        ),
        ("[count([true, false]), count(1..4, # > 1), count([])]", "[1, 3, 0]"),
        ("[sum(1..3), sum(items, .id), sum(1..3, {# * #index})]", "[6, 3, 8]"),
        ("groupBy(['a', 'b', 'aa'], #[0:1])", "{a: ['a', 'aa'], b: ['b']}"),
        (
            "[sortBy(items, .sev, 'desc')[0].sev, sortBy(items, -.id, 'asc')[0].id, sortBy([3, 1], #)[0]]",
            "['low', 2, 1]",
        ),
        (
            "[reduce(1..9, #acc + #), reduce(1..9, #acc + #, 100), reduce([], #, 'none'), reduce([5], #acc)]",
            "[45, 145, 'none', 5]",
        ),
        ("items | filter(.id > 0) | map(.sev) | sort('desc') | first()", "'low'"),
        ("map(1..2, {map(1..2, {# * 10 + #index})})", "[[10, 21], [10, 21]]"),
        ("keys(groupBy(1..3, # % 2)) | sort()", "[0, 1]"),
        ("count(inputs.name, # == 110)", "2"),
    ]);
}
