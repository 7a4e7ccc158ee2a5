//! What documents become: the plan, and what can be asked of a document.

use std::fmt::Write as _;

use crate::catalog::TestCatalog;
use workflow::plan::OnFull;
use workflow::plan::{Condition, OnExhausted, Plan, PlanStep, PlanValue, SaveOutput, Sentence, StepKind};
use workflow::{AutomationType, Severity, TriggerCategory, check, compile, parse};

fn plan(text: &str) -> Plan {
    let (plan, diagnostics) = compile(text, &TestCatalog::default());
    let errors: Vec<_> =
        diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    plan.expect("no error, so there is a plan")
}

/// Templates in angle brackets, everything else as JSON.
fn show(value: &PlanValue) -> String {
    match value {
        PlanValue::Literal(value) => value.to_json().to_string(),
        PlanValue::Template(template) => format!("<{}>", template.source()),
        PlanValue::Code(template, rendering) => format!("<{rendering:?} {}>", template.source()),
        PlanValue::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", ")),
        PlanValue::Map(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(key, value)| format!("{key}: {}", show(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

fn show_condition(condition: &Condition) -> String {
    let sentence = |s: &Sentence| format!("{} {:?} {}", show(&s.left), s.operator, show(&s.right));
    let sentences: Vec<_> = condition.sentences.iter().map(sentence).collect();
    sentences.join(if condition.all { " and " } else { " or " })
}

fn show_step(step: &PlanStep) -> String {
    match &step.kind {
        StepKind::SetVariables(assignments) => {
            let assignments =
                assignments.iter().map(|a| format!("{}: {} = {}", a.name, a.kind.as_str(), show(&a.value)));
            format!("set {}", assignments.collect::<Vec<_>>().join(", "))
        }
        StepKind::If { condition, then_branch, else_branch } => {
            let [then, other] =
                [then_branch, else_branch].map(|branch| format!("{:?} {:?}", branch.marker, branch.block));
            format!("if {} then {then} else {other}", show_condition(condition))
        }
        StepKind::Switch { subject, labels } => format!("switch {} to {labels:?}", show(subject)),
        StepKind::Label { value, body } => format!("label {:?} do {body:?}", value.as_ref().map(show)),
        StepKind::Catch { body } => format!("catch {body:?}"),
        StepKind::BranchMarker => "branch".to_owned(),
        StepKind::For { list, variable_name, max_concurrency, body } => {
            let at_a_time =
                max_concurrency.as_ref().map(|most| format!(" {} at a time", show(most))).unwrap_or_default();
            format!("for {variable_name:?} in {}{at_a_time} do {body:?}", show(list))
        }
        StepKind::Parallel { join, branches } => {
            format!("parallel {branches:?} until {:?}", join.as_ref().map(show))
        }
        StepKind::ParallelBranch { body } => format!("branch {body:?}"),
        StepKind::While { condition, body } => format!("while {} do {body:?}", show_condition(condition)),
        StepKind::AppendList { variable, item } => format!("append {} to {variable}", show(item)),
        StepKind::Print { text } => format!("print {}", show(text)),
        StepKind::Sleep { amount, unit_ms } => format!("sleep {} of {unit_ms} ms", show(amount)),
        StepKind::SleepUntil { until } => format!("sleep until {}", show(until)),
        StepKind::EndRun { status, message } => {
            format!("end {:?} {:?}", status.as_ref().map(show), message.as_ref().map(show))
        }
        StepKind::Subflow(call) => {
            let settings = [&call.is_async, &call.is_draft, &call.timeout_minutes, &call.begins_at].map(show);
            format!("call {} {} [{}]", call.workflow, show(&call.inputs), settings.join(", "))
        }
        StepKind::Effect { inputs, sees_run } => {
            let sees_run = sees_run.map(|input| format!(" sees run by {input}")).unwrap_or_default();
            format!("{} {} {:?}{sees_run}", step.action, show(inputs), step.connections)
        }
    }
}

fn show_plan(plan: &Plan) -> String {
    let mut page = String::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let parent = step.parent.map(|parent| format!(" in {parent}")).unwrap_or_default();
        let _ = writeln!(page, "{index} {}{parent}: {}", step.id, show_step(step));
    }
    let _ = write!(page, "run {:?}", plan.body);
    page
}

#[test]
fn steps_lie_flat_and_blocks_point_to_them() {
    let plan = plan(
        r#"
inputs: {rows: {type: list}, n: {type: number}}
workflow:
  - section: Steps
    steps:
      - id: S1
        action: internal.ifCondition
        inputs:
          condition:
            match: Or
            sentence:
              - {lvalue: inputs.n, op: ">", rvalue: 3}
              - {lvalue: '{{ inputs.n }}', op: Is empty}
              - {lvalue: '{"a": {"b": 1}}', op: "!=", rvalue: '"}}"'}
        steps:
          - {id: S2, action: internal.ifFalseBranch, steps: [{id: S3, action: internal.EndRun, inputs: {status: error, message: "no {{ inputs.n }}"}}]}
          - id: S4
            action: internal.ifTrueBranch
            steps:
              - id: S5
                action: internal.for
                inputs: {list: "{{ inputs.rows }}", variable_name: row}
                steps:
                  - {id: S6, action: internal.print, inputs: {text: "{{ steps.S5.item }}"}}
                  - {id: S7, action: internal.SetVariables, inputs: {Variables: [{Name: a, Type: Array, Value: [1, "{{ variables.row }}"]}, {Name: b, Value: 2}]}}
      - {id: S8, action: internal.Sleep, inputs: {Hours: 1, Minutes: "30"}}
      - {id: S9, action: internal.Sleep, inputs: {Amount: "{{ inputs.n }}", Unit: Days}}
      - {id: S10, action: slack.send_message, connections: {slack: main}, inputs: {channel: {display_name: General, value: C1}, text: {display_name: a, value: b, more: "{{ inputs.n }}"}}}
      - {id: S11, action: http.requestV2, connections: {slack: no_connection}, inputs: {url: "{{ inputs.n }}", body: {a: 1}}}
      - {id: S12, action: internal.ifCondition, inputs: {condition: "true"}, steps: []}
"#,
    );
    insta::assert_snapshot!(show_plan(&plan), @r#"
    0 S1: if <{{ inputs.n }}> GreaterThan 3 or <{{ inputs.n }}> IsEmpty null or <{{ {"a": {"b": 1}} }}> NotEquals <{{ "}}" }}> then Some(3) [4] else Some(1) [2]
    1 S2 in 0: branch
    2 S3 in 1: end Some("\"Failed\"") Some("<no {{ inputs.n }}>")
    3 S4 in 0: branch
    4 S5 in 3: for Some("row") in <{{ inputs.rows }}> do [5, 6]
    5 S6 in 4: print <{{ steps.S5.item }}>
    6 S7 in 4: set a: List = [1, <{{ variables.row }}>], b: Any = 2
    7 S8: sleep 5400000 of 1 ms
    8 S9: sleep <{{ inputs.n }}> of 86400000 ms
    9 S10: slack.send_message {channel: "C1", text: {display_name: "a", value: "b", more: <{{ inputs.n }}>}} {"slack": "main"}
    10 S11: http.requestV2 {url: <{{ inputs.n }}>, body: {"a":1}} {}
    11 S12: if <{{ true }}> IsTrue null then None [] else None []
    run [0, 7, 8, 9, 10, 11]
    "#);
}

#[test]
fn a_goto_of_2021_becomes_branches() {
    let plan = plan(
        r#"
steps:
  - {id: S1, action: internal.print, inputs: {text: a}, goto: {S4: '{{ steps.S1.output == "b" }}'}}
  - {id: S2, action: internal.print, inputs: {text: b}, goto: {end: '{{ inputs.x }}'}}
  - {id: S3, action: internal.print, inputs: {text: c}, goto: {S5: '{{ true }}', S9: 'false'}}
  - {id: S4, action: internal.print, inputs: {text: d}, goto: {S5: inputs.x}}
  - {id: S5, action: internal.print, inputs: {text: e}}
inputs: {x: false}
"#,
    );
    insta::assert_snapshot!(show_plan(&plan), @r#"
    0 S1: print "a"
    1 S1/goto: if <{{ steps.S1.output == "b" }}> IsTrue null then Some(2) [3] else Some(4) [5, 6, 10]
    2 S1/goto/true in 1: branch
    3 S4 in 2: print "d"
    4 S1/goto/false in 1: branch
    5 S2 in 4: print "b"
    6 S2/goto in 4: if <{{ inputs.x }}> IsTrue null then Some(7) [8] else Some(9) []
    7 S2/goto/true in 6: branch
    8 S2/goto/end in 7: end None None
    9 S2/goto/false in 6: branch
    10 S3 in 4: print "c"
    11 S5: print "e"
    run [0, 1, 11]
    "#);
    assert!(plan.steps.iter().all(|step| step.is_made == step.id.contains('/')));
}

#[test]
fn settings_are_read_beside_the_action_and_under_configuration() {
    let check = |yaml: &str, expected: &str| {
        let text = format!(
            "inputs: {{x: {{type: number}}}}\nworkflow: [{{steps: [{{id: S1, action: http.requestV2, inputs: {{url: u}}, {yaml}}}]}}]"
        );
        let mut plan = plan(&text);
        let settings = plan.steps.remove(0).settings;
        let when = settings.when.as_ref().map(show);
        let mock = settings.mock_output.as_ref().map(|value| value.to_json().to_string());
        let flags = [
            (settings.continue_on_error, " continue"),
            (settings.full_response, " full"),
            (settings.discard_output, " discard"),
        ];
        let flags: String = flags.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect();
        let file = match &settings.save_output {
            None => String::new(),
            Some(SaveOutput::ByStep) => " file".to_owned(),
            Some(SaveOutput::Named(name)) => format!(" file {}", show(name)),
        };
        assert_eq!(format!("{:?} {when:?} {mock:?}{flags}{file}", settings.timeout_ms), expected, "{yaml}");
    };
    check("name: n", "None None None");
    check(
        "timeout: 90, continue_on_error: true, discard_output: 'on'",
        "Some(90000) None None continue discard",
    );
    check("configuration: {Timeout Seconds: '1.5', includeFullResponse: yes}", "Some(1500) None None full");
    check("save_output_to_file: yes", "None None None file");
    check("configuration: {Save Output To File: 'false'}", "None None None");
    check("save_output_to_file: ''", "None None None");
    check("save_output_to_file: 'a \"b\".csv'", "None None None file \"a \\\"b\\\".csv\"");
    check("saveOutputToFile: '{{ inputs.x }}.csv'", "None None None file <{{ inputs.x }}.csv>");
    check("timeout: 0, when: 'true'", "None None None");
    check("when: 'false'", "None Some(\"false\") None");
    check("when: false", "None Some(\"false\") None");
    check("when: inputs.x > 1", "None Some(\"<{{ inputs.x > 1 }}>\") None");
    check("when: '{{ inputs.x > 1 }}'", "None Some(\"<{{ inputs.x > 1 }}>\") None");
    check("mock_output: 5", "None None None");
    check("mock_output_enabled: true", "None None Some(\"null\")");
    check("mock_output_enabled: true, mock_output: ' {\"a\": [1]}'", r#"None None Some("{\"a\":[1]}")"#);
    check("mock_output_enabled: true, mock_output: '{{ x }}'", r#"None None Some("\"{{ x }}\"")"#);
}

#[test]
fn retries_are_read_in_full_or_as_a_number_of_attempts() {
    let check = |yaml: &str, expected: &str| {
        let text = format!(
            "workflow: [{{steps: [{{id: S1, action: http.requestV2, inputs: {{url: u}}, retry: {yaml}}}]}}]"
        );
        let retry = plan(&text).steps.remove(0).settings.retry;
        let shown = retry.map_or("none".to_owned(), |retry| {
            let (first, most) = (retry.initial_backoff_ms, retry.maximum_backoff_ms);
            let when = retry.when.as_ref().map(show).unwrap_or_default();
            let pauses = if retry.on_exhausted == OnExhausted::Pause { "pauses " } else { "" };
            format!("{} {first}..{most} x{} ~{} {pauses}{when}", retry.attempts, retry.factor, retry.jitter)
        });
        assert_eq!(shown.trim_end(), expected, "{yaml}");
    };
    check("5", "5 1000..60000 x2 ~0.2");
    check("true", "3 1000..60000 x2 ~0.2");
    check("{}", "3 1000..60000 x2 ~0.2");
    for none in ["false", "1", "''", "{attempts: 1}"] {
        check(none, "none");
    }
    check(
        "{max_attempts: 100, backoff: 500ms, Max Backoff: 3600, multiplier: 1.5, jitter: false}",
        "100 500..3600000 x1.5 ~0",
    );
    check("{on_exhausted: pause}", "3 1000..60000 x2 ~0.2 pauses");
    check("{attempts: 1, On Exhausted: Pause}", "1 1000..60000 x2 ~0.2 pauses");
    check("{attempts: 2, on_exhausted: fail}", "2 1000..60000 x2 ~0.2");
    check("{delay: 90}", "3 90000..90000 x2 ~0.2");
    check(
        "{initial_backoff: 0, when: steps.S1.error == 'x'}",
        "3 0..60000 x2 ~0.2 <{{ steps.S1.error == 'x' }}>",
    );
}

#[test]
fn inputs_and_outputs_come_in_the_order_of_their_index() {
    let plan = plan(
        "name: n\nrunner: dmz\ninputs: {c: {type: text}, b: {type: number, index: 2, default: '5'}, a: {type: text, index: 1}}\n\
         outputs: {z: '{{ inputs.a }}', y: {value: 1, index: 1}}\nworkflow: [{section: Steps}]",
    );
    let names: Vec<_> = plan.inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(plan.inputs[1].default.as_ref().map(expr::Value::to_json), Some(serde_json::json!(5)));
    let outputs: Vec<_> =
        plan.outputs.iter().map(|(name, value)| format!("{name} {}", show(value))).collect();
    assert_eq!(outputs, ["y 1", "z <{{ inputs.a }}>"]);
    assert_eq!((plan.name.as_deref(), plan.runner.as_str()), (Some("n"), "dmz"));
}

#[test]
fn a_document_says_what_it_is_and_what_it_uses() {
    let document = parse(
        r#"
name: Triage
desc: All of it
type: Flow
version: 1.10
tags: [a, 5]
automation_type: event
triggers:
  webhooks: [{trigger_type: custom_webhook, name: In, inputs: {repo: {value: site, display_name: Site}}}]
workflow:
  - section: Steps
    steps:
      - {id: S1, name: Say, action: slack.send_message, connections: {slack: main, github: no_connection}}
      - id: S2
        action: internal.for
        steps:
          - {id: S3, action: slack.send_message, connections: {slack: main}}
          - {id: S4, action: automations.11111111-2222-3333-4444-555555555555}
"#,
    )
    .document
    .unwrap();
    assert_eq!(document.name(), Some("Triage"));
    assert_eq!(document.description(), Some("All of it"));
    assert_eq!((document.kind(), document.version()), (Some("Flow"), Some("1.10")));
    assert_eq!(document.tags(), ["a", "5"]);
    assert_eq!((document.automation_type(), document.runner()), (AutomationType::Event, ""));
    assert_eq!(document.connections(), [("slack", "main")]);
    assert_eq!(document.subflows(), ["11111111-2222-3333-4444-555555555555"]);
    let actions: Vec<_> =
        document.actions().iter().map(|used| format!("{} {}", used.step, used.full_name)).collect();
    assert_eq!(actions[..3], ["S1 slack.send_message", "S2 internal.for", "S3 slack.send_message"]);
    let trigger = &document.triggers()[0];
    assert_eq!((trigger.category, trigger.name.as_deref()), (TriggerCategory::Webhooks, Some("In")));
    assert_eq!(trigger.inputs.to_json(), serde_json::json!({"repo": "site"}));
}

#[test]
fn the_hash_is_that_of_the_bytes() {
    let hash = |text: &str| parse(text).document.unwrap().hash().to_owned();
    assert_eq!(hash("workflow: []"), hash("workflow: []"));
    assert_ne!(hash("workflow: []"), hash("workflow: [] "));
    assert_ne!(hash("workflow: []"), hash("\u{feff}workflow: []"));
    assert_eq!(hash("workflow: []").len(), 64);
}

#[test]
fn what_a_draft_lacks_is_said_by_the_check_and_not_by_reading_it() {
    let text = "workflow: [{steps: [{id: S1, action: internal.for}, {id: S2, action: agents.a}, \
                {id: S3, action: internal.Sleep, inputs: {Mode: Web Form Response}}]}]";
    let parsed = parse(text);
    assert_eq!(parsed.diagnostics, []);
    let lacking = check(&parsed.document.unwrap(), &TestCatalog::default());
    let codes: Vec<_> = lacking.iter().map(|diagnostic| diagnostic.code).collect();
    assert_eq!(codes, ["missing_parameter", "unknown_action", "not_available_yet"]);
}

#[test]
fn a_diagnostic_is_plain_json() {
    let diagnostics = parse("nmae: x\nworkflow: [{section: Steps}]").diagnostics;
    assert_eq!(
        serde_json::to_value(diagnostics).unwrap(),
        serde_json::json!([{
            "severity": "warning",
            "code": "near_miss_key",
            "message": "a workflow has no key `nmae`: it is ignored",
            "hint": "did you mean `name`?",
            "span": {"line": 1, "column": 1, "end_line": 1, "end_column": 5},
        }])
    );
}

#[test]
fn branches_left_out_are_empty_and_extra_parameters_only_warned_of() {
    let text = "workflow: [{steps: [{id: S1, action: internal.ifCondition, inputs: {condition: {sentence: [], mtch: Or}}, \
                steps: [{id: S2, action: internal.ifTrueBranch}]}]}]";
    let plan = plan(text);
    assert_eq!(show_plan(&plan), "0 S1: if  then Some(1) [] else None []\n1 S2 in 0: branch\nrun [0]");
}

#[test]
fn concurrency_is_a_limit_alone_or_with_a_key_and_a_rule() {
    let steps = "workflow: [{section: S, steps: [{id: S1, action: internal.print, inputs: {text: x}}]}]";
    let of = |text: &str| plan(&format!("{text}\n{steps}")).concurrency;
    assert!(of("name: x").is_none());
    let alone = of("concurrency: 3").unwrap();
    assert_eq!((alone.limit, alone.on_full), (3, OnFull::Queue));
    assert!(matches!(&alone.key, PlanValue::Literal(value) if value.is_nil()));
    let whole =
        of("concurrency: {key: '{{ event.payload.host }}', limit: 2, on_full: cancel_oldest}").unwrap();
    assert_eq!((whole.limit, whole.on_full), (2, OnFull::CancelOldest));
    assert!(matches!(&whole.key, PlanValue::Template(key) if key.source() == "{{ event.payload.host }}"));
}

#[test]
fn a_step_and_a_workflow_name_runner_groups() {
    let step = |id: &str, more: &str| {
        format!("      - {{id: {id}, action: http.requestV2, inputs: {{url: x}}{more}}}\n")
    };
    let text = format!(
        "name: n\nrunner: dmz\nworkflow:\n  - section: Steps\n    steps:\n{}{}{}",
        step("S1", ", custom_runner_group_name: edge"),
        step("S2", ", configuration: {custom_runner_group_name: {display_name: Edge, value: edge}}"),
        step("S3", ", custom_runner_group_name: ' '"),
    );
    let plan = plan(&text);
    let groups: Vec<_> = plan.steps.iter().map(|step| step.settings.runner_group.as_deref()).collect();
    assert_eq!((plan.runner.as_str(), groups), ("dmz", vec![Some("edge"), Some("edge"), None]));
    assert_eq!(parse(&text).document.unwrap().runner_groups(), ["dmz", "edge"]);
}

/// A workflow with these packages at the top, whose steps run code and have these.
fn packages(top: &str, steps: &[&str]) -> String {
    let mut text = format!("requirements: {top}\nworkflow:\n  - section: Steps\n    steps:\n");
    for (index, own) in steps.iter().enumerate() {
        let _ = writeln!(text, "      - {{id: S{index}, action: core.python{own}}}");
    }
    text
}

#[test]
fn packages_of_a_step_come_to_those_of_its_workflow_and_replace_the_same_ones() {
    let own = ", requirements: ['Requests[socks]>=3', d]";
    let text = packages(
        "|\n  requests>=2\n  c==1; os_name=='x'\n  c==2\n",
        &["", own, "", ", when: 'false', requirements: e"],
    );
    let plan = plan(&text);
    let said = |index: usize| -> Vec<String> {
        plan.steps[index].requirements.iter().map(ToString::to_string).collect()
    };
    assert_eq!(said(0), ["requests>=2", "c==1 ; os_name == 'x'", "c==2"]);
    assert_eq!(said(1), ["c==1 ; os_name == 'x'", "c==2", "requests[socks]>=3", "d"]);
    assert_eq!(said(2), said(0));
    let document = parse(&text).document.unwrap();
    let lists: Vec<usize> = document.requirements().iter().map(|list| list.len()).collect();
    assert_eq!(lists, [3, 4], "one list for those that are equal, none for what never runs");
}

#[test]
fn packages_are_few_and_so_are_their_lists() {
    let check = |text: &str, expected: &[&str]| {
        let (_, diagnostics) = compile(text, &TestCatalog::default());
        let said: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
        assert_eq!(said, expected);
    };
    let names = |prefix: char, count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("{prefix}{number}")).collect();
        format!("[{}]", names.join(", "))
    };
    let own = |prefix: char, count: usize| format!(", requirements: {}", names(prefix, count));
    check(&packages(&names('a', 50), &["", &own('a', 50)]), &[]);
    check(
        &packages(&names('a', 51), &[&own('a', 50)]),
        &["1:15: error: `requirements` names `51` packages, more than `50` [invalid_requirement]"],
    );
    check(
        &packages(&names('a', 50), &[&own('b', 1)]),
        &[
            "5:53: error: the step and its workflow require `51` packages, more than `50` [invalid_requirement]",
        ],
    );
    let lists: Vec<String> = (1..=20).map(|count| own('b', count)).collect();
    let mut lists: Vec<&str> = lists.iter().map(String::as_str).collect();
    check(&packages("[]", &lists), &[]);
    lists.extend(["", ", requirements: [c]"]);
    let text = packages("[a]", &lists);
    let (_, diagnostics) = compile(&text, &TestCatalog::default());
    let said: Vec<_> = diagnostics.iter().map(|it| (it.code, it.message.as_str(), it.span.line)).collect();
    let message = "the steps require more than `20` different lists of packages";
    assert_eq!(said, [("invalid_requirement", message, 25), ("invalid_requirement", message, 26)]);
    let long = format!("a=={}", "1".repeat(198));
    let (_, diagnostics) = compile(&packages(&format!("['{long}']"), &[""]), &TestCatalog::default());
    assert!(diagnostics[0].message.ends_with("has `201` bytes, more than `200`"), "{diagnostics:?}");
}
