//! The fold: how an entry changes the state of a run. Live runs and runs read back from their journal come
//! through here alike; nothing else changes the state.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use expr::{Map, Value};
use types::Timestamp;
use workflow::plan::{Plan, StepIndex, StepKind};

use crate::cursor::{Next, Turn};
use crate::entry::{Entry, RunError, RunState, StepFinished, StepState};
use crate::execution::{Execution, RestoreError};
use crate::fork::Fork;
use crate::scope::RunScope;
use crate::step::timeout_ms;
use crate::strand::{Pending, PendingEffect, Role, Strand, StrandId, Strands};

/// What of a strand an entry speaks of.
#[derive(Clone, Copy)]
enum Place {
    /// The step, loop or fork that it stands at.
    Here(StepIndex),
    /// A loop or fork that it stands in.
    Around(StepIndex),
    /// The branch that it is.
    Branch(StepIndex),
}

impl Execution {
    pub(crate) fn begin(plan: Arc<Plan>, entry: &Entry) -> Result<Self, RestoreError> {
        let Entry::Started { inputs, event, metadata, seed, deadline, at } = entry else {
            return Err(RestoreError::NoStart);
        };
        let mut execution = Self {
            plan,
            scope: RunScope::new(inputs.clone(), event.clone(), metadata.clone()),
            strands: Strands::new(*at),
            steps_taken: 0,
            journal_bytes: entry.weight(),
            state: RunState::Running,
            step_results: BTreeMap::new(),
            outputs: Map::new(),
            error: None,
            cancel_reason: None,
            seed: unhex(seed),
            deadline: *deadline,
            started_at: *at,
            finished_at: None,
            pause_requested: false,
            paused_since: None,
            waited: Duration::ZERO,
            still_since: None,
        };
        execution.settle(crate::entry::ROOT);
        Ok(execution)
    }

    /// Comes to the next step of a strand.
    pub(crate) fn settle(&mut self, id: StrandId) {
        while let Some(turn) = self.strands.get_mut(id).cursor.settle(&self.plan) {
            self.begin_turn(id, turn);
        }
    }

    /// A loop's current item: what its step shows, and the variable that it names, if it names one.
    pub(crate) fn begin_turn(&mut self, id: StrandId, turn: Turn) {
        let plan = Arc::clone(&self.plan);
        let step = &plan.steps[turn.step];
        if let (StepKind::For { variable_name: Some(name), .. }, Some(item)) = (&step.kind, &turn.item) {
            self.set_loop_variable(id, name, item.clone());
        }
        self.strands.get_mut(id).shown.set_turn(&step.id, turn.item, turn.index);
    }

    /// The variable of a loop: the strand's own, so that others which go through such a loop do not see it.
    pub(crate) fn set_loop_variable(&mut self, id: StrandId, name: &str, value: Value) {
        match self.strands.get(id).role {
            Role::Root => self.scope.variables.set(name, value),
            Role::Turn(_) | Role::Branch(_) => self.strands.get_mut(id).own.set(name, value),
        }
    }

    /// Changes a variable where it is: in the strand or one that it came from, else in the run.
    fn variables_with(&mut self, id: StrandId, name: &str) -> &mut crate::scope::Variables {
        let owns = |(owner, strand): (StrandId, &Strand)| strand.own.get(name).is_some().then_some(owner);
        let owner = self.strands.lineage(id).find_map(owns);
        match owner {
            Some(owner) => &mut self.strands.get_mut(owner).own,
            None => &mut self.scope.variables,
        }
    }

    /// Changes the state as the entry says; the name of its step if it does not fit.
    pub(crate) fn apply(&mut self, entry: &Entry) -> Result<(), String> {
        self.journal_bytes += entry.weight();
        match entry {
            Entry::Started { .. } => return Err("started".to_owned()),
            Entry::StepFinished(finished) => {
                let place = self.place_of(finished).ok_or_else(|| finished.step.clone())?;
                self.apply_finished(place, finished);
            }
            Entry::CancelRequested { reason, .. } => self.cancel_reason = Some(reason.clone()),
            Entry::Finished { state, outputs, error, at } => {
                self.state = *state;
                self.outputs = outputs.clone();
                self.error = error.clone();
                self.finished_at = Some(*at);
                self.strands = Strands::new(self.started_at);
            }
            Entry::PauseRequested { .. }
            | Entry::Resolved { .. }
            | Entry::Resumed { .. }
            | Entry::CompleteRequested { .. } => self.apply_control(entry)?,
            Entry::Restarted { metadata, seed, deadline, at, .. } => {
                self.scope.set_metadata(metadata.clone());
                self.seed = unhex(seed);
                (self.started_at, self.deadline) = (*at, *deadline);
                (self.waited, self.still_since, self.paused_since) = (Duration::ZERO, None, None);
                self.pause_requested = false;
            }
            _ => self.apply_begun(entry)?,
        }
        self.keep_time(entry.at());
        Ok(())
    }

    /// Entries on a step that does not end with them.
    fn apply_begun(&mut self, entry: &Entry) -> Result<(), String> {
        let id = entry.strand();
        let fits = |step: &String| self.here(id, step).ok_or_else(|| step.clone());
        match entry {
            Entry::StepStarted { path, step, attempt, inputs, subflow, at, .. } => {
                let index = fits(step)?;
                // Another attempt is not another step: what follows must not depend on how many it took.
                self.take_steps(id, u64::from(*attempt == 1));
                self.note_result(step, StepState::Running);
                self.strands.get_mut(id).replaced = Map::new();
                self.strands.get_mut(id).pending = Some(Pending::Effect(PendingEffect {
                    path: path.clone(),
                    action: self.plan.steps[index].action.clone(),
                    attempt: *attempt,
                    timeout_ms: timeout_ms(&self.plan.steps[index]),
                    inputs: inputs.clone(),
                    subflow: subflow.clone(),
                    started_at: *at,
                    in_doubt: false,
                }));
            }
            Entry::AttemptFailed { step, due, .. } => {
                fits(step)?;
                let strand = self.strands.get_mut(id);
                strand.failures = strand.failures.saturating_add(1);
                self.retry_at(id, *due).ok_or_else(|| step.clone())?;
            }
            Entry::AttemptLost { step, at, .. } => {
                fits(step)?;
                self.retry_at(id, *at).ok_or_else(|| step.clone())?;
            }
            Entry::LoopStarted { step, items, concurrency, at, .. } => {
                let index = fits(step)?;
                self.take_steps(id, 1);
                self.note_result(step, StepState::Running);
                self.start_loop(id, index, items, *concurrency, *at);
            }
            Entry::BranchesStarted { step, branches, needed, at, .. } => {
                let index = fits(step)?;
                self.take_steps(id, 1);
                self.note_result(step, StepState::Running);
                self.start_branches(id, index, branches, *needed, *at);
            }
            Entry::TurnStarted { step, .. } => {
                fits(step)?;
                self.take_steps(id, 1);
                self.strands.get_mut(id).cursor.begin_while_turn(&self.plan);
                self.settle(id);
            }
            Entry::Caught { step, failed, error, .. } => {
                let index = fits(step)?;
                self.take_steps(id, 1);
                self.note_result(step, StepState::Ok);
                let strand = self.strands.get_mut(id);
                strand.failing = None;
                strand.shown.set_caught(step, failed, error);
                strand.cursor.enter_catch(index);
                self.settle(id);
                self.note_end(id, entry.at());
            }
            Entry::TimerSet { path, step, due, at, .. } => {
                fits(step)?;
                self.take_steps(id, 1);
                self.note_result(step, StepState::Running);
                let timer = Pending::Timer { path: path.clone(), due: *due, since: *at };
                self.strands.get_mut(id).pending = Some(timer);
            }
            Entry::Paused { step, .. } => {
                fits(step)?;
                self.note_result(step, StepState::InDoubt);
                if let Some(Pending::Effect(effect)) = &mut self.strands.get_mut(id).pending {
                    effect.in_doubt = true;
                }
            }
            Entry::Exhausted { step, .. } => {
                fits(step)?;
                self.note_result(step, StepState::Failed);
                let pending = &mut self.strands.get_mut(id).pending;
                *pending = match pending.take() {
                    Some(Pending::Effect(effect)) => Some(Pending::Exhausted(effect)),
                    _ => return Err(step.clone()),
                };
            }
            Entry::Started { .. }
            | Entry::StepFinished(_)
            | Entry::CancelRequested { .. }
            | Entry::PauseRequested { .. }
            | Entry::Resolved { .. }
            | Entry::Resumed { .. }
            | Entry::CompleteRequested { .. }
            | Entry::Restarted { .. }
            | Entry::Finished { .. } => {}
        }
        Ok(())
    }

    /// The step that a strand stands at, if it has this id.
    pub(crate) fn here(&self, id: StrandId, step: &str) -> Option<StepIndex> {
        let here = self.current_step(id).filter(|_| self.strands.has(id));
        here.filter(|&here| self.plan.steps.get(here).is_some_and(|here| here.id == step))
    }

    fn place_of(&self, finished: &StepFinished) -> Option<Place> {
        let id = finished.strand;
        if let Some(here) = self.here(id, &finished.step) {
            return Some(Place::Here(here));
        }
        let strand = self.strands.has(id).then(|| self.strands.get(id))?;
        let is_it =
            |index: StepIndex| self.plan.steps.get(index).is_some_and(|step| step.id == finished.step);
        match strand.role {
            Role::Branch(branch) if is_it(branch) => Some(Place::Branch(branch)),
            _ => {
                let open = strand.cursor.open(&self.plan);
                open.iter().map(|open| open.step).find(|step| is_it(*step)).map(Place::Around)
            }
        }
    }

    fn take_steps(&mut self, id: StrandId, steps: u64) {
        self.steps_taken += steps;
        self.strands.get_mut(id).steps_taken += steps;
    }

    pub(crate) fn note_result(&mut self, step: &str, state: StepState) {
        match self.step_results.get_mut(step) {
            Some(number) => *number = state.as_number(),
            None => drop(self.step_results.insert(step.to_owned(), state.as_number())),
        }
    }

    /// The attempt is over, another begins when it is due.
    fn retry_at(&mut self, id: StrandId, due: Timestamp) -> Option<()> {
        let pending = &mut self.strands.get_mut(id).pending;
        let Some(Pending::Effect(effect)) = pending.take() else { return None };
        *pending = Some(Pending::Retry { effect, due });
        Some(())
    }

    /// Whether the run goes on or stands still. While it waits or is paused, its time does too.
    fn keep_time(&mut self, at: Timestamp) {
        let (mut paused, mut waits, mut calls) = (self.pause_requested, true, false);
        for (_, strand) in self.strands.iter() {
            paused |= strand.is_stuck();
            waits &= strand.is_still();
            calls |= strand.waits_for_subflow();
        }
        if !self.state.is_terminal() {
            self.state = if paused {
                RunState::Paused
            } else if waits && !calls {
                RunState::Waiting
            } else {
                // With what runs for it: then its own time stands still too.
                RunState::Running
            };
        }
        match self.paused_since {
            None if self.state == RunState::Paused => self.paused_since = Some(at),
            Some(since) if self.state != RunState::Paused => {
                self.paused_since = None;
                self.put_waits_off(at.since(since));
            }
            _ => {}
        }
        let still = !self.state.is_terminal() && (waits || paused);
        match self.still_since {
            None if still => self.still_since = Some(at),
            Some(since) if !still => {
                self.still_since = None;
                let waited = at.since(since);
                self.waited += waited;
                self.deadline = self.deadline.saturating_add(waited);
            }
            _ => {}
        }
    }

    fn apply_finished(&mut self, place: Place, finished: &StepFinished) {
        let id = finished.strand;
        let strand = self.strands.get_mut(id);
        strand.failures = 0;
        strand.replacements = 0;
        if strand.pending.take().is_none() {
            self.take_steps(id, 1);
        }
        for (name, value) in &finished.variables {
            self.variables_with(id, name).set(name, value.clone());
        }
        if let Some(appended) = &finished.appended {
            self.variables_with(id, &appended.variable).append(&appended.variable, &appended.item);
        }
        self.note_result(&finished.step, finished.state);
        // What its strands have left is seen from now on.
        let failure = self.end_fork(id, place);
        let strand = self.strands.get_mut(id);
        let error = finished.error.as_ref();
        strand.shown.set_finished(&finished.step, finished.state, &finished.output, error);
        match place {
            Place::Branch(branch) => self.end_branch_strand(id, branch, finished),
            Place::Around(step) => strand.cursor.leave(step),
            // It ends where it is: what comes next does not come any more.
            Place::Here(_) if finished.state == StepState::Cancelled => strand.cursor.leave_loop(),
            Place::Here(index) => {
                self.move_on(id, index, finished, failure);
                self.settle(id);
                self.note_end(id, finished.at);
            }
        }
    }

    /// From a step that has ended to what comes next.
    fn move_on(
        &mut self,
        id: StrandId,
        index: StepIndex,
        finished: &StepFinished,
        failure: Option<RunError>,
    ) {
        let plan = Arc::clone(&self.plan);
        let strand = self.strands.get_mut(id);
        let catch = matches!(plan.steps[index].kind, StepKind::Catch { .. });
        // For `steps.last`, a catch that nothing came to is as if it were not there, nor is what the author did not write.
        if !catch && !plan.steps[index].is_made {
            strand.shown.set_last(&finished.step);
        }
        if catch && strand.failing.is_some() {
            // It is disabled: the failure goes on to the next.
            return strand.cursor.fail(&plan);
        }
        let at_loop = !matches!(strand.cursor.next(&plan), Next::Step(_) | Next::End);
        if finished.state == StepState::Failed && !finished.tolerated {
            // A loop or fork that fails with its steps tells of theirs.
            let own = || {
                finished.error.as_ref().map(|error| RunError {
                    code: error.code.clone(),
                    message: error.message.clone(),
                    path: Some(finished.path.clone()),
                })
            };
            strand.failing = strand.failing.take().or(failure).or_else(own);
            if at_loop {
                strand.cursor.leave_loop();
            }
            return strand.cursor.fail(&plan);
        }
        // A loop that failed with its steps, and is tolerated.
        strand.failing = None;
        match (finished.branch, label_of(&plan, index, finished)) {
            (Some(taken), _) => strand.cursor.enter_branch(index, taken),
            (None, Some(label)) => strand.cursor.enter_label(label),
            (None, None) if at_loop => strand.cursor.loop_done(),
            (None, None) => strand.cursor.step_done(),
        }
    }

    /// Leaves the fork that the strand waits at, if it is this step that has ended; its failure, if it has one.
    fn end_fork(&mut self, id: StrandId, place: Place) -> Option<RunError> {
        let (Place::Here(index) | Place::Around(index)) = place else { return None };
        let fork: Fork = self.strands.get_mut(id).fork.take_if(|fork| fork.step == index)?;
        for strand in self.strands.under(id) {
            self.strands.remove(strand);
        }
        self.take_over_left(id, &fork);
        fork.failure
    }
}

/// The label that a switch took.
fn label_of(plan: &Plan, switch: StepIndex, finished: &StepFinished) -> Option<StepIndex> {
    let id = finished.label.as_ref()?;
    match &plan.steps[switch].kind {
        StepKind::Switch { labels, .. } => labels.iter().copied().find(|label| plan.steps[*label].id == *id),
        _ => None,
    }
}

/// Wrong digits become zeros: a damaged seed makes other random values, not a lost run.
fn unhex(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        let digits = text.get(index * 2..index * 2 + 2);
        *byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or(0);
    }
    bytes
}
