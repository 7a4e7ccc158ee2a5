//! How a simulated server drives one run: event, decision, commit, and only then the commands. Follows
//! `server/src/driver/{run,commit}.rs`, with a boundary at every place where a server may crash or freeze.

use std::collections::{BTreeMap, VecDeque};

use engine::{Command, Control, Decision, Dispatch, Event, Execution, RunState, SaveFile};
use types::Timestamp;

use crate::calls::Child;
use crate::commit::{Answer, Batch, resolved_path};
use crate::mutation::Mutation;
use crate::runner::Token;
use crate::server::{Inbox, Key, Signal};
use crate::store::{RunId, ServerId};
use crate::world::{Happening, World};

/// Where the driver of a run stands.
pub(crate) enum Phase {
    Idle,
    Committing(Batch),
    /// The database did not answer; it is asked again.
    Refused(Batch),
    /// The database did not say whether it accepted the run.
    Unsettled(Batch),
    CarryingOut(Todo),
}

/// What is to be carried out once it is durable.
#[derive(Default)]
pub(crate) struct Todo {
    commands: VecDeque<Command>,
    calls: Vec<Child>,
    files: Vec<SaveFile>,
}

/// A run in the memory of a server.
pub(crate) struct Live {
    pub(crate) execution: Execution,
    pub(crate) next_seq: usize,
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
                live.phase = Phase::CarryingOut(Todo::of(batch));
                Next::Again
            }
            waits @ (Phase::Refused(_) | Phase::Unsettled(_)) => {
                live.phase = waits;
                Next::Rest
            }
            Phase::CarryingOut(mut todo) => {
                if self.mutation == Some(Mutation::FileApart) {
                    self.save_files(key.0, std::mem::take(&mut todo.files));
                }
                let Some(command) = todo.commands.pop_front() else { return self.carried_out(id, live) };
                self.carry_out(id, key, live, command, &mut todo.calls);
                live.phase = Phase::CarryingOut(todo);
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
        let again = self.dispatched_again(live, &event);
        let execution = &mut live.execution;
        let mut commands =
            if stopping { execution.absorb(event, now) } else { execution.advance(event, now) };
        commands.extend(again);
        let batch = self.batch(id, run, commands, &live.execution);
        let batch = Batch { acknowledge, ..batch };
        if let (Some((path, attempt)), Some(entry)) = (reported, batch.entries.first()) {
            self.ledger.decided(run, &path, attempt, entry);
        }
        live.phase = Phase::Committing(batch);
    }

    fn commit(&mut self, id: ServerId, key: Key, live: &mut Live, mut batch: Batch) -> Next {
        if self.mutation == Some(Mutation::CommandsBeforeCommit) && !batch.first {
            for command in std::mem::take(&mut batch.rest) {
                self.carry_out(id, key, live, command, &mut Vec::new());
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
        let decided: Vec<String> = batch.own().iter().filter_map(resolved_path).collect();
        live.phase = Phase::CarryingOut(Todo::of(batch));
        if live.execution.state() == RunState::Paused
            && live.execution.pending_effects().any(|pending| pending.in_doubt)
        {
            self.stands_in_doubt(key.0);
        }
        // A caller hears of it if the server lives on; a frozen one answers when it thaws, which is the same.
        self.boundary(id, "after a commit");
        if self.servers.contains_key(&id) {
            if first {
                self.ledger.accepted.insert(key.0);
            }
            if acknowledge && has_stopped {
                self.ledger.stopped.insert(key.0);
            }
            let told = decided.into_iter().map(|path| (key.0, path));
            self.ledger.told_resolved.extend(told);
        }
        if acknowledge && !has_stopped {
            return Next::Over { unanswered: true };
        }
        Next::Again
    }

    /// An attempt that somebody has decided on, handed out all the same: a fault made on purpose.
    fn dispatched_again(&self, live: &Live, event: &Event) -> Option<Command> {
        let Event::Decided(Control::Resolve { step, decision: Decision::Done { .. }, .. }) = event else {
            return None;
        };
        if self.mutation != Some(Mutation::ResolvedRepeated) {
            return None;
        }
        let pending =
            live.execution.pending_effects().find(|pending| Some(&pending.path) == step.as_ref())?;
        Some(Command::Dispatch(Dispatch {
            step: String::new(),
            path: pending.path.clone(),
            attempt: pending.attempt,
            action: pending.action.clone(),
            inputs: pending.inputs.clone(),
            context: None,
            packages: None,
            connections: BTreeMap::new(),
            timeout_ms: 0,
            full_response: false,
            runner_group: None,
            workflow_runner_group: None,
            replacements: 0,
        }))
    }

    fn carry_out(
        &mut self,
        id: ServerId,
        key: Key,
        live: &mut Live,
        command: Command,
        calls: &mut Vec<Child>,
    ) {
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
            Command::CallSubflow(call) => {
                let is_it = |child: &Child| child.path == call.path && child.attempt == call.attempt;
                let child = calls.iter().position(is_it).map(|place| calls.swap_remove(place));
                self.carry_out_call(id, key, &call, child);
            }
            Command::AwaitSubflow { path, attempt } => self.await_call(id, key, path, attempt),
            Command::CancelSubflow { path, attempt } => {
                self.ledger.count("call given up");
                if let Some(child) = self.child(key.0, &path, attempt) {
                    let pause = self.dice.between(0, 100);
                    self.later(pause, Happening::Cancel(child));
                }
            }
            Command::Append(_) | Command::SaveFile(_) => {}
        }
    }
}

impl Todo {
    fn of(batch: Batch) -> Self {
        Self { commands: batch.rest, calls: batch.calls, files: batch.files }
    }
}
