//! Runs of whole workflows through the pure engine: a driver of a few lines answers effects and moves the
//! clock. Every run is also cut off after each commit and read back, and must end the same.
#![allow(clippy::unwrap_used, clippy::panic)] // a test's helpers fail by panicking

mod code;
mod controls;
mod files;
mod flow;
mod gotos;
mod restarts;
mod retries;
mod strands;
mod subflows;
mod support;

use std::time::Duration;

use engine::{Command, EffectResult, Entry, Event, Execution, RunState, StepError, StepState};
use expr::Value;
use serde_json::{Value as Json, json};

use support::{Driver, START, document, ended, no_effects, plan, run, run_with};

#[test]
fn variables_conditions_and_outputs_work_together() {
    let document = document(
        r#"
- id: S1
  action: internal.SetVariables
  inputs:
    Variables:
      - {Name: limit, Type: Number, Value: '{{ 70 }}'}
      - {Name: twice, Type: Number, Value: '{{ variables.limit * 2 }}'}
- id: S2
  action: internal.ifCondition
  inputs:
    condition:
      match: And
      sentence:
        - {lvalue: '{{ inputs.score }}', op: Greater than, rvalue: '{{ variables.limit }}'}
  steps:
    - id: S3
      action: internal.ifTrueBranch
      steps:
        - {id: S4, action: internal.print, inputs: {text: 'score {{ inputs.score }} is over'}}
    - id: S5
      action: internal.ifFalseBranch
      steps:
        - {id: S6, action: internal.print, inputs: {text: 'fine'}}
"#,
        "inputs:\n  score: {type: number, required: true, index: 1}\noutputs:\n  said: {value: '{{ steps.last.output }}', index: 1}\n  twice: {value: '{{ variables.twice }}', index: 2}\n",
    );
    let over = run(&document, json!({"score": 90}));
    assert_eq!((over.state, over.error), (RunState::Completed, None));
    assert_eq!(over.outputs, json!({"said": "score 90 is over", "twice": 140}));
    assert_eq!(over.results, json!({"S1": 1, "S2": 1, "S4": 1}));
    let under = run(&document, json!({"score": 7}));
    assert_eq!(under.outputs["said"], "fine");
}

#[test]
fn a_loop_goes_through_its_items_and_may_be_nested() {
    let document = document(
        r#"
- id: S1
  action: internal.SetVariables
  inputs:
    Variables: [{Name: seen, Type: String, Value: ''}]
- id: S2
  action: internal.for
  inputs: {list: '{{ inputs.hosts }}', variable_name: host}
  steps:
    - id: S3
      action: internal.for
      inputs: {list: '{{ steps.S2.item.ports }}'}
      steps:
        - id: S4
          action: internal.SetVariables
          inputs:
            Variables:
              - {Name: seen, Type: String, Value: '{{ variables.seen }}{{ variables.host.name }}:{{ steps.S3.item }} '}
"#,
        "inputs:\n  hosts: {type: list}\noutputs:\n  seen: {value: '{{ variables.seen }}', index: 1}\n  turns: {value: '{{ steps.S2.output.turns }}', index: 2}\n",
    );
    let hosts = json!({"hosts": [{"name": "a", "ports": [1, 2]}, {"name": "b", "ports": []}, {"name": "c", "ports": [3]}]});
    let ended = run(&document, hosts);
    assert_eq!(ended.error, None);
    assert_eq!(ended.outputs, json!({"seen": "a:1 a:2 c:3 ", "turns": 3}));
    let none = run(&document, json!({"hosts": []}));
    assert_eq!(none.outputs, json!({"seen": "", "turns": 0}));
    let missing = run(&document, json!({}));
    assert_eq!(missing.state, RunState::Failed);
    assert!(missing.error.unwrap().starts_with("loop_list_error"));
}

#[test]
fn effects_are_dispatched_with_evaluated_inputs_and_their_output_is_seen_by_later_steps() {
    let document = document(
        r#"
- {id: S1, action: test.effect, inputs: {url: 'https://example.com/{{ inputs.path }}', deep: [1, '{{ 1 + 1 }}']}}
- {id: S2, action: test.effect, inputs: {given: '{{ steps.S1.output.answer }}'}}
"#,
        "inputs:\n  path: {type: text}\noutputs:\n  last: {value: '{{ steps.S2.output }}', index: 1}\n",
    );
    let effect = |step: &str, _: u32, inputs: &Json| match step {
        "S1" => {
            assert_eq!(inputs, &json!({"url": "https://example.com/x", "deep": [1, 2]}));
            EffectResult::Succeeded(Value::from(json!({"answer": 42})))
        }
        _ => EffectResult::Succeeded(Value::from(inputs.clone())),
    };
    let ended = run_with(&document, json!({"path": "x"}), &effect);
    assert_eq!(ended.outputs, json!({"last": {"given": 42}}));
}

#[test]
fn a_failed_step_ends_the_run_unless_it_is_tolerated() {
    let failing = |step: &str, _: u32, _: &Json| match step {
        "S1" => EffectResult::Failed {
            error: StepError::new("http_status", "the server answered 500"),
            output: Value::from(json!({"status": 500})),
        },
        _ => EffectResult::Succeeded(Value::Nil),
    };
    let outputs =
        "outputs:\n  status: {value: '{{ steps.S1.status }} {{ steps.S1.output.status }}', index: 1}\n";
    let strict = document("- {id: S1, action: test.effect}\n- {id: S2, action: test.effect}\n", outputs);
    let ended = run_with(&strict, json!({}), &failing);
    assert_eq!(ended.state, RunState::Failed);
    assert_eq!(ended.error.as_deref(), Some("http_status: the server answered 500"));
    assert_eq!(ended.results, json!({"S1": 2}));
    let tolerant = document(
        "- {id: S1, action: test.effect, continue_on_error: true}\n- {id: S2, action: test.effect}\n",
        outputs,
    );
    let ended = run_with(&tolerant, json!({}), &failing);
    assert_eq!((ended.state, ended.outputs), (RunState::Completed, json!({"status": "Failed 500"})));
}

#[test]
fn a_wait_ends_when_its_timer_fires_and_does_not_count_as_runtime() {
    let plan = plan(&document("- {id: S1, action: internal.Sleep, inputs: {seconds: 90}}\n", ""));
    let (mut driver, first) = Driver::start(&plan, json!({}), &no_effects);
    drop(first);
    let commands = driver.execution.advance(Event::Continue, START);
    assert_eq!(driver.execution.state(), RunState::Waiting);
    let due = START.saturating_add(Duration::from_secs(90));
    assert!(
        commands.iter().any(|command| matches!(command, Command::SetTimer { due: at, .. } if *at == due))
    );
    // A timer that fires early is set again.
    let early = driver.execution.advance(Event::TimerFired { path: "S1".into() }, START);
    assert!(matches!(&early[..], [Command::SetTimer { due: at, .. }] if *at == due));
    driver.execution.advance(Event::TimerFired { path: "S1".into() }, due);
    assert_eq!((driver.execution.state(), driver.execution.net_runtime_ms()), (RunState::Completed, 0));
}

#[test]
fn a_late_result_of_an_old_attempt_is_ignored() {
    let plan = plan(&document("- {id: S1, action: test.effect}\n", ""));
    let (mut driver, _) = Driver::start(&plan, json!({}), &no_effects);
    driver.execution.advance(Event::Continue, START);
    let lost = Event::AttemptLost { path: "S1".into(), attempt: 1, repeatable: true };
    let commands = driver.execution.advance(lost, START);
    assert!(
        commands
            .iter()
            .any(|command| matches!(command, Command::Dispatch(dispatch) if dispatch.attempt == 2))
    );
    let done = |attempt| Event::EffectFinished {
        path: "S1".into(),
        attempt,
        result: EffectResult::Succeeded(Value::Nil),
    };
    assert!(driver.execution.advance(done(1), START).is_empty());
    assert_eq!(driver.execution.state(), RunState::Running);
    driver.execution.advance(done(2), START);
    assert_eq!(driver.execution.state(), RunState::Completed);
}

#[test]
fn a_repeated_attempt_does_not_change_the_randomness_of_later_steps() {
    let steps = "- {id: S1, action: test.effect}\n- {id: S2, action: internal.print, inputs: {text: '{{ random_uuid() }}'}}\n";
    let document = document(steps, "outputs:\n  id: {value: '{{ steps.S2.output }}', index: 1}\n");
    let ended = run_with(&document, json!({}), &|_, _, _| EffectResult::Succeeded(Value::Nil));
    assert_eq!(ended.state, RunState::Completed);
}

#[test]
fn an_effect_whose_outcome_is_unknown_pauses_the_run_instead_of_being_repeated() {
    let plan = plan(&document("- {id: S1, action: test.effect}\n", ""));
    let (mut driver, _) = Driver::start(&plan, json!({}), &no_effects);
    driver.execution.advance(Event::Continue, START);
    let lost = Event::AttemptLost { path: "S1".into(), attempt: 1, repeatable: false };
    let commands = driver.execution.advance(lost, START);
    assert!(!commands.iter().any(|command| matches!(command, Command::Dispatch(_))));
    assert_eq!(driver.execution.state(), RunState::Paused);
    assert_eq!(driver.execution.step_results()["S1"], StepState::InDoubt.as_number());
    driver.execution.advance(Event::CancelRequested { reason: "enough".into() }, START);
    assert_eq!(driver.execution.state(), RunState::Cancelled);
}

#[test]
fn cancelling_stops_the_pending_attempt_and_nothing_follows() {
    let plan = plan(&document("- {id: S1, action: test.effect}\n- {id: S2, action: test.effect}\n", ""));
    let (mut driver, _) = Driver::start(&plan, json!({}), &no_effects);
    driver.execution.advance(Event::Continue, START);
    let commands = driver.execution.advance(Event::CancelRequested { reason: "by Ann".into() }, START);
    assert!(
        commands
            .iter()
            .any(|command| matches!(command, Command::CancelAttempt { path, attempt: 1 } if path == "S1"))
    );
    assert!(!commands.iter().any(|command| matches!(command, Command::Dispatch(_))));
    assert_eq!(driver.execution.state(), RunState::Cancelled);
    assert_eq!(driver.execution.cancel_reason(), Some("by Ann"));
    assert!(driver.execution.advance(Event::Continue, START).is_empty());
}

#[test]
fn a_run_that_takes_too_long_times_out() {
    let plan = plan(&document("- {id: S1, action: test.effect}\n", ""));
    let (mut driver, _) = Driver::start(&plan, json!({}), &no_effects);
    driver.execution.advance(Event::Continue, START);
    assert!(matches!(
        &driver.execution.advance(Event::DeadlineReached, START)[..],
        [Command::SetDeadline(_)]
    ));
    driver.execution.advance(Event::DeadlineReached, START.saturating_add(Duration::from_secs(3600)));
    assert_eq!(driver.execution.state(), RunState::TimedOut);
    assert_eq!(driver.execution.error().unwrap().code, "execution_timeout");
}

#[test]
fn a_wait_does_not_count_against_the_time_of_the_run() {
    let plan = plan(&document(
        "- {id: S1, action: internal.Sleep, inputs: {Days: 3}}\n- {id: S2, action: test.effect}\n",
        "",
    ));
    let (mut driver, _) = Driver::start(&plan, json!({}), &no_effects);
    driver.execution.advance(Event::Continue, START);
    let past_the_deadline = START.saturating_add(Duration::from_secs(3601));
    assert!(driver.execution.advance(Event::DeadlineReached, past_the_deadline).is_empty());
    let days = Duration::from_secs(3 * 24 * 3600);
    let woken = START.saturating_add(days);
    let commands = driver.execution.advance(Event::TimerFired { path: "S1".into() }, woken);
    let deadline = woken.saturating_add(Duration::from_secs(3600));
    assert!(commands.iter().any(|command| matches!(command, Command::SetDeadline(at) if *at == deadline)));
    assert_eq!(driver.execution.state(), RunState::Running);
    driver.execution.advance(Event::DeadlineReached, deadline);
    assert_eq!(driver.execution.state(), RunState::TimedOut);
}

#[test]
fn an_event_that_is_absorbed_begins_nothing_new() {
    let plan = plan(&document("- {id: S1, action: test.effect}\n- {id: S2, action: test.effect}\n", ""));
    let (mut driver, first) = Driver::start(&plan, json!({}), &no_effects);
    let mut journal: Vec<Entry> = Vec::new();
    let mut keep = |commands: Vec<Command>| {
        let dispatched = commands.iter().filter(|command| matches!(command, Command::Dispatch(_))).count();
        journal.extend(commands.into_iter().filter_map(|command| match command {
            Command::Append(entry) => Some(entry),
            _ => None,
        }));
        dispatched
    };
    keep(first);
    assert_eq!(keep(driver.execution.advance(Event::Continue, START)), 1);
    let done =
        Event::EffectFinished { path: "S1".into(), attempt: 1, result: EffectResult::Succeeded(Value::Nil) };
    assert_eq!(keep(driver.execution.absorb(done, START)), 0);
    let mut again = Execution::restore(plan, &journal).unwrap();
    assert!(again.outstanding().iter().any(|command| matches!(command, Command::Continue)));
    let commands = again.advance(Event::Continue, START);
    assert!(
        commands
            .iter()
            .any(|command| matches!(command, Command::Dispatch(dispatch) if dispatch.step == "S2"))
    );
}

#[test]
fn an_advance_that_decides_on_large_values_lets_them_be_written_first() {
    let steps: String = (0..40)
        .map(|n| format!("- {{id: S{n}, action: internal.print, inputs: {{text: '{{{{ repeat(\"x\", 500000) }}}}'}}}}\n"))
        .collect();
    let plan = plan(&document(&steps, ""));
    let (mut driver, first) = Driver::start(&plan, json!({}), &no_effects);
    driver.run(first);
    assert_eq!(driver.execution.state(), RunState::Completed);
    assert!(driver.commits.len() >= 4, "{} commits for 20 MB", driver.commits.len());
}

#[test]
fn end_run_ends_the_run_where_it_stands() {
    let body = |inputs: &str| {
        document(
            &format!(
                "- {{id: S1, action: internal.EndRun, inputs: {inputs}}}\n- {{id: S2, action: test.effect}}\n"
            ),
            "outputs:\n  x: {value: '{{ 1 }}', index: 1}\n",
        )
    };
    let completed = run(&body("{}"), json!({}));
    assert_eq!((completed.state, completed.outputs), (RunState::Completed, json!({"x": 1})));
    let failed = run(&body("{status: Failed, message: 'no {{ 1 + 1 }}'}"), json!({}));
    assert_eq!(failed.error.as_deref(), Some("ended_as_failed: no 2"));
}

#[test]
fn what_is_under_way_when_a_run_ends_says_how_it_ended() {
    let looped = |status: &str| {
        let steps = format!(
            r#"
- id: S1
  action: internal.for
  inputs: {{list: 3}}
  steps:
    - id: S2
      action: internal.while
      inputs: {{condition: steps.S2.index < 2}}
      steps:
        - {{id: S3, action: internal.EndRun, when: steps.S1.index == 1, inputs: {{status: {status}}}}}
"#
        );
        run(&document(&steps, "outputs:\n  at: {value: '{{ steps.S1.index }}', index: 1}\n"), json!({}))
    };
    let completed = looped("Completed");
    assert_eq!((completed.state, completed.outputs), (RunState::Completed, json!({"at": 1})));
    assert_eq!(completed.results, json!({"S1": 1, "S2": 1, "S3": 1}));
    let failed = looped("Failed");
    assert_eq!((failed.state, failed.results), (RunState::Failed, json!({"S1": 4, "S2": 4, "S3": 1})));

    let document = document(
        "- {id: S1, action: internal.for, inputs: {list: 2}, steps: [{id: S2, action: test.effect}]}\n",
        "",
    );
    let (mut driver, _) = Driver::start(&plan(&document), json!({}), &no_effects);
    driver.execution.advance(Event::Continue, START);
    driver.execution.advance(Event::CancelRequested { reason: "enough".to_owned() }, START);
    assert_eq!(ended(&driver.execution).results, json!({"S1": 4, "S2": 4}));
}

#[test]
fn disabled_and_mocked_steps_do_not_run() {
    let document = document(
        r#"
- {id: S1, action: test.effect, when: "false"}
- {id: S2, action: test.effect, when: '{{ inputs.go }}'}
- {id: S3, action: test.effect, mock_output_enabled: true, mock_output: {a: 1}}
"#,
        "inputs:\n  go: {type: checkbox}\noutputs:\n  all: {value: '{{ [steps.S1.status, steps.S2.status, steps.S3.output.a] }}', index: 1}\n",
    );
    let ended = run(&document, json!({"go": false}));
    assert_eq!(ended.error, None);
    assert_eq!(ended.outputs, json!({"all": ["Skipped", "Skipped", 1]}));
}

#[test]
fn an_expression_that_fails_says_where_and_ends_the_run() {
    let document = document("- {id: S1, action: internal.print, inputs: {text: 'x {{ \"a\" + 1 }}'}}\n", "");
    let error = run(&document, json!({})).error.unwrap();
    assert!(error.starts_with("expression_error: in `x {{ \"a\" + 1 }}`"), "{error}");
}

#[test]
fn a_thousand_pure_steps_need_a_handful_of_commits() {
    let steps: String = (0..1000)
        .map(|n| format!("- {{id: S{n}, action: internal.SetVariables, inputs: {{Variables: [{{Name: n, Type: Number, Value: '{{{{ (variables.n ?? 0) + 1 }}}}'}}]}}}}\n"))
        .collect();
    let plan = plan(&document(&steps, "outputs:\n  n: {value: '{{ variables.n }}', index: 1}\n"));
    let (mut driver, first) = Driver::start(&plan, json!({}), &no_effects);
    driver.run(first);
    assert_eq!(ended(&driver.execution).outputs, json!({"n": 1000}));
    assert!(driver.commits.len() <= 5, "{} commits", driver.commits.len());
}

#[test]
fn a_journal_of_another_plan_is_refused() {
    let one = plan(&document("- {id: S1, action: internal.print, inputs: {text: a}}\n", ""));
    let other = plan(&document("- {id: S9, action: internal.print, inputs: {text: a}}\n", ""));
    let (mut driver, first) = Driver::start(&one, json!({}), &no_effects);
    driver.run(first);
    let error = Execution::restore(other, &driver.journal).unwrap_err();
    assert!(error.to_string().contains("`S1`"), "{error}");
    assert!(Execution::restore(one, &[]).is_err());
}
