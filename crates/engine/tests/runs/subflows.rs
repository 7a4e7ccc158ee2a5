//! Steps that run another workflow: what the driver is asked for, and what becomes of its answers.

use std::time::Duration;

use engine::{Command, EffectResult, Entry, Event, Execution, RunState, StepError, SubflowOptions};
use expr::Value;
use serde_json::json;
use types::Timestamp;

use crate::support::{Driver, START, document, no_effects, plan, round_trip, run, run_with};

const CALL: &str = "action: automations.11111111-2222-3333-4444-555555555555";

fn calling(rest: &str) -> String {
    document(
        &format!("- {{id: S1, {CALL}, {rest}}}\n"),
        "inputs:\n  given: {type: dynamic_text}\noutputs:\n  said: {value: '{{ steps.S1.error_code ?? steps.S1.output?.said }}'}\n",
    )
}

fn later(seconds: u64) -> Timestamp {
    START.saturating_add(Duration::from_secs(seconds))
}

fn finished(attempt: u32, result: EffectResult) -> Event {
    Event::EffectFinished { path: "S1".into(), attempt, result }
}

fn failure() -> EffectResult {
    EffectResult::Failed { error: StepError::new("subflow_failed", "no answer"), output: Value::Nil }
}

/// The options with which the step is begun, and when its timer is due.
fn begun(document: &str, given: serde_json::Value) -> Result<(SubflowOptions, Option<Timestamp>), String> {
    let (mut driver, _) = Driver::start(&plan(document), json!({"given": given}), &no_effects);
    let commands = driver.execution.advance(Event::Continue, START);
    if let Some(error) = driver.execution.error() {
        return Err(format!("{}: {}", error.code, error.message));
    }
    let mut timer = None;
    for command in &commands {
        match command {
            Command::SetTimer { path, due } if path == "S1" => timer = Some(*due),
            Command::CallSubflow(call) => {
                let Command::Append(entry) = &commands[0] else { panic!("{commands:?}") };
                let Entry::StepStarted { subflow, .. } = round_trip(entry) else { panic!("{entry:?}") };
                assert_eq!(subflow.as_ref(), Some(&call.options));
                return Ok((call.options.clone(), timer));
            }
            _ => {}
        }
    }
    panic!("nothing is called: {commands:?}")
}

#[test]
fn the_outputs_of_the_run_that_is_called_are_the_step_s() {
    let answer = |_: &str, _: u32, inputs: &serde_json::Value| {
        EffectResult::Succeeded(Value::from(json!({"said": inputs["a"]})))
    };
    let ended = run_with(&calling("inputs: {a: '{{ inputs.given }}'}"), json!({"given": [1]}), &answer);
    assert_eq!((ended.error, ended.outputs), (None, json!({"said": [1]})));
}

#[test]
fn a_call_that_fails_may_be_tried_again_and_tolerated() {
    let answer = |_: &str, attempt: u32, _: &serde_json::Value| match attempt {
        1 => failure(),
        _ => EffectResult::Succeeded(Value::from(json!({"said": attempt}))),
    };
    let ended = run_with(&calling("retry: {attempts: 2, initial_backoff: 0}"), json!({}), &answer);
    assert_eq!((ended.error, ended.outputs), (None, json!({"said": 2})));
    let ended = run_with(&calling("continue_on_error: true"), json!({}), &|_, _, _| failure());
    assert_eq!((ended.error, ended.outputs), (None, json!({"said": "subflow_failed"})));
}

#[test]
fn how_it_is_called_is_evaluated_and_journaled() {
    let check = |configuration: &str, given, expected| {
        assert_eq!(begun(&calling(&format!("configuration: {{{configuration}}}")), given), expected);
    };
    let none = SubflowOptions::default();
    check("run_draft: '{{ inputs.given }}'", json!(null), Ok((none.clone(), None)));
    check(
        "run_draft: '{{ inputs.given }}'",
        json!(true),
        Ok((SubflowOptions { is_draft: true, ..none.clone() }, None)),
    );
    let bounded = SubflowOptions { timeout_ms: Some(90_000), ..none.clone() };
    check("subflow_timeout_in_minutes: 1.5", json!(null), Ok((bounded.clone(), Some(later(90)))));
    check(
        "subflow_timeout_in_minutes: '{{ inputs.given }}', timeout: 90",
        json!("2"),
        Ok((bounded, Some(later(90)))),
    );
    // Nobody waits, so nothing bounds the wait.
    let alone = SubflowOptions { is_async: true, ..none };
    check(
        "run_async: true, subflow_timeout_in_minutes: 1, timeout: 1",
        json!(null),
        Ok((alone.clone(), None)),
    );

    let at = "run_async: true, subflow_future_schedule_time: '{{ inputs.given }}'";
    let soon = (START.as_millis() + 119_999) as f64 / 1000.0;
    check(at, json!(soon), Ok((alone.clone(), None)));
    check(at, json!("1999-01-01"), Ok((alone.clone(), None)));
    check(at, json!(""), Ok((alone.clone(), None)));
    let begins_at = Some(later(120));
    check(at, json!(later(120).as_millis() / 1000), Ok((SubflowOptions { begins_at, ..alone }, None)));
}

#[test]
fn a_setting_that_gives_nothing_sensible_fails_the_step() {
    let check = |configuration: &str, given, expected: &str| {
        let error = begun(&calling(&format!("configuration: {{{configuration}}}")), given).unwrap_err();
        assert_eq!(error, format!("subflow_error: {expected}"));
    };
    check("run_async: '{{ inputs.given }}'", json!("no!"), "`run_async`: `no!` is neither true nor false");
    check("run_draft: '{{ inputs.given }}'", json!([]), "`run_draft`: `[]` is neither true nor false");
    let minutes = "subflow_timeout_in_minutes: '{{ inputs.given }}'";
    let problem = "`subflow_timeout_in_minutes`: `20161` is no number of minutes from 0 to 20160";
    check(minutes, json!(20_161), problem);
    let at = "run_async: '{{ true }}', subflow_future_schedule_time: '{{ inputs.given }}'";
    let days = later(366 * 24 * 3600).as_millis() / 1000;
    let problem = format!("`subflow_future_schedule_time`: `{}` is more than 366 days away", days + 1);
    check(at, json!(days + 1), &problem);
    assert!(begun(&calling(&format!("configuration: {{{at}}}")), json!(days)).is_ok());
    let waits = "run_async: '{{ false }}', subflow_future_schedule_time: '{{ inputs.given }}'";
    let problem =
        "`subflow_future_schedule_time`: a step cannot wait for a later run: it needs `run_async: true`";
    check(waits, json!(days), problem);
}

#[test]
fn a_run_that_takes_longer_than_the_step_waits_is_cancelled() {
    let document = calling("configuration: {subflow_timeout_in_minutes: 1}, continue_on_error: true");
    let plan = plan(&document);
    let (mut driver, first) = Driver::start(&plan, json!({}), &no_effects);
    let entries = |commands: Vec<Command>| {
        commands.into_iter().filter_map(|command| match command {
            Command::Append(entry) => Some(entry),
            _ => None,
        })
    };
    let mut journal: Vec<Entry> = entries(first).collect();
    journal.extend(entries(driver.execution.advance(Event::Continue, START)));

    // Read back, it waits for the same attempt until the same time.
    let mut again = Execution::restore(plan, &journal).unwrap();
    let commands = again.outstanding();
    assert!(matches!(
        &commands[..],
        [Command::SetDeadline(_), Command::SetTimer { due, .. }, Command::AwaitSubflow { attempt: 1, .. }]
            if *due == later(60)
    ));
    let early = again.advance(Event::TimerFired { path: "S1".into() }, later(59));
    assert!(matches!(&early[..], [Command::SetTimer { due, .. }] if *due == later(60)), "{early:?}");
    let commands = again.advance(Event::TimerFired { path: "S1".into() }, later(60));
    assert!(
        matches!(&commands[0], Command::CancelSubflow { path, attempt: 1 } if path == "S1"),
        "{commands:?}"
    );
    assert_eq!(again.state(), RunState::Completed);
    assert_eq!(again.outputs()["said"], Value::from("subflow_timeout"));
    assert!(again.advance(finished(1, EffectResult::Succeeded(Value::Nil)), later(61)).is_empty());
}

#[test]
fn a_run_that_stops_stops_the_run_it_waits_for() {
    let (mut driver, _) = Driver::start(&plan(&calling("inputs: {}")), json!({}), &no_effects);
    driver.execution.advance(Event::Continue, START);
    let commands = driver.execution.advance(Event::CancelRequested { reason: "enough".into() }, START);
    assert!(commands.iter().any(|command| matches!(command, Command::CancelSubflow { attempt: 1, .. })));
    assert!(!commands.iter().any(|command| matches!(command, Command::CancelAttempt { .. })));
    assert_eq!(driver.execution.step_results()["S1"], 4);
}

#[test]
fn a_branch_that_is_not_needed_any_more_stops_the_run_it_waits_for() {
    let steps = format!(
        "- id: S1\n  action: internal.parallel\n  inputs: {{join: any}}\n  steps:\n  - id: S2\n    action: internal.parallelBranch\n    steps:\n    - {{id: S3, {CALL}}}\n  - id: S4\n    action: internal.parallelBranch\n    steps:\n    - {{id: S5, action: test.effect}}\n"
    );
    let (mut driver, _) = Driver::start(&plan(&document(&steps, "")), json!({}), &no_effects);
    let commands = driver.execution.advance(Event::Continue, START);
    let path_of = |command: &Command| match command {
        Command::Dispatch(dispatch) => Some(dispatch.path.clone()),
        _ => None,
    };
    let path = commands.iter().find_map(path_of).unwrap();
    // The other branch is busy: the time of the run goes on.
    assert_eq!(driver.execution.state(), RunState::Running);
    let early = driver.execution.advance(Event::DeadlineReached, later(1));
    assert!(matches!(&early[..], [Command::SetDeadline(at)] if *at == later(3600)), "{early:?}");
    let done = Event::EffectFinished { path, attempt: 1, result: EffectResult::Succeeded(Value::Nil) };
    let commands = driver.execution.advance(done, later(2));
    assert!(commands.iter().any(|command| matches!(command, Command::CancelSubflow { attempt: 1, .. })));
    assert_eq!(driver.execution.state(), RunState::Completed);
}

#[test]
fn the_time_of_the_run_stands_still_while_another_has_its_own() {
    let waits = plan(&document(&format!("- {{id: S1, {CALL}}}\n- {{id: S2, action: test.effect}}\n"), ""));
    let (mut driver, _) = Driver::start(&waits, json!({}), &no_effects);
    driver.execution.advance(Event::Continue, START);
    assert!(driver.execution.advance(Event::DeadlineReached, later(3601)).is_empty());
    let commands = driver.execution.advance(finished(1, EffectResult::Succeeded(Value::Nil)), later(7200));
    let deadline = later(7200 + 3600);
    assert!(commands.iter().any(|command| matches!(command, Command::SetDeadline(at) if *at == deadline)));
    driver.execution.advance(Event::DeadlineReached, deadline);
    assert_eq!(
        (driver.execution.state(), driver.execution.net_runtime_ms()),
        (RunState::TimedOut, 3_600_000)
    );
}

#[test]
fn a_run_that_was_never_started_is_called_again() {
    let (mut driver, _) = Driver::start(&plan(&calling("inputs: {a: 1}")), json!({}), &no_effects);
    driver.execution.advance(Event::Continue, START);
    let lost = Event::AttemptLost { path: "S1".into(), attempt: 1, repeatable: true };
    let commands = driver.execution.advance(lost, START);
    let call = commands.iter().find_map(|command| match command {
        Command::CallSubflow(call) => Some(call),
        _ => None,
    });
    let call = call.unwrap();
    assert_eq!((call.attempt, call.inputs.to_json()), (2, json!({"a": 1})));
}

#[test]
fn disabled_and_mocked_calls_do_not_run() {
    assert_eq!(run(&calling("when: 'false'"), json!({})).outputs, json!({"said": null}));
    let mocked = run(&calling("mock_output_enabled: true, mock_output: {said: 1}"), json!({}));
    assert_eq!((mocked.error, mocked.outputs), (None, json!({"said": 1})));
}
