//! Several things at a time: the branches of a parallel, the turns of a loop, and runs of both.

mod branches;
mod together;
mod turns;

use engine::{Command, EffectResult, Entry, Event, Execution, StepError, StepState};
use expr::Value;
use serde_json::{Value as Json, json};

use crate::support::{Driver, START, document, no_effects, plan};

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
