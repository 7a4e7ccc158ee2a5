//! Several strands in one run: parallel branches and concurrent turns of a loop.

use std::sync::Arc;

use engine::limits::STRANDS_MAX;
use engine::{Command, EffectResult, Entry, Event, Execution, RunState, StepError, StepState};
use expr::Value;
use serde_json::{Value as Json, json};
use types::Timestamp;

use crate::support::{Driver, START, document, ended, no_effects, plan, run, run_with};

const TWO_BRANCHES: &str = r#"
- id: P
  action: internal.parallel
  inputs: {join: JOIN}
  SETTINGS
  steps:
    - id: A
      action: internal.parallelBranch
      steps:
        - {id: A1, action: test.effect, inputs: {at: a}}
        - {id: A2, action: internal.print, inputs: {text: 'a {{ steps.A1.output.n }}'}}
    - id: B
      action: internal.parallelBranch
      steps:
        - {id: B1, action: test.effect, inputs: {at: b}}
        - {id: B2, action: internal.print, inputs: {text: 'b {{ steps.B1.output.n }}'}}
- {id: S1, action: internal.print, inputs: {text: '{{ steps.A2?.output }} {{ steps.B2?.output }}'}}
"#;

const SEEN: &str = "outputs:\n  seen: {value: '{{ steps.S1.output }}', index: 1}\n  branches: {value: '{{ steps.P.output.branches }}', index: 2}\n  succeeded: {value: '{{ steps.P.output.succeeded }}', index: 3}\n";

fn two_branches(join: &str, settings: &str) -> String {
    document(&TWO_BRANCHES.replace("JOIN", join).replace("SETTINGS", settings), SEEN)
}

fn succeeds(_: &str, _: u32, inputs: &Json) -> EffectResult {
    EffectResult::Succeeded(Value::from(
        json!({"n": inputs["at"].as_str().map_or(0, str::len), "at": inputs["at"]}),
    ))
}

fn no_luck(step: &str) -> EffectResult {
    let error = StepError::new("no_luck", format!("{step} has no luck"));
    EffectResult::Failed { error, output: Value::Nil }
}

/// The attempts that are handed out, by path.
fn dispatched(commands: &[Command]) -> Vec<&str> {
    let paths = commands.iter().filter_map(|command| match command {
        Command::Dispatch(dispatch) => Some(dispatch.path.as_str()),
        _ => None,
    });
    paths.collect()
}

fn cancelled(commands: &[Command]) -> Vec<&str> {
    let paths = commands.iter().filter_map(|command| match command {
        Command::CancelAttempt { path, .. } => Some(path.as_str()),
        _ => None,
    });
    paths.collect()
}

fn finished(path: &str, attempt: u32, output: Json) -> Event {
    let result = EffectResult::Succeeded(Value::from(output));
    Event::EffectFinished { path: path.to_owned(), attempt, result }
}

fn failed(path: &str) -> Event {
    Event::EffectFinished { path: path.to_owned(), attempt: 1, result: no_luck(path) }
}

/// A run up to where it waits for something.
fn begun(document: &str) -> (Execution, Vec<Entry>, Vec<Command>) {
    let plan = plan(document);
    let (mut driver, mut commands) = Driver::start(&plan, json!({}), &no_effects);
    commands.extend(driver.execution.advance(Event::Continue, START));
    let journal = entries(&commands);
    (driver.execution, journal, commands)
}

fn entries(commands: &[Command]) -> Vec<Entry> {
    let entry = |command: &Command| match command {
        Command::Append(entry) => Some(entry.clone()),
        _ => None,
    };
    commands.iter().filter_map(entry).collect()
}

fn results(execution: &Execution) -> Json {
    let name = |number: i64| {
        let states =
            [StepState::Ok, StepState::Failed, StepState::Skipped, StepState::Cancelled, StepState::InDoubt];
        let state = states.into_iter().find(|state| state.as_number() == number);
        state.unwrap_or(StepState::Running).as_str()
    };
    execution.step_results().iter().map(|(step, number)| (step.clone(), json!(name(*number)))).collect()
}

#[test]
fn branches_are_handed_out_together_and_what_they_leave_is_seen_after_them() {
    let document = two_branches("all", "");
    let (_, _, commands) = begun(&document);
    assert_eq!(dispatched(&commands), ["A1", "B1"]);
    let ended = run_with(&document, json!({}), &succeeds);
    assert_eq!(ended.error, None);
    assert_eq!(ended.outputs["seen"], "a 1 b 1");
    assert_eq!(ended.outputs["branches"], json!({"A": {"status": "OK"}, "B": {"status": "OK"}}));
    assert_eq!(ended.results, json!({"P": 1, "A": 1, "A1": 1, "A2": 1, "B": 1, "B1": 1, "B2": 1, "S1": 1}));
}

#[test]
fn the_first_failure_cancels_the_other_branches_and_fails_the_parallel() {
    let (mut execution, _, _) = begun(&two_branches("all", ""));
    let commands = execution.advance(failed("A1"), START);
    assert_eq!(cancelled(&commands), ["B1"]);
    assert_eq!(execution.state(), RunState::Failed);
    let error = execution.error().unwrap();
    assert_eq!((error.code.as_str(), error.path.as_deref()), ("no_luck", Some("A1")));
    let expected = json!({"P": "Failed", "A": "Failed", "A1": "Failed", "B": "Cancelled", "B1": "Cancelled"});
    assert_eq!(results(&execution), expected);
}

#[test]
fn a_parallel_that_fails_is_caught_around_it_or_tolerated() {
    let effect = |step: &str, _: u32, inputs: &Json| match step {
        "A1" => no_luck(step),
        _ => succeeds(step, 1, inputs),
    };
    let ended = run_with(&two_branches("all", "continue_on_error: true"), json!({}), &effect);
    assert_eq!(ended.error, None);
    let failed = json!({"status": "Failed", "error": "A1 has no luck", "error_code": "no_luck"});
    assert_eq!(ended.outputs["branches"]["A"], failed);
    let caught = TWO_BRANCHES.replace("JOIN", "all").replace("SETTINGS", "").replace(
        "- {id: S1,",
        "- id: C\n  action: internal.catch\n  steps:\n    - {id: C1, action: internal.print, inputs: {text: '{{ steps.C.failed_step }}'}}\n- {id: S1,",
    );
    let outputs = "outputs:\n  seen: {value: '{{ steps.C1.output }}', index: 1}\n";
    let ended = run_with(&document(&caught, outputs), json!({}), &effect);
    assert_eq!((ended.error, ended.outputs), (None, json!({"seen": "A1"})));
}

#[test]
fn a_failure_is_caught_inside_its_branch() {
    let steps = TWO_BRANCHES.replace("JOIN", "all").replace("SETTINGS", "").replace(
        "    - id: B\n",
        "        - id: C\n          action: internal.catch\n          steps:\n            - {id: C1, action: internal.print, inputs: {text: caught}}\n    - id: B\n",
    );
    let effect = |step: &str, _: u32, inputs: &Json| match step {
        "A1" => no_luck(step),
        _ => succeeds(step, 1, inputs),
    };
    let ended = run_with(&document(&steps, SEEN), json!({}), &effect);
    assert_eq!(ended.error, None);
    assert_eq!(ended.outputs["succeeded"].as_array().map(Vec::len), Some(2));
    assert_eq!(ended.results["C1"], 1);
}

#[test]
fn the_first_success_of_any_wins_and_the_others_are_cancelled() {
    let (mut execution, _, _) = begun(&two_branches("any", ""));
    assert!(
        execution.advance(failed("B1"), START).iter().all(|command| matches!(command, Command::Append(_)))
    );
    let commands = execution.advance(finished("A1", 1, json!({"n": 7})), START);
    assert!(cancelled(&commands).is_empty());
    assert_eq!(execution.state(), RunState::Completed);
    let outputs = ended(&execution).outputs;
    assert_eq!((&outputs["succeeded"], &outputs["seen"]), (&json!(["A"]), &json!("a 7 ")));

    let (mut execution, _, _) = begun(&two_branches("any", ""));
    let commands = execution.advance(finished("B1", 1, json!({"n": 8})), START);
    assert_eq!(cancelled(&commands), ["A1"]);
    let outputs = ended(&execution).outputs;
    assert_eq!(outputs["branches"], json!({"A": {"status": "Cancelled"}, "B": {"status": "OK"}}));
    // What was cancelled reports too late.
    assert!(execution.advance(finished("A1", 1, json!({})), START).is_empty());
}

#[test]
fn any_fails_when_all_branches_have_and_a_number_when_too_few_are_left() {
    let (mut execution, _, _) = begun(&two_branches("any", ""));
    execution.advance(failed("B1"), START);
    assert_eq!(execution.state(), RunState::Running);
    execution.advance(failed("A1"), START);
    assert_eq!(execution.state(), RunState::Failed);
    assert_eq!(execution.error().unwrap().path.as_deref(), Some("A1"));

    let (mut execution, _, _) = begun(&two_branches("2", ""));
    assert_eq!(cancelled(&execution.advance(failed("B1"), START)), ["A1"]);
    let ended = run_with(&two_branches("'{{ 1 + 1 }}'", ""), json!({}), &succeeds);
    assert_eq!(ended.error, None);
    let ended = run_with(&two_branches("'{{ 3 }}'", ""), json!({}), &succeeds);
    let expected = "join_error: `join` asks for 3 branches that succeed, and 2 are not disabled";
    assert_eq!(ended.error.as_deref(), Some(expected));
}

#[test]
fn a_branch_that_is_disabled_does_not_run_and_one_without_steps_succeeds() {
    let steps = r#"
- id: P
  action: internal.parallel
  steps:
    - {id: A, action: internal.parallelBranch, when: '{{ inputs.n == 1 }}', steps: [{id: A1, action: test.effect}]}
    - {id: B, action: internal.parallelBranch}
"#;
    let outputs = "inputs:\n  n: {type: number, index: 1}\noutputs:\n  branches: {value: '{{ steps.P.output.branches }}', index: 1}\n";
    let ended = run(&document(steps, outputs), json!({"n": 2}));
    assert_eq!(ended.error, None);
    assert_eq!(ended.outputs["branches"], json!({"A": {"status": "Skipped"}, "B": {"status": "OK"}}));
    assert_eq!(ended.results, json!({"P": 1, "A": 3, "B": 1}));
}

const LOOP: &str = r#"
- {id: S0, action: internal.SetVariables, inputs: {Variables: [{Name: x, Value: before}]}}
- id: L
  action: internal.for
  inputs: {list: LIST, variable_name: x, max_concurrency: MOST}
  steps:
    - {id: E, action: test.effect, inputs: {at: '{{ variables.x }}', index: '{{ steps.L.index }}'}}
    - {id: A, action: internal.append_list, inputs: {list: got, value: '{{ variables.x ~ steps.L.item ~ steps.E.output.at }}'}}
"#;

fn concurrent(list: &str, most: &str) -> String {
    let steps = LOOP.replace("LIST", list).replace("MOST", most).replace(" ~ ", " + ");
    let outputs = "outputs:\n  got: {value: '{{ sort(variables.got ?? []) }}', index: 1}\n  last: {value: '{{ [steps.E?.output?.at, variables.x, steps.L.output.turns] }}', index: 2}\n";
    document(&steps, outputs)
}

#[test]
fn so_many_turns_run_at_a_time_each_with_its_own_item_and_outputs() {
    let document = concurrent("[a, b, c, d, e]", "2");
    let (mut execution, _, commands) = begun(&document);
    assert_eq!(dispatched(&commands), ["L[0].E", "L[1].E"]);
    let commands = execution.advance(finished("L[1].E", 1, json!({"at": "b"})), START);
    assert_eq!(dispatched(&commands), ["L[2].E"]);
    let expected = json!({"got": ["aaa", "bbb", "ccc", "ddd", "eee"], "last": ["e", "e", 5]});
    for most in ["1", "2", "3", "'{{ 2 + 2 }}'", "100"] {
        let ended = run_with(&concurrent("[a, b, c, d, e]", most), json!({}), &succeeds);
        assert_eq!((ended.error, ended.outputs), (None, expected.clone()), "{most} at a time");
    }
    let ended = run_with(&concurrent("[]", "3"), json!({}), &succeeds);
    assert_eq!(ended.outputs["last"], json!([null, "before", 0]));
}

#[test]
fn the_last_turn_is_seen_after_the_loop_though_it_ends_first() {
    let (mut execution, _, _) = begun(&concurrent("[a, b]", "2"));
    execution.advance(finished("L[1].E", 1, json!({"at": "b"})), START);
    execution.advance(finished("L[0].E", 1, json!({"at": "a"})), START);
    assert_eq!(ended(&execution).outputs, json!({"got": ["aaa", "bbb"], "last": ["b", "b", 2]}));
}

#[test]
fn a_turn_that_fails_cancels_the_others_and_no_more_begin() {
    let (mut execution, _, _) = begun(&concurrent("[a, b, c]", "2"));
    let commands = execution.advance(failed("L[0].E"), START);
    assert_eq!((cancelled(&commands), dispatched(&commands)), (vec!["L[1].E"], vec![]));
    assert_eq!(execution.error().unwrap().path.as_deref(), Some("L[0].E"));
    assert_eq!(results(&execution)["L"], "Failed");
}

#[test]
fn one_turn_at_a_time_is_journaled_as_a_loop_always_was() {
    let text = |most: &str| {
        let plan = plan(&concurrent("[a, b]", most));
        let (mut driver, first) = Driver::start(&plan, json!({}), &succeeds);
        driver.run(first);
        driver.journal.iter().map(|entry| serde_json::to_string(entry).unwrap()).collect::<Vec<_>>()
    };
    let alone = text("1");
    assert_eq!(alone, text("'{{ nil ?? 1 }}'"));
    assert!(alone.iter().all(|line| !line.contains("strand") && !line.contains("concurrency")), "{alone:?}");
    assert!(text("2").iter().any(|line| line.contains("\"strand\":2")));
}

#[test]
fn more_turns_at_a_time_than_are_allowed_are_refused() {
    let ended = run(&concurrent("[a]", "'{{ 101 }}'"), json!({}));
    let expected = "concurrency_error: `max_concurrency` must be 1 to 100, not `101`";
    assert_eq!(ended.error.as_deref(), Some(expected));
}

/// A loop in a loop in a loop, each with so many turns at a time.
fn nested(turns: [usize; 3]) -> String {
    let [a, b, c] = turns;
    let steps = format!(
        r#"
- id: A
  action: internal.for
  inputs: {{list: {a}, max_concurrency: {a}}}
  steps:
    - id: B
      action: internal.for
      inputs: {{list: {b}, max_concurrency: {b}}}
      steps:
        - id: C
          action: internal.for
          inputs: {{list: {c}, max_concurrency: {c}}}
          steps:
            - {{id: E, action: test.effect}}
"#
    );
    document(&steps, "")
}

#[test]
fn a_run_has_a_limit_of_strands() {
    // 1 + 9 + 9 * 10 + 9 * 10 * 10 = 1,000.
    let (mut execution, _, commands) = begun(&nested([9, 10, 10]));
    let mut handed_out = dispatched(&commands).len();
    for _ in 0..100 {
        handed_out += dispatched(&execution.advance(Event::Continue, START)).len();
    }
    assert_eq!((handed_out, execution.state()), (900, RunState::Running));
    let (mut execution, _, _) = begun(&nested([9, 10, 11]));
    for _ in 0..100 {
        execution.advance(Event::Continue, START);
    }
    let error = execution.error().unwrap();
    assert_eq!(error.code, "too_many_strands");
    assert!(error.message.contains(&STRANDS_MAX.to_string()), "{}", error.message);
}

#[test]
fn branches_in_concurrent_turns_and_catches_in_them_work_together() {
    let steps = r#"
- id: L
  action: internal.for
  inputs: {list: 3, max_concurrency: 2}
  steps:
    - id: P
      action: internal.parallel
      steps:
        - id: A
          action: internal.parallelBranch
          steps:
            - {id: A1, action: test.effect, inputs: {at: 'a{{ steps.L.index }}'}}
            - {id: A2, action: internal.catch, steps: [{id: A3, action: internal.print, inputs: {text: 'caught {{ steps.A2.failed_step }}'}}]}
        - id: B
          action: internal.parallelBranch
          steps:
            - {id: B1, action: internal.Sleep, inputs: {seconds: 5}}
            - id: B2
              action: internal.for
              inputs: {list: [x, y], variable_name: inner}
              steps:
                - {id: B3, action: test.effect, inputs: {at: '{{ variables.inner }}'}}
    - {id: S, action: internal.append_list, inputs: {list: got, value: '{{ (steps.A3?.output ?? "fine") + " " + steps.B3.output.at + variables.inner }}'}}
"#;
    let outputs = "outputs:\n  got: {value: '{{ sort(variables.got) }}', index: 1}\n";
    let effect = |step: &str, _: u32, inputs: &Json| match inputs["at"].as_str() {
        Some("a1") => no_luck(step),
        _ => succeeds(step, 1, inputs),
    };
    let ended = run_with(&document(steps, outputs), json!({}), &effect);
    assert_eq!(ended.error, None);
    assert_eq!(ended.outputs, json!({"got": ["caught L[1].A1 yy", "fine yy", "fine yy"]}));
}

#[test]
fn a_run_waits_only_if_every_strand_does_and_time_goes_on_meanwhile() {
    let steps = r#"
- id: P
  action: internal.parallel
  steps:
    - {id: A, action: internal.parallelBranch, steps: [{id: A1, action: internal.Sleep, inputs: {seconds: 60}}]}
    - {id: B, action: internal.parallelBranch, steps: [{id: B1, action: test.effect, inputs: {}}]}
"#;
    let second = |second: i64| Timestamp::from_millis(START.as_millis() + second * 1000);
    let (mut execution, _, _) = begun(&document(steps, ""));
    assert_eq!(execution.state(), RunState::Running);
    execution.advance(finished("B1", 1, json!({})), second(20));
    assert_eq!(execution.state(), RunState::Waiting);
    execution.advance(Event::TimerFired { path: "A1".into() }, second(60));
    assert_eq!((execution.state(), execution.net_runtime_ms()), (RunState::Completed, 20_000));
}

#[test]
fn end_run_in_a_strand_ends_the_whole_run() {
    let steps = TWO_BRANCHES.replace("JOIN", "all").replace("SETTINGS", "").replace(
        "- {id: A2, action: internal.print, inputs: {text: 'a {{ steps.A1.output.n }}'}}",
        "- {id: A2, action: internal.EndRun}",
    );
    let outputs = "outputs:\n  n: {value: '{{ steps.A1.output.n }}', index: 1}\n";
    let (mut execution, _, _) = begun(&document(&steps, outputs));
    let commands = execution.advance(finished("A1", 1, json!({"n": 3})), START);
    assert_eq!(cancelled(&commands), ["B1"]);
    assert_eq!((execution.state(), ended(&execution).outputs), (RunState::Completed, json!({"n": 3})));
    let expected = json!({"P": "OK", "A": "OK", "A1": "OK", "A2": "OK", "B": "Cancelled", "B1": "Cancelled"});
    assert_eq!(results(&execution), expected);
}

#[test]
fn cancelling_or_running_out_of_time_stops_every_strand() {
    let reason = "enough".to_owned();
    let late = Timestamp::from_millis(START.as_millis() + 3_600_000);
    let events = [
        (Event::CancelRequested { reason }, START, RunState::Cancelled),
        (Event::DeadlineReached, late, RunState::TimedOut),
    ];
    for (event, now, state) in events {
        let (mut execution, _, _) = begun(&nested([2, 1, 2]));
        execution.advance(Event::Continue, START);
        let commands = execution.advance(event, now);
        let mut stopped = cancelled(&commands);
        stopped.sort_unstable();
        assert_eq!(stopped, ["A[0].B[0].C[0].E", "A[0].B[0].C[1].E", "A[1].B[0].C[0].E", "A[1].B[0].C[1].E"]);
        assert_eq!(execution.state(), state);
        let all = json!({"A": "Cancelled", "B": "Cancelled", "C": "Cancelled", "E": "Cancelled"});
        assert_eq!(results(&execution), all);
    }
}

#[test]
fn what_others_report_while_a_run_is_in_doubt_is_journaled_and_begins_nothing() {
    let document = two_branches("all", "");
    let (mut execution, mut journal, _) = begun(&document);
    let mut keep = |commands: Vec<Command>| {
        journal.extend(entries(&commands));
        assert!(commands.iter().all(|command| matches!(command, Command::Append(_))), "{commands:?}");
    };
    keep(execution.advance(Event::AttemptLost { path: "A1".into(), attempt: 1, repeatable: false }, START));
    assert_eq!(execution.state(), RunState::Paused);
    keep(execution.advance(finished("B1", 1, json!({"n": 5})), START));
    assert_eq!(execution.state(), RunState::Paused);
    assert_eq!(
        results(&execution),
        json!({"P": "Running", "A": "Running", "A1": "InDoubt", "B": "Running", "B1": "OK"})
    );
    // Nobody waits for the one in doubt.
    keep(execution.advance(finished("A1", 1, json!({"n": 5})), START));
    let in_doubt: Vec<_> =
        execution.pending_effects().map(|effect| (&*effect.path, effect.in_doubt)).collect();
    assert_eq!(in_doubt, [("A1", true)]);
    let restored = Execution::restore(plan(&document), &journal).unwrap();
    assert_eq!(format!("{restored:?}"), format!("{execution:?}"));
    assert!(matches!(&restored.outstanding()[..], [Command::SetDeadline(_)]));
}

#[test]
fn an_attempt_that_is_lost_while_a_run_is_paused_is_repeated_when_it_goes_on() {
    let document = two_branches("all", "");
    let (mut execution, mut journal, _) = begun(&document);
    for (path, repeatable) in [("A1", false), ("B1", true)] {
        let lost = Event::AttemptLost { path: path.into(), attempt: 1, repeatable };
        journal.extend(entries(&execution.advance(lost, START)));
    }
    assert_eq!(journal.last().unwrap().kind(), "attempt_lost");
    // The pause between attempts ends, and the run stands still all the same.
    assert!(execution.advance(Event::TimerFired { path: "B1".into() }, START).is_empty());
    let restored = Execution::restore(plan(&document), &journal).unwrap();
    let again = restored.outstanding();
    assert!(matches!(&again[..], [Command::SetDeadline(_), Command::SetTimer { path, .. }] if path == "B1"));
}

#[test]
fn the_randomness_of_a_strand_does_not_depend_on_the_order_of_reports() {
    let steps = r#"
- id: L
  action: internal.for
  inputs: {list: 3, max_concurrency: 3}
  steps:
    - {id: E, action: test.effect, inputs: {}}
    - {id: R, action: test.effect, inputs: {r: '{{ random_uuid() }}'}}
"#;
    let document = document(steps, "");
    let random = |order: [usize; 3]| {
        let (mut execution, _, _) = begun(&document);
        let mut seen: Vec<(String, Json)> = Vec::new();
        for turn in order {
            for command in execution.advance(finished(&format!("L[{turn}].E"), 1, json!({})), START) {
                if let Command::Dispatch(dispatch) = command {
                    seen.push((dispatch.path, dispatch.inputs.to_json()));
                }
            }
        }
        seen.sort_by(|one, other| one.0.cmp(&other.0));
        seen
    };
    let seen = random([0, 1, 2]);
    assert_eq!(seen, random([2, 0, 1]));
    assert!(seen[0].1 != seen[1].1 && seen[1].1 != seen[2].1, "{seen:?}");
}

#[test]
fn a_strand_that_computes_a_lot_goes_on_after_others_had_their_turn() {
    let steps = r#"
- id: L
  action: internal.for
  inputs: {list: 50, max_concurrency: 10}
  steps:
    - id: I
      action: internal.for
      inputs: {list: 100}
      steps:
        - {id: V, action: internal.append_list, inputs: {list: got, value: 1}}
"#;
    let outputs = "outputs:\n  got: {value: '{{ len(variables.got) }}', index: 1}\n";
    let plan = plan(&document(steps, outputs));
    let (mut driver, first) = Driver::start(&plan, json!({}), &no_effects);
    driver.run(first);
    assert_eq!(ended(&driver.execution).outputs, json!({"got": 5_000}));
    let restored = Execution::restore(Arc::clone(&plan), &driver.journal).unwrap();
    assert_eq!(format!("{restored:?}"), format!("{:?}", driver.execution));
}

#[test]
fn what_holds_steps_began_when_it_was_entered() {
    let steps = r#"
- {id: S0, action: internal.Sleep, inputs: {Amount: 1}}
- id: L
  action: internal.for
  inputs: {list: 2}
  steps: [{id: S1, action: internal.Sleep, inputs: {Amount: 1}}]
- id: W
  action: internal.while
  inputs: {condition: {match: And, sentence: [{lvalue: '{{ steps.W.index }}', op: Less than, rvalue: 1}]}}
  steps: [{id: S2, action: internal.Sleep, inputs: {Amount: 1}}]
- id: C
  action: internal.for
  inputs: {list: 2, max_concurrency: 2}
  steps: [{id: S3, action: internal.Sleep, inputs: {Amount: 1}}]
- id: P
  action: internal.parallel
  steps:
    - id: B
      action: internal.parallelBranch
      steps: [{id: S4, action: internal.Sleep, inputs: {Amount: 1}}]
"#;
    let (mut driver, first) = Driver::start(&plan(&document(steps, "")), json!({}), &no_effects);
    driver.run(first);
    let seconds = |at: Timestamp| at.since(START).as_secs();
    let times: Vec<_> = driver
        .journal
        .iter()
        .filter_map(|entry| match entry {
            Entry::StepFinished(finished) if !finished.step.starts_with('S') => {
                Some((finished.step.as_str(), seconds(finished.started_at), seconds(finished.at)))
            }
            _ => None,
        })
        .collect();
    assert_eq!(times, [("L", 1, 3), ("W", 3, 4), ("C", 4, 5), ("B", 5, 6), ("P", 5, 6)]);
}
