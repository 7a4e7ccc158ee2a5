//! Runs that changes of records start. The id of such a run follows from that of its event, and the commit that accepts the
//! run removes the event: whoever delivers it, and however often that is tried, it starts one run.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use serde_json::Map;
use store::StoreError;
use store::audit::{ActorType, AuditEntry};
use store::record_events::RecordEvent;
use store::workflow_versions::{self, Branch, Document};
use store::workflows::{self, Workflow};
use types::{ExecutionId, Id, RecordEventId, SystemRng, WorkflowId, WorkspaceId};
use workflow::plan::Plan;

use super::plans::PlanError;
use super::start::{Carried, NewRun};
use super::subflows::Lineage;
use super::{Driver, Inner, lock};
use crate::error::{ApiResult, code};

/// Runs that are accepted at the same time: they share a commit.
const STARTED_AT_ONCE: usize = 32;

/// What becomes of an event.
#[derive(Clone, Debug)]
pub(crate) enum Delivery {
    /// Its run is accepted.
    Started,
    /// No run is to be started for it any more.
    Dropped(String),
    /// Its run cannot be started, which is somebody's to know.
    Refused(String, Box<AuditEntry>),
    /// It is to be tried again.
    Later(String),
}

/// An event that somebody has tried to deliver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivered {
    pub(crate) id: RecordEventId,
    pub(crate) workflow: WorkflowId,
    /// How often that has been tried.
    pub(crate) tries: i64,
}

/// What a run of a workflow begins with, whatever the event.
struct Ready {
    row: Workflow,
    document: Document,
    plan: Arc<Plan>,
    inputs: expr::Map,
    /// The address of whoever has published it; empty if they are gone.
    email: String,
}

/// The id of the run that an event starts.
fn run_of(event: RecordEventId) -> ExecutionId {
    ExecutionId::of_name(&format!("record event {event}"))
}

impl Driver {
    /// Starts the runs of events, in their order as far as they do not wait; what has become of each.
    pub(crate) async fn deliver(&self, events: Vec<RecordEvent>) -> Vec<(Delivered, Delivery)> {
        let mut ready: HashMap<WorkflowId, Result<Ready, Delivery>> = HashMap::new();
        for event in &events {
            if let Entry::Vacant(place) = ready.entry(event.workflow_id) {
                place.insert(self.0.ready(event.workspace_id, event.workflow_id).await);
            }
        }
        let ready = &ready;
        let each = stream::iter(events).map(async |event| {
            let delivered = Delivered { id: event.id, workflow: event.workflow_id, tries: event.tries };
            let delivery = match ready.get(&event.workflow_id) {
                Some(Ok(ready)) => self.deliver_one(event, ready).await,
                Some(Err(why)) => why.clone(),
                None => Delivery::Later("its workflow was not looked for".to_owned()),
            };
            (delivered, delivery)
        });
        each.buffered(STARTED_AT_ONCE).collect().await
    }

    async fn deliver_one(&self, event: RecordEvent, ready: &Ready) -> Delivery {
        let id = run_of(event.id);
        // Its first commit was not answered, and whether it was done is being found out.
        if lock(&self.0.runs).contains_key(&id) {
            return Delivery::Later("its run is being accepted".to_owned());
        }
        let error = match self.start_run(id, event, ready).await {
            Ok(_) => return Delivery::Started,
            Err(error) => error,
        };
        if *error.code() == code::CONCURRENCY_KEY_INVALID {
            return refused(&self.0, &ready.row, error.message());
        }
        Delivery::Later(error.cause().unwrap_or(error.message()).to_owned())
    }

    async fn start_run(&self, id: ExecutionId, event: RecordEvent, ready: &Ready) -> ApiResult<ExecutionId> {
        let (_, seed, now) = self.identity()?;
        let (row, version) = (&ready.row, &ready.document.version);
        let new = NewRun {
            tenant: row.tenant_id,
            workspace: row.workspace_id,
            workflow: row.id,
            workflow_name: row.name.clone(),
            pack: row.pack_id.map(|id| id.to_string()),
            document_hash: version.hash.clone(),
            branch: version.branch,
            workflow_version: version.version,
            inputs: ready.inputs.clone(),
            event: serde_json::from_str(&event.payload).map_err(crate::error::ApiError::internal)?,
            trigger_type: "event",
            user_email: ready.email.clone(),
            created_by: version.created_by.clone(),
            test_session_id: String::new(),
            lineage: Lineage::default(),
            begins_at: None,
            restarted_from: None,
            chain: event.chain,
        };
        let carried = Carried { delivered: vec![event.id], ..Carried::default() };
        self.start_as(new, Arc::clone(&ready.plan), (id, seed, now), carried).await
    }
}

impl Inner {
    /// What a run of the workflow begins with, or what becomes of its events.
    async fn ready(&self, workspace: WorkspaceId, workflow: WorkflowId) -> Result<Ready, Delivery> {
        let later = |error: StoreError| Delivery::Later(error.to_string());
        let dropped = |why: &str| Err(Delivery::Dropped(why.to_owned()));
        let row = workflows::get(&self.db, workspace, workflow).await.map_err(later)?;
        let Some(row) = row else { return dropped("the workflow is gone") };
        if !row.active {
            return dropped("the workflow is deactivated");
        }
        if row.automation_type != workflow::AutomationType::Event.as_str() {
            return dropped("the workflow is no longer started by events");
        }
        let document = workflow_versions::latest(&self.db, workspace, workflow, Branch::Public).await;
        let Some(document) = document.map_err(later)? else {
            return dropped("the workflow is not published");
        };
        let plan = match self.plans.get(row.tenant_id, workspace, &document.version.hash).await {
            Ok(plan) => plan,
            Err(PlanError::Store(error)) => return Err(later(error)),
            Err(error) => return Err(refused(self, &row, &error.to_string())),
        };
        let inputs = workflow::bind_inputs(&plan.inputs, Map::new()).map_err(|errors| {
            let list: Vec<String> =
                errors.iter().map(|error| format!("input `{}` {}", error.input, error.message)).collect();
            refused(self, &row, &list.join("; "))
        })?;
        let publisher = match document.version.created_by.parse() {
            Ok(user) => store::users::get(&self.db, row.tenant_id, user).await.map_err(later)?,
            Err(_) => None,
        };
        let email = publisher.map(|user| user.email).unwrap_or_default();
        Ok(Ready { row, document, plan, inputs, email })
    }
}

fn refused(inner: &Inner, row: &Workflow, why: &str) -> Delivery {
    let now = inner.clock.now();
    let entry = AuditEntry {
        id: Id::new(now, &mut SystemRng),
        tenant_id: row.tenant_id,
        workspace_id: Some(row.workspace_id),
        at: now,
        actor_type: ActorType::System,
        actor_id: "record_events".to_owned(),
        action: "workflow.not_started".to_owned(),
        entity_type: "workflow".to_owned(),
        entity_id: row.id.to_string(),
        host: None,
        details: serde_json::json!({"name": row.name, "reason": why}).to_string(),
    };
    Delivery::Refused(why.to_owned(), Box::new(entry))
}
