//! Seals the audit log, a moment behind those who write it. A job of the eldest server of a database.

use std::time::Duration;

use store::audit_seals::{self, ENTRIES_PER_SEAL_MAX};
use store::{Db, StoreError};
use tokio_util::sync::CancellationToken;
use types::{Clock, ServerId, TenantId, Timestamp};

use crate::App;
use crate::jobs::Membership;
use crate::retention::{is_eldest, pause};

/// How far the seals are behind, about.
const SEAL_PAUSE: Duration = Duration::from_secs(2);
/// How often the newest head is said in the log of the server, which is a witness elsewhere.
const HEAD_PAUSE: Duration = Duration::from_secs(60 * 60);

/// Seals again and again, until `stop`.
pub(crate) async fn keep(app: App, member: Membership, stop: CancellationToken) {
    let mut told = None;
    while pause(SEAL_PAUSE, &stop).await {
        if let Err(error) = all(app.db(), app.clock(), member.id, &mut told).await {
            tracing::warn!(%error, "the audit log could not be sealed");
        }
    }
}

async fn all(
    db: &Db,
    clock: &dyn Clock,
    member: ServerId,
    told: &mut Option<Timestamp>,
) -> Result<(), StoreError> {
    if !is_eldest(db, clock, member).await? {
        return Ok(());
    }
    let now = clock.now();
    let tell = told.is_none_or(|told| now.since(told) >= HEAD_PAUSE);
    for tenant in store::tenants::all(db).await? {
        seal_tenant(db, clock, tenant).await?;
        if tell && let Some(seal) = audit_seals::last(db, tenant).await? {
            tracing::info!(tenant_id = %tenant, seal = seal.number, head = %seal.head, "the audit log is sealed");
            *told = Some(now);
        }
    }
    Ok(())
}

async fn seal_tenant(db: &Db, clock: &dyn Clock, tenant: TenantId) -> Result<(), StoreError> {
    loop {
        let now = clock.now();
        match db.write(async move |tx| audit_seals::seal(tx, tenant, now).await).await {
            Ok(ENTRIES_PER_SEAL_MAX) => {}
            Ok(_) => return Ok(()),
            // Another server was the eldest a moment ago, and has sealed them.
            Err(error) if error.is_duplicate_of(audit_seals::KEY) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
