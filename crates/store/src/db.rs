//! The database behind one type. Here, and in the drivers' files below, is the only fork between SQLite and
//! PostgreSQL; whoever reads or writes does not see which one it is.

pub(crate) mod bounded;
pub(crate) mod postgres;
mod readers;
pub(crate) mod sqlite;
mod tls;
mod writer;

use std::future::Future;
use std::time::Duration;

use crate::{DatabaseUrl, Dialect, Row, RowError, Sql, Statement, StoreError, Tx, Value, migrate};

/// How to open a database; the defaults suit a server.
#[derive(Clone, Debug)]
pub struct Options {
    /// Connections to PostgreSQL at most.
    pub connections_max: usize,
    /// How long a statement waits for a free connection to PostgreSQL, and a connection for its making.
    pub acquire_timeout: Duration,
    /// How long PostgreSQL may take over a read or a transaction, before it counts as gone.
    pub answer_timeout: Duration,
    /// How long SQLite waits for another process that writes.
    pub busy_timeout: Duration,
    /// How long SQLite's readers may keep a state while this process writes nothing: as much later they see what
    /// other processes write. Zero, the default: they take and give back their locks with each read.
    pub snapshot_time: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections_max: 16,
            acquire_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(30),
            busy_timeout: Duration::from_secs(5),
            snapshot_time: Duration::ZERO,
        }
    }
}

/// An open database. Clones share it.
#[derive(Clone, Debug)]
pub enum Db {
    /// SQLite: readers on the calling threads, one writer thread.
    Sqlite(sqlite::Sqlite),
    /// PostgreSQL: a pool of connections.
    Postgres(postgres::Postgres),
}

impl Db {
    /// Opens the database and sees that it answers. An SQLite file is made, with mode 0600, if there is none.
    pub async fn open(url: &DatabaseUrl, options: &Options) -> Result<Self, StoreError> {
        let db = match url {
            DatabaseUrl::Sqlite(path) => Self::Sqlite(sqlite::Sqlite::open(path, options)?),
            DatabaseUrl::Postgres(target) => Self::Postgres(postgres::Postgres::open(target, options)?),
        };
        db.ping().await?;
        Ok(db)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.fetch(Sql::Dynamic { name: "store.ping", text: "SELECT 1" }, &[], |_| Ok(())).await
    }

    /// Brings the schema up to this program's. Several servers may do so at once. Fails if the schema is
    /// newer than the program, or if a migration that was applied has been changed since.
    pub async fn migrate(&self) -> Result<Vec<&'static str>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.alone(migrate::sqlite).await?,
            Self::Postgres(postgres) => migrate::postgres(&*postgres.connection().await?).await,
        }
    }

    /// The names of the migrations that [`Db::migrate`] would apply. Changes nothing.
    pub async fn pending_migrations(&self) -> Result<Vec<&'static str>, StoreError> {
        migrate::pending(self).await
    }

    /// Runs `body` in a transaction and commits what it did if it answers `Ok`; whatever it answers
    /// otherwise rolls back. The body may be run more than once (a lost conflict, a regrouped commit), so
    /// it does nothing but store calls; on SQLite a body that waits for anything else fails.
    ///
    /// If the caller stops waiting, the write is either done or not done, never half.
    pub async fn write<T, E, F>(&self, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: AsyncFn(&Tx<'_>) -> Result<T, E> + Send + Sync + 'static,
    {
        match self {
            Self::Sqlite(sqlite) => sqlite.write(body).await,
            Self::Postgres(postgres) => postgres.write(&body).await,
        }
    }

    /// Stops taking writes, finishes those it has, and lets the connections go.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            Self::Postgres(postgres) => postgres.close(),
        }
    }
}

/// Something to read from: the database itself, or a transaction in progress.
pub trait Read: Sync {
    /// Which database answers.
    fn dialect(&self) -> Dialect;

    /// Runs `sql` and hands each row to `each`.
    fn fetch<F>(
        &self,
        sql: Sql<'_>,
        params: &[Value<'_>],
        each: F,
    ) -> impl Future<Output = Result<(), StoreError>> + Send
    where
        F: FnMut(&Row<'_>) -> Result<(), RowError> + Send;

    /// The one row of the result, if there is one.
    fn read_one<T: Send>(
        &self,
        statement: &'static Statement,
        params: &[Value<'_>],
        mut decode: impl FnMut(&Row<'_>) -> Result<T, RowError> + Send,
    ) -> impl Future<Output = Result<Option<T>, StoreError>> + Send {
        async move {
            let mut found = None;
            self.fetch(Sql::Static(statement), params, |row| {
                found = Some(decode(row)?);
                Ok(())
            })
            .await?;
            Ok(found)
        }
    }

    /// The number that the result's one row holds; 0 if there is no row.
    fn count(
        &self,
        statement: &'static Statement,
        params: &[Value<'_>],
    ) -> impl Future<Output = Result<i64, StoreError>> + Send {
        async move { Ok(self.read_one(statement, params, |row| row.int(0)).await?.unwrap_or_default()) }
    }

    /// Every row of the result.
    fn read_all<T: Send>(
        &self,
        statement: &'static Statement,
        params: &[Value<'_>],
        decode: fn(&Row<'_>) -> Result<T, RowError>,
    ) -> impl Future<Output = Result<Vec<T>, StoreError>> + Send {
        async move {
            let mut found = Vec::new();
            self.fetch(Sql::Static(statement), params, |row| {
                found.push(decode(row)?);
                Ok(())
            })
            .await?;
            Ok(found)
        }
    }
}

impl Read for Db {
    fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    async fn fetch<F>(&self, sql: Sql<'_>, params: &[Value<'_>], mut each: F) -> Result<(), StoreError>
    where
        F: FnMut(&Row<'_>) -> Result<(), RowError> + Send,
    {
        match self {
            Self::Sqlite(sqlite) => sqlite.fetch(sql, params, &mut each),
            Self::Postgres(postgres) => postgres.fetch(sql, params, &mut each).await,
        }
    }
}

/// Why rows could not be fetched; the driver's own error, because its meaning depends on who asked.
#[derive(Debug)]
pub(crate) enum FetchError {
    Sqlite(rusqlite::Error),
    Postgres(tokio_postgres::Error),
    Store(StoreError),
    /// No answer in time.
    Silent,
}

impl FetchError {
    /// A value of `row` is not what it should be.
    fn corrupt(sql: Sql<'_>, row: &Row<'_>, error: RowError) -> Self {
        let (column, id) = row.place(error.column);
        Self::Store(StoreError::Corrupt { table: sql.table().to_owned(), column, id, reason: error.reason })
    }

    pub(crate) fn into_store(self, sql: Sql<'_>) -> StoreError {
        match self {
            Self::Sqlite(error) => StoreError::sqlite(sql.name(), &error),
            Self::Postgres(error) => StoreError::postgres(sql.name(), &error),
            Self::Store(error) => error,
            Self::Silent => StoreError::Unavailable("it has not answered in time".to_owned()),
        }
    }
}
