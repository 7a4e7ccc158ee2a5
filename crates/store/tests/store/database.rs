//! What holds for every read and write, whatever the noun: all or nothing, once, and fit to recover.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use store::tenants::{self, Tenant};
use store::testing::{self, NOW, each_database, on_postgres, on_sqlite, seed};
use store::{Db, Dialect, Options, Read, Sql, Statement, StoreError};
use types::TenantId;

static CORRUPT_ID: Statement =
    Statement::new("tenants.corrupt", "UPDATE tenants SET id = 'nonsense' WHERE id = $1");
static COUNTER: Statement = Statement::new("tenants.counter", "SELECT updated_at FROM tenants WHERE id = $1");
static COUNT_UP: Statement =
    Statement::new("tenants.count_up", "UPDATE tenants SET updated_at = $2 WHERE id = $1");
static NEWER: Statement = Statement::new(
    "schema_migrations.newer",
    "INSERT INTO schema_migrations (version, name, checksum) VALUES (9999, '9999_later', '')",
);
static HANG_UP: Statement = Statement::new(
    "pg_stat_activity.hang_up",
    "SELECT CAST(pg_terminate_backend(pid) AS TEXT) FROM pg_stat_activity WHERE application_name = $1",
);

fn tenant(name: &str) -> Tenant {
    Tenant { id: TenantId::of_name(name), name: name.to_owned(), created_at: NOW, updated_at: NOW }
}

async fn insert(db: &Db, name: &'static str) -> Result<(), StoreError> {
    db.write(async move |tx| tenants::insert(tx, &tenant(name)).await).await
}

async fn exists(db: &Db, name: &str) -> bool {
    tenants::get(db, TenantId::of_name(name)).await.unwrap().is_some()
}

#[tokio::test]
async fn every_statement_is_understood_alike_by_both_engines() {
    let understood = std::cell::RefCell::new(Vec::new());
    each_database(async |db| {
        let prepared: Result<Vec<_>, _> = testing::prepare_all(&db).await.into_iter().collect();
        understood.borrow_mut().push(prepared.unwrap());
    })
    .await;
    let understood = understood.into_inner();
    assert!(understood[0].len() > 50, "only {} statements are registered", understood[0].len());
    assert_eq!(understood[0], understood[1]);
    for (prepared, statement) in
        understood[0].iter().map(|p| (p, Statement::all().find(|s| s.name() == p.name)))
    {
        assert_eq!(statement.map(Statement::parameter_count), Some(prepared.parameters), "{}", prepared.name);
    }
}

#[tokio::test]
async fn a_body_that_answers_an_error_leaves_nothing_behind() {
    each_database(async |db| {
        let outcome: Result<(), StoreError> = db
            .write(async |tx| {
                tenants::insert(tx, &tenant("a")).await?;
                Err(StoreError::Misused("changed my mind".to_owned()))
            })
            .await;
        assert_eq!(outcome.unwrap_err().to_string(), "changed my mind");
        assert!(!exists(&db, "a").await);
    })
    .await;
}

#[tokio::test]
async fn a_body_sees_what_it_wrote_and_others_do_not_until_it_is_done() {
    each_database(async |db| {
        let other = db.clone();
        let seen = db.write(async move |tx| {
            tenants::insert(tx, &tenant("a")).await?;
            Ok::<_, StoreError>(tenants::get(tx, TenantId::of_name("a")).await?.is_some())
        });
        assert!(seen.await.unwrap());
        assert!(exists(&other, "a").await);
    })
    .await;
}

#[tokio::test]
async fn a_hidden_failure_of_a_statement_fails_the_write() {
    each_database(async |db| {
        insert(&db, "a").await.unwrap();
        let outcome = db.write(async |tx| {
            tenants::insert(tx, &tenant("b")).await?;
            let _ = tenants::insert(tx, &tenant("a")).await;
            Ok::<_, StoreError>(())
        });
        assert!(matches!(outcome.await, Err(StoreError::Misused(_))));
        assert!(!exists(&db, "b").await);
    })
    .await;
}

#[tokio::test]
async fn writes_at_the_same_time_are_all_done_and_a_failing_one_stands_alone() {
    each_database(async |db| {
        insert(&db, "taken").await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..100_u32 {
            let db = db.clone();
            tasks.spawn(async move {
                db.write(async move |tx| {
                    tenants::insert(tx, &tenant(&format!("t{number}"))).await?;
                    if number % 10 == 3 {
                        tenants::insert(tx, &tenant("taken")).await?;
                    }
                    Ok::<_, StoreError>(())
                })
                .await
                .is_ok()
            });
        }
        let done = tasks.join_all().await.into_iter().filter(|done| *done).count();
        assert_eq!(done, 90);
        for number in 0..100 {
            assert_eq!(exists(&db, &format!("t{number}")).await, number % 10 != 3, "{number}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_lost_conflict_is_run_again() {
    let databases = testing::databases().await;
    let serializable = "%20-c%20default_transaction_isolation%3Dserializable";
    let [sqlite, postgres] = databases.urls();
    for url in [sqlite.to_owned(), format!("{postgres}{serializable}")] {
        let db = Db::open(&url.parse().unwrap(), &Options::default()).await.unwrap();
        db.migrate().await.unwrap();
        insert(&db, "a").await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let db = db.clone();
            tasks.spawn(async move {
                for _ in 0..5 {
                    let id = TenantId::of_name("a");
                    db.write(async move |tx| {
                        let count = tx.read_one(&COUNTER, &[id.into()], |row| row.int(0)).await?.unwrap();
                        tx.execute(&COUNT_UP, &[id.into(), (count + 1).into()]).await
                    })
                    .await
                    .unwrap();
                }
            });
        }
        tasks.join_all().await;
        let count = db.read_one(&COUNTER, &[TenantId::of_name("a").into()], |row| row.int(0)).await.unwrap();
        assert_eq!(count, Some(NOW.as_millis() + 20));
        db.close().await;
    }
    databases.drop_all().await;
}

#[tokio::test]
async fn a_body_that_waits_for_something_else_fails_on_sqlite() {
    on_sqlite(async |db| {
        let outcome = db.write(async |tx| {
            tenants::insert(tx, &tenant("a")).await?;
            tokio::task::yield_now().await;
            Ok::<_, StoreError>(())
        });
        assert!(outcome.await.unwrap_err().to_string().contains("waited for something other than the store"));
        assert!(!exists(&db, "a").await);
        insert(&db, "a").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_body_that_panics_does_not_take_the_writer_along() {
    on_sqlite(async |db| {
        let outcome: Result<(), StoreError> = db.write(async |_| panic!("at the disco")).await;
        assert!(matches!(outcome, Err(StoreError::Misused(_))));
        insert(&db, "a").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_any_more_leaves_its_connection_usable() {
    on_postgres(async |db| {
        let begun = Arc::new(tokio::sync::Notify::new());
        let signal = Arc::clone(&begun);
        let write = db.write(async move |tx| {
            tenants::insert(tx, &tenant("a")).await?;
            signal.notify_one();
            std::future::pending::<Result<(), StoreError>>().await
        });
        tokio::select! { _ = write => {}, () = begun.notified() => {} }
        insert(&db, "b").await.unwrap();
        assert_eq!((exists(&db, "a").await, exists(&db, "b").await), (false, true));
    })
    .await;
}

#[tokio::test]
async fn broken_connections_are_replaced_unnoticed() {
    let databases = testing::databases().await;
    let [_, url] = databases.urls();
    let victim = format!("victim{}", std::process::id());
    let killer = Db::open(&url.parse().unwrap(), &Options::default()).await.unwrap();
    let url = format!("{url}&application_name={victim}").parse().unwrap();
    let db = Db::open(&url, &Options::default()).await.unwrap();
    db.migrate().await.unwrap();
    let hang_up = async || {
        let killed = killer.read_all(&HANG_UP, &[(&victim).into()], |row| row.string(0)).await.unwrap();
        assert!(!killed.is_empty());
    };
    insert(&db, "a").await.unwrap();
    hang_up().await;
    assert!(exists(&db, "a").await);
    hang_up().await;
    insert(&db, "b").await.unwrap();
    hang_up().await;
    assert!(exists(&db, "b").await);
    db.close().await;
    databases.drop_all().await;
}

#[tokio::test]
async fn a_postgresql_that_falls_silent_counts_as_gone_and_its_connection_is_not_used_again() {
    let databases = testing::databases().await;
    let [_, url] = databases.urls();
    let answer_timeout = Duration::from_millis(300);
    let options = Options { connections_max: 1, answer_timeout, ..Options::default() };
    let db = Db::open(&url.parse().unwrap(), &options).await.unwrap();
    db.migrate().await.unwrap();
    const SLEEPS: Sql<'_> = Sql::Dynamic { name: "store.sleeps", text: "SELECT CAST(pg_sleep(3) AS TEXT)" };
    let read = db.fetch(SLEEPS, &[], |_| Ok(())).await.unwrap_err();
    let write = db.write(async |tx| {
        tenants::insert(tx, &tenant("a")).await?;
        tx.fetch(SLEEPS, &[], |_| Ok(())).await
    });
    let write = write.await.unwrap_err();
    for error in [read, write] {
        assert!(error.is_unavailable() && error.to_string().contains("within 0.3 s"), "{error}");
    }
    insert(&db, "b").await.unwrap();
    assert!(exists(&db, "b").await && !exists(&db, "a").await);
    db.close().await;
    databases.drop_all().await;
}

#[tokio::test]
async fn a_full_disk_makes_writes_unavailable_until_there_is_room() {
    on_sqlite(async |db| {
        testing::set_sqlite_pages_max(&db, 1).await;
        let long: &'static str = "x".repeat(400_000).leak();
        let error = insert(&db, long).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        testing::set_sqlite_pages_max(&db, 1_000_000).await;
        insert(&db, long).await.unwrap();
        assert!(exists(&db, long).await);
    })
    .await;
}

#[tokio::test]
async fn a_value_that_cannot_be_is_named_and_nothing_panics() {
    each_database(async |db| {
        insert(&db, "a").await.unwrap();
        let id = TenantId::of_name("a");
        db.write(async move |tx| tx.execute(&CORRUPT_ID, &[id.into()]).await).await.unwrap();
        let error = tenants::first(&db).await.unwrap_err().to_string();
        assert!(error.starts_with("table `tenants`, column `id`, id `nonsense`: "), "{error}");
    })
    .await;
}

#[tokio::test]
async fn text_is_bound_never_spliced() {
    each_database(async |db| {
        let name = "'; DROP TABLE tenants; -- $1 ?1 {skip_locked} \u{1F980}";
        insert(&db, name).await.unwrap();
        let found = tenants::get(&db, TenantId::of_name(name)).await.unwrap().unwrap();
        assert_eq!(found.name, name);
    })
    .await;
}

#[tokio::test]
async fn migrations_are_applied_once_however_many_servers_start() {
    let databases = testing::databases().await;
    for url in databases.urls() {
        let mut tasks = tokio::task::JoinSet::new();
        let url: store::DatabaseUrl = url.parse().unwrap();
        let first = Db::open(&url, &Options::default()).await.unwrap();
        let pending = first.pending_migrations().await.unwrap();
        assert_eq!(pending.first(), Some(&"0001_initial"));
        let applied = Arc::new(AtomicU32::new(0));
        for _ in 0..8 {
            let (url, applied) = (url.clone(), Arc::clone(&applied));
            tasks.spawn(async move {
                let db = Db::open(&url, &Options::default()).await.unwrap();
                applied.fetch_add(db.migrate().await.unwrap().len() as u32, Ordering::SeqCst);
                db.close().await;
            });
        }
        tasks.join_all().await;
        assert_eq!(applied.load(Ordering::SeqCst) as usize, pending.len());
        assert!(first.pending_migrations().await.unwrap().is_empty());
        seed(&first).await;
        first.close().await;
    }
    databases.drop_all().await;
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    each_database(async |db| {
        db.write(async |tx| tx.execute(&NEWER, &[]).await).await.unwrap();
        for error in [db.migrate().await.unwrap_err(), db.pending_migrations().await.unwrap_err()] {
            assert!(error.to_string().contains("`9999_later`, which this program does not know"), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nictate.db");
    let url = format!("sqlite:{}", path.display()).parse().unwrap();
    let db = Db::open(&url, &Options::default()).await.unwrap();
    db.migrate().await.unwrap();
    seed(&db).await;
    for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
    db.close().await;
    let error = insert(&db, "late").await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told_at_once_and_without_its_password() {
    let options = Options { acquire_timeout: Duration::from_secs(2), ..Options::default() };
    for url in ["sqlite:/nowhere/at/all.db", "postgres://ana:hunter2@127.0.0.1:1/nictate"] {
        let error = Db::open(&url.parse().unwrap(), &options).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn reads_from_many_threads_see_the_last_commit() {
    each_database(async |db| {
        insert(&db, "a").await.unwrap();
        let mut tasks = Vec::new();
        for _ in 0..4 {
            let db = db.clone();
            tasks.push(std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                // A connection of the pool lives on the runtime that made it, so PostgreSQL is not asked here.
                db.dialect() == Dialect::Postgres || runtime.block_on(exists(&db, "a"))
            }));
        }
        assert!(tasks.into_iter().all(|task| task.join().unwrap()));
    })
    .await;
}

#[tokio::test]
async fn a_wrong_number_of_parameters_is_an_error() {
    each_database(async |db| {
        let sql = Sql::Static(&COUNTER);
        assert!(db.fetch(sql, &[], |_| Ok(())).await.is_err());
        assert!(db.fetch(sql, &["a".into(), "b".into()], |_| Ok(())).await.is_err());
    })
    .await;
}
