//! The simulated world: true time, what is going to happen, and the troubles that befall servers.
//!
//! One thread takes happenings in the order of their time. For a while there is trouble; then all that is down
//! comes up again, nothing fails any more, and whatever was accepted has to come to its end.

use std::collections::BTreeMap;

use engine::Execution;
use types::Timestamp;

use crate::dice::Dice;
use crate::ledger::Ledger;
use crate::mutation::Mutation;
use crate::requests::{Callee, Request};
use crate::runner::{Attempt, Report, Token};
use crate::server::{Key, Server, Signal};
use crate::store::{RunId, ServerId, Store};

/// Milliseconds since the epoch at which every simulation begins.
const BEGIN: i64 = 1_700_000_000_000;
/// Servers of one world.
const SERVERS: u64 = 3;
/// Happenings after which a world that does not come to rest is stuck.
const HAPPENINGS_MAX: usize = 200_000;

/// Something that is going to happen.
pub(crate) enum Happening {
    Submit(RunId),
    Cancel(RunId),
    /// Somebody asks for the run to pause.
    Pause(RunId),
    /// Somebody says that the run is complete.
    Complete(RunId),
    /// Somebody decides on a step in doubt.
    Resolve(RunId),
    /// Somebody has the run begin anew with one of its steps.
    Repeat(RunId),
    /// Somebody asks for it to go on, and again after that long until it has.
    GoOn(RunId, i64),
    /// The server renews its lease and looks for orphans.
    Tick(ServerId),
    Signal {
        server: ServerId,
        key: Key,
        signal: Signal,
    },
    /// The server reads back a run that it has come to own.
    Resume {
        server: ServerId,
        key: Key,
        cancel: Option<&'static str>,
    },
    /// The run that was called begins to be driven.
    SetGoing {
        server: ServerId,
        key: Key,
        execution: Box<Execution>,
    },
    /// The turn of a queued run has come.
    Begin {
        server: ServerId,
        key: Key,
    },
    /// The runner's turn has come to begin with it.
    TakeUp(Token),
    Perform(Token),
    Reported {
        server: ServerId,
        key: Key,
        report: Report,
    },
    Trouble,
    Thaw(ServerId),
    /// The grace of a server that stops is over.
    Gone(ServerId),
    Restart,
}

pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) now: i64,
    queue: BTreeMap<(i64, u64), Happening>,
    queued: u64,
    /// Until then there is trouble.
    calm_from: i64,
    /// One in that many commits or commands is where a server crashes or freezes.
    crash_one_in: u64,
    pub(crate) requests: Vec<Request>,
    /// Workflows that others call.
    pub(crate) callees: Vec<Callee>,
    /// The run that each attempt of a step has called.
    pub(crate) called: BTreeMap<(RunId, String, u32), RunId>,
    pub(crate) store: Store,
    pub(crate) servers: BTreeMap<ServerId, Server>,
    next_server: ServerId,
    pub(crate) attempts: BTreeMap<Token, Attempt>,
    pub(crate) next_token: Token,
    pub(crate) ledger: Ledger,
    pub(crate) mutation: Option<Mutation>,
    /// Told only when somebody is going to read it.
    pub(crate) story: Option<Vec<String>>,
}

impl World {
    pub(crate) fn new(seed: u64, mutation: Option<Mutation>) -> Self {
        let mut dice = Dice::new(seed);
        let runs = dice.between(1, 3);
        let callees = Callee::random(&mut dice);
        let requests = (0..runs).map(|run| Request::random(&mut dice, &callees, run)).collect();
        let crash_one_in = *dice.pick(&[8, 20, 50, 1000]);
        let calm_from = BEGIN + dice.between(10_000, 400_000);
        Self {
            dice,
            now: BEGIN,
            queue: BTreeMap::new(),
            queued: 0,
            calm_from,
            crash_one_in,
            requests,
            callees,
            called: BTreeMap::new(),
            store: Store { mutation, ..Store::default() },
            servers: BTreeMap::new(),
            next_server: 1,
            attempts: BTreeMap::new(),
            next_token: 1,
            ledger: Ledger::default(),
            mutation,
            story: None,
        }
    }

    /// Lets everything happen; the promise that was broken, if one was.
    pub(crate) fn run(&mut self) -> Option<String> {
        for _ in 0..SERVERS {
            self.start_server();
        }
        for run in 0..self.requests.len() {
            let delay = self.dice.between(0, 30_000);
            self.later(delay, Happening::Submit(run));
            if self.dice.one_in(3) {
                let delay = self.dice.between(0, 90_000);
                self.later(delay, Happening::Cancel(run));
            }
        }
        for run in 0..self.requests.len() {
            if self.dice.one_in(4) {
                let delay = self.dice.between(0, 60_000);
                self.later(delay, Happening::Pause(run));
                let delay = delay + self.dice.between(1, 60_000);
                self.later(delay, Happening::GoOn(run, 1_000));
            }
        }
        for run in 0..self.requests.len() {
            if self.dice.one_in(10) {
                let delay = self.dice.between(0, 60_000);
                self.later(delay, Happening::Complete(run));
            }
            if self.dice.one_in(3) {
                for _ in 0..2 {
                    let delay = self.dice.between(1_000, 600_000);
                    self.later(delay, Happening::Repeat(run));
                }
            }
        }
        self.later(0, Happening::Trouble);
        for _ in 0..HAPPENINGS_MAX {
            let Some(((at, _), happening)) = self.queue.pop_first() else { break };
            self.now = self.now.max(at);
            self.happen(happening);
            if self.ledger.broken.is_some() {
                return self.ledger.broken.take();
            }
        }
        if !self.queue.is_empty() {
            return Some("the world does not come to rest".to_owned());
        }
        self.ledger.close(&self.requests, &self.callees, &self.called, &self.store);
        self.ledger.broken.take()
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Submit(run) => self.submit(run),
            Happening::Cancel(run) => self.ask_to_stop(run),
            Happening::Pause(run) => self.ask_to_pause(run),
            Happening::Complete(run) => self.ask_to_complete(run),
            Happening::Resolve(run) => self.resolve(run),
            Happening::Repeat(run) => self.repeat(run),
            Happening::SetGoing { server, key, execution } => self.set_going(server, key, *execution),
            Happening::Begin { server, key } => self.begin_queued(server, key, None),
            Happening::TakeUp(token) => self.take_up(token),
            Happening::GoOn(run, pause) => self.ask_to_go_on(run, pause),
            Happening::Tick(server) => self.tick(server),
            Happening::Signal { server, key, signal } => self.signal(server, key, signal),
            Happening::Resume { server, key, cancel } => self.resume(server, key, cancel),
            Happening::Perform(token) => self.perform(token),
            Happening::Reported { server, key, report } => self.reported(server, key, report),
            Happening::Trouble => self.make_trouble(),
            Happening::Thaw(server) => self.thaw(server),
            Happening::Gone(server) => self.stop_at_last(server),
            Happening::Restart => self.start_server(),
        }
    }

    pub(crate) fn later(&mut self, delay: i64, happening: Happening) {
        self.queued += 1;
        self.queue.insert((self.now + delay.max(0), self.queued), happening);
    }

    pub(crate) fn signal_later(&mut self, delay: i64, server: ServerId, key: Key, signal: Signal) {
        self.later(delay, Happening::Signal { server, key, signal });
    }

    pub(crate) fn tell(&mut self, what: impl FnOnce() -> String) {
        let now = self.now - BEGIN;
        if let Some(story) = &mut self.story {
            story.push(format!("{now:>10} ms  {}", what()));
        }
    }

    /// True once in that many times, while there is trouble.
    pub(crate) fn trouble(&mut self, one_in: u64) -> bool {
        self.now < self.calm_from && self.dice.one_in(one_in)
    }

    /// What the server's clock shows.
    pub(crate) fn clock(&self, server: ServerId) -> Timestamp {
        let offset = self.servers.get(&server).map_or(0, |server| server.clock_offset);
        Timestamp::from_millis(self.now + offset)
    }

    fn start_server(&mut self) {
        let id = self.next_server;
        self.next_server += 1;
        self.tell(|| format!("server {id} starts"));
        self.servers.insert(id, Server::default());
        self.tick(id);
    }

    /// A server that takes calls.
    pub(crate) fn any_server(&mut self) -> Option<ServerId> {
        let open = |(id, server): (&ServerId, &Server)| (!server.frozen && !server.stopping).then_some(*id);
        let open: Vec<ServerId> = self.servers.iter().filter_map(open).collect();
        (!open.is_empty()).then(|| *self.dice.pick(&open))
    }

    /// A place where a server may crash or freeze; whether it still goes on.
    pub(crate) fn boundary(&mut self, server: ServerId, place: &str) -> bool {
        let odds = self.crash_one_in;
        if self.trouble(odds) {
            if self.dice.one_in(3) { self.freeze(server, place) } else { self.crash(server, place) }
        }
        self.servers.get(&server).is_some_and(|server| !server.frozen)
    }

    fn make_trouble(&mut self) {
        if self.now >= self.calm_from {
            return;
        }
        let servers: Vec<ServerId> = self.servers.keys().copied().collect();
        if !servers.is_empty() {
            let server = *self.dice.pick(&servers);
            match self.dice.below(8) {
                0 => self.crash(server, "out of the blue"),
                1 => self.freeze(server, "out of the blue"),
                2 => self.begin_stop(server),
                3 | 4 => self.move_clock(server),
                _ => {}
            }
        }
        let pause = self.dice.between(200, 40_000);
        self.later(pause, Happening::Trouble);
    }

    fn crash(&mut self, server: ServerId, place: &str) {
        self.ledger.count("crash");
        self.tell(|| format!("server {server} crashes {place}"));
        self.servers.remove(&server);
        let pause = self.dice.between(50, 20_000);
        self.later(pause, Happening::Restart);
    }

    fn freeze(&mut self, server: ServerId, place: &str) {
        let Some(frozen) = self.servers.get_mut(&server).filter(|server| !server.frozen) else { return };
        frozen.frozen = true;
        self.ledger.count("freeze");
        self.tell(|| format!("server {server} freezes {place}"));
        let pause = self.dice.between(100, 60_000);
        self.later(pause, Happening::Thaw(server));
    }

    fn move_clock(&mut self, server: ServerId) {
        let by = match self.dice.below(8) {
            0 => self.dice.between(60_000, 10_800_000),
            1..=3 => self.dice.between(1, 60_000),
            _ => -self.dice.between(1, 5_000),
        };
        self.ledger.clock_leapt |= by > 60_000;
        self.ledger.clock_moved = true;
        self.ledger.count(if by < 0 { "clock goes back" } else { "clock jumps ahead" });
        self.tell(|| format!("the clock of server {server} jumps by {by} ms"));
        if let Some(server) = self.servers.get_mut(&server) {
            server.clock_offset += by;
        }
    }

    fn begin_stop(&mut self, server: ServerId) {
        self.ledger.count("stop");
        self.tell(|| format!("server {server} is told to stop"));
        let grace = self.dice.between(0, 10_000);
        if let Some(server) = self.servers.get_mut(&server) {
            server.stopping = true;
        }
        self.let_go_of_waiting(server);
        self.later(grace, Happening::Gone(server));
    }

    fn stop_at_last(&mut self, server: ServerId) {
        if self.servers.remove(&server).is_some() {
            self.tell(|| format!("server {server} has stopped"));
            self.store.leases.remove(&server);
            self.later(500, Happening::Restart);
        }
    }

    fn thaw(&mut self, server: ServerId) {
        let Some(thawed) = self.servers.get_mut(&server) else { return };
        thawed.frozen = false;
        self.tell(|| format!("server {server} thaws"));
        self.wake(server);
    }

    /// Whether nothing will need an adoption any more: then servers need not look for orphans.
    pub(crate) fn all_in_good_hands(&self) -> bool {
        let driven =
            |row: &crate::store::Row| row.state.is_terminal() || self.servers.contains_key(&row.owner);
        let calm = self.now >= self.calm_from + 60_000;
        calm && self.store.unwanted.is_empty()
            && self.store.rows.len() == self.store.rows.values().filter(|row| driven(row)).count()
    }

    /// Every server that believes that it drives the run.
    pub(crate) fn drivers_of(&self, run: RunId) -> Vec<(ServerId, Key)> {
        let of = |(id, server): (&ServerId, &Server)| {
            let driven = server.live.keys().filter(|key| key.0 == run);
            driven.map(|key| (*id, *key)).collect::<Vec<_>>()
        };
        self.servers.iter().flat_map(of).collect()
    }
}
