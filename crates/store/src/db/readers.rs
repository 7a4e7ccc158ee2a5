//! SQLite's readers: one connection for each thread that reads.
//!
//! To begin and end a read of SQLite's log takes two system calls under a mutex that all connections of a process
//! share: threads that read then wait for each other more than they read. Measured: two thirds of the time of a
//! read under load. So a server's readers keep their read transaction open from one read to the next. It ends when
//! this process commits anything: whoever was answered reads what was written. And it ends within
//! [`Options::snapshot_time`], which bounds how late the commits of another process (`nictate keys rotate`, say) are
//! seen, and how long that process waits where it needs the log for itself.

use std::cell::RefCell;
use std::ffi::c_int;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use super::sqlite::{connect, run};
use super::{FetchError, Options};

/// Pages of the log from which on it is folded into the database; 4 KiB each.
const LOG_PAGES_MAX: c_int = 1000;
/// KiB of pages that a reader may keep; allocated as they are read.
const CACHE_KIB: i64 = 1024;

/// A reader as its thread and its database share it.
type Shared = Arc<Mutex<Reader>>;

thread_local! {
    /// This thread's readers, one for each open database. The weak end tells when a database is gone.
    static MINE: RefCell<Vec<(Weak<Readers>, Shared)>> = const { RefCell::new(Vec::new()) };
}

/// The readers of one database.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    busy_timeout: Duration,
    /// Tells the watcher that a transaction is open; none if none is kept open.
    watcher: Option<mpsc::Sender<()>>,
    /// Whether it has been told.
    watched: AtomicBool,
    /// Counts the commits of this process. A transaction that began under another count is out of date.
    commits: AtomicU64,
    /// Those of all threads; a thread that ends takes its own along.
    all: Mutex<Vec<Weak<Mutex<Reader>>>>,
}

/// A thread's reader. Others lock it only to end its transaction, and only if it is at rest.
#[derive(Debug, Default)]
struct Reader {
    connection: Option<Connection>,
    /// The count of commits when the open transaction began; none if none is open.
    began: Option<u64>,
}

impl Readers {
    /// For the database at `path`, which exists.
    pub(super) fn start(path: PathBuf, options: &Options) -> io::Result<Arc<Self>> {
        let (watcher, opened) = mpsc::channel();
        let snapshot_time = options.snapshot_time;
        let keeps = !snapshot_time.is_zero();
        let readers = Arc::new(Self {
            path,
            busy_timeout: options.busy_timeout,
            watcher: keeps.then_some(watcher),
            watched: AtomicBool::new(false),
            commits: AtomicU64::new(0),
            all: Mutex::default(),
        });
        if keeps {
            let watched = Arc::downgrade(&readers);
            let watch = move || watch(&watched, &opened, snapshot_time);
            thread::Builder::new().name("store-readers".to_owned()).spawn(watch)?;
        }
        Ok(readers)
    }

    /// Reads with this thread's connection, which sees every commit of this process that was answered. `work` must
    /// not come here again.
    pub(super) fn read(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<(), FetchError>,
    ) -> Result<(), FetchError> {
        MINE.with_borrow_mut(|mine| {
            let this = Arc::as_ptr(self);
            let known = mine.iter().position(|(readers, _)| readers.as_ptr() == this);
            let index = known.unwrap_or_else(|| {
                mine.retain(|(readers, _)| readers.strong_count() > 0);
                mine.push((Arc::downgrade(self), self.add()));
                mine.len() - 1
            });
            let mut reader = lock(&mine[index].1);
            let done = self.begin(&mut reader).map_err(FetchError::Sqlite).and_then(work);
            // A reader that met trouble is not kept: the next read starts with a fresh one.
            if matches!(done, Err(FetchError::Sqlite(_))) {
                *reader = Reader::default();
            }
            done
        })
    }

    /// The reader's connection; in a transaction that is up to date, if such are kept open.
    fn begin<'r>(&self, reader: &'r mut Reader) -> rusqlite::Result<&'r Connection> {
        let Reader { connection, began } = reader;
        let connection = match connection {
            Some(connection) => connection,
            None => connection.insert(self.connect()?),
        };
        let Some(watcher) = &self.watcher else { return Ok(connection) };
        // Before the transaction: a commit in between makes it look older than it is, never newer.
        let commits = self.commits.load(Ordering::Acquire);
        if *began != Some(commits) {
            if began.take().is_some() {
                run(connection, "ROLLBACK")?;
            }
            run(connection, "BEGIN")?;
            *began = Some(commits);
            if !self.watched.swap(true, Ordering::AcqRel) {
                // The thread is there as long as `self` is.
                let _ = watcher.send(());
            }
        }
        Ok(connection)
    }

    /// Follows the commits of the writing connection, and folds the log into the database when it is long. SQLite
    /// does that too, but within the commit, when no reader can have seen it: with readers whose transactions stay
    /// open the log would never be at its end for all of them, and so never be started over.
    pub(super) fn follow(self: &Arc<Self>, writer: &mut Connection) -> rusqlite::Result<()> {
        let readers = Arc::clone(self);
        writer.wal_hook(Some(move |log: &mut Wal, pages: c_int| {
            readers.committed();
            if pages >= LOG_PAGES_MAX {
                // What readers under way keep from being folded in comes with the next commit.
                let _ = log.checkpoint();
                // From now on they read past the log, which lets the writer start it over.
                readers.committed();
            }
            Ok(())
        }))
    }

    /// What reads from now on must see the newest commit.
    fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Release);
        self.rest();
    }

    /// Ends the open transactions, but for those of reads that are under way; whether there were none of these.
    fn rest(&self) -> bool {
        let mut all = true;
        for reader in &*lock(&self.all) {
            let Some(reader) = reader.upgrade() else { continue };
            match reader.try_lock() {
                Ok(mut reader) => reader.rest(),
                Err(_) => all = false,
            }
        }
        all
    }

    /// Closes all connections, waiting for reads that are under way.
    pub(super) fn close(&self) {
        for reader in &*lock(&self.all) {
            if let Some(reader) = reader.upgrade() {
                *lock(&reader) = Reader::default();
            }
        }
    }

    fn add(&self) -> Shared {
        let reader = Shared::default();
        let mut all = lock(&self.all);
        all.retain(|reader| reader.strong_count() > 0);
        all.push(Arc::downgrade(&reader));
        reader
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = connect(&self.path, self.busy_timeout)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        Ok(connection)
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.close();
    }
}

impl Reader {
    fn rest(&mut self) {
        let Some(connection) = &self.connection else { return };
        if self.began.take().is_some() && run(connection, "ROLLBACK").is_err() {
            *self = Self::default();
        }
    }
}

/// The thread that ends transactions in time. Sleeps while none is open; ends with the database.
fn watch(readers: &Weak<Readers>, opened: &mpsc::Receiver<()>, snapshot_time: Duration) {
    while opened.recv().is_ok() {
        loop {
            thread::sleep(snapshot_time);
            let Some(readers) = readers.upgrade() else { return };
            // First: one that opens meanwhile is told of again.
            readers.watched.store(false, Ordering::Release);
            if readers.rest() {
                break;
            }
            // The transaction of a read that was under way stays open behind it, and nobody tells of it again.
            readers.watched.store(true, Ordering::Release);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
