//! Drives runs: the shell around the pure engine. Accepts a run by making it durable, then lets a task of its
//! own take it to the end; adopts the runs of servers that are gone.
//!
//! Takes no decision on how a workflow proceeds: that is the engine's.

pub(crate) mod codes;
mod commit;
mod control;
mod grants;
mod keyed;
mod keys;
mod lines;
mod link;
mod lost;
mod places;
mod plans;
mod queue;
mod record_events;
mod recover;
mod restart;
mod result;
mod run;
mod runner_groups;
mod said;
mod seat;
mod start;
mod subflows;
mod table_actions;
mod waiting;
mod waits;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actions::Catalog;
use engine::{Command, Execution};
use futures_util::FutureExt as _;
use store::Db;
use store::executions::ExecutionState;
use store::runs::RunWriter;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use types::{Clock, ExecutionId, Lease, ServerId, WorkspaceId};
use workflow::plan::Plan;

pub(crate) use control::Decided;
pub use link::RunnerChannel;
pub(crate) use places::Bounds;
pub use result::effect_result;
pub(crate) use start::NewRun;

use crate::attachments::Attachments;
use crate::connection_kinds::ConnectionKinds;
use crate::network::NetworkRules;
use crate::package_locks::PackageLocks;
use crate::record_events::Alarm;
use crate::vault::Vault;
use commit::Effect;
use control::Signal;
use grants::RunIds;
use keys::Waiters;
use link::Links;
pub(crate) use link::{Connected, NewLink};
use places::{Places, Turn};
use plans::Plans;
pub(crate) use record_events::{Delivered, Delivery};
pub(crate) use recover::entries_of;
use run::Run;
use runner_groups::RunnerGroups;
use seat::Seat;
use subflows::Origin;
pub(crate) use subflows::{Lineage, called_id};
use waits::Unbegun;

/// What the driver is made of.
pub(crate) struct Parts {
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) channel: RunnerChannel,
    pub(crate) vault: Arc<Vault>,
    pub(crate) kinds: Arc<ConnectionKinds>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) package_locks: Arc<PackageLocks>,
    pub(crate) attachments: Arc<Attachments>,
    pub(crate) server: ServerId,
    pub(crate) network: NetworkRules,
    pub(crate) public_url: String,
    pub(crate) bounds: Bounds,
    pub(crate) run_time: Duration,
    pub(crate) runner_heartbeat: Duration,
}

/// A run of this server, from its acceptance to its end.
struct Handle {
    epoch: i64,
    /// None as long as it is queued.
    driven: Option<Driven>,
    ended: CancellationToken,
}

/// The ways to and from a run that is driven.
#[derive(Clone)]
struct Driven {
    signals: mpsc::UnboundedSender<Signal>,
    /// The number of the last line that is in the journal.
    journaled: watch::Receiver<i64>,
    /// Another server has taken it.
    lost: CancellationToken,
    unbegun: Unbegun,
}

pub(crate) struct Inner {
    db: Db,
    writer: RunWriter,
    clock: Arc<dyn Clock>,
    links: Links,
    groups: RunnerGroups,
    vault: Arc<Vault>,
    kinds: Arc<ConnectionKinds>,
    catalog: Arc<Catalog>,
    package_locks: Arc<PackageLocks>,
    attachments: Arc<Attachments>,
    plans: Plans,
    server: ServerId,
    network: NetworkRules,
    public_url: String,
    run_time: Duration,
    lease: Arc<Lease>,
    runs: Mutex<HashMap<ExecutionId, Handle>>,
    places: Mutex<Places>,
    waiters: Mutex<Waiters>,
    /// To the one who begins runs whose turn has come. No more are on their way than there are places.
    turns: mpsc::UnboundedSender<Turn>,
    record_alarm: Alarm,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

/// Drives the runs of this server.
#[derive(Clone)]
pub(crate) struct Driver(Arc<Inner>);

impl Driver {
    pub(crate) fn new(parts: Parts) -> Self {
        let plans = Plans::new(parts.db.clone(), Arc::clone(&parts.catalog), Arc::clone(&parts.kinds));
        let lease = Arc::clone(&parts.channel.lease);
        let (turns, called) = mpsc::unbounded_channel();
        let inner = Arc::new(Inner {
            lease,
            links: Links::new(parts.channel, parts.runner_heartbeat),
            groups: RunnerGroups::new(parts.db.clone()),
            writer: RunWriter::new(parts.db.clone()),
            db: parts.db,
            clock: parts.clock,
            vault: parts.vault,
            kinds: parts.kinds,
            catalog: parts.catalog,
            package_locks: parts.package_locks,
            attachments: parts.attachments,
            plans,
            server: parts.server,
            network: parts.network,
            public_url: parts.public_url,
            run_time: parts.run_time,
            runs: Mutex::default(),
            places: Mutex::new(Places::new(parts.bounds)),
            waiters: Mutex::default(),
            turns,
            record_alarm: Alarm::default(),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        tokio::spawn(queue::serve_turns(Arc::downgrade(&inner), called));
        Self(inner)
    }

    /// The links to runners.
    pub(crate) fn links(&self) -> &Links {
        &self.0.links
    }

    /// After a change of the runner groups, on this server.
    pub(crate) fn forget_runner_groups(&self) {
        self.0.groups.forget();
    }

    /// Rung when changes of records are to start workflows.
    pub(crate) fn record_alarm(&self) -> &Alarm {
        &self.0.record_alarm
    }

    /// Which server this is.
    pub(crate) fn server(&self) -> ServerId {
        self.0.server
    }

    /// The plan of a stored document, if it has been compiled already.
    pub(crate) fn known_plan(&self, workspace: WorkspaceId, hash: &str) -> Option<Arc<Plan>> {
        self.0.plans.known(workspace, hash)
    }

    /// Keeps the plan of a document for its runs to come.
    pub(crate) fn keep_plan(&self, workspace: WorkspaceId, hash: &str, plan: Plan) -> Arc<Plan> {
        self.0.plans.keep(workspace, hash, plan)
    }

    /// Drives the run in a task of its own. One that the server itself fails at is not left hanging.
    fn set_going(&self, run: Run, effects: Vec<Effect>, rest: Vec<Command>) {
        let inner = Arc::clone(&self.0);
        let (id, epoch) = (run.ids.execution, run.epoch);
        let lost = inner.driven(id).map(|driven| driven.lost).unwrap_or_default();
        self.0.tasks.spawn(async move {
            // What is dropped where it stands is fenced already.
            let driven = tokio::select! {
                driven = AssertUnwindSafe(run.drive(effects, rest)).catch_unwind() => driven,
                () = lost.cancelled() => return,
            };
            if driven.is_err() {
                inner
                    .give_up(id, epoch, codes::DRIVER_FAILED, "the server failed while it drove the run")
                    .await;
            }
        });
    }

    /// A run that is this server's from now on, until it is dropped: how far it is, with the number of the journal's next
    /// line and the state in its row.
    fn run(
        &self,
        ids: RunIds,
        origin: Origin,
        epoch: i64,
        (execution, next_seq, stored_state): (Execution, i64, engine::RunState),
        seat: Seat,
    ) -> Run {
        let (sender, signals) = mpsc::unbounded_channel();
        let (journaled, seen) = watch::channel(next_seq - 1);
        let (lost, unbegun) = (CancellationToken::new(), Unbegun::default());
        let driven = Driven { signals: sender, journaled: seen, lost, unbegun: unbegun.clone() };
        self.0.remember(ids.execution, epoch, Some(driven));
        let inner = Arc::clone(&self.0);
        Run {
            inner,
            ids,
            origin,
            epoch,
            execution,
            next_seq,
            stored_state,
            signals,
            journaled,
            seat,
            unbegun,
        }
    }

    /// The run's attempts that wait for a runner to begin them, path -> number; empty if another server drives the run.
    pub(crate) fn unbegun(&self, id: ExecutionId) -> HashMap<String, u32> {
        self.0.driven(id).map(|driven| driven.unbegun.all()).unwrap_or_default()
    }

    /// Waits until this server no longer drives the run, at most for `timeout` or until it stops; false if it
    /// still does.
    pub(crate) async fn wait(&self, id: ExecutionId, timeout: Duration) -> bool {
        let Some(ended) = self.0.ended(id) else { return true };
        tokio::select! {
            () = ended.cancelled() => true,
            () = tokio::time::sleep(timeout) => false,
            // Who waits for a run must not hold the server up.
            () = self.0.stopping.cancelled() => false,
        }
    }

    /// Waits until the run has journaled more than `seen` lines: as soon as it has, if this server drives it, and at
    /// most for `own_pause` then; else for `others_pause`. Not at all once the server is about to stop. Answers how
    /// many lines there are, if it knows.
    pub(crate) async fn wait_for_lines(
        &self,
        id: ExecutionId,
        seen: i64,
        own_pause: Duration,
        others_pause: Duration,
    ) -> Option<i64> {
        let journaled = self.0.driven(id).map(|driven| driven.journaled);
        let pause = if journaled.is_some() { own_pause } else { others_pause };
        let more = async {
            match journaled {
                // An error says that the run is no longer driven here.
                Some(mut journaled) => journaled.wait_for(|last| *last > seen).await.ok().map(|last| *last),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            known = more => known,
            () = tokio::time::sleep(pause) => None,
            () = self.0.stopping.cancelled() => None,
        }
    }

    /// Whether the server is about to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.0.stopping.is_cancelled()
    }

    /// How many runs this server drives.
    pub(crate) fn in_flight(&self) -> usize {
        self.0.in_flight()
    }

    /// How many runs wait for their turn here.
    pub(crate) fn queued(&self) -> usize {
        self.0.places().queued()
    }

    /// Takes no more runs; those that merely wait are let go of.
    pub(crate) fn begin_stop(&self) {
        self.0.stopping.cancel();
    }

    /// Takes no more runs, lets steps in flight finish for at most `grace`, and lets go of the others: they go
    /// on at the next start.
    pub(crate) async fn stop(&self, grace: Duration) {
        self.begin_stop();
        self.0.tasks.close();
        if tokio::time::timeout(grace, self.0.tasks.wait()).await.is_err() {
            tracing::warn!(runs = self.0.in_flight(), "steps were still in flight when the grace was over");
        }
    }
}

impl Inner {
    /// Ends a run that cannot go on; if not even that can be written, lets go of it for somebody else.
    async fn give_up(&self, id: ExecutionId, epoch: i64, code: &str, message: &str) {
        let now = self.clock.now();
        let outcome = store::executions::Outcome {
            state: ExecutionState::Failed,
            outputs: None,
            step_results: "{}".to_owned(),
            error_code: Some(code.to_owned()),
            error_message: Some(message.to_owned()),
            cancel_reason: None,
            started_at: None,
            finished_at: Some(now),
            net_runtime_ms: 0,
        };
        let ended = self.db.write(async move |tx| {
            store::queued_runs::remove(tx, id).await?;
            store::executions::set_outcome(tx, id, epoch, &outcome, now).await
        });
        if let Err(error) = ended.await {
            tracing::error!(execution.id = %id, %error, "run could not be ended, letting go of it");
            self.release(id, epoch).await;
        }
    }

    /// Lets go of a run: whoever adopts next will find it.
    async fn release(&self, id: ExecutionId, epoch: i64) {
        let now = self.clock.now();
        let released = self.db.write(async move |tx| store::executions::release(tx, id, epoch, now).await);
        if let Err(error) = released.await {
            tracing::error!(execution.id = %id, %error, "run could not be let go of");
        }
    }

    fn in_flight(&self) -> usize {
        lock(&self.runs).values().filter(|handle| handle.driven.is_some()).count()
    }

    /// A run is this server's; no way leads to it as long as it is queued. Who waits for its end waits on when it
    /// begins, and when it changes hands.
    fn remember(&self, id: ExecutionId, epoch: i64, driven: Option<Driven>) {
        let mut runs = lock(&self.runs);
        let ended = runs.remove(&id).map(|before| before.ended).unwrap_or_default();
        runs.insert(id, Handle { epoch, driven, ended });
    }

    /// The run of that epoch is no longer driven here; one of a later epoch may be.
    fn forget(&self, id: ExecutionId, epoch: i64) {
        let mut runs = lock(&self.runs);
        if runs.get(&id).is_some_and(|handle| handle.epoch == epoch)
            && let Some(handle) = runs.remove(&id)
        {
            handle.ended.cancel();
        }
    }

    /// Becomes ready when the run is no longer this server's; none if it is not.
    fn ended(&self, id: ExecutionId) -> Option<CancellationToken> {
        lock(&self.runs).get(&id).map(|handle| handle.ended.clone())
    }

    /// The run is not queued here any more; it may be driven.
    fn forget_queued(&self, id: ExecutionId, epoch: i64) {
        if self.driven(id).is_none() {
            self.forget(id, epoch);
        }
    }

    fn driven(&self, id: ExecutionId) -> Option<Driven> {
        lock(&self.runs).get(&id).and_then(|handle| handle.driven.clone())
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        lock(&self.places)
    }

    /// Changes who has or wants a place, and calls those who may begin now.
    fn change_places(&self, change: impl FnOnce(&mut Places)) {
        let mut places = self.places();
        change(&mut places);
        while let Some(turn) = places.next() {
            // Nobody begins runs any more when the server stops: they stay queued.
            let _ = self.turns.send(turn);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
