//! Deletes runs of the past: those that are older, or more, than the configuration keeps; and what is known of changes of
//! records that are too long ago. A job of the eldest server of
//! a database. Batches are small, and after each it rests for as long as that took, so that what runs write hardly waits
//! for it.

use std::time::Duration;

use store::history::{self, Place, Purged};
use store::{Db, StoreError, Tx, record_changes};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use types::{Clock, ExecutionId, ServerId, TableId, Timestamp, WorkspaceId};
use uuid::Uuid;

use crate::App;
use crate::config::History;
use crate::http::TenantSettings;
use crate::jobs::Membership;

/// The shortest rest after a batch.
const REST_MIN: Duration = Duration::from_millis(5);

/// Looks again and again, until `stop`.
pub(crate) async fn keep(app: App, member: Membership, stop: CancellationToken) {
    let settings = &app.config().history;
    while pause(settings.sweep_pause(), &stop).await {
        let sweep = Sweep { db: app.db(), clock: app.clock(), stop: &stop };
        match sweep.all(settings, member.id).await {
            Ok(0) => {}
            Ok(runs) => tracing::info!(runs, "deleted runs of the past"),
            Err(error) => tracing::warn!(%error, "runs of the past could not be deleted"),
        }
        match sweep.changes(member.id).await {
            Ok(0) => {}
            Ok(changes) => tracing::info!(changes, "deleted changes of records of the past"),
            Err(error) => tracing::warn!(%error, "changes of records of the past could not be deleted"),
        }
    }
}

/// One look at everything there is.
struct Sweep<'s> {
    db: &'s Db,
    clock: &'s dyn Clock,
    stop: &'s CancellationToken,
}

impl Sweep<'_> {
    /// Deletes what is not to be kept, if no server that lives is older than `member`; how many runs that were.
    async fn all(&self, settings: &History, member: ServerId) -> Result<usize, StoreError> {
        if !is_eldest(self.db, self.clock, member).await? {
            return Ok(0);
        }
        // What was left when a server stopped.
        self.purge().await?;
        let mut deleted = 0;
        for (workspace, tenant_settings) in history::workspaces(self.db).await? {
            let kept = i64::from(settings.executions_per_workspace_max);
            if kept > 0
                && let Some(last) = history::beyond(self.db, workspace, kept).await?
            {
                let ended_before = Timestamp::from_millis(i64::MAX);
                deleted += self.up_to(workspace, last, ended_before).await?;
            }
            // Whoever keeps them shorter, the operator or the tenant.
            let ages = [settings.age_max(), retention_period(&tenant_settings)];
            if let Some(age) = ages.into_iter().flatten().min() {
                let before = self.clock.now().saturating_sub(age);
                // A run ends after it was accepted.
                deleted += self.up_to(workspace, Place::at(before), before).await?;
            }
        }
        Ok(deleted)
    }

    /// Deletes what is known of changes of records that are too long ago, or of tables that are gone; how many those were.
    async fn changes(&self, member: ServerId) -> Result<u64, StoreError> {
        let (mut after, mut deleted) = (TableId::from(Uuid::nil()), 0);
        if !is_eldest(self.db, self.clock, member).await? {
            return Ok(deleted);
        }
        while let Some((table, is_there)) = record_changes::next_table(self.db, after).await? {
            let until = if is_there { first_id_at(self.clock.now()) } else { Uuid::max() };
            loop {
                let began = Instant::now();
                let purge = async move |tx: &Tx<'_>| record_changes::purge(tx, table, until.into()).await;
                let count = self.db.write(purge).await?;
                deleted += count;
                if count == 0 {
                    break;
                }
                if !self.rest(began).await {
                    return Ok(deleted);
                }
            }
            after = table;
        }
        Ok(deleted)
    }

    /// Deletes the runs up to `last` that ended before `ended_before`.
    async fn up_to(
        &self,
        workspace: WorkspaceId,
        last: Place,
        ended_before: Timestamp,
    ) -> Result<usize, StoreError> {
        let (mut after, mut deleted) = (Place::at(Timestamp::from_millis(i64::MIN)), 0);
        loop {
            let batch = history::ended(self.db, workspace, after, last, ended_before).await?;
            let Some(end) = batch.last().copied() else { return Ok(deleted) };
            let runs: Vec<ExecutionId> = batch.iter().map(|place| place.id).collect();
            let now = self.clock.now();
            let began = Instant::now();
            deleted += self.db.write(async move |tx| history::hide(tx, workspace, &runs, now).await).await?;
            if !self.rest(began).await || !self.purge().await? {
                return Ok(deleted);
            }
            after = end;
        }
    }

    /// Removes what is left of hidden runs; false when it is to stop.
    async fn purge(&self) -> Result<bool, StoreError> {
        loop {
            let began = Instant::now();
            let purged = self.db.write(async |tx| history::purge(tx).await).await?;
            if purged == Purged::default() {
                return Ok(true);
            }
            if !self.rest(began).await {
                return Ok(false);
            }
        }
    }

    /// Lets others write for as long as it has written itself; false when it is to stop.
    async fn rest(&self, began: Instant) -> bool {
        pause(began.elapsed().max(REST_MIN), self.stop).await
    }
}

/// The id behind those of all changes that are too long ago at `now`: ids begin with the time of their making.
fn first_id_at(now: Timestamp) -> Uuid {
    let until = now.saturating_sub(record_changes::AGE_MAX).as_millis();
    Uuid::from_u128(u128::from(u64::try_from(until).unwrap_or(0)) << 80)
}

/// How long the tenant wants the runs of the past to be kept, if it has said so.
fn retention_period(tenant_settings: &str) -> Option<Duration> {
    let settings: TenantSettings = serde_json::from_str(tenant_settings).ok()?;
    let days = u64::try_from(settings.general.retention_period?).ok()?;
    Some(Duration::from_secs(days * 24 * 60 * 60))
}

/// Whether no server that lives is older than `id`: what one server is to do, the eldest does.
pub(crate) async fn is_eldest(db: &Db, clock: &dyn Clock, id: ServerId) -> Result<bool, StoreError> {
    let (servers, now) = (store::servers::list(db).await?, clock.now());
    let eldest = servers.iter().find(|server| server.id == id || server.lease_until > now);
    Ok(eldest.is_none_or(|eldest| eldest.id == id))
}

/// False when it is to stop.
pub(crate) async fn pause(length: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(length) => true,
    }
}
