//! Handing a connection's attributes to one attempt of one step on one runner.
//!
//! Server and runner share a session key that lives as long as their link. What is sealed under it is
//! bound to the attempt's token and the connection, so that a recorded message opens nowhere else, and
//! nothing between the two (a queue, a log of messages) holds plaintext.

use std::collections::BTreeMap;

use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use types::{ConnectionId, Rng};
use zeroize::Zeroizing;

use crate::aead::{KEY_BYTES, OpenError, associated_data, open_text, seal_text};
use crate::{Secret, master};

const FORM: &str = "s1";

/// Mixed into every key that is agreed on, so that it serves for nothing else.
const AGREEMENT: &[u8] = b"nictate runner session 1";

/// One side of an agreement on a key (X25519): what passes between the two tells nobody else which. It does not tell who
/// the other side is; TLS and the runner's token do.
pub struct Offer {
    private: PrivateKey,
    public: Vec<u8>,
}

/// What the other side has offered cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the other side's part of the session key cannot be used")]
pub struct AgreementError;

impl Offer {
    /// A new one. `rng` must be unguessable.
    ///
    /// # Errors
    /// If the library of cryptography fails.
    pub fn new(rng: &mut dyn Rng) -> Result<Self, AgreementError> {
        let mut seed = Zeroizing::new([0; KEY_BYTES]);
        rng.fill(&mut *seed);
        let private = PrivateKey::from_private_key(&X25519, &*seed).map_err(|_| AgreementError)?;
        let public = private.compute_public_key().map_err(|_| AgreementError)?.as_ref().to_vec();
        Ok(Self { private, public })
    }

    /// What the other side is to be told, in base64url.
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.public)
    }

    /// The key that both sides have then; `other` is what the other side has told.
    ///
    /// # Errors
    /// If that is no public key.
    pub fn agree(self, other: &str) -> Result<SessionKey, AgreementError> {
        let other = URL_SAFE_NO_PAD.decode(other).map_err(|_| AgreementError)?;
        let mut both = [self.public.as_slice(), other.as_slice()];
        both.sort_unstable();
        let peer = UnparsedPublicKey::new(&X25519, &other);
        agree(&self.private, peer, AgreementError, |shared| {
            let mut hash = Sha256::new();
            for part in [AGREEMENT, shared, both[0], both[1]] {
                hash.update(part);
            }
            Ok(SessionKey(Secret::new(hash.finalize().into())))
        })
    }
}

/// The key that a server and one runner share.
pub struct SessionKey(Secret<[u8; KEY_BYTES]>);

impl SessionKey {
    /// A new key. `rng` must be unguessable.
    pub fn generate(rng: &mut dyn Rng) -> Self {
        Self(master::random_key(rng))
    }

    /// The same key for the other side of an embedded link.
    pub fn duplicate(&self) -> Self {
        Self(self.0.duplicate())
    }

    /// Seals `attributes` for the attempt with that token: `s1.<base64url>`.
    pub fn seal(
        &self,
        token: &str,
        connection: ConnectionId,
        attributes: &BTreeMap<String, Secret<String>>,
        rng: &mut dyn Rng,
    ) -> String {
        let parts = attributes.iter().flat_map(|(name, value)| [name, value.expose()]);
        let mut plaintext =
            Zeroizing::new(Vec::with_capacity(parts.clone().map(|part| part.len() + 8).sum()));
        for part in parts {
            plaintext.extend_from_slice(&(part.len() as u64).to_le_bytes());
            plaintext.extend_from_slice(part.as_bytes());
        }
        seal_text(FORM, &self.0, &place(token, connection), &plaintext, rng)
    }

    /// Opens what [`SessionKey::seal`] made for the same attempt and connection.
    pub fn open(
        &self,
        token: &str,
        connection: ConnectionId,
        sealed: &str,
    ) -> Result<BTreeMap<String, Secret<String>>, OpenError> {
        let what = format!("the grant of connection `{connection}`");
        let plaintext = open_text(FORM, &self.0, &place(token, connection), sealed, &what)?;
        let mut rest = plaintext.as_slice();
        let mut attributes = BTreeMap::new();
        while !rest.is_empty() {
            let pair = next_part(&mut rest).and_then(|name| Some((name, next_part(&mut rest)?)));
            let (name, value) = pair.ok_or_else(|| OpenError::Unreadable { what: what.clone() })?;
            attributes.insert(name.to_owned(), Secret::from(value));
        }
        Ok(attributes)
    }
}

fn place(token: &str, connection: ConnectionId) -> Vec<u8> {
    associated_data(&[b"grant", token.as_bytes(), connection.as_uuid().as_bytes()])
}

fn next_part<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let (length, after) = rest.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (part, after) = after.split_at_checked(length)?;
    *rest = after;
    std::str::from_utf8(part).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use types::SeededRng;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_grant_opens_to_its_attributes(attributes: BTreeMap<String, String>, token in ".*", seed: u64) {
            let mut rng = SeededRng::from_u64(seed);
            let key = SessionKey::generate(&mut rng);
            let connection = ConnectionId::of_name("c");
            let secrets = attributes.iter().map(|(name, value)| (name.clone(), Secret::from(value.clone()))).collect();
            let sealed = key.seal(&token, connection, &secrets, &mut rng);
            let opened = key.duplicate().open(&token, connection, &sealed).unwrap();
            let opened: BTreeMap<_, _> = opened.iter().map(|(name, value)| (name.clone(), value.expose().clone())).collect();
            prop_assert_eq!(opened, attributes);
        }
    }

    #[test]
    fn two_sides_agree_on_a_key_and_a_third_has_another() {
        let mut rng = SeededRng::from_u64(1);
        let offer = |rng: &mut SeededRng| Offer::new(rng).unwrap();
        let (one, two, third) = (offer(&mut rng), offer(&mut rng), offer(&mut rng));
        let (of_one, of_two) = (one.public(), two.public());
        let (first, second) = (one.agree(&of_two).unwrap(), two.agree(&of_one).unwrap());
        let eavesdropper = third.agree(&of_two).unwrap();
        let connection = ConnectionId::of_name("c");
        let secrets = BTreeMap::from([("k".to_owned(), Secret::from("v"))]);
        let sealed = first.seal("t", connection, &secrets, &mut rng);
        assert_eq!(second.open("t", connection, &sealed).unwrap()["k"].expose(), "v");
        assert!(eavesdropper.open("t", connection, &sealed).is_err());
        for bad in ["", "AAAA", "not base64!", &"A".repeat(43)] {
            assert!(offer(&mut rng).agree(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_grant_opens_for_one_attempt_and_connection_only() {
        let mut rng = SeededRng::from_u64(1);
        let key = SessionKey::generate(&mut rng);
        let connection = ConnectionId::of_name("c");
        let sealed =
            key.seal("t1", connection, &BTreeMap::from([("k".to_owned(), Secret::from("v"))]), &mut rng);
        assert!(key.open("t1", connection, &sealed).is_ok());
        let refused = [
            key.open("t2", connection, &sealed),
            key.open("t1", ConnectionId::of_name("d"), &sealed),
            SessionKey::generate(&mut rng).open("t1", connection, &sealed),
        ];
        for result in refused {
            assert!(matches!(result, Err(OpenError::Rejected { .. })));
        }
    }
}
