//! Where a strand stands in its plan: a stack of blocks and loops.
//!
//! Moving on is deterministic and needs neither clock nor randomness, so it happens the same way while a run
//! is live and while its journal is folded.

use std::sync::Arc;

use expr::Value;
use types::Timestamp;
use workflow::plan::{Plan, StepIndex, StepKind};

/// Which block of the plan a frame goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockRef {
    Body,
    Then(StepIndex),
    Else(StepIndex),
    LoopBody(StepIndex),
    Label(StepIndex),
    Catch(StepIndex),
    Branch(StepIndex),
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
            Self::Label(index) => match kind(index) {
                Some(StepKind::Label { body, .. }) => body,
                _ => &[],
            },
            Self::Catch(index) => match kind(index) {
                Some(StepKind::Catch { body }) => body,
                _ => &[],
            },
            Self::Branch(index) => match kind(index) {
                Some(StepKind::ParallelBranch { body }) => body,
                _ => &[],
            },
            Self::LoopBody(index) => match kind(index) {
                Some(StepKind::For { body, .. } | StepKind::While { body, .. }) => body,
                _ => &[],
            },
        }
    }
}

#[derive(Clone, Debug)]
enum Frame {
    Block {
        block: BlockRef,
        next: usize,
        prefix: Arc<str>,
    },
    Loop {
        step: StepIndex,
        entered_at: Timestamp,
        items: Arc<[Value]>,
        turn: usize,
        prefix: Arc<str>,
    },
    While {
        step: StepIndex,
        entered_at: Timestamp,
        turn: usize,
        prefix: Arc<str>,
    },
    /// Other strands go through the steps of this one.
    Fork {
        step: StepIndex,
        entered_at: Timestamp,
        prefix: Arc<str>,
    },
}

impl Frame {
    fn prefix(&self) -> &Arc<str> {
        match self {
            Self::Block { prefix, .. }
            | Self::Loop { prefix, .. }
            | Self::While { prefix, .. }
            | Self::Fork { prefix, .. } => prefix,
        }
    }

    /// The step that holds others, and when it was entered, if this is one that has not ended.
    fn holder(&self) -> Option<(StepIndex, Timestamp)> {
        match self {
            Self::Block { .. } => None,
            Self::Loop { step, entered_at, .. }
            | Self::While { step, entered_at, .. }
            | Self::Fork { step, entered_at, .. } => Some((*step, *entered_at)),
        }
    }
}

/// A loop or a fork that was entered and has not ended.
pub(crate) struct Open {
    pub(crate) step: StepIndex,
    pub(crate) entered_at: Timestamp,
    pub(crate) path: String,
    /// The turns that a loop has begun; none for a fork.
    pub(crate) turns: Option<usize>,
}

/// A loop's turn that has just begun, or that is to be decided on.
pub(crate) struct Turn {
    pub(crate) step: StepIndex,
    /// None in a loop that has no items.
    pub(crate) item: Option<Value>,
    pub(crate) index: usize,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// This step.
    Step(StepIndex),
    /// This loop has no turns left; it went through that many.
    LoopDone(StepIndex, usize),
    /// This loop's condition decides whether there is another turn; it went through that many.
    TurnOf(StepIndex, usize),
    /// The strands of this fork.
    Join(StepIndex),
    /// The strand has no steps left.
    End,
}

#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    frames: Vec<Frame>,
}

impl Cursor {
    pub(crate) fn at_start() -> Self {
        Self::in_block(BlockRef::Body, "".into())
    }

    /// Where a strand begins that is one turn of a loop; its paths begin with [`turn_prefix`].
    pub(crate) fn in_turn(step: StepIndex, prefix: Arc<str>) -> Self {
        Self::in_block(BlockRef::LoopBody(step), prefix)
    }

    /// Where a strand begins that is a branch.
    pub(crate) fn in_branch(step: StepIndex, prefix: Arc<str>) -> Self {
        Self::in_block(BlockRef::Branch(step), prefix)
    }

    fn in_block(block: BlockRef, prefix: Arc<str>) -> Self {
        Self { frames: vec![Frame::Block { block, next: 0, prefix }] }
    }

    /// The path of `id` at this place: loop turns, then the id.
    pub(crate) fn path_of(&self, id: &str) -> String {
        let prefix = match self.frames.last() {
            Some(frame) => frame.prefix(),
            None => "",
        };
        format!("{prefix}{id}")
    }

    /// What the paths of the strand's own steps begin with.
    pub(crate) fn base_prefix(&self) -> &str {
        self.frames.first().map_or("", |frame| frame.prefix())
    }

    pub(crate) fn prefix(&self) -> Arc<str> {
        self.frames.last().map_or_else(|| "".into(), |frame| Arc::clone(frame.prefix()))
    }

    pub(crate) fn next(&self, plan: &Plan) -> Next {
        match self.frames.last() {
            None => Next::End,
            Some(Frame::Block { block, next, .. }) => match block.steps(plan).get(*next) {
                Some(&step) => Next::Step(step),
                None => Next::End,
            },
            Some(Frame::Loop { step, turn, .. }) => Next::LoopDone(*step, *turn),
            Some(Frame::While { step, turn, .. }) => Next::TurnOf(*step, *turn),
            Some(Frame::Fork { step, .. }) => Next::Join(*step),
        }
    }

    /// The current step is done.
    pub(crate) fn step_done(&mut self) {
        if let Some(Frame::Block { next, .. }) = self.frames.last_mut() {
            *next += 1;
        }
    }

    /// The loop or fork on top is done with; the cursor stands where it was entered.
    pub(crate) fn leave_loop(&mut self) {
        if self.frames.last().is_some_and(|frame| frame.holder().is_some()) {
            self.frames.pop();
        }
    }

    /// The loop or fork on top is done.
    pub(crate) fn loop_done(&mut self) {
        if self.frames.last().is_some_and(|frame| frame.holder().is_some()) {
            self.frames.pop();
            self.step_done();
        }
    }

    /// Leaves this loop or fork, and whatever is under it.
    pub(crate) fn leave(&mut self, step: StepIndex) {
        if let Some(place) =
            self.frames.iter().position(|frame| frame.holder().is_some_and(|(held, _)| held == step))
        {
            self.frames.truncate(place);
            self.step_done();
        }
    }

    /// The loops and forks that were entered, from the inside out.
    pub(crate) fn open(&self, plan: &Plan) -> Vec<Open> {
        let of = |(place, frame): (usize, &Frame)| {
            let (step, entered_at) = frame.holder()?;
            // A turn that is under way has begun too.
            let under_way = usize::from(place + 1 < self.frames.len());
            let turns = match frame {
                Frame::Loop { turn, .. } | Frame::While { turn, .. } => Some(turn + under_way),
                _ => None,
            };
            let id = plan.steps.get(step).map_or("", |step| step.id.as_str());
            Some(Open { step, entered_at, path: format!("{}{id}", frame.prefix()), turns })
        };
        self.frames.iter().enumerate().rev().filter_map(of).collect()
    }

    /// When the loop or fork that the cursor stands at was entered; none if it stands at a step that was not.
    pub(crate) fn entered_at(&self) -> Option<Timestamp> {
        self.frames.last()?.holder().map(|(_, entered_at)| entered_at)
    }

    /// The fork's strands go on from here; this one waits.
    pub(crate) fn enter_fork(&mut self, step: StepIndex, entered_at: Timestamp) {
        let prefix = self.prefix();
        self.frames.push(Frame::Fork { step, entered_at, prefix });
    }

    /// The if's branch comes next; the if itself is done.
    pub(crate) fn enter_branch(&mut self, step: StepIndex, taken: bool) {
        self.enter_block(if taken { BlockRef::Then(step) } else { BlockRef::Else(step) });
    }

    /// The steps of the label come next; its switch is done.
    pub(crate) fn enter_label(&mut self, label: StepIndex) {
        self.enter_block(BlockRef::Label(label));
    }

    /// The steps of the catch come next; the catch itself is done.
    pub(crate) fn enter_catch(&mut self, step: StepIndex) {
        self.enter_block(BlockRef::Catch(step));
    }

    /// The current step has failed: on to the next catch of its block, else out of the block, up to the loop that
    /// holds it or to the end.
    pub(crate) fn fail(&mut self, plan: &Plan) {
        self.step_done();
        let is_catch = |step: &StepIndex| {
            plan.steps.get(*step).is_some_and(|step| matches!(step.kind, StepKind::Catch { .. }))
        };
        while let Some(Frame::Block { block, next, .. }) = self.frames.last_mut() {
            let rest = block.steps(plan).get(*next..).unwrap_or_default();
            if let Some(ahead) = rest.iter().position(is_catch) {
                *next += ahead;
                return;
            }
            *next += rest.len();
            if self.frames.len() == 1 {
                return;
            }
            self.frames.pop();
        }
    }

    fn enter_block(&mut self, block: BlockRef) {
        let prefix = self.prefix();
        self.step_done();
        self.frames.push(Frame::Block { block, next: 0, prefix });
    }

    /// The loop's first turn comes next.
    pub(crate) fn enter_loop(
        &mut self,
        step: StepIndex,
        entered_at: Timestamp,
        items: Vec<Value>,
        plan: &Plan,
    ) -> Option<Turn> {
        let prefix = self.prefix();
        self.frames.push(Frame::Loop { step, entered_at, items: items.into(), turn: 0, prefix });
        self.begin_turn(plan)
    }

    /// The while's first turn is to be decided on.
    pub(crate) fn enter_while(&mut self, step: StepIndex, entered_at: Timestamp) -> Turn {
        self.frames.push(Frame::While { step, entered_at, turn: 0, prefix: self.prefix() });
        Turn { step, item: None, index: 0 }
    }

    /// The while on top has another turn.
    pub(crate) fn begin_while_turn(&mut self, plan: &Plan) {
        if let Some(Frame::While { step, turn, prefix, .. }) = self.frames.last() {
            let prefix = turn_prefix(plan, prefix, *step, *turn);
            self.frames.push(Frame::Block { block: BlockRef::LoopBody(*step), next: 0, prefix });
        }
    }

    fn begin_turn(&mut self, plan: &Plan) -> Option<Turn> {
        let Some(Frame::Loop { step, items, turn, prefix, .. }) = self.frames.last() else { return None };
        let item = items.get(*turn)?.clone();
        let (step, index) = (*step, *turn);
        let prefix = turn_prefix(plan, prefix, step, index);
        self.frames.push(Frame::Block { block: BlockRef::LoopBody(step), next: 0, prefix });
        Some(Turn { step, item: Some(item), index })
    }

    /// Leaves blocks that have no steps left; begins the next turn of a loop, or comes to where a while decides
    /// on it. To be called after every movement, again while it returns a turn (whose body may be empty).
    pub(crate) fn settle(&mut self, plan: &Plan) -> Option<Turn> {
        loop {
            match self.frames.last() {
                Some(Frame::Block { block, next, .. })
                    if *next >= block.steps(plan).len() && self.frames.len() > 1 =>
                {
                    self.frames.pop();
                    match self.frames.last_mut() {
                        Some(Frame::Loop { turn, .. }) => {
                            *turn += 1;
                            if let Some(turn) = self.begin_turn(plan) {
                                return Some(turn);
                            }
                        }
                        Some(Frame::While { step, turn, .. }) => {
                            *turn += 1;
                            return Some(Turn { step: *step, item: None, index: *turn });
                        }
                        _ => {}
                    }
                }
                _ => return None,
            }
        }
    }
}

/// What paths begin with in this turn of the loop.
pub(crate) fn turn_prefix(plan: &Plan, prefix: &str, step: StepIndex, index: usize) -> Arc<str> {
    let id = plan.steps.get(step).map_or("", |step| step.id.as_str());
    format!("{prefix}{id}[{index}].").into()
}
