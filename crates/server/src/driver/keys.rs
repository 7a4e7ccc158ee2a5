//! Runs that wait until fewer runs with their key are active, in the order in which they were accepted. Only who waits
//! where is known here; how many are active is on disk, and looked at in the commit with which a run begins.

use std::collections::{BTreeMap, HashMap};

use store::keyed_runs::Key;
use types::{ExecutionId, Timestamp};

use super::places::Turn;

/// One run that waits for its key.
#[derive(Clone, Copy, Debug)]
struct Waiter {
    turn: Turn,
    /// It is on its way to see whether it may begin.
    called: bool,
}

/// Who waits for which key.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    by_key: HashMap<Key, BTreeMap<(Timestamp, ExecutionId), Waiter>>,
    /// Who wants which key, and since when.
    keys: HashMap<ExecutionId, (Key, Timestamp)>,
}

impl Waiters {
    /// The run wants the key and sees whether it may begin; whether one that was accepted before it wants it too.
    pub(super) fn enter(&mut self, key: &Key, turn: Turn) -> bool {
        let waiters = self.by_key.entry(key.clone()).or_default();
        waiters.insert((turn.accepted_at, turn.id), Waiter { turn, called: true });
        self.keys.insert(turn.id, (key.clone(), turn.accepted_at));
        waiters.first_key_value().is_some_and(|((_, first), _)| *first != turn.id)
    }

    /// It waits until it is called.
    pub(super) fn rest(&mut self, id: ExecutionId) {
        self.set_called(id, false);
    }

    /// It waits no more, unless somebody has called it already.
    pub(super) fn rise(&mut self, id: ExecutionId) -> bool {
        self.set_called(id, true)
    }

    fn set_called(&mut self, id: ExecutionId, called: bool) -> bool {
        let Some((key, since)) = self.keys.get(&id) else { return false };
        let waiter = self.by_key.get_mut(key).and_then(|waiters| waiters.get_mut(&(*since, id)));
        waiter.is_some_and(|waiter| std::mem::replace(&mut waiter.called, called) != called)
    }

    /// The next one that waits for the key.
    pub(super) fn call(&mut self, key: &Key) -> Option<Turn> {
        let waiter = self.by_key.get_mut(key)?.values_mut().find(|waiter| !waiter.called)?;
        waiter.called = true;
        Some(waiter.turn)
    }

    /// The run no longer wants its key: the key, and whether it was waiting to be called.
    pub(super) fn leave(&mut self, id: ExecutionId) -> Option<(Key, bool)> {
        let (key, since) = self.keys.remove(&id)?;
        let waiters = self.by_key.get_mut(&key)?;
        let waiter = waiters.remove(&(since, id))?;
        if waiters.is_empty() {
            self.by_key.remove(&key);
        }
        Some((key, !waiter.called))
    }

    /// The keys that somebody waits for.
    pub(super) fn keys(&self) -> Vec<Key> {
        self.by_key.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use types::{TenantId, WorkflowId, WorkspaceId};

    use super::super::places::Home;
    use super::*;

    /// Later ones have smaller ids: those of runs that steps call say nothing of their time.
    fn turn(number: u32) -> Turn {
        let home = Home { tenant: TenantId::of_name("a"), workspace: WorkspaceId::of_name("blue") };
        let id = ExecutionId::from(uuid::Uuid::from_u128(9 - u128::from(number)));
        Turn { home, id, epoch: 1, accepted_at: Timestamp::from_millis(number.into()) }
    }

    #[test]
    fn those_who_wait_are_called_in_the_order_of_their_acceptance() {
        let mut waiters = Waiters::default();
        let key = Key { workflow: WorkflowId::of_name("w"), text: "x".to_owned() };
        assert!(!waiters.enter(&key, turn(2)));
        assert!(!waiters.enter(&key, turn(1)), "it came before the other one");
        assert!(waiters.enter(&key, turn(3)));
        assert_eq!(waiters.call(&key), None, "all of them are on their way");
        for number in 1..=3 {
            waiters.rest(turn(number).id);
        }
        assert_eq!(waiters.call(&key), Some(turn(1)));
        assert!(!waiters.rise(turn(1).id), "it was called");
        assert!(waiters.rise(turn(2).id));
        assert_eq!(waiters.call(&key), Some(turn(3)));
        waiters.rest(turn(3).id);
        assert_eq!(waiters.leave(turn(3).id), Some((key.clone(), true)));
        assert_eq!(waiters.leave(turn(3).id), None);
        assert_eq!(waiters.leave(turn(1).id), Some((key.clone(), false)));
        assert_eq!(waiters.leave(turn(2).id), Some((key, false)));
        assert_eq!((waiters.keys(), waiters.keys.len()), (Vec::new(), 0));
    }
}
