//! Connections' secrets at rest: seals what is written, opens what is used.
//!
//! Two layers: a master key from the key file wraps each workspace's data keys; a data key seals attributes,
//! bound to workspace, connection, field and the key's version. Opened attributes leave this module only to be
//! sealed again for a runner, to be tested, or to be sealed under a newer key.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use actions::http::Attributes;
use moka::sync::Cache;
use secrets::{DataKey, KeyFile, MasterKeys, OpenError, SealContext, Secret};
use store::connections::Connection;
use store::{Db, StoreError};
use types::{ConnectionId, Rng as _, SystemRng, Timestamp, WorkspaceId};

/// How many data keys are kept unwrapped.
const DATA_KEYS_MAX: u64 = 1_000;

/// What can go wrong with stored secrets. No variant holds one.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key does not open what it should.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The key file cannot be read again.
    #[error(transparent)]
    KeyFile(#[from] secrets::KeyFileError),
    /// A row speaks of a data key that is not there.
    #[error("workspace `{workspace}` has no data key of version {version}")]
    NoDataKey {
        /// The workspace.
        workspace: WorkspaceId,
        /// The version its row names.
        version: i64,
    },
    /// The column does not hold what it should.
    #[error("the sealed attributes of connection `{0}` are no JSON object of texts")]
    Malformed(ConnectionId),
}

/// The attributes of one connection under one data key.
#[derive(Debug)]
pub struct SealedAttributes {
    /// A JSON object: field -> sealed text.
    pub json: String,
    /// The data key's version.
    pub data_key_version: i64,
}

/// Seals and opens.
pub struct Vault {
    db: Db,
    key_file: PathBuf,
    masters: RwLock<Arc<MasterKeys>>,
    data_keys: Cache<(WorkspaceId, i64), Arc<DataKey>>,
}

impl Vault {
    /// A vault over the data keys in `db`, wrapped by the master keys in `file`.
    pub fn new(db: Db, file: KeyFile) -> Self {
        let data_keys = Cache::builder().max_capacity(DATA_KEYS_MAX).build();
        Self { db, key_file: file.path, masters: RwLock::new(Arc::new(file.keys)), data_keys }
    }

    /// The master keys in use.
    pub fn masters(&self) -> Arc<MasterKeys> {
        Arc::clone(&self.masters.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Opens every data key once.
    ///
    /// # Errors
    /// If the key file is not the one that the database was written with.
    pub async fn check(&self) -> Result<(), VaultError> {
        for row in store::data_keys::list_all(&self.db).await? {
            self.masters().unwrap(row.workspace_id, row.version, &row.wrapped)?;
        }
        Ok(())
    }

    /// Seals `secrets` under the workspace's newest data key, making the first one if there is none.
    pub async fn seal(
        &self,
        workspace: WorkspaceId,
        connection: ConnectionId,
        secrets: &Attributes,
        now: Timestamp,
    ) -> Result<SealedAttributes, VaultError> {
        let (version, key) = self.newest_data_key(workspace, now).await?;
        Ok(seal_under(&key, workspace, connection, version, secrets))
    }

    /// The secret attributes of a stored connection.
    pub async fn open(&self, row: &Connection) -> Result<Attributes, VaultError> {
        let sealed = parse_sealed(row.id, &row.sealed)?;
        if sealed.is_empty() {
            return Ok(Attributes::new());
        }
        let key = self.data_key(row.workspace_id, row.data_key_version).await?;
        open_under(&key, row.workspace_id, row.id, row.data_key_version, &sealed)
    }

    /// All attributes of a stored connection as texts, secret ones opened.
    pub async fn attributes(&self, row: &Connection) -> Result<Attributes, VaultError> {
        let mut attributes = self.open(row).await?;
        let public: BTreeMap<String, serde_json::Value> =
            serde_json::from_str(&row.attributes).map_err(|_| VaultError::Malformed(row.id))?;
        for (name, wrapper) in public {
            if attributes.contains_key(&name) {
                continue;
            }
            let text = match wrapper.get("value") {
                None | Some(serde_json::Value::Null) => continue,
                Some(serde_json::Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            };
            attributes.insert(name, Secret::new(text));
        }
        Ok(attributes)
    }

    async fn newest_data_key(
        &self,
        workspace: WorkspaceId,
        now: Timestamp,
    ) -> Result<(i64, Arc<DataKey>), VaultError> {
        loop {
            let rows = store::data_keys::list(&self.db, workspace).await?;
            if let Some(newest) = rows.iter().map(|row| row.version).max() {
                return Ok((newest, self.data_key(workspace, newest).await?));
            }
            // Two servers may make the first key at once: one insert wins, both read it back.
            match self.add_data_key(workspace, 1, now).await {
                Ok(()) | Err(VaultError::Store(StoreError::Duplicate { .. })) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes and stores a data key.
    pub(crate) async fn add_data_key(
        &self,
        workspace: WorkspaceId,
        version: i64,
        now: Timestamp,
    ) -> Result<(), VaultError> {
        // Another process may have rotated the master key: a new data key must not be wrapped by the old one.
        self.reload_masters()?;
        let masters = self.masters();
        let key = DataKey::generate(&mut SystemRng);
        let row = store::data_keys::DataKey {
            workspace_id: workspace,
            version,
            wrapped: masters.wrap(workspace, version, &key, &mut SystemRng),
            master_key_id: masters.current_id().to_owned(),
            created_at: now,
        };
        let stored = row.clone();
        self.db.write(async move |tx| store::data_keys::insert(tx, &row).await).await?;
        // A rotation may have come between: then it did not see this key, and its old master key is retired.
        self.reload_masters()?;
        let masters = self.masters();
        if masters.current_id() != stored.master_key_id {
            let wrapped = masters.wrap(workspace, version, &key, &mut SystemRng);
            let from = stored.master_key_id.clone();
            let master_key_id = masters.current_id().to_owned();
            let row = store::data_keys::DataKey { wrapped, master_key_id, ..stored };
            self.db.write(async move |tx| store::data_keys::rewrap(tx, &row, &from).await).await?;
        }
        Ok(())
    }

    pub(crate) async fn data_key(
        &self,
        workspace: WorkspaceId,
        version: i64,
    ) -> Result<Arc<DataKey>, VaultError> {
        if let Some(key) = self.data_keys.get(&(workspace, version)) {
            return Ok(key);
        }
        let rows = store::data_keys::list(&self.db, workspace).await?;
        let row = rows.into_iter().find(|row| row.version == version);
        let row = row.ok_or(VaultError::NoDataKey { workspace, version })?;
        let key = match self.masters().unwrap(workspace, version, &row.wrapped) {
            Ok(key) => key,
            // The master key was rotated by another process: its key is in the file by now.
            Err(_) => {
                self.reload_masters()?;
                self.masters().unwrap(workspace, version, &row.wrapped)?
            }
        };
        let key = Arc::new(key);
        self.data_keys.insert((workspace, version), Arc::clone(&key));
        Ok(key)
    }

    fn reload_masters(&self) -> Result<(), VaultError> {
        let file = KeyFile::load(&self.key_file)?;
        *self.masters.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(file.keys);
        Ok(())
    }
}

pub(crate) fn seal_under(
    key: &DataKey,
    workspace: WorkspaceId,
    connection: ConnectionId,
    version: i64,
    secrets: &Attributes,
) -> SealedAttributes {
    let sealed: serde_json::Map<String, serde_json::Value> = secrets
        .iter()
        .map(|(field, value)| {
            let context = SealContext { workspace, connection, field, version };
            (field.clone(), secrets::seal(key, &context, value.expose(), &mut SystemRng).into())
        })
        .collect();
    SealedAttributes { json: serde_json::Value::Object(sealed).to_string(), data_key_version: version }
}

pub(crate) fn open_under(
    key: &DataKey,
    workspace: WorkspaceId,
    connection: ConnectionId,
    version: i64,
    sealed: &BTreeMap<String, String>,
) -> Result<Attributes, VaultError> {
    let mut opened = Attributes::new();
    for (field, text) in sealed {
        let context = SealContext { workspace, connection, field, version };
        opened.insert(field.clone(), secrets::open(key, &context, text)?);
    }
    Ok(opened)
}

pub(crate) fn parse_sealed(
    connection: ConnectionId,
    json: &str,
) -> Result<BTreeMap<String, String>, VaultError> {
    serde_json::from_str(json).map_err(|_| VaultError::Malformed(connection))
}

/// A random text to name an attempt by.
pub(crate) fn random_token() -> String {
    let mut bytes = [0; 16];
    SystemRng.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
