//! The master keys: they wrap the workspaces' data keys and nothing else.
//!
//! Their text form, in the key file or handed in by the configuration, is one entry a line (or separated
//! by `;`, for environments that cannot hold lines):
//! ```text
//! nictate-keys 1
//! pepper <base64 of 32 bytes>
//! key <id> <base64 of 32 bytes>
//! key <id> <base64 of 32 bytes>
//! ```
//! The last key wraps; the ones before it still unwrap, so that a rotation can go on while servers run.
//! The pepper hashes API keys, and gives the key under which users' authenticators are sealed. It stands beside the master keys and not under them, so that rotating
//! those does not void every API key; it changes only by hand, which does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use types::{Rng, WorkspaceId};
use zeroize::Zeroizing;

use crate::aead::{KEY_BYTES, OpenError, associated_data, open_text, seal_text};
use crate::{ApiKeyHasher, DataKey, MailSealer, Secret, UserSealer};

const HEADER: &str = "nictate-keys";
const VERSION: &str = "1";
const FORM: &str = "w1";
/// Hex digits of a key's id.
const ID_CHARS: usize = 12;

/// Why a text does not hold master keys. Never repeats a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeysError {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// Another kind of text.
    #[error("it does not start with `nictate-keys 1`")]
    Header,
    /// A later program's text.
    #[error("it has version `{0}`; this program reads version 1")]
    Version(String),
    /// An entry that is none.
    #[error("entry {0} is not `key ID BASE64` or `pepper BASE64` with 32 bytes of key")]
    Entry(usize),
    /// The id is not the key's fingerprint.
    #[error("entry {0} holds another key than its id `{1}` says: it was damaged")]
    Damaged(usize, String),
    /// An entry twice.
    #[error("entry {0} repeats an earlier one")]
    Repeated(usize),
    /// No key.
    #[error("it has no `key` entry")]
    NoKey,
    /// No pepper.
    #[error("it has no `pepper` entry")]
    NoPepper,
}

struct MasterKey {
    id: String,
    key: Secret<[u8; KEY_BYTES]>,
}

/// The master keys of a deployment, the current one last.
pub struct MasterKeys {
    older: Vec<MasterKey>,
    current: MasterKey,
    pepper: Secret<[u8; KEY_BYTES]>,
}

impl MasterKeys {
    /// One new key and a new pepper. `rng` must be unguessable.
    pub fn generate(rng: &mut dyn Rng) -> Self {
        Self { older: Vec::new(), current: MasterKey::new(random_key(rng)), pepper: random_key(rng) }
    }

    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, MasterKeysError> {
        let lines = text.split(['\n', ';']).map(str::trim).enumerate();
        let mut entries = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let (_, header) = entries.next().ok_or(MasterKeysError::Empty)?;
        match header.split_once(' ').map(|(word, version)| (word, version.trim())) {
            Some((HEADER, VERSION)) => {}
            Some((HEADER, other)) => return Err(MasterKeysError::Version(other.chars().take(20).collect())),
            _ => return Err(MasterKeysError::Header),
        }
        let (mut keys, mut pepper) = (Vec::<MasterKey>::new(), None);
        for (index, line) in entries {
            let number = index + 1;
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["pepper", encoded] => {
                    let decoded = decode(encoded).ok_or(MasterKeysError::Entry(number))?;
                    if pepper.replace(decoded).is_some() {
                        return Err(MasterKeysError::Repeated(number));
                    }
                }
                ["key", id, encoded] => {
                    let key = MasterKey::new(decode(encoded).ok_or(MasterKeysError::Entry(number))?);
                    if key.id != **id {
                        return Err(MasterKeysError::Damaged(number, id.chars().take(ID_CHARS).collect()));
                    }
                    if keys.iter().any(|other| other.id == key.id) {
                        return Err(MasterKeysError::Repeated(number));
                    }
                    keys.push(key);
                }
                _ => return Err(MasterKeysError::Entry(number)),
            }
        }
        let current = keys.pop().ok_or(MasterKeysError::NoKey)?;
        Ok(Self { older: keys, current, pepper: pepper.ok_or(MasterKeysError::NoPepper)? })
    }

    /// The text form: what the key file holds.
    pub fn to_text(&self) -> Secret<String> {
        let mut text = format!("{HEADER} {VERSION}\npepper {}\n", *encode(&self.pepper));
        for MasterKey { id, key } in self.all() {
            text.push_str(&format!("key {id} {}\n", *encode(key)));
        }
        Secret::new(text)
    }

    /// A second copy, to be changed while the first is in use.
    pub fn duplicate(&self) -> Self {
        Self {
            older: self.older.iter().map(MasterKey::duplicate).collect(),
            current: self.current.duplicate(),
            pepper: self.pepper.duplicate(),
        }
    }

    /// The id of the key that wraps. It is a fingerprint and not secret.
    pub fn current_id(&self) -> &str {
        &self.current.id
    }

    /// The ids of all keys, the current one last.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.all().map(|key| key.id.as_str())
    }

    /// Makes a new key the current one; the others stay for unwrapping.
    pub fn rotate(&mut self, rng: &mut dyn Rng) {
        let new = MasterKey::new(random_key(rng));
        self.older.push(std::mem::replace(&mut self.current, new));
    }

    /// Drops every key but the current one. Only when nothing is wrapped by them any more.
    pub fn retire_older(&mut self) {
        self.older.clear();
    }

    /// Wraps a workspace's data key of that version: `w1.<key id>.<base64url>`.
    pub fn wrap(&self, workspace: WorkspaceId, version: i64, key: &DataKey, rng: &mut dyn Rng) -> String {
        let place = place(workspace, version, &self.current.id);
        let sealed = seal_text(FORM, &self.current.key, &place, key.0.expose(), rng);
        sealed.replacen('.', &format!(".{}.", self.current.id), 1)
    }

    /// Unwraps what [`MasterKeys::wrap`] made for the same workspace and version with any of these keys.
    pub fn unwrap(&self, workspace: WorkspaceId, version: i64, wrapped: &str) -> Result<DataKey, OpenError> {
        let what = format!("data key version {version} of workspace `{workspace}`");
        let id = Self::wrapped_by(wrapped)
            .ok_or_else(|| OpenError::Malformed { what: what.clone(), form: FORM })?;
        let Some(master) = self.all().find(|key| key.id == id) else {
            let have: Vec<String> = self.ids().map(|id| format!("`{id}`")).collect();
            let (id, have) = (id.chars().take(ID_CHARS).collect(), have.join(", "));
            return Err(OpenError::MasterKeyMissing { what, id, have });
        };
        let sealed = wrapped.replacen(&format!(".{id}."), ".", 1);
        let plaintext = open_text(FORM, &master.key, &place(workspace, version, id), &sealed, &what)?;
        match plaintext.as_slice().try_into() {
            Ok(key) => Ok(DataKey(Secret::new(key))),
            Err(_) => Err(OpenError::Unreadable { what }),
        }
    }

    /// The id of the master key that made a wrapped text: whether it is the current one decides whether a
    /// rotation has to wrap it anew. None if it is no wrapped text.
    pub fn wrapped_by(wrapped: &str) -> Option<&str> {
        wrapped.strip_prefix(FORM)?.strip_prefix('.')?.split_once('.').map(|(id, _)| id)
    }

    /// The hash under which API keys are stored.
    pub fn api_key_hasher(&self) -> ApiKeyHasher {
        ApiKeyHasher::new(self.pepper.duplicate())
    }

    /// What seals the secrets of users' authenticators. Its key comes from the pepper: users belong to no workspace whose
    /// data key would do, and a rotation must not void what they have set up.
    pub fn user_sealer(&self) -> UserSealer {
        UserSealer::new(Secret::new(keyed_hash(&self.pepper, b"nictate users\0")))
    }

    /// What seals mail that waits to be sent. Its key comes from the pepper, as that of users does: mail belongs to no workspace.
    pub fn mail_sealer(&self) -> MailSealer {
        MailSealer::new(Secret::new(keyed_hash(&self.pepper, b"nictate mail\0")))
    }

    fn all(&self) -> impl Iterator<Item = &MasterKey> {
        self.older.iter().chain([&self.current])
    }
}

impl MasterKey {
    fn new(key: Secret<[u8; KEY_BYTES]>) -> Self {
        let mut id: String =
            keyed_hash(&key, b"nictate master key id").iter().map(|b| format!("{b:02x}")).collect();
        id.truncate(ID_CHARS);
        Self { id, key }
    }

    fn duplicate(&self) -> Self {
        Self { id: self.id.clone(), key: self.key.duplicate() }
    }
}

/// HMAC-SHA256.
pub(crate) fn keyed_hash(key: &Secret<[u8; KEY_BYTES]>, message: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length.
    #[allow(clippy::expect_used)]
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).expect("a key of 32 bytes fits");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

pub(crate) fn random_key(rng: &mut dyn Rng) -> Secret<[u8; KEY_BYTES]> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    rng.fill(bytes.as_mut_slice());
    Secret::new(*bytes)
}

fn place(workspace: WorkspaceId, version: i64, id: &str) -> Vec<u8> {
    associated_data(&[b"data key", workspace.as_uuid().as_bytes(), &version.to_le_bytes(), id.as_bytes()])
}

fn encode(key: &Secret<[u8; KEY_BYTES]>) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(key.expose()))
}

fn decode(encoded: &str) -> Option<Secret<[u8; KEY_BYTES]>> {
    let bytes = Zeroizing::new(STANDARD.decode(encoded).ok()?);
    bytes.as_slice().try_into().ok().map(Secret::new)
}

#[cfg(test)]
mod tests {
    use types::SeededRng;

    use super::*;

    fn workspace() -> WorkspaceId {
        WorkspaceId::of_name("w")
    }

    #[test]
    fn keys_survive_their_text_form() {
        let mut rng = SeededRng::from_u64(1);
        let mut keys = MasterKeys::generate(&mut rng);
        keys.rotate(&mut rng);
        let text = keys.to_text();
        for text in
            [text.expose().clone(), text.expose().replace('\n', ";"), format!("# note\n\n{}", text.expose())]
        {
            let read = MasterKeys::parse(&text).ok().unwrap();
            assert_eq!(read.to_text().expose(), keys.to_text().expose());
            assert_eq!(read.ids().collect::<Vec<_>>(), keys.ids().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_wrapped_key_unwraps_after_a_rotation_and_can_be_wrapped_anew() {
        let mut rng = SeededRng::from_u64(1);
        let mut keys = MasterKeys::generate(&mut rng);
        let data_key = DataKey::generate(&mut rng);
        let wrapped = keys.wrap(workspace(), 1, &data_key, &mut rng);
        assert_eq!(MasterKeys::wrapped_by(&wrapped), Some(keys.current_id()));
        keys.rotate(&mut rng);
        assert_ne!(MasterKeys::wrapped_by(&wrapped), Some(keys.current_id()));
        let unwrapped = keys.unwrap(workspace(), 1, &wrapped).ok().unwrap();
        assert_eq!(unwrapped.0.expose(), data_key.0.expose());
        let again = keys.wrap(workspace(), 1, &unwrapped, &mut rng);
        keys.retire_older();
        assert!(keys.unwrap(workspace(), 1, &again).is_ok());
        let error = keys.unwrap(workspace(), 1, &wrapped).err().unwrap();
        assert!(matches!(error, OpenError::MasterKeyMissing { .. }), "{error}");
    }

    #[test]
    fn a_wrapped_key_belongs_to_one_workspace_and_version() {
        let mut rng = SeededRng::from_u64(1);
        let keys = MasterKeys::generate(&mut rng);
        let wrapped = keys.wrap(workspace(), 1, &DataKey::generate(&mut rng), &mut rng);
        for (workspace, version) in [(workspace(), 2), (WorkspaceId::of_name("x"), 1)] {
            let error = keys.unwrap(workspace, version, &wrapped).err().unwrap();
            assert!(matches!(error, OpenError::Rejected { .. }), "{error}");
        }
        for text in ["", "w1", "w1.abc", "n1.a.b"] {
            assert!(matches!(keys.unwrap(workspace(), 1, text), Err(OpenError::Malformed { .. })), "{text}");
        }
    }

    #[test]
    fn rotating_the_master_key_leaves_api_keys_valid() {
        let mut rng = SeededRng::from_u64(1);
        let mut keys = MasterKeys::generate(&mut rng);
        let before = keys.api_key_hasher().hash("nct_x");
        keys.rotate(&mut rng);
        keys.retire_older();
        assert_eq!(keys.api_key_hasher().hash("nct_x"), before);
    }

    #[test]
    fn a_text_that_holds_no_keys_says_why() {
        let good = MasterKeys::generate(&mut SeededRng::from_u64(1)).to_text();
        let line = |n: usize| good.expose().lines().nth(n).unwrap();
        let (pepper, key) = (line(1), line(2));
        let check = |text: &str, expected: &str| {
            assert_eq!(MasterKeys::parse(text).err().unwrap().to_string(), expected, "{text}");
        };
        let entry = "entry 2 is not `key ID BASE64` or `pepper BASE64` with 32 bytes of key";
        check("", "it is empty");
        check("\n# a note\n", "it is empty");
        check("AAAA", "it does not start with `nictate-keys 1`");
        check("nictate-keys 2\n", "it has version `2`; this program reads version 1");
        check("nictate-keys 1\n", "it has no `key` entry");
        check(&format!("nictate-keys 1\n{key}"), "it has no `pepper` entry");
        check(&format!("nictate-keys 1\n{pepper}\n{pepper}"), "entry 3 repeats an earlier one");
        check(&format!("nictate-keys 1\n{pepper}\n{key}\n{key}"), "entry 4 repeats an earlier one");
        check("nictate-keys 1\npepper AAAA", entry);
        check("nictate-keys 1\nkey x", entry);
        check("nictate-keys 1\nlock x y", entry);
        let damaged = format!("nictate-keys 1\nkey 0123456789ab {}", key.split(' ').nth(2).unwrap());
        check(&damaged, "entry 2 holds another key than its id `0123456789ab` says: it was damaged");
    }
}
