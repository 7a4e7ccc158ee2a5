//! What a journal tells of each step: one record for each step that was carried out, and one more for each attempt that
//! failed and was followed by another. For those who show a run; the run itself goes on without.

use std::collections::BTreeMap;

use expr::Map;
use types::Timestamp;

use crate::entry::{Entry, StepError, StepState};

/// One step, or one attempt of it that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct StepRecord {
    /// The step's path.
    pub path: String,
    /// The step's id.
    pub step: String,
    /// The attempt; 0 of a step that the engine itself carries out.
    pub attempt: u32,
    /// How far it is.
    pub state: StepState,
    /// What it began with.
    pub began_with: BeganWith,
    /// What it left; nil until it is done.
    pub output: expr::Value,
    /// The variables that it set; empty until it is done.
    pub variables: Map,
    /// Why it failed, or is in doubt.
    pub error: Option<StepError>,
    /// Whether it called another workflow.
    pub is_call: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was done.
    pub finished_at: Option<Timestamp>,
    /// When it was last spoken of.
    pub updated_at: Timestamp,
}

/// What a step began with.
#[derive(Clone, Debug, PartialEq)]
pub enum BeganWith {
    /// Its evaluated inputs.
    Inputs(expr::Value),
    /// A loop: how many items it has; none in an `internal.while`, whose turns are counted at its end.
    Items(usize),
    /// A wait: when it is over.
    Due(Timestamp),
    /// A parallel: its branches, and how many must succeed.
    Branches(Vec<String>, usize),
    /// Nothing.
    Nothing,
}

/// The records of a journal, in the order in which the steps began.
pub fn step_records(journal: &[Entry]) -> Vec<StepRecord> {
    let mut records = Records::default();
    for entry in journal {
        records.take(entry);
    }
    records.all
}

#[derive(Default)]
struct Records {
    all: Vec<StepRecord>,
    /// Path -> place of the step that is not done.
    open: BTreeMap<String, usize>,
}

impl Records {
    fn take(&mut self, entry: &Entry) {
        match entry {
            Entry::StepStarted { path, step, attempt, inputs, subflow, at, .. } => {
                let record = self.begin((path, step), *attempt, BeganWith::Inputs(inputs.clone()), *at);
                record.is_call = subflow.is_some();
            }
            // The attempt's record ends here; the next attempt has one of its own.
            Entry::AttemptFailed { path, error, at, .. } => {
                if let Some(record) = self.open.remove(path).and_then(|place| self.all.get_mut(place)) {
                    record.end(StepState::Failed, *at);
                    record.error = Some(error.clone());
                }
            }
            Entry::LoopStarted { path, step, items, at, .. } => {
                self.begin((path, step), 0, BeganWith::Items(items.len()), *at);
            }
            Entry::TimerSet { path, step, due, at, .. } => {
                self.begin((path, step), 0, BeganWith::Due(*due), *at);
            }
            Entry::StepFinished(finished) => {
                if !self.open.contains_key(&finished.path) {
                    let inputs = BeganWith::Inputs(finished.inputs.clone());
                    self.begin((&finished.path, &finished.step), 0, inputs, finished.started_at);
                }
                let place = self.open.remove(&finished.path);
                if let Some(record) = place.and_then(|place| self.all.get_mut(place)) {
                    record.end(finished.state, finished.at);
                    record.output = finished.output.clone();
                    record.variables = finished.variables.clone();
                    record.error = finished.error.clone();
                }
            }
            Entry::Caught { path, step, failed, error, at, .. } => {
                let record = self.begin((path, step), 0, BeganWith::Nothing, *at);
                record.end(StepState::Ok, *at);
                record.output = caught(failed, error);
                self.open.remove(path);
            }
            Entry::Paused { path, reason, at, .. } => {
                if let Some(record) = self.open_at(path) {
                    record.state = StepState::InDoubt;
                    record.error = Some(StepError::new("in_doubt", reason.clone()));
                    record.updated_at = *at;
                }
            }
            Entry::BranchesStarted { path, step, needed, branches, at, .. } => {
                self.begin((path, step), 0, BeganWith::Branches(branches.clone(), *needed), *at);
                let prefix = path.strip_suffix(step.as_str()).unwrap_or_default();
                for branch in branches {
                    self.begin((&format!("{prefix}{branch}"), branch), 0, BeganWith::Nothing, *at);
                }
            }
            // It stays open: somebody may say that it has happened all the same.
            Entry::Exhausted { path, error, at, .. } => {
                if let Some(record) = self.open_at(path) {
                    record.end(StepState::Failed, *at);
                    record.error = Some(error.clone());
                }
            }
            Entry::Started { .. }
            | Entry::AttemptLost { .. }
            | Entry::TurnStarted { .. }
            | Entry::CancelRequested { .. }
            | Entry::PauseRequested { .. }
            | Entry::Resolved { .. }
            | Entry::Resumed { .. }
            | Entry::CompleteRequested { .. }
            | Entry::Restarted { .. }
            | Entry::Finished { .. } => {}
        }
    }

    fn open_at(&mut self, path: &str) -> Option<&mut StepRecord> {
        self.open.get(path).and_then(|place| self.all.get_mut(*place))
    }

    /// A new attempt of a step whose attempt was lost takes the old one's place. One that failed keeps its own.
    fn begin(
        &mut self,
        (path, step): (&str, &str),
        attempt: u32,
        began_with: BeganWith,
        at: Timestamp,
    ) -> &mut StepRecord {
        let again = self.open.get(path).copied();
        let again =
            again.filter(|place| self.all.get(*place).is_some_and(|it| it.state != StepState::Failed));
        let place = again.unwrap_or(self.all.len());
        if again.is_none() {
            self.all.push(StepRecord {
                path: path.to_owned(),
                step: step.to_owned(),
                attempt,
                state: StepState::Running,
                began_with,
                output: expr::Value::Nil,
                variables: Map::new(),
                error: None,
                is_call: false,
                started_at: at,
                finished_at: None,
                updated_at: at,
            });
            self.open.insert(path.to_owned(), place);
        }
        let record = &mut self.all[place];
        (record.attempt, record.updated_at, record.state, record.error) =
            (attempt, at, StepState::Running, None);
        record
    }
}

impl StepRecord {
    fn end(&mut self, state: StepState, at: Timestamp) {
        (self.state, self.finished_at, self.updated_at) = (state, Some(at), at);
    }
}

/// What a catch leaves: the failure that came to it.
fn caught(failed: &str, error: &StepError) -> expr::Value {
    let entries = [("error", &*error.message), ("error_code", &*error.code), ("failed_step", failed)];
    let map: Map = entries.into_iter().map(|(name, text)| (name.into(), expr::Value::from(text))).collect();
    expr::Value::Map(std::sync::Arc::new(map))
}
