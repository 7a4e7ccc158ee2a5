//! Runs of which their workflow allows so many with one key at a time: they are accepted as queued, and begin in a
//! commit that sees that the key has room.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use store::keyed_runs::{self, Key};
use types::ExecutionId;
use workflow::plan::{Concurrency, OnFull};

use super::places::{Home, Turn};
use super::{Driver, Inner, lock};
use crate::error::ApiResult;

/// What a run must pass to begin.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    pub(super) key: Key,
    /// Runs that may hold the key.
    pub(super) limit: i64,
    pub(super) on_full: OnFull,
}

/// What is to be done with a run that stands at its gate.
pub(super) enum Passage {
    /// The key seems to have room.
    Free,
    /// It waits to be called.
    Waits,
    /// It is to end.
    Refused(String),
}

impl Gate {
    pub(super) fn new(key: Key, concurrency: &Concurrency) -> Self {
        Self { key, limit: concurrency.limit.into(), on_full: concurrency.on_full }
    }
}

impl Driver {
    /// Whether a run whose turn has come may begin as far as its key goes.
    pub(super) async fn pass(&self, gate: &Gate, turn: Turn) -> Passage {
        let inner = &self.0;
        let comes_later = lock(&inner.waiters).enter(&gate.key, turn);
        if comes_later && gate.on_full == OnFull::Queue {
            inner.wait_for_key(turn);
            return Passage::Waits;
        }
        let holders = match inner.holders(gate, turn.id).await {
            Some(holders) if has_room(gate, &holders) => return Passage::Free,
            Some(holders) => holders,
            // The database is away: it will be called again.
            None => {
                inner.wait_for_key(turn);
                return Passage::Waits;
            }
        };
        match gate.on_full {
            OnFull::CancelNewest => {
                return Passage::Refused(format!(
                    "`concurrency`: {} with the same key may run at a time, and do",
                    gate.limit
                ));
            }
            OnFull::CancelOldest => {
                let oldest = holders.first().copied();
                let done = match oldest {
                    Some(oldest) => self.cancel_for_newer(turn.home, oldest).await.is_ok(),
                    None => true,
                };
                if done {
                    return Passage::Free;
                }
            }
            OnFull::Queue => {}
        }
        inner.wait_for_key(turn);
        // One of them may have ended before this one could be called.
        let holders = inner.holders(gate, turn.id).await;
        if holders.is_some_and(|holders| has_room(gate, &holders)) && inner.rise(turn) {
            return Passage::Free;
        }
        Passage::Waits
    }

    /// In a box, for a run that begins may cancel one that has to begin to be cancelled.
    fn cancel_for_newer(&self, home: Home, id: ExecutionId) -> BoxFuture<'_, ApiResult<bool>> {
        let reason = format!("`concurrency`: a newer run with the same key takes the place of `{id}`");
        self.cancel(home.tenant, home.workspace, id, reason).boxed()
    }

    /// Calls who waits first for each key: another server may have ended a run that held it.
    pub(crate) fn call_waiters(&self) {
        let keys = lock(&self.0.waiters).keys();
        for key in keys {
            self.0.key_freed(&key);
        }
    }
}

impl Inner {
    async fn holders(&self, gate: &Gate, id: ExecutionId) -> Option<Vec<ExecutionId>> {
        let found = keyed_runs::active(&self.db, &gate.key, id, gate.limit).await;
        found
            .inspect_err(
                |error| tracing::warn!(execution.id = %id, %error, "runs with its key cannot be read"),
            )
            .ok()
    }

    fn wait_for_key(&self, turn: Turn) {
        // First counted, then callable: who calls it takes it out of the count.
        self.places().park(turn.home);
        lock(&self.waiters).rest(turn.id);
    }

    fn rise(&self, turn: Turn) -> bool {
        let risen = lock(&self.waiters).rise(turn.id);
        if risen {
            self.places().unpark(turn.home);
        }
        risen
    }

    /// A run that held the key has ended, or one that wanted it does not any more: the next one may look.
    pub(super) fn key_freed(&self, key: &Key) {
        let called = lock(&self.waiters).call(key);
        if let Some(turn) = called {
            self.change_places(|places| {
                places.unpark(turn.home);
                places.line_up(turn);
            });
        }
    }

    /// The run does not wait for its key any more, as it has begun or will not.
    pub(super) fn leave_key(&self, home: Home, id: ExecutionId) {
        let left = lock(&self.waiters).leave(id);
        let Some((key, was_waiting)) = left else { return };
        if was_waiting {
            self.places().unpark(home);
        }
        self.key_freed(&key);
    }
}

fn has_room(gate: &Gate, holders: &[ExecutionId]) -> bool {
    i64::try_from(holders.len()).unwrap_or(i64::MAX) < gate.limit
}
