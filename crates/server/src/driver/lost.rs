//! Runs that another server has taken while this one stood still: lets go of them, also of those that merely wait and
//! would find out at their next step alone.

use std::collections::HashMap;

use store::StoreError;
use types::ExecutionId;

use super::{Driver, lock};

/// Runs that are looked up at a time.
const PAGE: i64 = 1_000;

impl Driver {
    /// To be called once the lease had ended. Answers how many runs were let go of.
    pub(crate) async fn let_go_of_lost(&self) -> Result<usize, StoreError> {
        let inner = &self.0;
        // Before the question: what begins after it is not lost.
        let mut doubtful: HashMap<ExecutionId, i64> =
            lock(&inner.runs).iter().map(|(id, handle)| (*id, handle.epoch)).collect();
        let mut after = String::new();
        loop {
            let owned = store::executions::list_unfinished(&inner.db, inner.server, &after, PAGE).await?;
            let Some(last) = owned.last() else { break };
            after = last.id.to_string();
            for run in owned {
                doubtful.remove(&run.id);
            }
        }
        let mut lost = 0;
        for (id, epoch) in doubtful {
            // One that has ended meanwhile is let be, and one whose first commit is under way.
            let present = store::executions::epoch_of(&inner.db, id).await?;
            if present.is_none_or(|present| present <= epoch) {
                continue;
            }
            let runs = lock(&inner.runs);
            // One that is queued is found to be another's when its turn comes.
            let driven = runs
                .get(&id)
                .filter(|handle| handle.epoch == epoch)
                .and_then(|handle| handle.driven.as_ref());
            if let Some(driven) = driven {
                driven.lost.cancel();
                lost += 1;
            }
        }
        Ok(lost)
    }
}
