//! A simulated server: what it holds in memory, and how calls, leases and adoptions reach its runs. Follows
//! `server/src/driver/{mod,recover}.rs`; how one run is driven stands in `driver.rs`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use engine::{Command, Control, Dispatch, EffectResult, Event, Execution, RunState};
use types::Timestamp;

use crate::driver::{Live, Phase};
use crate::mutation::Mutation;
use crate::requests::is_repeatable;
use crate::runner::{Report, Token};
use crate::store::{RunId, ServerId};
use crate::world::{Happening, World};

/// A run and the epoch in which it is driven.
pub(crate) type Key = (RunId, u64);

/// Milliseconds that a lease lasts.
const LEASE: i64 = 5_000;
/// The part of it that its owner does not rely on.
const LEASE_MARGIN: i64 = 5;

#[derive(Default)]
pub(crate) struct Server {
    pub(crate) clock_offset: i64,
    pub(crate) frozen: bool,
    pub(crate) stopping: bool,
    pub(crate) live: BTreeMap<Key, Live>,
    pub(crate) lease: Lease,
    /// What came while it was frozen.
    parked: Vec<Happening>,
}

/// What the process itself knows of its lease. Follows `types/src/lease.rs`.
#[derive(Clone, Copy, Default)]
pub(crate) struct Lease {
    pub(crate) term: u64,
    /// By the steady clock and by the wall's.
    until: (i64, i64),
}

impl Lease {
    pub(crate) fn holds(&self, steady: i64, wall: i64) -> bool {
        steady < self.until.0 && wall < self.until.1
    }
}

/// What reaches a run.
pub(crate) enum Signal {
    Continue,
    Timer {
        path: String,
        due: Timestamp,
    },
    Deadline(Timestamp),
    /// The runner's turn has come to work on it.
    Began(Token),
    Report(Report),
    /// Time to look whether the runner still has the attempt.
    Watch(Token),
    /// The runner did not have it; a report may still be on its way.
    WatchAgain(Token),
    /// The runner has not begun with it.
    NotBegun(Token),
    /// What a call comes to that nobody waits for, or that cannot be made.
    Answer {
        path: String,
        attempt: u32,
        result: EffectResult,
    },
    /// Time to look how far the run is that the attempt has called.
    Look {
        path: String,
        attempt: u32,
    },
    Cancel,
    Decided(Control),
    /// Time to try a refused commit again.
    Retry,
    /// Time to find out what became of a first commit.
    Settle,
}

impl World {
    pub(crate) fn signal(&mut self, id: ServerId, key: Key, signal: Signal) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        if server.frozen {
            server.parked.push(Happening::Signal { server: id, key, signal });
        } else if let Some(live) = server.live.get_mut(&key) {
            live.inbox.push_back(signal);
            self.progress(id, key);
        }
    }

    /// Renews the lease and adopts the runs of servers that are gone.
    pub(crate) fn tick(&mut self, id: ServerId) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        if server.frozen {
            return server.parked.push(Happening::Tick(id));
        }
        let stopping = server.stopping;
        let now = self.clock(id).as_millis();
        self.renew_lease(id, now);
        if !stopping {
            self.stop_unwanted();
        }
        let adopted = if stopping { Vec::new() } else { self.store.adopt(id, now) };
        for key in adopted {
            self.ledger.count("runs adopted");
            self.ledger.adopted.insert((key.0, key.1 - 1));
            self.tell(|| format!("server {id} adopts run {} in epoch {}", key.0, key.1));
            self.boundary(id, "between adoption and reading back");
            self.resume(id, key, None);
        }
        if !self.all_in_good_hands() {
            let pause = self.dice.between(800, 2_500);
            self.later(pause, Happening::Tick(id));
        } else if let Some(server) = self.servers.get_mut(&id) {
            // It goes on renewing it, which nobody looks at any more.
            server.lease.until = (i64::MAX, i64::MAX);
        }
    }

    fn renew_lease(&mut self, id: ServerId, now: i64) {
        // Others may have taken its runs since it was forgotten.
        let is_new = self.store.leases.insert(id, now + LEASE).is_none();
        let until = LEASE - LEASE / LEASE_MARGIN;
        let steady = self.now;
        if let Some(server) = self.servers.get_mut(&id) {
            server.lease.term += u64::from(is_new);
            server.lease.until = (steady + until, now + until);
        }
    }

    /// Keeps for a frozen server what comes to it; whether it is frozen.
    pub(crate) fn park(&mut self, id: ServerId, happening: impl FnOnce() -> Happening) -> bool {
        match self.servers.get_mut(&id) {
            Some(server) if server.frozen => {
                server.parked.push(happening());
                true
            }
            Some(_) => false,
            // It is gone, and what comes to it with it.
            None => true,
        }
    }

    /// A frozen server goes on where it stood.
    pub(crate) fn wake(&mut self, id: ServerId) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        let keys: Vec<Key> = server.live.keys().copied().collect();
        for happening in std::mem::take(&mut server.parked) {
            self.later(0, happening);
        }
        for key in keys {
            self.progress(id, key);
        }
        if self.servers.get(&id).is_some_and(|server| server.stopping) {
            self.let_go_of_waiting(id);
        }
    }

    /// A server that stops keeps only what has a step in flight.
    pub(crate) fn let_go_of_waiting(&mut self, id: ServerId) {
        if let Some(server) = self.servers.get_mut(&id).filter(|server| !server.frozen) {
            server.live.retain(|_, live| !live.merely_waits());
        }
    }

    /// Somebody asks for a run.
    pub(crate) fn submit(&mut self, run: RunId) {
        let Some(server) = self.any_server() else { return self.later(1_000, Happening::Submit(run)) };
        let now = self.clock(server);
        let request = &self.requests[run];
        let (mut execution, mut commands) =
            Execution::start(Arc::clone(&request.plan), request.start.clone(), now);
        commands.extend(execution.advance(Event::Continue, now));
        self.tell(|| format!("run {run} is asked for at server {server}"));
        if self.mutation == Some(Mutation::AcceptedBeforeDurable) {
            self.ledger.accepted.insert(run);
        }
        let mut batch = self.batch(server, run, commands, &execution);
        batch.first = true;
        self.drive(server, (run, 1), Live::new(execution, 1, batch));
    }

    /// Reads a run back and sets it going again, or ends it if it is to be cancelled.
    pub(crate) fn resume(&mut self, id: ServerId, key: Key, cancel: Option<&'static str>) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        if server.frozen {
            return server.parked.push(Happening::Resume { server: id, key, cancel });
        }
        let unwanted = self.store.unwanted.contains_key(&key.0);
        if unwanted {
            self.ledger.asked_to_stop.insert(key.0);
        }
        let cancel = cancel.or(unwanted.then_some("nobody waits for it"));
        let Some(row) = self.store.rows.get(&key.0) else { return };
        if row.state == RunState::Queued {
            return self.begin_queued(id, key, cancel);
        }
        let journal = row.journal();
        let plan = Arc::clone(&self.requests[key.0].plan);
        let mut execution = match Execution::restore(plan, &journal) {
            Ok(execution) => execution,
            Err(error) => return self.ledger.fail(format!("run {}: {error}", key.0)),
        };
        let now = self.clock(id);
        let mut commands = execution.outstanding();
        if self.mutation == Some(Mutation::TimersForgotten) {
            commands.retain(|command| !matches!(command, Command::SetTimer { .. }));
        }
        let stored_state = execution.state();
        let events = match cancel {
            Some(reason) => vec![Event::CancelRequested { reason: reason.to_owned() }],
            None => self.lost_attempts(key.0, &execution, &mut commands),
        };
        for event in events {
            commands.extend(execution.advance(event, now));
        }
        let mut batch = self.batch(id, key.0, commands, &execution);
        batch.acknowledge = cancel.is_some();
        let mut live = Live::new(execution, journal.len() + 1, batch);
        live.stored_state = stored_state;
        self.drive(id, key, live);
    }

    fn lost_attempts(
        &mut self,
        run: RunId,
        execution: &Execution,
        commands: &mut Vec<Command>,
    ) -> Vec<Event> {
        if self.mutation == Some(Mutation::LossForgotten) {
            return Vec::new();
        }
        let mut events = Vec::new();
        for pending in execution.pending_effects().filter(|pending| !pending.in_doubt).cloned() {
            // A run that was called goes on by itself.
            if pending.subflow.is_some() {
                continue;
            }
            self.ledger.disturbed.insert(run);
            let repeatable =
                is_repeatable(&pending.action) || self.mutation == Some(Mutation::DoubtfulRepeated);
            if !repeatable || self.mutation != Some(Mutation::AttemptReused) {
                let (path, attempt) = (pending.path, pending.attempt);
                events.push(Event::AttemptLost { path, attempt, repeatable });
                if self.mutation == Some(Mutation::OneLossTold) {
                    break;
                }
                continue;
            }
            commands.push(Command::Dispatch(Dispatch {
                step: String::new(),
                path: pending.path,
                attempt: pending.attempt,
                action: pending.action,
                inputs: pending.inputs,
                context: None,
                packages: None,
                connections: BTreeMap::new(),
                timeout_ms: 0,
                full_response: false,
                runner_group: None,
                workflow_runner_group: None,
                replacements: 0,
            }));
        }
        events
    }

    pub(crate) fn drive(&mut self, id: ServerId, key: Key, live: Live) {
        if let Some(server) = self.servers.get_mut(&id) {
            server.live.insert(key, live);
            self.progress(id, key);
        }
    }

    /// The run is no longer driven here; who waited for an answer asks again.
    pub(crate) fn let_go(&mut self, run: RunId, live: &Live, acknowledge_due: bool) {
        let waiting = live.inbox.iter().any(|signal| matches!(signal, Signal::Cancel));
        if waiting || acknowledge_due {
            self.later(1, Happening::Cancel(run));
        }
    }
}

impl Live {
    fn merely_waits(&self) -> bool {
        matches!(self.phase, Phase::Idle) && self.attempts.is_empty()
    }
}

/// Signals in the order in which they came.
pub(crate) type Inbox = VecDeque<Signal>;
