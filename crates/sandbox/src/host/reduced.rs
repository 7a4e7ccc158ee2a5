//! The reduced form, for kernels that give no user namespaces, when the operator accepts it: a process group instead of
//! a pid namespace, file rules instead of mounts, no socket instead of an empty network. A program sees which files and
//! processes there are, its files are not limited in their sum, and what it started outlives a host that is killed.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use super::namespaces::Place;
use super::{Context as _, Outcome};

/// The folders of a host's cells, one for each; gone with the host.
pub(super) struct Folders {
    base: PathBuf,
}

impl Folders {
    /// Makes the folder of this host.
    pub(super) fn make() -> Outcome<Self> {
        let base = std::env::temp_dir().join(format!("nictate-sandbox-{}", std::process::id()));
        // Of a host with this number that was killed.
        let _ = fs::remove_dir_all(&base);
        fs::create_dir(&base).context(format!("make `{}`", base.display()))?;
        // Passed through by programs of another uid, and not listed.
        fs::set_permissions(&base, fs::Permissions::from_mode(0o711)).context("open the folder of cells")?;
        Ok(Self { base })
    }

    /// Makes the folder of a cell, with the program's working folder in it.
    pub(super) fn make_cell(&self, cell: u64, place: Place) -> Outcome<PathBuf> {
        let folder = self.base.join(cell.to_string());
        let work = folder.join("work");
        fs::create_dir_all(&work).context(format!("make `{}`", work.display()))?;
        for folder in [&folder, &work] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
                .context("close the folder of a cell")?;
            if let Some(uid) = place.step_uid() {
                chown(folder, Some(uid), Some(uid)).context("hand over the folder of a cell")?;
            }
        }
        Ok(folder)
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        remove(&self.base);
    }
}

/// Removes a folder with all that is in it. What a dying process makes meanwhile goes with the host's folder.
pub(super) fn remove(folder: &Path) {
    let _ = fs::remove_dir_all(folder);
}
