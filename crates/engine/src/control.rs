//! What people decide about a run: that it pauses and goes on, what becomes of a step that nobody but they can decide
//! on, that it is complete.

use std::sync::Arc;
use std::time::Duration;

use expr::{Map, Value};
use types::Timestamp;
use workflow::plan::StepKind;

use crate::codes;
use crate::command::Command;
use crate::cursor::Next;
use crate::entry::{DecisionKind, Entry, ROOT, RunState, StepError};
use crate::evaluate::{bounded_output, settled};
use crate::execution::Execution;
use crate::outcome::Outcome;
use crate::strand::{At, Pending, PendingEffect, StrandId};

/// What somebody decides.
#[derive(Clone, Debug)]
pub enum Control {
    /// Nothing new begins; what is under way may end.
    Pause {
        /// Who or why, for people.
        reason: String,
    },
    /// The run goes on, and what is out of attempts is tried again.
    Resume {
        /// Other inputs for one step.
        inputs: Option<NewInputs>,
        /// Who, for people.
        by: String,
    },
    /// What becomes of a step that is in doubt or out of attempts.
    Resolve {
        /// The step's path or id; the only such step if it is absent.
        step: Option<String>,
        /// What becomes of it.
        decision: Decision,
        /// Who, for people.
        by: String,
    },
    /// The run ends as completed.
    Complete {
        /// Who or why, for people.
        reason: String,
    },
}

/// Inputs that a step's next attempt has instead of its own of the same names.
#[derive(Clone, Debug)]
pub struct NewInputs {
    /// The step's path or id; the only step that can have them if it is absent.
    pub step: Option<String>,
    /// The inputs by name.
    pub inputs: Map,
}

/// What becomes of a step that nobody but people can decide on.
#[derive(Clone, Debug)]
pub enum Decision {
    /// It is tried again, with these inputs instead of its own of the same names.
    Retry {
        /// The inputs by name.
        inputs: Map,
    },
    /// It has happened, and this is its output.
    Done {
        /// The output.
        output: Value,
    },
    /// It has failed.
    Failed {
        /// Why, for people.
        message: String,
    },
}

/// Why a decision cannot be carried out as the run stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is over.
    #[error("the run has ended")]
    Ended,
    /// Somebody has asked for it before.
    #[error("the run is paused already")]
    PausedAlready,
    /// It goes on.
    #[error("the run is not paused")]
    NotPaused,
    /// Nobody knows whether they have happened: that must be decided first.
    #[error("the outcome of {} is unknown: resolve that first", in_words(.0))]
    InDoubt(
        /// Their paths.
        Vec<String>,
    ),
    /// There is nothing to decide on at that step, or at any.
    #[error("{}", no_step(.0.as_deref()))]
    NoStep(
        /// The step, if one was named.
        Option<String>,
    ),
    /// One has to be named.
    #[error("more than one step can be meant: {}", in_words(.0))]
    SeveralSteps(
        /// Their paths.
        Vec<String>,
    ),
    /// The output is larger than a step's may be.
    #[error("{0}")]
    Output(
        /// Why, for people.
        String,
    ),
}

fn in_words(paths: &[String]) -> String {
    let shown: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
    shown.join(", ")
}

fn no_step(step: Option<&str>) -> String {
    match step {
        Some(step) => format!("the run does not stand at step `{step}` in a way that this could be decided"),
        None => "the run stands at no step of which this could be decided".to_owned(),
    }
}

/// A step that something can be decided on: its strand, path and id.
struct Candidate {
    strand: StrandId,
    path: String,
    step: String,
}

impl Execution {
    /// Why the decision cannot be carried out as the run stands; none if it can.
    pub fn refusal(&self, control: &Control) -> Option<Refusal> {
        if self.state().is_terminal() {
            return Some(Refusal::Ended);
        }
        match control {
            Control::Pause { .. } => self.pause_requested.then_some(Refusal::PausedAlready),
            Control::Complete { .. } => None,
            Control::Resume { .. } if self.state() != RunState::Paused => Some(Refusal::NotPaused),
            Control::Resume { inputs, .. } => {
                let target = match inputs.as_ref().map(|new| self.target_of(new)) {
                    Some(Err(refusal)) => return Some(refusal),
                    Some(Ok(target)) => Some(target.strand),
                    None => None,
                };
                let doubts: Vec<String> = self
                    .strands
                    .iter()
                    .filter(|(id, _)| Some(*id) != target)
                    .filter_map(|(_, strand)| strand.effect().filter(|effect| effect.in_doubt))
                    .map(|effect| effect.path.clone())
                    .collect();
                (!doubts.is_empty()).then_some(Refusal::InDoubt(doubts))
            }
            Control::Resolve { step, decision, .. } => {
                let output = match decision {
                    Decision::Done { output } => bounded_output(settled(output.clone())).err(),
                    Decision::Retry { .. } | Decision::Failed { .. } => None,
                };
                let found = self.choose(step.as_deref(), self.stuck_steps());
                found.err().or(output.map(|error| Refusal::Output(error.message)))
            }
        }
    }

    /// Carries out a decision that nothing speaks against. `may_begin`: attempts may be handed out at once.
    pub(crate) fn take_control(
        &mut self,
        control: Control,
        may_begin: bool,
        now: Timestamp,
        commands: &mut Vec<Command>,
    ) {
        match control {
            Control::Pause { reason } => {
                self.record(Entry::PauseRequested { reason, at: now }, commands);
            }
            Control::Complete { reason } => {
                self.complete_by_hand(reason, At { strand: ROOT, now }, commands);
            }
            Control::Resume { inputs, by } => {
                let (mut path, mut strand, mut replaced) = (None, ROOT, Map::new());
                if let Some(new) = inputs
                    && let Ok(target) = self.target_of(&new)
                {
                    // In doubt: that somebody gives it other inputs says that it is to be tried again.
                    if self.strands.get(target.strand).is_stuck() {
                        let Candidate { strand, path, step } = target;
                        let (decision, inputs, by) = (DecisionKind::Retry, new.inputs, by.clone());
                        let entry = Entry::Resolved { path, step, strand, decision, inputs, by, at: now };
                        self.record(entry, commands);
                    } else {
                        (path, strand, replaced) = (Some(target.path), target.strand, new.inputs);
                    }
                }
                self.record(Entry::Resumed { path, strand, inputs: replaced, by, at: now }, commands);
                self.go_on(may_begin, now, commands);
            }
            Control::Resolve { step, decision, by } => {
                if let Ok(stuck) = self.choose(step.as_deref(), self.stuck_steps()) {
                    self.resolve(stuck, decision, by, now, commands);
                }
                self.go_on(may_begin, now, commands);
            }
        }
    }

    fn resolve(
        &mut self,
        stuck: Candidate,
        decision: Decision,
        by: String,
        now: Timestamp,
        commands: &mut Vec<Command>,
    ) {
        let Candidate { strand, path, step } = stuck;
        let (kind, inputs) = match &decision {
            Decision::Retry { inputs } => (DecisionKind::Retry, inputs.clone()),
            Decision::Done { .. } => (DecisionKind::Done, Map::new()),
            Decision::Failed { .. } => (DecisionKind::Failed, Map::new()),
        };
        let pending = self.strands.get(strand).pending.as_ref();
        let started_at = pending.and_then(Pending::stuck).map_or(now, |effect| effect.started_at);
        self.record(Entry::Resolved { path, step, strand, decision: kind, inputs, by, at: now }, commands);
        let outcome = match decision {
            Decision::Retry { .. } => return,
            Decision::Done { output } => {
                bounded_output(settled(output)).map_or_else(Outcome::failed, Outcome::ok)
            }
            Decision::Failed { message } => {
                Outcome::failed(StepError::new(codes::RESOLVED_AS_FAILED, message))
            }
        };
        self.finish_current(outcome, started_at, At { strand, now }, commands);
    }

    /// Sets up again what stood still, if the run is no longer paused.
    fn go_on(&mut self, may_begin: bool, now: Timestamp, commands: &mut Vec<Command>) {
        if !self.is_going() {
            return;
        }
        commands.push(Command::SetDeadline(self.deadline));
        let held: Vec<(StrandId, Pending)> =
            self.strands.iter().filter_map(|(id, strand)| Some((id, strand.pending.clone()?))).collect();
        for (strand, pending) in held {
            match pending {
                Pending::Timer { path, due, .. } => commands.push(Command::SetTimer { path, due }),
                Pending::Retry { effect, due } if may_begin && due <= now => {
                    self.dispatch_again(effect, At { strand, now }, commands);
                }
                Pending::Retry { effect, due } => {
                    commands.push(Command::SetTimer { path: effect.path, due });
                }
                Pending::Effect(_) | Pending::Exhausted(_) => {}
            }
        }
    }

    /// Entries of what people have decided.
    pub(crate) fn apply_control(&mut self, entry: &Entry) -> Result<(), String> {
        match entry {
            Entry::PauseRequested { .. } => self.pause_requested = true,
            Entry::Resolved { step, strand, decision: DecisionKind::Retry, inputs, at, .. } => {
                self.here(*strand, step).ok_or_else(|| step.clone())?;
                self.put_back(*strand, inputs, *at).ok_or_else(|| step.clone())?;
            }
            // How the step has ended follows.
            Entry::Resolved { step, strand, .. } => {
                self.here(*strand, step).ok_or_else(|| step.clone())?;
            }
            Entry::Resumed { strand, inputs, path, at, .. } => {
                self.pause_requested = false;
                let exhausted = |pending: &Pending| matches!(pending, Pending::Exhausted(_));
                let again: Vec<StrandId> = self
                    .strands
                    .iter()
                    .filter(|(_, strand)| strand.pending.as_ref().is_some_and(exhausted))
                    .map(|(id, _)| id)
                    .collect();
                for id in again {
                    self.put_back(id, &Map::new(), *at);
                }
                if path.is_some() && self.strands.has(*strand) {
                    let strand = self.strands.get_mut(*strand);
                    strand.replacements += u32::from(!inputs.is_empty());
                    match &mut strand.pending {
                        Some(Pending::Retry { effect, .. }) => {
                            effect.inputs = replaced(effect.inputs.clone(), inputs);
                        }
                        _ => strand.replaced = inputs.clone(),
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The step is to be tried again, with as many attempts as at first.
    fn put_back(&mut self, strand: StrandId, inputs: &Map, at: Timestamp) -> Option<()> {
        let strand = self.strands.get_mut(strand);
        let (Some(Pending::Effect(effect)) | Some(Pending::Exhausted(effect))) = strand.pending.take() else {
            return None;
        };
        strand.replacements += u32::from(!inputs.is_empty());
        let inputs = replaced(effect.inputs, inputs);
        let effect = PendingEffect { inputs, in_doubt: false, ..effect };
        strand.failures = 0;
        strand.pending = Some(Pending::Retry { effect, due: at });
        Some(())
    }

    /// Waits of some length go on for as long as was left of them; those until some time end then.
    pub(crate) fn put_waits_off(&mut self, paused: Duration) {
        let plan = Arc::clone(&self.plan);
        let ids: Vec<StrandId> = self.strands.iter().map(|(id, _)| id).collect();
        for id in ids {
            let sleeps = self
                .current_step(id)
                .is_some_and(|step| matches!(plan.steps[step].kind, StepKind::Sleep { .. }));
            if let Some(Pending::Timer { due, .. }) = &mut self.strands.get_mut(id).pending
                && sleeps
            {
                *due = due.saturating_add(paused);
            }
        }
    }

    /// The steps that somebody has to decide on.
    fn stuck_steps(&self) -> Vec<Candidate> {
        let stuck = self.strands.iter().filter(|(_, strand)| strand.is_stuck());
        stuck.filter_map(|(strand, _)| self.candidate(strand)).collect()
    }

    /// The step that gets other inputs: one that an attempt of is to come.
    fn target_of(&self, new: &NewInputs) -> Result<Candidate, Refusal> {
        let before_an_effect = |strand: StrandId| match self.strands.get(strand).cursor.next(&self.plan) {
            Next::Step(step) => matches!(self.plan.steps[step].kind, StepKind::Effect { .. }),
            _ => false,
        };
        let all = self.strands.iter().filter(|(id, strand)| match &strand.pending {
            Some(Pending::Retry { .. }) => true,
            Some(pending) => pending.stuck().is_some(),
            None => strand.fork.is_none() && strand.failing.is_none() && before_an_effect(*id),
        });
        self.choose(new.step.as_deref(), all.filter_map(|(id, _)| self.candidate(id)).collect())
    }

    fn candidate(&self, strand: StrandId) -> Option<Candidate> {
        let step = &self.plan.steps[self.current_step(strand)?];
        let pending = self.strands.get(strand).pending.as_ref();
        let path = pending.map_or_else(|| self.path_of(step, strand), |pending| pending.path().to_owned());
        Some(Candidate { strand, path, step: step.id.clone() })
    }

    /// The one that is named, by path or id, or the only one there is.
    fn choose(&self, named: Option<&str>, mut all: Vec<Candidate>) -> Result<Candidate, Refusal> {
        if let Some(named) = named {
            if let Some(exact) = all.iter().position(|candidate| candidate.path == named) {
                return Ok(all.swap_remove(exact));
            }
            all.retain(|candidate| candidate.step == named);
        }
        if all.len() > 1 {
            return Err(Refusal::SeveralSteps(all.into_iter().map(|candidate| candidate.path).collect()));
        }
        all.pop().ok_or_else(|| Refusal::NoStep(named.map(str::to_owned)))
    }
}

/// The inputs, with those of the same names replaced.
pub(crate) fn replaced(inputs: Value, new: &Map) -> Value {
    if new.is_empty() {
        return inputs;
    }
    let mut all = match &inputs {
        Value::Map(all) => (**all).clone(),
        _ => Map::new(),
    };
    for (name, value) in new {
        all.insert(Arc::clone(name), settled(value.clone()));
    }
    Value::Map(Arc::new(all))
}
