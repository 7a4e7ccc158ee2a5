//! How often signing in has failed, for an account and for a network, and until when it is not tried again.
//!
//! An attempt is counted before it is made and taken back if it succeeds: however many are made at once, each counts.

use types::Timestamp;

use crate::statement::sql;
use crate::{Read as _, StoreError, Tx};

/// What is known of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// How many failures there were.
    pub count: i64,
    /// When the last one was.
    pub last_at: Timestamp,
    /// Until when nothing is tried.
    pub blocked_until: Timestamp,
}

sql! {
    GET = "sign_in_failures.get":
        "SELECT subject, failures, last_at, blocked_until FROM sign_in_failures WHERE subject = $1";
    SET = "sign_in_failures.set":
        "INSERT INTO sign_in_failures (subject, failures, last_at, blocked_until) VALUES ($1, $2, $3, $4)
         ON CONFLICT (subject) DO UPDATE
         SET failures = excluded.failures, last_at = excluded.last_at, blocked_until = excluded.blocked_until";
    TAKE_BACK = "sign_in_failures.take_back":
        "UPDATE sign_in_failures SET failures = failures - 1, blocked_until = $2
         WHERE subject = $1 AND failures > 0";
    FORGET = "sign_in_failures.forget": "DELETE FROM sign_in_failures WHERE subject = $1";
    FORGET_OLD = "sign_in_failures.forget_old": "DELETE FROM sign_in_failures WHERE last_at < $1";
}

/// What is known of the subject. Nobody else changes it until the transaction has ended.
pub async fn lock(tx: &Tx<'_>, subject: &str) -> Result<Option<Failures>, StoreError> {
    tx.lock(&format!("sign-in {subject}")).await?;
    tx.read_one(&GET, &[subject.into()], |row| {
        Ok(Failures { count: row.int(1)?, last_at: row.time(2)?, blocked_until: row.time(3)? })
    })
    .await
}

/// Writes what is known of the subject.
pub async fn set(tx: &Tx<'_>, subject: &str, failures: Failures) -> Result<(), StoreError> {
    let Failures { count, last_at, blocked_until } = failures;
    let params = [subject.into(), count.into(), last_at.into(), blocked_until.into()];
    tx.execute(&SET, &params).await?;
    Ok(())
}

/// Takes one failure back that was none, and what it has blocked.
pub async fn take_back(tx: &Tx<'_>, subject: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(&TAKE_BACK, &[subject.into(), now.into()]).await?;
    Ok(())
}

/// Forgets the subject.
pub async fn forget(tx: &Tx<'_>, subject: &str) -> Result<(), StoreError> {
    tx.execute(&FORGET, &[subject.into()]).await?;
    Ok(())
}

/// Forgets every subject whose last failure was before `before`.
pub async fn forget_old(tx: &Tx<'_>, before: Timestamp) -> Result<(), StoreError> {
    tx.execute(&FORGET_OLD, &[before.into()]).await?;
    Ok(())
}
