//! A strand: one line of execution within a run. A run begins as one; a concurrent loop makes one for each of its
//! turns, an `internal.parallel` one for each of its branches, and their own strand waits for them.

use std::collections::BTreeMap;

use expr::{Map, Value};
use types::Timestamp;
use workflow::plan::StepIndex;

use crate::cursor::Cursor;
use crate::entry::{ROOT, RunError, SubflowOptions};
use crate::fork::Fork;
use crate::scope::{Shown, Variables};

/// A strand's number. The root's is [`ROOT`], a child's is larger than its parent's; none is given twice.
pub(crate) type StrandId = u64;

/// Where and when something is decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) strand: StrandId,
    pub(crate) now: Timestamp,
}

/// What a strand is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The run itself.
    Root,
    /// That turn of a concurrent loop.
    Turn(usize),
    /// The branch whose marker is that step.
    Branch(StepIndex),
}

/// An effect, a pause before its next attempt, or a wait that a strand stands at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Pending {
    Effect(PendingEffect),
    /// The attempt has failed or is lost, the next one begins when it is due.
    Retry {
        effect: PendingEffect,
        due: Timestamp,
    },
    /// Its attempts have failed, and somebody has to decide.
    Exhausted(PendingEffect),
    Timer {
        path: String,
        due: Timestamp,
        since: Timestamp,
    },
}

impl Pending {
    /// The step at which somebody has to decide, if this is one.
    pub(crate) fn stuck(&self) -> Option<&PendingEffect> {
        match self {
            Self::Exhausted(effect) => Some(effect),
            Self::Effect(effect) => effect.in_doubt.then_some(effect),
            Self::Retry { .. } | Self::Timer { .. } => None,
        }
    }

    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Effect(effect) | Self::Exhausted(effect) | Self::Retry { effect, .. } => &effect.path,
            Self::Timer { path, .. } => path,
        }
    }
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
    /// How another workflow is run, if that is what the step does: then no runner has it.
    pub subflow: Option<SubflowOptions>,
    /// Milliseconds that it may take once the runner has begun.
    pub timeout_ms: u64,
    /// When it was dispatched.
    pub started_at: Timestamp,
    /// Nobody knows whether it has happened, and somebody has to decide: no report is awaited any more.
    pub in_doubt: bool,
}

/// One line of execution.
#[derive(Clone, Debug)]
pub(crate) struct Strand {
    pub(crate) parent: Option<StrandId>,
    pub(crate) role: Role,
    pub(crate) cursor: Cursor,
    pub(crate) pending: Option<Pending>,
    /// A step failed and nothing tolerates it: the strand must end.
    pub(crate) failing: Option<RunError>,
    /// Failed attempts of the step at hand.
    pub(crate) failures: u32,
    pub(crate) steps_taken: u64,
    /// Inputs that the effect which it stands before has instead of its own of the same names.
    pub(crate) replaced: Map,
    /// How often the inputs of the step at hand were replaced.
    pub(crate) replacements: u32,
    /// What its steps show, and what those of its parent showed when it began.
    pub(crate) shown: Shown,
    /// Variables of the loops under it, and that of the loop whose turn it is.
    pub(crate) own: Variables,
    /// Tells its randomness from that of other strands; 0 for the root.
    pub(crate) stir: u64,
    pub(crate) began_at: Timestamp,
    /// The strands that it waits for.
    pub(crate) fork: Option<Fork>,
}

/// What a strand begins with.
pub(crate) struct Beginning<'p> {
    pub(crate) parent: StrandId,
    pub(crate) role: Role,
    pub(crate) cursor: Cursor,
    /// Its own path: its randomness depends on it, and not on when it begins.
    pub(crate) path: &'p str,
    pub(crate) began_at: Timestamp,
}

impl Strand {
    pub(crate) fn root(began_at: Timestamp) -> Self {
        Self {
            parent: None,
            role: Role::Root,
            cursor: Cursor::at_start(),
            pending: None,
            failing: None,
            failures: 0,
            steps_taken: 0,
            replaced: Map::new(),
            replacements: 0,
            shown: Shown::default(),
            own: Variables::default(),
            stir: 0,
            began_at,
            fork: None,
        }
    }

    /// One that sees what `shown` shows.
    pub(crate) fn child(beginning: Beginning<'_>, shown: Shown) -> Self {
        let Beginning { parent, role, cursor, path, began_at } = beginning;
        let stir = path.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self { parent: Some(parent), role, cursor, shown, stir, ..Self::root(began_at) }
    }

    /// The attempt that was dispatched, whether or not it is in doubt.
    pub(crate) fn effect(&self) -> Option<&PendingEffect> {
        match &self.pending {
            Some(Pending::Effect(effect)) => Some(effect),
            _ => None,
        }
    }

    /// There is something to decide on.
    pub(crate) fn is_runnable(&self) -> bool {
        match &self.fork {
            Some(fork) => fork.verdict().is_some(),
            None => self.pending.is_none(),
        }
    }

    /// Somebody has to decide here.
    pub(crate) fn is_stuck(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.stuck().is_some())
    }

    /// Nothing goes on in this strand itself but a wait, or the waiting for others.
    pub(crate) fn is_still(&self) -> bool {
        match &self.fork {
            Some(fork) => fork.verdict().is_none(),
            None => matches!(self.pending, Some(Pending::Timer { .. })) || self.waits_for_subflow(),
        }
    }

    /// It stands at the end of another run, which has its own time.
    pub(crate) fn waits_for_subflow(&self) -> bool {
        self.effect().and_then(|effect| effect.subflow.as_ref()).is_some_and(|call| !call.is_async)
    }
}

/// The strands of a run. The root is always there.
#[derive(Clone, Debug)]
pub(crate) struct Strands {
    root: Strand,
    others: BTreeMap<StrandId, Strand>,
    /// The number that the next one gets.
    next: StrandId,
}

impl Strands {
    pub(crate) fn new(began_at: Timestamp) -> Self {
        Self { root: Strand::root(began_at), others: BTreeMap::new(), next: ROOT + 1 }
    }

    pub(crate) fn has(&self, id: StrandId) -> bool {
        id == ROOT || self.others.contains_key(&id)
    }

    /// The strand of that number; the root if it is gone.
    pub(crate) fn get(&self, id: StrandId) -> &Strand {
        if id == ROOT { &self.root } else { self.others.get(&id).unwrap_or(&self.root) }
    }

    /// The strand of that number; the root if it is gone.
    pub(crate) fn get_mut(&mut self, id: StrandId) -> &mut Strand {
        if id == ROOT { &mut self.root } else { self.others.get_mut(&id).unwrap_or(&mut self.root) }
    }

    pub(crate) fn add(&mut self, strand: Strand) -> StrandId {
        let id = self.next;
        self.next += 1;
        self.others.insert(id, strand);
        id
    }

    pub(crate) fn remove(&mut self, id: StrandId) -> Option<Strand> {
        self.others.remove(&id)
    }

    /// All of them, parents before their children.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (StrandId, &Strand)> {
        std::iter::once((ROOT, &self.root)).chain(self.others.iter().map(|(id, strand)| (*id, strand)))
    }

    /// The first one of which that is true.
    pub(crate) fn find(&self, is_it: impl Fn(&Strand) -> bool) -> Option<(StrandId, &Strand)> {
        self.iter().find(|(_, strand)| is_it(strand))
    }

    /// The strand and those that wait for it, from the inside out.
    pub(crate) fn lineage(&self, id: StrandId) -> impl Iterator<Item = (StrandId, &Strand)> {
        let first = Some((id, self.get(id)));
        std::iter::successors(first, |(_, strand)| strand.parent.map(|parent| (parent, self.get(parent))))
    }

    /// Those that came from this one, children before their parents.
    pub(crate) fn under(&self, id: StrandId) -> Vec<StrandId> {
        let mut under: Vec<StrandId> = Vec::new();
        // Numbers grow towards the children.
        for (&other, strand) in self.others.range(id + 1..) {
            if strand.parent.is_some_and(|parent| parent == id || under.binary_search(&parent).is_ok()) {
                under.push(other);
            }
        }
        under.reverse();
        under
    }

    /// How many there may be at a time, by what the forks that are under way have asked for.
    pub(crate) fn reserved(&self) -> usize {
        1 + self.iter().filter_map(|(_, strand)| strand.fork.as_ref()).map(Fork::width).sum::<usize>()
    }
}
