//! How a simulated server drives one run: event, decision, commit, and only then the commands. Follows
//! `server/src/driver/{run,commit}.rs`, with a boundary at every place where a server may crash or freeze.

use std::collections::{BTreeMap, VecDeque};

use engine::{Command, Entry, Event, Execution, RunState};
use types::Timestamp;

use crate::mutation::Mutation;
use crate::runner::Token;
use crate::server::{Inbox, Key, Signal};
use crate::store::{Appended, RunId, ServerId};
use crate::world::World;

/// The commands of one `advance`, taken apart.
pub(crate) struct Batch {
    entries: Vec<Entry>,
    rest: VecDeque<Command>,
    state: RunState,
    /// The commit that accepts the run.
    pub(crate) first: bool,
    /// Somebody waits to hear that the run will stop.
    pub(crate) acknowledge: bool,
    tried_before: bool,
}

impl Batch {
    pub(crate) fn new(commands: Vec<Command>, execution: &Execution) -> Self {
        let (mut entries, mut rest, mut effects) = (Vec::new(), VecDeque::new(), VecDeque::new());
        for command in commands {
            match command {
                Command::Append(entry) => entries.push(entry),
                Command::Dispatch(_) => effects.push_back(command),
                Command::CancelAttempt { ref path, attempt } => {
                    let is_it = |effect: &Command| match effect {
                        Command::Dispatch(dispatch) => dispatch.path == *path && dispatch.attempt == attempt,
                        _ => false,
                    };
                    match effects.iter().position(is_it) {
                        Some(place) => drop(effects.remove(place)),
                        None => rest.push_back(command),
                    }
                }
                _ => rest.push_back(command),
            }
        }
        rest.append(&mut effects);
        let state = execution.state();
        Self { entries, rest, state, first: false, acknowledge: false, tried_before: false }
    }
}

/// Where the driver of a run stands.
pub(crate) enum Phase {
    Idle,
    Committing(Batch),
    /// The database did not answer; it is asked again.
    Refused(Batch),
    /// The database did not say whether it accepted the run.
    Unsettled(Batch),
    CarryingOut(VecDeque<Command>),
}

/// A run in the memory of a server.
pub(crate) struct Live {
    pub(crate) execution: Execution,
    next_seq: usize,
    /// The state in the run's row.
    pub(crate) stored_state: RunState,
    pub(crate) phase: Phase,
    pub(crate) inbox: Inbox,
    /// What runners work on.
    pub(crate) attempts: BTreeMap<Token, (String, u32)>,
    /// Path -> when its timer goes off.
    pub(crate) timers: BTreeMap<String, Timestamp>,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) again: bool,
}

impl Live {
    pub(crate) fn new(execution: Execution, next_seq: usize, batch: Batch) -> Self {
        Self {
            stored_state: execution.state(),
            execution,
            next_seq,
            phase: Phase::Committing(batch),
            inbox: Inbox::new(),
            attempts: BTreeMap::new(),
            timers: BTreeMap::new(),
            deadline: None,
            again: false,
        }
    }

    fn take_signal(&mut self, wanted: fn(&Signal) -> bool) -> bool {
        let place = self.inbox.iter().position(wanted);
        place.and_then(|place| self.inbox.remove(place)).is_some()
    }
}

/// What a step of the driver leads to.
enum Next {
    Again,
    /// Nothing to do until something happens.
    Rest,
    /// The run is no longer driven here; `true` if somebody still waits for an answer.
    Over {
        unanswered: bool,
    },
}

const OVER: Next = Next::Over { unanswered: false };

enum Answer {
    Written,
    Fenced,
    Unavailable,
}

impl World {
    /// Drives the run on until it has to wait, ends, or its server crashes or freezes.
    pub(crate) fn progress(&mut self, id: ServerId, key: Key) {
        let server = self.servers.get_mut(&id).filter(|server| !server.frozen);
        let Some(mut live) = server.and_then(|server| server.live.remove(&key)) else { return };
        loop {
            match self.drive_on(id, key, &mut live) {
                Next::Again => {}
                Next::Rest => break,
                Next::Over { unanswered } => return self.let_go(key.0, &live, unanswered),
            }
            if self.servers.get(&id).is_none_or(|server| server.frozen) {
                break;
            }
        }
        if let Some(server) = self.servers.get_mut(&id) {
            server.live.insert(key, live);
        }
    }

    fn drive_on(&mut self, id: ServerId, key: Key, live: &mut Live) -> Next {
        match std::mem::replace(&mut live.phase, Phase::Idle) {
            Phase::Idle => {
                let Some(signal) = live.inbox.pop_front() else { return Next::Rest };
                let acknowledge = matches!(signal, Signal::Cancel);
                if let Some(event) = self.event_of(id, key, live, signal) {
                    self.decide(id, key.0, live, event, acknowledge);
                }
                Next::Again
            }
            Phase::Committing(batch) => {
                live.phase = Phase::Committing(batch);
                if !self.boundary(id, "before a commit") {
                    return Next::Again;
                }
                let Phase::Committing(batch) = std::mem::replace(&mut live.phase, Phase::Idle) else {
                    return Next::Again;
                };
                self.commit(id, key, live, batch)
            }
            Phase::Refused(batch) if live.take_signal(|signal| matches!(signal, Signal::Retry)) => {
                live.phase = Phase::Committing(batch);
                Next::Again
            }
            Phase::Unsettled(batch) if live.take_signal(|signal| matches!(signal, Signal::Settle)) => {
                let there = self.store.rows.get(&key.0).is_some_and(|row| !row.state.is_terminal());
                if !there {
                    return OVER;
                }
                live.next_seq += batch.entries.len();
                live.phase = Phase::CarryingOut(batch.rest);
                Next::Again
            }
            waits @ (Phase::Refused(_) | Phase::Unsettled(_)) => {
                live.phase = waits;
                Next::Rest
            }
            Phase::CarryingOut(mut commands) => {
                let Some(command) = commands.pop_front() else { return self.carried_out(id, live) };
                self.carry_out(id, key, live, command);
                live.phase = Phase::CarryingOut(commands);
                self.boundary(id, "between commands");
                Next::Again
            }
        }
    }

    fn carried_out(&self, id: ServerId, live: &Live) -> Next {
        let stopping = self.servers.get(&id).is_some_and(|server| server.stopping);
        if live.execution.state().is_terminal() || (stopping && live.attempts.is_empty()) {
            return OVER;
        }
        Next::Again
    }

    fn decide(&mut self, id: ServerId, run: RunId, live: &mut Live, event: Event, acknowledge: bool) {
        let now = self.clock(id);
        // A server that is about to stop takes note of what happened and begins nothing more.
        let stopping = self.servers.get(&id).is_some_and(|server| server.stopping);
        let reported = match &event {
            Event::EffectFinished { path, attempt, .. } => Some((path.clone(), *attempt)),
            _ => None,
        };
        let execution = &mut live.execution;
        let commands = if stopping { execution.absorb(event, now) } else { execution.advance(event, now) };
        let batch = Batch { acknowledge, ..Batch::new(commands, execution) };
        if let (Some((path, attempt)), Some(entry)) = (reported, batch.entries.first()) {
            self.ledger.decided(run, &path, attempt, entry);
        }
        live.phase = Phase::Committing(batch);
    }

    fn commit(&mut self, id: ServerId, key: Key, live: &mut Live, mut batch: Batch) -> Next {
        if self.mutation == Some(Mutation::CommandsBeforeCommit) && !batch.first {
            for command in std::mem::take(&mut batch.rest) {
                self.carry_out(id, key, live, command);
            }
            if !self.boundary(id, "between commands and their commit") {
                live.phase = Phase::Committing(batch);
                return Next::Again;
            }
        }
        match self.append(id, key, live, &batch) {
            Answer::Written => self.written(id, key, live, batch),
            Answer::Fenced => {
                self.ledger.count("stale owner fenced");
                self.tell(|| format!("server {id} is fenced off run {} in epoch {}", key.0, key.1));
                Next::Over { unanswered: batch.acknowledge }
            }
            Answer::Unavailable if batch.first => {
                self.signal_later(500, id, key, Signal::Settle);
                live.phase = Phase::Unsettled(batch);
                Next::Rest
            }
            Answer::Unavailable => {
                let pause = self.dice.between(50, 2_000);
                self.signal_later(pause, id, key, Signal::Retry);
                live.phase = Phase::Refused(Batch { tried_before: true, ..batch });
                Next::Rest
            }
        }
    }

    fn written(&mut self, id: ServerId, key: Key, live: &mut Live, batch: Batch) -> Next {
        live.next_seq += batch.entries.len();
        live.stored_state = batch.state;
        live.again = false;
        if (live.execution.state().is_terminal() || self.dice.one_in(8))
            && let Some(row) = self.store.rows.get(&key.0).filter(|row| row.epoch == key.1)
        {
            self.ledger.compare(key.0, &self.requests[key.0], &live.execution, row);
        }
        // A run that has been taken over may have ended otherwise before it was read back.
        let has_stopped =
            batch.state == RunState::Cancelled || self.mutation == Some(Mutation::CancelUnchecked);
        let (first, acknowledge) = (batch.first, batch.acknowledge);
        live.phase = Phase::CarryingOut(batch.rest);
        // A caller hears of it if the server lives on; a frozen one answers when it thaws, which is the same.
        self.boundary(id, "after a commit");
        if self.servers.contains_key(&id) {
            if first {
                self.ledger.accepted.insert(key.0);
            }
            if acknowledge && has_stopped {
                self.ledger.stopped.insert(key.0);
            }
        }
        if acknowledge && !has_stopped {
            return Next::Over { unanswered: true };
        }
        Next::Again
    }

    /// Writes to the store, in whatever weather.
    fn append(&mut self, id: ServerId, key: Key, live: &Live, batch: &Batch) -> Answer {
        if batch.entries.is_empty() && batch.state == live.stored_state && !batch.first {
            return Answer::Written;
        }
        if self.trouble(60) {
            self.ledger.count("commit refused");
            self.tell(|| format!("a commit of run {} is refused", key.0));
            return Answer::Unavailable;
        }
        if self.mutation == Some(Mutation::AppendLost) && self.dice.one_in(20) {
            return Answer::Written;
        }
        if batch.first {
            self.store.insert(key.0, id, batch.state);
        }
        let mut first_seq = live.next_seq;
        if self.mutation == Some(Mutation::RetryRenumbered) && batch.tried_before {
            first_seq = self.store.rows.get(&key.0).map_or(1, |row| row.lines.len() + 1);
        }
        if self.mutation == Some(Mutation::CommitTorn) && batch.entries.len() > 1 && self.trouble(4) {
            let (half, _) = batch.entries.split_at(batch.entries.len() / 2);
            let _ = self.write(id, key, first_seq, half, live.stored_state);
            self.servers.remove(&id);
            self.later(1_000, crate::world::Happening::Restart);
            return Answer::Unavailable;
        }
        match self.write(id, key, first_seq, &batch.entries, batch.state) {
            Appended::Written if self.trouble(60) => {
                self.ledger.count("answer of a commit lost");
                self.tell(|| format!("the answer to a commit of run {} is lost", key.0));
                Answer::Unavailable
            }
            Appended::Written => Answer::Written,
            Appended::Fenced => Answer::Fenced,
            // The same commit, done before its answer got lost.
            Appended::Duplicate if batch.tried_before => Answer::Written,
            Appended::Duplicate => {
                self.ledger.fail(format!("run {}: two write line {first_seq}", key.0));
                Answer::Fenced
            }
        }
    }

    fn write(
        &mut self,
        id: ServerId,
        key: Key,
        first_seq: usize,
        entries: &[Entry],
        state: RunState,
    ) -> Appended {
        let lines: Vec<String> = entries.iter().map(|entry| serde_json::to_string(entry).unwrap()).collect();
        let appended = self.store.append(key.0, key.1, first_seq, &lines, state);
        if appended == Appended::Written {
            self.tell(|| {
                let kinds: Vec<String> = entries.iter().map(shown).collect();
                format!("server {id} writes run {} from line {first_seq}: {}", key.0, kinds.join(", "))
            });
            self.ledger.written(key.0, entries);
        }
        appended
    }

    fn carry_out(&mut self, id: ServerId, key: Key, live: &mut Live, command: Command) {
        let now = self.clock(id);
        let until = |at: Timestamp| at.as_millis() - now.as_millis();
        match command {
            Command::SetTimer { path, due } => {
                if self.mutation == Some(Mutation::TimerOverwritten) {
                    live.timers.clear();
                }
                live.timers.insert(path.clone(), due);
                self.signal_later(until(due), id, key, Signal::Timer { path, due });
            }
            Command::SetDeadline(at) => {
                live.deadline = Some(at);
                self.signal_later(until(at), id, key, Signal::Deadline(at));
            }
            Command::CancelAttempt { path, attempt } => {
                let wanted = (path, attempt);
                let found = live.attempts.iter().find(|(_, at_work)| **at_work == wanted);
                if let Some(token) = found.map(|(token, _)| *token) {
                    if let Some((path, _)) = live.attempts.remove(&token) {
                        live.timers.remove(&path);
                    }
                    self.cancel_attempt(token);
                }
            }
            Command::Continue => {
                live.again = true;
                self.signal_later(0, id, key, Signal::Continue);
            }
            Command::Dispatch(dispatch) => {
                let (path, attempt) = (dispatch.path.clone(), dispatch.attempt);
                self.tell(|| format!("server {id} hands out `{path}`, attempt {attempt}, of run {}", key.0));
                let token = self.assign(id, key, dispatch);
                if self.mutation == Some(Mutation::AttemptOverwritten) {
                    live.attempts.clear();
                }
                live.attempts.insert(token, (path, attempt));
            }
            Command::CallSubflow(_) | Command::AwaitSubflow { .. } | Command::CancelSubflow { .. } => {
                unreachable!("no workflow of the simulation calls another")
            }
            Command::Append(_) | Command::SaveFile(_) => {}
        }
    }
}

/// An entry in a word or two, for the story.
fn shown(entry: &Entry) -> String {
    match entry {
        Entry::StepStarted { path, attempt, .. } => format!("{path} starts ({attempt})"),
        Entry::StepFinished(finished) => format!("{} {}", finished.path, finished.state.as_str()),
        Entry::LoopStarted { path, items, .. } => format!("{path} has {} turns", items.len()),
        Entry::BranchesStarted { path, branches, needed, .. } => {
            format!("{path} has {} branches and needs {needed}", branches.len())
        }
        Entry::AttemptFailed { path, attempt, .. } => format!("{path} fails ({attempt})"),
        Entry::AttemptLost { path, attempt, .. } => format!("{path} is lost ({attempt})"),
        Entry::TimerSet { path, .. } => format!("{path} waits"),
        Entry::Finished { state, .. } => format!("finished {}", state.as_str()),
        other => other.kind().to_owned(),
    }
}
