//! `nictate run`: workflow files without a server.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use super::support::{Fake, Ran, nictate, run, run_with_input};

/// Its words, without what measures time.
fn words(text: &str) -> String {
    let words =
        text.split_whitespace().filter(|word| word.parse::<f64>().is_err() && !["ms", "s"].contains(word));
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_file_runs_with_the_inputs_given() {
    let ran = run(&["run", "good.yaml", "--input", "who=you", "-i", "times=3"]);
    assert_eq!(ran.code, 0, "{}", ran.transcript());
    assert_eq!(ran.json(), json!({"greeting": "hello you", "times": 3}));
    assert_eq!(words(&ran.stderr), r#"S1 OK {"greeting":"hello you"} S2 OK hello you Completed"#);
}

#[test]
fn with_json_the_run_is_one_document() {
    let document = run(&["run", "good.yaml", "-i", "who=you", "--json"]).json();
    assert_eq!(document["execution"]["state_ui"], "Completed");
    assert_eq!(document["execution"]["inputs"], json!({"who": "you", "times": 1}));
    assert_eq!(document["steps"][1]["step_id"], "S2");
    assert_eq!(document["steps"][1]["output_data"], "hello you");
    assert_eq!(document["outputs"]["greeting"], "hello you");
}

#[test]
fn inputs_that_do_not_fit_are_all_named() {
    let ran = run(&["run", "good.yaml", "-i", "times=many"]);
    assert_eq!(ran.code, 6);
    insta::assert_snapshot!(ran.stderr, @r"
    error: the inputs are not what the workflow declares
      input `who` is required
      input `times` must be a number, not `many`
    ");
}

#[test]
fn a_file_that_calls_another_workflow_is_not_run_unless_the_call_is_mocked() {
    let folder = tempfile::tempdir().unwrap();
    let step = "- {id: S1, action: automations.00000000-0000-4000-8000-000000000000";
    let run_with = |more: &str| {
        let path = folder.path().join("calls.yaml");
        std::fs::write(&path, format!("workflow:\n- section: Steps\n  steps:\n  {step}{more}}}\n")).unwrap();
        run(&["run", path.to_str().unwrap()])
    };
    let ran = run_with("");
    assert_eq!(ran.code, 6);
    assert!(
        ran.stderr.contains("cannot be run here: step `S1` calls another workflow"),
        "{}",
        ran.transcript()
    );
    assert_eq!(run_with(", mock_output_enabled: true, mock_output: 1").code, 0);
}

#[test]
fn a_file_with_errors_is_not_run() {
    let ran = run(&["run", "wrong.yaml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (6, ""));
    assert!(ran.stderr.contains("--> wrong.yaml:6:17"), "{}", ran.stderr);
    assert!(ran.stderr.ends_with("error: `wrong.yaml` cannot be run: 2 errors\n"), "{}", ran.stderr);
}

fn ask(fake: &Fake, allow_private: bool) -> Ran {
    let mut command = nictate(&["run", "http.yaml", "--input", &format!("url={}/hello", fake.url)]);
    if allow_private {
        command.env("NICTATE_HTTP_ALLOW_PRIVATE", "true");
    }
    run_with_input(command, "")
}

#[test]
fn private_addresses_are_closed_until_they_are_opened() {
    let fake = Fake::start(|_| (200, json!({"hello": "world"}).to_string()));
    let ran = ask(&fake, false);
    assert_eq!((ran.code, ran.stdout.as_str()), (5, ""), "{}", ran.transcript());
    assert!(ran.stderr.contains("Failed: 127.0.0.1 is closed to workflows"), "{}", ran.stderr);
    assert!(fake.requests().is_empty());
    let ran = ask(&fake, true);
    assert_eq!(ran.json(), json!({"answer": {"hello": "world"}}), "{}", ran.stderr);
    assert_eq!(fake.lines(), "GET /hello\n");
}

#[test]
fn a_service_that_fails_fails_the_run() {
    let fake = Fake::start(|_| (503, "no".to_owned()));
    let ran = ask(&fake, true);
    assert_eq!(ran.code, 5);
    assert!(ran.stderr.contains("503"), "{}", ran.stderr);
}

#[test]
fn a_run_ends_when_its_time_is_up() {
    let slow = Fake::start(|_| {
        std::thread::sleep(Duration::from_secs(20));
        (200, "null".to_owned())
    });
    // By the command, and by the workflow itself.
    for words in [&["run", "http.yaml", "--timeout", "1", "--input"][..], &["run", "hasty.yaml", "--input"]] {
        let mut command = nictate(words);
        command.arg(format!("url={}/slow", slow.url)).env("NICTATE_HTTP_ALLOW_PRIVATE", "true");
        let ran = run_with_input(command, "");
        assert_eq!(ran.code, 5);
        assert!(ran.stderr.contains("Timeout: the run took longer than the 1000 ms"), "{}", ran.stderr);
    }
}

#[test]
fn an_interrupt_cancels_the_run() {
    let mut child = nictate(&["run", "sleep.yaml"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    stderr.read_line(&mut first).unwrap();
    assert!(first.starts_with("S1 "), "{first}");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(5));
    assert!(rest.contains("Cancelled: interrupted at the terminal"), "{rest}");
}

#[test]
fn a_connection_that_is_not_stored_is_missed_before_the_run_begins() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let ran = run(&["run", "connection.yaml", "--data", data]);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""));
    assert!(ran.stderr.contains("there is no database"), "{}", ran.stderr);
    assert!(!folder.path().join("nictate.db").exists(), "looking makes nothing");
}

#[test]
fn a_setting_that_is_none_is_refused() {
    let mut command = nictate(&["run", "good.yaml"]);
    command.env("NICTATE_HTTP_ALLOW_PRIVTE", "true");
    let ran = run_with_input(command, "");
    assert_eq!(ran.code, 6);
    assert!(ran.stderr.contains("NICTATE_HTTP_ALLOW_PRIVTE"), "{}", ran.stderr);
}
