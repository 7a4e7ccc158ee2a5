//! The database below a server, written to by SQL: for rows in numbers that would take too long over the API.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Outcome;
use crate::packages::POSTGRES_BIN;
use crate::shell;

/// Where it is.
pub(crate) enum Database {
    Sqlite(PathBuf),
    Postgres(String),
}

impl Database {
    /// Carries a statement out; what it answers, a line for each row.
    pub(crate) fn run(&self, sql: &str) -> Outcome<String> {
        let mut command = match self {
            Self::Sqlite(file) => {
                let mut sqlite = Command::new("sqlite3");
                sqlite.args(["-bail", "-cmd", "PRAGMA synchronous = OFF"]).arg(file);
                sqlite
            }
            Self::Postgres(url) => {
                let mut psql = Command::new(Path::new(POSTGRES_BIN).join("psql"));
                psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", url, "-c"]);
                psql
            }
        };
        shell::output(command.arg(sql))
    }
}
