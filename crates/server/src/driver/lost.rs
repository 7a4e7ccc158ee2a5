//! Runs that another server has taken while this one stood still: lets go of them, also of those that merely wait and
//! would find out at their next step alone.

use std::collections::HashMap;

use store::StoreError;
use store::executions::Owned;
use types::ExecutionId;

use super::places::Home;
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
            let Some(present) = store::executions::owned(&inner.db, id).await? else { continue };
            if present.epoch <= epoch {
                continue;
            }
            match self.cut_off(id, epoch) {
                Some(Cut::Driven) => lost += 1,
                Some(Cut::Queued) => {
                    self.leave_line(&present, epoch);
                    lost += 1;
                }
                None => {}
            }
        }
        Ok(lost)
    }

    /// Stops the driving of a run of that epoch.
    fn cut_off(&self, id: ExecutionId, epoch: i64) -> Option<Cut> {
        let runs = lock(&self.0.runs);
        let handle = runs.get(&id).filter(|handle| handle.epoch == epoch)?;
        match &handle.driven {
            Some(driven) => {
                driven.lost.cancel();
                Some(Cut::Driven)
            }
            None => Some(Cut::Queued),
        }
    }

    /// A queued run waits elsewhere: it holds nobody up here any more. One that came back meanwhile, in a later epoch, is
    /// let be.
    fn leave_line(&self, run: &Owned, epoch: i64) {
        let inner = &self.0;
        let home = Home { tenant: run.tenant_id, workspace: run.workspace_id };
        inner.places().leave(home.workspace, run.id, epoch);
        inner.forget(run.id, epoch);
        if inner.ended(run.id).is_none() {
            inner.leave_key(home, run.id);
        }
    }
}

/// How a lost run was here.
enum Cut {
    Driven,
    Queued,
}
