//! The workflows in examples/: all are valid, and those that need no account elsewhere run as they stand.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::real::Server;
use super::support::run;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");

/// Every file there is, in order.
fn examples() -> Vec<String> {
    let entries = fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<String> = entries.map(|path| path.to_str().unwrap().to_owned()).collect();
    paths.sort();
    paths
}

fn example(file: &str) -> String {
    Path::new(FOLDER).join(file).to_str().unwrap().to_owned()
}

/// Runs a workflow to its end; its outputs.
fn outputs(server: &Server, name: &str, inputs: &[&str]) -> Value {
    let mut arguments = vec!["workflows", "execute", name, "--wait", "--json"];
    arguments.extend(inputs.iter().flat_map(|input| ["-i", input]));
    let ran = server.run(&arguments);
    assert_eq!(ran.code, 0, "{}", ran.transcript());
    ran.json()["outputs"].clone()
}

#[test]
fn every_example_is_valid() {
    let examples = examples();
    let mut arguments = vec!["validate"];
    arguments.extend(examples.iter().map(String::as_str));
    let ran = run(&arguments);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.transcript());
    assert_eq!(ran.stderr, format!("checked {} files: no problems\n", examples.len()));
}

#[test]
fn the_examples_run_as_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--example", &example("01-first-run.yaml")]);
    server.wait_for_example();
    // It makes the table on which another one waits for changes.
    let applied = server.run(&["workflows", "apply", &example("16-tables.yaml")]);
    assert_eq!(applied.code, 0, "{}", applied.transcript());
    assert_eq!(outputs(&server, "tables", &[])["high"], 1);
    let mut arguments = vec!["workflows", "apply"];
    let examples = examples();
    arguments.extend(examples.iter().map(String::as_str));
    let applied = server.run(&arguments);
    assert_eq!(applied.code, 0, "{}", applied.transcript());

    let expected = json!({"message": "Nictate works: 1 connection(s), nictate", "connections": ["nictate"]});
    assert_eq!(outputs(&server, "first-run", &[]), expected);

    assert_eq!(outputs(&server, "triage-alert", &[]), json!({"priority": "P1", "outside": ["198.51.100.7"]}));
    let quiet = outputs(&server, "triage-alert", &["severity=low", "text=ping from 10.0.0.1"]);
    assert_eq!(quiet, json!({"priority": "P3", "outside": []}));
    let critical = outputs(&server, "triage-alert", &["severity=critical", "text=nothing"]);
    assert_eq!(critical, json!({"priority": "P1", "outside": []}));

    let lines = outputs(&server, "loop-over-workflows", &[]);
    let lines = lines["workflows"].as_array().unwrap().clone();
    assert_eq!(lines.len(), examples.len(), "{lines:?}");
    for path in &examples {
        // `name: x` stands in the first line that is no comment.
        let text = fs::read_to_string(path).unwrap();
        let name = text.lines().find_map(|line| line.strip_prefix("name: ")).unwrap();
        let line = format!("{name}: {} characters", text.chars().count());
        assert!(lines.contains(&json!(line)), "`{line}` is not among {lines:?}");
    }

    let report = outputs(&server, "tolerate-a-failure", &[]);
    let report = report["report"].as_str().unwrap();
    assert!(report.starts_with("as expected: ") && report.contains("404"), "{report}");

    assert_eq!(outputs(&server, "wait-and-report", &["seconds=1"]), json!({"report": "waited 1 s"}));

    let caught = outputs(&server, "run-on-error", &[]);
    assert_eq!(caught, json!({"good": 1, "bad": ["S1[1].S2 http_status"]}));

    let seen = outputs(&server, "tables", &[]);
    assert_eq!(seen["high"], 1);
    assert_eq!(outputs(&server, "tables", &[]), seen, "the second run changes the record of the first");

    assert_eq!(outputs(&server, "tables", &["address=198.51.100.7"])["high"], 2);
    let listed =
        ["executions", "list", "--workflow", "when-a-record-changes", "--state", "COMPLETED", "--json"];
    let mut started = Vec::new();
    for _ in 0..200 {
        let ran = server.run(&listed);
        assert_eq!(ran.code, 0, "{}", ran.transcript());
        started = ran.json()["results"].as_array().cloned().unwrap_or_default();
        if !started.is_empty() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(started.len(), 1, "the change that was none starts nothing: {started:?}");
    assert_eq!(started[0]["trigger_type"], "event");

    let blocked = outputs(&server, "convert-and-query", &[]);
    let report = "source,count\n203.0.113.9,12\n";
    assert_eq!(
        blocked,
        json!({"addresses": ["203.0.113.9"], "last": "2026-01-02T03:04:20Z", "report": report})
    );

    for (score, level) in [("10", "low"), ("55", "medium"), ("90", "high")] {
        let sorted = outputs(&server, "file-of-2021", &[&format!("score={score}")]);
        assert_eq!(sorted, json!({"level": level}), "{score}");
    }

    // The zeros are no workflow's id: every call fails, and is tolerated.
    let called = outputs(&server, "call-a-workflow", &[]);
    let error = "the workspace has no workflow `00000000-0000-4000-8000-000000000000`";
    let answer = |address: &str| json!({"address": address, "found": null, "error": error});
    let answers = called["answers"].as_array().unwrap();
    assert_eq!(answers.len(), 2, "{called}");
    assert!(
        ["203.0.113.9", "198.51.100.7"].iter().all(|address| answers.contains(&answer(address))),
        "{called}"
    );

    let settings = outputs(&server, "step-settings", &[]);
    let expected = json!({
        "woke": null, "reputation": "clean", "discarded": null, "status": 200, "file": "report-low", "failed": "Failed",
    });
    assert_eq!(settings, expected);
    assert_eq!(outputs(&server, "step-settings", &["severity=high"])["woke"], "wake somebody up");

    let started = outputs(&server, "start-other-runs", &[]);
    assert_eq!(started, json!({"started": ["Failed", "Failed", "Failed"]}));

    let lines = outputs(&server, "code-steps", &["limit=2"]);
    assert_eq!(lines, json!({"lines": ["203.0.113.9: 3 block", "198.51.100.7: 1 watch"]}));

    let parallel = outputs(&server, "parallel-branches", &[]);
    let branches = json!({"S2": {"status": "OK"}, "S4": {"status": "OK"}});
    let answers = json!([200, 200, 200, 200]);
    assert_eq!(parallel, json!({"branches": branches, "other_side": "S5 failed", "answers": answers}));
}
