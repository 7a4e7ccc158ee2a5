//! Section `packages`.

use std::path::{Path, PathBuf};

use sandbox::{Hidden, PackagesSettings};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where the Python packages come from that code steps require. The server resolves them, the embedded runner installs
/// them; a runner elsewhere has flags of the same names.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Packages {
    /// The program `uv`, with its path; empty: `uv` on `PATH`.
    #[schema(value_type = String)]
    pub uv: PathBuf,
    /// Where installed packages are kept; empty: `packages` in the data folder.
    #[schema(value_type = String)]
    pub folder: PathBuf,
    /// The index, `https://` or `http://`, also with `user:password@`; empty: the public one.
    pub index_url: String,
    /// Whether nothing is fetched: what is not in the cache is not to be had.
    pub offline: bool,
}

/// The address may hold a password, so it is not shown.
impl std::fmt::Debug for Packages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { uv, folder, offline, .. } = self;
        f.debug_struct("Packages")
            .field("uv", uv)
            .field("folder", folder)
            .field("offline", offline)
            .finish_non_exhaustive()
    }
}

impl Packages {
    /// What packages are resolved and installed with, where the data is in `data`.
    pub fn settings(&self, data: &Path) -> PackagesSettings {
        let folder =
            if self.folder.as_os_str().is_empty() { data.join("packages") } else { self.folder.clone() };
        let given = |path: &PathBuf| Some(path.clone()).filter(|path| !path.as_os_str().is_empty());
        PackagesSettings {
            uv: given(&self.uv),
            index_url: Some(Hidden::from(self.index_url.clone())).filter(|_| !self.index_url.is_empty()),
            offline: self.offline,
            // Without a current folder there is nothing to make of a relative path, and it is refused.
            ..PackagesSettings::new(std::path::absolute(&folder).unwrap_or(folder))
        }
    }
}
