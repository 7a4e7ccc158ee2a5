//! Commits what runs write. On PostgreSQL everything that waits while a commit is under way goes into the next one:
//! a few statements with many rows and one flush for all of them, where each by itself would take its round trips
//! and its flush. SQLite's own writer does that for whatever is written.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::{RunWrite, write_all};
use crate::journal::Appended;
use crate::{Db, Dialect, Read as _, StoreError};

/// Writes that one commit may hold.
const GROUP_WRITES_MAX: usize = 256;
/// Bytes of journal that one commit may hold, unless a single write has more.
const GROUP_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Commits under way at once: one is flushed while the next is sent.
const COMMITS_MAX: usize = 2;
/// Writes that may wait; the next caller waits for room.
const QUEUE_WRITES_MAX: usize = 1024;

/// Commits what runs write. Clones share it.
#[derive(Clone, Debug)]
pub struct RunWriter {
    db: Db,
    /// None where the database itself commits in groups.
    queue: Option<mpsc::Sender<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    write: Arc<RunWrite>,
    caller: oneshot::Sender<Result<Appended, StoreError>>,
}

impl RunWriter {
    /// For this database. Ends when its last clone is dropped.
    pub fn new(db: Db) -> Self {
        let queue = (db.dialect() == Dialect::Postgres).then(|| {
            let (queue, waiting) = mpsc::channel(QUEUE_WRITES_MAX);
            tokio::spawn(gather(db.clone(), waiting));
            queue
        });
        Self { db, queue }
    }

    /// Commits the write as a whole, or nothing of it if its run has another owner by now.
    ///
    /// If the caller stops waiting, it is either done or not done, never half.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn write(&self, write: Arc<RunWrite>) -> Result<Appended, StoreError> {
        if write.is_empty() {
            return Ok(Appended::Written);
        }
        let Some(queue) = &self.queue else { return alone(&self.db, write).await };
        let (caller, answer) = oneshot::channel();
        let closed = || StoreError::Unavailable("it has been closed".to_owned());
        queue.send(Waiting { write, caller }).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

/// Takes what waits, whenever a commit may begin.
async fn gather(db: Db, mut waiting: mpsc::Receiver<Waiting>) {
    let commits = Arc::new(Semaphore::new(COMMITS_MAX));
    while let Ok(permit) = Arc::clone(&commits).acquire_owned().await {
        let mut group = Vec::new();
        if waiting.recv_many(&mut group, GROUP_WRITES_MAX).await == 0 {
            return;
        }
        tokio::spawn(commit(db.clone(), group, permit));
    }
}

/// Commits what waits, in as many transactions as its size asks for.
async fn commit(db: Db, mut group: Vec<Waiting>, _permit: OwnedSemaphorePermit) {
    group.retain(|waiting| !waiting.caller.is_closed());
    while !group.is_empty() {
        let mut bytes = 0;
        let fits = group.iter().take_while(|waiting| {
            let before = bytes;
            bytes += waiting.write.bytes();
            before == 0 || bytes <= GROUP_BYTES_MAX
        });
        let rest = group.split_off(fits.count());
        commit_group(&db, std::mem::replace(&mut group, rest)).await;
    }
}

async fn commit_group(db: &Db, group: Vec<Waiting>) {
    let writes: Vec<Arc<RunWrite>> = group.iter().map(|waiting| Arc::clone(&waiting.write)).collect();
    match together(db, writes).await {
        Ok(answers) => {
            for (waiting, answer) in group.into_iter().zip(answers) {
                // Who waited may have gone.
                let _ = waiting.caller.send(Ok(answer));
            }
        }
        // Nobody's fault: it would be the same for each of them.
        Err(StoreError::Unavailable(reason)) => {
            for waiting in group {
                let _ = waiting.caller.send(Err(StoreError::Unavailable(reason.clone())));
            }
        }
        // One that the database refuses must not take the others along.
        Err(_) => {
            for Waiting { write, caller } in group {
                let _ = caller.send(alone(db, write).await);
            }
        }
    }
}

async fn together(db: &Db, writes: Vec<Arc<RunWrite>>) -> Result<Vec<Appended>, StoreError> {
    db.write(async move |tx| {
        let writes: Vec<&RunWrite> = writes.iter().map(|write| &**write).collect();
        write_all(tx, &writes).await
    })
    .await
}

async fn alone(db: &Db, write: Arc<RunWrite>) -> Result<Appended, StoreError> {
    let answers = together(db, vec![write]).await?;
    // One write, one answer.
    Ok(answers.first().copied().unwrap_or(Appended::Written))
}
