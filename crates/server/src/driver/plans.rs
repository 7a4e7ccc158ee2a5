//! Compiled plans by the hash of their document: compiled once, shared by all runs.

use std::sync::Arc;

use actions::Catalog;
use moka::sync::Cache;
use store::{Db, StoreError};
use types::{TenantId, WorkspaceId};
use workflow::plan::Plan;

use crate::action_catalog::ActionCatalog;
use crate::connection_kinds::ConnectionKinds;

/// How many plans are kept.
const PLANS_MAX: u64 = 512;

/// Why a stored document has no plan.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("document `{0}` is gone")]
    NoDocument(String),
    /// Documents are checked before they are stored for running: the server's own failure.
    #[error("document `{hash}` does not compile any more: {problem}")]
    DoesNotCompile { hash: String, problem: String },
}

/// The plans in use.
pub(crate) struct Plans {
    db: Db,
    catalog: Arc<Catalog>,
    kinds: Arc<ConnectionKinds>,
    plans: Cache<(WorkspaceId, String), Arc<Plan>>,
}

impl Plans {
    pub(crate) fn new(db: Db, catalog: Arc<Catalog>, kinds: Arc<ConnectionKinds>) -> Self {
        Self { db, catalog, kinds, plans: Cache::builder().max_capacity(PLANS_MAX).build() }
    }

    /// The plan, if it has been compiled already.
    pub(crate) fn known(&self, workspace: WorkspaceId, hash: &str) -> Option<Arc<Plan>> {
        self.plans.get(&(workspace, hash.to_owned()))
    }

    /// Keeps a plan that was compiled elsewhere.
    pub(crate) fn keep(&self, workspace: WorkspaceId, hash: &str, plan: Plan) -> Arc<Plan> {
        let plan = Arc::new(plan);
        self.plans.insert((workspace, hash.to_owned()), Arc::clone(&plan));
        plan
    }

    /// The plan of a stored document.
    pub(crate) async fn get(
        &self,
        tenant: TenantId,
        workspace: WorkspaceId,
        hash: &str,
    ) -> Result<Arc<Plan>, PlanError> {
        let key = (workspace, hash.to_owned());
        if let Some(plan) = self.plans.get(&key) {
            return Ok(plan);
        }
        let text = store::documents::get(&self.db, workspace, hash)
            .await?
            .ok_or_else(|| PlanError::NoDocument(hash.to_owned()))?;
        let catalog = ActionCatalog::new(&self.catalog, &self.kinds.names(tenant).await?);
        let (plan, diagnostics) = workflow::compile(&text, &catalog);
        let plan = plan.ok_or_else(|| PlanError::DoesNotCompile {
            hash: hash.to_owned(),
            problem: diagnostics.first().map(|first| first.message.clone()).unwrap_or_default(),
        })?;
        let plan = Arc::new(plan);
        self.plans.insert(key, Arc::clone(&plan));
        Ok(plan)
    }
}
