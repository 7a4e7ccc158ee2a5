//! The flow actions: lists, loops, switches.

use engine::{EffectResult, Entry};
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
