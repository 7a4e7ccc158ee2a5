//! `nictate eval`.

use std::fs;

use insta::assert_snapshot;
use tempfile::TempDir;

use super::support::{Ran, nictate, run, run_with_input};

/// Runs `nictate eval` on an environment, which it finds in a file.
fn eval(env: &str, arguments: &[&str]) -> Ran {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("env.json");
    fs::write(&file, env).unwrap();
    run(&[&["eval", "--env", file.to_str().unwrap()], arguments].concat())
}

const ALERT: &str = r#"{"inputs": {"ips": ["10.0.0.1", "8.8.8.8"], "severity": "high", "score": 7.0}}"#;

#[test]
fn the_result_is_one_line_of_json() {
    for (expression, result) in [
        ("inputs.severity == 'high' ? 'page' : 'mail'", "\"page\""),
        ("filter(inputs.ips, not is_private_ip(#))", "[\"8.8.8.8\"]"),
        ("inputs.score", "7.0"),
        ("inputs.missing", "null"),
        ("-1 + 2", "1"),
        ("{a: [1, nil, true]}", "{\"a\":[1,null,true]}"),
    ] {
        let ran = eval(ALERT, &[expression]);
        assert_eq!(
            (ran.code, ran.stdout, ran.stderr),
            (0, format!("{result}\n"), String::new()),
            "{expression}"
        );
    }
}

#[test]
fn without_an_environment_there_are_no_roots() {
    assert_eq!(run(&["eval", "inputs ?? 'none'"]).stdout, "\"none\"\n");
}

#[test]
fn an_error_shows_its_place_and_what_was_meant() {
    assert_snapshot!(eval(ALERT, &["len(inputs.ips) > 1 and\n  contians(inputs.severity, 'h')"]).transcript(), @r"
    exit 6
    ---- stdout
    ---- stderr
    error: function `contians` does not exist (line 2, column 3)
      2 |   contians(inputs.severity, 'h')
            ^^^^^^^^
      hint: did you mean the operator `contains`: `a contains b`?
    ");
    assert_snapshot!(eval(ALERT, &["inputs.ips.first"]).transcript(), @r"
    exit 6
    ---- stdout
    ---- stderr
    error: a list has no member `first` (line 1, column 1)
      1 | inputs.ips.first
          ^^^^^^^^^^^^^^^^
      hint: one element is `[0].first`, all of them `map(list, .first)`
    ");
}

#[test]
fn with_json_an_error_is_a_document() {
    let ran = eval(ALERT, &["--json", "1 +"]);
    assert_eq!(ran.code, 6);
    assert_eq!(ran.json()["error"]["exit_code"], 6);
    assert!(ran.json()["error"]["message"].as_str().unwrap().contains("line 1"), "{}", ran.stdout);
}

#[test]
fn a_template_is_text_unless_it_is_one_expression() {
    let of = |text| eval(ALERT, &["--template", text]).stdout;
    assert_eq!(of("{{ inputs.ips }}"), "[\"10.0.0.1\",\"8.8.8.8\"]\n");
    assert_eq!(of("{{ len(inputs.ips) }} of {{ inputs.ips }}, {{{{"), "");
    assert_eq!(of("no expression"), "\"no expression\"\n");
}

#[test]
fn in_the_code_of_a_step_values_are_never_code() {
    let of = |language, text| eval(ALERT, &["--template", "--language", language, text]).stdout;
    assert_eq!(
        of("python", "ips = {{ inputs.ips }}; x = {{ inputs.missing }}"),
        "\"ips = ['10.0.0.1', '8.8.8.8']; x = None\"\n"
    );
    assert_eq!(of("bash", "ping {{ inputs.ips[0] }}"), "\"ping '10.0.0.1'\"\n");
    assert_eq!(of("javascript", "x = {{ inputs.missing }}"), "\"x = null\"\n");
    assert_eq!(eval(ALERT, &["--language", "python", "1"]).code, 2);
    assert_eq!(eval(ALERT, &["--template", "--language", "perl", "1"]).code, 2);
}

#[test]
fn clock_and_randomness_can_be_handed_in() {
    let again =
        || run(&["eval", "--now", "2026-01-02T03:04:05Z", "--seed", "7", "[string(now()), random_uuid()]"]);
    assert_eq!(again().stdout, again().stdout);
    assert!(again().stdout.starts_with("[\"2026-01-02 03:04:05"), "{}", again().stdout);
    assert_ne!(run(&["eval", "random_uuid()"]).stdout, run(&["eval", "random_uuid()"]).stdout);
    assert_eq!(run(&["eval", "--now", "yesterday", "1"]).code, 2);
}

#[test]
fn a_batch_answers_a_line_for_each_line_whatever_it_holds() {
    let ran = run_with_input(
        nictate(&["eval", "--batch", "-"]),
        "1 + 1\n\nnope(1)\r\n1 / 0\n[1,\n\"a\" + 1\n'é'\nlast",
    );
    assert_snapshot!(ran.transcript(), @r#"
    exit 0
    ---- stdout
    2
    {"error":"expected a value, the expression ends"}
    {"error":"function `nope` does not exist"}
    {"error":"the result holds an infinity or a NaN, which JSON cannot express"}
    {"error":"expected a value, the expression ends"}
    {"error":"`+` does not work on a text and an int"}
    "é"
    null
    ---- stderr
    "#);
}

#[test]
fn a_batch_goes_on_after_bytes_that_are_no_text() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("lines");
    fs::write(&file, b"1\n'\xff'\n2\n").unwrap();
    let ran = run(&["eval", "--batch", file.to_str().unwrap()]);
    assert_eq!(ran.code, 0);
    assert_snapshot!(ran.stdout, @r#"
    1
    {"error":"the line is no text in UTF-8: byte 1 is not valid"}
    2
    "#);
}

#[test]
fn a_batch_of_templates_is_one_too() {
    let ran =
        run_with_input(nictate(&["eval", "--template", "--batch", "-"]), "a {{ 1 + 1 }}\n{{ 1 + 1 }}\n");
    assert_eq!(ran.stdout, "\"a 2\"\n2\n");
}

#[test]
fn stdin_is_read_for_the_expression_or_for_the_environment() {
    assert_eq!(run_with_input(nictate(&["eval", "-"]), "1 +\n 1").stdout, "2\n");
    assert_eq!(run_with_input(nictate(&["eval", "--env", "-", "x"]), "{\"x\": 3}").stdout, "3\n");
    assert_snapshot!(run(&["eval", "--env", "-", "-"]).transcript(), @r"
    exit 2
    ---- stdout
    ---- stderr
    error: stdin can be read only once: `-` stands for two things
    ");
}

#[test]
fn an_environment_that_is_none_is_refused() {
    assert_snapshot!(eval("[1]", &["1"]).stderr, @r#"
    error: the environment is a JSON object, not array
      hint: its members are the roots: `{"inputs": {…}}`
    "#);
    let ran = eval("{\"a\": ", &["1"]);
    assert_eq!(ran.code, 6);
    assert!(ran.stderr.contains("as JSON: EOF while parsing"), "{}", ran.stderr);
    let ran = run(&["eval", "--env", "missing.json", "1"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("cannot read the environment from `missing.json`"), "{}", ran.stderr);
}

#[test]
fn an_environment_beyond_the_limit_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("env.json");
    fs::File::create(&path).unwrap().set_len(64 * 1024 * 1024 + 1).unwrap();
    let ran = run(&["eval", "--env", path.to_str().unwrap(), "1"]);
    assert_eq!(ran.code, 6);
    assert!(ran.stderr.contains("is longer than 67108864 bytes"), "{}", ran.stderr);
}

#[test]
fn one_of_expression_and_batch_must_be_given() {
    for arguments in [&["eval"][..], &["eval", "1", "--batch", "x"], &["eval", "--seed", "x", "1"]] {
        assert_eq!(run(arguments).code, 2, "{arguments:?}");
    }
}

#[test]
fn what_is_wrong_is_said_all_at_once_without_evaluating() {
    let source = "uper(inputs.severity) + 1 and\n  inputs.sverity == 'high'";
    assert_snapshot!(eval(ALERT, &["--check", source]).transcript(), @r"
    exit 6
    ---- stdout
    error: function `uper` does not exist (line 1, column 1)
      1 | uper(inputs.severity) + 1 and
          ^^^^
      hint: did you mean `upper`?
    error: `&&` takes truth values, not a number (line 1, column 1)
      1 | uper(inputs.severity) + 1 and
          ^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: compare it: `x != nil`, `len(x) > 0`
    warning: `inputs` has no member `sverity`, so it is nil (line 2, column 10)
      2 |   inputs.sverity == 'high'
                   ^^^^^^^
      hint: did you mean `severity`?
    ---- stderr
    ");
    let report = eval(ALERT, &["--check", "--json", source]);
    assert_eq!(report.code, 6);
    assert_eq!(report.json()[0]["span"], serde_json::json!({"start": 0, "end": 4}));
    assert_eq!(eval(ALERT, &["--check", "inputs.ips[0]"]).transcript(), "exit 0\n---- stdout\n---- stderr\n");
}

#[test]
fn a_suspicion_is_no_error_and_without_an_environment_there_is_none() {
    let ran = eval(ALERT, &["--check", "--template", "{{ inputs.nothing }} and {{ inputs.score }}"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.starts_with("warning: `inputs` has no member `nothing`"), "{}", ran.stdout);
    assert_eq!(run(&["eval", "--check", "inputs.nothing"]).stdout, "");
}

#[test]
fn what_may_be_written_at_a_place_is_listed() {
    assert_snapshot!(eval(ALERT, &["--complete", "9", "inputs.se"]).stdout, @"severity  member    text");
    let report = eval(ALERT, &["--complete", "9", "--json", "--template", "x {{ inpu }}"]).json();
    assert_eq!(report["candidates"][0]["text"], "inputs");
    assert_eq!(report["span"], serde_json::json!({"start": 5, "end": 9}));
    assert_eq!(run(&["eval", "--complete", "x", "1"]).code, 2);
}
