//! Sealing the secret fields of connections under a workspace's data key.
//!
//! The server seals what a user enters and opens it only to hand it to a runner or to rotate keys.

use types::{ConnectionId, Rng, WorkspaceId};

use crate::aead::{KEY_BYTES, OpenError, associated_data, open_text, seal_text};
use crate::{Secret, master};

/// How a sealed field starts: the version of the format.
const FORM: &str = "n1";

/// The key that seals the fields of one workspace.
pub struct DataKey(pub(crate) Secret<[u8; KEY_BYTES]>);

impl DataKey {
    /// A new key. `rng` must be unguessable.
    pub fn generate(rng: &mut dyn Rng) -> Self {
        Self(master::random_key(rng))
    }
}

/// Where a sealed value belongs. Opening it anywhere else fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealContext<'a> {
    /// The workspace that owns the connection.
    pub workspace: WorkspaceId,
    /// The connection.
    pub connection: ConnectionId,
    /// The attribute's name.
    pub field: &'a str,
    /// The version of the data key that seals it.
    pub version: i64,
}

impl SealContext<'_> {
    fn associated_data(&self) -> Vec<u8> {
        associated_data(&[
            b"field",
            self.workspace.as_uuid().as_bytes(),
            self.connection.as_uuid().as_bytes(),
            self.field.as_bytes(),
            &self.version.to_le_bytes(),
        ])
    }

    fn describe(&self) -> String {
        let Self { workspace, connection, field, version } = self;
        format!(
            "field `{field}` of connection `{connection}` (workspace `{workspace}`, data key version {version})"
        )
    }
}

/// Seals `plaintext` for the place `context`: `n1.<base64url>`. Sealing twice gives two different texts.
pub fn seal(key: &DataKey, context: &SealContext<'_>, plaintext: &str, rng: &mut dyn Rng) -> String {
    seal_text(FORM, &key.0, &context.associated_data(), plaintext.as_bytes(), rng)
}

/// Opens what [`seal`] made with the same key for the same place.
pub fn open(key: &DataKey, context: &SealContext<'_>, sealed: &str) -> Result<Secret<String>, OpenError> {
    let plaintext = open_text(FORM, &key.0, &context.associated_data(), sealed, &context.describe())?;
    match std::str::from_utf8(&plaintext) {
        Ok(text) => Ok(Secret::from(text)),
        Err(_) => Err(OpenError::Unreadable { what: context.describe() }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use types::SeededRng;

    use super::*;

    fn context(field: &str) -> SealContext<'_> {
        let workspace = WorkspaceId::of_name("w");
        SealContext { workspace, connection: ConnectionId::of_name("c"), field, version: 3 }
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_to_itself(plaintext in ".*", field in ".*", seed: u64) {
            let mut rng = SeededRng::from_u64(seed);
            let key = DataKey::generate(&mut rng);
            let sealed = seal(&key, &context(&field), &plaintext, &mut rng);
            prop_assert!(sealed.starts_with("n1."));
            let opened = open(&key, &context(&field), &sealed).unwrap();
            prop_assert_eq!(opened.expose(), &plaintext);
        }

        #[test]
        fn a_changed_byte_is_rejected(plaintext in ".{1,40}", seed: u64, position: prop::sample::Index) {
            let mut rng = SeededRng::from_u64(seed);
            let key = DataKey::generate(&mut rng);
            let mut sealed = seal(&key, &context("f"), &plaintext, &mut rng).into_bytes();
            let position = 3 + position.index(sealed.len() - 3);
            sealed[position] = if sealed[position] == b'A' { b'B' } else { b'A' };
            prop_assert!(open(&key, &context("f"), std::str::from_utf8(&sealed).unwrap()).is_err());
        }

        #[test]
        fn no_text_makes_opening_panic(text in "(n1\\.)?[A-Za-z0-9_-]{0,90}|.*") {
            let key = DataKey::generate(&mut SeededRng::from_u64(1));
            prop_assert!(open(&key, &context("f"), &text).is_err());
        }
    }

    #[test]
    fn a_sealed_value_opens_only_where_it_belongs() {
        let mut rng = SeededRng::from_u64(1);
        let key = DataKey::generate(&mut rng);
        let here = context("api_key");
        let sealed = seal(&key, &here, "hunter2", &mut rng);
        let elsewhere = [
            SealContext { workspace: WorkspaceId::of_name("other"), ..here },
            SealContext { connection: ConnectionId::of_name("other"), ..here },
            SealContext { field: "base_url", ..here },
            SealContext { version: 4, ..here },
        ];
        for context in elsewhere {
            let error = open(&key, &context, &sealed).err();
            assert_eq!(error, Some(OpenError::Rejected { what: context.describe() }));
        }
    }

    #[test]
    fn another_key_gives_an_error_that_names_the_field() {
        let mut rng = SeededRng::from_u64(1);
        let sealed = seal(&DataKey::generate(&mut rng), &context("api_key"), "hunter2", &mut rng);
        let error =
            open(&DataKey::generate(&mut rng), &context("api_key"), &sealed).err().unwrap().to_string();
        assert!(error.starts_with("field `api_key` of connection `"), "{error}");
        assert!(!error.contains("hunter2"));
    }

    #[test]
    fn a_text_that_was_never_sealed_is_told_apart() {
        let key = DataKey::generate(&mut SeededRng::from_u64(1));
        for text in ["", "n1", "n1.", "n1.AAAA", "n2.AAAA", "hunter2", "n1.!!"] {
            let error = open(&key, &context("f"), text).err();
            assert!(matches!(error, Some(OpenError::Malformed { .. })), "{text}: {error:?}");
        }
    }

    #[test]
    fn the_same_value_never_looks_the_same_twice() {
        let mut rng = SeededRng::from_u64(1);
        let key = DataKey::generate(&mut rng);
        assert_ne!(seal(&key, &context("f"), "x", &mut rng), seal(&key, &context("f"), "x", &mut rng));
    }
}
