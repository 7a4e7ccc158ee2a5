//! Where a run stands in its plan: a stack of blocks and loops.
//!
//! Moving on is deterministic and needs neither clock nor randomness, so it happens the same way while a run
//! is live and while its journal is folded.

use std::sync::Arc;

use expr::Value;
use workflow::plan::{Plan, StepIndex, StepKind};

/// Which block of the plan a frame goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockRef {
    Body,
    Then(StepIndex),
    Else(StepIndex),
    LoopBody(StepIndex),
}

impl BlockRef {
    fn steps(self, plan: &Plan) -> &[StepIndex] {
        let kind = |index: StepIndex| plan.steps.get(index).map(|step| &step.kind);
        match self {
            Self::Body => &plan.body,
            Self::Then(index) => match kind(index) {
                Some(StepKind::If { then_branch, .. }) => &then_branch.block,
                _ => &[],
            },
            Self::Else(index) => match kind(index) {
                Some(StepKind::If { else_branch, .. }) => &else_branch.block,
                _ => &[],
            },
            Self::LoopBody(index) => match kind(index) {
                Some(StepKind::For { body, .. }) => body,
                _ => &[],
            },
        }
    }
}

#[derive(Clone, Debug)]
enum Frame {
    Block { block: BlockRef, next: usize, prefix: Arc<str> },
    Loop { step: StepIndex, items: Arc<[Value]>, turn: usize, prefix: Arc<str> },
}

/// A loop's turn that has just begun.
pub(crate) struct Turn {
    pub(crate) step: StepIndex,
    pub(crate) item: Value,
    pub(crate) index: usize,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// This step.
    Step(StepIndex),
    /// This loop has no turns left; it went through that many.
    LoopDone(StepIndex, usize),
    /// The top level has no steps left.
    End,
}

#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    frames: Vec<Frame>,
}

impl Cursor {
    pub(crate) fn at_start() -> Self {
        Self { frames: vec![Frame::Block { block: BlockRef::Body, next: 0, prefix: "".into() }] }
    }

    /// The path of `id` at this place: loop turns, then the id.
    pub(crate) fn path_of(&self, id: &str) -> String {
        let prefix = match self.frames.last() {
            Some(Frame::Block { prefix, .. } | Frame::Loop { prefix, .. }) => prefix,
            None => "",
        };
        format!("{prefix}{id}")
    }

    pub(crate) fn next(&self, plan: &Plan) -> Next {
        match self.frames.last() {
            None => Next::End,
            Some(Frame::Block { block, next, .. }) => match block.steps(plan).get(*next) {
                Some(&step) => Next::Step(step),
                None => Next::End,
            },
            Some(Frame::Loop { step, turn, .. }) => Next::LoopDone(*step, *turn),
        }
    }

    /// The current step is done.
    pub(crate) fn step_done(&mut self) {
        if let Some(Frame::Block { next, .. }) = self.frames.last_mut() {
            *next += 1;
        }
    }

    /// The loop on top has no turns left and is done.
    pub(crate) fn loop_done(&mut self) {
        if matches!(self.frames.last(), Some(Frame::Loop { .. })) {
            self.frames.pop();
            self.step_done();
        }
    }

    /// The if's branch comes next; the if itself is done.
    pub(crate) fn enter_branch(&mut self, step: StepIndex, taken: bool) {
        let prefix = match self.frames.last() {
            Some(Frame::Block { prefix, .. } | Frame::Loop { prefix, .. }) => Arc::clone(prefix),
            None => "".into(),
        };
        self.step_done();
        let block = if taken { BlockRef::Then(step) } else { BlockRef::Else(step) };
        self.frames.push(Frame::Block { block, next: 0, prefix });
    }

    /// The loop's first turn comes next.
    pub(crate) fn enter_loop(&mut self, step: StepIndex, items: Vec<Value>, plan: &Plan) -> Option<Turn> {
        let prefix = match self.frames.last() {
            Some(Frame::Block { prefix, .. } | Frame::Loop { prefix, .. }) => Arc::clone(prefix),
            None => "".into(),
        };
        self.frames.push(Frame::Loop { step, items: items.into(), turn: 0, prefix });
        self.begin_turn(plan)
    }

    fn begin_turn(&mut self, plan: &Plan) -> Option<Turn> {
        let Some(Frame::Loop { step, items, turn, prefix }) = self.frames.last() else { return None };
        let item = items.get(*turn)?.clone();
        let (step, index) = (*step, *turn);
        let id = plan.steps.get(step).map_or("", |step| step.id.as_str());
        let prefix = format!("{prefix}{id}[{index}].").into();
        self.frames.push(Frame::Block { block: BlockRef::LoopBody(step), next: 0, prefix });
        Some(Turn { step, item, index })
    }

    /// Leaves blocks that have no steps left; begins the next turn of a loop. To be called after every
    /// movement, again while it returns a turn (whose body may be empty).
    pub(crate) fn settle(&mut self, plan: &Plan) -> Option<Turn> {
        loop {
            match self.frames.last() {
                Some(Frame::Block { block, next, .. })
                    if *next >= block.steps(plan).len() && self.frames.len() > 1 =>
                {
                    self.frames.pop();
                    if let Some(Frame::Loop { turn, .. }) = self.frames.last_mut() {
                        *turn += 1;
                        if let Some(turn) = self.begin_turn(plan) {
                            return Some(turn);
                        }
                    }
                }
                _ => return None,
            }
        }
    }
}
