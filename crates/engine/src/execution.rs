//! One run: its state, the fold of its journal, and how events move it.
//!
//! `apply` alone changes the state, from an entry; it is the same for a live run and for one that is read
//! back. What to do next is decided in `step.rs` and becomes entries too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use expr::{Context, Map, Value};
use types::limits::{EXECUTION_OUTPUT_BYTES_MAX, EXECUTION_STEPS_MAX};
use types::{SeededRng, Timestamp};
use workflow::plan::{Plan, PlanStep, PlanValue, StepIndex};

use crate::codes;
use crate::command::{Command, EffectResult, Event};
use crate::cursor::{Cursor, Next};
use crate::entry::{Entry, RunError, RunState, StepError, StepState};
use crate::evaluate::{bounded_output, evaluate, settled};
use crate::limits::{ADVANCE_BYTES_MAX, JOURNAL_BYTES_MAX, STEPS_PER_ADVANCE_MAX};
use crate::outcome::Outcome;
use crate::scope::RunScope;

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

/// An effect, a pause before its next attempt, or a wait that the run stands at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Pending {
    Effect(PendingEffect),
    /// The attempt has failed, the next one begins when it is due.
    Retry {
        effect: PendingEffect,
        due: Timestamp,
    },
    Timer {
        path: String,
        due: Timestamp,
        since: Timestamp,
    },
}

/// An attempt that was dispatched and has not reported yet.
#[derive(Clone, Debug, PartialEq)]
pub struct PendingEffect {
    /// The step's path.
    pub path: String,
    /// The action's full name.
    pub action: String,
    /// The attempt.
    pub attempt: u32,
    /// The evaluated inputs.
    pub inputs: Value,
    /// Milliseconds that it may take once the runner has begun.
    pub timeout_ms: u64,
    /// When it was dispatched.
    pub started_at: Timestamp,
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
    pub(crate) cursor: Cursor,
    pub(crate) pending: Option<Pending>,
    /// A step failed and nothing tolerates it: the run must end.
    pub(crate) failing: Option<RunError>,
    /// Failed attempts of the step at hand.
    pub(crate) failures: u32,
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
    pub(crate) waited: Duration,
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

    /// What must be set up again after [`restore`](Self::restore): timers. A pending effect is the driver's to
    /// judge, see [`pending_effect`](Self::pending_effect).
    pub fn outstanding(&self) -> Vec<Command> {
        if self.state.is_terminal() {
            return Vec::new();
        }
        let mut commands = vec![Command::SetDeadline(self.deadline)];
        match &self.pending {
            Some(Pending::Timer { path, due, .. }) => {
                commands.push(Command::SetTimer { path: path.clone(), due: *due });
            }
            Some(Pending::Retry { effect, due }) => {
                commands.push(Command::SetTimer { path: effect.path.clone(), due: *due });
            }
            Some(Pending::Effect(_)) => {}
            None if self.state == RunState::Paused => {}
            None => commands.push(Command::Continue),
        }
        commands
    }

    /// Moves the run on. An event that does not fit (a late report, a timer of old) changes nothing.
    pub fn advance(&mut self, event: Event, now: Timestamp) -> Vec<Command> {
        let mut commands = self.absorb(event, now);
        let began_at = self.journal_bytes;
        for _ in 0..STEPS_PER_ADVANCE_MAX {
            if !self.proceed(now, &mut commands) {
                return commands;
            }
            if self.journal_bytes - began_at > ADVANCE_BYTES_MAX {
                break;
            }
        }
        commands.push(Command::Continue);
        commands
    }

    /// Takes note of an event and begins nothing new: for a server that is about to stop. The run goes on with
    /// [`Event::Continue`].
    pub fn absorb(&mut self, event: Event, now: Timestamp) -> Vec<Command> {
        let mut commands = Vec::new();
        if !self.state.is_terminal() {
            self.take(event, now, &mut commands);
        }
        commands
    }

    fn take(&mut self, event: Event, now: Timestamp, commands: &mut Vec<Command>) {
        match event {
            Event::Continue => {}
            Event::EffectFinished { path, attempt, result } => {
                if self.awaits(&path, attempt) {
                    self.finish_effect(result, now, commands);
                }
            }
            Event::AttemptLost { path, attempt, repeatable } => {
                if self.awaits(&path, attempt) {
                    self.lose_attempt(repeatable, now, commands);
                }
            }
            Event::TimerFired { path } => self.take_timer(path, now, commands),
            // Time stands still while a run waits or is paused; a new deadline is set when it goes on.
            Event::DeadlineReached if matches!(self.state, RunState::Waiting | RunState::Paused) => {}
            Event::DeadlineReached if now >= self.deadline => {
                let allowed = self.deadline.since(self.started_at).as_millis();
                let error = RunError {
                    code: codes::EXECUTION_TIMEOUT.into(),
                    message: format!("the run took longer than the {allowed} ms it may take"),
                    path: None,
                };
                self.stop(RunState::TimedOut, Some(error), now, commands);
            }
            Event::DeadlineReached => commands.push(Command::SetDeadline(self.deadline)),
            Event::CancelRequested { reason } => {
                self.record(Entry::CancelRequested { reason, at: now }, commands);
                self.stop(RunState::Cancelled, None, now, commands);
            }
        }
    }

    fn take_timer(&mut self, fired: String, now: Timestamp, commands: &mut Vec<Command>) {
        let (path, due) = match &self.pending {
            Some(Pending::Timer { path, due, .. }) => (path, *due),
            Some(Pending::Retry { effect, due }) => (&effect.path, *due),
            // No runner can have begun before it was asked to.
            Some(Pending::Effect(effect)) => match self.attempt_due(effect.started_at) {
                Some(due) if self.state != RunState::Paused => (&effect.path, due),
                _ => return,
            },
            None => return,
        };
        if *path != fired {
            return;
        }
        if now < due {
            return commands.push(Command::SetTimer { path: fired, due });
        }
        match self.pending.clone() {
            Some(Pending::Timer { since, .. }) => {
                self.finish_current(Outcome::ok(Value::Nil), since, now, commands);
                // The wait did not count.
                commands.push(Command::SetDeadline(self.deadline));
            }
            Some(Pending::Retry { effect, .. }) => self.dispatch_again(effect, now, commands),
            Some(Pending::Effect(effect)) => self.give_attempt_up(effect, now, commands),
            None => {}
        }
    }

    /// The runner hangs: a run must not hang with it.
    fn give_attempt_up(&mut self, effect: PendingEffect, now: Timestamp, commands: &mut Vec<Command>) {
        let PendingEffect { path, action, attempt, timeout_ms, .. } = effect;
        commands.push(Command::CancelAttempt { path, attempt });
        let message = format!("`{action}` had {timeout_ms} ms, and its runner has not said how it went");
        let error = StepError::new(codes::STEP_TIMEOUT, message);
        self.finish_effect(EffectResult::Failed { error, output: Value::Nil }, now, commands);
    }

    fn dispatch_again(&mut self, effect: PendingEffect, now: Timestamp, commands: &mut Vec<Command>) {
        if let Some(step) = self.current_step() {
            self.dispatch(step, effect.path, effect.attempt + 1, effect.inputs, now, commands);
        }
    }

    fn awaits(&self, path: &str, attempt: u32) -> bool {
        let fits = |effect: &PendingEffect| effect.path == path && effect.attempt == attempt;
        self.state != RunState::Paused && self.pending_effect().is_some_and(fits)
    }

    fn finish_effect(&mut self, result: EffectResult, now: Timestamp, commands: &mut Vec<Command>) {
        let started_at = self.pending_effect().map_or(now, |effect| effect.started_at);
        let outcome = match result {
            EffectResult::Succeeded(output) => match bounded_output(settled(output)) {
                Ok(output) => Outcome::ok(output),
                Err(error) => Outcome::failed(error),
            },
            EffectResult::Failed { error, output } => {
                let output = bounded_output(settled(output)).unwrap_or(Value::Nil);
                match self.try_again(&error, &output, now, commands) {
                    Ok(true) => return,
                    Ok(false) => Outcome { output, ..Outcome::failed(error) },
                    Err(error) => Outcome { output, ..Outcome::failed(error) },
                }
            }
            EffectResult::Cancelled => {
                Outcome::failed(StepError::new(codes::STEP_CANCELLED, "the runner stopped the step"))
            }
        };
        self.finish_current(outcome, started_at, now, commands);
    }

    fn lose_attempt(&mut self, repeatable: bool, now: Timestamp, commands: &mut Vec<Command>) {
        let (Some(effect), Some(step)) = (self.pending_effect().cloned(), self.current_step()) else {
            return;
        };
        let id = self.plan.steps[step].id.clone();
        if repeatable {
            self.dispatch_again(effect, now, commands);
        } else {
            let reason = format!(
                "the outcome of `{}` in step `{id}` is unknown: it was running when its runner was lost",
                effect.action
            );
            self.record(Entry::Paused { path: effect.path, step: id, reason, at: now }, commands);
        }
    }

    /// Ends the run from outside: whatever is pending is cancelled.
    fn stop(
        &mut self,
        state: RunState,
        error: Option<RunError>,
        now: Timestamp,
        commands: &mut Vec<Command>,
    ) {
        if let Some(effect) = self.pending_effect() {
            let (path, attempt) = (effect.path.clone(), effect.attempt);
            commands.push(Command::CancelAttempt { path, attempt });
        }
        if let (Some(pending), Some(step)) = (&self.pending, self.current_step()) {
            let (path, attempt, started_at) = match pending {
                Pending::Effect(effect) | Pending::Retry { effect, .. } => {
                    (effect.path.clone(), effect.attempt, effect.started_at)
                }
                Pending::Timer { path, since, .. } => (path.clone(), 0, *since),
            };
            let step = self.plan.steps[step].id.clone();
            let outcome = Outcome { state: StepState::Cancelled, ..Outcome::ok(Value::Nil) };
            let entry = outcome.into_entry(path, step, attempt, started_at, now);
            self.record(entry, commands);
        }
        self.finish(state, error, now, commands);
    }

    /// Ends the run without outputs.
    pub(crate) fn finish(
        &mut self,
        state: RunState,
        error: Option<RunError>,
        now: Timestamp,
        commands: &mut Vec<Command>,
    ) {
        self.record(Entry::Finished { state, outputs: Map::new(), error, at: now }, commands);
    }

    /// Decides one thing and records it; false when nothing can be decided now.
    fn proceed(&mut self, now: Timestamp, commands: &mut Vec<Command>) -> bool {
        if self.state.is_terminal() || self.state == RunState::Paused || self.pending.is_some() {
            return false;
        }
        if let Some(error) = self.failing.clone() {
            self.proceed_failing(error, now, commands);
            return true;
        }
        if let Some(error) = self.limit_met() {
            self.finish(RunState::Failed, Some(error), now, commands);
            return false;
        }
        match self.cursor.next(&self.plan) {
            Next::Step(step) => self.take_step(step, now, commands),
            Next::LoopDone(_, turns) => self.finish_current(Outcome::looped(turns), now, now, commands),
            Next::TurnOf(step, turns) => self.decide_turn(step, turns, now, commands),
            Next::End => self.complete(now, commands),
        }
        true
    }

    /// A step has failed: its failure goes to the catch or the loop that the cursor stands at, or ends the run.
    fn proceed_failing(&mut self, error: RunError, now: Timestamp, commands: &mut Vec<Command>) {
        let cause = StepError { code: error.code.clone(), message: error.message.clone() };
        match self.cursor.next(&self.plan) {
            Next::Step(catch) => self.take_catch(catch, error.path.unwrap_or_default(), cause, now, commands),
            Next::LoopDone(..) | Next::TurnOf(..) => {
                self.finish_current(Outcome::failed(cause), now, now, commands);
            }
            Next::End => self.finish(RunState::Failed, Some(error), now, commands),
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

    pub(crate) fn complete(&mut self, now: Timestamp, commands: &mut Vec<Command>) {
        match self.evaluate_outputs(now) {
            Ok(outputs) => {
                let state = RunState::Completed;
                self.record(Entry::Finished { state, outputs, error: None, at: now }, commands);
            }
            Err(message) => {
                let error = RunError { code: codes::OUTPUT_ERROR.into(), message, path: None };
                self.finish(RunState::Failed, Some(error), now, commands);
            }
        }
    }

    fn evaluate_outputs(&self, now: Timestamp) -> Result<Map, String> {
        // One stream of randomness for all of them: two that ask for a random value get two.
        let mut rng = self.rng();
        let mut outputs = Map::with_capacity(self.plan.outputs.len());
        let mut bytes = 0;
        for (name, value) in &self.plan.outputs {
            let value = evaluate(value, &mut Context::new(&self.scope, now, &mut rng))
                .map_err(|error| format!("output `{name}`: {}", error.message))?;
            let value = settled(value);
            bytes += value.json_len();
            if bytes > EXECUTION_OUTPUT_BYTES_MAX {
                return Err(format!(
                    "with output `{name}` the outputs have {bytes} bytes as JSON; at most {EXECUTION_OUTPUT_BYTES_MAX} are kept"
                ));
            }
            outputs.insert(name.as_str().into(), value);
        }
        Ok(outputs)
    }

    pub(crate) fn evaluate(&self, value: &PlanValue, now: Timestamp) -> Result<Value, StepError> {
        let mut rng = self.rng();
        evaluate(value, &mut Context::new(&self.scope, now, &mut rng))
    }

    /// Fresh randomness for the step at hand: the run's seed, stirred with the count of steps taken.
    pub(crate) fn rng(&self) -> SeededRng {
        let mut seed = self.seed;
        for (byte, stir) in seed.iter_mut().zip(self.steps_taken.to_le_bytes()) {
            *byte ^= stir;
        }
        SeededRng::from_seed(seed)
    }

    pub(crate) fn record(&mut self, entry: Entry, commands: &mut Vec<Command>) {
        let applied = self.apply(&entry);
        debug_assert!(applied.is_ok(), "{applied:?} does not fit the run that made it");
        commands.push(Command::Append(entry));
    }

    pub(crate) fn current_step(&self) -> Option<StepIndex> {
        match self.cursor.next(&self.plan) {
            Next::Step(step) | Next::LoopDone(step, _) | Next::TurnOf(step, _) => Some(step),
            Next::End => None,
        }
    }

    pub(crate) fn finish_current(
        &mut self,
        outcome: Outcome,
        started_at: Timestamp,
        now: Timestamp,
        commands: &mut Vec<Command>,
    ) {
        let Some(index) = self.current_step() else { return };
        let plan = Arc::clone(&self.plan);
        let step: &PlanStep = &plan.steps[index];
        let (path, attempt) = match &self.pending {
            Some(Pending::Effect(effect) | Pending::Retry { effect, .. }) => {
                (effect.path.clone(), effect.attempt)
            }
            Some(Pending::Timer { path, .. }) => (path.clone(), 0),
            None => (self.cursor.path_of(&step.id), 0),
        };
        let mut outcome = outcome;
        outcome.tolerated = outcome.state == StepState::Failed && step.settings.continue_on_error;
        if step.settings.discard_output {
            outcome.output = Value::Nil;
        }
        self.record(outcome.into_entry(path, step.id.clone(), attempt, started_at, now), commands);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
