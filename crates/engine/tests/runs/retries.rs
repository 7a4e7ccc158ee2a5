//! Failed attempts and those that follow them.

use std::cell::RefCell;
use std::time::Duration;

use engine::limits::{LOST_ATTEMPTS_MAX, RUNNER_GRACE_MS};
use engine::{Command, EffectResult, Entry, Event, Execution, RunState, StepError};
use expr::Value;
use serde_json::{Value as Json, json};
use types::Timestamp;

use crate::support::{Driver, START, document, no_effects, plan, run_with};

fn retrying(retry: &str) -> String {
    document(
        &format!(
            "- {{id: S1, action: test.effect, inputs: {{a: '{{{{ random_uuid() }}}}'}}, retry: {retry}}}\n"
        ),
        "outputs: {said: {value: '{{ steps.S1.output }}'}}\n",
    )
}

fn failed(code: &str, output: Json) -> EffectResult {
    EffectResult::Failed { error: StepError::new(code, "no answer"), output: Value::from(output) }
}

#[test]
fn a_step_is_tried_again_with_the_same_inputs_until_it_succeeds() {
    let inputs_seen = RefCell::new(Vec::new());
    let effect = |_: &str, attempt: u32, inputs: &Json| {
        inputs_seen.borrow_mut().push(inputs.clone());
        if attempt < 3 {
            failed("http_status", json!(null))
        } else {
            EffectResult::Succeeded(Value::from("yes"))
        }
    };
    let ended = run_with(&retrying("{attempts: 10}"), json!({}), &effect);
    assert_eq!((ended.error, ended.outputs), (None, json!({"said": "yes"})));
    inputs_seen.borrow_mut().dedup();
    assert_eq!(inputs_seen.borrow().len(), 1, "{inputs_seen:?}");
}

#[test]
fn the_last_attempt_s_failure_is_the_step_s_and_lost_attempts_do_not_count() {
    let attempts = RefCell::new(Vec::new());
    let effect = |_: &str, attempt: u32, _: &Json| {
        attempts.borrow_mut().push(attempt);
        failed("http_status", json!({"status": 503}))
    };
    let ended = run_with(&retrying("{attempts: 4}"), json!({}), &effect);
    assert_eq!(ended.error.as_deref(), Some("http_status: no answer"));
    assert_eq!(attempts.borrow()[..4], [1, 2, 3, 4]);
    // The runs that were cut off lost an attempt, and made one more.
    assert_eq!(attempts.borrow().iter().max(), Some(&5));
}

#[test]
fn an_expression_decides_which_failures_are_worth_another_attempt() {
    let retry =
        "{attempts: 5, when: 'steps.S1.error_code == \"http_status\" and steps.S1.output.status >= 500'}";
    let dispatched = |code: &'static str, output: Json| {
        let count = RefCell::new(0);
        let effect = |_: &str, _: u32, _: &Json| {
            *count.borrow_mut() += 1;
            failed(code, output.clone())
        };
        let (mut driver, first) = Driver::start(&plan(&retrying(retry)), json!({}), &effect);
        driver.run(first);
        let error = driver.execution.error().unwrap().clone();
        (*count.borrow(), error.code)
    };
    assert_eq!(dispatched("http_status", json!({"status": 503})), (5, "http_status".to_owned()));
    assert_eq!(dispatched("http_status", json!({"status": 404})), (1, "http_status".to_owned()));
    assert_eq!(dispatched("timeout", json!(null)), (1, "timeout".to_owned()));
    let (count, code) = dispatched("http_status", json!({"status": {}}));
    assert_eq!((count, code.as_str()), (1, "expression_error"));
}

/// A run whose first attempt has just failed; the commands of that.
fn paused(driver: &mut Driver<'_>) -> (Vec<Command>, Timestamp) {
    driver.execution.advance(Event::Continue, START);
    let result = failed("http_status", json!(null));
    let commands =
        driver.execution.advance(Event::EffectFinished { path: "S1".into(), attempt: 1, result }, START);
    let due = commands.iter().find_map(|command| match command {
        Command::SetTimer { path, due } if path == "S1" => Some(*due),
        _ => None,
    });
    (commands, due.unwrap())
}

#[test]
fn a_pause_between_attempts_is_journaled_and_its_chance_comes_from_the_run() {
    let plan = plan(&retrying("{initial_backoff: 10, jitter: 1}"));
    let (mut driver, _) = Driver::start(&plan, json!({}), &no_effects);
    let (commands, due) = paused(&mut driver);
    assert!(due >= START && due.since(START) <= Duration::from_secs(10));
    assert!(matches!(
        &commands[..],
        [Command::Append(Entry::AttemptFailed { attempt: 1, due: at, .. }), Command::SetTimer { .. }] if *at == due
    ));
    let (mut same, _) = Driver::start(&plan, json!({}), &no_effects);
    assert_eq!(paused(&mut same).1, due);

    // An early timer is set again; the report of an attempt that has failed changes nothing.
    let early = driver.execution.advance(Event::TimerFired { path: "S1".into() }, START);
    assert!(matches!(&early[..], [Command::SetTimer { due: at, .. }] if *at == due));
    let late =
        Event::EffectFinished { path: "S1".into(), attempt: 1, result: EffectResult::Succeeded(Value::Nil) };
    assert!(driver.execution.advance(late, START).is_empty());
    let commands = driver.execution.advance(Event::TimerFired { path: "S1".into() }, due);
    assert!(commands.iter().any(|command| matches!(command, Command::Dispatch(next) if next.attempt == 2)));
}

#[test]
fn a_run_is_cancelled_or_times_out_in_the_pause_between_two_attempts() {
    let plan = plan(&retrying("{}"));
    let end = |event: Event, at: Timestamp| {
        let (mut driver, _) = Driver::start(&plan, json!({}), &no_effects);
        let (_, due) = paused(&mut driver);
        let commands = driver.execution.advance(event, at);
        assert!(!commands.iter().any(|command| matches!(command, Command::CancelAttempt { .. })));
        assert_eq!(driver.execution.step_results()["S1"], 4);
        assert!(driver.execution.advance(Event::TimerFired { path: "S1".into() }, due).is_empty());
        driver.execution.state()
    };
    assert_eq!(end(Event::CancelRequested { reason: "enough".into() }, START), RunState::Cancelled);
    let deadline = START.saturating_add(Duration::from_secs(3600));
    assert_eq!(end(Event::DeadlineReached, deadline), RunState::TimedOut);
}

#[test]
fn a_cancelled_attempt_is_not_tried_again() {
    let effect = |_: &str, _: u32, _: &Json| EffectResult::Cancelled;
    let (mut driver, first) = Driver::start(&plan(&retrying("5")), json!({}), &effect);
    driver.run(first);
    assert_eq!(driver.execution.error().unwrap().code, "step_cancelled");
}

#[test]
fn an_attempt_whose_runner_says_nothing_is_given_up_and_may_be_tried_again() {
    let document = document("- {id: S1, action: test.effect, timeout: 30, retry: 2}\n", "");
    let (mut driver, first) = Driver::start(&plan(&document), json!({}), &no_effects);
    let mut journal: Vec<Entry> = Vec::new();
    let mut keep = |commands: Vec<Command>| {
        let others = commands.into_iter().filter_map(|command| match command {
            Command::Append(entry) => {
                journal.push(entry);
                None
            }
            other => Some(other),
        });
        others.collect::<Vec<_>>()
    };
    keep(first);
    keep(driver.execution.advance(Event::Continue, START));
    let overdue = |attempt| Event::AttemptOverdue { path: "S1".into(), attempt, repeatable: true };
    let began = START.saturating_add(Duration::from_secs(100));
    let due = driver.execution.attempt_due("S1", began).unwrap();
    assert_eq!(due.since(began), Duration::from_millis(30_000 + RUNNER_GRACE_MS));

    // Never before the runner can have had its time.
    let early = keep(driver.execution.advance(overdue(1), START));
    assert!(matches!(&early[..], [Command::SetTimer { due: at, .. }] if *at < due));

    let given_up = keep(driver.execution.advance(overdue(1), due));
    let [Command::CancelAttempt { attempt: 1, .. }, Command::SetTimer { due: again, .. }] = &given_up[..]
    else {
        panic!("{given_up:?}");
    };
    let dispatched = keep(driver.execution.advance(Event::TimerFired { path: "S1".into() }, *again));
    assert!(matches!(&dispatched[..], [Command::Dispatch(next)] if next.attempt == 2));
    let due = driver.execution.attempt_due("S1", *again).unwrap();
    // That of the first attempt is of old.
    assert!(driver.execution.advance(overdue(1), due).is_empty());
    let last = keep(driver.execution.advance(overdue(2), due));
    assert!(matches!(&last[..], [Command::CancelAttempt { attempt: 2, .. }]));
    let error = driver.execution.error().unwrap();
    assert_eq!((error.code.as_str(), driver.execution.state()), ("step_timeout", RunState::Failed));
    let restored = Execution::restore(plan(&document), &journal).unwrap();
    assert_eq!((restored.state(), restored.error()), (RunState::Failed, Some(error)));
}

#[test]
fn an_attempt_that_must_not_be_repeated_is_in_doubt_when_its_runner_says_nothing() {
    let document = document("- {id: S1, action: test.effect, retry: 5, continue_on_error: true}\n", "");
    let (mut driver, _) = Driver::start(&plan(&document), json!({}), &no_effects);
    driver.execution.advance(Event::Continue, START);
    let due = driver.execution.attempt_due("S1", START).unwrap();
    let overdue = Event::AttemptOverdue { path: "S1".into(), attempt: 1, repeatable: false };
    let commands = driver.execution.advance(overdue, due);
    let [Command::CancelAttempt { .. }, Command::Append(Entry::Paused { reason, .. })] = &commands[..] else {
        panic!("{commands:?}");
    };
    let expected = "the outcome of `test.effect` in step `S1` is unknown: it had 60000 ms, and its runner has not said how it went";
    assert_eq!(reason, expected);
    assert_eq!(driver.execution.state(), RunState::Paused);
}

#[test]
fn a_timeout_that_the_runner_reports_is_a_failure_whatever_the_action() {
    let effect = |_: &str, _: u32, _: &Json| failed("step_timeout", json!(null));
    let ended = run_with(&document("- {id: S1, action: test.effect}\n", ""), json!({}), &effect);
    assert_eq!(ended.error.as_deref(), Some("step_timeout: no answer"));
}

#[test]
fn an_attempt_is_not_lost_for_ever() {
    let document = document("- {id: S1, action: test.effect, retry: 3}\n", "");
    let (mut driver, _) = Driver::start(&plan(&document), json!({}), &no_effects);
    driver.execution.advance(Event::Continue, START);
    let lost = |attempt| Event::AttemptLost { path: "S1".into(), attempt, repeatable: true };
    // One that failed does not count.
    let result = failed("no_luck", json!(null));
    driver.execution.advance(Event::EffectFinished { path: "S1".into(), attempt: 1, result }, START);
    let later = START.saturating_add(Duration::from_secs(60));
    driver.execution.advance(Event::TimerFired { path: "S1".into() }, later);
    for attempt in 2..=LOST_ATTEMPTS_MAX {
        let commands = driver.execution.advance(lost(attempt), later);
        assert!(matches!(&commands[..], [Command::Append(_), Command::Dispatch(_)]), "{commands:?}");
    }
    driver.execution.advance(lost(LOST_ATTEMPTS_MAX + 1), later);
    let error = driver.execution.error().unwrap();
    assert_eq!(error.code, "attempts_lost");
    assert_eq!(error.message, "`test.effect` was lost with its runner 20 times");
}

#[test]
fn a_step_in_doubt_is_not_given_up() {
    let plan = plan(&document("- {id: S1, action: test.effect}\n", ""));
    let (mut driver, _) = Driver::start(&plan, json!({}), &no_effects);
    driver.execution.advance(Event::Continue, START);
    let due = driver.execution.attempt_due("S1", START).unwrap();
    driver.execution.advance(Event::AttemptLost { path: "S1".into(), attempt: 1, repeatable: false }, START);
    let overdue = Event::AttemptOverdue { path: "S1".into(), attempt: 1, repeatable: true };
    assert!(driver.execution.advance(overdue, due).is_empty());
    assert_eq!(driver.execution.state(), RunState::Paused);
}
