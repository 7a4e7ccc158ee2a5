//! Runs that begin with a step of another run.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use engine::{
    Command, EffectResult, Entry, Event, Execution, Restart, RestartError, RunState, StepError, restart_point,
};
use expr::{Map, Value};
use serde_json::{Value as Json, json};

use crate::support::{Driver, START, document, ended, no_effects, plan};

const RUN_TIME: Duration = Duration::from_secs(60);

fn restart(path: String) -> Restart {
    Restart {
        from: "the first".into(),
        path,
        metadata: [("execution_id".into(), Value::from("the second"))].into_iter().collect(),
        seed: [9; 32],
        run_time: RUN_TIME,
    }
}

/// The journal of a run of these steps, whose effects answer their inputs unless `fails` names them.
fn journal_of(text: &str, fails: &str) -> Vec<Entry> {
    let effect = |step: &str, _: u32, inputs: &Json| {
        if step == fails {
            EffectResult::Failed { error: StepError::new("http_status", "no answer"), output: Value::Nil }
        } else {
            EffectResult::Succeeded(Value::from(inputs.clone()))
        }
    };
    let (mut driver, first) = Driver::start(&plan(text), json!({}), &effect);
    driver.run(first);
    driver.journal
}

/// Restarts it and runs it to its end, read back after the first commit; what ran again, and how it ended.
fn again(text: &str, journal: &[Entry], step: Option<&str>) -> (Vec<String>, Json, RunState) {
    let ran = RefCell::new(Vec::new());
    let effect = |step: &str, _: u32, inputs: &Json| {
        ran.borrow_mut().push(step.to_owned());
        EffectResult::Succeeded(Value::from(inputs.clone()))
    };
    let now = START.saturating_add(Duration::from_secs(86_400));
    let plan = plan(text);
    let (path, before) = restart_point(Arc::clone(&plan), journal, step).unwrap();
    let copied = &journal[..before];
    let (live, commands) = Execution::restart(Arc::clone(&plan), copied, restart(path), now).unwrap();
    let mut driver = Driver::of(live, copied.to_vec(), &effect);
    driver.at(now);
    driver.run(commands);
    for commit in &driver.commits {
        let restored = Execution::restore(Arc::clone(&plan), &driver.journal[..*commit]).unwrap();
        assert_eq!(restored.started_at(), now);
    }
    let restored = Execution::restore(plan, &driver.journal).unwrap();
    assert_eq!(format!("{restored:?}"), format!("{:?}", driver.execution));
    let end = ended(&driver.execution);
    (ran.take(), end.outputs, end.state)
}

fn refused(text: &str, journal: &[Entry], step: Option<&str>) -> RestartError {
    restart_point(plan(text), journal, step).unwrap_err()
}

const OUTPUTS: &str = "outputs: {out: {value: '{{ steps.S3.output }}'}}\n";

fn three() -> String {
    document(
        "- {id: S1, action: test.effect, inputs: {a: 1}}\n\
         - {id: S2, action: test.effect, inputs: {a: '{{ steps.S1.output.a + 1 }}'}}\n\
         - {id: S3, action: test.effect, inputs: {a: '{{ steps.S2.output.a + 1 }}', me: '{{ metadata.execution_id }}'}}",
        OUTPUTS,
    )
}

#[test]
fn a_run_goes_on_from_the_step_that_failed_or_any_other() {
    let text = three();
    let journal = journal_of(&text, "S2");
    let outputs = json!({"out": {"a": 3, "me": "the second"}});
    let done = |steps: &[&str]| {
        let steps: Vec<String> = steps.iter().map(|step| (*step).to_owned()).collect();
        (steps, outputs.clone(), RunState::Completed)
    };
    assert_eq!(again(&text, &journal, None), done(&["S2", "S3"]));
    assert_eq!(again(&text, &journal, Some("S2")), done(&["S2", "S3"]));
    assert_eq!(again(&text, &journal, Some("S1")), done(&["S1", "S2", "S3"]));
    assert_eq!(refused(&text, &journal, Some("S3")), RestartError::NotReached("S3".into()));

    // One that completed has no such step.
    let journal = journal_of(&text, "");
    assert_eq!(again(&text, &journal, Some("S3")), done(&["S3"]));
    assert_eq!(refused(&text, &journal, None), RestartError::NoStep);
}

#[test]
fn the_time_of_a_restarted_run_is_its_own() {
    let steps = "- {id: S1, action: internal.Sleep, inputs: {duration: 1h}}\n- {id: S3, action: test.effect}";
    let text = document(steps, OUTPUTS);
    let journal = journal_of(&text, "S3");
    let now = START.saturating_add(Duration::from_secs(86_400));
    let (path, before) = restart_point(plan(&text), &journal, None).unwrap();
    let kinds: Vec<_> = journal[..before].iter().map(Entry::kind).collect();
    assert_eq!((path.as_str(), kinds), ("S3", vec!["started", "timer_set", "step_finished"]));
    let restart = restart(path);
    let (mut execution, commands) =
        Execution::restart(plan(&text), &journal[..before], restart, now).unwrap();
    let deadline = now.saturating_add(RUN_TIME);
    assert!(matches!(commands.last(), Some(Command::SetDeadline(at)) if *at == deadline));
    assert!(matches!(commands.first(), Some(Command::Append(entry)) if entry.kind() == "restarted"));
    execution.advance(Event::Continue, now);
    let later = now.saturating_add(Duration::from_secs(5));
    let result = EffectResult::Succeeded(Value::Nil);
    execution.advance(Event::EffectFinished { path: "S3".into(), attempt: 1, result }, later);
    assert_eq!((execution.state(), execution.net_runtime_ms()), (RunState::Completed, 5_000));
}

#[test]
fn a_step_in_a_loop_is_named_with_its_turn() {
    let steps = "- id: S1\n  action: internal.for\n  inputs: {list: '{{ [10, 20, 30] }}'}\n  steps:\n    \
                 - {id: S2, action: test.effect, inputs: {a: '{{ steps.S1.item }}'}}\n\
                 - {id: S3, action: test.effect, inputs: {a: '{{ steps.S2.output.a }}'}}";
    let text = document(steps, OUTPUTS);
    let journal = journal_of(&text, "");
    let (ran, outputs, _) = again(&text, &journal, Some("S1[1].S2"));
    assert_eq!((ran, outputs), (vec!["S2".into(), "S2".into(), "S3".into()], json!({"out": {"a": 30}})));
    let error = refused(&text, &journal, Some("S2"));
    assert!(matches!(&error, RestartError::SeveralTimes { paths, .. } if paths.len() == 3), "{error}");
    assert!(error.to_string().contains("`S1[0].S2`"), "{error}");
    assert_eq!(again(&text, &journal, Some("S1")).0.len(), 4);
}

#[test]
fn a_step_that_ran_beside_others_is_refused() {
    let steps = "- id: S1\n  action: internal.for\n  inputs: {list: 2, max_concurrency: 2}\n  steps:\n    \
                 - {id: S2, action: test.effect}\n\
                 - {id: S3, action: test.effect}";
    let text = document(steps, OUTPUTS);
    let journal = journal_of(&text, "");
    // The first began alone, the second beside it.
    let beside = refused(&text, &journal, Some("S1[1].S2"));
    let expected = RestartError::Beside { step: "S1[1].S2".into(), beside: vec!["S1[0].S2".into()] };
    assert_eq!(beside, expected);
    assert_eq!(again(&text, &journal, Some("S3")).0, ["S3"]);
    assert_eq!(again(&text, &journal, Some("S1[0].S2")).0, ["S2", "S2", "S3"]);
}

#[test]
fn a_branch_is_no_step_to_begin_with_since_it_began_with_the_others() {
    let steps = "- id: S1\n  action: internal.parallel\n  steps:\n    \
                 - {id: S1a, action: internal.parallelBranch, steps: [{id: S2, action: test.effect}]}\n    \
                 - {id: S1b, action: internal.parallelBranch, steps: [{id: S4, action: test.effect}]}\n\
                 - {id: S3, action: test.effect}";
    let text = document(steps, OUTPUTS);
    let journal = journal_of(&text, "");
    for branch in ["S1a", "S1b"] {
        let beside = RestartError::Beside { step: branch.into(), beside: vec!["S1".into()] };
        assert_eq!(refused(&text, &journal, Some(branch)), beside, "what is under it would run twice");
    }
    assert_eq!(again(&text, &journal, Some("S1")).0.len(), 3);
}

#[test]
fn what_was_decided_about_the_other_run_is_not_decided_about_this_one() {
    let text = three();
    let (mut driver, first) = Driver::start(&plan(&text), json!({}), &no_effects);
    let mut journal = appended(first);
    let control = engine::Control::Pause { reason: "lunch".into() };
    let succeeded =
        EffectResult::Succeeded(Value::Map(Arc::new(Map::from_iter([("a".into(), Value::Int(1))]))));
    for event in [
        Event::Continue,
        Event::Decided(control),
        Event::EffectFinished { path: "S1".into(), attempt: 1, result: succeeded },
        Event::Decided(engine::Control::Resume { inputs: None, by: "ann".into() }),
        Event::AttemptLost { path: "S2".into(), attempt: 1, repeatable: false },
    ] {
        journal.extend(appended(driver.execution.advance(event, START)));
    }
    assert_eq!(driver.execution.state(), RunState::Paused);
    assert_eq!(again(&text, &journal, None).0, ["S2", "S3"]);
}

fn appended(commands: Vec<Command>) -> Vec<Entry> {
    let entries = commands.into_iter().filter_map(|command| match command {
        Command::Append(entry) => Some(entry),
        _ => None,
    });
    entries.collect()
}
