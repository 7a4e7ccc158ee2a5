//! What the functions give: each row an expression and what it gives, both evaluated. Each function's own example
//! is a test beside it; functions on indicators have `indicators`.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests, which may

use expr::{Context, Expression, Map, Value};

fn evaluate(source: &str) -> Value {
    let scope = Map::new();
    let mut rng = types::SeededRng::from_u64(1);
    // 2026-01-02T03:04:05.006Z
    let now = types::Timestamp::from_millis(1_767_323_045_006);
    Expression::parse(source)
        .and_then(|expression| expression.evaluate(&mut Context::new(&scope, now, &mut rng)))
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
fn functions_on_text_are_those_of_the_reference() {
    check(&[
        (
            "[trim('  a '), trim('__a__', '_'), trim('\\n\\t\u{a0}a'), trim('xyay', 'xy')]",
            "['a', 'a', 'a', 'a']",
        ),
        (
            "[trimPrefix('HelloWorld', 'Hello'), trimPrefix(' a'), trimSuffix('a.b', '.b'), trimSuffix('a ')]",
            "['World', 'a', 'a', 'a']",
        ),
        ("[upper('héllo ß'), lower('ÄÖ'), to_upper('a'), to_lower('A')]", "['HÉLLO ß', 'äö', 'A', 'a']"),
        (
            "[split('a,b,c', ','), split('a,b,c', ',', 2), split('a,b', ',', 0), split('a,b', ',', -1), split('', ','), split('', ''), split('héy', '')]",
            "[['a', 'b', 'c'], ['a', 'b,c'], [], ['a', 'b'], [''], [], ['h', 'é', 'y']]",
        ),
        (
            "[splitAfter('a,b,c', ','), splitAfter('a,b,c', ',', 2), splitAfter('a,', ',')]",
            "[['a,', 'b,', 'c'], ['a,', 'b,c'], ['a,', '']]",
        ),
        (
            "[replace('aaa', 'a', 'b'), replace('aaa', 'a', 'b', 2), replace('aaa', 'a', 'b', -1), replace('ab', '', '-')]",
            "['bbb', 'bba', 'bbb', '-a-b-']",
        ),
        ("[repeat('Hi', 3), repeat('', 9), repeat('a', 0)]", "['HiHiHi', '', '']"),
        (
            "[indexOf('apple pie', 'pie'), indexOf('a', 'b'), lastIndexOf('apple pie apple', 'apple'), indexOf('é1', '1')]",
            "[6, -1, 10, 2]",
        ),
        (
            "[hasPrefix('HelloWorld', 'Hello'), hasSuffix('HelloWorld', 'World'), hasPrefix('a', 'b')]",
            "[true, true, false]",
        ),
        ("[join(['a', 'b'], '-'), join(['a', 'b']), join([])]", "['a-b', 'ab', '']"),
        (
            "[regex_find('id=42;', 'id=([0-9]+)'), regex_find('a', 'b'), regex_find_all('a1 b22', '[0-9]+'), regex_replace('Ann Lee', '(\\\\w+) (\\\\w+)', '$2 $1')]",
            "['42', nil, ['1', '22'], 'Lee Ann']",
        ),
    ]);
}

#[test]
fn functions_on_numbers_are_those_of_the_reference() {
    check(&[
        (
            "[max(5, 7), max([1, [2.5, 2]]), max(1, [9], 3), max([]), min(5, 7), min([2, 1.5])]",
            "[7, 2.5, 9, nil, 5, 1.5]",
        ),
        (
            "[mean([1, 2, 3]), mean(1, [2]), mean([]), median([3, 1, 2]), median([1, 2, 3, 4]), median([])]",
            "[2.0, 1.5, 0.0, 2.0, 2.5, 0.0]",
        ),
        ("[abs(-5), abs(5), abs(-0.5)]", "[5, 5, 0.5]"),
        (
            "[ceil(1.5), floor(1.5), round(1.5), round(-1.5), ceil(1), floor(-0.5)]",
            "[2.0, 1.0, 2.0, -2.0, 1.0, -1.0]",
        ),
        (
            "[bitand(0b1010, 0b1100), bitor(0b1010, 0b1100), bitxor(0b1010, 0b1100), bitnand(0b1010, 0b1100), bitnot(0b1010)]",
            "[0b1000, 0b1110, 0b110, 0b10, -0b1011]",
        ),
        (
            "[bitshl(0b101101, 2), bitshr(0b101101, 2), bitushr(-0b101, 2), bitshr(-8, 1)]",
            "[0b10110100, 0b1011, 4611686018427387902, -4]",
        ),
    ]);
}

#[test]
fn functions_on_lists_and_maps_are_those_of_the_reference() {
    check(&[
        ("[first([1, 2]), last([1, 2]), first([]), last(nil), first('a')]", "[1, 2, nil, nil, 97]"),
        ("[take([1, 2, 3], 2), take([1], 5), take([], 0)]", "[[1, 2], [1], []]"),
        (
            "[reverse([3, 1, 4]), flatten([1, [2, [3]]]), uniq([3, 1, 3, '3']), concat([1], [2], [])]",
            "[[4, 1, 3], [1, 2, 3], [3, 1, '3'], [1, 2]]",
        ),
        (
            "[sort([3, 1, 4]), sort([3, 1, 4], 'desc'), sort(['b', 'a']), sort([1.5, 1])]",
            "[[1, 3, 4], [4, 3, 1], ['a', 'b'], [1, 1.5]]",
        ),
        ("[keys({a: 1, b: 2}), values({a: 1, b: 2}), toPairs({a: 1})]", "[['a', 'b'], [1, 2], [['a', 1]]]"),
        (
            "fromPairs([['a', 1], ['b', 2]]) == {a: 1, b: 2} and fromPairs(toPairs({c: [3]})) == {c: [3]}",
            "true",
        ),
        ("[len([1]), len({a: 1}), len('héy'), len('')]", "[1, 1, 3, 0]"),
        (
            "[get([1], 0), get([1], 9), get([1], -1), get({a: 1}, 'a'), get({a: 1}, 'b'), get(nil, 'a')]",
            "[1, nil, 1, 1, nil, nil]",
        ),
        ("[empty([]), empty({}), empty(''), empty(nil), empty([0])]", "[true, true, true, true, false]"),
        (
            "[range(3), range(1, 3), range(0, 10, 5), range(3, 0, -1), range(0)]",
            "[[0, 1, 2], [1, 2], [0, 5], [3, 2, 1], []]",
        ),
        ("merge_maps({a: 1, b: {c: 1}}, {b: {d: 2}}, {e: 3})", "{a: 1, b: {d: 2}, e: 3}"),
    ]);
}

#[test]
fn conversions_are_those_of_the_reference() {
    check(&[
        (
            "map([42, 1.5, 'a', true, nil, [1], {a: 1}, now(), duration('1h')], type(#))",
            "['int', 'float', 'string', 'bool', 'nil', 'array', 'map', 'time.Time', 'time.Duration']",
        ),
        ("[int('123'), int(1.9), int(-1.9), int('-5'), int('+5')]", "[123, 1, -1, -5, 5]"),
        ("[float('123.45'), float(1), float('1e3'), float('.5')]", "[123.45, 1.0, 1000.0, 0.5]"),
        (
            "[string(123), string(1.0), string(true), string(nil), string([1, 'a']), string({b: 1, a: nil}), str('a')]",
            "['123', '1', 'true', '<nil>', '[1 a]', 'map[a:<nil> b:1]', 'a']",
        ),
        ("toJSON({b: [1, 'é'], a: nil})", "'{\\n  \"a\": null,\\n  \"b\": [\\n    1,\\n    \"é\"\\n  ]\\n}'"),
        (
            "[fromJSON('{\"a\": [1, 2.5, null, true]}'), parse_json('\"a\"')]",
            "[{a: [1, 2.5, nil, true]}, 'a']",
        ),
        ("prettify_json('{\"b\":1,\"a\":[]}')", "'{\\n  \"b\": 1,\\n  \"a\": []\\n}'"),
        (
            "[toBase64('Hello'), fromBase64('SGVsbG8='), encode_base_64('é'), decode_base_64('w6k'), decode_base_64('SGVs\\r\\nbG8=')]",
            "['SGVsbG8=', 'Hello', 'w6k=', 'é', 'Hello']",
        ),
        (
            "[query_escape('a b&c=é/+~'), query_unescape('a%20b%26c+d')]",
            "['a+b%26c%3D%C3%A9%2F%2B~', 'a b&c d']",
        ),
        (
            "[md5('a'), sha1('a')]",
            "['0cc175b9c0f1b6a831c399e269772661', '86f7e437faa5a7fce15d1ddcb9eaeaea377667b8']",
        ),
        (
            "[len(sha256('a')), len(sha512('a')), len(hmac_sha256('a', 'k')), random_uuid() matches '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$']",
            "[64, 128, 64, true]",
        ),
    ]);
}

#[test]
fn dates_and_durations_are_those_of_the_reference() {
    check(&[
        (
            "[now().Year(), now().Month(), now().Day(), now().Hour(), now().Minute(), now().Second(), now().Nanosecond(), now().YearDay()]",
            "[2026, 1, 2, 3, 4, 5, 6000000, 2]",
        ),
        ("date('2023-08-14T10:00:00Z') - date('2023-08-14 09:00:00') == duration('1h')", "true"),
        (
            "map(['15:04:05', '14 Aug 23 10:00 UTC', 'Monday, 14-Aug-23 10:00:00 UTC', 'Mon, 14 Aug 2023 10:00:00 UTC'], date(#).Hour())",
            "[15, 10, 10, 10]",
        ),
        (
            "date('2023-08-14 00:00:00', '2006-01-02 15:04:05', 'Europe/Zurich').UTC().Format('15:04')",
            "'22:00'",
        ),
        (
            "[now() == Now(), today() < now(), today().Hour(), today('Asia/Tokyo').Hour()]",
            "[true, true, 0, 0]",
        ),
        (
            "[date_format('2006-01-02', now()), date_format('02/01/06 3:04PM', '2026-11-25T15:06:00Z')]",
            "['2026-01-02', '25/11/26 3:06PM']",
        ),
        (
            "add('2026-01-01', '24h') == sub('2026-01-03', duration('24h')) and add(now(), '-1h') < now()",
            "true",
        ),
        (
            "[string(sub('2026-01-02', '2026-01-01')), string(sub(now(), today()))]",
            "['24h0m0s', '3h4m5.006s']",
        ),
        (
            "[to_epoch('2026-01-02T03:04:05Z'), to_epoch(from_epoch(7)), from_epoch(0.5).UnixMilli(), from_epoch(-1).Unix()]",
            "[1767323045, 7, 500, -1]",
        ),
        (
            "[parse_date('25.11.2026', '02.01.2006').Month(), parse_date('2026-11-25T10:00:00+01:00').UTC().Hour()]",
            "[11, 9]",
        ),
        (
            "[duration('1h30m').Minutes(), duration('90s').Seconds(), duration('1.5s').Milliseconds(), duration('1us').Nanoseconds()]",
            "[90.0, 90.0, 1500, 1000]",
        ),
        (
            "[string(duration('100ms')), string(duration('-1h')), string(duration('90m').Round('1h')), string(duration('-3s').Abs())]",
            "['100ms', '-1h0m0s', '2h0m0s', '3s']",
        ),
        (
            "[now().Unix(), now().UnixMilli(), now().In('Asia/Tokyo').Location(), now().Compare(today()), now().Equal(now().In('Asia/Tokyo'))]",
            "[1767323045, 1767323045006, 'Asia/Tokyo', 1, true]",
        ),
    ]);
}

#[test]
fn dates_are_read_as_machines_write_them() {
    check(&[
        ("date(string(now())) == now() and date(toJSON(now())[1:-1]) == now()", "true"),
        (
            "map(['2026-11-25T10:00:00+0100', '2026-11-25 10:00:00+01:00', '2026-11-25T10:00:00.5+01:00', 'Wed, 25 Nov 2026 10:00:00 +0100', 'Wed, 5 Nov 2025 10:00:00 +0100', '25 Nov 2026 10:00:00 +0100'], date(#).UTC().Hour())",
            "map(1..6, 9)",
        ),
        (
            "map(['2026-11-25T10:30', '2026-11-25 10:30', '2026-11-25T10:30:00'], date(#).Minute())",
            "map(1..3, 30)",
        ),
        ("date('2026-11-25 10:30:00', '2006-01-02 15:04:05', 'UTC') == date('2026-11-25T10:30:00Z')", "true"),
    ]);
}
