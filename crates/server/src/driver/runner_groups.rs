//! Which runner group a name means, remembered for a short time: every step asks.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use store::{Db, StoreError};
use types::WorkspaceId;

use super::link::Target;

/// How long a group is remembered. A change is seen at once on the server that made it, on others within that time.
const GROUP_CACHE_TTL: Duration = Duration::from_secs(2);
/// How many groups are remembered.
const GROUP_CACHE_ENTRIES_MAX: u64 = 10_000;

/// Finds groups.
pub(super) struct RunnerGroups {
    db: Db,
    /// By workspace and name; none is the default one.
    known: Cache<(WorkspaceId, Option<Arc<str>>), Target>,
}

impl RunnerGroups {
    pub(super) fn new(db: Db) -> Self {
        let known =
            Cache::builder().max_capacity(GROUP_CACHE_ENTRIES_MAX).time_to_live(GROUP_CACHE_TTL).build();
        Self { db, known }
    }

    /// The workspace's group of that name, one that is shared with it, or its default one; none if there is no such
    /// group.
    pub(super) async fn find(
        &self,
        workspace: WorkspaceId,
        named: Option<&str>,
    ) -> Result<Option<Target>, StoreError> {
        let key = (workspace, named.map(Arc::from));
        if let Some(target) = self.known.get(&key) {
            return Ok(Some(target));
        }
        let row = match named {
            Some(name) => match store::runner_groups::get_by_name(&self.db, workspace, name).await? {
                None => store::shares::runner_group(&self.db, workspace, name).await?,
                own => own,
            },
            None => store::runner_groups::get_default(&self.db, workspace).await?,
        };
        let target = match row {
            Some(row) => {
                Target { group: (!row.is_embedded()).then_some(row.id), name: Arc::from(row.name.as_str()) }
            }
            // A workspace that a server of an earlier version has made has no groups: the embedded runner is there.
            None if named.is_none() => {
                Target { group: None, name: Arc::from(store::runner_groups::EMBEDDED) }
            }
            None => return Ok(None),
        };
        self.known.insert(key, target.clone());
        Ok(Some(target))
    }

    /// Forgets everything: after a change.
    pub(super) fn forget(&self) {
        self.known.invalidate_all();
    }
}
