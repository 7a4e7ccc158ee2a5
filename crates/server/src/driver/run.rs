//! One run on its way: a task that feeds the engine events, commits what it decides, and carries it out.

use std::sync::Arc;
use std::time::Duration;

use engine::{Command, EffectResult, Event, Execution, PendingEffect, Refusal, RunState, StepError};
use protocol::AttemptToken;
use store::audit::AuditEntry;
use store::journal::Appended;
use store::runs::{Progress, RunWrite};
use store::step_logs::NewStepLog;
use tokio::sync::{mpsc, oneshot, watch};
use types::Timestamp;

use super::commit::{self, Attempt, Batch, Effect, outcome_of};
use super::control::Signal;
use super::grants::{RunIds, used};
use super::keyed::Gate;
use super::link::{Placed, Report};
use super::recover::{is_repeatable, lost_attempt};
use super::result::effect_result;
use super::seat::Seat;
use super::subflows::Origin;
use super::waits::{Unbegun, Waits};
use super::{Inner, codes};

/// Not the epoch of any owner.
const NO_EPOCH: i64 = 0;

/// A run that this server drives.
pub(super) struct Run {
    pub(super) inner: Arc<Inner>,
    pub(super) ids: RunIds,
    /// What it hands on to the runs that it calls.
    pub(super) origin: Origin,
    pub(super) epoch: i64,
    pub(super) execution: Execution,
    /// The number of the journal's next line.
    pub(super) next_seq: i64,
    /// The state in the run's row.
    pub(super) stored_state: RunState,
    pub(super) signals: mpsc::UnboundedReceiver<Signal>,
    /// Tells those who watch the run how far its journal is.
    pub(super) journaled: watch::Sender<i64>,
    /// Its hold on the server; with a place while something of it is in flight.
    pub(super) seat: Seat,
    /// Tells those who look at the run which of its attempts nobody has begun.
    pub(super) unbegun: Unbegun,
}

/// Something that happened, who waits for it to be durable, and what is written down with it.
type Happened = (Event, Option<oneshot::Sender<Result<(), Refusal>>>, Noted);

/// What is written down beside the journal.
#[derive(Default)]
struct Noted {
    audit: Vec<AuditEntry>,
    log: Option<NewStepLog>,
}

impl Run {
    /// Drives the run to its end, to the loss of its ownership, or to the server's stop.
    pub(super) async fn drive(mut self, effects: Vec<Effect>, commands: Vec<Command>) {
        let (reports, mut reported) = mpsc::unbounded_channel();
        let mut waits = Waits { unbegun: self.unbegun.clone(), ..Waits::default() };
        let mut todo = (effects, commands);
        loop {
            self.carry_out(todo.0, todo.1, &mut waits, &reports).await;
            if self.execution.state().is_terminal() {
                return;
            }
            self.seat.occupy(waits.is_busy());
            let Some((event, acknowledge, noted)) = self.next_event(&mut waits, &mut reported).await else {
                return;
            };
            let now = self.inner.clock.now();
            // A server that is about to stop takes note of what happened and begins nothing more.
            let stopping = self.inner.stopping.is_cancelled();
            let commands =
                if stopping { self.execution.absorb(event, now) } else { self.execution.advance(event, now) };
            let mut batch = Batch::new(&self.inner, self.ids, &self.origin, commands).await;
            batch.audit.extend(noted.audit);
            batch.step_logs.extend(noted.log);
            match self.commit(&mut batch, now).await {
                Ok(Appended::Written) => {}
                Ok(Appended::Fenced) => {
                    tracing::info!(execution.id = %self.ids.execution, "run has another owner now");
                    return;
                }
                Err(error) => return self.give_up(&error).await,
            }
            if let Some(acknowledge) = acknowledge {
                // Who asked may have gone.
                let _ = acknowledge.send(Ok(()));
            }
            // The others in flight get the grace that the server gives, too.
            if stopping && waits.attempts.is_empty() {
                return;
            }
            todo = (batch.effects, batch.rest);
        }
    }

    /// Commits a first batch; what is left to carry out, if the run is still this server's.
    pub(super) async fn begin(&mut self, mut batch: Batch) -> Option<(Vec<Effect>, Vec<Command>)> {
        let now = self.inner.clock.now();
        match self.commit(&mut batch, now).await {
            Ok(Appended::Written) => Some((batch.effects, batch.rest)),
            Ok(Appended::Fenced) => None,
            Err(error) => {
                self.give_up(&error).await;
                None
            }
        }
    }

    /// The same for a run that needs its key: none inside if too many others hold it, and nothing is written.
    pub(super) async fn begin_keyed(
        &mut self,
        mut batch: Batch,
        gate: &Gate,
    ) -> Option<Option<(Vec<Effect>, Vec<Command>)>> {
        let now = self.inner.clock.now();
        let (state, count) = (self.execution.state(), batch.lines.len());
        let write = self.write_of(&mut batch, now);
        match commit::write_keyed(&self.inner, self.ids.execution, write, gate).await {
            Ok(None) => Some(None),
            Ok(Some(appended)) => {
                self.note(appended, state, count);
                (appended == Appended::Written).then_some(Some((batch.effects, batch.rest)))
            }
            Err(error) => {
                self.give_up(&error).await;
                None
            }
        }
    }

    /// Ends with the run as if it had never begun: it is queued still.
    pub(super) fn hand_back(mut self) -> Seat {
        self.inner.remember(self.ids.execution, self.epoch, None);
        // Nothing is to be forgotten: it is this server's still.
        self.epoch = NO_EPOCH;
        let none = Seat::held(&self.inner, self.seat.home());
        std::mem::replace(&mut self.seat, none)
    }

    async fn give_up(&self, error: &store::StoreError) {
        tracing::error!(execution.id = %self.ids.execution, %error, "run cannot be written, giving it up");
        let message = "the run could not be written to the database";
        self.inner.give_up(self.ids.execution, self.epoch, codes::DRIVER_FAILED, message).await;
    }

    async fn commit(&mut self, batch: &mut Batch, now: Timestamp) -> Result<Appended, store::StoreError> {
        let (state, count) = (self.execution.state(), batch.lines.len());
        let write = self.write_of(batch, now);
        let appended = commit::write(&self.inner, self.ids.execution, write).await?;
        self.note(appended, state, count);
        Ok(appended)
    }

    /// What the batch has to say, to be written.
    fn write_of(&self, batch: &mut Batch, now: Timestamp) -> RunWrite {
        let state = self.execution.state();
        let progress = Progress {
            id: self.ids.execution,
            epoch: self.epoch,
            first_seq: self.next_seq,
            lines: std::mem::take(&mut batch.lines),
            was_queued: self.stored_state == RunState::Queued,
            outcome: (state != self.stored_state).then(|| outcome_of(&self.execution)),
            now,
        };
        let audit = std::mem::take(&mut batch.audit);
        let (begins, unwanted) = (std::mem::take(&mut batch.called), std::mem::take(&mut batch.unwanted));
        let unwanted = unwanted.into_iter().map(|run| (run, now)).collect();
        let files = std::mem::take(&mut batch.files);
        let step_logs = std::mem::take(&mut batch.step_logs);
        RunWrite {
            progress: Some(progress),
            begins,
            unwanted,
            files,
            step_logs,
            audit,
            ..RunWrite::default()
        }
    }

    /// So many lines are written, and the state.
    fn note(&mut self, appended: Appended, state: RunState, lines: usize) {
        self.next_seq += i64::try_from(lines).unwrap_or(i64::MAX);
        self.stored_state = state;
        if appended == Appended::Written {
            self.journaled.send_replace(self.next_seq - 1);
        }
    }

    async fn carry_out(
        &mut self,
        effects: Vec<Effect>,
        commands: Vec<Command>,
        waits: &mut Waits,
        reports: &mpsc::UnboundedSender<Report>,
    ) {
        waits.again = false;
        for command in commands {
            match command {
                Command::SetTimer { path, due } => drop(waits.timers.insert(path, due)),
                Command::SetDeadline(deadline) => waits.deadline = Some(deadline),
                Command::CancelAttempt { path, attempt } => {
                    if let Some(token) = waits.take_cancelled(&path, attempt) {
                        self.inner.links.cancel(token);
                    }
                }
                Command::AwaitSubflow { path, attempt } => self.await_call(path, attempt, reports),
                Command::CancelSubflow { path, attempt } => self.stop_called(&path, attempt),
                Command::Continue => waits.again = true,
                // They were taken out of the batch.
                Command::Append(_)
                | Command::SaveFile(_)
                | Command::Dispatch(_)
                | Command::CallSubflow(_) => {}
            }
        }
        for effect in effects {
            let Attempt { dispatch, assignment } = match effect {
                Effect::Attempt(attempt) => *attempt,
                Effect::Call(call) => {
                    self.carry_out_call(*call, reports);
                    continue;
                }
                Effect::Table(action) => {
                    action.begin(&self.inner, waits, reports.clone());
                    continue;
                }
            };
            let failure = match assignment {
                Ok((target, assignment)) => {
                    let token = assignment.token.clone();
                    waits.add_attempt(&token, &dispatch.path, dispatch.attempt);
                    match self.inner.links.assign(&target, assignment, reports.clone()) {
                        Placed::InHand => continue,
                        Placed::NoRunner => {
                            tracing::info!(
                                execution.id = %self.ids.execution, step = dispatch.path, group = %target.name,
                                "step waits: no runner of its group is connected"
                            );
                            self.await_runner(token, waits);
                            continue;
                        }
                        Placed::Gone => {}
                    }
                    waits.take_attempt(&token);
                    StepError::new(codes::RUNNER_LOST, "no runner takes the step")
                }
                Err(error) => error,
            };
            waits.failed.push_back(Event::EffectFinished {
                path: dispatch.path,
                attempt: dispatch.attempt,
                result: EffectResult::Failed { error: failure, output: expr::Value::Nil },
            });
        }
    }

    /// The next thing that happens; none when the server stops.
    async fn next_event(
        &mut self,
        waits: &mut Waits,
        reported: &mut mpsc::UnboundedReceiver<Report>,
    ) -> Option<Happened> {
        if let Some(event) = waits.failed.pop_front() {
            return Some((event, None, Noted::default()));
        }
        let stopping = self.inner.stopping.clone();
        let in_flight = waits.is_in_flight();
        if waits.again && !(in_flight && stopping.is_cancelled()) {
            // Others have waited while this run took its steps.
            tokio::task::yield_now().await;
            return self.next_of_a_busy_run(waits, reported);
        }
        loop {
            let next_due = [waits.next_timer(), waits.deadline].into_iter().flatten().min();
            let pause = next_due.map(|due| due.since(self.inner.clock.now()));
            tokio::select! {
                Some(report) = reported.recv() => {
                    if let Some(happened) = self.take_report(report, waits) {
                        return Some(happened);
                    }
                }
                Some(signal) = self.signals.recv() => {
                    if let Some(happened) = self.take_signal(signal) {
                        return Some(happened);
                    }
                }
                // A server that is about to stop begins nothing, and what was due goes on later.
                () = sleep_for(pause), if pause.is_some() && !stopping.is_cancelled() => {
                    let now = self.inner.clock.now();
                    if waits.deadline.is_some_and(|deadline| deadline <= now) {
                        waits.deadline = None;
                        return Some((Event::DeadlineReached, None, Noted::default()));
                    }
                    if let Some(path) = waits.take_timer(now) {
                        return Some((self.time_is_over(path, waits), None, Noted::default()));
                    }
                }
                // What is in flight gets the grace that the server gives; what merely waits goes on later.
                () = stopping.cancelled(), if !in_flight => return self.take_back(waits),
            }
        }
    }

    /// No runner has the attempt: it has as long to find one as it may take then.
    fn await_runner(&self, token: AttemptToken, waits: &mut Waits) {
        let Some((path, _)) = waits.attempts.get(&token) else { return };
        if let Some(due) = self.execution.attempt_due(path, self.inner.clock.now()) {
            waits.timers.insert(path.clone(), due);
        }
        waits.unplaced.insert(token);
    }

    /// An attempt that no runner has is taken back when the server stops: it has not begun, and nobody need wonder.
    fn take_back(&self, waits: &mut Waits) -> Option<Happened> {
        let token = waits.unplaced.iter().next()?.clone();
        let (path, attempt) = waits.take_attempt(&token)?;
        // One that has been handed out at this very moment is lost with this server.
        self.inner
            .links
            .withdraw(&token)
            .then(|| (Event::AttemptLost { path, attempt, repeatable: true }, None, Noted::default()))
    }

    /// A wait has ended, or the time of an attempt whose runner says nothing.
    fn time_is_over(&self, path: String, waits: &mut Waits) -> Event {
        let waiting =
            waits.unplaced.iter().find(|token| waits.attempts.get(*token).is_some_and(|of| of.0 == path));
        if let Some(token) = waiting.cloned()
            && self.inner.links.withdraw(&token)
            && let Some((path, attempt)) = waits.take_attempt(&token)
        {
            let message = "no runner of the step's group was connected in its time; the step has not begun";
            let error = StepError::new(codes::RUNNER_UNAVAILABLE, message);
            let result = EffectResult::Failed { error, output: expr::Value::Nil };
            return Event::EffectFinished { path, attempt, result };
        }
        let in_flight = waits.attempts.values().any(|(of, _)| *of == path);
        let pending = self.execution.pending_effects().find(|pending| pending.path == path);
        match pending.filter(|_| in_flight) {
            Some(PendingEffect { attempt, action, inputs, .. }) => {
                let repeatable = is_repeatable(&self.inner, action, inputs);
                Event::AttemptOverdue { path, attempt: *attempt, repeatable }
            }
            None => Event::TimerFired { path },
        }
    }

    /// A run with steps to take still listens between them.
    fn next_of_a_busy_run(
        &mut self,
        waits: &mut Waits,
        reported: &mut mpsc::UnboundedReceiver<Report>,
    ) -> Option<Happened> {
        if let Some(happened) = self.signals.try_recv().ok().and_then(|signal| self.take_signal(signal)) {
            return Some(happened);
        }
        if self.inner.stopping.is_cancelled() {
            return None;
        }
        let now = self.inner.clock.now();
        if waits.deadline.take_if(|deadline| *deadline <= now).is_some() {
            return Some((Event::DeadlineReached, None, Noted::default()));
        }
        // What others of its strands wait for.
        while let Ok(report) = reported.try_recv() {
            if let Some(happened) = self.take_report(report, waits) {
                return Some(happened);
            }
        }
        Some((Event::Continue, None, Noted::default()))
    }

    /// What somebody asks for, unless the run does not stand so that it could be done.
    fn take_signal(&self, Signal { asked, done }: Signal) -> Option<Happened> {
        let refusal = match &asked.event {
            Event::Decided(control) => self.execution.refusal(control),
            _ => None,
        };
        match refusal {
            Some(refusal) => {
                // Who asked may have gone.
                let _ = done.send(Err(refusal));
                None
            }
            None => Some((asked.event, Some(done), Noted { audit: asked.audit, log: None })),
        }
    }

    fn take_report(&mut self, report: Report, waits: &mut Waits) -> Option<Happened> {
        let report = match report {
            Report::NoRunner(token) => {
                self.await_runner(token, waits);
                self.seat.occupy(waits.is_busy());
                return None;
            }
            Report::HandedOut(token) => {
                if waits.unplaced.remove(&token)
                    && let Some((path, _)) = waits.attempts.get(&token)
                {
                    // Until it begins it waits for its turn.
                    waits.timers.remove(path);
                }
                self.seat.occupy(waits.is_busy());
                return None;
            }
            Report::Began(token) => {
                // From now on its time runs; until then it waited for its turn.
                let (path, _) = waits.attempts.get(&token)?;
                waits.unbegun.remove(path);
                let due = self.execution.attempt_due(path, self.inner.clock.now())?;
                waits.timers.insert(path.clone(), due);
                return None;
            }
            Report::Ended(report) => report,
            Report::Called(event) => return Some((event, None, Noted::default())),
            Report::Done(token, result) => {
                let (path, attempt) = waits.take_attempt(&token)?;
                return Some((Event::EffectFinished { path, attempt, result }, None, Noted::default()));
            }
            Report::Lost(token) => {
                let (path, _) = waits.take_attempt(&token)?;
                let pending = self.execution.pending_effects().find(|pending| pending.path == path)?;
                // Whether it may be tried again is decided as after a crash.
                return Some((lost_attempt(&self.inner, pending), None, Noted::default()));
            }
            Report::NotBegun(token) => {
                let (path, attempt) = waits.take_attempt(&token)?;
                // Nothing has happened, so whatever it is may be tried again: by whoever owns the run now, which
                // the commit of the next attempt finds out.
                return Some((
                    Event::AttemptLost { path, attempt, repeatable: true },
                    None,
                    Noted::default(),
                ));
            }
        };
        let (path, attempt) = waits.take_attempt(&report.token)?;
        let audit = report.secret_uses.iter().map(|secret| used(self.ids, &path, attempt, secret)).collect();
        let now = self.inner.clock.now();
        let log = report.said.map(|said| said.into_log(self.ids, &path, attempt, now));
        let result = effect_result(report.outcome);
        Some((Event::EffectFinished { path, attempt, result }, None, Noted { audit, log }))
    }
}

async fn sleep_for(pause: Option<Duration>) {
    // A millisecond more: the timer's own resolution must not wake the run before its time.
    tokio::time::sleep(pause.unwrap_or_default() + Duration::from_millis(1)).await;
}

impl Drop for Run {
    fn drop(&mut self) {
        self.inner.forget(self.ids.execution, self.epoch);
    }
}
