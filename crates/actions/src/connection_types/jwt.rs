//! Tokens that we sign ourselves (RFC 7519), with a private key or shared secret from a connection. Called by
//! `token.rs`. Pure: the instant is handed in.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value};
use types::Timestamp;

use super::credential::{Credential, invalid, pem_lines};
use super::{Jwt, JwtAlgorithm};
use crate::ActionError;

/// How far back `iat` is put, for services whose clock is behind ours.
const CLOCK_SKEW: Duration = Duration::from_secs(30);

/// The signed token. Claims that render to nothing are left out.
pub(super) fn sign(credential: &Credential, scheme: &Jwt, now: Timestamp) -> Result<String, ActionError> {
    let mut claims = Map::new();
    for (name, template) in &scheme.claims {
        if let Some(text) = credential.rendered_if_filled(template)? {
            claims.insert(name.clone(), Value::String(text));
        }
    }
    let issued_s = now.saturating_sub(CLOCK_SKEW).as_millis().div_euclid(1000);
    claims.insert("iat".to_owned(), issued_s.into());
    let lifetime_s = i64::try_from(scheme.lifetime_s).unwrap_or(i64::MAX);
    claims.insert("exp".to_owned(), issued_s.saturating_add(lifetime_s).into());

    let text = credential.rendered(&scheme.private_key)?;
    let pem = pem_lines(&text);
    let (algorithm, key) = match scheme.algorithm {
        JwtAlgorithm::HS256 => (Algorithm::HS256, Ok(EncodingKey::from_secret(text.as_bytes()))),
        JwtAlgorithm::RS256 => (Algorithm::RS256, EncodingKey::from_rsa_pem(pem.as_bytes())),
        JwtAlgorithm::ES256 => (Algorithm::ES256, EncodingKey::from_ec_pem(pem.as_bytes())),
    };
    let wrong = || invalid(format!("the private key of the connection is no {algorithm:?} key in PEM"));
    let key = key.map_err(|_| wrong())?;
    let mut header = Header::new(algorithm);
    header.kid = match &scheme.key_id {
        Some(template) => credential.rendered_if_filled(template)?,
        None => None,
    };
    jsonwebtoken::encode(&header, &claims, &key).map_err(|_| wrong())
}
