//! What a run that is driven waits for: attempts, points in time. And which of its attempts no runner has begun.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::Event;
use protocol::AttemptToken;
use types::Timestamp;

/// What the run waits for.
#[derive(Default)]
pub(super) struct Waits {
    /// The attempts in flight: path and number.
    pub(super) attempts: HashMap<AttemptToken, (String, u32)>,
    /// Those among them that no runner has, for there is none: they take no place, and a stop need not wait for them.
    pub(super) unplaced: HashSet<AttemptToken>,
    pub(super) unbegun: Unbegun,
    /// Path -> when its wait, or its attempt's time, is over.
    pub(super) timers: HashMap<String, Timestamp>,
    pub(super) deadline: Option<Timestamp>,
    pub(super) again: bool,
    pub(super) failed: VecDeque<Event>,
}

impl Waits {
    /// The attempt is about to be given to a runner.
    pub(super) fn add_attempt(&mut self, token: &AttemptToken, path: &str, attempt: u32) {
        self.attempts.insert(token.clone(), (path.to_owned(), attempt));
        self.unbegun.add(path, attempt);
    }

    /// The attempt is over: nobody waits for its runner any more.
    pub(super) fn take_attempt(&mut self, token: &AttemptToken) -> Option<(String, u32)> {
        let (path, attempt) = self.attempts.remove(token)?;
        self.unplaced.remove(token);
        self.timers.remove(&path);
        self.unbegun.remove(&path);
        Some((path, attempt))
    }

    /// The token of an attempt that is no longer wanted.
    pub(super) fn take_cancelled(&mut self, path: &str, attempt: u32) -> Option<AttemptToken> {
        let is_it = |at_work: &(String, u32)| at_work.0 == path && at_work.1 == attempt;
        let token =
            self.attempts.iter().find(|(_, at_work)| is_it(at_work)).map(|(token, _)| token.clone())?;
        self.take_attempt(&token)?;
        Some(token)
    }

    /// Whether a runner has something of it.
    pub(super) fn is_in_flight(&self) -> bool {
        self.attempts.len() > self.unplaced.len()
    }

    pub(super) fn next_timer(&self) -> Option<Timestamp> {
        self.timers.values().min().copied()
    }

    pub(super) fn take_timer(&mut self, now: Timestamp) -> Option<String> {
        let due = self.timers.iter().filter(|(_, due)| **due <= now).min_by_key(|(_, due)| **due);
        let path = due.map(|(path, _)| path.clone())?;
        self.timers.remove(&path);
        Some(path)
    }

    /// Whether something is in flight. A run that sleeps, pauses between attempts or waits for people or other runs
    /// leaves its place to others.
    pub(super) fn is_busy(&self) -> bool {
        self.is_in_flight() || self.again || !self.failed.is_empty()
    }
}

/// The attempts of a run that no runner has begun: path -> number. Clones share it; the run's task writes, whoever shows
/// its steps reads.
#[derive(Clone, Default)]
pub(super) struct Unbegun(Arc<Mutex<HashMap<String, u32>>>);

impl Unbegun {
    pub(super) fn all(&self) -> HashMap<String, u32> {
        self.lock().clone()
    }

    pub(super) fn remove(&self, path: &str) {
        self.lock().remove(path);
    }

    fn add(&self, path: &str, attempt: u32) {
        self.lock().insert(path.to_owned(), attempt);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
