//! Read-only SQL over the tables of a workspace.
//!
//! What somebody wrote is parsed and written anew, and nothing of its text is part of what the database is given. Only what
//! is known here is written: a node of the syntax or a function that is not in the lists is refused by name. Every identifier
//! becomes `n` and a number, the same one wherever the same name stands, so that scopes mean what they meant, and no name of
//! the database can be said. A table is a subquery over its columns under those names; texts are parameters. So there is no
//! way to another workspace's table, to a catalog, to a file or to a write.
//!
//! The database is a second wall: the transaction is read-only; on SQLite the connection is one of its own that may read
//! these tables alone (`db::bounded`).

mod emit;
mod expressions;
mod from;
pub(crate) mod functions;
pub(crate) mod names;

use std::collections::HashMap;
use std::thread;
use std::time::Duration;

use serde_json::{Map, Value as Json};
use sqlparser::ast;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use types::{Timestamp, WorkspaceId};

use crate::db::bounded::{Bounded, BoundedError};
use crate::records::{self, Shape};
use crate::{Db, Dialect, Read as _, StoreError};

use emit::{Emit, EmitError};

/// Bytes of a query's text. It bounds everything that is nested, too.
pub const SQL_BYTES_MAX: usize = 10_000;
/// Levels of expressions and queries in one another.
pub const DEPTH_MAX: usize = 50;
/// Places in one query at which a table of the workspace is named.
pub const TABLES_MAX: usize = 16;
/// Values that are given for `$1`, `$2`, ...
pub const PARAMS_MAX: usize = 100;
/// Rows of an answer.
pub const ROWS_MAX: u64 = 10_000;
/// Bytes of an answer as JSON, and of one value on SQLite.
pub const BYTES_MAX: usize = 32 * 1024 * 1024;
/// How long a query may take.
pub const TIME_MAX: Duration = Duration::from_secs(10);
/// Bytes of what a query becomes: what is written more than once is so in all that it stands in.
const WRITTEN_BYTES_MAX: usize = 250_000;
/// Bytes of stack for what is nested as deeply as [`SQL_BYTES_MAX`] lets it be; taken as they are used.
const STACK_BYTES: usize = 64 * 1024 * 1024;
/// Times that a query is tried whose tables others change meanwhile.
const TRIES_MAX: usize = 3;

/// A query.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// One SELECT, in the words of PostgreSQL.
    pub sql: &'a str,
    /// The values for `$1`, `$2`, ...: texts, numbers, truth values, null.
    pub params: &'a [Json],
    /// What `now()` answers.
    pub now: Timestamp,
}

impl Ask<'_> {
    /// What is given for `$1`.
    fn given(&self, name: &str) -> Option<&Json> {
        let number = name.strip_prefix('$').and_then(|number| number.parse::<usize>().ok());
        self.params.get(number?.checked_sub(1)?)
    }
}

/// Why a query is not answered.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// It is not what can be asked; says what, and where if that is known.
    #[error("{0}")]
    Refused(String),
    /// The workspace has no such table.
    #[error("there is no table `{0}`")]
    NoTable(String),
    /// It was asked, and the database could not answer it: a value that is no number, a column that does not exist.
    #[error("the database says: {0}")]
    Failed(String),
    /// It took longer than [`TIME_MAX`].
    #[error("the query takes longer than {} s", TIME_MAX.as_secs())]
    TooLong,
    /// The answer is larger than [`ROWS_MAX`] or [`BYTES_MAX`].
    #[error(
        "the answer has more than {ROWS_MAX} rows or {BYTES_MAX} bytes; add a LIMIT or name fewer columns"
    )]
    TooLarge,
    /// The database cannot be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The rows that answer a query over the workspace's tables: each by the names of its columns, in their order.
pub async fn select(
    db: &Db,
    workspace: WorkspaceId,
    ask: &Ask<'_>,
) -> Result<Vec<Map<String, Json>>, SelectError> {
    for _ in 0..TRIES_MAX {
        let mut tables = HashMap::new();
        let bounded = bounded(db, workspace, ask, &mut tables).await?;
        let refused = match bounded.ask(db).await {
            Ok(rows) => return Ok(rows),
            Err(BoundedError::TooLong) => return Err(SelectError::TooLong),
            Err(BoundedError::TooLarge) => return Err(SelectError::TooLarge),
            Err(BoundedError::Store(error)) => return Err(error.into()),
            Err(BoundedError::Refused(reason)) => reason,
        };
        // It may have been written for columns that are gone.
        if !has_changed(db, &tables).await? {
            return Err(SelectError::Failed(refused));
        }
    }
    Err(StoreError::Unavailable("the tables are being changed by others".to_owned()).into())
}

/// The query as the database is to be asked, and the tables that it names.
async fn bounded(
    db: &Db,
    workspace: WorkspaceId,
    ask: &Ask<'_>,
    tables: &mut HashMap<String, Shape>,
) -> Result<Bounded, SelectError> {
    loop {
        match with_room(|| write(db.dialect(), tables, ask)) {
            Ok(bounded) => return Ok(bounded),
            Err(EmitError::Refused(reason)) => return Err(SelectError::Refused(reason)),
            Err(EmitError::Unknown(name)) => match records::shape(db, workspace, &name).await? {
                Some(shape) => _ = tables.insert(name, shape),
                None => return Err(SelectError::NoTable(name)),
            },
        }
    }
}

/// Runs `work` where there is room for whatever can be nested in a query: the parser goes as deep as the text does, and so
/// does whoever drops what it made.
fn with_room<T: Send>(work: impl FnOnce() -> Result<T, EmitError> + Send) -> Result<T, EmitError> {
    let failed = || EmitError::Refused("the query cannot be read".to_owned());
    thread::scope(|scope| {
        let worker = thread::Builder::new().name("store-select".to_owned()).stack_size(STACK_BYTES);
        let worker = worker.spawn_scoped(scope, work).map_err(|_| failed())?;
        worker.join().unwrap_or_else(|_| Err(failed()))
    })
}

/// Parses the query and writes it anew.
fn write(dialect: Dialect, tables: &HashMap<String, Shape>, ask: &Ask<'_>) -> Result<Bounded, EmitError> {
    if ask.sql.len() > SQL_BYTES_MAX {
        let bytes = ask.sql.len();
        return refused(format!("the query has {bytes} bytes; it takes at most {SQL_BYTES_MAX}"));
    }
    if ask.params.len() > PARAMS_MAX {
        return refused(format!("`params` has {} values; it takes at most {PARAMS_MAX}", ask.params.len()));
    }
    let parser = Parser::new(&PostgreSqlDialect {}).with_recursion_limit(DEPTH_MAX);
    let parsed = parser.try_with_sql(ask.sql).and_then(|mut parser| parser.parse_statements());
    let statements = match parsed {
        Ok(statements) => statements,
        Err(error) => return refused(format!("the query cannot be read: {error}")),
    };
    match statements.as_slice() {
        [ast::Statement::Query(query)] => Emit::new(dialect, tables, ask).whole(query),
        [_] => refused("only SELECT can be asked"),
        [] => refused("the query is empty"),
        many => refused(format!("one SELECT is asked at a time, not {} statements", many.len())),
    }
}

async fn has_changed(db: &Db, tables: &HashMap<String, Shape>) -> Result<bool, StoreError> {
    for shape in tables.values() {
        if shape.has_changed(db).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn refused<T>(reason: impl Into<String>) -> Result<T, EmitError> {
    Err(EmitError::Refused(reason.into()))
}
