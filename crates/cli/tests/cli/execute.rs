//! `nictate workflows execute` and `nictate executions …`.

use std::sync::atomic::{AtomicUsize, Ordering};

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::support::{Fake, page, refusal};

const WORKFLOW: &str = "0192d0c0-0000-7000-8000-000000000002";
const RUN: &str = "0192d0c0-0000-7000-8000-000000000003";

fn step(id: &str, started_at: i64, finished_at: i64, output: &Value, error: &Value) -> Value {
    let state = match (finished_at, error.is_null()) {
        (0, _) => "Running",
        (_, true) => "OK",
        _ => "Failed",
    };
    json!({
        "id": format!("row-{id}"), "step_id": id, "state": state, "started_at": started_at,
        "finished_at": finished_at, "output_data": output, "error_data": error,
    })
}

/// A server whose run ends in `state` at the third question.
fn server(state: &'static str) -> Fake {
    let asked = AtomicUsize::new(0);
    Fake::start(move |request| {
        let run = format!("/api/v1/executions/{RUN}");
        let now = asked.load(Ordering::SeqCst);
        match (request.method.as_str(), request.path.strip_prefix(&run).unwrap_or(&request.path)) {
            ("GET", "/api/v1/playbooks") => page(&json!([{"id": WORKFLOW}])),
            ("POST", path) if path.ends_with("/execute") => (200, json!({"execution_id": RUN}).to_string()),
            ("GET", "") => {
                let over = asked.fetch_add(1, Ordering::SeqCst) >= 2;
                (200, execution(if over { state } else { "Running" }).to_string())
            }
            ("GET", "/steps") => {
                let failed = json!({"message": "host `x` answered 503", "code": "http_status"});
                let error = if state == "Failed" { failed } else { Value::Null };
                page(&json!([
                    step("S1", 1_000, 1_012, &json!({"a": [1, 2]}), &Value::Null),
                    step("S2", 1_012, if now < 3 { 0 } else { 3_500 }, &json!("done"), &error),
                ]))
            }
            ("GET", "/outputs") if state == "Completed" => (200, json!({"verdict": "fine"}).to_string()),
            ("GET", "/outputs") => (200, json!({}).to_string()),
            ("POST", "/restart") => {
                let answer =
                    json!({"id": RUN, "execution_id": "the new one", "step": "S2", "cancelled": true});
                (200, answer.to_string())
            }
            ("POST", "/pause" | "/resume" | "/resolve" | "/complete") => (200, execution(state).to_string()),
            ("POST", "/cancel") => (200, json!("ok").to_string()),
            ("GET", "/api/v1/executions") => page(&json!([execution(state)])),
            _ => refusal(404, "route_not_found", &request.line()),
        }
    })
}

fn execution(state: &str) -> Value {
    let message = if state == "Failed" { "step `S2`: host `x` answered 503" } else { "" };
    json!({
        "id": RUN, "name": "Greet", "state_ui": state, "state": state.to_lowercase(),
        "started_at": 1_770_091_506_000_i64,
        "finished_at": if state == "Running" { 0 } else { 1_770_091_508_500_i64 },
        "error_details": {"message": message, "error_code": ""}, "cancel_reason": "",
    })
}

#[test]
fn without_waiting_the_id_is_all() {
    let server = server("Completed");
    let ran = server.run(&["workflows", "execute", "Greet", "-i", "who=you", "-i", "times:=2"]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, &*format!("{RUN}\n"), ""));
    let request = &server.requests()[1];
    assert_eq!(request.line(), format!("POST /api/v1/playbooks/{WORKFLOW}/execute"));
    assert_eq!(request.body, r#"{"input_values":{"who":"you","times":2}}"#);
}

#[test]
fn waiting_shows_steps_as_they_finish_and_then_the_outputs() {
    let ran = server("Completed").run(&["workflows", "execute", WORKFLOW, "--wait"]);
    assert_snapshot!(ran.transcript(), @r#"
    exit 0
    ---- stdout
    {
      "verdict": "fine"
    }
    ---- stderr
    execution 0192d0c0-0000-7000-8000-000000000003
    S1           OK            12 ms  {"a":[1,2]}
    S2           OK            2.4 s  done
    Completed
    "#);
}

#[test]
fn a_run_that_fails_ends_with_5() {
    let ran = server("Failed").run(&["workflows", "execute", WORKFLOW, "--wait"]);
    assert_snapshot!(ran.transcript(), @r#"
    exit 5
    ---- stdout
    ---- stderr
    execution 0192d0c0-0000-7000-8000-000000000003
    S1           OK            12 ms  {"a":[1,2]}
    S2           Failed        2.4 s  host `x` answered 503
    Failed: step `S2`: host `x` answered 503
    "#);
}

#[test]
fn with_json_the_run_is_one_document() {
    let ran = server("Completed").run(&["workflows", "execute", WORKFLOW, "--wait", "--json"]);
    let document = ran.json();
    assert_eq!(document["execution"]["state_ui"], "Completed");
    assert_eq!(document["steps"].as_array().unwrap().len(), 2);
    assert_eq!(document["outputs"], json!({"verdict": "fine"}));
}

#[test]
fn a_run_that_is_not_over_in_time_goes_on() {
    let ran = server("Running").run(&["workflows", "execute", WORKFLOW, "--wait", "--timeout", "1"]);
    assert_eq!(ran.code, 5);
    assert!(ran.stderr.contains("goes on: it was not over in the time given"), "{}", ran.stderr);
}

#[test]
fn a_paused_run_ends_the_waiting() {
    assert_eq!(server("Paused").run(&["workflows", "execute", WORKFLOW, "--wait"]).code, 5);
}

#[test]
fn logs_are_a_table_of_steps() {
    let server = server("Failed");
    assert_snapshot!(server.run(&["executions", "logs", RUN]).stdout, @r#"
    STEP  STATE    DURATION  OUTPUT OR ERROR
    S1    OK       12 ms     {"a":[1,2]}
    S2    Running  -         host `x` answered 503
    "#);
    let ran = server.run(&["executions", "logs", RUN, "--follow"]);
    assert_snapshot!(ran.transcript(), @r#"
    exit 0
    ---- stdout
    S1           OK            12 ms  {"a":[1,2]}
    S2           Failed        2.4 s  host `x` answered 503
    ---- stderr
    Failed: step `S2`: host `x` answered 503
    "#);
}

#[test]
fn runs_are_listed_shown_and_cancelled() {
    let server = server("Completed");
    let ran = server.run(&["executions", "list", "--workflow", "Greet", "--state", "COMPLETED"]);
    assert_snapshot!(ran.stdout, @r"
    ID                                    WORKFLOW  STATE      STARTED               DURATION
    0192d0c0-0000-7000-8000-000000000003  Greet     Completed  2026-02-03 04:05:06Z  2.5 s
    ");
    let query = &server.requests()[1].query;
    assert!(
        query.contains(&format!(r#""filter":{{"playbook_id":"{WORKFLOW}","state_ui":"Completed"}}"#)),
        "{query}"
    );
    for _ in 0..2 {
        server.run(&["executions", "get", RUN]);
    }
    assert_snapshot!(server.run(&["executions", "get", RUN]).stdout, @r#"
    id:        0192d0c0-0000-7000-8000-000000000003
    workflow:  Greet
    state:     Completed
    started:   2026-02-03 04:05:06Z
    finished:  2026-02-03 04:05:08Z
    duration:  2.5 s
    outputs:   {"verdict":"fine"}
    "#);
    let ran = server.run(&["executions", "cancel", RUN]);
    assert_eq!(ran.stderr, format!("cancelled execution `{RUN}`\n"));
}

#[test]
fn a_run_is_decided_about() {
    let decide = |state: &'static str, args: &[&str]| {
        let server = server(state);
        let ran = server.run(&[&["executions"], args].concat());
        let request = server.requests().into_iter().next();
        let asked = request.map(|request| {
            let path = request.path.rsplit('/').next().unwrap_or_default().to_owned();
            format!("{path} {}", request.body)
        });
        (ran.code, ran.stderr, asked.unwrap_or_default())
    };
    let check = |state: &'static str, args: &[&str], asked: &str| {
        assert_eq!(decide(state, args), (0, format!("execution `{RUN}` is {state}\n"), asked.to_owned()));
    };
    check("Paused", &["pause", RUN, "--reason", "lunch"], r#"pause {"reason":"lunch"}"#);
    check("Running", &["resume", RUN], "resume {}");
    check(
        "Running",
        &["resume", RUN, "--step", "S1", "-i", "url=x", "-i", "retries:=2"],
        r#"resume {"inputs":{"url":"x","retries":2},"step":"S1"}"#,
    );
    check("Running", &["resolve", RUN, "retry"], r#"resolve {"decision":"retry","inputs":{}}"#);
    check(
        "Running",
        &["resolve", RUN, "done", "--step", "S1", "--output", r#"{"a": 1}"#],
        r#"resolve {"step":"S1","decision":"done","output":{"a":1}}"#,
    );
    check(
        "Failed",
        &["resolve", RUN, "failed", "--message", "it says no"],
        r#"resolve {"decision":"failed","message":"it says no"}"#,
    );
    check("Completed", &["complete", RUN], "complete {}");

    let (code, error, asked) = decide("Running", &["resolve", RUN, "done", "--message", "x"]);
    assert_eq!((code, asked.as_str()), (2, ""));
    assert!(error.contains("`--message` belongs to the decision `failed`"), "{error}");
    let server = server("Paused");
    let ran = server.run(&["executions", "restart", RUN, "--step", "S2"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "the new one\n"));
    assert_eq!(ran.stderr, "begins with step `S2`; the paused run is cancelled\n");
    assert_eq!(server.requests()[0].body, r#"{"step":"S2"}"#);
}
