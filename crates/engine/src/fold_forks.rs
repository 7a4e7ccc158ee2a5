//! The part of the fold that makes strands, and takes over what they leave.

use std::collections::BTreeMap;
use std::sync::Arc;

use expr::Value;
use types::Timestamp;
use workflow::plan::{StepIndex, StepKind};

use crate::cursor::{Cursor, Next, turn_prefix};
use crate::entry::{StepFinished, StepState};
use crate::execution::Execution;
use crate::fork::{Branches, Fork, ForkKind, Left, Turns};
use crate::scope::Variables;
use crate::strand::{Beginning, Role, Strand, StrandId};

impl Execution {
    pub(crate) fn start_loop(
        &mut self,
        id: StrandId,
        index: StepIndex,
        items: &[Value],
        concurrency: usize,
        at: Timestamp,
    ) {
        let strand = self.strands.get_mut(id);
        let turn = match &self.plan.steps[index].kind {
            StepKind::While { .. } => Some(strand.cursor.enter_while(index, at)),
            _ if concurrency > 1 => {
                strand.cursor.enter_fork(index, at);
                let turns = Turns { items: items.into(), next: 0, width: concurrency, left: None };
                strand.fork =
                    Some(Fork { step: index, running: 0, failure: None, kind: ForkKind::Turns(turns) });
                return self.start_turns(id, at);
            }
            _ => strand.cursor.enter_loop(index, at, items.to_vec(), &self.plan),
        };
        if let Some(turn) = turn {
            self.begin_turn(id, turn);
        }
        self.settle(id);
    }

    /// Begins as many turns of a concurrent loop as may be under way.
    fn start_turns(&mut self, parent: StrandId, at: Timestamp) {
        let plan = Arc::clone(&self.plan);
        loop {
            let strand = self.strands.get_mut(parent);
            let (prefix, shown) = (strand.cursor.prefix(), &strand.shown);
            let Some(Fork { step, running, kind: ForkKind::Turns(turns), .. }) = &mut strand.fork else {
                return;
            };
            let (step, turn) = (*step, turns.next);
            let Some(item) = turns.items.get(turn).filter(|_| *running < turns.width).cloned() else {
                return;
            };
            turns.next += 1;
            let path = turn_prefix(&plan, &prefix, step, turn);
            let cursor = Cursor::in_turn(step, Arc::clone(&path));
            let beginning = Beginning { parent, role: Role::Turn(turn), cursor, path: &path, began_at: at };
            let mut child = Strand::child(beginning, shown.clone());
            child.shown.set_turn(&plan.steps[step].id, Some(item.clone()), turn);
            if let StepKind::For { variable_name: Some(name), .. } = &plan.steps[step].kind {
                child.own.set(name, item);
            }
            if child.cursor.next(&plan) == Next::End {
                // There is nothing under the loop.
                turns.left = Some(Left { turn, shown: child.shown, own: child.own });
                continue;
            }
            *running += 1;
            self.strands.add(child);
        }
    }

    pub(crate) fn start_branches(
        &mut self,
        id: StrandId,
        index: StepIndex,
        begun: &[String],
        needed: usize,
        at: Timestamp,
    ) {
        let plan = Arc::clone(&self.plan);
        let StepKind::Parallel { branches, .. } = &plan.steps[index].kind else { return };
        let strand = self.strands.get_mut(id);
        strand.cursor.enter_fork(index, at);
        let (prefix, shown) = (strand.cursor.prefix(), strand.shown.clone());
        let mut running = 0;
        for &branch in branches {
            let step = &plan.steps[branch];
            let begins = begun.contains(&step.id);
            self.note_result(&step.id, if begins { StepState::Running } else { StepState::Skipped });
            if !begins {
                continue;
            }
            running += 1;
            let path = format!("{prefix}{}", step.id);
            let cursor = Cursor::in_branch(branch, Arc::clone(&prefix));
            let beginning =
                Beginning { parent: id, role: Role::Branch(branch), cursor, path: &path, began_at: at };
            self.strands.add(Strand::child(beginning, shown.clone()));
        }
        let kind =
            ForkKind::Branches(Branches { count: running, needed, ended: Vec::new(), own: BTreeMap::new() });
        self.strands.get_mut(id).fork = Some(Fork { step: index, running, failure: None, kind });
    }

    /// A turn that has no steps left, or failed, is over; the next one begins.
    pub(crate) fn note_end(&mut self, id: StrandId, at: Timestamp) {
        let strand = self.strands.get(id);
        let (Role::Turn(turn), Some(parent)) = (strand.role, strand.parent) else { return };
        if strand.cursor.next(&self.plan) != Next::End {
            return;
        }
        let Some(strand) = self.strands.remove(id) else { return };
        let left = Left { turn, shown: strand.shown, own: strand.own };
        if let Some(fork) = &mut self.strands.get_mut(parent).fork {
            fork.turn_ended(left, strand.failing);
            if fork.failure.is_none() {
                self.start_turns(parent, at);
            }
        }
    }

    /// A branch is over: what its steps have left is seen after it.
    pub(crate) fn end_branch_strand(&mut self, id: StrandId, branch: StepIndex, finished: &StepFinished) {
        let Some(strand) = self.strands.remove(id) else { return };
        let plan = Arc::clone(&self.plan);
        let Some(parent) = strand.parent else { return };
        let under = plan.under(branch).iter().map(|step| step.id.as_str());
        let waiting = self.strands.get_mut(parent);
        waiting.shown.take_over(&strand.shown, under.chain([finished.step.as_str()]));
        if let Some(fork) = &mut waiting.fork {
            fork.branch_ended(branch, strand.own, finished, strand.failing);
        }
    }

    /// What the last turn of a concurrent loop has left is seen after it, as after any other loop; and the variables
    /// of loops in branches.
    pub(crate) fn take_over_left(&mut self, id: StrandId, fork: &Fork) {
        let owns: Vec<&Variables> = match &fork.kind {
            ForkKind::Turns(Turns { left: Some(left), .. }) => {
                let plan = Arc::clone(&self.plan);
                let under = plan.under(fork.step).iter().map(|step| step.id.as_str());
                self.strands.get_mut(id).shown.take_over(&left.shown, under);
                vec![&left.own]
            }
            ForkKind::Turns(_) => Vec::new(),
            ForkKind::Branches(branches) => branches.own.values().collect(),
        };
        for (name, value) in owns.into_iter().flat_map(Variables::iter) {
            self.set_loop_variable(id, name, value.clone());
        }
    }
}
