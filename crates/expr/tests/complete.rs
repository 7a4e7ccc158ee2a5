//! What the completion offers: a `|` in a source is the cursor here.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests, which may

use std::fs;
use std::path::PathBuf;

use expr::{CandidateKind, Completion, Shape, Value};

fn env() -> Shape {
    let owner = Shape::closed([("mail", Shape::Text), ("since", Shape::Time)]);
    let item = Shape::closed([("id", Shape::Int), ("sev", Shape::Text), ("owner", owner)]);
    let output = Shape::closed([("items", Shape::list(item)), ("when", Shape::Time)]);
    Shape::closed([
        (
            "inputs",
            Shape::closed([("name", Shape::Text), ("age", Shape::Int), ("since", Shape::Time.optional())]),
        ),
        (
            "steps",
            Shape::closed([
                ("S1", Shape::closed([("output", output), ("status", Shape::Text)])),
                ("my-step", Shape::closed([("output", Shape::Any)])),
            ]),
        ),
    ])
}

/// The completion at the cursor `¦`, which is taken out.
fn complete(marked: &str) -> (Completion, String) {
    let position = marked.find('¦').unwrap();
    let source = marked.replace('¦', "");
    let completion = match source.contains("{{ ") {
        true => expr::complete_template(&source, position, &env()),
        false => expr::complete(&source, position, &env()),
    };
    (completion, source)
}

/// The texts of the candidates but for functions and words of the language, and what they replace.
#[track_caller]
fn check(marked: &str, replaced: &str, expected: &[&str]) {
    let (completion, source) = complete(marked);
    let general = [CandidateKind::Function, CandidateKind::Keyword];
    let candidates = completion.candidates.iter().filter(|it| !general.contains(&it.kind));
    let texts: Vec<&str> = candidates.map(|candidate| candidate.text.as_str()).collect();
    assert_eq!(texts, expected, "{marked}");
    assert_eq!(&source[completion.span], replaced, "{marked}");
}

/// The texts of all candidates.
#[track_caller]
fn check_all(marked: &str, expected: &[&str]) {
    let (completion, _) = complete(marked);
    let texts: Vec<&str> = completion.candidates.iter().map(|candidate| candidate.text.as_str()).collect();
    assert_eq!(texts, expected, "{marked}");
}

#[test]
fn members_follow_a_dot() {
    check("inputs.¦", "", &["name", "age", "since"]);
    check("inputs.n¦", "n", &["name"]);
    check("inputs.na¦mes", "names", &["name"]);
    check("steps.S1.outp¦", "outp", &["output"]);
    check("steps?.S1?.output.¦", "", &["items", "when"]);
    check("steps.S1.output.items[0].owner.¦", "", &["mail", "since"]);
    check("steps.¦", "", &["S1"]);
    check("$env.inp¦", "inp", &["inputs"]);
    check("(inputs).a¦", "a", &["age"]);
}

#[test]
fn what_is_typed_is_looked_for_inside_only_if_nothing_begins_so() {
    check("inputs.ag¦", "ag", &["age"]);
    check("inputs.g¦", "g", &["age"]);
    check("inputs.AG¦", "AG", &["age"]);
    check("inputs.x¦", "x", &[]);
}

#[test]
fn keys_stand_in_quotes() {
    check("steps[\"¦", "", &["S1", "my-step"]);
    check("steps['my-¦']", "my-", &["my-step"]);
    check("steps[\"my-step\"].¦", "", &["output"]);
    check("inputs.name == \"¦", "", &[]);
}

#[test]
fn the_elements_of_loops_are_known() {
    check("filter(steps.S1.output.items, .s¦", "s", &["sev"]);
    check("filter(steps.S1.output.items, {.sev == \"x\" and #.¦", "", &["id", "sev", "owner"]);
    check("steps.S1.output.items | filter(.sev == \"high\") | map(.ow¦", "ow", &["owner"]);
    check("map(filter(steps.S1.output.items, true), .owner.¦", "", &["mail", "since"]);
    check("steps.S1.output.items | first().¦", "", &["id", "sev", "owner"]);
    check("map(steps.S1.output.items, let o = .owner; o.¦", "", &["mail", "since"]);
    check("map(steps.S1.output.items, ¦", "", &["#", ".id", ".sev", ".owner", "inputs", "steps"]);
    check_all("map(steps.S1.output.items, #in¦", &["index"]);
}

#[test]
fn roots_and_variables_are_in_sight() {
    check("inp¦", "inp", &["inputs"]);
    check("upper(in¦puts.name)", "inputs", &["inputs"]);
    check("let total = 1; let x = 2; tot¦", "tot", &["total"]);
    check("let inner = inputs; inner.¦", "", &["name", "age", "since"]);
    check("inputs.age > 1 ? inputs.n¦", "n", &["name"]);
    check("if inputs.age > 1 { inputs.n¦", "n", &["name"]);
    check("{a: inputs.n¦", "n", &["name"]);
    check("let ¦", "", &[]);
    check("{na¦", "na", &[]);
}

#[test]
fn functions_and_words_are_offered_where_they_may_stand() {
    check_all("uni¦", &["uniq("]);
    check_all("random¦", &["random_uuid()"]);
    check_all("upp¦(inputs.name)", &["upper"]);
    check_all("inputs.name | base¦", &["toBase64(", "fromBase64(", "encode_base_64(", "decode_base_64("]);
    check_all("inputs.age | to_up¦", &[]);
    check_all("steps.S1.output.items | fil¦", &["filter("]);
    check_all("inputs.name con¦", &["contains"]);
    check_all("inputs.name not ¦", &["in", "contains", "matches", "startsWith", "endsWith"]);
    check_all("fals¦", &["false"]);
}

#[test]
fn methods_follow_times_and_durations() {
    check_all("date(\"2026-01-01\").Wee¦", &["Weekday()"]);
    check_all("inputs.since.Form¦", &["Format("]);
    check_all("(now() - inputs.since).Ho¦", &["Hours()"]);
    check_all("steps.S1.output.when.YearD¦()", &["YearDay"]);
    check_all("inputs.name.¦", &[]);
}

#[test]
fn what_does_not_parse_before_the_place_is_passed_over() {
    check("foo bar baz, inputs.¦", "", &["name", "age", "since"]);
    check("{{a: inputs.n¦", "n", &["name"]);
    check("1 + + & ) steps.S1.¦", "", &["output", "status"]);
    check("\"abc\\q\" + inputs.¦", "", &["name", "age", "since"]);
    check("inputs.age ++ (inputs.¦ + 1", "", &["name", "age", "since"]);
    check("inputs.name // inputs.¦", "", &[]);
    check("inputs.name /* inputs.¦", "", &[]);
    check("\"http://x\" + inputs.¦", "", &["name", "age", "since"]);
}

#[test]
fn templates_are_completed_inside_their_braces() {
    check("Hello {{ inp¦", "inp", &["inputs"]);
    check("Hello {{ inp¦ }} and {{ x }}", "inp", &["inputs"]);
    check("Hello {{ x }} and {{ inputs.¦ }}", "", &["name", "age", "since"]);
    check("Hello {{ \"x }} and {{ inputs.¦ }}", "", &["name", "age", "since"]);
    check("Hello inp¦ {{ x }}", "", &[]);
    check("{{ x }} inputs.¦", "", &[]);
}

#[test]
fn every_position_of_every_source_is_survived() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/");
    let env: Value =
        serde_json::from_str(&fs::read_to_string(path.join("scopes.env.json")).unwrap()).unwrap();
    let env = Shape::of(&env);
    let rows = fs::read_to_string(path.join("scopes.tsv")).unwrap();
    let generated = fs::read_to_string(path.join("generated.tsv")).unwrap();
    let some = generated.lines().step_by(97);
    let odd = [
        "",
        "é.é",
        "{{",
        "{{}}",
        "}}",
        "{{ \"é",
        "#",
        ".",
        "?.",
        "((((",
        "a[\"",
        "/*",
        "//",
        "\\",
        "\u{0}.\u{0}",
        "🦀 | 🦀",
    ];
    let sources = rows.lines().chain(some).map(|row| row.split_once('\t').unwrap().0).chain(odd);
    for source in sources {
        let boundaries: Vec<usize> = source.char_indices().map(|(at, _)| at).chain([source.len()]).collect();
        for prefix in boundaries.iter().map(|end| &source[..*end]) {
            let here = expr::complete(prefix, prefix.len(), &env);
            assert!(here.span.end <= prefix.len() && prefix.get(here.span).is_some(), "{prefix}");
            expr::check(prefix, &env);
            expr::check_template(&format!("x {{{{ {prefix}"), &env);
            expr::complete_template(&format!("x {{{{ {prefix}"), prefix.len() + 5, &env);
        }
        for position in 0..source.len() + 3 {
            let there = expr::complete(source, position, &env);
            assert!(source.get(there.span).is_some(), "{source} at {position}");
            let there = expr::complete_template(source, position, &env);
            assert!(source.get(there.span).is_some(), "{source} at {position}");
        }
    }
}

#[test]
fn a_deep_or_long_source_is_survived() {
    for unit in
        ["(", "[", "{a: ", "a.", "filter(a, ", "a ? ", "let x = ", "if a { ", "& ", "a b, ", "\"", "a + "]
    {
        let source = unit.repeat(10_000);
        expr::complete(&source, source.len(), &env());
        expr::check(&source, &env());
    } // Shapes that double with every line, and that go deeper with every line.
    let doubled: String =
        (1..150).map(|i| format!("let v{i} = {{x: v{}, y: v{}}}; ", i - 1, i - 1)).collect();
    let piped = "[1]".to_owned() + &" | map({{x: #, y: #}})".repeat(150);
    let either: String =
        (1..150).map(|i| format!("let v{i} = ok ? {{x: v{}}} : {{y: v{}}}; ", i - 1, i - 1)).collect();
    let (open, close) = ("[".repeat(40), "]".repeat(40));
    let deep: String = (1..150).map(|i| format!("let v{i} = {open}v{}{close}; ", i - 1)).collect();
    for (lets, last) in
        [(doubled, "[v149, v148, v149 == v148]"), (either, "[v149, v148]"), (deep, "[v149, v1]")]
    {
        let source = format!("let v0 = 1; {lets}{last}");
        expr::check(&source, &env());
        drop(expr::shape(&source, &env()).to_string());
        expr::complete(&format!("let v0 = 1; {lets}[v1"), source.len(), &env());
    }
    expr::check(&piped, &env());
    // As deep as a tree may be.
    for deepest in [
        format!("[1]{}", " | map([#])".repeat(120)),
        format!("[1]{}", " | filter(true)".repeat(247)),
        format!("1{}", " + 1".repeat(248)),
        format!("{}1", "let a = 1; ".repeat(60)),
        format!("now(){}", "?.UTC()".repeat(120)),
        format!("true{}", " ? 1 : 2".repeat(200)),
    ] {
        expr::check(&deepest, &env());
        expr::complete(&deepest, deepest.len(), &env());
    }
    expr::check(&format!("[{}]", "steps, inputs, ".repeat(3000)), &env());
}
