//! The Python packages of a document: resolved once, when it is published or when its first run needs them, and the
//! same for all of its runs from then on.

use std::path::PathBuf;

use sandbox::{PackagesError, PackagesSettings};
use sha2::{Digest as _, Sha256};
use store::package_locks::{self, PackageLock};
use store::{Db, StoreError};
use tokio::sync::{Mutex, OnceCell};
use types::{Clock, Requirement, WorkspaceId};

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    #[error(transparent)]
    Packages(#[from] PackagesError),
    #[error("code in Python cannot be run: {0}")]
    NoPython(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LockError {
    /// The requirements themselves are at fault, so that their author can do something about it.
    pub(crate) fn is_of_requirements(&self) -> bool {
        let Self::Packages(error) = self else { return false };
        matches!(error, PackagesError::Invalid(_) | PackagesError::Resolve(_) | PackagesError::TooLarge(_))
    }
}

/// Finds and makes locks.
pub(crate) struct PackageLocks {
    db: Db,
    settings: PackagesSettings,
    python: Option<PathBuf>,
    tools: OnceCell<Tools>,
    /// Who resolves. Others wait: as a rule they want the same.
    turn: Mutex<()>,
}

struct Tools {
    packages: sandbox::Packages,
    python: PathBuf,
}

impl PackageLocks {
    /// `python`: the interpreter that runners are like, `python3` on `PATH` if none is named.
    pub(crate) fn new(db: Db, settings: PackagesSettings, python: Option<PathBuf>) -> Self {
        Self { db, settings, python, tools: OnceCell::new(), turn: Mutex::new(()) }
    }

    /// The lock for a list of a document, made if there is none.
    pub(crate) async fn lock(
        &self,
        workspace: WorkspaceId,
        document_hash: &str,
        requirements: &[Requirement],
        clock: &dyn Clock,
    ) -> Result<String, LockError> {
        let requirements_json = to_json(requirements);
        let hash = hex(&Sha256::digest(&requirements_json));
        let find = || package_locks::get(&self.db, workspace, document_hash, &hash);
        if let Some(found) = find().await? {
            return Ok(found.lock_text);
        }
        let _turn = self.turn.lock().await;
        if let Some(found) = find().await? {
            return Ok(found.lock_text);
        }
        let tools = self.tools.get_or_try_init(|| self.find_tools()).await?;
        let lock = tools.packages.lock(requirements, &tools.python).await?;
        let lock_text = lock.to_string();
        let lock = PackageLock {
            document_hash: document_hash.to_owned(),
            requirements_hash: hash.clone(),
            requirements: requirements_json,
            lock_text: lock_text.clone(),
            created_at: clock.now(),
        };
        self.db.write(async move |tx| package_locks::put(tx, workspace, &lock).await).await?;
        // Another server may have been first: what is stored counts.
        Ok(find().await?.map_or(lock_text, |found| found.lock_text))
    }

    async fn find_tools(&self) -> Result<Tools, LockError> {
        let packages = sandbox::Packages::new(self.settings.clone())?;
        let python = sandbox::find_python(self.python.as_deref()).await.map_err(LockError::NoPython)?;
        Ok(Tools { packages, python })
    }
}

fn to_json(requirements: &[Requirement]) -> String {
    let texts: Vec<String> = requirements.iter().map(ToString::to_string).collect();
    serde_json::json!(texts).to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
