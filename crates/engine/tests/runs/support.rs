//! A driver of a few lines: answers effects, moves the clock, and cuts every run off after each commit.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use engine::{Command, EffectResult, Entry, Event, Execution, RunState, SaveFile, Start};
use expr::{Map, Value};
use serde_json::{Value as Json, json};
use types::Timestamp;
use workflow::plan::Plan;
use workflow::{ActionSignature, Catalog};

pub(crate) struct TestCatalog;

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
            "core.python",
            "core.pythonV2",
            "internal.SetVariables",
            "internal.ifCondition",
            "internal.ifTrueBranch",
            "internal.ifFalseBranch",
            "internal.for",
            "internal.switchCaseExpression",
            "internal.switchCaseLabel",
            "internal.switchCaseDefaultLabel",
            "internal.while",
            "internal.parallel",
            "internal.parallelBranch",
            "internal.append_list",
            "internal.print",
            "internal.Sleep",
            "internal.EndRun",
        ]
    }
}

pub(crate) fn plan(document: &str) -> Arc<Plan> {
    let (plan, diagnostics) = workflow::compile(document, &TestCatalog);
    Arc::new(plan.unwrap_or_else(|| panic!("{diagnostics:?}")))
}

/// Indents steps into a document.
pub(crate) fn document(steps: &str, rest: &str) -> String {
    let steps: String = steps.trim_matches('\n').lines().map(|line| format!("      {line}\n")).collect();
    format!("name: test\nworkflow:\n  - section: Steps\n    steps:\n{steps}{rest}")
}

pub(crate) const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

pub(crate) struct Driver<'a> {
    pub(crate) execution: Execution,
    /// What is going to happen: the first of a commit first, and of timers the one that is due first.
    todo: VecDeque<Event>,
    timers: BTreeMap<(Timestamp, String), ()>,
    pub(crate) journal: Vec<Entry>,
    pub(crate) commits: Vec<usize>,
    /// The files of each commit: the commit's place, the file.
    pub(crate) files: Vec<(usize, SaveFile)>,
    now: Timestamp,
    effect: &'a dyn Fn(&str, u32, &Json) -> EffectResult,
}

impl<'a> Driver<'a> {
    pub(crate) fn start(
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
            run_time: plan.run_time(Duration::from_secs(3600)),
        };
        let (execution, commands) = Execution::start(Arc::clone(plan), start, START);
        (Self::of(execution, Vec::new(), effect), commands)
    }

    pub(crate) fn of(
        execution: Execution,
        journal: Vec<Entry>,
        effect: &'a dyn Fn(&str, u32, &Json) -> EffectResult,
    ) -> Self {
        let (todo, timers) = (VecDeque::new(), BTreeMap::new());
        Self { execution, todo, timers, journal, commits: Vec::new(), files: Vec::new(), now: START, effect }
    }

    /// It is as late as that.
    pub(crate) fn at(&mut self, now: Timestamp) {
        self.now = now;
    }

    pub(crate) fn run(&mut self, first: Vec<Command>) {
        let mut commands = first;
        commands.extend(self.execution.advance(Event::Continue, self.now));
        for _ in 0..100_000 {
            let Some(event) = self.carry_out(commands) else { return };
            commands = self.execution.advance(event, self.now);
        }
        panic!("the run does not end");
    }

    /// Commits and takes note of what the commands ask for; the next thing that happens. The last effect that was
    /// handed out reports first, and time passes when nothing else happens.
    fn carry_out(&mut self, commands: Vec<Command>) -> Option<Event> {
        for command in commands {
            match command {
                Command::Append(entry) => self.journal.push(round_trip(&entry)),
                Command::Dispatch(dispatch) => {
                    let inputs = dispatch.inputs.to_json();
                    let result = (self.effect)(&dispatch.step, dispatch.attempt, &inputs);
                    let (path, attempt) = (dispatch.path, dispatch.attempt);
                    self.todo.push_front(Event::EffectFinished { path, attempt, result });
                }
                Command::CallSubflow(call) => {
                    let result = (self.effect)(&call.step, call.attempt, &call.inputs.to_json());
                    let (path, attempt) = (call.path, call.attempt);
                    self.todo.push_front(Event::EffectFinished { path, attempt, result });
                }
                Command::AwaitSubflow { path, attempt } => {
                    let called = self.execution.pending_effects().find(|effect| effect.path == path);
                    let result = (self.effect)(&path, attempt, &called.unwrap().inputs.to_json());
                    self.todo.push_front(Event::EffectFinished { path, attempt, result });
                }
                Command::SaveFile(file) => self.files.push((self.commits.len(), *file)),
                Command::SetTimer { path, due } => drop(self.timers.insert((due, path), ())),
                Command::Continue => self.todo.push_front(Event::Continue),
                Command::SetDeadline(_) | Command::CancelAttempt { .. } | Command::CancelSubflow { .. } => {}
            }
        }
        self.commits.push(self.journal.len());
        let mut timer = || self.timers.pop_first().map(|((due, path), ())| (due, path));
        self.todo.pop_front().or_else(|| {
            let (due, path) = timer()?;
            self.now = self.now.max(due);
            Some(Event::TimerFired { path })
        })
    }
}

/// What the journal's row gives back.
pub(crate) fn round_trip(entry: &Entry) -> Entry {
    let text = serde_json::to_string(entry).unwrap();
    let back: Entry = serde_json::from_str(&text).unwrap();
    assert_eq!(&back, entry, "{text}");
    back
}

pub(crate) fn no_effects(_: &str, _: u32, _: &Json) -> EffectResult {
    panic!("this workflow has no effects")
}

pub(crate) struct Ended {
    pub(crate) state: RunState,
    pub(crate) outputs: Json,
    pub(crate) error: Option<String>,
    pub(crate) results: Json,
}

pub(crate) fn ended(execution: &Execution) -> Ended {
    Ended {
        state: execution.state(),
        outputs: Value::Map(Arc::new(execution.outputs().clone())).to_json(),
        error: execution.error().map(|error| format!("{}: {}", error.code, error.message)),
        results: json!(execution.step_results()),
    }
}

/// Runs it through, then again from every commit's journal, and compares.
pub(crate) fn run_with(
    document: &str,
    inputs: Json,
    effect: &dyn Fn(&str, u32, &Json) -> EffectResult,
) -> Ended {
    let plan = plan(document);
    let (mut driver, first) = Driver::start(&plan, inputs, effect);
    driver.run(first);
    let whole = ended(&driver.execution);
    for (place, &commit) in driver.commits.iter().enumerate() {
        let execution = Execution::restore(Arc::clone(&plan), &driver.journal[..commit]).unwrap();
        let journal = driver.journal[..commit].to_vec();
        let mut again = Driver::of(execution, journal, effect);
        let mut commands = again.execution.outstanding();
        let pending = |effect: &engine::PendingEffect| (effect.path.clone(), effect.attempt);
        let effects = again.execution.pending_effects().filter(|effect| effect.subflow.is_none());
        for (path, attempt) in effects.map(pending).collect::<Vec<_>>() {
            let lost = Event::AttemptLost { path, attempt, repeatable: true };
            commands.extend(again.execution.advance(lost, again.now));
        }
        again.run(commands);
        let resumed = ended(&again.execution);
        assert_eq!(resumed.state, whole.state, "after {commit} entries");
        assert_eq!(resumed.outputs, whole.outputs, "after {commit} entries");
        assert_eq!(resumed.results, whole.results, "after {commit} entries");
        let saved = driver.files.iter().filter(|(of, _)| *of <= place).chain(&again.files);
        assert_eq!(kept(saved), kept(&driver.files), "after {commit} entries");
    }
    whole
}

/// What is kept of files, whenever they were left.
fn kept<'f>(files: impl IntoIterator<Item = &'f (usize, SaveFile)>) -> Vec<(String, &'f str, &'f str)> {
    let mut kept: Vec<_> =
        files.into_iter().map(|(_, file)| (file.id.to_string(), &*file.name, &*file.json)).collect();
    kept.sort_unstable();
    kept
}

pub(crate) fn run(document: &str, inputs: Json) -> Ended {
    run_with(document, inputs, &no_effects)
}
