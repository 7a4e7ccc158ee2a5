//! Runs that steps call, as simulated servers have them: accepted in the commit of their caller, driven as any, waited for
//! or not, stopped when nobody wants them any more. Follows `server/src/driver/{subflows,waiting}.rs`.

use std::sync::Arc;

use engine::{Command, EffectResult, Entry, Event, Execution, RunState, StepError, SubflowCall};
use expr::Value;
use serde_json::json;

use crate::commit::Batch;
use crate::driver::Live;
use crate::mutation::Mutation;
use crate::requests::Request;
use crate::server::{Key, Signal};
use crate::store::{RunId, ServerId};
use crate::world::{Happening, World};

/// Milliseconds that the one who drives an unwanted run has to stop it, before any server does.
const STOP_GRACE: i64 = 5_000;

/// A run that is accepted with its caller's commit.
pub(crate) struct Child {
    pub(crate) run: RunId,
    pub(crate) path: String,
    pub(crate) attempt: u32,
    /// Its caller waits for it: it has begun, and not taken a step.
    pub(crate) begun: Option<Execution>,
    pub(crate) entries: Vec<Entry>,
}

impl Child {
    pub(crate) fn state(&self) -> RunState {
        self.begun.as_ref().map_or(RunState::Queued, Execution::state)
    }
}

/// The answer to a step that does not wait: the run is on its way.
pub(crate) fn accepted(name: &str) -> EffectResult {
    EffectResult::Succeeded(Value::from(json!({"execution_id": name})))
}

/// There is no such workflow.
pub(crate) fn not_found() -> EffectResult {
    let error = StepError::new("subflow_not_found", "the workspace has no such workflow");
    EffectResult::Failed { error, output: Value::Nil }
}

/// What the end of a run is to the step that called it.
pub(crate) fn end_of(execution: &Execution) -> EffectResult {
    let state = execution.state();
    if state == RunState::Completed {
        return EffectResult::Succeeded(Value::Map(Arc::new(execution.outputs().clone())));
    }
    let code = if state == RunState::Cancelled { "subflow_cancelled" } else { "subflow_failed" };
    let why = execution.error().map(|error| format!("{}: {}", error.code, error.message));
    let error = StepError::new(code, format!("the run is {}: {}", state.as_str(), why.unwrap_or_default()));
    EffectResult::Failed { error, output: Value::from(json!({"state": state.as_str()})) }
}

impl World {
    /// The run that an attempt of a step calls.
    pub(crate) fn child(&self, caller: RunId, path: &str, attempt: u32) -> Option<RunId> {
        self.called.get(&(caller, path.to_owned(), attempt)).copied()
    }

    /// Prepares the run that a step calls; none if there is no such workflow.
    pub(crate) fn prepare_call(&mut self, id: ServerId, caller: RunId, call: &SubflowCall) -> Option<Child> {
        let place = self.callees.iter().position(|callee| callee.workflow == call.workflow)?;
        let request = Request::called(&self.callees[place], &self.requests[caller], &call.path, &call.inputs);
        let request = Request { parent: Some(caller), ..request };
        let run = match self.child(caller, &call.path, call.attempt) {
            // Prepared before, for a commit that was not done.
            Some(run) => {
                self.requests[run] = request;
                run
            }
            None => {
                self.requests.push(request);
                let run = self.requests.len() - 1;
                self.called.insert((caller, call.path.clone(), call.attempt), run);
                run
            }
        };
        let (path, attempt) = (call.path.clone(), call.attempt);
        if call.options.is_async {
            return Some(Child { run, path, attempt, begun: None, entries: Vec::new() });
        }
        let request = &self.requests[run];
        let (execution, commands) =
            Execution::start(Arc::clone(&request.plan), request.start.clone(), self.clock(id));
        let entries = commands.into_iter().filter_map(|command| match command {
            Command::Append(entry) => Some(entry),
            _ => None,
        });
        Some(Child { run, path, attempt, entries: entries.collect(), begun: Some(execution) })
    }

    /// Writes a called run, in the commit that accepts it.
    pub(crate) fn accept_child(&mut self, id: ServerId, caller: RunId, child: &Child) {
        self.ledger.called(caller, &child.path, child.attempt);
        if child.begun.is_none() {
            self.ledger.asynchronous.insert(child.run);
        }
        self.store.insert(child.run, id, child.state());
        self.ledger.count(if child.begun.is_some() { "call" } else { "call without waiting" });
        let (run, path) = (child.run, &child.path);
        self.tell(|| format!("run {run} is called by `{path}` of run {caller}"));
        let lines: Vec<String> =
            child.entries.iter().map(|entry| serde_json::to_string(entry).unwrap()).collect();
        let _ = self.store.append(run, 1, 1, &lines, child.state());
        self.ledger.written(run, &child.entries);
    }

    /// Sets a called run going, or answers that there is none.
    pub(crate) fn carry_out_call(
        &mut self,
        id: ServerId,
        key: Key,
        call: &SubflowCall,
        child: Option<Child>,
    ) {
        let (path, attempt) = (call.path.clone(), call.attempt);
        let answer = |result| Signal::Answer { path, attempt, result };
        let Some(child) = child else { return self.signal_later(1, id, key, answer(not_found())) };
        if self.mutation == Some(Mutation::CallApart) {
            self.accept_child(id, key.0, &child);
        }
        let name = self.requests[child.run].name.clone();
        let called = (child.run, 1);
        match child.begun {
            Some(execution) => {
                let pause = self.dice.between(0, 20);
                self.later(
                    pause,
                    Happening::SetGoing { server: id, key: called, execution: Box::new(execution) },
                );
                if self.mutation == Some(Mutation::CallNotAwaited) {
                    self.signal_later(1, id, key, answer(accepted(&name)));
                }
            }
            None => {
                let pause = self.dice.between(0, 3_000);
                self.later(pause, Happening::Begin { server: id, key: called });
                self.signal_later(1, id, key, answer(accepted(&name)));
            }
        }
    }

    /// Drives a run whose first line is written.
    pub(crate) fn set_going(&mut self, id: ServerId, key: Key, execution: Execution) {
        if self.park(id, || Happening::SetGoing { server: id, key, execution: Box::new(execution.clone()) }) {
            return;
        }
        let batch = Batch::of_commands(execution.outstanding(), &execution);
        self.drive(id, key, Live::new(execution, 2, batch));
    }

    /// Begins a run that has waited for its turn, or ends it, unless it is another server's by now.
    pub(crate) fn begin_queued(&mut self, id: ServerId, key: Key, cancel: Option<&'static str>) {
        if self.park(id, || Happening::Begin { server: id, key }) {
            return;
        }
        let waits = |row: &&crate::store::Row| row.state == RunState::Queued && row.epoch == key.1;
        let there = self.servers.get(&id).is_some_and(|server| !server.stopping || cancel.is_some());
        if self.store.rows.get(&key.0).filter(waits).is_none() || !there {
            return;
        }
        let now = self.clock(id);
        let request = &self.requests[key.0];
        let (mut execution, mut commands) =
            Execution::start(Arc::clone(&request.plan), request.start.clone(), now);
        commands.extend(match cancel {
            Some(reason) => execution.absorb(Event::CancelRequested { reason: reason.to_owned() }, now),
            None => execution.advance(Event::Continue, now),
        });
        let mut batch = self.batch(id, key.0, commands, &execution);
        batch.acknowledge = cancel.is_some();
        let mut live = Live::new(execution, 1, batch);
        live.stored_state = RunState::Queued;
        self.drive(id, key, live);
    }

    /// Looks how far the run is that a step waits for.
    pub(crate) fn look(&mut self, key: Key, live: &Live, path: String, attempt: u32) -> Option<Event> {
        let pending = live.execution.pending_effects().find(|it| it.path == path && it.attempt == attempt)?;
        let is_async = pending.subflow.as_ref()?.is_async;
        let Some(child) = self.child(key.0, &path, attempt) else {
            // It was refused, and the answer is lost.
            return Some(Event::AttemptLost { path, attempt, repeatable: true });
        };
        let Some(row) = self.store.rows.get(&child) else {
            self.ledger.fail(format!("run {}: `{path}` has called a run that is not there", key.0));
            return None;
        };
        let result = if is_async {
            accepted(&self.requests[child].name)
        } else if row.state.is_terminal() {
            end_of(&Execution::restore(Arc::clone(&self.requests[child].plan), &row.journal()).ok()?)
        } else {
            return None;
        };
        Some(Event::EffectFinished { path, attempt, result })
    }

    /// Sees to the calls of a run that is read back: what was called is waited for again.
    pub(crate) fn await_call(&mut self, id: ServerId, key: Key, path: String, attempt: u32) {
        self.ledger.count("call waited for again");
        if self.mutation == Some(Mutation::CallAgain)
            && let Some(child) = self.child(key.0, &path, attempt)
        {
            let request = Request { name: "again".to_owned(), ..self.requests[child].again() };
            self.requests.push(request);
            let run = self.requests.len() - 1;
            self.called.insert((key.0, path.clone(), attempt), run);
            self.accept_child(id, key.0, &Child { run, path, attempt, begun: None, entries: Vec::new() });
            return self.later(1, Happening::Begin { server: id, key: (run, 1) });
        }
        let pause = self.dice.between(0, 500);
        self.signal_later(pause, id, key, Signal::Look { path, attempt });
    }

    /// A run has ended: whoever waits for it looks.
    pub(crate) fn tell_caller(&mut self, run: RunId) {
        let Some((caller, path, attempt)) =
            self.called.iter().find(|(_, child)| **child == run).map(|(key, _)| key.clone())
        else {
            return;
        };
        for (id, key) in self.drivers_of(caller) {
            let pause = self.dice.between(0, 500);
            self.signal_later(pause, id, key, Signal::Look { path: path.clone(), attempt });
        }
    }

    /// Stops runs that nobody wants, and whose drivers have not done so.
    pub(crate) fn stop_unwanted(&mut self) {
        let due = self.now - STOP_GRACE;
        let unwanted: Vec<RunId> =
            self.store.unwanted.iter().filter(|(_, since)| **since <= due).map(|(run, _)| *run).collect();
        for run in unwanted {
            match self.store.rows.get(&run) {
                Some(row) if !row.state.is_terminal() => {
                    self.ledger.count("unwanted run stopped late");
                    self.later(1, Happening::Cancel(run));
                }
                _ => drop(self.store.unwanted.remove(&run)),
            }
        }
    }
}
