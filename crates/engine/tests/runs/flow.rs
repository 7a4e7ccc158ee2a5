//! The flow actions: lists, loops, switches.

use engine::{EffectResult, Entry, RunState, StepError};
use expr::Value;
use serde_json::{Value as Json, json};

use crate::support::{Driver, document, ended, no_effects, plan, run, run_with};

#[test]
fn items_come_to_the_end_of_a_list_and_the_journal_does_not_repeat_the_list() {
    let document = document(
        r#"
- id: S1
  action: internal.for
  inputs: {list: 200}
  steps:
    - {id: S2, action: internal.append_list, inputs: {list: hits, value: '{{ {"n": steps.S1.item} }}'}}
"#,
        "outputs:\n  first: {value: '{{ variables.hits[0] }}', index: 1}\n  count: {value: '{{ [len(variables.hits), steps.S2.output.length] }}', index: 2}\n",
    );
    let ended = run(&document, json!({}));
    assert_eq!(ended.error, None);
    assert_eq!(ended.outputs, json!({"first": {"n": 0}, "count": [200, 200]}));
    let plan = plan(&document);
    let (mut driver, first) = Driver::start(&plan, json!({}), &no_effects);
    driver.run(first);
    let largest = driver.journal.iter().map(|entry| serde_json::to_string(entry).unwrap().len()).max();
    assert!(largest.unwrap() < 1_000, "{largest:?}");
}

#[test]
fn a_list_that_an_item_is_appended_to_must_be_one_and_stay_small_enough() {
    let append = |value: &str, item: &str| {
        document(
            &format!(
                "- {{id: S1, action: internal.SetVariables, inputs: {{Variables: [{{Name: v, Value: {value}}}]}}}}\n- {{id: S2, action: internal.append_list, inputs: {{list: v, value: {item}}}}}\n"
            ),
            "outputs:\n  v: {value: '{{ variables.v }}', index: 1}\n",
        )
    };
    assert_eq!(run(&append("[1]", "[2]"), json!({})).outputs, json!({"v": [1, [2]]}));
    assert_eq!(run(&append("'{{ nil }}'", "2"), json!({})).outputs, json!({"v": [2]}));
    let refused = run(&append("text", "2"), json!({})).error;
    assert_eq!(refused.as_deref(), Some("variable_type_error: variable `v` is no list but string"));
    let large = "'{{ repeat(\"x\", 11000000) }}'";
    let error = run(&append(&format!("[{large}]"), large), json!({})).error.unwrap();
    assert!(error.starts_with("variable_too_large: with one more item variable `v` has 22000"), "{error}");
}

#[test]
fn a_while_runs_as_long_as_its_condition_holds_and_counts_its_turns() {
    let document = document(
        r#"
- id: S1
  action: internal.while
  inputs: {condition: 'steps.S1.index < inputs.pages and (variables.more ?? true)'}
  steps:
    - {id: S2, action: test.effect, inputs: {page: '{{ steps.S1.index }}'}}
    - {id: S3, action: internal.append_list, inputs: {list: pages, value: '{{ steps.S2.output.page }}'}}
    - id: S4
      action: internal.SetVariables
      inputs: {Variables: [{Name: more, Type: Boolean, Value: '{{ steps.S2.output.page < 3 }}'}]}
"#,
        "inputs:\n  pages: {type: number, index: 1}\noutputs:\n  pages: {value: '{{ variables.pages ?? [] }}', index: 1}\n  turns: {value: '{{ steps.S1.output.turns }}', index: 2}\n",
    );
    let echo = |_: &str, _: u32, inputs: &Json| EffectResult::Succeeded(Value::from(inputs.clone()));
    let ended = run_with(&document, json!({"pages": 10}), &echo);
    assert_eq!(ended.error, None);
    assert_eq!(ended.outputs, json!({"pages": [0, 1, 2, 3], "turns": 4}));
    assert_eq!(ended.results["S1"], 1);
    let none = run_with(&document, json!({"pages": 0}), &echo);
    assert_eq!(none.outputs, json!({"pages": [], "turns": 0}));
}

#[test]
fn turns_of_a_while_inside_a_loop_have_their_own_paths() {
    let document = document(
        r#"
- id: S1
  action: internal.for
  inputs: {list: 2}
  steps:
    - id: S2
      action: internal.while
      inputs: {condition: {sentence: [{lvalue: steps.S2.index, op: '<', rvalue: 2}]}}
      steps:
        - {id: S3, action: internal.print, inputs: {text: a}}
"#,
        "",
    );
    assert_eq!(run(&document, json!({})).error, None);
    let (mut driver, first) = Driver::start(&plan(&document), json!({}), &no_effects);
    driver.run(first);
    let paths: Vec<_> = driver
        .journal
        .iter()
        .filter_map(|entry| match entry {
            Entry::StepFinished(finished) => Some(finished.path.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(
        paths,
        [
            "S1[0].S2[0].S3",
            "S1[0].S2[1].S3",
            "S1[0].S2",
            "S1[1].S2[0].S3",
            "S1[1].S2[1].S3",
            "S1[1].S2",
            "S1"
        ]
    );
}

#[test]
fn a_while_that_never_ends_fails_at_the_limit_of_turns_and_a_bad_condition_at_once() {
    let endless = document(
        "- {id: S1, action: internal.while, inputs: {condition: true}, continue_on_error: true}\n",
        "outputs: {e: {value: '{{ steps.S1.error }}', index: 1}}\n",
    );
    let (mut driver, first) = Driver::start(&plan(&endless), json!({}), &no_effects);
    driver.run(first);
    let outputs = ended(&driver.execution).outputs;
    assert_eq!(outputs, json!({"e": "the loop's condition still holds after 100000 turns"}));
    let bad = document("- {id: S1, action: internal.while, inputs: {condition: '\"a\" + 1'}}\n", "");
    let error = run(&bad, json!({})).error.unwrap();
    assert!(error.starts_with("expression_error"), "{error}");
}

#[test]
fn a_switch_takes_the_first_label_that_equals_else_the_default_else_nothing() {
    let labels = |default: &str| {
        document(
            &format!(
                r#"
- id: S1
  action: internal.switchCaseExpression
  inputs: {{switch_variable: inputs.it}}
  steps:
    {default}
    - id: S4
      action: internal.switchCaseLabel
      inputs: {{value: critical}}
      steps:
        - {{id: S5, action: test.effect}}
        - {{id: S6, action: internal.print, inputs: {{text: 'first {{{{ steps.S1.output.value }}}}'}}}}
    - {{id: S7, action: internal.switchCaseLabel, inputs: {{value: '{{{{ lower("CRITICAL") }}}}'}}, steps: [{{id: S8, action: internal.print, inputs: {{text: second}}}}]}}
    - {{id: S9, action: internal.switchCaseLabel, inputs: {{case: '7'}}, steps: [{{id: S10, action: internal.print, inputs: {{text: seven}}}}]}}
    - {{id: S11, action: internal.switchCaseLabel, inputs: {{value: off}}, when: "false", steps: [{{id: S12, action: internal.print, inputs: {{text: disabled}}}}]}}
- {{id: S13, action: internal.print, inputs: {{text: '{{{{ steps.last.output }}}}'}}}}
"#
            ),
            "inputs:\n  it: {type: dynamic_text}\noutputs:\n  said: {value: '{{ steps.S13.output }}', index: 1}\n  label: {value: '{{ steps.S1.output.label }}', index: 2}\n",
        )
    };
    let default = "- {id: S2, action: internal.switchCaseDefaultLabel, steps: [{id: S3, action: internal.print, inputs: {text: other}}]}";
    let effect = |_: &str, _: u32, _: &Json| EffectResult::Succeeded(Value::Nil);
    let check = |default: &str, it: Json, expected: Json| {
        let ended = run_with(&labels(default), json!({"it": it.clone()}), &effect);
        assert_eq!((ended.error, ended.outputs), (None, expected), "{it}");
    };
    check(default, json!("critical"), json!({"said": "first critical", "label": "S4"}));
    check(default, json!(7), json!({"said": "seven", "label": "S9"}));
    check(default, json!("off"), json!({"said": "other", "label": "S2"}));
    check(default, json!(null), json!({"said": "other", "label": "S2"}));
    let ended = run_with(&labels(""), json!({"it": "low"}), &effect);
    assert_eq!((ended.error, &ended.outputs["label"]), (None, &Json::Null));
    assert_eq!(ended.results, json!({"S1": 1, "S13": 1}));
}

fn failing(step: &str, _: u32, inputs: &Json) -> EffectResult {
    if step.starts_with("bad") {
        let error = StepError::new("http_status", format!("{step} answered 500"));
        return EffectResult::Failed { error, output: Value::Nil };
    }
    EffectResult::Succeeded(Value::from(inputs.clone()))
}

#[test]
fn a_failure_goes_to_the_next_catch_and_the_run_goes_on_behind_it() {
    let document = document(
        r#"
- {id: bad, action: test.effect}
- {id: S2, action: internal.print, inputs: {text: left out}}
- id: S3
  action: internal.catch
  steps:
    - {id: S4, action: test.effect, inputs: {said: '{{ steps.S3.failed_step }} {{ steps.S3.error_code }} {{ steps.S3.error }}'}}
- {id: S5, action: internal.print, inputs: {text: '{{ steps.S4.output.said }}'}}
- id: S6
  action: internal.catch
  steps: [{id: S7, action: internal.print, inputs: {text: not reached}}]
"#,
        "outputs:\n  said: {value: '{{ steps.S5.output }}', index: 1}\n  last: {value: '{{ steps.last.output }} {{ steps.S6.status }}', index: 2}\n",
    );
    let ended = run_with(&document, json!({}), &failing);
    assert_eq!((ended.state, ended.error), (RunState::Completed, None));
    let said = "bad http_status bad answered 500";
    assert_eq!(ended.outputs, json!({"said": said, "last": format!("{said} Skipped")}));
    assert_eq!(ended.results, json!({"bad": 2, "S3": 1, "S4": 1, "S5": 1, "S6": 3}));
}

#[test]
fn the_innermost_catch_takes_a_failure_and_one_that_fails_itself_passes_it_outwards() {
    let document = document(
        r#"
- id: S1
  action: internal.for
  inputs: {list: '{{ inputs.hosts }}'}
  steps:
    - id: S2
      action: internal.ifCondition
      inputs: {condition: 'steps.S1.item != "ok"'}
      steps:
        - id: S3
          action: internal.ifTrueBranch
          steps: [{id: bad1, action: test.effect}]
    - id: S4
      action: internal.catch
      steps:
        - {id: S5, action: internal.append_list, inputs: {list: seen, value: '{{ steps.S4.failed_step }}'}}
        - id: S6
          action: internal.ifCondition
          inputs: {condition: 'steps.S1.item == "worse"'}
          steps:
            - id: S7
              action: internal.ifTrueBranch
              steps: [{id: bad2, action: test.effect}]
- id: S8
  action: internal.catch
  steps:
    - {id: S9, action: internal.append_list, inputs: {list: seen, value: 'outer {{ steps.S8.failed_step }}'}}
"#,
        "inputs:\n  hosts: {type: list}\noutputs:\n  seen: {value: '{{ variables.seen ?? [] }}', index: 1}\n  loop: {value: '{{ steps.S1.status }}', index: 2}\n",
    );
    let check = |hosts: Json, seen: Json, state: &str| {
        let ended = run_with(&document, json!({"hosts": hosts.clone()}), &failing);
        assert_eq!((ended.error, ended.outputs), (None, json!({"seen": seen, "loop": state})), "{hosts}");
    };
    check(json!(["ok"]), json!([]), "OK");
    check(json!(["bad", "ok", "bad"]), json!(["S1[0].bad1", "S1[2].bad1"]), "OK");
    check(json!(["bad", "worse", "bad"]), json!(["S1[0].bad1", "S1[1].bad1", "outer S1[1].bad2"]), "Failed");
}

#[test]
fn a_loop_fails_with_its_steps_and_may_be_tolerated() {
    let looping = |setting: &str| {
        document(
            &format!(
                "- id: S1\n  action: internal.while\n  inputs: {{condition: steps.S1.index < 3}}\n  {setting}\n  steps:\n    - id: S2\n      action: internal.for\n      inputs: {{list: 2}}\n      steps: [{{id: bad, action: test.effect}}]\n- {{id: S3, action: internal.print, inputs: {{text: '{{{{ steps.S1.error_code }}}}'}}}}\n"
            ),
            "outputs: {said: {value: '{{ steps.S3.output }}'}}\n",
        )
    };
    let ended = run_with(&looping("name: n"), json!({}), &failing);
    assert_eq!(
        (ended.state, ended.error.as_deref()),
        (RunState::Failed, Some("http_status: bad answered 500"))
    );
    assert_eq!(ended.results, json!({"S1": 2, "S2": 2, "bad": 2}));
    let ended = run_with(&looping("continue_on_error: true"), json!({}), &failing);
    assert_eq!((ended.error, ended.outputs), (None, json!({"said": "http_status"})));
    assert_eq!(ended.results, json!({"S1": 2, "S2": 2, "S3": 1, "bad": 2}));
}

#[test]
fn a_catch_may_take_some_failures_only_and_end_the_run_as_failed() {
    let document = document(
        r#"
- {id: bad, action: test.effect}
- id: S2
  action: internal.catch
  when: steps.S2.error_code == "timeout"
  steps: [{id: S3, action: internal.print, inputs: {text: not this one}}]
- id: S4
  action: internal.catch
  when: "false"
- id: S5
  action: internal.catch
  when: steps.S5.error_code == "http_status"
  steps:
    - {id: S6, action: internal.EndRun, inputs: {status: Failed, message: 'because {{ steps.S5.error }}'}}
- id: S7
  action: internal.catch
  steps: [{id: S8, action: internal.print, inputs: {text: an end is no failure}}]
"#,
        "",
    );
    let ended = run_with(&document, json!({}), &failing);
    assert_eq!(ended.error.as_deref(), Some("ended_as_failed: because bad answered 500"));
    assert_eq!(ended.results, json!({"bad": 2, "S2": 3, "S4": 3, "S5": 1, "S6": 1}));
}

#[test]
fn a_wait_until_a_point_in_time_ends_then_and_a_past_one_at_once() {
    let waiting = |until: &str| {
        document(
            &format!("- {{id: S1, action: internal.Sleep, inputs: {{Until: {until}}}}}\n"),
            "inputs: {at: {type: date}}\noutputs: {now: {value: '{{ to_epoch(now()) }}'}}\n",
        )
    };
    // The test's runs begin at 1,700,000,000.
    let check = |until: &str, at: Json, expected: i64| {
        let (mut driver, first) = Driver::start(&plan(&waiting(until)), json!({"at": at}), &no_effects);
        driver.run(first);
        let ended = ended(&driver.execution);
        assert_eq!((ended.error, ended.outputs), (None, json!({"now": expected})), "{until}");
    };
    check("2023-11-14T23:13:20+01:00", json!(null), 1_700_000_000);
    check("2023-11-15", json!(null), 1_700_006_400);
    check("'{{ inputs.at }}'", json!(1_700_000_060), 1_700_000_060);
    check("'{{ date(inputs.at) }}'", json!("2023-11-14T22:14:20Z"), 1_700_000_060);
    check("'{{ inputs.at }}'", json!("2001-01-01"), 1_700_000_000);
    let error = |at: Json| run(&waiting("'{{ inputs.at }}'"), json!({"at": at})).error.unwrap();
    assert_eq!(error(json!("2023-11-29")), "sleep_error: `2023-11-29` is more than 14 days away");
    assert!(
        error(json!("soon")).starts_with("sleep_error: `soon` is no point in time"),
        "{}",
        error(json!("soon"))
    );
}

#[test]
fn a_step_of_any_kind_is_skipped_with_its_steps_if_its_when_does_not_hold() {
    let kinds = [
        "internal.SetVariables, inputs: {Variables: [{Name: a, Value: 1}]}",
        "internal.append_list, inputs: {list: l, value: 1}",
        "internal.print, inputs: {text: a}",
        "internal.Sleep, inputs: {Days: 1}",
        "internal.EndRun, inputs: {status: Failed}",
        "internal.for, inputs: {list: 3}, steps: [{id: S2, action: test.effect}]",
        "internal.while, inputs: {condition: true}, steps: [{id: S2, action: test.effect}]",
        "internal.ifCondition, inputs: {condition: true}, steps: [{id: S2, action: internal.ifTrueBranch, steps: [{id: S3, action: test.effect}]}]",
        "internal.ifCondition, inputs: {condition: true}, when: 'true', steps: [{id: S2, action: internal.ifTrueBranch, when: WHEN, steps: [{id: S3, action: test.effect}]}]",
        "internal.switchCaseExpression, inputs: {switch_variable: 1}, steps: [{id: S2, action: internal.switchCaseLabel, inputs: {value: 1}, steps: [{id: S3, action: test.effect}]}]",
        "test.effect",
    ];
    for kind in kinds {
        for when in ["'{{ inputs.go }}'", "'inputs.go ?? false'", "inputs.go == true", "'{{ nil }}'"] {
            let own = if kind.contains("when") { String::new() } else { format!(", when: {when}") };
            let kind = kind.replace("WHEN", when);
            let document =
                document(&format!("- {{id: S1, action: {kind}{own}}}\n"), "inputs: {go: {type: checkbox}}\n");
            let ended = run(&document, json!({}));
            assert_eq!((ended.state, ended.error), (RunState::Completed, None), "{kind} {when}");
            let skipped = if own.is_empty() { 1 } else { 3 };
            assert_eq!(ended.results, json!({"S1": skipped}), "{kind} {when}");
        }
    }
}
