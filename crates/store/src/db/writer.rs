//! SQLite's writer: one thread that owns the writing connection and commits in groups. Whatever waits when it
//! is free becomes one transaction, each body in its own savepoint, so that one sync of the disk serves all
//! of them and an error undoes only its own body.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::readers::Readers;
use super::sqlite::run;
use crate::tx::Fate;
use crate::{StoreError, Tx};

/// Writes that may wait for the writer; the next caller waits for room.
const QUEUE_WRITES_MAX: usize = 1024;
/// Writes that one commit may hold.
const GROUP_WRITES_MAX: usize = 256;

/// The way to the writer thread. The thread ends when the last way to it is dropped.
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
}

enum Message {
    Write(Box<dyn Job>),
    Alone(Box<dyn FnOnce(&mut Connection) + Send>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// Over the writing connection, whose commits the readers know of.
    pub(super) fn start(connection: Connection, readers: Arc<Readers>) -> std::io::Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE_WRITES_MAX);
        let serve = move || serve(connection, &readers, waiting);
        thread::Builder::new().name("store-writer".to_owned()).spawn(serve)?;
        Ok(Self { queue })
    }

    pub(super) async fn write<T, E, F>(&self, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: AsyncFn(&Tx<'_>) -> Result<T, E> + Send + Sync + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let job = Waiting { body, outcome: None, caller };
        self.queue.send(Message::Write(Box::new(job))).await.map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed().into()))
    }

    pub(super) async fn alone<R, F>(&self, work: F) -> Result<R, StoreError>
    where
        R: Send + 'static,
        F: FnOnce(&mut Connection) -> R + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let work = move |connection: &mut Connection| {
            let _ = caller.send(work(connection));
        };
        self.queue.send(Message::Alone(Box::new(work))).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())
    }

    pub(super) async fn close(&self) {
        let (caller, answer) = oneshot::channel();
        if self.queue.send(Message::Close(caller)).await.is_ok() {
            let _ = answer.await;
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writer")
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("it has been closed".to_owned())
}

/// The thread: takes what waits, commits it, answers; to the end.
fn serve(mut connection: Connection, readers: &Readers, mut waiting: mpsc::Receiver<Message>) {
    let mut closers = Vec::new();
    let mut next = waiting.blocking_recv();
    while let Some(message) = next.take() {
        match message {
            Message::Write(job) => {
                let mut group = vec![job];
                while group.len() < GROUP_WRITES_MAX {
                    match waiting.try_recv() {
                        Ok(Message::Write(job)) => group.push(job),
                        Ok(other) => {
                            next = Some(other);
                            break;
                        }
                        Err(_) => break,
                    }
                }
                commit(&mut connection, group);
            }
            Message::Alone(work) => work(&mut connection),
            Message::Close(caller) => {
                // Nothing more gets in; what is in is still done.
                waiting.close();
                closers.push(caller);
            }
        }
        if next.is_none() {
            next = waiting.blocking_recv();
        }
    }
    readers.close();
    // Other processes may hold the file open, so the log would stay long after us; fold it in now.
    let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    drop(connection);
    for caller in closers {
        let _ = caller.send(());
    }
}

/// Commits a group. If the group as a whole fails, each write is run again by itself, so that one which
/// the database refuses (a full disk, say) does not take its neighbours along.
fn commit(connection: &mut Connection, mut group: Vec<Box<dyn Job>>) {
    group.retain(|job| job.is_wanted());
    if group.len() > 1 && commit_together(connection, &mut group).is_ok() {
        for job in group {
            job.answer(Ok(()));
        }
        return;
    }
    for mut job in group {
        let committed = commit_alone(connection, &mut *job);
        job.answer(committed.map_err(|error| StoreError::sqlite("store.commit", &error)));
    }
}

fn commit_together(connection: &mut Connection, group: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    let mut together = |connection: &mut Connection| {
        run(connection, "BEGIN IMMEDIATE")?;
        for job in &mut *group {
            run(connection, "SAVEPOINT body")?;
            if !job.run(connection) {
                // Fails if the database has ended the whole transaction by itself.
                run(connection, "ROLLBACK TO body")?;
            }
            run(connection, "RELEASE body")?;
        }
        run(connection, "COMMIT")
    };
    together(connection).inspect_err(|_| roll_back(connection))
}

fn commit_alone(connection: &mut Connection, job: &mut dyn Job) -> rusqlite::Result<()> {
    run(connection, "BEGIN IMMEDIATE")?;
    if !job.run(connection) {
        roll_back(connection);
        return Ok(());
    }
    run(connection, "COMMIT").inspect_err(|_| roll_back(connection))
}

fn roll_back(connection: &Connection) {
    if !connection.is_autocommit() {
        // Nothing to do about a rollback that fails: the next BEGIN will say so.
        let _ = run(connection, "ROLLBACK");
    }
}

/// A write whose caller waits.
trait Job: Send {
    /// Whether the caller still waits.
    fn is_wanted(&self) -> bool;
    /// Runs the body and keeps its outcome; whether what it wrote is to be kept. May be called again.
    fn run(&mut self, connection: &mut Connection) -> bool;
    /// Tells the caller; `committed` says what became of a body that was to be kept.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Waiting<F, T, E> {
    body: F,
    /// None if the body has not run or has panicked.
    outcome: Option<Result<T, E>>,
    caller: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Job for Waiting<F, T, E>
where
    T: Send,
    E: From<StoreError> + Send,
    F: AsyncFn(&Tx<'_>) -> Result<T, E> + Send + Sync,
{
    fn is_wanted(&self) -> bool {
        !self.caller.is_closed()
    }

    fn run(&mut self, connection: &mut Connection) -> bool {
        let body = &self.body;
        // A panic must not end the thread that everybody writes through.
        self.outcome = catch_unwind(AssertUnwindSafe(|| {
            let tx = Tx::sqlite(connection);
            let answer = poll_once(pin!(body(&tx)));
            settle(answer, &tx)
        }))
        .ok();
        matches!(self.outcome, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let answer = match (self.outcome, committed) {
            (Some(Err(error)), _) => Err(error),
            (_, Err(error)) => Err(error.into()),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(StoreError::Misused("the body of a write panicked".to_owned()).into()),
        };
        let _ = self.caller.send(answer);
    }
}

/// The store's own futures are ready at once here; there is nobody to wake one that is not.
fn poll_once<T, E: From<StoreError>>(body: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    match pin!(body).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => {
            let text = "the body of a write waited for something other than the store";
            Err(StoreError::Misused(text.to_owned()).into())
        }
    }
}

/// A body that hides a failed statement has not succeeded.
pub(super) fn settle<T, E: From<StoreError>>(answer: Result<T, E>, tx: &Tx<'_>) -> Result<T, E> {
    if answer.is_ok() && tx.fate() != Fate::Sound {
        let text = "the body of a write answered `Ok` after a failed statement";
        return Err(StoreError::Misused(text.to_owned()).into());
    }
    answer
}
