//! What an ID token must be to be believed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use openidconnect::core::{
    CoreGenderClaim, CoreJsonWebKey, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, ClientId, IdToken, IdTokenClaims, IdTokenVerifier,
    IssuerUrl, Nonce, SignatureVerificationError,
};
use types::Timestamp;

use crate::SsoError;
use crate::claims::OtherClaims;
use crate::error::chain;

/// How far the clocks of provider and server may differ.
pub const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// Signatures that only the provider can make. Neither none, nor one by a secret that is the client's, too.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

pub(crate) type Token =
    IdToken<OtherClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
pub(crate) type Claims = IdTokenClaims<OtherClaims, CoreGenderClaim>;

/// Why a token is not believed.
pub(crate) enum Refused {
    /// No key that is known has made the signature: the provider may have another one by now.
    Key(SsoError),
    /// Nothing makes it good.
    Token(SsoError),
}

/// What a token is held against.
pub(crate) struct Expected<'e> {
    pub(crate) client_id: &'e ClientId,
    pub(crate) issuer: &'e IssuerUrl,
    pub(crate) keys: &'e CoreJsonWebKeySet,
    pub(crate) nonce: &'e Nonce,
    pub(crate) now: Timestamp,
}

/// The claims of a token that holds: signature, issuer, audience, authorised party, times, nonce, and that the access
/// token belongs to it.
pub(crate) fn verify<'t>(
    token: &'t Token,
    access_token: &AccessToken,
    expected: &Expected<'_>,
) -> Result<&'t Claims, Refused> {
    let verifier = verifier(expected);
    let claims = token.claims(&verifier, expected.nonce).map_err(refused)?;
    if claims.authorized_party().is_some_and(|party| party != expected.client_id) {
        return Err(Refused::Token(SsoError::TokenRefused(
            "it was made for another client (`azp`)".to_owned(),
        )));
    }
    if let Some(hash) = claims.access_token_hash() {
        let actual = token.signing_alg().and_then(|algorithm| {
            let key = token.signing_key(&verifier)?;
            AccessTokenHash::from_token(access_token, algorithm, key)
                .map_err(|error| SignatureVerificationError::Other(error.to_string()))
        });
        if !actual.is_ok_and(|actual| actual == *hash) {
            let why = "the access token is not the one that it was made with (`at_hash`)";
            return Err(Refused::Token(SsoError::TokenRefused(why.to_owned())));
        }
    }
    Ok(claims)
}

/// As of a public client: one with a secret would take signatures by that secret.
fn verifier<'e>(expected: &Expected<'e>) -> IdTokenVerifier<'e, CoreJsonWebKey> {
    let now = expected.now;
    IdTokenVerifier::new_public_client(
        expected.client_id.clone(),
        expected.issuer.clone(),
        expected.keys.clone(),
    )
    .set_allowed_algs(ALGORITHMS)
    .set_time_fn(move || since_epoch(now.saturating_sub(CLOCK_SKEW)).into())
    .set_issue_time_verifier_fn(move |issued| {
        if issued.timestamp_millis() <= now.saturating_add(CLOCK_SKEW).as_millis() {
            return Ok(());
        }
        Err(format!("it was issued in the future, at {issued}"))
    })
}

fn refused(error: ClaimsVerificationError) -> Refused {
    let why = SsoError::TokenRefused(chain(&error));
    match error {
        ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::NoMatchingKey
            | SignatureVerificationError::CryptoError(_)
            | SignatureVerificationError::AmbiguousKeyId(_),
        ) => Refused::Key(why),
        _ => Refused::Token(why),
    }
}

fn since_epoch(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or(0))
}
