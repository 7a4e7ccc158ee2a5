//! Steps whose code sees the run and sets its variables.

use std::sync::Arc;

use engine::{Command, EffectResult, Event, Execution, RunState};
use expr::{Map, Value};
use serde_json::{Value as Json, json};
use types::limits::{CODE_CONTEXT_BYTES_MAX, VARIABLE_BYTES_MAX};

use crate::support::{Driver, START, document, no_effects, plan, run_with};

/// What the code of step `C` is given when the run comes to it, each effect before it answering with its inputs.
fn context_of(steps: &str) -> Option<Json> {
    let plan = plan(&document(steps, "inputs:\n  n: {type: number}\n  m: {type: number}\n"));
    let (driver, _) = Driver::start(&plan, json!({"n": 1, "m": 2}), &no_effects);
    let mut execution = driver.execution;
    let mut event = Event::Continue;
    loop {
        let commands = execution.advance(event, START);
        let dispatch = commands.into_iter().find_map(|command| match command {
            Command::Dispatch(dispatch) => Some(dispatch),
            _ => None,
        });
        let dispatch = dispatch.expect("the run comes to C");
        if dispatch.step == "C" {
            return dispatch.context.map(|context| context.to_json());
        }
        assert_eq!(dispatch.context, None, "no code, no context");
        let (path, attempt) = (dispatch.path, dispatch.attempt);
        event = Event::EffectFinished { path, attempt, result: EffectResult::Succeeded(dispatch.inputs) };
    }
}

#[test]
fn code_is_given_what_it_names_of_the_run() {
    let before = "- {id: S1, action: test.effect, inputs: {a: 1}}\n\
                  - {id: S2, action: internal.SetVariables, inputs: {Variables: [{Name: v, Type: Number, Value: 5}]}}\n\
                  - {id: S3, action: test.effect, inputs: {b: 2}}\n";
    let step = |code: &str| {
        context_of(&format!("{before}- {{id: C, action: core.pythonV2, inputs: {{code: '{code}'}}}}"))
    };
    assert_eq!(step("print(1)"), None);
    assert_eq!(step("context.inputs.n"), Some(json!({"inputs": {"n": 1, "m": 2}})));
    let s3 = json!({"output": {"b": 2}, "status": "OK"});
    assert_eq!(
        step("context.variables.v = context.steps.S3.output.b"),
        Some(json!({"steps": {"S3": s3}, "variables": {"v": 5}}))
    );
    // The value of an expression is data: what it says of the context is not asked for.
    assert_eq!(step("context.steps.S9"), Some(json!({"steps": {}})));
    let all = step("dir(context)").unwrap();
    assert_eq!(all["steps"]["S1"]["output"], json!({"a": 1}));
    assert_eq!(all["variables"], json!({"v": 5}));
    let roots: Vec<&String> = all.as_object().unwrap().keys().collect();
    assert_eq!(roots, ["inputs", "steps", "variables", "event", "metadata"]);
}

#[test]
fn code_in_a_loop_sees_the_turn_and_its_variables() {
    let steps = "- id: L\n  action: internal.for\n  inputs: {list: '{{ [7] }}', variable_name: x}\n  steps:\n  \
                 - {id: C, action: core.python, inputs: {code: 'context.steps.L.item + context.variables.x'}}";
    let context = context_of(steps).unwrap();
    assert_eq!(context["steps"]["L"]["item"], 7);
    assert_eq!(context["variables"]["x"], 7);
}

#[test]
fn a_context_that_is_too_large_fails_the_step_and_says_what_to_do() {
    let text = "x".repeat(CODE_CONTEXT_BYTES_MAX / 2);
    let mut steps = String::new();
    for index in 1..=2 {
        steps += &format!("- {{id: S{index}, action: test.effect}}\n");
    }
    steps += "- {id: C, action: core.pythonV2, inputs: {code: 'list(context.steps)'}}";
    let effect = |_: &str, _: u32, _: &Json| EffectResult::Succeeded(Value::from(text.as_str()));
    let ended = run_with(&document(&steps, ""), json!({}), &effect);
    let error = ended.error.unwrap();
    assert!(error.starts_with("context_too_large: "), "{error}");
    assert!(error.contains("name the steps that it reads"), "{error}");
}

fn assigned(variables: Json) -> EffectResult {
    let Value::Map(variables) = Value::from(variables) else { panic!("no map") };
    EffectResult::Assigned { output: Value::from("done"), variables: Arc::unwrap_or_clone(variables) }
}

#[test]
fn variables_that_code_sets_are_the_runs_own_also_after_a_restart() {
    let document = document(
        "- {id: S1, action: core.pythonV2, inputs: {code: a}}\n\
         - {id: S2, action: core.pythonV2, inputs: {code: '{{ variables.a }}'}}\n",
        "outputs:\n  all: {value: '{{ variables }}', index: 1}\n  said: {value: '{{ steps.S2.output }}', index: 2}\n",
    );
    let effect = |step: &str, _: u32, inputs: &Json| match step {
        "S1" => assigned(json!({"a": 1, "b": [1]})),
        _ => {
            assert_eq!(inputs["code"], "1");
            assigned(json!({"b": null}))
        }
    };
    let ended = run_with(&document, json!({}), &effect);
    assert_eq!(ended.outputs, json!({"all": {"a": 1, "b": null}, "said": "done"}));
}

#[test]
fn a_variable_that_is_too_large_fails_the_step() {
    let plan = plan(&document("- {id: S1, action: core.pythonV2, inputs: {code: a}}\n", ""));
    let (driver, _) = Driver::start(&plan, json!({}), &no_effects);
    let mut execution: Execution = driver.execution;
    execution.advance(Event::Continue, START);
    let large = Value::from("x".repeat(VARIABLE_BYTES_MAX));
    let variables: Map = [("big".into(), large)].into_iter().collect();
    let result = EffectResult::Assigned { output: Value::Nil, variables };
    execution.advance(Event::EffectFinished { path: "S1".into(), attempt: 1, result }, START);
    assert_eq!(execution.state(), RunState::Failed);
    let error = execution.error().unwrap();
    assert_eq!(error.code, "variable_too_large");
    assert!(error.message.contains("`big`"), "{}", error.message);
}
