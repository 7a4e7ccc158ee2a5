//! For tests only (feature `testing`): the same test on both databases, each in an empty one of its own, and
//! rows to begin with. Used by this crate's tests and by the server's.

mod fixtures;
mod postgres;
mod statements;

use std::panic::{AssertUnwindSafe, resume_unwind};

use futures_util::FutureExt;

pub use fixtures::{NOW, Seeded, completed, connection, execution, query, seed, version, workflow};
pub use statements::{Prepared, plan_of, prepare_all, rows_of_workspace, run_sql, set_sqlite_pages_max};

use crate::{Db, Options};

/// Runs `test` on SQLite, then on PostgreSQL, each time with an empty, migrated database, which is dropped
/// afterwards. Panics if a database cannot be had.
///
/// PostgreSQL is the server which `NICTATE_TEST_POSTGRES_URL` names (as a user who may create schemas), or
/// else one which is started in the target folder, for all test processes together, and left running.
pub async fn each_database<F: AsyncFn(Db)>(test: F) {
    on_sqlite(&test).await;
    on_postgres(&test).await;
}

/// Runs `test` on SQLite alone: for what only SQLite does.
pub async fn on_sqlite<F: AsyncFn(Db)>(test: F) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    run(&url, &test).await;
}

/// Runs `test` on PostgreSQL alone: for what only PostgreSQL does.
pub async fn on_postgres<F: AsyncFn(Db)>(test: F) {
    let schema = postgres::Schema::create().await;
    let outcome = AssertUnwindSafe(run(schema.url(), &test)).catch_unwind().await;
    schema.drop().await;
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

/// Addresses of two empty databases, one of each kind, for tests that start whole servers; they are gone when
/// the answer is dropped by [`Databases::drop_all`].
pub async fn databases() -> Databases {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let sqlite = format!("sqlite:{}", folder.path().join("test.db").display());
    Databases { sqlite, schema: postgres::Schema::create().await, _folder: folder }
}

/// See [`databases`].
#[derive(Debug)]
pub struct Databases {
    sqlite: String,
    schema: postgres::Schema,
    _folder: tempfile::TempDir,
}

impl Databases {
    /// `sqlite:...` and `postgres://...`.
    pub fn urls(&self) -> [&str; 2] {
        [&self.sqlite, self.schema.url()]
    }

    /// Drops them.
    pub async fn drop_all(self) {
        self.schema.drop().await;
    }
}

async fn run<F: AsyncFn(Db)>(url: &str, test: &F) {
    let url = url.parse().expect("the address of the test's database");
    let db = Db::open(&url, &Options::default()).await.expect("the test's database can be opened");
    db.migrate().await.expect("the test's database can be migrated");
    test(db.clone()).await;
    db.close().await;
}
