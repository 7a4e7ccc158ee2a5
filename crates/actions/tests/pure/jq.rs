//! `core.jq`.

use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::time::Instant;

use crate::{attempt, check, check_fails, run};

async fn gives(query: &str, json: Json, expected: Json) {
    check("core.jq", json!({"query": query, "json": json}), expected).await;
}

async fn fails(query: &str, json: Json, expected: &str) {
    check_fails("core.jq", json!({"query": query, "json": json}), expected).await;
}

#[tokio::test]
async fn one_result_is_the_output_and_several_are_a_list() {
    let alerts = json!({"alerts": [{"id": 1, "sev": "high"}, {"id": 2, "sev": "low"}]});
    gives(".alerts[0].id", alerts.clone(), json!(1)).await;
    gives(".alerts[].id", alerts.clone(), json!([1, 2])).await;
    gives("[.alerts[] | select(.sev == \"high\") | .id]", alerts.clone(), json!([1])).await;
    gives("empty", alerts.clone(), Json::Null).await;
    gives(".alerts | length", alerts.to_string().into(), json!(2)).await;
    let listed = |query: &str| json!({"query": query, "json": {}, "always_list": true});
    check("core.jq", listed("empty"), json!([])).await;
    check("core.jq", listed("1"), json!([1])).await;
}

#[tokio::test]
async fn the_language_is_that_of_jq() {
    for (query, input, expected) in [
        ("map(. + 1) | add", json!([1, 2]), json!(5)),
        ("6 / 2, 7 / 2, 7 % 3, -(1)", json!(null), json!([3, 3.5, 1, -1])),
        (". + 1", json!(i64::MAX), json!(9.223_372_036_854_776e18)),
        (".", json!(u64::MAX), json!(u64::MAX)),
        ("to_entries", json!({"a": 1}), json!([{"key": "a", "value": 1}])),
        ("from_entries", json!([{"name": "a", "value": 1}, {"k": "b", "v": 2}]), json!({"a": 1, "b": 2})),
        ("with_entries(.value += 1)", json!({"b": 1, "a": 2}), json!({"b": 2, "a": 3})),
        (
            "keys, (. * {x: {z: 2}})",
            json!({"x": {"y": 1}, "a": 0}),
            json!([["a", "x"], {"x": {"y": 1, "z": 2}, "a": 0}]),
        ),
        ("group_by(.k) | map(length)", json!([{"k": 2}, {"k": 1}, {"k": 2}]), json!([1, 2])),
        (
            "unique_by(.k), (sort_by(-.k) | first)",
            json!([{"k": 2}, {"k": 1}, {"k": 2}]),
            json!([[{"k": 1}, {"k": 2}], {"k": 2}]),
        ),
        ("[paths]", json!({"a": [1]}), json!([["a"], ["a", 0]])),
        (".a.b = 1 | .l[2] = 3", json!(null), json!({"a": {"b": 1}, "l": [null, null, 3]})),
        (
            "del(.a, .b[0]), (.b |= map(. * 2))",
            json!({"a": 1, "b": [2, 3]}),
            json!([{"b": [3]}, {"a": 1, "b": [4, 6]}]),
        ),
        (".[1:3] = [\"x\"], .[-1], .[:2], .[5]", json!([1, 2, 3, 4]), json!([[1, "x", 4], 4, [1, 2], null])),
        (
            "test(\"B\"; \"i\"), [match(\"(?<v>b)|(x)\").captures[].string]",
            json!("abc"),
            json!([true, ["b", null]]),
        ),
        ("capture(\"(?<user>[^@]+)@(?<host>.+)\")", json!("ann@b.c"), json!({"user": "ann", "host": "b.c"})),
        (
            "gsub(\"(?<d>[0-9])\"; \"<\\(.d)>\"), [scan(\"[a-z]\")], (match(\"2\").offset)",
            json!("éa1b2"),
            json!(["éa<1>b<2>", ["a", "b"], 4]),
        ),
        (
            "split(\", \"), (. / \"\" | length), ascii_upcase, .[1:3], explode[0]",
            json!("a, b"),
            json!([["a", "b"], 4, "A, B", ", ", 97]),
        ),
        (
            "tojson, (tojson | fromjson)",
            json!({"a": ["\"", 1.5]}),
            json!(["{\"a\":[\"\\\"\",1.5]}", {"a": ["\"", 1.5]}]),
        ),
        (
            "@csv, @json, @base64 \"x\\(.[0])\", @sh",
            json!(["a\"b", 1]),
            json!(["\"a\"\"b\",1", "[\"a\\\"b\",1]", "xYSJi", "'a\"b' 1"]),
        ),
        (
            "fromdateiso8601, (0 | todate), (now | floor)",
            json!("2026-01-02T03:04:05Z"),
            json!([1_767_323_045, "1970-01-01T00:00:00Z", 1_700_000_000]),
        ),
        (
            "reduce .[] as $x (0; . + $x), [foreach .[] as $x (0; . + $x)], [limit(2; .[])]",
            json!([1, 2, 3]),
            json!([6, [1, 3, 6], [1, 2]]),
        ),
        ("def f(x): if x > 3 then x else f(x + 1) end; f(.)", json!(1), json!(4)),
        (
            "[.[] | try error(.) catch .], (try (1 | .a) catch \"no\"), .a?",
            json!([1, "x"]),
            json!([[1, "x"], "no"]),
        ),
        (
            "contains([\"a\"]), index(\"b\"), (.[0] | ltrimstr(\"a\")), any(. == \"b\"), IN([\"ab\", \"b\"])",
            json!(["ab", "b"]),
            json!([true, 1, "b", true, true]),
        ),
        ("map(tonumber) | max", json!(["1", "2.5"]), json!(2.5)),
        (
            "[range(3)], [range(0; 10; 4)], [range(2; 0; -1)]",
            json!(null),
            json!([[0, 1, 2], [0, 4, 8], [2, 1]]),
        ),
        (
            "walk(if type == \"number\" then . + 1 else . end), (flatten | length)",
            json!([1, [2, [3]]]),
            json!([[2, [3, [4]]], 3]),
        ),
        ("INDEX(.id) | keys", json!([{"id": 7}, {"id": 8}]), json!(["7", "8"])),
        (
            "nan < 1, (nan | isnan), ([nan, 1] | sort), infinite",
            json!(null),
            json!([true, true, [null, 1], f64::MAX]),
        ),
    ] {
        gives(query, input, expected).await;
    }
}

#[tokio::test]
async fn a_wrong_query_is_shown_where_it_is_wrong() {
    for (query, why) in [
        (".a |\n  | .b", "input `query` is wrong at line 2, column 3: expected term, but there is `|`"),
        (".a[", "input `query` is wrong at line 1, column 4: expected closing bracket, but the query ends"),
        (
            "map(.a",
            "input `query` is wrong at line 1, column 7: expected closing parenthesis, but the query ends",
        ),
        (
            "if . then 1",
            "input `query` is wrong at line 1, column 12: expected else or end, but the query ends",
        ),
        (".a | nothing", "input `query` is wrong at line 1, column 6: there is no filter `nothing`"),
        ("$x", "input `query` is wrong at line 1, column 1: there is no variable `$x`"),
    ] {
        fails(query, Json::Null, why).await;
    }
    check_fails("core.jq", json!({"query": " ", "json": 1}), "input `query` is missing").await;
    check_fails("core.jq", json!({"query": "."}), "input `json` is missing").await;
    let long = " ".repeat(16 * 1024) + ".";
    fails(&long, json!(1), "input `query` has more than 16384 bytes").await;
}

#[tokio::test]
async fn a_query_that_fails_says_why() {
    fails(".a", json!([1]), "the query failed: cannot index [1] with \"a\"").await;
    fails("error(\"no such host\")", json!(1), "the query failed: \"no such host\"").await;
    fails("1 + \"a\"", json!(1), "the query failed: cannot calculate 1 + \"a\"").await;
    fails("{(1): 2}", json!(1), "the query failed: cannot use 1 as key of an object").await;
    let error = run("core.jq", json!({"query": ".a", "json": [vec![7; 1000]]})).await.unwrap_err();
    assert!(error.message.ends_with('…') && error.message.len() < 600, "{}", error.message);
    let error = run("core.jq", json!({"query": "test(\"(\")", "json": "x"})).await.unwrap_err();
    assert!(error.message.contains("is no regular expression: unclosed group"), "{}", error.message);
}

#[tokio::test]
async fn nothing_of_the_machine_can_be_reached() {
    for (query, what) in [
        ("env", "filter `env`"),
        ("$ENV", "variable `$ENV`"),
        ("input", "filter `input`"),
        ("inputs", "filter `inputs`"),
        ("halt", "filter `halt`"),
        ("halt_error", "filter `halt_error`"),
        ("input_filename", "filter `input_filename`"),
        ("localtime", "filter `localtime`"),
    ] {
        let message = format!("input `query` is wrong at line 1, column 1: there is no {what}");
        fails(query, Json::Null, &message).await;
    }
    for query in ["include \"x\"; .", "import \"x\" as x; .", "import \"/etc/passwd\" as $x; $x"] {
        let error = run("core.jq", json!({"query": query, "json": 1})).await.unwrap_err();
        assert!(
            error.message.starts_with("input `query` is wrong at line 1, "),
            "{query}: {}",
            error.message
        );
    }
}

/// Queries that never end, or would take all there is.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_goes_too_far_is_stopped() {
    let steps = "the query takes more than 10000000 steps";
    let memory = "the query's values have more than 268435456 bytes";
    let depth = "a value of the query has more than 120 levels";
    let stack = "the query calls itself too deeply";
    let queries = [
        ("last(range(1e12))", &[steps][..]),
        ("try (def f: f; f) catch 0", &[steps]),
        ("[range(1e12)]", &[steps, memory]),
        ("\"abc\" * 1e12", &[steps, memory]),
        ("reduce range(60) as $i (\"a\"; . + .)", &[steps, memory]),
        ("reduce range(60) as $i ([1]; . + .)", &[steps, memory]),
        (".[1e12] = 1", &[steps, memory]),
        ("reduce range(60) as $i ([1]; [., .]) | tojson", &[steps, memory]),
        ("reduce range(60) as $i ([1]; [., .]) | . == (.[0] | [., .])", &[steps]),
        ("reduce range(1e6) as $i (1; [.])", &[depth]),
        ("def f: 1 + f; f", &[stack]),
        ("def f: [f]; f", &[stack]),
    ];
    let stopped = queries.map(async |(query, expected)| {
        let error = run("core.jq", json!({"query": query, "json": null})).await.unwrap_err();
        assert!(expected.contains(&error.message.as_str()), "{query}: {}", error.message);
    });
    futures_util::future::join_all(stopped).await;
    fails("reduce range(60) as $i ([1]; [., .])", Json::Null, "the results have more than 16777216 bytes")
        .await;
    fails("range(250001) | null", Json::Null, "the query has more than 250000 results").await;
}

#[tokio::test]
async fn a_query_ends_when_its_time_is_up() {
    let begun = Instant::now();
    let inputs = json!({"query": "[range(1000000)] | sort_by(-.) | length", "json": null});
    let (outcome, _) = attempt("core.jq", &inputs, Duration::from_millis(50)).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.code.as_str(), "timeout");
    assert_eq!(error.message, "the query did not end within 0.05 s");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_nested_as_deep_as_it_can_be_is_read_or_refused() {
    for (open, close) in
        [("[", "]"), ("(", ")"), ("-", ""), (". as $x|", ""), ("try ", ""), ("1|", ""), ("{a:", "}")]
    {
        let count = 16 * 1024 / (open.len() + close.len()) - 1;
        let query = format!("{}1{}", open.repeat(count), close.repeat(count));
        // Whatever it gives, the process is still there.
        let _ = run("core.jq", json!({"query": query, "json": null})).await;
    }
    gives("1", Json::Null, json!(1)).await;
}
