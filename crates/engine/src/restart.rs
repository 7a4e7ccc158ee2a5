//! A new run that begins with a step of another one: it copies the journal of that before the step, and goes on by
//! itself.
//!
//! Any beginning of a journal is the state that its run was in then, so what is copied is exact wherever nothing was
//! under way at that point; anywhere else it is refused.

use std::sync::Arc;
use std::time::Duration;

use expr::Map;
use types::Timestamp;
use workflow::plan::Plan;

use crate::command::Command;
use crate::entry::Entry;
use crate::execution::{Execution, RestoreError, hex};

/// What a run begins with that goes on from a step of another one.
#[derive(Clone, Debug)]
pub struct Restart {
    /// The other run's id.
    pub from: String,
    /// The path of the step that it begins with.
    pub path: String,
    /// What `metadata.*` answers.
    pub metadata: Map,
    /// 32 random bytes; the run's own randomness comes from them.
    pub seed: [u8; 32],
    /// How long the run may take.
    pub run_time: Duration,
}

/// Why a run cannot begin there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestartError {
    /// No step is named, and the run neither failed nor stands at one.
    #[error("the run failed at no step: name the one to begin with")]
    NoStep,
    /// The run did not come to it.
    #[error("the run did not come to step `{0}`")]
    NotReached(
        /// The step.
        String,
    ),
    /// It ran in several turns.
    #[error("step `{step}` ran more than once: name its path, such as `{}`", .paths.join("`, `"))]
    SeveralTimes {
        /// The step.
        step: String,
        /// Some of its paths.
        paths: Vec<String>,
    },
    /// Other steps were under way when it began.
    #[error("{} under way when step `{step}` began: begin with an earlier step", under_way(.beside))]
    Beside {
        /// The step.
        step: String,
        /// The paths of the others.
        beside: Vec<String>,
    },
    /// The journal is not one of a run of the plan.
    #[error(transparent)]
    Journal(#[from] RestoreError),
}

/// Paths that an error names.
const PATHS_NAMED_MAX: usize = 5;

fn under_way(paths: &[String]) -> String {
    let verb = if paths.len() == 1 { "was" } else { "were" };
    format!("`{}` {verb}", paths.join("`, `"))
}

/// The path of the step that a new run may begin with, and how many lines of the journal it copies: those before that
/// step. Absent: the step that the run failed or stands at; else the step's path, or its id if it ran once.
///
/// # Errors
/// If there is no such step, or the state before it is not exact.
pub fn restart_point(
    plan: Arc<Plan>,
    journal: &[Entry],
    step: Option<&str>,
) -> Result<(String, usize), RestartError> {
    let (path, before) = first_line(journal, step)?;
    let execution = Execution::restore(plan, journal.get(..before).unwrap_or_default())?;
    let pending = execution.strands.iter().filter_map(|(_, strand)| strand.pending.as_ref());
    let beside: Vec<String> =
        pending.map(|pending| pending.path().to_owned()).take(PATHS_NAMED_MAX).collect();
    match beside.is_empty() {
        true => Ok((path, before)),
        false => Err(RestartError::Beside { step: path, beside }),
    }
}

impl Execution {
    /// A new run of the same plan that goes on where the `copied` lines of another run end, which [`restart_point`] has
    /// told. They are its own first lines: the commands append what comes after them. Feed it
    /// [`Event::Continue`](crate::Event::Continue) next.
    ///
    /// # Errors
    /// If the lines are not ones of a run of the plan.
    pub fn restart(
        plan: Arc<Plan>,
        copied: &[Entry],
        restart: Restart,
        now: Timestamp,
    ) -> Result<(Self, Vec<Command>), RestoreError> {
        let mut execution = Self::restore(plan, copied)?;
        let mut commands = Vec::new();
        let Restart { from, path, metadata, seed, run_time } = restart;
        let (seed, deadline) = (hex(&seed), now.saturating_add(run_time));
        execution.record(Entry::Restarted { from, path, metadata, seed, deadline, at: now }, &mut commands);
        commands.push(Command::SetDeadline(deadline));
        Ok((execution, commands))
    }
}

/// The path of the step that is meant, and the line that first speaks of it.
fn first_line(journal: &[Entry], step: Option<&str>) -> Result<(String, usize), RestartError> {
    let step = match step.or_else(|| stood_at(journal)) {
        Some(step) => step,
        None => return Err(RestartError::NoStep),
    };
    let mut paths: Vec<(&str, usize)> = Vec::new();
    for (line, entry) in journal.iter().enumerate() {
        if let Some(parallel) = begun_with_others(entry, step) {
            return Err(RestartError::Beside { step: step.to_owned(), beside: vec![parallel.to_owned()] });
        }
        let Some((path, id)) = begins(entry) else { continue };
        if path == step {
            return Ok((step.to_owned(), line));
        }
        if id == step && paths.len() <= PATHS_NAMED_MAX && !paths.iter().any(|(known, _)| *known == path) {
            paths.push((path, line));
        }
    }
    match paths.as_slice() {
        [] => Err(RestartError::NotReached(step.to_owned())),
        [(path, line)] => Ok(((*path).to_owned(), *line)),
        several => Err(RestartError::SeveralTimes {
            step: step.to_owned(),
            paths: several.iter().take(PATHS_NAMED_MAX).map(|(path, _)| (*path).to_owned()).collect(),
        }),
    }
}

/// The path of the step that the run failed at, or that somebody has to decide on.
fn stood_at(journal: &[Entry]) -> Option<&str> {
    journal.iter().rev().find_map(|entry| match entry {
        Entry::Finished { error: Some(error), .. } => error.path.as_deref(),
        Entry::Paused { path, .. } | Entry::Exhausted { path, .. } => Some(path),
        _ => None,
    })
}

/// The path of the parallel with which the branch of that path or id begins: a branch has no beginning of its own.
fn begun_with_others<'e>(entry: &'e Entry, step: &str) -> Option<&'e str> {
    let Entry::BranchesStarted { path, step: parallel, branches, .. } = entry else { return None };
    let prefix = path.strip_suffix(parallel.as_str()).unwrap_or_default();
    let is_it = |branch: &String| branch == step || step.strip_prefix(prefix) == Some(branch);
    branches.iter().any(is_it).then_some(path)
}

/// Path and id of the step that an entry may be the first to speak of.
fn begins(entry: &Entry) -> Option<(&str, &str)> {
    match entry {
        Entry::StepStarted { path, step, .. }
        | Entry::LoopStarted { path, step, .. }
        | Entry::BranchesStarted { path, step, .. }
        | Entry::TimerSet { path, step, .. }
        | Entry::Caught { path, step, .. } => Some((path, step)),
        Entry::StepFinished(finished) => Some((&finished.path, &finished.step)),
        _ => None,
    }
}
