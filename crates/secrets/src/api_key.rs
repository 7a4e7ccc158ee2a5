//! API keys: how they look, and the digest under which they are stored.
//!
//! A key is random, so a fast keyed hash is enough; the pepper keeps a stolen database from being searched
//! for keys of a known form. The prefix and the checksum let scanners of leaked secrets find one for certain.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use types::Rng;
use zeroize::Zeroizing;

use crate::Secret;
use crate::aead::KEY_BYTES;
use crate::master::keyed_hash;

/// How every generated API key starts.
pub const API_KEY_PREFIX: &str = "nct_";
/// Characters of randomness: 43 of base 62 hold 256 bits.
const RANDOM_CHARS: usize = 43;
/// Characters of the checksum.
const CHECKSUM_CHARS: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A new API key: `nct_`, 43 random characters, 6 of checksum. Shown to its owner once; only its hash is kept.
pub fn generate_api_key(rng: &mut dyn Rng) -> Secret<String> {
    let mut key = String::with_capacity(API_KEY_PREFIX.len() + RANDOM_CHARS + CHECKSUM_CHARS);
    key.push_str(API_KEY_PREFIX);
    while key.len() < API_KEY_PREFIX.len() + RANDOM_CHARS {
        let mut byte = [0];
        rng.fill(&mut byte);
        // 248 = 4 * 62: a larger byte would favour the first characters.
        if byte[0] < 248 {
            key.push(char::from(BASE62[usize::from(byte[0]) % BASE62.len()]));
        }
    }
    let checksum = checksum(&key);
    key.push_str(&checksum);
    Secret::new(key)
}

/// Whether `text` looks like [`generate_api_key`] made it. A key that an operator chose does not, and is
/// valid all the same.
pub fn is_generated_api_key(text: &str) -> bool {
    text.len() == API_KEY_PREFIX.len() + RANDOM_CHARS + CHECKSUM_CHARS
        && text.starts_with(API_KEY_PREFIX)
        && text.is_ascii()
        && text.ends_with(&checksum(&text[..text.len() - CHECKSUM_CHARS]))
}

/// The first 32 bits of the SHA-256 of `text` in base 62.
fn checksum(text: &str) -> String {
    let hash = Sha256::digest(text);
    let mut number = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) as usize;
    let mut digits = [0; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[number % BASE62.len()];
        number /= BASE62.len();
    }
    digits.map(char::from).iter().collect()
}

/// A new token of 256 random bits that nobody has to recognise: of a session, or of a link.
pub fn generate_token(rng: &mut dyn Rng) -> Secret<String> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    rng.fill(bytes.as_mut_slice());
    Secret::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()))
}

/// Hashes API keys for storage and look-up.
pub struct ApiKeyHasher {
    pepper: Secret<[u8; KEY_BYTES]>,
}

impl ApiKeyHasher {
    pub(crate) const fn new(pepper: Secret<[u8; KEY_BYTES]>) -> Self {
        Self { pepper }
    }

    /// HMAC-SHA256 of `key` under the pepper. The same key always gives the same digest, so that the database
    /// finds it by an index.
    pub fn digest(&self, key: &str) -> KeyDigest {
        const LABEL: &[u8] = b"nictate api key\0";
        KeyDigest(keyed_hash(&self.pepper, &[LABEL, key.as_bytes()].concat()))
    }

    /// The same for what is no API key, and must never be taken for one: of another `kind`.
    pub fn digest_of(&self, kind: &str, token: &str) -> KeyDigest {
        KeyDigest(keyed_hash(&self.pepper, &[b"nictate ", kind.as_bytes(), b"\0", token.as_bytes()].concat()))
    }

    /// The digest as it is stored.
    pub fn hash(&self, key: &str) -> String {
        self.digest(key).to_string()
    }
}

/// What stands for an API key wherever the key itself must not be. Shown as 64 hex digits: so it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyDigest([u8; 32]);

impl fmt::Display for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use types::SeededRng;

    use super::*;
    use crate::MasterKeys;

    #[test]
    fn a_generated_key_is_recognised_and_a_mistyped_one_is_not() {
        let mut rng = SeededRng::from_u64(1);
        let key = generate_api_key(&mut rng);
        let key = key.expose();
        assert_eq!(key.len(), 53);
        assert!(key.starts_with("nct_") && is_generated_api_key(key), "{key}");
        assert_ne!(key, generate_api_key(&mut rng).expose());
        let mistyped = key.replacen(&key[10..11], if &key[10..11] == "x" { "y" } else { "x" }, 1);
        for text in [mistyped.as_str(), "", "nct_", &key[1..], &format!("{key}x"), &"é".repeat(27)] {
            assert!(!is_generated_api_key(text), "{text}");
        }
    }

    #[test]
    fn the_digest_depends_on_key_and_pepper() {
        let mut rng = SeededRng::from_u64(1);
        let (one, two) = (MasterKeys::generate(&mut rng), MasterKeys::generate(&mut rng));
        let digest = one.api_key_hasher().digest("nct_a");
        assert_eq!(digest.to_string().len(), 64);
        assert_eq!(digest, one.api_key_hasher().digest("nct_a"));
        assert_ne!(digest, one.api_key_hasher().digest("nct_b"));
        assert_ne!(digest, two.api_key_hasher().digest("nct_a"));
        assert_ne!(digest, one.api_key_hasher().digest_of("session", "nct_a"));
        let [a, b] = ["session", "password reset"].map(|kind| one.api_key_hasher().digest_of(kind, "x"));
        assert_ne!(a, b);
    }
}
