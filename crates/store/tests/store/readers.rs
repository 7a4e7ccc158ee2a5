//! What SQLite's readers promise, whose transactions stay open between reads: they see every commit, and stand in
//! nobody's way for long.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use store::tenants::{self, Tenant};
use store::testing::NOW;
use store::{Db, Options, Read as _, Sql};
use types::TenantId;

/// As a server opens it.
const SNAPSHOT_TIME: Duration = Duration::from_millis(50);
/// Longer than a read transaction stays open, by far, so that a busy machine does not fail a test.
const SOON: Duration = Duration::from_secs(2);

async fn open(path: &Path) -> Db {
    let url = format!("sqlite:{}", path.display()).parse().unwrap();
    let db = Db::open(&url, &Options { snapshot_time: SNAPSHOT_TIME, ..Options::default() }).await.unwrap();
    db.migrate().await.unwrap();
    db
}

async fn insert(db: &Db, name: &str) {
    let tenant =
        Tenant { id: TenantId::of_name(name), name: name.to_owned(), created_at: NOW, updated_at: NOW };
    db.write(async move |tx| tenants::insert(tx, &tenant).await).await.unwrap();
}

async fn exists(db: &Db, name: &str) -> bool {
    tenants::get(db, TenantId::of_name(name)).await.unwrap().is_some()
}

/// Asks again until it holds, for [`SOON`] at most.
async fn soon(mut holds: impl AsyncFnMut() -> bool) -> bool {
    const PAUSE: Duration = Duration::from_millis(5);
    let mut waited = Duration::ZERO;
    while waited < SOON {
        if holds().await {
            return true;
        }
        tokio::time::sleep(PAUSE).await;
        waited += PAUSE;
    }
    false
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[tokio::test]
async fn whoever_was_answered_reads_what_was_written_on_every_thread() {
    const THREADS: usize = 4;
    const WRITES: usize = 50;
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder.path().join("test.db")).await;
    let threads: Vec<_> = (0..THREADS)
        .map(|number| {
            let db = db.clone();
            thread::spawn(move || {
                block_on(async {
                    for turn in 0..WRITES {
                        let name = format!("{number}-{turn}");
                        // This thread's transaction is open now, and older than the write.
                        assert!(!exists(&db, &name).await);
                        insert(&db, &name).await;
                        assert!(exists(&db, &name).await, "{name}");
                        // So must everybody else's be seen, once it was answered.
                        let other = db.clone();
                        let seen = thread::spawn(move || block_on(async { exists(&other, &name).await }));
                        assert!(seen.join().unwrap());
                    }
                });
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    db.close().await;
}

#[tokio::test]
async fn what_another_process_commits_is_seen_soon() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let (ours, theirs) = (open(&path).await, open(&path).await);
    assert!(!exists(&ours, "a").await);
    insert(&theirs, "a").await;
    assert!(soon(async || exists(&ours, "a").await).await);
    ours.close().await;
    theirs.close().await;
}

#[tokio::test]
async fn what_another_process_commits_is_seen_soon_after_a_long_read_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let (ours, theirs) = (open(&path).await, open(&path).await);
    // Its transaction is as old as one may be, and cannot be ended then.
    let one = Sql::Dynamic { name: "long", text: "SELECT COUNT(*) FROM tenants" };
    ours.fetch(one, &[], |_| {
        thread::sleep(SNAPSHOT_TIME * 3);
        Ok(())
    })
    .await
    .unwrap();
    insert(&theirs, "a").await;
    assert!(soon(async || exists(&ours, "a").await).await);
    ours.close().await;
    theirs.close().await;
}

#[tokio::test]
async fn what_another_process_commits_is_seen_at_once_by_readers_that_keep_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let theirs = open(&path).await;
    let url = format!("sqlite:{}", path.display()).parse().unwrap();
    let ours = Db::open(&url, &Options::default()).await.unwrap();
    for turn in 0..100 {
        let name = format!("{turn}");
        assert!(!exists(&ours, &name).await);
        insert(&theirs, &name).await;
        assert!(exists(&ours, &name).await, "{name}");
    }
    ours.close().await;
    theirs.close().await;
}

#[tokio::test]
async fn a_reader_at_rest_keeps_nobody_from_folding_the_log_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let db = open(&path).await;
    insert(&db, "a").await;
    assert!(exists(&db, "a").await);
    let other = Connection::open(&path).unwrap();
    other.busy_timeout(SOON).unwrap();
    let busy: i64 = other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
    assert_eq!(busy, 0);
    drop(other);
    db.close().await;
}

#[tokio::test]
async fn the_log_stays_short_while_others_read_without_pause() {
    /// The log is folded in at 1,000 pages of 4 KiB; what readers hold up may come on top, which is more while others use
    /// the machine.
    const LOG_BYTES_MAX: u64 = 6 * 1000 * 4096;
    /// Each of more than a page: twice the bound in all.
    const WRITES: usize = 4_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let db = open(&path).await;
    insert(&db, "a").await;
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (db, stop) = (db.clone(), Arc::clone(&stop));
            thread::spawn(move || {
                block_on(async {
                    while !stop.load(Ordering::Relaxed) {
                        assert!(exists(&db, "a").await);
                    }
                });
            })
        })
        .collect();
    let mut longest = 0;
    for turn in 0..WRITES {
        insert(&db, &format!("{turn:08192}")).await;
        let log = path.with_extension("db-wal");
        longest = longest.max(std::fs::metadata(log).map_or(0, |file| file.len()));
    }
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.join().unwrap();
    }
    println!("the longest log: {longest} bytes");
    assert!(longest < LOG_BYTES_MAX, "the log grew to {longest} bytes");
    db.close().await;
}

#[tokio::test]
async fn a_closed_database_has_no_log_left_whoever_read_from_it() {
    const THREADS: usize = 3;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let db = open(&path).await;
    insert(&db, "a").await;
    let (have_read, closed) = (Arc::new(Barrier::new(THREADS + 1)), Arc::new(Barrier::new(THREADS + 1)));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (db, have_read, closed) = (db.clone(), Arc::clone(&have_read), Arc::clone(&closed));
            thread::spawn(move || {
                assert!(block_on(exists(&db, "a")));
                have_read.wait();
                closed.wait();
            })
        })
        .collect();
    have_read.wait();
    db.close().await;
    let log = std::fs::metadata(path.with_extension("db-wal")).map_or(0, |file| file.len());
    closed.wait();
    assert_eq!(log, 0);
    for thread in threads {
        thread.join().unwrap();
    }
}
