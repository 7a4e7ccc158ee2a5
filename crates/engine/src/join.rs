//! Concurrent loops and parallel branches: how they begin, and how their strand goes on when it has waited enough.

use std::sync::Arc;

use expr::Value;
use types::limits::{LOOP_CONCURRENCY_MAX, LOOP_TURNS_MAX};
use workflow::plan::{PlanStep, PlanValue, StepIndex, StepKind};

use crate::codes;
use crate::command::Command;
use crate::entry::{Entry, StepError, StepState};
use crate::evaluate::settled;
use crate::execution::Execution;
use crate::fork::{ForkKind, Verdict};
use crate::limits::STRANDS_MAX;
use crate::outcome::Outcome;
use crate::strand::{At, StrandId};

impl Execution {
    pub(crate) fn enter_loop(
        &mut self,
        step: &PlanStep,
        (list, max_concurrency): (&PlanValue, Option<&PlanValue>),
        at: At,
        commands: &mut Vec<Command>,
    ) -> Result<(), StepError> {
        let items = loop_items(settled(self.evaluate(list, at)?))?;
        if items.len() > LOOP_TURNS_MAX {
            let message = format!("the loop has {} turns; at most {LOOP_TURNS_MAX} are allowed", items.len());
            return Err(StepError::new(codes::LOOP_TOO_LONG, message));
        }
        let concurrency = match max_concurrency {
            Some(value) => concurrency(&self.evaluate(value, at)?)?,
            None => 1,
        };
        if concurrency > 1 {
            self.reserve(concurrency.min(items.len()))?;
        }
        let (path, strand) = (self.path_of(step, at.strand), at.strand);
        let entry =
            Entry::LoopStarted { path, step: step.id.clone(), strand, items, concurrency, at: at.now };
        self.record(entry, commands);
        Ok(())
    }

    pub(crate) fn enter_branches(
        &mut self,
        step: &PlanStep,
        join: Option<&PlanValue>,
        branches: &[StepIndex],
        at: At,
        commands: &mut Vec<Command>,
    ) -> Result<(), StepError> {
        let mut begun = Vec::with_capacity(branches.len());
        for branch in branches {
            let branch = &self.plan.steps[*branch];
            if !self.skipped(&self.view(at.strand), branch, at)? {
                begun.push(branch.id.clone());
            }
        }
        let needed = match join {
            Some(value) => needed(&self.evaluate(value, at)?, begun.len())?,
            None => begun.len(),
        };
        self.reserve(begun.len())?;
        let (path, strand) = (self.path_of(step, at.strand), at.strand);
        let step = step.id.clone();
        self.record(
            Entry::BranchesStarted { path, step, strand, branches: begun, needed, at: at.now },
            commands,
        );
        Ok(())
    }

    /// Whether there may be so many strands more.
    fn reserve(&self, strands: usize) -> Result<(), StepError> {
        let reserved = self.strands.reserved() + strands;
        if reserved > STRANDS_MAX {
            let message = format!(
                "the run would have {reserved} branches and concurrent turns at a time; at most {STRANDS_MAX} are allowed"
            );
            return Err(StepError::new(codes::TOO_MANY_STRANDS, message));
        }
        Ok(())
    }

    /// The strand has waited long enough: what is still under way in the others is cancelled, and it goes on.
    pub(crate) fn join(&mut self, verdict: Verdict, at: At, commands: &mut Vec<Command>) {
        self.cancel_under(at, commands);
        let Some(step) = self.current_step(at.strand) else { return };
        let output = self.fork_output(step, at.strand);
        let outcome = match verdict {
            Verdict::Done => Outcome::ok(output),
            Verdict::Failed(error) => {
                let error = StepError { code: error.code, message: error.message };
                Outcome { output, ..Outcome::failed(error) }
            }
        };
        self.finish_current(outcome, at.now, at, commands);
    }

    /// What the fork that the strand waits at tells of its turns or branches.
    pub(crate) fn fork_output(&self, step: StepIndex, strand: StrandId) -> Value {
        let Some(fork) = &self.strands.get(strand).fork else { return Value::Nil };
        match (&fork.kind, &self.plan.steps[step].kind) {
            (ForkKind::Turns(turns), _) => Outcome::looped(turns.next).output,
            (ForkKind::Branches(ended), StepKind::Parallel { branches, .. }) => {
                ended.output(branches.iter().map(|branch| &self.plan.steps[*branch]))
            }
            _ => Value::Nil,
        }
    }

    /// The branch has no steps left, or failed.
    pub(crate) fn finish_branch(
        &mut self,
        branch: StepIndex,
        failure: Option<StepError>,
        at: At,
        commands: &mut Vec<Command>,
    ) {
        let outcome = failure.map_or_else(|| Outcome::ok(Value::Nil), Outcome::failed);
        self.end_branch(branch, outcome, at, commands);
    }

    pub(crate) fn end_branch(
        &mut self,
        branch: StepIndex,
        mut outcome: Outcome,
        at: At,
        commands: &mut Vec<Command>,
    ) {
        let plan = Arc::clone(&self.plan);
        let step = &plan.steps[branch];
        outcome.tolerated = outcome.state == StepState::Failed && step.settings.continue_on_error;
        let strand = self.strands.get(at.strand);
        let path = format!("{}{}", strand.cursor.base_prefix(), step.id);
        let started_at = strand.began_at;
        self.record(outcome.into_entry(at.strand, path, step.id.clone(), 0, started_at, at.now), commands);
    }
}

/// Turns at a time, from the value of `max_concurrency`.
fn concurrency(value: &Value) -> Result<usize, StepError> {
    let given = number(value).filter(|number| (1..=LOOP_CONCURRENCY_MAX).contains(number));
    given.ok_or_else(|| {
        let message =
            format!("`max_concurrency` must be 1 to {LOOP_CONCURRENCY_MAX}, not `{}`", value.render());
        StepError::new(codes::CONCURRENCY_ERROR, message)
    })
}

/// How many of `count` branches must succeed, from the value of `join`.
fn needed(value: &Value, count: usize) -> Result<usize, StepError> {
    let needed = match value.as_str().map(|text| text.trim().to_ascii_lowercase()).as_deref() {
        Some("all") => count,
        Some("any") => 1,
        _ => number(value).filter(|needed| *needed > 0).ok_or_else(|| {
            let message =
                format!("`join` must be `all`, `any` or a number of branches, not `{}`", value.render());
            StepError::new(codes::JOIN_ERROR, message)
        })?,
    };
    if needed > count {
        let message = format!("`join` asks for {needed} branches that succeed, and {count} are not disabled");
        return Err(StepError::new(codes::JOIN_ERROR, message));
    }
    Ok(needed)
}

fn number(value: &Value) -> Option<usize> {
    match value {
        Value::Int(number) => usize::try_from(*number).ok(),
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a whole number that is small
        Value::Float(number) if number.fract() == 0.0 && (0.0..1e9).contains(number) => {
            Some(*number as usize)
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// What a loop goes through: a list, a map's pairs, a number's turns, or JSON text of a list.
fn loop_items(list: Value) -> Result<Vec<Value>, StepError> {
    let refused = |what: &str| {
        let message =
            format!("a loop needs a list, a map or a number, not {what}; `?? []` makes a missing list empty");
        Err(StepError::new(codes::LOOP_LIST_ERROR, message))
    };
    match &list {
        Value::List(items) => Ok(items.to_vec()),
        Value::Map(entries) => Ok(entries
            .iter()
            .map(|(key, value)| {
                let pair = [("key".into(), Value::String(Arc::clone(key))), ("value".into(), value.clone())];
                Value::Map(Arc::new(pair.into_iter().collect()))
            })
            .collect()),
        Value::Int(turns) => Ok((0..*turns.min(&(LOOP_TURNS_MAX as i64 + 1))).map(Value::Int).collect()),
        Value::String(text) => {
            match serde_json::from_str(text).map(|json: serde_json::Value| Value::from(json)) {
                Ok(Value::List(items)) => Ok(items.to_vec()),
                _ => refused("this text"),
            }
        }
        other => refused(other.type_name()),
    }
}
