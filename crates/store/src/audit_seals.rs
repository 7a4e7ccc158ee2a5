//! The chain over the audit log. Entries are written by many transactions at once and on several servers, which must not
//! wait for each other; so they are sealed soon after, in batches: a seal holds the hash of its entries and that of the
//! seal before. Whoever changes, removes or adds an entry behind it, or a seal, breaks the chain. What an entry is hashed
//! as is said at [`canonical`].

use sha2::{Digest as _, Sha256};
use types::{TenantId, Timestamp};

use crate::audit::{self, AuditEntry};
use crate::statement::sql;
use crate::{Read, Row, RowError, StoreError, Tx};

/// Entries under one seal, at most.
pub const ENTRIES_PER_SEAL_MAX: usize = 1_000;
/// The unique key that the second of two meets who seal at once.
pub const KEY: &str = "audit_seals_pkey";
/// The head before the first seal: of no hash.
const NO_HEAD: &str = "";

/// A seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// Counts from 1.
    pub number: i64,
    /// How many entries are under it.
    pub entries: i64,
    /// SHA-256 over the entries, in hex.
    pub root: String,
    /// The head of the seal before; empty for the first.
    pub previous: String,
    /// SHA-256 that stands for the whole log up to here, in hex.
    pub head: String,
    /// When.
    pub sealed_at: Timestamp,
}

/// What the log is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it was written.
    Whole {
        /// Seals.
        seals: i64,
        /// Entries under them.
        entries: i64,
        /// The newest entries, which no seal is over yet.
        unsealed: i64,
    },
    /// Not as it was written: what is wrong first.
    Broken(String),
}

sql! {
    LAST = "audit_seals.last":
        "SELECT number, entries, root, previous, head, sealed_at FROM audit_seals
         WHERE tenant_id = $1 ORDER BY number DESC LIMIT 1";
    NEXT = "audit_seals.next":
        "SELECT number, entries, root, previous, head, sealed_at FROM audit_seals
         WHERE tenant_id = $1 AND number > $2 ORDER BY number LIMIT 1";
    INSERT = "audit_seals.insert":
        "INSERT INTO audit_seals (tenant_id, number, entries, root, previous, head, sealed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    MARK = "audit_log.mark_sealed": "UPDATE audit_log SET seal = $3 WHERE tenant_id = $1 AND id = $2";
    UNSEALED_COUNT = "audit_log.count_unsealed":
        "SELECT COUNT(*) AS entries FROM audit_log WHERE tenant_id = $1 AND seal IS NULL";
    STRAY_COUNT = "audit_log.count_strays":
        "SELECT COUNT(*) AS entries FROM audit_log WHERE tenant_id = $1 AND seal IS NOT NULL AND NOT EXISTS (
             SELECT 1 FROM audit_seals s WHERE s.tenant_id = audit_log.tenant_id AND s.number = audit_log.seal)";
}

/// Seals the oldest entries that are not; how many. A transaction that commits late has its entries sealed later.
pub async fn seal(tx: &Tx<'_>, tenant: TenantId, now: Timestamp) -> Result<usize, StoreError> {
    let entries = audit::unsealed(tx, tenant, ENTRIES_PER_SEAL_MAX).await?;
    if entries.is_empty() {
        return Ok(0);
    }
    let last = last(tx, tenant).await?;
    let (number, previous) = last.map_or((1, NO_HEAD.to_owned()), |last| (last.number + 1, last.head));
    let seal = Seal::over(number, &previous, &entries, now);
    let params = [
        tenant.into(),
        number.into(),
        seal.entries.into(),
        (&seal.root).into(),
        (&seal.previous).into(),
        (&seal.head).into(),
        now.into(),
    ];
    tx.execute(&INSERT, &params).await?;
    let marks: Vec<_> = entries.iter().map(|entry| [tenant.into(), entry.id.into(), number.into()]).collect();
    tx.execute_each(&MARK, &marks).await?;
    Ok(entries.len())
}

/// The newest seal.
pub async fn last(read: &impl Read, tenant: TenantId) -> Result<Option<Seal>, StoreError> {
    read.read_one(&LAST, &[tenant.into()], decode).await
}

/// Reads the whole log and compares it with its seals. `noted` is a head that somebody has kept elsewhere: without one, the
/// loss of the newest seals with their entries is not to be noticed.
pub async fn verify(read: &impl Read, tenant: TenantId, noted: Option<&str>) -> Result<Verdict, StoreError> {
    let (mut number, mut head, mut entries, mut seen) = (0, NO_HEAD.to_owned(), 0, noted.is_none());
    while let Some(seal) = read.read_one(&NEXT, &[tenant.into(), number.into()], decode).await? {
        if seal.number != number + 1 {
            return Ok(Verdict::Broken(format!("seal {} is missing", number + 1)));
        }
        // One more than there may be, however many say that they are under it.
        let under = audit::under_seal(read, tenant, seal.number, ENTRIES_PER_SEAL_MAX + 1).await?;
        let expected = Seal::over(seal.number, &head, &under, seal.sealed_at);
        if let Some(what) = seal.differs_from(&expected) {
            return Ok(Verdict::Broken(format!("seal {}: {what}", seal.number)));
        }
        entries += seal.entries;
        seen |= noted == Some(seal.head.as_str());
        (number, head) = (seal.number, seal.head);
    }
    // In one statement: a server that runs goes on sealing.
    let strays = read.count(&STRAY_COUNT, &[tenant.into()]).await?;
    if strays > 0 {
        return Ok(Verdict::Broken(format!("{strays} entries name a seal that is not there")));
    }
    if !seen {
        return Ok(Verdict::Broken(
            "no seal has the head that was noted: the newest ones are missing".to_owned(),
        ));
    }
    let unsealed = read.count(&UNSEALED_COUNT, &[tenant.into()]).await?;
    Ok(Verdict::Whole { seals: number, entries, unsealed })
}

impl Seal {
    fn over(number: i64, previous: &str, entries: &[AuditEntry], sealed_at: Timestamp) -> Self {
        let mut root = Sha256::new();
        for entry in entries {
            root.update(canonical(entry));
        }
        let root = hex(&root.finalize());
        let count = i64::try_from(entries.len()).unwrap_or(i64::MAX);
        let mut head = Vec::new();
        for part in
            [previous, &number.to_string(), &count.to_string(), &root, &sealed_at.as_millis().to_string()]
        {
            push(&mut head, Some(part));
        }
        let head = hex(&Sha256::digest(head));
        Self { number, entries: count, root, previous: previous.to_owned(), head, sealed_at }
    }

    /// What is wrong with a stored seal, if it should be `expected`.
    fn differs_from(&self, expected: &Self) -> Option<String> {
        if self.previous != expected.previous {
            return Some("it does not follow the seal before".to_owned());
        }
        if self.entries != expected.entries {
            let (stored, found) = (self.entries, expected.entries);
            return Some(format!("it is over {stored} entries, and there are {found}"));
        }
        if self.root != expected.root {
            return Some("an entry under it has been changed".to_owned());
        }
        (self.head != expected.head).then(|| "it has been changed itself".to_owned())
    }
}

/// The bytes of an entry that are hashed: its fields in the order of [`AuditEntry`], numbers in decimal, each behind its
/// length as four bytes, the first the highest; a field that is absent has the length 2^32 - 1.
fn canonical(entry: &AuditEntry) -> Vec<u8> {
    let workspace = entry.workspace_id.map(|id| id.to_string());
    let mut bytes = Vec::new();
    for field in [
        Some(entry.id.to_string().as_str()),
        Some(entry.tenant_id.to_string().as_str()),
        workspace.as_deref(),
        Some(entry.at.as_millis().to_string().as_str()),
        Some(entry.actor_type.as_str()),
        Some(&entry.actor_id),
        Some(&entry.action),
        Some(&entry.entity_type),
        Some(&entry.entity_id),
        entry.host.as_deref(),
        Some(&entry.details),
    ] {
        push(&mut bytes, field);
    }
    bytes
}

fn push(bytes: &mut Vec<u8>, field: Option<&str>) {
    let length = field.map_or(u32::MAX, |field| u32::try_from(field.len()).unwrap_or(u32::MAX - 1));
    bytes.extend(length.to_be_bytes());
    bytes.extend(field.unwrap_or_default().as_bytes());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decode(row: &Row<'_>) -> Result<Seal, RowError> {
    Ok(Seal {
        number: row.int(0)?,
        entries: row.int(1)?,
        root: row.string(2)?,
        previous: row.string(3)?,
        head: row.string(4)?,
        sealed_at: row.time(5)?,
    })
}
