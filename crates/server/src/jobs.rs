//! Work that nobody waits for: the server's lease, and the adoption of runs whose server is gone.
//!
//! A job takes no input; it works from what is stored, so a restart, a second server and normal running are the
//! same to it.

use std::sync::Arc;
use std::time::Duration;

use store::servers::Server as Row;
use store::{Db, StoreError};
use tokio_util::sync::CancellationToken;
use types::{Clock, ServerId};

use crate::App;

/// How long a server is believed to live after its last sign of life.
pub(crate) const LEASE: Duration = Duration::from_secs(10);
/// How often it gives one, and looks after those that have not.
const BEAT: Duration = Duration::from_secs(3);

/// Says that this server lives.
pub(crate) async fn register(db: &Db, id: ServerId, clock: &dyn Clock) -> Result<(), StoreError> {
    let now = clock.now();
    let row = Row {
        id,
        started_at: now,
        lease_until: now.saturating_add(LEASE),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    db.write(async move |tx| store::servers::register(tx, &row).await).await
}

/// Forgets every server: on an embedded database, which is this server's alone, none of them lives.
pub(crate) async fn forget_all(db: &Db) -> Result<(), StoreError> {
    for server in store::servers::list(db).await? {
        db.write(async move |tx| store::servers::remove(tx, server.id).await).await?;
    }
    Ok(())
}

/// Keeps the lease, until `stop`. Apart from everything that takes long: a lease that ends makes others adopt.
pub(crate) async fn keep_lease(db: Db, id: ServerId, clock: Arc<dyn Clock>, stop: CancellationToken) {
    while pause(&stop).await {
        if let Err(error) = beat(&db, id, &*clock).await {
            tracing::warn!(%error, "the server's lease could not be renewed");
        }
    }
}

/// Adopts the runs of servers that are gone, until `stop`.
pub(crate) async fn adopt(app: App, stop: CancellationToken) {
    while pause(&stop).await {
        match app.driver().adopt().await {
            Ok(0) => {}
            Ok(runs) => tracing::info!(runs, "adopted runs of a server that is gone"),
            Err(error) => tracing::warn!(cause = error.message(), "runs could not be adopted"),
        }
    }
}

/// Waits for the next beat; false when it is to stop.
async fn pause(stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(BEAT) => true,
    }
}

async fn beat(db: &Db, id: ServerId, clock: &dyn Clock) -> Result<(), StoreError> {
    let now = clock.now();
    let until = now.saturating_add(LEASE);
    let renewed = db.write(async move |tx| store::servers::heartbeat(tx, id, until, now).await).await?;
    if !renewed {
        // The lease had ended, after a long stop of the machine: others may have adopted runs, which the
        // epochs sort out. Those that are still this server's go on.
        register(db, id, clock).await?;
    }
    Ok(())
}
