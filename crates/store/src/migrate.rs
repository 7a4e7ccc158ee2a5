//! The schema's history. Each migration is one file with one text for both engines, embedded in the binary,
//! applied once, in order, each in a transaction with the row that says so. Forward only.

use deadpool_postgres::ClientWrapper;
use rusqlite::Connection;

use crate::{Db, Dialect, Read, Sql, StoreError};

struct Migration {
    version: i64,
    name: &'static str,
    text: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal),* $(,)?) => {
        &[$(Migration {
            version: $version,
            name: $name,
            text: include_str!(concat!("../../../migrations/", $name, ".sql")),
        }),*]
    };
}

/// Every migration there is, the oldest first.
const MIGRATIONS: &[Migration] = migrations![
    1 "0001_initial",
    2 "0002_execution_names",
    3 "0003_executions_by_state",
    4 "0004_queued_runs",
    5 "0005_subflows",
    6 "0006_restarted_executions",
    7 "0007_keyed_runs",
    8 "0008_files",
    9 "0009_runner_groups",
    10 "0010_history",
    11 "0011_journal_bodies",
    12 "0012_tables",
    13 "0013_package_locks",
    14 "0014_step_logs",
    15 "0015_people",
    16 "0016_workspace_access",
    17 "0017_sign_in",
    18 "0018_packs_agents_apps",
    19 "0019_table_steps",
    20 "0020_audit_seals",
    21 "0021_custom_roles",
    22 "0022_shares",
    23 "0023_user_identities",
    24 "0024_provisioning",
    25 "0025_invite_mails",
    26 "0026_record_changes",
    27 "0027_record_triggers",
    28 "0028_attachments",
];

const CREATE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version    BIGINT PRIMARY KEY,
    name       TEXT NOT NULL,
    checksum   TEXT NOT NULL,
    applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
)";
/// Servers that start at once take turns: the lock ends with the transaction, and is the database's own. Creating the
/// table needs it too: IF NOT EXISTS does not help two that both see no table, one of them gets an error. Read
/// committed, whatever the database's default: who has waited must see what the other has made.
const BEGIN_LOCKED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), 7883950))";
/// Row 0, which early databases have, is no migration.
const APPLIED: &str =
    "SELECT version, name, checksum FROM schema_migrations WHERE version > 0 ORDER BY version";

struct Applied {
    version: i64,
    name: String,
    checksum: String,
}

/// Applies what is missing, on the writer's connection.
pub(crate) fn sqlite(connection: &mut Connection) -> Result<Vec<&'static str>, StoreError> {
    let failed = |error: rusqlite::Error| StoreError::sqlite("schema_migrations.migrate", &error);
    // One transaction for all: it holds SQLite's only write lock, and a half-migrated file is no use.
    let tx =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failed)?;
    tx.execute_batch(CREATE).map_err(failed)?;
    let applied = {
        let mut statement = tx.prepare(APPLIED).map_err(failed)?;
        let rows = statement.query_map([], |row| {
            Ok(Applied { version: row.get(0)?, name: row.get(1)?, checksum: row.get(2)? })
        });
        rows.and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(failed)?
    };
    let missing = compare(&applied)?;
    for migration in missing {
        tx.execute_batch(migration.text).map_err(|error| StoreError::sqlite(migration.name, &error))?;
        tx.execute_batch(&record(migration)).map_err(failed)?;
    }
    tx.commit().map_err(failed)?;
    Ok(missing.iter().map(|migration| migration.name).collect())
}

/// Applies what is missing; waits if another server is at it.
pub(crate) async fn postgres(client: &ClientWrapper) -> Result<Vec<&'static str>, StoreError> {
    let done = apply(client).await;
    if done.is_err() {
        // The error that led here is the one to tell; a dead connection is found at its next use.
        let _ = client.batch_execute("ROLLBACK").await;
    }
    done
}

async fn apply(client: &ClientWrapper) -> Result<Vec<&'static str>, StoreError> {
    let failed = |error: tokio_postgres::Error| StoreError::postgres("schema_migrations.migrate", &error);
    client.batch_execute(&format!("{BEGIN_LOCKED};{CREATE}")).await.map_err(failed)?;
    let rows = client.query(APPLIED, &[]).await.map_err(failed)?;
    let read = |row: &tokio_postgres::Row| {
        Ok(Applied { version: row.try_get(0)?, name: row.try_get(1)?, checksum: row.try_get(2)? })
    };
    let applied = rows.iter().map(read).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let missing = compare(&applied)?;
    for migration in missing {
        let run = client.batch_execute(migration.text).await;
        run.map_err(|error| StoreError::postgres(migration.name, &error))?;
        client.batch_execute(&record(migration)).await.map_err(failed)?;
    }
    client.batch_execute("COMMIT").await.map_err(failed)?;
    Ok(missing.iter().map(|migration| migration.name).collect())
}

/// The names of the migrations that are missing; all of them in an empty database.
pub(crate) async fn pending(db: &Db) -> Result<Vec<&'static str>, StoreError> {
    let there = match db.dialect() {
        Dialect::Sqlite => "SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'",
        Dialect::Postgres => "SELECT 1 WHERE to_regclass('schema_migrations') IS NOT NULL",
    };
    let mut exists = false;
    let mut applied = Vec::new();
    let sql = Sql::Dynamic { name: "schema_migrations.exists", text: there };
    db.fetch(sql, &[], |_| {
        exists = true;
        Ok(())
    })
    .await?;
    if exists {
        let sql = Sql::Dynamic { name: "schema_migrations.list", text: APPLIED };
        db.fetch(sql, &[], |row| {
            applied.push(Applied { version: row.int(0)?, name: row.string(1)?, checksum: row.string(2)? });
            Ok(())
        })
        .await?;
    }
    Ok(compare(&applied)?.iter().map(|migration| migration.name).collect())
}

/// What is missing, if what is there is a beginning of what this program knows.
fn compare(applied: &[Applied]) -> Result<&'static [Migration], StoreError> {
    if let Some(newer) = applied.iter().find(|a| a.version > MIGRATIONS.len() as i64) {
        return Err(StoreError::Schema(format!(
            "the database has migration `{}`, which this program does not know: it was made by a newer one",
            newer.name
        )));
    }
    for (migration, applied) in MIGRATIONS.iter().zip(applied) {
        if migration.version != applied.version || checksum(migration.text) != applied.checksum {
            return Err(StoreError::Schema(format!(
                "migration `{}` is not the one that was applied to the database as `{}`",
                migration.name, applied.name
            )));
        }
    }
    Ok(&MIGRATIONS[applied.len()..])
}

fn record(migration: &Migration) -> String {
    let Migration { version, name, text } = migration;
    let checksum = checksum(text);
    format!(
        "INSERT INTO schema_migrations (version, name, checksum) VALUES ({version}, '{name}', '{checksum}')"
    )
}

/// FNV-1a in 64 bits: finds an edit, which is all that is asked of it.
fn checksum(text: &str) -> String {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(version: i64, checksum: String) -> Applied {
        Applied { version, name: format!("{version:04}_x"), checksum }
    }

    #[test]
    fn versions_count_from_one_without_gaps() {
        assert!(MIGRATIONS.iter().enumerate().all(|(index, m)| m.version == index as i64 + 1));
    }

    #[test]
    fn a_newer_or_edited_schema_is_refused() {
        let told = |rows: &[Applied]| compare(rows).err().map(|error| error.to_string()).unwrap_or_default();
        let first = || applied(1, checksum(MIGRATIONS[0].text));
        assert!(
            told(&[first(), applied(MIGRATIONS.len() as i64 + 1, String::new())]).contains("a newer one")
        );
        assert!(told(&[applied(1, "0".to_owned())]).contains("`0001_initial` is not the one"));
        assert_eq!(told(&[first()]), "");
    }
}
