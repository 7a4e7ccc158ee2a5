//! XChaCha20-Poly1305 with a random nonce, and the text form of what it makes.
//!
//! The nonce has 24 bytes, so that servers which share a key need no common counter. Everything that says
//! where a ciphertext belongs is associated data, each part preceded by its length: two different lists of
//! parts never give the same bytes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use types::Rng;
use zeroize::Zeroizing;

use crate::Secret;

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// Why something sealed could not be opened. None of them gives a part of the plaintext.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The text is not one that was sealed here.
    #[error("{what} is not a sealed text of the form `{form}.…`")]
    Malformed {
        /// What was to be opened.
        what: String,
        /// How such a text starts.
        form: &'static str,
    },
    /// The master key that wrapped it is not at hand.
    #[error("{what} is wrapped by master key `{id}`, which is not in the key file (it has {have})")]
    MasterKeyMissing {
        /// What was to be opened.
        what: String,
        /// The key's id.
        id: String,
        /// The ids that are there.
        have: String,
    },
    /// The key does not fit, or the text was changed or moved here from another place.
    #[error("{what} cannot be opened: it was sealed with another key, for another place, or changed since")]
    Rejected {
        /// What was to be opened.
        what: String,
    },
    /// The plaintext is not what should have been sealed.
    #[error("{what} was opened but does not hold what it should")]
    Unreadable {
        /// What was opened.
        what: String,
    },
}

/// Parts of the associated data, each preceded by its length.
pub(crate) fn associated_data(parts: &[&[u8]]) -> Vec<u8> {
    let mut data = Vec::new();
    for part in parts {
        data.extend_from_slice(&(part.len() as u64).to_le_bytes());
        data.extend_from_slice(part);
    }
    data
}

/// `<form>.<base64url of nonce and ciphertext>`.
pub(crate) fn seal_text(
    form: &str,
    key: &Secret<[u8; KEY_BYTES]>,
    associated_data: &[u8],
    plaintext: &[u8],
    rng: &mut dyn Rng,
) -> String {
    let mut sealed = vec![0; NONCE_BYTES];
    rng.fill(&mut sealed);
    let mut nonce = XNonce::default();
    nonce.copy_from_slice(&sealed);
    let payload = Payload { msg: plaintext, aad: associated_data };
    // The cipher's one error is a plaintext of more than 256 GiB.
    #[allow(clippy::expect_used)]
    let ciphertext = cipher(key).encrypt(&nonce, payload).expect("the plaintext fits into one message");
    sealed.extend_from_slice(&ciphertext);
    format!("{form}.{}", URL_SAFE_NO_PAD.encode(sealed))
}

/// The plaintext of what [`seal_text`] made with the same form, key and associated data.
pub(crate) fn open_text(
    form: &'static str,
    key: &Secret<[u8; KEY_BYTES]>,
    associated_data: &[u8],
    text: &str,
    what: &str,
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let malformed = || OpenError::Malformed { what: what.to_owned(), form };
    let encoded = text.strip_prefix(form).and_then(|rest| rest.strip_prefix('.')).ok_or_else(malformed)?;
    let sealed = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| malformed())?;
    let (nonce_bytes, ciphertext) = sealed.split_at_checked(NONCE_BYTES).ok_or_else(malformed)?;
    let mut nonce = XNonce::default();
    nonce.copy_from_slice(nonce_bytes);
    let payload = Payload { msg: ciphertext, aad: associated_data };
    match cipher(key).decrypt(&nonce, payload) {
        Ok(plaintext) => Ok(Zeroizing::new(plaintext)),
        Err(_) => Err(OpenError::Rejected { what: what.to_owned() }),
    }
}

fn cipher(key: &Secret<[u8; KEY_BYTES]>) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.expose().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_flow_into_each_other() {
        assert_ne!(associated_data(&[b"ab", b"c"]), associated_data(&[b"a", b"bc"]));
        assert_ne!(associated_data(&[b"a"]), associated_data(&[b"a", b""]));
        assert_ne!(associated_data(&[b"", b"a"]), associated_data(&[b"a", b""]));
    }
}
