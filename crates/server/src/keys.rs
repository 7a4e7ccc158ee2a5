//! `nictate keys rotate`: new keys, and every secret sealed again under them, while the server runs.
//!
//! Resumable: progress is stored with each batch. Verified: what was sealed is opened again before it replaces
//! what was there. The previous data key stays until the next rotation, for a write that was in flight.

use std::collections::BTreeMap;

use secrets::{DataKey, KeyFile, KeyFileError};
use store::connections::Sealed;
use store::key_rotations::KeyRotation;
use store::{Db, StoreError};
use types::{Clock, ConnectionId, SystemRng, WorkspaceId};

use crate::server::SNAPSHOT_TIME;
use crate::vault::{Vault, VaultError, open_under, parse_sealed, seal_under};

/// Connections whose secrets are sealed anew in one transaction.
const BATCH: i64 = 100;

/// What went wrong. Nothing is lost by it: start the rotation again.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum RotateError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error("connection `{0}` did not open again after it was sealed; it keeps what it had")]
    NotVerified(ConnectionId),
}

/// What a rotation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Workspaces whose data key is new.
    pub workspaces: usize,
    /// Connections whose secrets were sealed again.
    pub connections: i64,
    /// Data keys that were wrapped again under a new master key.
    pub data_keys: usize,
}

/// Makes a new master key and wraps every data key again under it; the old one is forgotten at the end.
///
/// # Errors
/// If the database or the key file cannot be used. The key file holds both keys until all is done.
pub async fn rotate_master(db: &Db, file: &mut KeyFile) -> Result<Rotated, RotateError> {
    let mut keys = file.keys.duplicate();
    keys.rotate(&mut SystemRng);
    file.replace(keys)?;
    let mut rotated = Rotated::default();
    // Again until nothing is left: a server may have made a data key meanwhile.
    loop {
        let wrapped = rewrap_all(db, file).await?;
        if wrapped == 0 {
            break;
        }
        rotated.data_keys += wrapped;
    }
    // A server may still read a data key as it was wrapped before.
    tokio::time::sleep(SNAPSHOT_TIME * 2).await;
    let mut keys = file.keys.duplicate();
    keys.retire_older();
    file.replace(keys)?;
    Ok(rotated)
}

/// Wraps the data keys under the current master key that are under another; answers how many.
async fn rewrap_all(db: &Db, file: &KeyFile) -> Result<usize, RotateError> {
    let mut wrapped_again = 0;
    for row in store::data_keys::list_all(db).await? {
        if row.master_key_id == file.keys.current_id() {
            continue;
        }
        let (workspace, version) = (row.workspace_id, row.version);
        let key = file.keys.unwrap(workspace, version, &row.wrapped).map_err(VaultError::from)?;
        let wrapped = file.keys.wrap(workspace, version, &key, &mut SystemRng);
        file.keys.unwrap(workspace, version, &wrapped).map_err(VaultError::from)?;
        let master_key_id = file.keys.current_id().to_owned();
        let from = row.master_key_id.clone();
        let row = store::data_keys::DataKey { wrapped, master_key_id, ..row };
        db.write(async move |tx| store::data_keys::rewrap(tx, &row, &from).await).await?;
        wrapped_again += 1;
    }
    Ok(wrapped_again)
}

/// Makes a new data key for every workspace that has one, or goes on with a rotation that was broken off, and
/// seals every connection's secrets again.
///
/// # Errors
/// If the database cannot be used or a secret cannot be opened.
pub async fn rotate_data_keys(db: &Db, vault: &Vault, clock: &dyn Clock) -> Result<Rotated, RotateError> {
    let mut newest: BTreeMap<WorkspaceId, i64> = BTreeMap::new();
    for row in store::data_keys::list_all(db).await? {
        let version = newest.entry(row.workspace_id).or_default();
        *version = row.version.max(*version);
    }
    let mut rotated = Rotated::default();
    for (workspace, version) in newest {
        let mut rotation = begin(db, vault, clock, workspace, version).await?;
        reseal(db, vault, &mut rotation).await?;
        rotation.finished_at = Some(clock.now());
        rotated.workspaces += 1;
        rotated.connections += rotation.resealed;
        // Two versions back: whoever still held the previous one has written by the next rotation.
        let (done, keep_from) = (rotation.clone(), rotation.version - 1);
        db.write(async move |tx| {
            store::data_keys::delete_before(tx, workspace, keep_from).await?;
            store::key_rotations::set(tx, &done).await
        })
        .await?;
    }
    Ok(rotated)
}

async fn begin(
    db: &Db,
    vault: &Vault,
    clock: &dyn Clock,
    workspace: WorkspaceId,
    newest: i64,
) -> Result<KeyRotation, RotateError> {
    let last = store::key_rotations::get(db, workspace).await?;
    if let Some(unfinished) = last.filter(|rotation| rotation.finished_at.is_none()) {
        return Ok(unfinished);
    }
    let now = clock.now();
    let version = newest + 1;
    vault.add_data_key(workspace, version, now).await?;
    let rotation = KeyRotation {
        workspace_id: workspace,
        version,
        done_to: String::new(),
        resealed: 0,
        started_at: now,
        finished_at: None,
    };
    let stored = rotation.clone();
    db.write(async move |tx| store::key_rotations::set(tx, &stored).await).await?;
    Ok(rotation)
}

async fn reseal(db: &Db, vault: &Vault, rotation: &mut KeyRotation) -> Result<(), RotateError> {
    let (workspace, version) = (rotation.workspace_id, rotation.version);
    let new_key = vault.data_key(workspace, version).await?;
    loop {
        let rows = store::connections::list_sealed_after(db, workspace, &rotation.done_to, BATCH).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        rotation.done_to = last.id.to_string();
        let mut fresh = Vec::with_capacity(rows.len());
        for row in rows.into_iter().filter(|row| row.data_key_version != version) {
            let old_key = vault.data_key(workspace, row.data_key_version).await?;
            fresh.push(sealed_anew(&old_key, &new_key, workspace, version, row)?);
        }
        rotation.resealed += i64::try_from(fresh.len()).unwrap_or(i64::MAX);
        let progress = rotation.clone();
        db.write(async move |tx| {
            for row in &fresh {
                // One that was changed meanwhile was sealed under the new key by whoever changed it.
                store::connections::update_sealed(tx, workspace, row).await?;
            }
            store::key_rotations::set(tx, &progress).await
        })
        .await?;
    }
}

fn sealed_anew(
    old_key: &DataKey,
    new_key: &DataKey,
    workspace: WorkspaceId,
    version: i64,
    row: Sealed,
) -> Result<Sealed, RotateError> {
    let sealed = parse_sealed(row.id, &row.sealed)?;
    let secrets = open_under(old_key, workspace, row.id, row.data_key_version, &sealed)?;
    let fresh = seal_under(new_key, workspace, row.id, version, &secrets);
    let again = open_under(new_key, workspace, row.id, version, &parse_sealed(row.id, &fresh.json)?)?;
    let same = again.len() == secrets.len()
        && again.iter().zip(&secrets).all(|((a, x), (b, y))| a == b && x.expose() == y.expose());
    if !same {
        return Err(RotateError::NotVerified(row.id));
    }
    Ok(Sealed { sealed: fresh.json, data_key_version: version, ..row })
}
