//! The inside of a write: statements that all take effect or none. Made by [`crate::Db::write`] alone.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::batch::Batch;
use crate::db::{Read, postgres, sqlite};
use crate::new_rows::NewRows;
use crate::statement::sql;
use crate::{Dialect, Row, RowError, Sql, Statement, StoreError, Value};

sql! {
    LOCK = "locks.take": "SELECT LENGTH(CAST($1 AS TEXT)) AS name_chars, {advisory_lock} AS held";
}

/// A transaction in progress. Copies of `&Tx` may be handed around freely.
///
/// After a statement has failed the transaction is lost on both engines: every further statement fails, and
/// so does the write, whatever its body answers.
pub struct Tx<'c> {
    driver: Driver<'c>,
    fate: AtomicU8,
    waits: AtomicU32,
}

enum Driver<'c> {
    // A mutex only because rusqlite's connection is not `Sync`; nobody ever waits for it.
    Sqlite(Mutex<&'c mut Connection>),
    Postgres(&'c deadpool_postgres::Transaction<'c>),
}

/// What has become of the transaction so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Sound,
    Failed,
    /// Lost against another transaction: worth another try.
    Conflicted,
}

impl<'c> Tx<'c> {
    pub(crate) fn sqlite(connection: &'c mut Connection) -> Self {
        Self {
            driver: Driver::Sqlite(Mutex::new(connection)),
            fate: AtomicU8::new(0),
            waits: AtomicU32::new(0),
        }
    }

    pub(crate) fn postgres(transaction: &'c deadpool_postgres::Transaction<'c>) -> Self {
        Self { driver: Driver::Postgres(transaction), fate: AtomicU8::new(0), waits: AtomicU32::new(0) }
    }

    pub(crate) fn fate(&self) -> Fate {
        match self.fate.load(Ordering::Relaxed) {
            0 => Fate::Sound,
            1 => Fate::Failed,
            _ => Fate::Conflicted,
        }
    }

    /// Makes every other transaction that locks this name wait for the end of this one. For what has no row that could be
    /// locked.
    pub(crate) async fn lock(&self, name: &str) -> Result<(), StoreError> {
        self.read_one(&LOCK, &[name.into()], |row| row.int(0)).await.map(drop)
    }

    /// Runs a statement and answers how many rows it changed.
    pub async fn execute(
        &self,
        statement: &'static Statement,
        params: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        self.check()?;
        match &self.driver {
            Driver::Sqlite(connection) => {
                let done = sqlite::execute(&lock(connection), statement, params);
                done.map_err(|error| self.lose(false, StoreError::sqlite(statement.name(), &error)))
            }
            Driver::Postgres(transaction) => {
                let done = postgres::execute(transaction, statement, params).await;
                done.map_err(|error| self.lose_postgres(statement.name(), &error))
            }
        }
    }

    /// Runs a statement once for each set of parameters, in order, in one round trip, and answers how many
    /// rows each run changed.
    pub async fn execute_each<'v, P>(
        &self,
        statement: &'static Statement,
        sets: &[P],
    ) -> Result<Vec<u64>, StoreError>
    where
        P: AsRef<[Value<'v>]> + Sync,
    {
        self.check()?;
        match &self.driver {
            Driver::Sqlite(connection) => {
                let connection = lock(connection);
                let run = |set: &P| sqlite::execute(&connection, statement, set.as_ref());
                let done = sets.iter().map(run).collect::<Result<_, _>>();
                done.map_err(|error| self.lose(false, StoreError::sqlite(statement.name(), &error)))
            }
            Driver::Postgres(transaction) => {
                let done = postgres::execute_each(transaction, statement, sets).await;
                done.map_err(|error| self.lose_postgres(statement.name(), &error))
            }
        }
    }

    /// Runs statements whose order does not matter, in one round trip; none at all if there is nothing in them.
    pub(crate) async fn run_all(&self, batches: &[Batch<'_>]) -> Result<(), StoreError> {
        if batches.iter().all(|batch| batch.sets.is_empty()) {
            return Ok(());
        }
        self.check()?;
        match &self.driver {
            // A statement costs nothing on the way there, so one that is prepared already is the quickest.
            Driver::Sqlite(connection) => {
                let connection = lock(connection);
                for batch in batches {
                    for set in &batch.sets {
                        let done = sqlite::execute(&connection, batch.statement, set);
                        let name = batch.statement.name();
                        done.map_err(|error| self.lose(false, StoreError::sqlite(name, &error)))?;
                    }
                }
                Ok(())
            }
            Driver::Postgres(transaction) => {
                let done = postgres::run_all(transaction, batches).await;
                done.map_err(|(statement, error)| self.lose_postgres(statement.name(), &error))
            }
        }
    }

    /// Stores rows.
    pub(crate) async fn insert(&self, rows: &NewRows<'_, '_>) -> Result<(), StoreError> {
        self.check()?;
        match &self.driver {
            Driver::Sqlite(connection) => {
                let done = sqlite::insert(&lock(connection), rows);
                done.map_err(|error| self.lose(false, StoreError::sqlite(rows.name, &error)))
            }
            Driver::Postgres(transaction) => {
                let done = postgres::insert(transaction, rows).await;
                done.map_err(|error| self.lose_postgres(rows.name, &error))
            }
        }
    }

    /// How often the transaction has waited for the database until now, its beginning and its end left out: what is
    /// asked at once counts once each.
    pub fn waits(&self) -> u32 {
        self.waits.load(Ordering::Relaxed)
    }

    /// Before each question.
    fn check(&self) -> Result<(), StoreError> {
        self.waits.fetch_add(1, Ordering::Relaxed);
        match self.fate() {
            Fate::Sound => Ok(()),
            _ => Err(StoreError::Misused(
                "a statement follows a failed one in the same transaction".to_owned(),
            )),
        }
    }

    fn lose(&self, conflict: bool, error: StoreError) -> StoreError {
        // Of statements that were sent together, those after the first failure fail for that one.
        let fate = if conflict { 2 } else { 1 };
        let _ = self.fate.compare_exchange(0, fate, Ordering::Relaxed, Ordering::Relaxed);
        error
    }

    fn lose_postgres(&self, name: &'static str, error: &tokio_postgres::Error) -> StoreError {
        self.lose(crate::error::is_conflict(error), StoreError::postgres(name, error))
    }
}

impl Read for Tx<'_> {
    fn dialect(&self) -> Dialect {
        match self.driver {
            Driver::Sqlite(_) => Dialect::Sqlite,
            Driver::Postgres(_) => Dialect::Postgres,
        }
    }

    async fn fetch<F>(&self, sql: Sql<'_>, params: &[Value<'_>], mut each: F) -> Result<(), StoreError>
    where
        F: FnMut(&Row<'_>) -> Result<(), RowError> + Send,
    {
        self.check()?;
        let fetched = match &self.driver {
            Driver::Sqlite(connection) => sqlite::fetch(&lock(connection), sql, params, &mut each),
            Driver::Postgres(transaction) => {
                let cache = &transaction.statement_cache;
                postgres::fetch(transaction.client(), cache, sql, params, &mut each).await
            }
        };
        fetched.map_err(|error| match error {
            crate::db::FetchError::Sqlite(error) => self.lose(false, StoreError::sqlite(sql.name(), &error)),
            crate::db::FetchError::Postgres(error) => self.lose_postgres(sql.name(), &error),
            other => other.into_store(sql),
        })
    }
}

fn lock<'m, 'c>(connection: &'m Mutex<&'c mut Connection>) -> MutexGuard<'m, &'c mut Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("dialect", &self.dialect()).field("fate", &self.fate()).finish()
    }
}
