//! The crash-free run that a simulated one is compared with: one driver, one attempt for each effect.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use engine::{Command, EffectResult, Entry, Event, Execution, RunState, StepState, SubflowCall};
use types::Timestamp;
use workflow::plan::{Plan, StepKind};

use crate::calls::{accepted, end_of, not_found};
use crate::requests::{Callee, Request, answer};

/// How a run goes if nothing comes in between.
pub(crate) struct Reference {
    pub(crate) facts: Facts,
    /// Path of the step -> the content of its file.
    pub(crate) files: BTreeMap<String, String>,
    execution: Execution,
    /// State, outputs and error of the end.
    pub(crate) end: String,
}

const COMMITS_MAX: usize = 100_000;

impl Reference {
    pub(crate) fn of(request: &Request, callees: &[Callee]) -> Self {
        let mut files = BTreeMap::new();
        let mut now = Timestamp::from_millis(1_700_000_000_000);
        let (mut execution, mut commands) =
            Execution::start(Arc::clone(&request.plan), request.start.clone(), now);
        commands.extend(execution.advance(Event::Continue, now));
        let mut journal = Vec::new();
        let (mut todo, mut timers) = (VecDeque::new(), BTreeSet::new());
        for _ in 0..COMMITS_MAX {
            for command in commands {
                match command {
                    Command::Append(entry) => journal.push(entry),
                    Command::Dispatch(dispatch) => {
                        let result = answer(&dispatch.action, &dispatch.path, &dispatch.inputs);
                        let (path, attempt) = (dispatch.path, dispatch.attempt);
                        todo.push_back(Event::EffectFinished { path, attempt, result });
                    }
                    Command::SetTimer { path, due } => drop(timers.insert((due, path))),
                    Command::Continue => todo.push_back(Event::Continue),
                    Command::CallSubflow(call) => {
                        let result = result_of(request, callees, &call);
                        let (path, attempt) = (call.path, call.attempt);
                        todo.push_back(Event::EffectFinished { path, attempt, result });
                    }
                    Command::SaveFile(file) => drop(files.insert(file.path, file.json)),
                    Command::AwaitSubflow { .. }
                    | Command::CancelSubflow { .. }
                    | Command::SetDeadline(_)
                    | Command::CancelAttempt { .. } => {}
                }
            }
            let event = todo.pop_front().or_else(|| {
                let (due, path) = timers.pop_first()?;
                now = now.max(due);
                Some(Event::TimerFired { path })
            });
            let Some(event) = event else { break };
            commands = execution.advance(event, now);
        }
        assert!(execution.state().is_terminal(), "the crash-free run does not end:\n{}", request.document);
        let (facts, end) = (facts(&request.plan, &journal), end(&request.plan, &execution));
        Self { facts, files, end, execution }
    }
}

/// What the call of another workflow comes to: that run takes no time here.
fn result_of(request: &Request, callees: &[Callee], call: &SubflowCall) -> EffectResult {
    let Some(callee) = callees.iter().find(|callee| callee.workflow == call.workflow) else {
        return not_found();
    };
    let called = Request::called(callee, request, &call.path, &call.inputs);
    if call.options.is_async {
        return accepted(&called.name);
    }
    end_of(&Reference::of(&called, callees).execution)
}

/// What of a journal must be the same however often the run was cut off: everything but times and attempts. In each
/// strand they stand in one order; which strand is faster does not matter.
pub(crate) type Facts = BTreeMap<String, Vec<Entry>>;

pub(crate) fn facts(plan: &Plan, journal: &[Entry]) -> Facts {
    let mut facts = Facts::new();
    for (step, path, fact) in journal.iter().filter_map(fact) {
        facts.entry(strand_of(plan, &step, &path)).or_default().push(fact);
    }
    facts
}

/// The strand of a step: the path of the branch or turn that it is under.
fn strand_of(plan: &Plan, step: &str, path: &str) -> String {
    let is_loop =
        |index: usize| matches!(plan.steps[index].kind, StepKind::For { .. } | StepKind::While { .. });
    let mut place = plan.steps.iter().position(|candidate| candidate.id == step);
    let holders = |from: usize| std::iter::successors(plan.steps[from].parent, |at| plan.steps[*at].parent);
    let turns = |from: usize| {
        let loops = holders(from).filter(|holder| is_loop(*holder)).count();
        path.split('.').take(loops).map(|turn| format!("{turn}.")).collect::<String>()
    };
    while let Some(at) = place {
        if matches!(plan.steps[at].kind, StepKind::ParallelBranch { .. }) {
            return format!("{}{}", turns(at), plan.steps[at].id);
        }
        let parent = plan.steps[at].parent;
        let at_once = |parent: &usize| {
            matches!(plan.steps[*parent].kind, StepKind::For { max_concurrency: Some(_), .. })
        };
        if parent.as_ref().is_some_and(at_once) {
            return turns(at);
        }
        place = parent;
    }
    String::new()
}

fn fact(entry: &Entry) -> Option<(String, String, Entry)> {
    let zero = Timestamp::from_millis(0);
    let mut entry = entry.clone();
    let (step, path) = match &mut entry {
        Entry::StepStarted { step, path, strand, attempt, at, .. } if *attempt == 1 => {
            (*at, *strand) = (zero, 0);
            (step.clone(), path.clone())
        }
        // As many failures as in the crash-free run, whatever was lost between them.
        Entry::AttemptFailed { step, path, strand, attempt, due, at, .. } => {
            (*due, *at, *strand, *attempt) = (zero, zero, 0, 1);
            (step.clone(), path.clone())
        }
        Entry::LoopStarted { step, path, strand, at, .. } => {
            (*at, *strand) = (zero, 0);
            (step.clone(), path.clone())
        }
        Entry::BranchesStarted { step, path, strand, at, .. } => {
            (*at, *strand) = (zero, 0);
            (step.clone(), path.clone())
        }
        Entry::TimerSet { step, path, strand, due, at, .. } => {
            (*due, *at, *strand) = (zero, zero, 0);
            (step.clone(), path.clone())
        }
        Entry::StepFinished(finished) if finished.state != StepState::Cancelled => {
            (finished.started_at, finished.at, finished.strand) = (zero, zero, 0);
            finished.attempt = finished.attempt.min(1);
            (finished.step.clone(), finished.path.clone())
        }
        _ => return None,
    };
    Some((step, path, entry))
}

/// How the run ended. Of the steps in a loop whose turns run at the same time, the last one's state stands there.
pub(crate) fn end(plan: &Plan, execution: &Execution) -> String {
    let mut results = execution.step_results().clone();
    for (index, step) in plan.steps.iter().enumerate() {
        if matches!(step.kind, StepKind::For { max_concurrency: Some(_), .. }) {
            for under in plan.under(index) {
                results.remove(&under.id);
            }
        }
    }
    let results = if execution.state() == RunState::Paused { None } else { Some(results) };
    format!("{:?} {:?} {:?} {results:?}", execution.state(), execution.outputs(), execution.error())
}
