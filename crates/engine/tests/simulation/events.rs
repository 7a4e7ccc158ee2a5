//! From what reaches a simulated server to what its engine is told: timers that go off early, reports that nobody
//! awaits, attempts that nobody works on any more.

use engine::{EffectResult, Event, RunState};

use crate::driver::Live;
use crate::mutation::Mutation;
use crate::requests::is_repeatable;
use crate::runner::{Report, Token};
use crate::server::{Key, Signal};
use crate::store::ServerId;
use crate::world::World;

impl World {
    /// The event that the signal amounts to, if it still means anything.
    pub(crate) fn event_of(
        &mut self,
        id: ServerId,
        key: Key,
        live: &mut Live,
        signal: Signal,
    ) -> Option<Event> {
        let now = self.clock(id);
        match signal {
            Signal::Continue => std::mem::take(&mut live.again).then_some(Event::Continue),
            Signal::Decided(control) => {
                live.execution.refusal(&control).is_none().then_some(Event::Decided(control))
            }
            Signal::Cancel => Some(Event::CancelRequested { reason: "somebody asked".to_owned() }),
            Signal::Timer { path, due } => {
                live.timers.get(&path).filter(|set| **set == due)?;
                // Now and then it goes off early: the engine minds the time itself.
                if now < due && !self.dice.one_in(4) {
                    let pause = due.as_millis() - now.as_millis();
                    self.signal_later(pause, id, key, Signal::Timer { path, due });
                    return None;
                }
                live.timers.remove(&path);
                Some(self.time_is_over(key, live, path))
            }
            Signal::Deadline(at) => {
                live.deadline.filter(|deadline| *deadline == at)?;
                if now < at && !self.dice.one_in(4) {
                    let pause = at.as_millis() - now.as_millis();
                    self.signal_later(pause, id, key, Signal::Deadline(at));
                    return None;
                }
                live.deadline = None;
                Some(Event::DeadlineReached)
            }
            Signal::Began(token) => {
                let (path, _) = live.attempts.get(&token)?;
                let due = live.execution.attempt_due(path, now)?;
                let path = path.clone();
                live.timers.insert(path.clone(), due);
                let pause = due.as_millis() - now.as_millis();
                self.signal_later(pause, id, key, Signal::Timer { path, due });
                None
            }
            Signal::Report(report) => self.take_report(live, report),
            Signal::NotBegun(token) => {
                let (path, attempt) = live.attempts.remove(&token)?;
                live.timers.remove(&path);
                self.ledger.not_begun.insert((key.0, path.clone(), attempt));
                Some(Event::AttemptLost { path, attempt, repeatable: true })
            }
            Signal::Answer { path, attempt, result } => Some(Event::EffectFinished { path, attempt, result }),
            Signal::Look { path, attempt } => self.look(key, live, path, attempt),
            Signal::Watch(token) => self.watch(id, key, live, token),
            Signal::WatchAgain(token) => self.lose(key, live, token),
            Signal::Retry | Signal::Settle => None,
        }
    }

    /// A wait has ended, or the time of an attempt whose runner says nothing.
    fn time_is_over(&mut self, key: Key, live: &Live, path: String) -> Event {
        let in_flight = live.attempts.values().any(|(of, _)| *of == path);
        let pending = live.execution.pending_effects().find(|pending| pending.path == path);
        match pending.filter(|_| in_flight) {
            Some(pending) => {
                self.ledger.count("attempt overdue");
                self.ledger.disturbed.insert(key.0);
                self.ledger.given_up.insert(key.0);
                let repeatable = is_repeatable(&pending.action);
                Event::AttemptOverdue { path, attempt: pending.attempt, repeatable }
            }
            None => Event::TimerFired { path },
        }
    }

    fn take_report(&mut self, live: &mut Live, report: Report) -> Option<Event> {
        let Report { token, path, attempt, result } = report;
        let finished = |path, attempt, result: EffectResult| Event::EffectFinished { path, attempt, result };
        if self.mutation == Some(Mutation::AnyTokenWillDo) {
            let (_, (path, attempt)) = live.attempts.pop_first()?;
            return Some(finished(path, attempt, result));
        }
        let awaited = live.attempts.remove(&token);
        let fits = awaited.is_some();
        if let Some((path, _)) = awaited {
            live.timers.remove(&path);
        }
        if !fits {
            self.ledger.count("stale report");
        }
        if live.execution.state() == RunState::Paused {
            self.ledger.count("report to a paused run");
            if self.mutation == Some(Mutation::PausedDeaf) {
                return None;
            }
        }
        // Half of the time the engine has to tell by itself.
        (fits || self.dice.one_in(2)).then(|| finished(path, attempt, result))
    }

    /// Looks whether the runner still has the attempt; now and then it is thought to be gone and is not.
    fn watch(&mut self, id: ServerId, key: Key, live: &mut Live, token: Token) -> Option<Event> {
        live.attempts.get(&token)?;
        let at_work = self.attempts.get(&token).is_some_and(|attempt| attempt.at_work);
        if at_work && self.trouble(8) {
            return self.lose(key, live, token);
        }
        let signal = if at_work { Signal::Watch(token) } else { Signal::WatchAgain(token) };
        let pause = if at_work { self.dice.between(5_000, 30_000) } else { 1_000 };
        self.signal_later(pause, id, key, signal);
        None
    }

    fn lose(&mut self, key: Key, live: &mut Live, token: Token) -> Option<Event> {
        let (path, attempt) = live.attempts.remove(&token)?;
        live.timers.remove(&path);
        let mut pending = live.execution.pending_effects();
        let action = pending.find(|effect| effect.path == path).map(|effect| effect.action.clone())?;
        self.ledger.disturbed.insert(key.0);
        self.ledger.count("attempt lost");
        Some(Event::AttemptLost { path, attempt, repeatable: is_repeatable(&action) })
    }
}
