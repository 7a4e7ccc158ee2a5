//! Turns of a loop that run at the same time.

use engine::limits::STRANDS_MAX;
use engine::{Event, RunState};
use serde_json::json;

use super::{begun, cancelled, dispatched, failed, finished, results, succeeds};
use crate::support::{Driver, START, document, ended, plan, run, run_with};

const LOOP: &str = r#"
- {id: S0, action: internal.SetVariables, inputs: {Variables: [{Name: x, Value: before}]}}
- id: L
  action: internal.for
  inputs: {list: LIST, variable_name: x, max_concurrency: MOST}
  steps:
    - {id: E, action: test.effect, inputs: {at: '{{ variables.x }}', index: '{{ steps.L.index }}'}}
    - {id: A, action: internal.append_list, inputs: {list: got, value: '{{ variables.x ~ steps.L.item ~ steps.E.output.at }}'}}
"#;

pub(super) fn concurrent(list: &str, most: &str) -> String {
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
pub(super) fn nested(turns: [usize; 3]) -> String {
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
