//! What an operator decides about packages.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::PackagesError;

/// How long resolving may take, if the settings do not say.
pub const LOCK_TIME_DEFAULT: Duration = Duration::from_secs(120);
/// How long installing may take, if the settings do not say.
pub const INSTALL_TIME_DEFAULT: Duration = Duration::from_secs(600);
/// Bytes of an environment, also of one file of a package, if the settings do not say.
pub const ENVIRONMENT_BYTES_DEFAULT: u64 = 1024 * 1024 * 1024;
/// Files and folders of an environment, if the settings do not say.
pub const ENVIRONMENT_FILES_DEFAULT: u64 = 100_000;
/// Environments that are kept, if the settings do not say.
pub const KEPT_DEFAULT: usize = 64;
/// Bytes of all environments that are kept, if the settings do not say.
pub const KEPT_BYTES_DEFAULT: u64 = 8 * 1024 * 1024 * 1024;
/// Bytes of the cache of what was fetched, if the settings do not say.
pub const CACHE_BYTES_DEFAULT: u64 = 4 * 1024 * 1024 * 1024;

/// Variables that `uv` may be given: how the index is reached, and nothing that would undo what is asked of it.
const VARIABLES: [&str; 7] = [
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSL_CLIENT_CERT",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
];

/// A text that is not shown, such as an address with a password in it.
#[derive(Clone)]
pub struct Hidden(String);

impl Hidden {
    pub(super) fn open(&self) -> &str {
        &self.0
    }
}

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("********")
    }
}

/// What may be used up.
#[derive(Clone, Copy, Debug)]
pub struct PackagesLimits {
    /// How long resolving may take.
    pub lock: Duration,
    /// How long installing may take; others wait twice as long for the same environment.
    pub install: Duration,
    /// Bytes of an environment, also of one file of a package.
    pub environment_bytes: u64,
    /// Files and folders of an environment.
    pub environment_files: u64,
    /// Environments that are kept. Those in use are kept also beyond it.
    pub kept: usize,
    /// Bytes of all environments that are kept, likewise.
    pub kept_bytes: u64,
    /// Bytes of the cache of what was fetched. It is emptied when it is half full.
    pub cache_bytes: u64,
}

impl Default for PackagesLimits {
    fn default() -> Self {
        Self {
            lock: LOCK_TIME_DEFAULT,
            install: INSTALL_TIME_DEFAULT,
            environment_bytes: ENVIRONMENT_BYTES_DEFAULT,
            environment_files: ENVIRONMENT_FILES_DEFAULT,
            kept: KEPT_DEFAULT,
            kept_bytes: KEPT_BYTES_DEFAULT,
            cache_bytes: CACHE_BYTES_DEFAULT,
        }
    }
}

/// What an operator decides about packages.
#[derive(Clone, Debug)]
pub struct PackagesSettings {
    /// The program `uv`, at least 0.5; `None` looks for it on `PATH`.
    pub uv: Option<PathBuf>,
    /// Where environments and the cache are kept: an absolute path, nobody else's, to which all users may pass.
    pub folder: PathBuf,
    /// The index that packages come from, with credentials if it wants some; `None`: the public one that `uv` knows.
    pub index_url: Option<Hidden>,
    /// Nothing is fetched: what is not in the cache is not to be had.
    pub offline: bool,
    /// How the index is reached: proxies and authorities, by the names that they have in an environment.
    pub environment: Vec<(String, Hidden)>,
    /// What may be used up.
    pub limits: PackagesLimits,
}

impl PackagesSettings {
    /// The usual ones.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            uv: None,
            folder,
            index_url: None,
            offline: false,
            environment: Vec::new(),
            limits: PackagesLimits::default(),
        }
    }

    pub(super) fn check(&self) -> Result<(), PackagesError> {
        if !self.folder.is_absolute() {
            let folder = self.folder.display();
            return Err(PackagesError::Invalid(format!("the folder of packages `{folder}` is not absolute")));
        }
        let is_address =
            |url: &Hidden| ["http://", "https://"].iter().any(|begin| url.open().starts_with(begin));
        let is_text = |text: &Hidden| !text.open().chars().any(|c| c.is_control() || c.is_whitespace());
        if self.index_url.as_ref().is_some_and(|url| !is_address(url) || !is_text(url)) {
            let message = "the address of the index of packages does not begin with `https://` or `http://`, or holds blanks";
            return Err(PackagesError::Invalid(message.to_owned()));
        }
        for (name, value) in &self.environment {
            if !VARIABLES.contains(&name.to_ascii_uppercase().as_str()) {
                let known = VARIABLES.join("`, `");
                let message = format!("`{name}` cannot be given to `uv`; only `{known}` can");
                return Err(PackagesError::Invalid(message));
            }
            if value.open().contains('\0') {
                return Err(PackagesError::Invalid(format!("the value of `{name}` holds a zero byte")));
            }
        }
        Ok(())
    }
}
