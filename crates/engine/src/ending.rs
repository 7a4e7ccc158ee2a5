//! How a run ends, and what becomes of whatever is still under way then.

use std::sync::Arc;

use expr::{Context, Map};
use types::limits::EXECUTION_OUTPUT_BYTES_MAX;

use crate::codes;
use crate::command::Command;
use crate::entry::{Entry, RunError, RunState, StepState};
use crate::evaluate::{evaluate, settled};
use crate::execution::Execution;
use crate::outcome::Outcome;
use crate::strand::{At, Pending, Role, StrandId};

impl Execution {
    /// Ends the run as completed, with its outputs as the strand sees them.
    pub(crate) fn complete(&mut self, at: At, commands: &mut Vec<Command>) {
        match self.evaluate_outputs(at) {
            Ok(outputs) => {
                let state = RunState::Completed;
                self.end_all(state, at, commands);
                self.record(Entry::Finished { state, outputs, error: None, at: at.now }, commands);
            }
            Err(message) => {
                let error = RunError { code: codes::OUTPUT_ERROR.into(), message, path: None };
                self.finish(RunState::Failed, Some(error), at, commands);
            }
        }
    }

    /// Ends the run without outputs.
    pub(crate) fn finish(
        &mut self,
        state: RunState,
        error: Option<RunError>,
        at: At,
        commands: &mut Vec<Command>,
    ) {
        self.end_all(state, at, commands);
        self.record(Entry::Finished { state, outputs: Map::new(), error, at: at.now }, commands);
    }

    /// Ends every step that is under way. Where the run completes in the middle of loops and branches, these have
    /// done what they should.
    fn end_all(&mut self, state: RunState, at: At, commands: &mut Vec<Command>) {
        let lineage: Vec<StrandId> = self.strands.lineage(at.strand).map(|(id, _)| id).collect();
        let all: Vec<StrandId> = self.strands.iter().rev().map(|(id, _)| id).collect();
        for strand in all {
            let completed = state == RunState::Completed && lineage.contains(&strand);
            self.end_strand(
                if completed { StepState::Ok } else { StepState::Cancelled },
                At { strand, ..at },
                commands,
            );
        }
    }

    /// Cancels what is under way in the strands that came from this one.
    pub(crate) fn cancel_under(&mut self, at: At, commands: &mut Vec<Command>) {
        for strand in self.strands.under(at.strand) {
            self.end_strand(StepState::Cancelled, At { strand, ..at }, commands);
        }
    }

    /// Ends the steps of one strand that are under way, from the inside out.
    fn end_strand(&mut self, state: StepState, at: At, commands: &mut Vec<Command>) {
        self.cancel_pending(at, commands);
        let plan = Arc::clone(&self.plan);
        for open in self.strands.get(at.strand).cursor.open(&plan) {
            let done = match open.turns {
                Some(turns) => Outcome::looped(turns),
                None => Outcome::ok(self.fork_output(open.step, at.strand)),
            };
            let outcome = if state == StepState::Ok { done } else { Outcome::cancelled() };
            let id = plan.steps[open.step].id.clone();
            let entry = outcome.into_entry(at.strand, open.path, id, 0, open.entered_at, at.now);
            self.record(entry, commands);
        }
        if let Role::Branch(branch) = self.strands.get(at.strand).role {
            let outcome = Outcome { state, ..Outcome::cancelled() };
            self.end_branch(branch, outcome, at, commands);
        }
    }

    fn cancel_pending(&mut self, at: At, commands: &mut Vec<Command>) {
        let strand = self.strands.get(at.strand);
        let (Some(pending), Some(step)) = (&strand.pending, self.current_step(at.strand)) else { return };
        let (path, attempt, started_at) = match pending {
            Pending::Effect(effect) | Pending::Exhausted(effect) | Pending::Retry { effect, .. } => {
                (effect.path.clone(), effect.attempt, effect.started_at)
            }
            Pending::Timer { path, since, .. } => (path.clone(), 0, *since),
        };
        if let Pending::Effect(effect) = pending {
            let is_it = |command: &Command| match command {
                Command::Dispatch(dispatch) => dispatch.path == path && dispatch.attempt == attempt,
                Command::CallSubflow(call) => call.path == path && call.attempt == attempt,
                _ => false,
            };
            // What has not begun yet never does.
            match commands.iter().position(is_it) {
                Some(place) => drop(commands.remove(place)),
                None => commands.push(match effect.subflow {
                    Some(_) => Command::CancelSubflow { path: path.clone(), attempt },
                    None => Command::CancelAttempt { path: path.clone(), attempt },
                }),
            }
        }
        let step = self.plan.steps[step].id.clone();
        let entry = Outcome::cancelled().into_entry(at.strand, path, step, attempt, started_at, at.now);
        self.record(entry, commands);
    }

    /// Ends the run as completed wherever it stands, because somebody says so. Outputs that cannot be told yet are
    /// left out.
    pub(crate) fn complete_by_hand(&mut self, reason: String, at: At, commands: &mut Vec<Command>) {
        self.record(Entry::CompleteRequested { reason, at: at.now }, commands);
        let mut rng = self.rng(at.strand);
        let view = self.view(at.strand);
        let mut outputs = Map::with_capacity(self.plan.outputs.len());
        let mut bytes = 0;
        for (name, value) in &self.plan.outputs {
            let Ok(value) = evaluate(value, &mut Context::new(&view, at.now, &mut rng)) else { continue };
            let value = settled(value);
            bytes += value.json_len();
            if bytes > EXECUTION_OUTPUT_BYTES_MAX {
                break;
            }
            outputs.insert(name.as_str().into(), value);
        }
        let state = RunState::Completed;
        self.end_all(state, at, commands);
        self.record(Entry::Finished { state, outputs, error: None, at: at.now }, commands);
    }

    fn evaluate_outputs(&self, at: At) -> Result<Map, String> {
        // One stream of randomness for all of them: two that ask for a random value get two.
        let mut rng = self.rng(at.strand);
        let view = self.view(at.strand);
        let mut outputs = Map::with_capacity(self.plan.outputs.len());
        let mut bytes = 0;
        for (name, value) in &self.plan.outputs {
            let value = evaluate(value, &mut Context::new(&view, at.now, &mut rng))
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
}
