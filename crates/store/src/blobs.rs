//! Contents of files that records refer to: which there are, and which can go. Where the bytes lie is not known here.
//!
//! A record refers to a content by its SHA-256, at the beginning of the value of an attachment field. That value is the only
//! reference there is, whichever way it comes or goes, and it is indexed. Whoever writes one has claimed the content before
//! ([`claim`]) and says so in the same transaction ([`refer`]); whoever removes a content marks it first ([`mark_unused`]), in a
//! transaction that holds the row and finds no reference. Both write the row, so that one of them comes second and sees the
//! other. A marked row never comes back: the same content gets another row, with another id.

use types::{BlobId, TableId, Timestamp, WorkspaceId};

use crate::records::sha256_range;
use crate::statement::sql;
use crate::tables::Name;
use crate::{Read, Row, RowError, Sql, StoreError, Tx, Value};

/// Contents that one look takes.
pub const BLOBS_A_LOOK: i64 = 100;

/// A content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Part of the name under which it lies.
    pub id: BlobId,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// Its SHA-256, in lower-case hexadecimal digits.
    pub sha256: String,
    /// How many bytes it has.
    pub size_bytes: i64,
    /// Whether a record has referred to it, so that its bytes are known to be there.
    pub is_stored: bool,
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The content is not removed for a while.
    Held(Blob),
    /// The workspace would hold too much; so many bytes are held already.
    TooMuch(i64),
}

macro_rules! columns {
    () => {
        "id, workspace_id, sha256, size_bytes, state"
    };
}

sql! {
    LIVE = "blobs.live": concat!(
        "SELECT ", columns!(), " FROM blobs WHERE workspace_id = $1 AND sha256 = $2 AND state <> 'deleting'"
    );
    TOUCH = "blobs.touch":
        "UPDATE blobs SET touched_at = $3 WHERE workspace_id = $1 AND id = $2 AND state <> 'deleting'";
    TOTAL = "blobs.total":
        "SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS bytes FROM blobs
         WHERE workspace_id = $1 AND state <> 'deleting'";
    INSERT = "blobs.insert":
        "INSERT INTO blobs (id, workspace_id, sha256, size_bytes, state, touched_at, looked_at)
         VALUES ($1, $2, $3, $4, 'pending', $5, 0)";
    REFER = "blobs.refer":
        "UPDATE blobs SET state = 'stored', touched_at = $3
         WHERE workspace_id = $1 AND id = $2 AND state <> 'deleting'";
    LOOK_SOON = "blobs.look_soon":
        "UPDATE blobs SET looked_at = 0 WHERE workspace_id = $1 AND sha256 = $2 AND state <> 'deleting'";
    LOOK_SOON_OF_TABLE = "blobs.look_soon_of_table":
        "UPDATE blobs SET looked_at = 0 WHERE workspace_id = $1 AND state <> 'deleting' AND EXISTS
           (SELECT 1 FROM table_fields WHERE workspace_id = $1 AND table_id = $2 AND type = 'attachment')";
    LOOK_SOON_ALL = "blobs.look_soon_all":
        "UPDATE blobs SET looked_at = 0 WHERE workspace_id = $1 AND state <> 'deleting' AND looked_at > 0";
    DUE = "blobs.due": concat!(
        "SELECT ", columns!(), " FROM blobs
         WHERE state <> 'deleting' AND looked_at < $1 AND touched_at < $2 ORDER BY looked_at, id LIMIT $3"
    );
    HOLD = "blobs.hold":
        "SELECT id FROM blobs WHERE id = $1 AND state <> 'deleting' AND touched_at < $2 {for_update}";
    LOOKED = "blobs.looked": "UPDATE blobs SET looked_at = $2 WHERE id = $1";
    MARK = "blobs.mark": "UPDATE blobs SET state = 'deleting' WHERE id = $1";
    MARKED = "blobs.marked": concat!(
        "SELECT ", columns!(), " FROM blobs WHERE state = 'deleting' AND id > $1 ORDER BY id LIMIT $2"
    );
    FORGET = "blobs.forget": "DELETE FROM blobs WHERE id = $1 AND state = 'deleting'";
    FIELDS = "table_fields.attachments":
        "SELECT table_id, column_number FROM table_fields WHERE workspace_id = $1 AND type = 'attachment'";
}

/// The content of that SHA-256, if the workspace has it.
pub async fn find(
    read: &impl Read,
    workspace: WorkspaceId,
    sha256: &str,
) -> Result<Option<Blob>, StoreError> {
    read.read_one(&LIVE, &[workspace.into(), sha256.into()], decode).await
}

/// Claims a content at `now`: the row that the workspace has of it, or `new`. The workspace holds at most `bytes_max`. Those
/// who claim in one workspace take turns, so that together they keep to it.
pub async fn claim(tx: &Tx<'_>, new: &Blob, bytes_max: i64, now: Timestamp) -> Result<Claim, StoreError> {
    tx.lock(&format!("blobs {}", new.workspace_id)).await?;
    if let Some(known) = find(tx, new.workspace_id, &new.sha256).await? {
        let touched = [known.workspace_id.into(), known.id.into(), now.into()];
        if tx.execute(&TOUCH, &touched).await? > 0 {
            return Ok(Claim::Held(known));
        }
    }
    let held = tx.count(&TOTAL, &[new.workspace_id.into()]).await?;
    if held.saturating_add(new.size_bytes) > bytes_max {
        return Ok(Claim::TooMuch(held));
    }
    let params =
        [new.id.into(), new.workspace_id.into(), (&new.sha256).into(), new.size_bytes.into(), now.into()];
    tx.execute(&INSERT, &params).await?;
    Ok(Claim::Held(new.clone()))
}

/// The transaction makes a record refer to a claimed content, whose bytes are there; false if it has been removed since.
pub async fn refer(tx: &Tx<'_>, blob: &Blob, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(&REFER, &[blob.workspace_id.into(), blob.id.into(), now.into()]).await? > 0)
}

/// Says that records no longer refer to those contents, or fewer do: they are looked at soon.
pub async fn look_soon(tx: &Tx<'_>, workspace: WorkspaceId, sha256s: &[String]) -> Result<(), StoreError> {
    let mut sha256s: Vec<&String> = sha256s.iter().collect();
    // In one order always, so that two writers never wait for each other.
    sha256s.sort_unstable();
    sha256s.dedup();
    let sets: Vec<[Value<'_>; 2]> =
        sha256s.into_iter().map(|sha256| [workspace.into(), sha256.into()]).collect();
    if !sets.is_empty() {
        tx.execute_each(&LOOK_SOON, &sets).await?;
    }
    Ok(())
}

/// The same of all that a table's records may refer to.
pub(crate) async fn look_soon_of_table(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    table: TableId,
) -> Result<(), StoreError> {
    tx.execute(&LOOK_SOON_OF_TABLE, &[workspace.into(), table.into()]).await.map(drop)
}

/// The same of all that the workspace has.
pub(crate) async fn look_soon_of_all(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<(), StoreError> {
    tx.execute(&LOOK_SOON_ALL, &[workspace.into()]).await.map(drop)
}

/// Contents that nobody has wanted since `touched_before`, and that were not looked at since `looked_before`: up to
/// [`BLOBS_A_LOOK`].
pub async fn due(
    read: &impl Read,
    looked_before: Timestamp,
    touched_before: Timestamp,
) -> Result<Vec<Blob>, StoreError> {
    let params = [looked_before.into(), touched_before.into(), BLOBS_A_LOOK.into()];
    read.read_all(&DUE, &params, decode).await
}

/// Marks a content as one that is removed, if nobody has wanted it since `touched_before` and no record refers to it; else it
/// was looked at `now`.
pub async fn mark_unused(
    tx: &Tx<'_>,
    blob: &Blob,
    touched_before: Timestamp,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let held = tx.read_one(&HOLD, &[blob.id.into(), touched_before.into()], |_| Ok(())).await?;
    if held.is_none() {
        return Ok(false);
    }
    if is_referred_to(tx, blob.workspace_id, &blob.sha256).await? {
        tx.execute(&LOOKED, &[blob.id.into(), now.into()]).await?;
        return Ok(false);
    }
    Ok(tx.execute(&MARK, &[blob.id.into()]).await? > 0)
}

/// The marked contents behind that id: up to [`BLOBS_A_LOOK`].
pub async fn marked(read: &impl Read, after: BlobId) -> Result<Vec<Blob>, StoreError> {
    read.read_all(&MARKED, &[after.into(), BLOBS_A_LOOK.into()], decode).await
}

/// The bytes of a marked content are gone, and so is its row.
pub async fn forget(tx: &Tx<'_>, blob: BlobId) -> Result<(), StoreError> {
    tx.execute(&FORGET, &[blob.into()]).await.map(drop)
}

/// One look into an index for each attachment field of the workspace, until one finds a record.
async fn is_referred_to(tx: &Tx<'_>, workspace: WorkspaceId, sha256: &str) -> Result<bool, StoreError> {
    let fields: Vec<(TableId, i64)> =
        tx.read_all(&FIELDS, &[workspace.into()], |row| Ok((row.id(0)?, row.int(1)?))).await?;
    let [from, to] = sha256_range(sha256);
    let mut is_found = false;
    for (table, column) in fields {
        let (records, column) = (Name::Records(table), Name::Column(column));
        let text = format!("SELECT 1 FROM {records} WHERE {column} >= $1 AND {column} < $2 LIMIT 1");
        let sql = Sql::Dynamic { name: "records.refer_to_blob", text: &text };
        tx.fetch(sql, &[(&from).into(), (&to).into()], |_| {
            is_found = true;
            Ok(())
        })
        .await?;
        if is_found {
            break;
        }
    }
    Ok(is_found)
}

fn decode(row: &Row<'_>) -> Result<Blob, RowError> {
    Ok(Blob {
        id: row.id(0)?,
        workspace_id: row.id(1)?,
        sha256: row.string(2)?,
        size_bytes: row.int(3)?,
        is_stored: row.string(4)? == "stored",
    })
}
