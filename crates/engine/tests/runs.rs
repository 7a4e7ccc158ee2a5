//! Runs of whole workflows through the pure engine: a driver of a few lines answers effects and moves the
//! clock. Every run is also cut off after each commit and read back, and must end the same.
#![allow(clippy::unwrap_used, clippy::panic)] // a test's helpers fail by panicking

use std::sync::Arc;
use std::time::Duration;

use engine::{Command, EffectResult, Entry, Event, Execution, RunState, Start, StepError, StepState};
use expr::{Map, Value};
use serde_json::{Value as Json, json};
use types::Timestamp;
use workflow::plan::Plan;
use workflow::{ActionSignature, Catalog};

struct TestCatalog;

impl Catalog for TestCatalog {
    fn action(&self, full_name: &str) -> Option<ActionSignature<'_>> {
        self.action_names().contains(&full_name).then_some(ActionSignature {
            parameters: &[],
            connection_types: &[],
            connection_optional: true,
        })
    }

    fn action_names(&self) -> Vec<&str> {
        vec![
            "test.effect",
            "internal.SetVariables",
            "internal.ifCondition",
            "internal.ifTrueBranch",
            "internal.ifFalseBranch",
            "internal.for",
            "internal.while",
            "internal.append_list",
            "internal.print",
            "internal.Sleep",
            "internal.EndRun",
        ]
    }
}

fn plan(document: &str) -> Arc<Plan> {
    let (plan, diagnostics) = workflow::compile(document, &TestCatalog);
    Arc::new(plan.unwrap_or_else(|| panic!("{diagnostics:?}")))
}

/// Indents steps into a document.
fn document(steps: &str, rest: &str) -> String {
    let steps: String = steps.trim_matches('\n').lines().map(|line| format!("      {line}\n")).collect();
    format!("name: test\nworkflow:\n  - section: Steps\n    steps:\n{steps}{rest}")
}

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

struct Driver<'a> {
    execution: Execution,
    journal: Vec<Entry>,
    commits: Vec<usize>,
    now: Timestamp,
    effect: &'a dyn Fn(&str, u32, &Json) -> EffectResult,
}

impl<'a> Driver<'a> {
    fn start(
        plan: &Arc<Plan>,
        inputs: Json,
        effect: &'a dyn Fn(&str, u32, &Json) -> EffectResult,
    ) -> (Self, Vec<Command>) {
        let inputs = match Value::from(inputs) {
            Value::Map(inputs) => inputs.as_ref().clone(),
            _ => Map::new(),
        };
        let start = Start {
            inputs,
            event: Value::Nil,
            metadata: Map::new(),
            seed: [7; 32],
            run_time: Duration::from_secs(3600),
        };
        let (execution, commands) = Execution::start(Arc::clone(plan), start, START);
        (Self { execution, journal: Vec::new(), commits: Vec::new(), now: START, effect }, commands)
    }

    fn run(&mut self, first: Vec<Command>) {
        let mut commands = first;
        commands.extend(self.execution.advance(Event::Continue, self.now));
        for _ in 0..100_000 {
            let Some(event) = self.carry_out(commands) else { return };
            commands = self.execution.advance(event, self.now);
        }
        panic!("the run does not end");
    }

    /// Commits, then answers the first command that asks for something.
    fn carry_out(&mut self, commands: Vec<Command>) -> Option<Event> {
        let mut event = None;
        for command in commands {
            match command {
                Command::Append(entry) => self.journal.push(round_trip(&entry)),
                Command::Dispatch(dispatch) => {
                    let inputs = dispatch.inputs.to_json();
                    let result = (self.effect)(&dispatch.step, dispatch.attempt, &inputs);
                    event = Some(Event::EffectFinished {
                        path: dispatch.path,
                        attempt: dispatch.attempt,
                        result,
                    });
                }
                Command::SetTimer { path, due } => {
                    self.now = due;
                    event = Some(Event::TimerFired { path });
                }
                Command::Continue => event = Some(Event::Continue),
                Command::SetDeadline(_) | Command::CancelAttempt { .. } => {}
            }
        }
        self.commits.push(self.journal.len());
        event
    }
}

/// What the journal's row gives back.
fn round_trip(entry: &Entry) -> Entry {
    let text = serde_json::to_string(entry).unwrap();
    let back: Entry = serde_json::from_str(&text).unwrap();
    assert_eq!(&back, entry, "{text}");
    back
}

fn no_effects(_: &str, _: u32, _: &Json) -> EffectResult {
    panic!("this workflow has no effects")
}

struct Ended {
    state: RunState,
    outputs: Json,
    error: Option<String>,
    results: Json,
}

fn ended(execution: &Execution) -> Ended {
    Ended {
        state: execution.state(),
        outputs: Value::Map(Arc::new(execution.outputs().clone())).to_json(),
        error: execution.error().map(|error| format!("{}: {}", error.code, error.message)),
        results: json!(execution.step_results()),
    }
}

/// Runs it through, then again from every commit's journal, and compares.
fn run_with(document: &str, inputs: Json, effect: &dyn Fn(&str, u32, &Json) -> EffectResult) -> Ended {
    let plan = plan(document);
    let (mut driver, first) = Driver::start(&plan, inputs, effect);
    driver.run(first);
    let whole = ended(&driver.execution);
    for &commit in &driver.commits {
        let execution = Execution::restore(Arc::clone(&plan), &driver.journal[..commit]).unwrap();
        let journal = driver.journal[..commit].to_vec();
        let mut again = Driver { execution, journal, commits: Vec::new(), now: START, effect };
        let mut commands = again.execution.outstanding();
        if let Some(pending) = again.execution.pending_effect() {
            let (path, attempt) = (pending.path.clone(), pending.attempt);
            commands =
                again.execution.advance(Event::AttemptLost { path, attempt, repeatable: true }, again.now);
        }
        again.run(commands);
        let resumed = ended(&again.execution);
        assert_eq!(resumed.state, whole.state, "after {commit} entries");
        assert_eq!(resumed.outputs, whole.outputs, "after {commit} entries");
        assert_eq!(resumed.results, whole.results, "after {commit} entries");
    }
    whole
}

fn run(document: &str, inputs: Json) -> Ended {
    run_with(document, inputs, &no_effects)
}

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
