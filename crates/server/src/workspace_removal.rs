//! Removes what is left of deleted workspaces: ends their runs, then takes what is in them piece by piece. A job of the
//! eldest server of a database; what is left when it stops, the next one finds.

use std::time::Duration;

use store::{StoreError, workspace_removal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use types::{ExecutionId, ServerId, TenantId, WorkspaceId};

use crate::App;
use crate::error::ApiError;
use crate::jobs::Membership;
use crate::retention::{is_eldest, pause};

/// How long it takes at most until a workspace is noticed that another server was told to delete, and between two looks at
/// one whose runs have not ended yet.
const LOOK_PAUSE: Duration = Duration::from_secs(2);
/// The shortest rest after a piece.
const REST_MIN: Duration = Duration::from_millis(5);
/// What the runs are told.
const REASON: &str = "the workspace was deleted";

/// Looks again and again, until `stop`.
pub(crate) async fn keep(app: App, member: Membership, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = app.removals().notified() => {}
            () = tokio::time::sleep(LOOK_PAUSE) => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = (Removal { app: &app, stop: &stop }).all(member.id).await {
            tracing::warn!(%error, "what is in deleted workspaces could not be removed");
        }
    }
}

struct Removal<'r> {
    app: &'r App,
    stop: &'r CancellationToken,
}

impl Removal<'_> {
    async fn all(&self, member: ServerId) -> Result<(), StoreError> {
        let marked = workspace_removal::marked(self.app.db()).await?;
        if marked.is_empty() || !is_eldest(self.app.db(), self.app.clock(), member).await? {
            return Ok(());
        }
        for (tenant, workspace) in marked {
            self.end_runs(tenant, workspace).await?;
            while self.remove_piece(workspace).await? {}
        }
        Ok(())
    }

    /// Asks every run of the workspace to stop. One that cannot be asked now is asked again at the next look.
    async fn end_runs(&self, tenant: TenantId, workspace: WorkspaceId) -> Result<(), StoreError> {
        let mut after = ExecutionId::from(uuid::Uuid::nil());
        loop {
            let runs = workspace_removal::unfinished(self.app.db(), workspace, after).await?;
            let Some(last) = runs.last().copied() else { return Ok(()) };
            for run in runs {
                if self.stop.is_cancelled() {
                    return Ok(());
                }
                let asked = self.app.driver().cancel(tenant, workspace, run, REASON.to_owned()).await;
                if let Err(error) = asked {
                    tell(run, &error);
                }
            }
            after = last;
        }
    }

    /// Removes a piece and lets others write for as long as that took; false if there is none, or it is to stop.
    async fn remove_piece(&self, workspace: WorkspaceId) -> Result<bool, StoreError> {
        let (began, now) = (Instant::now(), self.app.clock().now());
        let db = self.app.db();
        let more =
            db.write(async move |tx| workspace_removal::remove_piece(tx, workspace, now).await).await?;
        Ok(more && pause(began.elapsed().max(REST_MIN), self.stop).await)
    }
}

fn tell(run: ExecutionId, error: &ApiError) {
    tracing::warn!(execution_id = %run, error = %error.message(), "a run of a deleted workspace could not be cancelled");
}
