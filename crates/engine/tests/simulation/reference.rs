//! The crash-free run that a simulated one is compared with: one driver, one attempt for each effect.

use std::sync::Arc;

use engine::{Command, Entry, Event, Execution, RunState, StepState};
use types::Timestamp;

use crate::workflows::{Request, answer};

/// How a run goes if nothing comes in between.
pub(crate) struct Reference {
    pub(crate) facts: Vec<Entry>,
    /// State, outputs and error of the end.
    pub(crate) end: String,
}

const COMMITS_MAX: usize = 100_000;

impl Reference {
    pub(crate) fn of(request: &Request) -> Self {
        let mut now = Timestamp::from_millis(1_700_000_000_000);
        let (mut execution, mut commands) =
            Execution::start(Arc::clone(&request.plan), request.start.clone(), now);
        commands.extend(execution.advance(Event::Continue, now));
        let mut journal = Vec::new();
        for _ in 0..COMMITS_MAX {
            let mut event = None;
            for command in commands {
                match command {
                    Command::Append(entry) => journal.push(entry),
                    Command::Dispatch(dispatch) => {
                        let result = answer(&dispatch.path, &dispatch.inputs);
                        let (path, attempt) = (dispatch.path, dispatch.attempt);
                        event = Some(Event::EffectFinished { path, attempt, result });
                    }
                    Command::SetTimer { path, due } => {
                        now = due;
                        event = Some(Event::TimerFired { path });
                    }
                    Command::Continue => event = Some(Event::Continue),
                    Command::CallSubflow(_)
                    | Command::AwaitSubflow { .. }
                    | Command::CancelSubflow { .. } => {
                        unreachable!("no workflow of the simulation calls another")
                    }
                    Command::SetDeadline(_) | Command::CancelAttempt { .. } => {}
                }
            }
            let Some(event) = event else { break };
            commands = execution.advance(event, now);
        }
        assert!(execution.state().is_terminal(), "the crash-free run does not end:\n{}", request.document);
        Self { facts: facts(&journal), end: end(&execution) }
    }
}

/// What of a journal must be the same however often the run was cut off: everything but times and attempts.
pub(crate) fn facts(journal: &[Entry]) -> Vec<Entry> {
    journal.iter().filter_map(fact).collect()
}

fn fact(entry: &Entry) -> Option<Entry> {
    let zero = Timestamp::from_millis(0);
    let mut entry = entry.clone();
    match &mut entry {
        Entry::StepStarted { attempt, at, .. } if *attempt == 1 => *at = zero,
        Entry::LoopStarted { at, .. } => *at = zero,
        Entry::TimerSet { due, at, .. } => (*due, *at) = (zero, zero),
        Entry::StepFinished(finished) if finished.state != StepState::Cancelled => {
            (finished.started_at, finished.at, finished.attempt) = (zero, zero, finished.attempt.min(1));
        }
        _ => return None,
    }
    Some(entry)
}

/// How the run ended.
pub(crate) fn end(execution: &Execution) -> String {
    let results = if execution.state() == RunState::Paused { None } else { Some(execution.step_results()) };
    format!("{:?} {:?} {:?} {results:?}", execution.state(), execution.outputs(), execution.error())
}
