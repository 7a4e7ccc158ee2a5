//! A run's hold on the server: counted as long as the run is driven, with a place while it has something in flight.

use std::sync::Arc;

use store::keyed_runs::Key;

use super::Inner;
use super::places::{Home, Turn};

/// One run's share of the server; given back when it is dropped.
pub(super) struct Seat {
    inner: Arc<Inner>,
    home: Home,
    /// Whether it has a place.
    active: bool,
    /// The key that the run holds.
    key: Option<Key>,
}

impl Seat {
    /// For a run that has begun and goes on.
    pub(super) fn held(inner: &Arc<Inner>, home: Home) -> Self {
        inner.places().hold();
        Self { inner: Arc::clone(inner), home, active: false, key: None }
    }

    /// For a new run that has nothing in flight, if there is room.
    pub(super) fn try_held(inner: &Arc<Inner>, home: Home) -> Option<Self> {
        let held = inner.places().try_hold();
        held.then(|| Self { inner: Arc::clone(inner), home, active: false, key: None })
    }

    /// For a new run with something in flight, if there is a place.
    pub(super) fn try_active(inner: &Arc<Inner>, home: Home) -> Option<Self> {
        let taken = inner.places().try_take(home);
        taken.then(|| Self { inner: Arc::clone(inner), home, active: true, key: None })
    }

    /// For a run whose turn has come: its place is taken.
    pub(super) fn of_turn(inner: &Arc<Inner>, turn: &Turn) -> Self {
        Self { inner: Arc::clone(inner), home: turn.home, active: true, key: None }
    }

    pub(super) fn home(&self) -> Home {
        self.home
    }

    /// The run holds the key from now on, to its end.
    pub(super) fn hold(&mut self, key: Key) {
        self.key = Some(key);
    }

    /// The run has something in flight from now on, or has not. Who goes on takes a place without waiting, so that runs
    /// cannot wait for each other's.
    pub(super) fn occupy(&mut self, active: bool) {
        if active == self.active {
            return;
        }
        self.active = active;
        let home = self.home;
        if active {
            self.inner.places().take(home);
        } else {
            self.inner.change_places(|places| places.give_back(home));
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let (home, active) = (self.home, self.active);
        self.inner.change_places(|places| {
            if active {
                places.give_back(home);
            }
            places.let_go();
        });
        if let Some(key) = &self.key {
            self.inner.key_freed(key);
        }
    }
}
