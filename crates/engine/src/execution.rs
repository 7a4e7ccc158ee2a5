//! One run: its state, and how events move it.
//!
//! `apply` (in `fold.rs`) alone changes the state, from an entry; it is the same for a live run and for one that is
//! read back. What to do next is decided in `step.rs`, `join.rs`, `attempt.rs` and `ending.rs`, and becomes entries.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use expr::{Context, Map, Value};
use types::limits::EXECUTION_STEPS_MAX;
use types::{SeededRng, Timestamp};
use workflow::plan::{Plan, PlanStep, PlanValue, StepIndex};

use crate::codes;
use crate::command::{Command, Event};
use crate::cursor::Next;
use crate::entry::{Entry, ROOT, RunError, RunState, StepError, StepState};
use crate::evaluate::{evaluate, settled};
use crate::limits::{ADVANCE_BYTES_MAX, JOURNAL_BYTES_MAX, STEPS_PER_ADVANCE_MAX};
use crate::outcome::Outcome;
use crate::scope::{RunScope, View};
use crate::strand::{At, Pending, Role, Strand, StrandId, Strands};

/// What a new run begins with.
#[derive(Clone, Debug)]
pub struct Start {
    /// The bound inputs (`workflow::bind_inputs`).
    pub inputs: Map,
    /// What triggered it: a map with `payload`, or nil.
    pub event: Value,
    /// What `metadata.*` answers.
    pub metadata: Map,
    /// 32 random bytes; the run's own randomness comes from them.
    pub seed: [u8; 32],
    /// How long the run may take.
    pub run_time: Duration,
}

/// A journal that does not tell the story of a run of this plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// It does not begin with `started`.
    #[error("the journal does not begin with `started`")]
    NoStart,
    /// An entry speaks of a step where the plan has another.
    #[error("entry {seq} of the journal speaks of step `{step}`, which is not where the plan stands")]
    OutOfPlace {
        /// The entry's place, counting from 0.
        seq: usize,
        /// The step it names.
        step: String,
    },
}

/// One run of a plan.
#[derive(Clone, Debug)]
pub struct Execution {
    pub(crate) plan: Arc<Plan>,
    pub(crate) scope: RunScope,
    pub(crate) strands: Strands,
    pub(crate) steps_taken: u64,
    /// Bytes of the values in the journal so far.
    pub(crate) journal_bytes: usize,
    pub(crate) state: RunState,
    pub(crate) step_results: BTreeMap<String, i64>,
    pub(crate) outputs: Map,
    pub(crate) error: Option<RunError>,
    pub(crate) cancel_reason: Option<String>,
    pub(crate) seed: [u8; 32],
    pub(crate) deadline: Timestamp,
    pub(crate) started_at: Timestamp,
    pub(crate) finished_at: Option<Timestamp>,
    /// Somebody asked for it to pause, and nobody yet for it to go on.
    pub(crate) pause_requested: bool,
    /// Since when it is paused, if it is.
    pub(crate) paused_since: Option<Timestamp>,
    /// How long it stood still, waiting or paused.
    pub(crate) waited: Duration,
    /// Since when it stands still, if it does.
    pub(crate) still_since: Option<Timestamp>,
}

impl Execution {
    /// A new run and the first entry of its journal. Feed it [`Event::Continue`] next.
    pub fn start(plan: Arc<Plan>, start: Start, now: Timestamp) -> (Self, Vec<Command>) {
        let deadline = now.saturating_add(start.run_time);
        let entry = Entry::Started {
            inputs: start.inputs.iter().map(|(k, v)| (Arc::clone(k), settled(v.clone()))).collect(),
            event: settled(start.event),
            metadata: start.metadata,
            seed: hex(&start.seed),
            deadline,
            at: now,
        };
        let execution = Self::begin(plan, &entry).unwrap_or_else(|_| unreachable!("the entry is `started`"));
        (execution, vec![Command::Append(entry), Command::SetDeadline(deadline)])
    }

    /// The run that a journal tells of.
    ///
    /// # Errors
    /// If the journal is not one of a run of this plan.
    pub fn restore(plan: Arc<Plan>, journal: &[Entry]) -> Result<Self, RestoreError> {
        let (first, rest) = journal.split_first().ok_or(RestoreError::NoStart)?;
        let mut execution = Self::begin(plan, first)?;
        for (offset, entry) in rest.iter().enumerate() {
            execution.apply(entry).map_err(|step| RestoreError::OutOfPlace { seq: offset + 1, step })?;
        }
        Ok(execution)
    }

    /// What must be set up again after [`restore`](Self::restore): timers. Pending effects are the driver's to
    /// judge, see [`pending_effects`](Self::pending_effects).
    pub fn outstanding(&self) -> Vec<Command> {
        if self.state.is_terminal() {
            return Vec::new();
        }
        let mut commands = vec![Command::SetDeadline(self.deadline)];
        for (_, strand) in self.strands.iter() {
            match &strand.pending {
                Some(Pending::Timer { path, due, .. }) => {
                    commands.push(Command::SetTimer { path: path.clone(), due: *due });
                }
                Some(Pending::Retry { effect, due }) => {
                    commands.push(Command::SetTimer { path: effect.path.clone(), due: *due });
                }
                Some(Pending::Effect(effect)) => commands.extend(self.await_subflow(effect)),
                Some(Pending::Exhausted(_)) | None => {}
            }
        }
        if self.next_runnable().is_some() {
            commands.push(Command::Continue);
        }
        commands
    }

    /// Moves the run on. An event that does not fit (a late report, a timer of old) changes nothing.
    pub fn advance(&mut self, event: Event, now: Timestamp) -> Vec<Command> {
        let mut commands = Vec::new();
        if !self.state.is_terminal() {
            self.take(event, true, now, &mut commands);
        }
        let began_at = self.journal_bytes;
        let mut strand = None;
        for _ in 0..STEPS_PER_ADVANCE_MAX {
            // One strand after the other, each as far as it comes.
            let goes_on = |id: &StrandId| self.is_going() && self.strands.has(*id);
            strand = strand.filter(goes_on).filter(|id| self.strands.get(*id).is_runnable());
            strand = strand.or_else(|| self.next_runnable());
            let Some(strand) = strand else { return commands };
            self.proceed(At { strand, now }, &mut commands);
            if self.journal_bytes - began_at > ADVANCE_BYTES_MAX {
                break;
            }
        }
        if self.next_runnable().is_some() {
            commands.push(Command::Continue);
        }
        commands
    }

    /// Neither over nor paused.
    pub(crate) fn is_going(&self) -> bool {
        !self.state.is_terminal() && self.state != RunState::Paused
    }

    /// The first strand in which there is something to decide; parents come before their children, so a fork that
    /// has come to its end is left before anything else happens under it.
    fn next_runnable(&self) -> Option<StrandId> {
        let found = self.is_going().then(|| self.strands.find(Strand::is_runnable));
        found.flatten().map(|(id, _)| id)
    }

    /// Takes note of an event and begins nothing new, not even another attempt: for a server that is about to stop.
    /// The run goes on with [`Event::Continue`], or when it is read back.
    pub fn absorb(&mut self, event: Event, now: Timestamp) -> Vec<Command> {
        let mut commands = Vec::new();
        if !self.state.is_terminal() {
            self.take(event, false, now, &mut commands);
        }
        commands
    }

    /// `may_begin`: another attempt may be handed out at once, unless the run is paused.
    fn take(&mut self, event: Event, may_begin: bool, now: Timestamp, commands: &mut Vec<Command>) {
        let begins = may_begin && self.is_going();
        match event {
            Event::Continue => {}
            Event::EffectFinished { path, attempt, result } => {
                if let Some(strand) = self.awaiting(&path, attempt) {
                    self.finish_effect(result, At { strand, now }, commands);
                }
            }
            Event::AttemptLost { path, attempt, repeatable } => {
                if let Some(strand) = self.awaiting(&path, attempt) {
                    self.lose_attempt(repeatable, begins, At { strand, now }, commands);
                }
            }
            Event::AttemptOverdue { path, attempt, repeatable } => {
                if let Some(strand) = self.awaiting(&path, attempt) {
                    self.give_attempt_up(repeatable, At { strand, now }, commands);
                }
            }
            Event::TimerFired { path } => self.take_timer(path, begins, now, commands),
            // Time stands still while a run waits or is paused; a new deadline is set when it goes on.
            Event::DeadlineReached if self.still_since.is_some() => {}
            Event::DeadlineReached if now >= self.deadline => {
                let allowed = self.deadline.since(self.started_at).as_millis();
                let error = RunError {
                    code: codes::EXECUTION_TIMEOUT.into(),
                    message: format!("the run took longer than the {allowed} ms it may take"),
                    path: None,
                };
                self.finish(RunState::TimedOut, Some(error), At { strand: ROOT, now }, commands);
            }
            Event::DeadlineReached => commands.push(Command::SetDeadline(self.deadline)),
            Event::CancelRequested { reason } => {
                self.record(Entry::CancelRequested { reason, at: now }, commands);
                self.finish(RunState::Cancelled, None, At { strand: ROOT, now }, commands);
            }
            Event::Decided(control) => {
                if self.refusal(&control).is_none() {
                    self.take_control(control, may_begin, now, commands);
                }
            }
        }
    }

    fn take_timer(&mut self, path: String, begins: bool, now: Timestamp, commands: &mut Vec<Command>) {
        let stands_there = |pending: &Pending| pending.path() == path;
        let found = self.strands.find(|strand| strand.pending.as_ref().is_some_and(stands_there));
        let Some((strand, pending)) = found.and_then(|(id, strand)| Some((id, strand.pending.clone()?)))
        else {
            return;
        };
        let at = At { strand, now };
        let due = match &pending {
            // It is set again when the run goes on.
            Pending::Timer { .. } if self.state == RunState::Paused => return,
            Pending::Timer { due, .. } => *due,
            // It is set again when the run goes on.
            Pending::Retry { .. } if !begins => return,
            Pending::Retry { due, .. } => *due,
            Pending::Exhausted(_) => return,
            Pending::Effect(effect) if effect.in_doubt => return,
            // How long an attempt may take at a runner the driver knows.
            Pending::Effect(effect) => match crate::subflow::due(effect) {
                Some(due) => due,
                None => return,
            },
        };
        if now < due {
            return commands.push(Command::SetTimer { path, due });
        }
        match pending {
            Pending::Timer { since, .. } => {
                self.finish_current(Outcome::ok(Value::Nil), since, at, commands);
                // The wait did not count.
                commands.push(Command::SetDeadline(self.deadline));
            }
            Pending::Retry { effect, .. } => self.dispatch_again(effect, at, commands),
            Pending::Effect(effect) => self.give_subflow_up(effect, at, commands),
            Pending::Exhausted(_) => {}
        }
    }

    /// Decides one thing in a strand that is runnable, and records it.
    fn proceed(&mut self, at: At, commands: &mut Vec<Command>) {
        let strand = self.strands.get(at.strand);
        if let Some(verdict) = strand.fork.as_ref().and_then(crate::fork::Fork::verdict) {
            return self.join(verdict, at, commands);
        }
        if let Some(error) = strand.failing.clone() {
            return self.proceed_failing(error, at, commands);
        }
        if let Some(error) = self.limit_met() {
            return self.finish(RunState::Failed, Some(error), at, commands);
        }
        match strand.cursor.next(&self.plan) {
            Next::Step(step) => self.take_step(step, at, commands),
            Next::LoopDone(_, turns) => {
                self.finish_current(Outcome::looped(turns), at.now, at, commands);
            }
            Next::TurnOf(step, turns) => self.decide_turn(step, turns, at, commands),
            Next::End => match strand.role {
                Role::Branch(branch) => self.finish_branch(branch, None, at, commands),
                Role::Root | Role::Turn(_) => self.complete(at, commands),
            },
            // A strand at a fork is runnable when there is a verdict.
            Next::Join(_) => {}
        }
    }

    /// A step has failed: its failure goes to the catch or the loop that the cursor stands at, or ends the strand.
    fn proceed_failing(&mut self, error: RunError, at: At, commands: &mut Vec<Command>) {
        let cause = StepError { code: error.code.clone(), message: error.message.clone() };
        let strand = self.strands.get(at.strand);
        match strand.cursor.next(&self.plan) {
            Next::Step(catch) => self.take_catch(catch, error.path.unwrap_or_default(), cause, at, commands),
            Next::LoopDone(..) | Next::TurnOf(..) | Next::Join(_) => {
                self.finish_current(Outcome::failed(cause), at.now, at, commands);
            }
            Next::End => match strand.role {
                Role::Branch(branch) => self.finish_branch(branch, Some(cause), at, commands),
                Role::Root | Role::Turn(_) => self.finish(RunState::Failed, Some(error), at, commands),
            },
        }
    }

    fn limit_met(&self) -> Option<RunError> {
        let met = |code: &str, message: String| Some(RunError { code: code.into(), message, path: None });
        if self.steps_taken >= EXECUTION_STEPS_MAX {
            let message = format!("the run has started {EXECUTION_STEPS_MAX} steps, more than one run may");
            return met(codes::STEP_LIMIT, message);
        }
        if self.journal_bytes >= JOURNAL_BYTES_MAX {
            let message =
                format!("the run has journaled {JOURNAL_BYTES_MAX} bytes of values, more than one run may");
            return met(codes::JOURNAL_LIMIT, message);
        }
        None
    }

    /// What the expressions of a strand see.
    pub(crate) fn view(&self, strand: StrandId) -> View<'_> {
        let mut own: Vec<_> = self.strands.lineage(strand).map(|(_, strand)| &strand.own).collect();
        own.retain(|variables| !variables.is_empty());
        own.reverse();
        View::new(&self.scope, self.strands.get(strand).shown.clone(), own)
    }

    pub(crate) fn evaluate(&self, value: &PlanValue, at: At) -> Result<Value, StepError> {
        let mut rng = self.rng(at.strand);
        evaluate(value, &mut Context::new(&self.view(at.strand), at.now, &mut rng))
    }

    /// Fresh randomness for the step at hand: the run's seed, stirred with what is the strand's own and the count of
    /// the steps it has taken. What other strands do does not matter.
    pub(crate) fn rng(&self, strand: StrandId) -> SeededRng {
        let strand = self.strands.get(strand);
        let stirs = [strand.steps_taken.to_le_bytes(), strand.stir.to_le_bytes()];
        let mut seed = self.seed;
        for (byte, stir) in seed.iter_mut().zip(stirs.as_flattened()) {
            *byte ^= stir;
        }
        SeededRng::from_seed(seed)
    }

    pub(crate) fn record(&mut self, entry: Entry, commands: &mut Vec<Command>) {
        let applied = self.apply(&entry);
        debug_assert!(applied.is_ok(), "{applied:?} does not fit the run that made it");
        commands.push(Command::Append(entry));
    }

    pub(crate) fn current_step(&self, strand: StrandId) -> Option<StepIndex> {
        match self.strands.get(strand).cursor.next(&self.plan) {
            Next::Step(step) | Next::LoopDone(step, _) | Next::TurnOf(step, _) | Next::Join(step) => {
                Some(step)
            }
            Next::End => None,
        }
    }

    /// The path of the step at this place of a strand.
    pub(crate) fn path_of(&self, step: &PlanStep, strand: StrandId) -> String {
        self.strands.get(strand).cursor.path_of(&step.id)
    }

    pub(crate) fn finish_current(
        &mut self,
        outcome: Outcome,
        started_at: Timestamp,
        at: At,
        commands: &mut Vec<Command>,
    ) {
        let Some(index) = self.current_step(at.strand) else { return };
        let plan = Arc::clone(&self.plan);
        let step: &PlanStep = &plan.steps[index];
        let (path, attempt) = match &self.strands.get(at.strand).pending {
            Some(Pending::Effect(effect) | Pending::Exhausted(effect) | Pending::Retry { effect, .. }) => {
                (effect.path.clone(), effect.attempt)
            }
            Some(Pending::Timer { path, .. }) => (path.clone(), 0),
            None => (self.path_of(step, at.strand), 0),
        };
        let started_at = self.strands.get(at.strand).cursor.entered_at().unwrap_or(started_at);
        let mut outcome = outcome;
        let mut file = None;
        if step.settings.discard_output {
            outcome.output = Value::Nil;
        } else if outcome.state == StepState::Ok
            && let Some(save) = &step.settings.save_output
        {
            file = self.save_output(save, &mut outcome, (step, &path), at);
        }
        outcome.tolerated = outcome.state == StepState::Failed && step.settings.continue_on_error;
        let entry = outcome.into_entry(at.strand, path, step.id.clone(), attempt, started_at, at.now);
        self.record(entry, commands);
        commands.extend(file.map(Command::SaveFile));
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
