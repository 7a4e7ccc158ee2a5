//! Secrets that live where the runner is: the server knows what they are called, never what they are.
//!
//! A connection that names a secret manager holds references in the place of its secrets. The runner looks them up
//! for each attempt, and keeps nothing of what it finds.

mod folder;
mod vault;

use std::collections::BTreeMap;
use std::sync::Arc;

use actions::http::HttpClient;
use secrets::Secret;

use folder::Folder;
use vault::Vault;
pub use vault::VaultLogin;

/// Bytes of one secret.
pub const SECRET_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a secret manager's name.
const NAME_BYTES_MAX: usize = 64;

/// Why a secret manager cannot be used, or a secret not be had. Never holds a secret.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SecretError(String);

impl SecretError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// The secret managers of a runner, by name.
#[derive(Default)]
pub struct SecretManagers(BTreeMap<String, Manager>);

enum Manager {
    Folder(Folder),
    Vault(Box<Vault>),
}

impl SecretManagers {
    /// Reads `NAME=folder:PATH` and `NAME=vault:URL`, of which each is one. `login` is for all vaults, which are reached
    /// through `http`.
    ///
    /// # Errors
    /// If one of them is neither, or two have one name.
    pub fn parse(
        texts: &[String],
        login: Option<&Arc<VaultLogin>>,
        http: &HttpClient,
    ) -> Result<Self, SecretError> {
        let mut managers = BTreeMap::new();
        for text in texts {
            let wrong = || {
                let message = "write `NAME=folder:PATH` or `NAME=vault:https://HOST/MOUNT`";
                SecretError::new(format!("the secret manager `{text}` cannot be read: {message}"))
            };
            let (name, place) = text.split_once('=').ok_or_else(wrong)?;
            let (kind, place) = place.split_once(':').ok_or_else(wrong)?;
            if name.is_empty() || name.len() > NAME_BYTES_MAX || place.is_empty() {
                return Err(wrong());
            }
            let manager = match kind {
                "folder" => Manager::Folder(Folder::new(place)),
                "vault" => Manager::Vault(Box::new(Vault::new(place, login, http)?)),
                _ => return Err(wrong()),
            };
            if managers.insert(name.to_owned(), manager).is_some() {
                return Err(SecretError::new(format!("there are two secret managers `{name}`")));
            }
        }
        Ok(Self(managers))
    }

    /// The secret that `manager` keeps under `reference`.
    ///
    /// # Errors
    /// If there is no such manager here, or it does not give the secret.
    pub(crate) async fn read(&self, manager: &str, reference: &str) -> Result<Secret<String>, SecretError> {
        match self.0.get(manager) {
            Some(Manager::Folder(folder)) => folder.read(reference).await,
            Some(Manager::Vault(vault)) => vault.read(reference).await,
            None => Err(SecretError::new(format!("this runner has no secret manager `{manager}`"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use actions::guard::NetworkPolicy;

    use super::*;

    #[test]
    fn what_is_no_secret_manager_is_refused_by_its_text() {
        let http = HttpClient::new(NetworkPolicy::default());
        let parse = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            SecretManagers::parse(&texts, None, &http).err().map(|error| error.to_string())
        };
        assert_eq!(parse(&["a=folder:/run/secrets", "b=folder:/b"]), None);
        let long = format!("{}=folder:/b", "x".repeat(NAME_BYTES_MAX + 1));
        for text in ["corp", "corp=folder", "=folder:/a", "corp=folder:", "corp=keychain:x", long.as_str()] {
            assert!(
                parse(&[text]).unwrap().starts_with(&format!("the secret manager `{text}` cannot be read"))
            );
        }
        assert_eq!(parse(&["a=folder:/b", "a=folder:/c"]).unwrap(), "there are two secret managers `a`");
        assert!(parse(&["a=vault:https://vault.example"]).unwrap().contains("a vault needs a token"));
    }
}
