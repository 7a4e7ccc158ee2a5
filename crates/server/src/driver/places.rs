//! Who may run now: places for runs that have something in flight, and the lines of those that wait for one. A run that
//! sleeps or is paused has no place. Places go round between workspaces; within one, first come, first served.
//!
//! Numbers and ids only: no task, no I/O. What waits is on disk; here it is an id in a line.

use std::collections::{HashMap, VecDeque};

use types::{ExecutionId, TenantId, Timestamp, WorkspaceId};

/// How many runs go at a time on this server, and how many may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Runs with something in flight, of everybody.
    pub(crate) active: usize,
    /// The same of one tenant.
    pub(crate) active_per_tenant: usize,
    /// The same of one workspace.
    pub(crate) active_per_workspace: usize,
    /// Runs in memory, sleeping and paused ones too.
    pub(crate) held: usize,
    /// Runs in line, of everybody.
    pub(crate) queued: usize,
    /// The same of one workspace.
    pub(crate) queued_per_workspace: usize,
}

/// Whose a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Home {
    pub(super) tenant: TenantId,
    pub(super) workspace: WorkspaceId,
}

/// A run whose turn has come: a place is taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) home: Home,
    pub(super) id: ExecutionId,
    pub(super) epoch: i64,
    /// Who waits for the same thing begins in this order.
    pub(super) accepted_at: Timestamp,
}

/// No more runs can wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full {
    /// Whose line is full: `workspace` or `server`.
    pub(super) whose: &'static str,
    /// As many as it takes.
    pub(super) most: usize,
}

/// What is known of one workspace, while there is anything to know.
#[derive(Debug)]
struct Lane {
    home: Home,
    active: usize,
    waiting: VecDeque<Turn>,
    /// Runs that will wait as soon as they are on disk.
    reserved: usize,
    /// Runs that wait for something else than a place.
    parked: usize,
    /// Whether it is in the round.
    in_round: bool,
}

/// The places and the lines.
#[derive(Debug)]
pub(super) struct Places {
    bounds: Bounds,
    active: usize,
    held: usize,
    /// Waiting and reserved ones.
    queued: usize,
    active_of: HashMap<TenantId, usize>,
    lanes: HashMap<WorkspaceId, Lane>,
    /// The workspaces that have a line, the next one first.
    round: VecDeque<WorkspaceId>,
}

impl Places {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            active: 0,
            held: 0,
            queued: 0,
            active_of: HashMap::new(),
            lanes: HashMap::new(),
            round: VecDeque::new(),
        }
    }

    /// Runs in line.
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    /// Whether others of the workspace come first.
    pub(super) fn has_line(&self, home: Home) -> bool {
        self.lanes.get(&home.workspace).is_some_and(|lane| lane.reserved + lane.waiting.len() > 0)
    }

    /// Whether a new run that will only sleep may be held.
    pub(super) fn try_hold(&mut self) -> bool {
        let room = self.held < self.bounds.held;
        self.held += usize::from(room);
        room
    }

    /// Holds a run that is here already, whatever the bound.
    pub(super) fn hold(&mut self) {
        self.held += 1;
    }

    /// A run is held no longer.
    pub(super) fn let_go(&mut self) {
        self.held = self.held.saturating_sub(1);
    }

    /// Holds a new run and takes a place for it, if there is one.
    pub(super) fn try_take(&mut self, home: Home) -> bool {
        let room = self.has_room(home);
        if room {
            self.hold();
            self.take(home);
        }
        room
    }

    /// Takes a place whether or not there is one: a run that has begun goes on.
    pub(super) fn take(&mut self, home: Home) {
        self.active += 1;
        *self.active_of.entry(home.tenant).or_default() += 1;
        self.lane(home).active += 1;
    }

    /// The place is free again.
    pub(super) fn give_back(&mut self, home: Home) {
        self.active = self.active.saturating_sub(1);
        if let Some(active) = self.active_of.get_mut(&home.tenant) {
            *active = active.saturating_sub(1);
            if *active == 0 {
                self.active_of.remove(&home.tenant);
            }
        }
        let lane = self.lane(home);
        lane.active = lane.active.saturating_sub(1);
        self.tidy(home.workspace);
    }

    /// Makes sure that a run which is about to be accepted may wait.
    ///
    /// # Errors
    /// If the line of the workspace or of the server is full.
    pub(super) fn reserve(&mut self, home: Home) -> Result<(), Full> {
        let Bounds { queued, queued_per_workspace, .. } = self.bounds;
        if self.queued >= queued {
            return Err(Full { whose: "server", most: queued });
        }
        let in_line = |lane: &Lane| lane.reserved + lane.parked + lane.waiting.len();
        let in_line = self.lanes.get(&home.workspace).map_or(0, in_line);
        if in_line >= queued_per_workspace {
            return Err(Full { whose: "workspace", most: queued_per_workspace });
        }
        self.queued += 1;
        self.lane(home).reserved += 1;
        Ok(())
    }

    /// What was reserved is not needed, or not any longer.
    pub(super) fn unreserve(&mut self, home: Home) {
        self.queued = self.queued.saturating_sub(1);
        let lane = self.lane(home);
        lane.reserved = lane.reserved.saturating_sub(1);
        self.tidy(home.workspace);
    }

    /// A run waits outside its line, for something else than a place. It counts as one in line.
    pub(super) fn park(&mut self, home: Home) {
        self.queued += 1;
        self.lane(home).parked += 1;
    }

    /// It does not any more.
    pub(super) fn unpark(&mut self, home: Home) {
        self.queued = self.queued.saturating_sub(1);
        let lane = self.lane(home);
        lane.parked = lane.parked.saturating_sub(1);
        self.tidy(home.workspace);
    }

    /// Puts a run at the end of its line, whatever the bounds: it was accepted.
    pub(super) fn line_up(&mut self, turn: Turn) {
        self.queued += 1;
        let lane = self.lane(turn.home);
        lane.waiting.push_back(turn);
        let is_new = !std::mem::replace(&mut lane.in_round, true);
        if is_new {
            self.round.push_back(turn.home.workspace);
        }
    }

    /// Takes a run out of its line, unless it is there in a later epoch; whether it was.
    pub(super) fn leave(&mut self, workspace: WorkspaceId, id: ExecutionId, epoch: i64) -> bool {
        let Some(lane) = self.lanes.get_mut(&workspace) else { return false };
        let is_it = |waiting: &Turn| waiting.id == id && waiting.epoch <= epoch;
        let Some(at) = lane.waiting.iter().position(is_it) else { return false };
        lane.waiting.remove(at);
        self.queued = self.queued.saturating_sub(1);
        // An empty lane leaves the round when its turn comes.
        true
    }

    /// The next run that may begin, with its place taken; none if there is no place, or nobody to take it.
    pub(super) fn next(&mut self) -> Option<Turn> {
        for _ in 0..self.round.len() {
            if self.active >= self.bounds.active || self.held >= self.bounds.held {
                return None;
            }
            let workspace = self.round.pop_front()?;
            let Some(lane) = self.lanes.get(&workspace) else { continue };
            let home = lane.home;
            if lane.waiting.is_empty() || !self.has_room(home) {
                self.end_of_round(workspace);
                continue;
            }
            let first = self.lane(home).waiting.pop_front();
            self.queued = self.queued.saturating_sub(1);
            self.hold();
            self.take(home);
            self.end_of_round(workspace);
            return first;
        }
        None
    }

    /// The workspace's turn is over: it comes last now, if it still has a line.
    fn end_of_round(&mut self, workspace: WorkspaceId) {
        let Some(lane) = self.lanes.get_mut(&workspace) else { return };
        lane.in_round = !lane.waiting.is_empty();
        if lane.in_round {
            self.round.push_back(workspace);
        }
        self.tidy(workspace);
    }

    fn has_room(&self, home: Home) -> bool {
        let bounds = self.bounds;
        self.active < bounds.active
            && self.held < bounds.held
            && self.active_of.get(&home.tenant).is_none_or(|active| *active < bounds.active_per_tenant)
            && self.lanes.get(&home.workspace).is_none_or(|lane| lane.active < bounds.active_per_workspace)
    }

    fn lane(&mut self, home: Home) -> &mut Lane {
        self.lanes.entry(home.workspace).or_insert_with(|| Lane {
            home,
            active: 0,
            waiting: VecDeque::new(),
            reserved: 0,
            parked: 0,
            in_round: false,
        })
    }

    /// Forgets a workspace of which there is nothing to know.
    fn tidy(&mut self, workspace: WorkspaceId) {
        let idle = |lane: &Lane| {
            lane.active == 0 && lane.reserved + lane.parked == 0 && lane.waiting.is_empty() && !lane.in_round
        };
        if self.lanes.get(&workspace).is_some_and(idle) {
            self.lanes.remove(&workspace);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        active: 4,
        active_per_tenant: 3,
        active_per_workspace: 2,
        held: 100,
        queued: 10,
        queued_per_workspace: 6,
    };

    fn home(tenant: &str, workspace: &str) -> Home {
        Home { tenant: TenantId::of_name(tenant), workspace: WorkspaceId::of_name(workspace) }
    }

    fn turn(home: Home, number: usize) -> Turn {
        let id = ExecutionId::of_name(&format!("{} {number}", home.workspace));
        Turn { home, id, epoch: 1, accepted_at: Timestamp::from_millis(0) }
    }

    #[test]
    fn a_workspace_a_tenant_and_a_server_have_so_many_places() {
        let mut places = Places::new(BOUNDS);
        let (blue, red, other) = (home("a", "blue"), home("a", "red"), home("b", "other"));
        assert!(places.try_take(blue) && places.try_take(blue));
        assert!(!places.try_take(blue), "a workspace has two");
        assert!(places.try_take(red));
        assert!(!places.try_take(red), "a tenant has three");
        assert!(places.try_take(other));
        assert!(!places.try_take(other), "a server has four");
        places.give_back(blue);
        assert!(places.try_take(red));
    }

    #[test]
    fn places_go_round_between_workspaces_and_in_order_within_one() {
        let mut places = Places::new(Bounds { active: 1, ..BOUNDS });
        let (blue, red) = (home("a", "blue"), home("b", "red"));
        assert!(places.try_take(blue));
        for number in 0..5 {
            places.line_up(turn(blue, number));
        }
        places.line_up(turn(red, 0));
        let mut begun = Vec::new();
        assert_eq!(places.next(), None);
        let mut last = blue;
        loop {
            places.give_back(last);
            places.let_go();
            let Some(next) = places.next() else { break };
            begun.push(next);
            last = next.home;
        }
        let numbers = [(blue, 0), (red, 0), (blue, 1), (blue, 2), (blue, 3), (blue, 4)];
        assert_eq!(begun, numbers.map(|(home, number)| turn(home, number)));
        assert_eq!((places.queued(), places.lanes.len(), places.active_of.len()), (0, 0, 0));
    }

    #[test]
    fn a_workspace_that_has_all_its_places_holds_nobody_up() {
        let mut places = Places::new(BOUNDS);
        let (blue, red) = (home("a", "blue"), home("b", "red"));
        assert!(places.try_take(blue) && places.try_take(blue));
        places.line_up(turn(blue, 0));
        places.line_up(turn(red, 0));
        assert_eq!(places.next(), Some(turn(red, 0)));
        assert_eq!(places.next(), None);
        places.give_back(blue);
        assert_eq!(places.next(), Some(turn(blue, 0)));
    }

    #[test]
    fn a_full_line_takes_no_more_and_what_was_accepted_stays() {
        let mut places = Places::new(BOUNDS);
        let (blue, red) = (home("a", "blue"), home("b", "red"));
        for number in 0..6 {
            assert_eq!(places.reserve(blue), Ok(()));
            places.unreserve(blue);
            places.line_up(turn(blue, number));
        }
        assert_eq!(places.reserve(blue), Err(Full { whose: "workspace", most: 6 }));
        for _ in 0..4 {
            assert_eq!(places.reserve(red), Ok(()));
        }
        assert_eq!(places.reserve(red), Err(Full { whose: "server", most: 10 }));
        places.line_up(turn(blue, 6));
        assert_eq!(places.queued(), 11, "adopted ones wait whatever the bound");
        assert!(places.has_line(red), "what is being written comes before what comes now");
    }

    #[test]
    fn who_leaves_the_line_is_passed_by() {
        let mut places = Places::new(BOUNDS);
        let blue = home("a", "blue");
        places.line_up(turn(blue, 0));
        places.line_up(turn(blue, 1));
        assert!(!places.leave(blue.workspace, turn(blue, 0).id, 0), "it is there in a later epoch");
        assert!(places.leave(blue.workspace, turn(blue, 0).id, 1));
        assert!(!places.leave(blue.workspace, turn(blue, 0).id, 1));
        assert_eq!(places.next(), Some(turn(blue, 1)));
        assert_eq!(places.next(), None);
        places.give_back(blue);
        places.line_up(turn(blue, 2));
        assert!(places.leave(blue.workspace, turn(blue, 2).id, 2));
        assert_eq!((places.next(), places.queued(), places.lanes.len()), (None, 0, 0));
    }

    #[test]
    fn sleepers_count_towards_what_a_server_holds() {
        let mut places = Places::new(Bounds { held: 2, ..BOUNDS });
        let blue = home("a", "blue");
        assert!(places.try_hold() && places.try_take(blue));
        assert!(!places.try_hold() && !places.try_take(blue));
        places.line_up(turn(blue, 0));
        assert_eq!(places.next(), None);
        places.let_go();
        assert_eq!(places.next(), Some(turn(blue, 0)));
    }
}
