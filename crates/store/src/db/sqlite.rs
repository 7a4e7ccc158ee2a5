//! SQLite through rusqlite. Reads run at once on the calling thread, on a connection which that thread keeps:
//! a read by key costs microseconds, less than handing it to another thread would. Writes go to the writer.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{CachedStatement, Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::readers::Readers;
use super::writer::Writer;
use super::{FetchError, Options};
use crate::new_rows::NewRows;
use crate::statement::for_sqlite;
use crate::{Dialect, Row, RowError, Sql, Statement, StoreError, Tx, Value};

/// Prepared statements that a connection keeps.
const STATEMENTS_KEPT_MAX: usize = 64;
/// KiB of pages that the writer may keep; it has them only once it has needed them. With less, a bulk write into a table with
/// indexes writes the same pages over and over.
const WRITER_CACHE_KIB: i64 = 32 * 1024;

/// A database file. Clones share it.
#[derive(Clone, Debug)]
pub struct Sqlite(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    readers: Arc<Readers>,
    writer: Writer,
    turns: Arc<Semaphore>,
}

impl Sqlite {
    pub(super) fn path(&self) -> &Path {
        &self.0.path
    }

    /// Those of queries that somebody else has written.
    pub(super) fn turns(&self) -> &Arc<Semaphore> {
        &self.0.turns
    }

    pub(super) fn open(path: &Path, options: &Options) -> Result<Self, StoreError> {
        let unusable = |error: &dyn std::fmt::Display| {
            StoreError::Unavailable(format!("cannot open `{}`: {error}", path.display()))
        };
        // Made here rather than by SQLite for its mode; the -wal and -shm files take it over.
        let made = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
        made.map_err(|error| unusable(&error))?;
        let mut connection = connect(path, options.busy_timeout).map_err(|error| unusable(&error))?;
        prepare_writer(&connection).map_err(|error| unusable(&error))?;
        let readers = Readers::start(path.to_owned(), options).map_err(|error| unusable(&error))?;
        readers.follow(&mut connection).map_err(|error| unusable(&error))?;
        let writer = Writer::start(connection, Arc::clone(&readers)).map_err(|error| unusable(&error))?;
        let turns = Arc::new(Semaphore::new(super::bounded::AT_ONCE_MAX));
        Ok(Self(Arc::new(Shared { path: path.to_owned(), readers, writer, turns })))
    }

    pub(super) fn fetch(
        &self,
        sql: Sql<'_>,
        params: &[Value<'_>],
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), RowError>,
    ) -> Result<(), StoreError> {
        let fetched = self.0.readers.read(|connection| fetch(connection, sql, params, each));
        fetched.map_err(|error| error.into_store(sql))
    }

    pub(super) async fn write<T, E, F>(&self, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: AsyncFn(&Tx<'_>) -> Result<T, E> + Send + Sync + 'static,
    {
        self.0.writer.write(body).await
    }

    /// Runs `work` on the writer's connection, outside any transaction.
    pub(crate) async fn alone<R, F>(&self, work: F) -> Result<R, StoreError>
    where
        R: Send + 'static,
        F: FnOnce(&mut Connection) -> R + Send + 'static,
    {
        self.0.writer.alone(work).await
    }

    pub(super) async fn close(&self) {
        self.0.writer.close().await;
    }
}

/// Opens an existing file. No mutex: a connection is never used by two threads at once.
pub(super) fn connect(path: &Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT_MAX);
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

fn prepare_writer(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: in WAL mode anything less may lose the last commits when the power fails.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)
}

pub(crate) fn fetch(
    connection: &Connection,
    sql: Sql<'_>,
    params: &[Value<'_>],
    each: &mut dyn FnMut(&Row<'_>) -> Result<(), RowError>,
) -> Result<(), FetchError> {
    let mut statement = match sql {
        Sql::Static(statement) => connection.prepare_cached(statement.text(Dialect::Sqlite)),
        Sql::Dynamic { text, .. } => connection.prepare_cached(&for_sqlite(text)),
    }
    .map_err(FetchError::Sqlite)?;
    bind(&mut statement, params).map_err(FetchError::Sqlite)?;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(FetchError::Sqlite)? {
        let row = Row::Sqlite(row);
        each(&row).map_err(|error| FetchError::corrupt(sql, &row, error))?;
    }
    Ok(())
}

pub(crate) fn execute(
    connection: &Connection,
    statement: &'static Statement,
    params: &[Value<'_>],
) -> rusqlite::Result<u64> {
    let mut prepared = connection.prepare_cached(statement.text(Dialect::Sqlite))?;
    bind(&mut prepared, params)?;
    prepared.raw_execute().map(|changed| changed as u64)
}

/// Stores rows, one after the other.
pub(crate) fn insert(connection: &Connection, rows: &NewRows<'_, '_>) -> rusqlite::Result<()> {
    let mut prepared = connection.prepare_cached(&rows.text_of_one())?;
    for row in rows.rows() {
        bind(&mut prepared, row)?;
        prepared.raw_execute()?;
    }
    Ok(())
}

/// Runs a statement without parameters.
pub(super) fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.raw_execute().map(|_| ())
}

/// Binds by number. Fails if there are more or fewer values than the statement has parameters.
fn bind(statement: &mut CachedStatement<'_>, params: &[Value<'_>]) -> rusqlite::Result<()> {
    if statement.parameter_count() != params.len() {
        return Err(rusqlite::Error::InvalidParameterCount(params.len(), statement.parameter_count()));
    }
    for (index, value) in params.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, value)?;
    }
    Ok(())
}
