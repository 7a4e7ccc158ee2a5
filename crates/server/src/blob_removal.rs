//! Removes the contents of files that no record refers to any more. A job of the eldest server of a database; what is left when
//! it stops, the next one finds: a content is marked first, its bytes are removed, and its row goes last.

use std::time::Duration;

use store::blobs::{self, Blob};
use store::{Db, StoreError};
use tokio_util::sync::CancellationToken;
use types::{BlobId, Clock, ServerId};

use crate::App;
use crate::attachments::Attachments;
use crate::jobs::Membership;
use crate::retention::{is_eldest, pause};

/// For how long a content is kept that somebody has wanted: whoever sends a file has it referred to by a record within this
/// time, or is told to try again.
const GRACE: Duration = Duration::from_secs(60 * 60);
/// For how long a content that a record was found to refer to is taken to be in use, if nobody says otherwise.
const LOOK_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// Looks again and again, until `stop`.
pub(crate) async fn keep(app: App, member: Membership, stop: CancellationToken) {
    while pause(app.config().attachments.sweep_pause(), &stop).await {
        let look = Look { db: app.db(), clock: app.clock(), attachments: app.attachments(), stop: &stop };
        match look.all(member.id).await {
            Ok(0) => {}
            Ok(contents) => tracing::info!(contents, "removed contents of files that no record refers to"),
            Err(error) => tracing::warn!(%error, "contents of files could not be removed"),
        }
    }
}

/// One look at everything there is.
struct Look<'l> {
    db: &'l Db,
    clock: &'l dyn Clock,
    attachments: &'l Attachments,
    stop: &'l CancellationToken,
}

impl Look<'_> {
    async fn all(&self, member: ServerId) -> Result<usize, StoreError> {
        // Each server clears its own disk.
        let before = self.clock.now().saturating_sub(GRACE);
        if let Err(error) = self.attachments.drafts().clear(before).await {
            tracing::warn!(%error, "files that have not come in could not be removed");
        }
        if !is_eldest(self.db, self.clock, member).await? {
            return Ok(0);
        }
        self.mark().await?;
        self.remove().await
    }

    /// Marks what can go.
    async fn mark(&self) -> Result<(), StoreError> {
        while !self.stop.is_cancelled() {
            let now = self.clock.now();
            let (looked, touched) = (now.saturating_sub(LOOK_PAUSE), now.saturating_sub(GRACE));
            let due = blobs::due(self.db, looked, touched).await?;
            if due.is_empty() {
                return Ok(());
            }
            for blob in due {
                let mark = async move |tx: &store::Tx<'_>| blobs::mark_unused(tx, &blob, touched, now).await;
                self.db.write(mark).await?;
            }
        }
        Ok(())
    }

    /// Removes what is marked, whoever has marked it; how many contents that were.
    async fn remove(&self) -> Result<usize, StoreError> {
        let (mut after, mut removed) = (BlobId::from(uuid::Uuid::nil()), 0);
        loop {
            let marked = blobs::marked(self.db, after).await?;
            let Some(last) = marked.last() else { return Ok(removed) };
            after = last.id;
            for blob in marked {
                if self.stop.is_cancelled() {
                    return Ok(removed);
                }
                removed += usize::from(self.remove_one(&blob).await?);
            }
        }
    }

    /// One that cannot be removed now is tried again at the next look.
    async fn remove_one(&self, blob: &Blob) -> Result<bool, StoreError> {
        if let Err(error) = self.attachments.blobs().remove(blob, self.clock.now()).await {
            tracing::warn!(blob.id = %blob.id, %error, "the content of a file could not be removed");
            return Ok(false);
        }
        let id = blob.id;
        self.db.write(async move |tx| blobs::forget(tx, id).await).await?;
        Ok(true)
    }
}
