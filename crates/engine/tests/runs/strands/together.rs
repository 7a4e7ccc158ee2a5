//! Strands and the run that they are of: waits, ends, doubts, randomness.

use std::sync::Arc;

use engine::{Command, Entry, Event, Execution, RunState};
use serde_json::{Value as Json, json};
use types::Timestamp;

use super::turns::nested;
use super::{TWO_BRANCHES, begun, cancelled, entries, finished, no_luck, results, succeeds, two_branches};
use crate::support::{Driver, START, document, ended, no_effects, plan, run_with};

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
