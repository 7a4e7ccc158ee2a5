//! A simulated server: what it holds in memory, and how calls, leases and adoptions reach its runs. Follows
//! `server/src/driver/{mod,recover}.rs`; how one run is driven stands in `driver.rs`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use engine::{Command, Control, Dispatch, Event, Execution, Refusal};
use types::Timestamp;

use crate::driver::{Batch, Live, Phase};
use crate::mutation::Mutation;
use crate::runner::{Report, Token};
use crate::store::{RunId, ServerId};
use crate::workflows::is_repeatable;
use crate::world::{Happening, World};

/// A run and the epoch in which it is driven.
pub(crate) type Key = (RunId, u64);

/// Milliseconds that a lease lasts.
const LEASE: i64 = 5_000;

/// How long somebody asks after a run of which there is nothing yet.
const FIRST_COMMIT_MS_MAX: i64 = 10_000_000;

#[derive(Default)]
pub(crate) struct Server {
    pub(crate) clock_offset: i64,
    pub(crate) frozen: bool,
    pub(crate) stopping: bool,
    pub(crate) live: BTreeMap<Key, Live>,
    /// What came while it was frozen.
    parked: Vec<Happening>,
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
        self.store.leases.insert(id, now + LEASE);
        let adopted = if stopping { Vec::new() } else { self.store.adopt(id, now) };
        for key in adopted {
            self.ledger.count("runs adopted");
            self.tell(|| format!("server {id} adopts run {} in epoch {}", key.0, key.1));
            self.boundary(id, "between adoption and reading back");
            self.resume(id, key, None);
        }
        if !self.all_in_good_hands() {
            let pause = self.dice.between(800, 2_500);
            self.later(pause, Happening::Tick(id));
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
        let mut batch = Batch::new(commands, &execution);
        batch.first = true;
        self.drive(server, (run, 1), Live::new(execution, 1, batch));
    }

    /// Somebody asks for a run to stop.
    pub(crate) fn ask_to_stop(&mut self, run: RunId) {
        let Some(id) = self.any_server() else { return self.later(1_000, Happening::Cancel(run)) };
        if !self.store.rows.contains_key(&run) {
            return;
        }
        self.tell(|| format!("run {run} is to stop, says somebody to server {id}"));
        self.ledger.asked_to_stop.insert(run);
        let here = self.servers.get(&id).and_then(|server| server.live.keys().rfind(|key| key.0 == run));
        let over = self.store.rows.get(&run).is_none_or(|row| row.state.is_terminal());
        if self.mutation == Some(Mutation::CancelBeforeDurable) && !over {
            self.ledger.stopped.insert(run);
        }
        if let Some(&key) = here {
            return self.signal(id, key, Signal::Cancel);
        }
        let Some(epoch) = self.store.take_over(id, run) else { return };
        self.ledger.count("runs taken over");
        self.tell(|| format!("server {id} takes run {run} over in epoch {epoch}"));
        self.boundary(id, "between taking over and reading back");
        self.resume(id, (run, epoch), Some("somebody asked"));
    }

    /// Somebody asks whichever server drives the run to pause it.
    pub(crate) fn ask_to_pause(&mut self, run: RunId) {
        self.decide_by_hand(run, Control::Pause { reason: "somebody asked".to_owned() });
    }

    /// Somebody asks for a run to go on, until it has ended, or has to be decided on first.
    pub(crate) fn ask_to_go_on(&mut self, run: RunId, pause: i64) {
        // Its first commit may come late, and what was asked before stands in line behind it.
        let again = Happening::GoOn(run, pause.saturating_mul(2));
        let Some(row) = self.store.rows.get(&run) else {
            if pause <= FIRST_COMMIT_MS_MAX {
                self.later(pause, again);
            }
            return;
        };
        if row.state.is_terminal() {
            return;
        }
        let Ok(execution) = Execution::restore(Arc::clone(&self.requests[run].plan), &row.journal()) else {
            return;
        };
        let resume = Control::Resume { inputs: None, by: "somebody".to_owned() };
        if matches!(execution.refusal(&resume), Some(Refusal::InDoubt(_))) {
            return;
        }
        self.decide_by_hand(run, resume);
        // Whoever was asked may crash, or be asked to pause it only now.
        self.later(pause, again);
    }

    fn decide_by_hand(&mut self, run: RunId, control: Control) {
        let drives = |(id, server): (&ServerId, &Server)| {
            server.live.keys().rfind(|key| key.0 == run).map(|key| (*id, *key))
        };
        let found: Vec<(ServerId, Key)> = self.servers.iter().filter_map(drives).collect();
        if let Some((id, key)) = found.into_iter().max_by_key(|(_, key)| key.1) {
            self.ledger.count("decided by hand");
            self.signal(id, key, Signal::Decided(control));
        }
    }

    /// Reads a run back and sets it going again, or ends it if it is to be cancelled.
    pub(crate) fn resume(&mut self, id: ServerId, key: Key, cancel: Option<&'static str>) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        if server.frozen {
            return server.parked.push(Happening::Resume { server: id, key, cancel });
        }
        let Some(row) = self.store.rows.get(&key.0) else { return };
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
        let mut batch = Batch::new(commands, &execution);
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
                connections: BTreeMap::new(),
                timeout_ms: 0,
                full_response: false,
                replacements: 0,
            }));
        }
        events
    }

    fn drive(&mut self, id: ServerId, key: Key, live: Live) {
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
