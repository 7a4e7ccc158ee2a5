//! The branches of a parallel.

use engine::{Command, RunState};
use serde_json::{Value as Json, json};

use super::{
    SEEN, TWO_BRANCHES, begun, cancelled, dispatched, failed, finished, no_luck, results, succeeds,
    two_branches,
};
use crate::support::{START, document, ended, run, run_with};

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
