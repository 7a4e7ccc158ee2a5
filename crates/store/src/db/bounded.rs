//! One query that somebody else has written, asked within bounds: read-only, of few tables, of so many rows and bytes, in so
//! much time, and few such at a time.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use deadpool_postgres::Object;
use futures_util::{TryStreamExt, pin_mut};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value as Json};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};
use tokio_postgres::error::SqlState;

use super::postgres::Postgres;
use super::sqlite::Sqlite;
use crate::select::names::Names;
use crate::select::{BYTES_MAX, ROWS_MAX, TIME_MAX};
use crate::statement::for_sqlite;
use crate::{Db, Row, RowError, StoreError, Value};

/// Such queries that one process asks at a time; others wait for as long as a query may take.
pub(super) const AT_ONCE_MAX: usize = 4;
/// Instructions of SQLite's machine between two looks at the clock: about a tenth of a millisecond.
const STEPS_A_LOOK: i32 = 10_000;
/// KiB of pages that SQLite keeps for such a query; what is sorted beyond it goes to a file.
const CACHE_KIB: i64 = 16 * 1024;
/// What `db::postgres` is told before such a query; the transaction takes it back.
const POSTGRES_BOUNDS: &str =
    "SET LOCAL work_mem = '16MB'; SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL jit = off";

/// A query as the database is given it.
#[derive(Debug)]
pub(crate) struct Bounded {
    /// The text, made by `select` alone.
    pub(crate) text: String,
    /// Its parameters.
    pub(crate) params: Vec<Value<'static>>,
    /// What its names stand for.
    pub(crate) names: Names,
    /// The tables that it reads, as the database calls them.
    pub(crate) tables: BTreeSet<String>,
    /// Which of the first columns are truth values, whatever the database says.
    pub(crate) truths: Vec<bool>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum BoundedError {
    /// What the database says of the query, in the words of whoever asked.
    Refused(String),
    TooLong,
    TooLarge,
    Store(StoreError),
}

/// The rows so far, and what they weigh.
struct Answer<'b> {
    bounded: &'b Bounded,
    columns: Vec<String>,
    rows: Vec<Map<String, Json>>,
    bytes: usize,
}

impl Bounded {
    /// Asks the database.
    pub(crate) async fn ask(self, db: &Db) -> Result<Vec<Map<String, Json>>, BoundedError> {
        let turns = match db {
            Db::Sqlite(sqlite) => sqlite.turns(),
            Db::Postgres(postgres) => postgres.turns(),
        };
        let turn = timeout(TIME_MAX, Arc::clone(turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            let busy = format!("{AT_ONCE_MAX} queries are being answered already");
            return Err(BoundedError::Store(StoreError::Unavailable(busy)));
        };
        match db {
            Db::Sqlite(sqlite) => {
                let sqlite = sqlite.clone();
                let asked = tokio::task::spawn_blocking(move || self.ask_sqlite(&sqlite, turn)).await;
                asked.unwrap_or_else(|error| {
                    Err(BoundedError::Store(StoreError::Misused(format!("the query ended early: {error}"))))
                })
            }
            Db::Postgres(postgres) => self.ask_postgres(postgres, turn).await,
        }
    }

    fn ask_sqlite(
        &self,
        sqlite: &Sqlite,
        _turn: OwnedSemaphorePermit,
    ) -> Result<Vec<Map<String, Json>>, BoundedError> {
        let failed = |error: rusqlite::Error| self.of_sqlite(&error);
        let connection = self.connect(sqlite).map_err(failed)?;
        let mut statement = connection.prepare(&for_sqlite(&self.text)).map_err(failed)?;
        for (index, param) in self.params.iter().enumerate() {
            statement.raw_bind_parameter(index + 1, param).map_err(failed)?;
        }
        let (names, truths): (Vec<String>, Vec<bool>) = statement
            .columns()
            .map(|column| (column.name().to_owned(), column.decl_type() == Some("BOOLEAN")))
            .unzip();
        let mut answer = Answer::new(self, names);
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(failed)? {
            answer.add(&Row::Sqlite(row), &truths)?;
        }
        Ok(answer.rows)
    }

    /// A connection that can read these tables and nothing else, for as long as a query may take.
    fn connect(&self, sqlite: &Sqlite) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(sqlite.path(), flags)?;
        connection.busy_timeout(TIME_MAX)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "case_sensitive_like", true)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, i32::try_from(BYTES_MAX).unwrap_or(i32::MAX))?;
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        let until = Instant::now() + TIME_MAX;
        connection.progress_handler(STEPS_A_LOOK, Some(move || Instant::now() > until))?;
        let tables = self.tables.clone();
        connection.authorizer(Some(move |context: AuthContext<'_>| match context.action {
            AuthAction::Select => Authorization::Allow,
            AuthAction::Read { table_name, .. } if tables.contains(table_name) => Authorization::Allow,
            AuthAction::Function { function_name } if is_harmless(function_name) => Authorization::Allow,
            _ => Authorization::Deny,
        }))?;
        Ok(connection)
    }

    async fn ask_postgres(
        &self,
        postgres: &Postgres,
        _turn: OwnedSemaphorePermit,
    ) -> Result<Vec<Map<String, Json>>, BoundedError> {
        let held = Held(Some(postgres.connection().await.map_err(BoundedError::Store)?));
        let Some(client) = &held.0 else { return Err(BoundedError::TooLong) };
        let failed = |error: tokio_postgres::Error| self.of_postgres(&error);
        let bounds = format!(
            "BEGIN READ ONLY; SET LOCAL statement_timeout = {}; {POSTGRES_BOUNDS}",
            TIME_MAX.as_millis()
        );
        client.batch_execute(&bounds).await.map_err(failed)?;
        let typed = self.params.iter().map(|value| (value, value.postgres_type()));
        let asked = async {
            let rows = client.query_typed_raw(&self.text, typed).await.map_err(failed)?;
            pin_mut!(rows);
            let mut answer: Option<Answer<'_>> = None;
            while let Some(row) = rows.try_next().await.map_err(failed)? {
                let answer = answer.get_or_insert_with(|| {
                    Answer::new(self, row.columns().iter().map(|column| column.name().to_owned()).collect())
                });
                answer.add(&Row::Postgres(&row), &[])?;
            }
            Ok(answer.map(|answer| answer.rows).unwrap_or_default())
        };
        let rows: Result<_, BoundedError> = asked.await;
        // What is too large is still on its way: such a connection is not used again.
        if !matches!(rows, Err(BoundedError::TooLarge)) && client.batch_execute("ROLLBACK").await.is_ok() {
            held.give_back();
        }
        rows
    }

    fn of_sqlite(&self, error: &rusqlite::Error) -> BoundedError {
        use rusqlite::ErrorCode as Code;
        let message = match error {
            rusqlite::Error::SqliteFailure(failure, message) => match failure.code {
                Code::OperationInterrupted => return BoundedError::TooLong,
                Code::Unknown | Code::TooBig | Code::TypeMismatch | Code::AuthorizationForStatementDenied => {
                    message.clone().unwrap_or_else(|| failure.to_string())
                }
                _ => return BoundedError::Store(StoreError::sqlite("records.select", error)),
            },
            rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
            _ => return BoundedError::Store(StoreError::sqlite("records.select", error)),
        };
        BoundedError::Refused(self.names.in_words(&message))
    }

    fn of_postgres(&self, error: &tokio_postgres::Error) -> BoundedError {
        let Some(said) = error.as_db_error() else {
            return BoundedError::Store(StoreError::postgres("records.select", error));
        };
        if *said.code() == SqlState::QUERY_CANCELED {
            return BoundedError::TooLong;
        }
        // Of the data, the syntax and the size; 0A is what PostgreSQL cannot do, 21 one row where there are many.
        let is_of_the_query =
            ["0A", "21", "22", "42", "54", "XX"].iter().any(|class| said.code().code().starts_with(class));
        if is_of_the_query {
            return BoundedError::Refused(self.names.in_words(said.message()));
        }
        BoundedError::Store(StoreError::postgres("records.select", error))
    }
}

/// A connection that is closed if whoever has it goes away: its query may still run.
struct Held(Option<Object>);

impl Held {
    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}

impl<'b> Answer<'b> {
    /// Columns of one name are told apart by a number.
    fn new(bounded: &'b Bounded, written: Vec<String>) -> Self {
        let mut times: HashMap<String, usize> = HashMap::new();
        let columns = written.iter().map(|written| {
            let name = bounded.names.name(written);
            let time = times.entry(name.clone()).and_modify(|time| *time += 1).or_insert(1);
            if *time == 1 { name } else { format!("{name}_{time}") }
        });
        Self { bounded, columns: columns.collect(), rows: Vec::new(), bytes: 0 }
    }

    fn add(&mut self, row: &Row<'_>, truths: &[bool]) -> Result<(), BoundedError> {
        let mut members = Map::with_capacity(self.columns.len());
        for (index, name) in self.columns.iter().enumerate() {
            let mut value = row.json(index).map_err(|error| self.odd(&error))?;
            let is = |truths: &[bool]| truths.get(index).copied().unwrap_or_default();
            if let Some(number) = value.as_i64().filter(|_| is(truths) || is(&self.bounded.truths)) {
                value = (number != 0).into();
            }
            self.bytes += name.len() + value.as_str().map_or(8, str::len);
            members.insert(name.clone(), value);
        }
        self.rows.push(members);
        if self.rows.len() as u64 > ROWS_MAX || self.bytes > BYTES_MAX {
            return Err(BoundedError::TooLarge);
        }
        Ok(())
    }

    fn odd(&self, error: &RowError) -> BoundedError {
        let column = self.columns.get(error.column).map_or("?", String::as_str);
        BoundedError::Refused(format!("column `{column}` {}", error.reason))
    }
}

/// What SQLite may call: what `select` writes, and no function that reads a file, loads code or says what the database is.
fn is_harmless(function: &str) -> bool {
    const WRITTEN: [&str; 7] = ["instr", "like", "replace", "round", "strftime", "ltrim", "rtrim"];
    let function = function.to_ascii_lowercase();
    WRITTEN.contains(&function.as_str()) || crate::select::functions::names().any(|known| known == function)
}
