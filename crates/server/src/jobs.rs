//! Work that nobody waits for: the server's lease, and the adoption of runs whose server is gone.
//!
//! A job takes no input; it works from what is stored, so a restart, a second server and normal running are the
//! same to it.

use std::sync::Arc;
use std::time::Duration;

use store::servers::Server as Row;
use store::{Db, StoreError};
use tokio_util::sync::CancellationToken;
use types::{Clock, Lease, ServerId};

use crate::App;

/// Signs of life in the time of a lease: two may get lost.
const BEATS_A_LEASE: u32 = 3;

/// This server among those of its database.
#[derive(Clone)]
pub(crate) struct Membership {
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) id: ServerId,
    /// How long the server is believed to live after a sign of life.
    pub(crate) length: Duration,
    /// What this process knows of it.
    pub(crate) lease: Arc<Lease>,
    /// The server shares its database with no other, so that its lease has no end.
    pub(crate) alone: bool,
}

impl Membership {
    /// Says that this server lives.
    pub(crate) async fn register(&self) -> Result<(), StoreError> {
        let (asked, now) = (self.lease.moment(), self.clock.now());
        let row = Row {
            id: self.id,
            started_at: now,
            lease_until: now.saturating_add(self.length),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        self.db.write(async move |tx| store::servers::register(tx, &row).await).await?;
        if !self.alone {
            self.lease.began(asked, self.length);
        }
        Ok(())
    }

    async fn beat(&self) -> Result<(), StoreError> {
        let (asked, id) = (self.lease.moment(), self.id);
        let until = self.clock.now().saturating_add(self.length);
        let renewed = self.db.write(async move |tx| store::servers::heartbeat(tx, id, until).await).await?;
        if !renewed {
            // Others may have adopted runs, which the epochs sort out. Those that are still this server's go on.
            tracing::warn!("the lease had ended and another server has seen it; making this one known anew");
            return self.register().await;
        }
        if !self.alone {
            self.lease.renewed(asked, self.length);
        }
        Ok(())
    }

    /// Waits for the next beat; false when it is to stop.
    async fn pause(&self, stop: &CancellationToken) -> bool {
        tokio::select! {
            () = stop.cancelled() => false,
            () = tokio::time::sleep(self.length / BEATS_A_LEASE) => true,
        }
    }
}

/// Forgets every server: on an embedded database, which is this server's alone, none of them lives.
pub(crate) async fn forget_all(db: &Db) -> Result<(), StoreError> {
    for server in store::servers::list(db).await? {
        db.write(async move |tx| store::servers::remove(tx, server.id).await).await?;
    }
    Ok(())
}

/// Keeps the lease, until `stop`. Apart from everything that takes long: a lease that ends makes others adopt.
pub(crate) async fn keep_lease(member: Membership, stop: CancellationToken) {
    while member.pause(&stop).await {
        if let Err(error) = member.beat().await {
            tracing::warn!(%error, "the server's lease could not be renewed");
        }
    }
}

/// Adopts the runs of servers that are gone, until `stop`.
pub(crate) async fn adopt(app: App, member: Membership, stop: CancellationToken) {
    let mut term = member.lease.term();
    while member.pause(&stop).await {
        app.driver().call_waiters();
        if member.lease.term() != term {
            match app.driver().let_go_of_lost().await {
                Ok(runs) => {
                    tracing::info!(runs, "let go of runs that other servers have taken");
                    term = member.lease.term();
                }
                Err(error) => tracing::warn!(%error, "runs that are lost could not be told"),
            }
        }
        // When the database was away, no server could renew its lease. Each gives the others the time to do so
        // before it takes their runs.
        if member.lease.held_for() < member.length {
            continue;
        }
        match app.driver().adopt().await {
            Ok(0) => {}
            Ok(runs) => tracing::info!(runs, "adopted runs of a server that is gone"),
            Err(error) => tracing::warn!(cause = error.message(), "runs could not be adopted"),
        }
        match app.driver().stop_unwanted().await {
            Ok(0) => {}
            Ok(runs) => tracing::info!(runs, "stopped runs that nobody waits for any more"),
            Err(error) => tracing::warn!(cause = error.message(), "unwanted runs could not be stopped"),
        }
    }
}
