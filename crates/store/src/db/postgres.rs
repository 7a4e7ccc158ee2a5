//! PostgreSQL through tokio-postgres and deadpool. A read is one round trip on a pooled connection with a
//! prepared statement; a write is a transaction, run again when it lost against another one.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, StatementCache,
};
use futures_util::future::try_join_all;
use futures_util::{TryStreamExt, pin_mut};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};

use super::writer::settle;
use super::{FetchError, Options, tls};
use crate::batch::Batch;
use crate::new_rows::{NewRows, array_type};
use crate::statement::ROWS_MAX;
use crate::tx::Fate;
use crate::url::{PostgresTarget, TlsMode};
use crate::{Dialect, Row, RowError, Sql, Statement, StoreError, Tx, Value};

/// Times that a transaction is run before a conflict is given up on.
const WRITE_ATTEMPTS_MAX: u32 = 10;
/// How long the first loser of a conflict waits; twice as long each time after, up to 64 times.
const CONFLICT_PAUSE: Duration = Duration::from_millis(1);
/// Statements on their way at once within one transaction.
const PIPELINE_STATEMENTS_MAX: usize = 256;

/// For how long a transaction may stand still. A process that is frozen in the middle of one must not keep its locks, or
/// nobody could take its runs over. A statement of its own rather than a parameter of the connection, which poolers refuse.
const SESSION: &str = "SET idle_in_transaction_session_timeout = 10000";

/// A pool of connections. Clones share it.
#[derive(Clone)]
pub struct Postgres {
    pool: Pool,
    target: Arc<PostgresTarget>,
    answer_timeout: Duration,
    turns: Arc<Semaphore>,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Postgres").field(&self.target.to_string()).finish()
    }
}

impl Postgres {
    pub(crate) fn open(target: &PostgresTarget, options: &Options) -> Result<Self, StoreError> {
        // Fast: no question to the server before each use. A connection that broke unseen fails its first
        // statement, which `fetch` tries once more.
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match &target.tls {
            TlsMode::Disable => Manager::from_config(target.config.clone(), NoTls, config),
            mode => Manager::from_config(target.config.clone(), tls::connector(mode)?, config),
        };
        let pool = Pool::builder(manager)
            .max_size(options.connections_max)
            .wait_timeout(Some(options.acquire_timeout))
            .create_timeout(Some(options.acquire_timeout))
            .runtime(Runtime::Tokio1)
            .post_create(Hook::async_fn(|client, _| {
                Box::pin(async { client.batch_execute(SESSION).await.map_err(HookError::Backend) })
            }))
            .build()
            .map_err(|error| StoreError::Misused(error.to_string()))?;
        let turns = Arc::new(Semaphore::new(super::bounded::AT_ONCE_MAX));
        Ok(Self { pool, target: Arc::new(target.clone()), answer_timeout: options.answer_timeout, turns })
    }

    /// Those of queries that somebody else has written.
    pub(super) fn turns(&self) -> &Arc<Semaphore> {
        &self.turns
    }

    pub(crate) async fn connection(&self) -> Result<Object, StoreError> {
        self.pool.get().await.map_err(|error| StoreError::pool(&error))
    }

    fn silent(&self) -> StoreError {
        let seconds = self.answer_timeout.as_secs_f64();
        StoreError::Unavailable(format!("it has not answered within {seconds} s"))
    }

    fn forget_dead(&self) {
        self.pool.retain(|client, _| !client.is_closed());
    }

    pub(super) fn close(&self) {
        self.pool.close();
    }

    pub(super) async fn fetch<F>(
        &self,
        sql: Sql<'_>,
        params: &[Value<'_>],
        each: &mut F,
    ) -> Result<(), StoreError>
    where
        F: FnMut(&Row<'_>) -> Result<(), RowError> + Send,
    {
        let mut rows = 0_usize;
        let mut count = |row: &Row<'_>| {
            rows += 1;
            each(row)
        };
        let connection = self.connection().await?;
        let cache = &connection.statement_cache;
        let fetched = timeout(self.answer_timeout, fetch(&connection, cache, sql, params, &mut count)).await;
        match fetched.unwrap_or(Err(FetchError::Silent)) {
            Ok(()) => Ok(()),
            // Whoever gets it next would wait as long.
            Err(FetchError::Silent) => {
                drop(Object::take(connection));
                Err(self.silent())
            }
            // The server was restarted since the connection was last used: all of the pool's are dead.
            Err(FetchError::Postgres(error)) if is_gone(&error) && rows == 0 => {
                drop(Object::take(connection));
                self.forget_dead();
                let connection = self.connection().await?;
                let cache = &connection.statement_cache;
                let again = timeout(self.answer_timeout, fetch(&connection, cache, sql, params, each)).await;
                again.map_err(|_| self.silent())?.map_err(|error| error.into_store(sql))
            }
            Err(error) => Err(error.into_store(sql)),
        }
    }

    pub(super) async fn write<T, E, F>(&self, body: &F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: AsyncFn(&Tx<'_>) -> Result<T, E>,
    {
        for attempt in 0..WRITE_ATTEMPTS_MAX {
            if let Some(answer) = self.attempt(body).await {
                return answer;
            }
            tokio::time::sleep(CONFLICT_PAUSE * (1 << attempt.min(6))).await;
        }
        let text = format!("a transaction lost {WRITE_ATTEMPTS_MAX} times against others");
        Err(StoreError::Unavailable(text).into())
    }

    /// One run of `body`; none if it is worth another: it lost a conflict, or never began. Dropped half-way, the transaction rolls itself back
    /// before the connection takes anything else.
    async fn attempt<T, E, F>(&self, body: &F) -> Option<Result<T, E>>
    where
        E: From<StoreError>,
        F: AsyncFn(&Tx<'_>) -> Result<T, E>,
    {
        let mut connection = match self.connection().await {
            Ok(connection) => connection,
            Err(error) => return Some(Err(error.into())),
        };
        let answer = timeout(self.answer_timeout, self.transact(&mut connection, body)).await;
        answer.unwrap_or_else(|_| {
            // It may be done or not; nobody waits for it any more.
            drop(Object::take(connection));
            Some(Err(self.silent().into()))
        })
    }

    async fn transact<T, E, F>(&self, connection: &mut Object, body: &F) -> Option<Result<T, E>>
    where
        E: From<StoreError>,
        F: AsyncFn(&Tx<'_>) -> Result<T, E>,
    {
        let transaction = match connection.transaction().await {
            Ok(transaction) => transaction,
            Err(error) if is_gone(&error) => {
                self.forget_dead();
                return None;
            }
            Err(error) => return Some(Err(StoreError::postgres("store.begin", &error).into())),
        };
        let tx = Tx::postgres(&transaction);
        let answer = settle(body(&tx).await, &tx);
        let fate = tx.fate();
        match answer {
            Ok(value) => match transaction.commit().await {
                Ok(()) => Some(Ok(value)),
                Err(error) if crate::error::is_conflict(&error) => None,
                Err(error) => Some(Err(StoreError::postgres("store.commit", &error).into())),
            },
            Err(error) => {
                // A connection that cannot even roll back is found closed at its next use.
                let _ = transaction.rollback().await;
                (fate != Fate::Conflicted).then_some(Err(error))
            }
        }
    }
}

/// Whether the connection broke, rather than the statement failed.
fn is_gone(error: &tokio_postgres::Error) -> bool {
    use tokio_postgres::error::SqlState;
    let ended = matches!(error.code(), Some(&SqlState::ADMIN_SHUTDOWN | &SqlState::CRASH_SHUTDOWN));
    // 25P03: its transaction stood still for too long.
    ended
        || error.code().is_some_and(|code| code.code() == "25P03")
        || error.is_closed()
        || std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
}

pub(crate) async fn fetch<F>(
    client: &Client,
    cache: &StatementCache,
    sql: Sql<'_>,
    params: &[Value<'_>],
    each: &mut F,
) -> Result<(), FetchError>
where
    F: FnMut(&Row<'_>) -> Result<(), RowError> + Send,
{
    let rows = match sql {
        Sql::Static(statement) => {
            let text = statement.text(Dialect::Postgres);
            let prepared = cache.prepare(client, text).await.map_err(FetchError::Postgres)?;
            client.query_raw(&prepared, params).await
        }
        // Texts made at run time are too many to keep prepared; this way they too cost one round trip.
        Sql::Dynamic { text, .. } => {
            let typed = params.iter().map(|value| (value, value.postgres_type()));
            client.query_typed_raw(text, typed).await
        }
    }
    .map_err(FetchError::Postgres)?;
    pin_mut!(rows);
    while let Some(row) = rows.try_next().await.map_err(FetchError::Postgres)? {
        let row = Row::Postgres(&row);
        each(&row).map_err(|error| FetchError::corrupt(sql, &row, error))?;
    }
    Ok(())
}

pub(crate) async fn execute(
    transaction: &deadpool_postgres::Transaction<'_>,
    statement: &'static Statement,
    params: &[Value<'_>],
) -> Result<u64, tokio_postgres::Error> {
    let prepared = transaction.prepare_cached(statement.text(Dialect::Postgres)).await?;
    transaction.execute_raw(&prepared, params).await
}

/// Stores rows with one statement, in one round trip.
pub(crate) async fn insert(
    transaction: &deadpool_postgres::Transaction<'_>,
    rows: &NewRows<'_, '_>,
) -> Result<(), tokio_postgres::Error> {
    let kinds = rows.columns.iter().enumerate();
    let typed = kinds.map(|(index, (_, kind))| (rows.column(index), array_type(*kind)));
    let stored = transaction.client().query_typed_raw(&rows.text_of_all(), typed).await?;
    pin_mut!(stored);
    while stored.try_next().await?.is_some() {}
    Ok(())
}

/// Sends all runs of `statement` before it waits for the first answer. The futures are polled in order, and
/// a future puts its message on the wire at its first poll.
pub(crate) async fn execute_each<'v, P>(
    transaction: &deadpool_postgres::Transaction<'_>,
    statement: &'static Statement,
    sets: &[P],
) -> Result<Vec<u64>, tokio_postgres::Error>
where
    P: AsRef<[Value<'v>]>,
{
    let prepared = transaction.prepare_cached(statement.text(Dialect::Postgres)).await?;
    let mut changed = Vec::with_capacity(sets.len());
    for chunk in sets.chunks(PIPELINE_STATEMENTS_MAX) {
        let runs = chunk.iter().map(|set| transaction.execute_raw(&prepared, set.as_ref()));
        changed.extend(try_join_all(runs).await?);
    }
    Ok(changed)
}

/// Runs all of it, many rows with one statement where that can be; everything is sent before the first answer is waited
/// for. A failure comes with its statement.
pub(crate) async fn run_all(
    transaction: &deadpool_postgres::Transaction<'_>,
    batches: &[Batch<'_>],
) -> Result<(), (&'static Statement, tokio_postgres::Error)> {
    let mut ready = Vec::new();
    for Batch { statement, sets, is_rows } in batches {
        let mut rest = sets.as_slice();
        while !rest.is_empty() {
            let (text, count) = match is_rows {
                true => {
                    let count = 1 << rest.len().min(ROWS_MAX).ilog2();
                    (statement.text_of_rows(count), count)
                }
                false => (statement.text(Dialect::Postgres), 1),
            };
            let (now, later) = rest.split_at(count);
            let prepared = transaction.prepare_cached(text).await.map_err(|error| (*statement, error))?;
            ready.push((*statement, prepared, now));
            rest = later;
        }
    }
    for chunk in ready.chunks(PIPELINE_STATEMENTS_MAX) {
        let runs = chunk.iter().map(async |(statement, prepared, sets)| {
            let params: Vec<&Value<'_>> = sets.iter().flatten().collect();
            transaction.execute_raw(prepared, params).await.map_err(|error| (*statement, error))
        });
        try_join_all(runs).await?;
    }
    Ok(())
}
