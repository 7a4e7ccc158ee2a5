//! What a test wants to know that only the driver can tell.

use tokio_postgres::SimpleQueryMessage;

use types::WorkspaceId;

use crate::{Db, Dialect, Read, Sql, Statement};

/// How an engine understands a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The statement's name.
    pub name: &'static str,
    /// How many parameters it takes.
    pub parameters: usize,
    /// The names of the columns it answers.
    pub columns: Vec<String>,
}

/// Prepares every registered statement; the engine's words for those that it does not understand.
pub async fn prepare_all(db: &Db) -> Vec<Result<Prepared, String>> {
    let mut statements: Vec<_> = Statement::all().collect();
    statements.sort_by_key(|statement| statement.name());
    let mut prepared = Vec::with_capacity(statements.len());
    for statement in statements {
        prepared.push(prepare(db, statement).await.map_err(|error| format!("{}: {error}", statement.name())));
    }
    prepared
}

async fn prepare(db: &Db, statement: &'static Statement) -> Result<Prepared, String> {
    let (name, text) = (statement.name(), statement.text(db.dialect()));
    match db {
        Db::Sqlite(sqlite) => {
            let understood = sqlite.alone(move |connection| {
                let prepared = connection.prepare(text).map_err(|error| error.to_string())?;
                let columns = prepared.column_names().map(str::to_owned).collect();
                Ok(Prepared { name, parameters: prepared.parameter_count(), columns })
            });
            understood.await.map_err(|error| error.to_string())?
        }
        Db::Postgres(postgres) => {
            let connection = postgres.connection().await.map_err(|error| error.to_string())?;
            let prepared = connection.prepare(text).await.map_err(|error| format!("{error:?}"))?;
            let columns = prepared.columns().iter().map(|column| column.name().to_owned()).collect();
            Ok(Prepared { name, parameters: prepared.params().len(), columns })
        }
    }
}

/// How the engine means to carry the statement of that name out, whatever its parameters are: the words of its
/// `EXPLAIN`. Panics if there is no such statement.
pub async fn plan_of(db: &Db, name: &str) -> String {
    let statement = Statement::all().find(|statement| statement.name() == name).expect("a statement");
    let (text, parameters) = (statement.text(db.dialect()), statement.parameter_count());
    match db {
        Db::Sqlite(sqlite) => {
            let explained = sqlite.alone(move |connection| {
                let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}"))?;
                let lines = plan
                    .query_map(rusqlite::params_from_iter(vec![None::<i64>; parameters]), |row| {
                        row.get::<_, String>(3)
                    })?;
                lines.collect::<Result<Vec<_>, _>>().map(|lines| lines.join("\n"))
            });
            explained.await.expect("the writer answers").expect("a plan")
        }
        Db::Postgres(postgres) => {
            let connection = postgres.connection().await.expect("a connection");
            let nulls = vec!["NULL"; parameters].join(", ");
            let script = format!(
                "SET plan_cache_mode = force_generic_plan; PREPARE explained AS {text}; \
                 EXPLAIN EXECUTE explained({nulls}); DEALLOCATE explained; RESET plan_cache_mode"
            );
            let answers = connection.simple_query(&script).await.expect("a plan");
            let line = |message: &SimpleQueryMessage| match message {
                SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            };
            answers.iter().filter_map(line).collect::<Vec<_>>().join("\n")
        }
    }
}

/// Rows that tables hold of a workspace: each table that says whose its rows are, with how many there are.
pub async fn rows_of_workspace(db: &Db, workspace: WorkspaceId) -> Vec<(String, i64)> {
    let tables = match db.dialect() {
        Dialect::Sqlite => {
            "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' AND c.name = 'workspace_id' ORDER BY m.name"
        }
        Dialect::Postgres => {
            "SELECT table_name FROM information_schema.columns
             WHERE table_schema = current_schema() AND column_name = 'workspace_id' ORDER BY table_name"
        }
    };
    let mut names = Vec::new();
    let sql = Sql::Dynamic { name: "testing.tables", text: tables };
    db.fetch(sql, &[], |row| row.string(0).map(|name| names.push(name))).await.expect("names of tables");
    let mut counts = Vec::new();
    for name in names {
        let text = format!("SELECT COUNT(*) FROM {name} WHERE workspace_id = $1");
        let mut count = 0;
        let sql = Sql::Dynamic { name: "testing.count", text: &text };
        db.fetch(sql, &[workspace.into()], |row| row.int(0).map(|rows| count = rows)).await.expect("a count");
        counts.push((name, count));
    }
    counts
}

/// Runs a statement that the store itself has no need of: what somebody does who has got at the database.
pub async fn run_sql(db: &Db, text: &str) {
    match db {
        Db::Sqlite(sqlite) => {
            let text = text.to_owned();
            let done = sqlite.alone(move |connection| connection.execute_batch(&text));
            done.await.expect("the writer answers").expect("a statement");
        }
        Db::Postgres(postgres) => {
            let connection = postgres.connection().await.expect("a connection");
            connection.batch_execute(text).await.expect("a statement");
        }
    }
}

/// Lets an SQLite file grow to `pages` at most, as if the disk were full then. Panics on PostgreSQL.
pub async fn set_sqlite_pages_max(db: &Db, pages: i64) {
    assert_eq!(db.dialect(), Dialect::Sqlite, "only an SQLite file can be kept small");
    if let Db::Sqlite(sqlite) = db {
        let set = sqlite.alone(move |connection| connection.pragma_update(None, "max_page_count", pages));
        set.await.expect("the writer answers").expect("the pragma is taken");
    }
}
