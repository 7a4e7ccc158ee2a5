//! What can go wrong with a database, told apart by what the caller can do about it. The two drivers'
//! errors become these here; no driver's type leaves the crate.

use rusqlite::ffi;
use tokio_postgres::error::SqlState;

/// Why a statement, a read or a write did not succeed. Never holds a parameter's value.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be used at the moment: gone, full, locked, or too contended. Nothing was
    /// written, unless the connection broke during a commit; trying again later may succeed.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A unique key is taken. `key` is named as PostgreSQL would name it, on both engines:
    /// `<table>_<column>_<column>_key`, or `<table>_pkey`.
    #[error("a row with the same `{key}` exists")]
    Duplicate {
        /// The key's name.
        key: String,
    },
    /// A row which this one refers to, or which refers to this one, is in the way.
    #[error("a reference to another row does not hold")]
    Reference,
    /// A stored value cannot become what it should be.
    #[error("table `{table}`, column `{column}`, id `{id}`: {reason}")]
    Corrupt {
        /// The table that was read.
        table: String,
        /// The column that holds the value.
        column: String,
        /// The row's first column.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The schema is not one that this program can work with.
    #[error("{0}")]
    Schema(String),
    /// The store was used against its rules: a mistake in this program.
    #[error("{0}")]
    Misused(String),
    /// The database refused a statement: a mistake in this program or a limit of the database.
    #[error("statement `{statement}` failed: {reason}")]
    Failed {
        /// The statement's name.
        statement: String,
        /// The database's words.
        reason: String,
    },
}

impl StoreError {
    /// Whether trying again later may succeed.
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Whether the key that is taken is `key`.
    pub fn is_duplicate_of(&self, key: &str) -> bool {
        matches!(self, Self::Duplicate { key: taken } if taken == key)
    }

    pub(crate) fn sqlite(statement: &str, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let rusqlite::Error::SqliteFailure(failure, message) = error else {
            return Self::Failed { statement: statement.to_owned(), reason: error.to_string() };
        };
        let message = message.as_deref().unwrap_or("");
        match (failure.extended_code, failure.code) {
            (ffi::SQLITE_CONSTRAINT_UNIQUE, _) => Self::Duplicate { key: unique_key(message) },
            (ffi::SQLITE_CONSTRAINT_PRIMARYKEY, _) => Self::Duplicate { key: primary_key(message) },
            (ffi::SQLITE_CONSTRAINT_FOREIGNKEY, _) => Self::Reference,
            (
                _,
                Code::DiskFull
                | Code::CannotOpen
                | Code::SystemIoFailure
                | Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::DatabaseCorrupt
                | Code::NotADatabase
                | Code::OutOfMemory
                | Code::PermissionDenied
                | Code::ReadOnly,
            ) => Self::Unavailable(error.to_string()),
            _ => Self::Failed { statement: statement.to_owned(), reason: error.to_string() },
        }
    }

    pub(crate) fn postgres(statement: &str, error: &tokio_postgres::Error) -> Self {
        let Some(db) = error.as_db_error() else {
            return if error.is_closed()
                || std::error::Error::source(error).is_some_and(|s| s.is::<std::io::Error>())
            {
                Self::Unavailable(with_source(error))
            } else {
                Self::Failed { statement: statement.to_owned(), reason: with_source(error) }
            };
        };
        match db.code() {
            &SqlState::UNIQUE_VIOLATION => Self::Duplicate { key: db.constraint().unwrap_or("").to_owned() },
            &SqlState::FOREIGN_KEY_VIOLATION => Self::Reference,
            code if is_passing(code) => Self::Unavailable(db.message().to_owned()),
            code => {
                let reason = format!("{} ({})", db.message(), code.code());
                Self::Failed { statement: statement.to_owned(), reason }
            }
        }
    }

    pub(crate) fn pool(error: &deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Backend(error) => Self::Unavailable(with_source(error)),
            deadpool_postgres::PoolError::Timeout(_) => {
                Self::Unavailable("no free connection in time".to_owned())
            }
            deadpool_postgres::PoolError::PostCreateHook(deadpool_postgres::HookError::Backend(error)) => {
                Self::Unavailable(with_source(error))
            }
            other => Self::Unavailable(other.to_string()),
        }
    }
}

/// Whether the transaction lost against another one and may win if it is run again.
pub(crate) fn is_conflict(error: &tokio_postgres::Error) -> bool {
    matches!(error.code(), Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED))
}

/// Conditions of the server rather than of the statement: connection trouble (08), no resources (53), an
/// operator's hand (57), a conflict (40), a standby that cannot write (25006), a transaction left lying (25P03), no such database yet (3D).
fn is_passing(code: &SqlState) -> bool {
    let code = code.code();
    code == "25006"
        || code == "25P03"
        || ["08", "53", "57", "40", "3D"].iter().any(|class| code.starts_with(class))
}

fn with_source(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// `UNIQUE constraint failed: connections.tenant_id, connections.name` -> `connections_tenant_id_name_key`.
fn unique_key(message: &str) -> String {
    let columns = message.rsplit(": ").next().unwrap_or("");
    let mut key = String::new();
    for column in columns.split(", ") {
        let (table, column) = column.split_once('.').unwrap_or(("", column));
        if key.is_empty() {
            key.push_str(table);
        }
        key.push('_');
        key.push_str(column);
    }
    key.push_str("_key");
    key
}

/// `UNIQUE constraint failed: journal.execution_id, journal.seq` -> `journal_pkey`.
fn primary_key(message: &str) -> String {
    let columns = message.rsplit(": ").next().unwrap_or("");
    format!("{}_pkey", columns.split('.').next().unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlites_words_become_postgresqls_names() {
        let message = "UNIQUE constraint failed: connections.tenant_id, connections.name";
        assert_eq!(unique_key(message), "connections_tenant_id_name_key");
        assert_eq!(
            primary_key("UNIQUE constraint failed: journal.execution_id, journal.seq"),
            "journal_pkey"
        );
    }
}
