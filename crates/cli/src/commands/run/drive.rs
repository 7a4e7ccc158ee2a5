//! The shell around the engine for one run in this process: carries its commands out and feeds it what
//! happens. Takes no decision on how the workflow proceeds.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use actions::Catalog;
use engine::{
    Command, Dispatch, EffectResult, Entry, Event, Execution, PendingEffect, RunState, Start, StepError,
    SubflowCall,
};
use expr::Value;
use protocol::{Assignment, AttemptToken, NetworkPolicy, PROTOCOL_VERSION, ToRunner, ToServer};
use runner::RunnerLink;
use types::{Clock as _, ExecutionId, Rng as _, SystemClock, SystemRng, Timestamp};
use workflow::Plan;

use super::locks::Locks;
use super::report::Report;
use super::stored::Stored;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::signals::StopSignals;

/// Milliseconds between the runner's heartbeats; nobody listens to them here.
const HEARTBEAT_MS: u64 = 60_000;

/// One run and what it works with.
pub(super) struct Local {
    id: ExecutionId,
    link: RunnerLink,
    stored: Option<Stored>,
    locks: Locks,
    network: NetworkPolicy,
    catalog: Catalog,
    /// What the runner works on.
    attempts: HashMap<AttemptToken, Dispatch>,
    /// Path -> when its wait, or its attempt's time, is over.
    timers: HashMap<String, Timestamp>,
    deadline: Option<Timestamp>,
    stop: StopSignals,
    /// What is to be told to the engine before anything else is waited for.
    next: VecDeque<Event>,
}

impl Local {
    pub(super) fn new(
        id: ExecutionId,
        link: RunnerLink,
        stored: Option<Stored>,
        locks: Locks,
        network: NetworkPolicy,
        stop: StopSignals,
    ) -> Self {
        let (attempts, timers, next) = (HashMap::new(), HashMap::new(), VecDeque::new());
        let catalog = Catalog::builtin();
        Self { id, link, stored, locks, network, catalog, attempts, timers, deadline: None, stop, next }
    }

    /// Takes the run to its end, or to where it is paused.
    pub(super) async fn drive(
        mut self,
        plan: Arc<Plan>,
        start: Start,
        report: &mut Report<'_>,
    ) -> Outcome<Execution> {
        let (mut execution, mut commands) = Execution::start(plan, start, SystemClock.now());
        self.next.push_back(Event::Continue);
        loop {
            for command in commands {
                self.carry_out(command, report).await;
            }
            if execution.state().is_terminal() || execution.state() == RunState::Paused {
                return Ok(execution);
            }
            let event = self.next_event(&execution, report).await?;
            commands = execution.advance(event, SystemClock.now());
        }
    }

    async fn carry_out(&mut self, command: Command, report: &mut Report<'_>) {
        match command {
            Command::Append(entry) => {
                if let Entry::StepFinished(step) = entry {
                    report.step(&step);
                }
            }
            Command::Dispatch(dispatch) => self.dispatch(dispatch).await,
            // Refused before the run begins: there are no other workflows here.
            Command::CallSubflow(SubflowCall { path, attempt, workflow, .. }) => {
                let error = StepError::new("subflow_not_found", format!("there is no workflow `{workflow}`"));
                let result = EffectResult::Failed { error, output: Value::Nil };
                self.next.push_back(Event::EffectFinished { path, attempt, result });
            }
            // A local run keeps nothing: its output says what the file would be.
            Command::AwaitSubflow { .. } | Command::CancelSubflow { .. } | Command::SaveFile(_) => {}
            Command::SetTimer { path, due } => drop(self.timers.insert(path, due)),
            Command::SetDeadline(deadline) => self.deadline = Some(deadline),
            Command::CancelAttempt { path, attempt } => {
                let is_it = |dispatch: &Dispatch| dispatch.path == path && dispatch.attempt == attempt;
                let found = self.attempts.iter().find(|(_, dispatch)| is_it(dispatch));
                if let Some(token) = found.map(|(token, _)| token.clone()) {
                    self.attempts.remove(&token);
                    self.timers.remove(&path);
                    // A runner that is gone has nothing to stop.
                    let _ = self.link.to_runner.send(ToRunner::Cancel { token });
                }
            }
            Command::Continue => self.next.push_back(Event::Continue),
        }
    }

    async fn dispatch(&mut self, dispatch: Dispatch) {
        let token = AttemptToken::new(random_token());
        let mut connections = Vec::with_capacity(dispatch.connections.len());
        for (kind, name) in &dispatch.connections {
            let granted = match &self.stored {
                Some(stored) => {
                    stored.grant(&self.link.session, &token, self.id, &dispatch, kind, name).await
                }
                None => {
                    Err(StepError::new("connection_not_found", format!("there is no connection `{name}`")))
                }
            };
            match granted {
                Ok(grant) => connections.push(grant),
                Err(error) => return self.fail(dispatch, error),
            }
        }
        let packages = match self.locks.of(dispatch.packages.as_ref()).await {
            Ok(packages) => packages,
            Err(error) => return self.fail(dispatch, error),
        };
        let assignment = Box::new(Assignment {
            token: token.clone(),
            execution_id: self.id,
            step_id: dispatch.step.clone(),
            path: dispatch.path.clone(),
            attempt: dispatch.attempt,
            action: dispatch.action.clone(),
            inputs: dispatch.inputs.to_json(),
            context: dispatch.context.as_ref().map(Value::render),
            packages,
            connections,
            timeout_ms: dispatch.timeout_ms,
            idempotency_key: format!("{}/{}", self.id, dispatch.path),
            include_full_response: dispatch.full_response,
            network: self.network.clone(),
            lease_term: self.link.lease.term(),
        });
        if self.link.to_runner.send(ToRunner::Assign { assignment }).is_err() {
            return self.fail(dispatch, StepError::new("runner_lost", "the runner has stopped"));
        }
        self.attempts.insert(token, dispatch);
    }

    fn fail(&mut self, dispatch: Dispatch, error: StepError) {
        let result = EffectResult::Failed { error, output: Value::Nil };
        let (path, attempt) = (dispatch.path, dispatch.attempt);
        self.next.push_back(Event::EffectFinished { path, attempt, result });
    }

    async fn next_event(&mut self, execution: &Execution, report: &mut Report<'_>) -> Outcome<Event> {
        if let Some(event) = self.next.pop_front() {
            return Ok(event);
        }
        loop {
            let timer_due = self.timers.values().min().copied();
            let due = [timer_due, self.deadline].into_iter().flatten().min();
            tokio::select! {
                message = self.link.from_runner.recv() => {
                    let stopped = || Failure::new(Exit::Failed, "the runner has stopped");
                    let message = message.ok_or_else(stopped)?;
                    if let Some(event) = self.take_message(message, execution, report).await {
                        return Ok(event);
                    }
                }
                () = sleep_until(due) => {
                    if let Some(event) = self.take_time(SystemClock.now(), execution) {
                        return Ok(event);
                    }
                }
                () = self.stop.received() => {
                    return Ok(Event::CancelRequested { reason: "interrupted at the terminal".to_owned() });
                }
            }
        }
    }

    fn take_time(&mut self, now: Timestamp, execution: &Execution) -> Option<Event> {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.deadline = None;
            return Some(Event::DeadlineReached);
        }
        let due = self.timers.iter().filter(|(_, due)| **due <= now).min_by_key(|(_, due)| **due);
        let path = due.map(|(path, _)| path.clone())?;
        self.timers.remove(&path);
        let in_flight = self.attempts.values().any(|dispatch| dispatch.path == path);
        let pending = execution.pending_effects().find(|pending| pending.path == path);
        Some(match pending.filter(|_| in_flight) {
            Some(PendingEffect { attempt, action, inputs, .. }) => {
                let inputs = inputs.to_json();
                let inputs = inputs.as_object().cloned().unwrap_or_default();
                let repeatable = self.catalog.is_idempotent(action, &inputs);
                Event::AttemptOverdue { path, attempt: *attempt, repeatable }
            }
            None => Event::TimerFired { path },
        })
    }

    async fn take_message(
        &mut self,
        message: ToServer,
        execution: &Execution,
        report: &mut Report<'_>,
    ) -> Option<Event> {
        match message {
            ToServer::Hello { .. } => {
                let welcome = ToRunner::Welcome { version: PROTOCOL_VERSION, heartbeat_ms: HEARTBEAT_MS };
                // If it is gone, the next message says so.
                let _ = self.link.to_runner.send(welcome);
                None
            }
            ToServer::Log { line, .. } => {
                report.log(&line);
                None
            }
            ToServer::Started { token, .. } => {
                let path = &self.attempts.get(&token)?.path;
                let due = execution.attempt_due(path, SystemClock.now())?;
                self.timers.insert(path.clone(), due);
                None
            }
            // There is no other server that a lease could be lost to.
            ToServer::Heartbeat { .. }
            | ToServer::NotBegun { .. }
            | ToServer::Draining
            | ToServer::Goodbye => None,
            ToServer::Finished { token, outcome, secret_uses } => {
                let dispatch = self.attempts.remove(&token)?;
                self.timers.remove(&dispatch.path);
                if let Some(stored) = &self.stored {
                    stored.record_uses(self.id, &dispatch, &secret_uses).await;
                }
                let (path, attempt) = (dispatch.path, dispatch.attempt);
                Some(Event::EffectFinished { path, attempt, result: server::effect_result(outcome) })
            }
        }
    }
}

async fn sleep_until(due: Option<Timestamp>) {
    match due {
        // A millisecond more: the timer's own resolution must not wake the run before its time.
        Some(due) => tokio::time::sleep(due.since(SystemClock.now()) + Duration::from_millis(1)).await,
        None => std::future::pending().await,
    }
}

fn random_token() -> String {
    let mut bytes = [0; 16];
    SystemRng.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
