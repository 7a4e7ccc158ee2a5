//! Work that nobody waits for: the server's lease, and the adoption of runs whose server is gone.
//!
//! A job takes no input; it works from what is stored, so a restart, a second server and normal running are the
//! same to it.

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

/// Keeps the lease and adopts, until the server stops; then gives the lease back.
pub(crate) async fn run(app: App, id: ServerId, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(BEAT) => {}
        }
        if let Err(error) = beat(&app, id).await {
            tracing::warn!(%error, "the server's lease could not be renewed");
            continue;
        }
        match app.driver().adopt().await {
            Ok(0) => {}
            Ok(runs) => tracing::info!(runs, "adopted runs of a server that is gone"),
            Err(error) => tracing::warn!(cause = error.message(), "runs could not be adopted"),
        }
    }
}

async fn beat(app: &App, id: ServerId) -> Result<(), StoreError> {
    let now = app.clock().now();
    let until = now.saturating_add(LEASE);
    let renewed = app.db().write(async move |tx| store::servers::heartbeat(tx, id, until, now).await).await?;
    if !renewed {
        // The lease had ended, after a long stop of the machine: others may have adopted runs, which the
        // epochs sort out. Those that are still this server's go on.
        register(app.db(), id, app.clock()).await?;
    }
    Ok(())
}
