//! A provider: what discovery says of it, where people are sent, what their codes are worth.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse,
    CoreTokenType,
};
use openidconnect::{
    AccessToken, AsyncHttpClient, AuthType, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    DiscoveryError, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, IdTokenFields, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RequestTokenError, Scope, StandardErrorResponse, StandardTokenResponse, SubjectIdentifier,
    TokenResponse as _, UserInfoClaims, UserInfoError,
};
use secrets::Secret;
use tokio::sync::Mutex;
use types::Timestamp;

use crate::claims::{Found, OtherClaims, Person, Standard, Wanted};
use crate::error::{SsoError, chain};
use crate::token::{self, Expected, Refused, Token};

/// How long everything together may take that a provider is asked for one sign-in, or one half of it.
pub const PROVIDER_TIME_MAX: Duration = Duration::from_secs(8);
/// How long it is believed what discovery said. Keys that are new meanwhile are found when a token needs one.
const DISCOVERY_TIME: Duration = Duration::from_secs(60 * 60);

type Fields = IdTokenFields<
    OtherClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
type Connected = Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Sends requests. It must not follow redirects: a provider has no reason to send them, and would decide with them whom
/// this server talks to. Its bounds of time and bytes are its own.
pub trait HttpClient: Send + Sync {
    /// Sends a request and reads the whole answer, whatever its status.
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, SendError>>;
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SendError(pub String);

/// The client as the library asks for one.
struct Sender<'s>(&'s dyn HttpClient);

impl<'c> AsyncHttpClient<'c> for Sender<'_> {
    type Error = SendError;
    type Future = BoxFuture<'c, Result<HttpResponse, SendError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        self.0.send(request)
    }
}

/// What is known of a provider before it is asked.
pub struct ProviderSettings {
    /// Its issuer identifier, exactly as it writes it itself.
    pub issuer: String,
    /// What it calls this server.
    pub client_id: String,
    /// What this server proves that with; empty: nothing, PKCE alone.
    pub client_secret: Secret<String>,
    /// Where it sends people back to.
    pub redirect_url: String,
    /// What it is asked for, `openid` always.
    pub scopes: Vec<String>,
    /// The claim that says whether an address was verified, `email_verified` for most.
    pub email_verified_claim: String,
    /// The claim with roles or groups; empty: none.
    pub values_claim: String,
}

/// One attempt to sign in: three secrets that only its browser and this server know, each 43 to 128 characters that
/// need no escape in a URL.
pub struct Attempt {
    /// Comes back with the person.
    pub state: Secret<String>,
    /// Comes back in the ID token.
    pub nonce: Secret<String>,
    /// Shown to the provider with the code; what it hashes to was shown before.
    pub verifier: Secret<String>,
}

/// A provider.
pub struct Provider {
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: Secret<String>,
    redirect_url: RedirectUrl,
    scopes: Vec<Scope>,
    wanted: Wanted,
    http: Arc<dyn HttpClient>,
    // Held while it is asked, so that it is asked once.
    known: Mutex<Option<Arc<Known>>>,
}

/// What discovery said, and when.
struct Known {
    metadata: CoreProviderMetadata,
    at: Timestamp,
}

impl Provider {
    /// A provider that is asked with `http`, and only when somebody signs in.
    ///
    /// # Errors
    /// If issuer or redirect URL are no safe URLs.
    pub fn new(settings: ProviderSettings, http: Arc<dyn HttpClient>) -> Result<Self, SsoError> {
        let refused = |text: &str| SsoError::Settings(format!("`{text}` is no URL with https"));
        let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(|_| refused(&settings.issuer))?;
        if !is_safe_url(&settings.issuer) {
            return Err(refused(&settings.issuer));
        }
        let redirect_url =
            RedirectUrl::new(settings.redirect_url.clone()).map_err(|_| refused(&settings.redirect_url))?;
        Ok(Self {
            issuer,
            client_id: ClientId::new(settings.client_id),
            client_secret: settings.client_secret,
            redirect_url,
            scopes: settings.scopes.into_iter().map(Scope::new).collect(),
            wanted: Wanted { email_verified: settings.email_verified_claim, values: settings.values_claim },
            http,
            known: Mutex::default(),
        })
    }

    /// Its issuer identifier.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where to send the browser for this attempt.
    ///
    /// # Errors
    /// If discovery fails.
    pub fn authorization_url<'a>(
        &'a self,
        attempt: &'a Attempt,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<String, SsoError>> {
        Box::pin(in_time(self.locate(attempt, now)))
    }

    async fn locate(&self, attempt: &Attempt, now: Timestamp) -> Result<String, SsoError> {
        let known = self.known(now).await?;
        let client = self.client(&known.metadata);
        let verifier = PkceCodeVerifier::new(attempt.verifier.expose().clone());
        let (state, nonce) = (attempt.state.expose().clone(), attempt.nonce.expose().clone());
        let request = client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            move || CsrfToken::new(state.clone()),
            move || Nonce::new(nonce.clone()),
        );
        let scopes = self.scopes.iter().filter(|scope| scope.as_str() != "openid").cloned();
        let request = request.add_scopes(scopes);
        let (url, ..) =
            request.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier)).url();
        Ok(url.to_string())
    }

    /// Who came back from this attempt with `code`.
    ///
    /// # Errors
    /// If the provider does not vouch for anybody, or not so that it can be believed.
    pub fn person<'a>(
        &'a self,
        attempt: &'a Attempt,
        code: String,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Person, SsoError>> {
        Box::pin(in_time(self.exchange(attempt, code, now)))
    }

    async fn exchange(&self, attempt: &Attempt, code: String, now: Timestamp) -> Result<Person, SsoError> {
        let known = self.known(now).await?;
        let client = self.client(&known.metadata);
        let tokens = self.redeem(&client, attempt, code).await?;
        let missing = || SsoError::TokenRefused("there is none".to_owned());
        let token = tokens.id_token().ok_or_else(missing)?;
        let nonce = Nonce::new(attempt.nonce.expose().clone());
        let person = match self.verify(&known, token, tokens.access_token(), (&nonce, now)) {
            Ok(person) => person,
            Err(Refused::Token(error)) => return Err(error),
            Err(Refused::Key(_)) => {
                // It may have another key since.
                let known = self.discover(now).await?;
                self.verify(&known, token, tokens.access_token(), (&nonce, now)).map_err(|refused| {
                    let (Refused::Key(error) | Refused::Token(error)) = refused;
                    error
                })?
            }
        };
        let Verified { subject, found, has_shown_factors } = person;
        let found = if found.lacks_something(&self.wanted) && client.user_info_url().is_some() {
            let info = self.user_info(&client, tokens.access_token().clone(), &subject).await?;
            found.completed_by(info)
        } else {
            found
        };
        Ok(found.into_person(subject, has_shown_factors))
    }

    async fn redeem(&self, client: &Connected, attempt: &Attempt, code: String) -> Result<Tokens, SsoError> {
        let no_endpoint = |_| SsoError::Unusable("its discovery names no token endpoint".to_owned());
        let request = client.exchange_code(AuthorizationCode::new(code)).map_err(no_endpoint)?;
        let verifier = PkceCodeVerifier::new(attempt.verifier.expose().clone());
        let sent = request.set_pkce_verifier(verifier).request_async(&Sender(&*self.http)).await;
        sent.map_err(|error| match error {
            RequestTokenError::ServerResponse(said) => SsoError::CodeRefused(chain(&Said(said.to_string()))),
            RequestTokenError::Request(error) => SsoError::Unavailable(chain(&error)),
            // Neither holds the body, which could be a token.
            RequestTokenError::Parse(error, _) => {
                SsoError::Unusable(format!("the token endpoint: {}", chain(&error)))
            }
            RequestTokenError::Other(what) => {
                SsoError::Unusable(format!("the token endpoint: {}", chain(&Said(what))))
            }
        })
    }

    fn verify(
        &self,
        known: &Known,
        token: &Token,
        access_token: &AccessToken,
        (nonce, now): (&Nonce, Timestamp),
    ) -> Result<Verified, Refused> {
        let expected = Expected {
            client_id: &self.client_id,
            issuer: &self.issuer,
            keys: known.metadata.jwks(),
            nonce,
            now,
        };
        let claims = token::verify(token, access_token, &expected)?;
        let (email, email_verified, name) = (claims.email(), claims.email_verified(), claims.name());
        let standard = Standard { email, email_verified, name };
        let found = Found::read(&self.wanted, standard, claims.additional_claims());
        let factors = claims.auth_method_refs().map_or(&[][..], Vec::as_slice);
        Ok(Verified {
            subject: claims.subject().as_str().to_owned(),
            found: found.map_err(Refused::Token)?,
            has_shown_factors: factors.iter().any(|factor| factor.as_str() == MANY_FACTORS),
        })
    }

    async fn user_info(
        &self,
        client: &Connected,
        token: AccessToken,
        subject: &str,
    ) -> Result<Found, SsoError> {
        let unusable = |what: String| SsoError::Unusable(format!("the user info: {what}"));
        let subject = SubjectIdentifier::new(subject.to_owned());
        let request = client.user_info(token, Some(subject)).map_err(|error| unusable(chain(&error)))?;
        let sent = request.request_async(&Sender(&*self.http)).await;
        let claims: UserInfoClaims<OtherClaims, CoreGenderClaim> = sent.map_err(|error| match error {
            UserInfoError::Request(error) => SsoError::Unavailable(chain(&error)),
            UserInfoError::Response(status, ..) => unusable(format!("status {status}")),
            error => unusable(chain(&error)),
        })?;
        let (email, email_verified, name) = (claims.email(), claims.email_verified(), claims.name());
        let standard = Standard { email, email_verified, name };
        Found::read(&self.wanted, standard, claims.additional_claims())
    }

    /// What discovery says; asked for again when that was long ago.
    async fn known(&self, now: Timestamp) -> Result<Arc<Known>, SsoError> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| now.since(known.at) < DISCOVERY_TIME) {
            return Ok(Arc::clone(known));
        }
        let fresh = Arc::new(self.ask(now).await?);
        *known = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    /// What discovery says now.
    async fn discover(&self, now: Timestamp) -> Result<Arc<Known>, SsoError> {
        let mut known = self.known.lock().await;
        let fresh = Arc::new(self.ask(now).await?);
        *known = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    async fn ask(&self, now: Timestamp) -> Result<Known, SsoError> {
        let sender = Sender(&*self.http);
        let metadata =
            CoreProviderMetadata::discover_async(self.issuer.clone(), &sender).await.map_err(|error| {
                match error {
                    DiscoveryError::Request(error) => SsoError::Unavailable(chain(&error)),
                    DiscoveryError::Response(status, _, what) => {
                        SsoError::Unavailable(format!("status {status}, {}", chain(&Said(what))))
                    }
                    error => SsoError::Unusable(chain(&error)),
                }
            })?;
        match unsafe_endpoint(&metadata) {
            Some(url) => {
                let url: String = url.chars().take(URL_CHARS_SHOWN).collect();
                Err(SsoError::Unusable(format!("its discovery names `{url}`, which is no URL with https")))
            }
            None => Ok(Known { metadata, at: now }),
        }
    }

    fn client(&self, metadata: &CoreProviderMetadata) -> Connected {
        let secret = self.client_secret.expose();
        let secret = (!secret.is_empty()).then(|| ClientSecret::new(secret.clone()));
        let client = Client::from_provider_metadata(metadata.clone(), self.client_id.clone(), secret);
        client.set_redirect_uri(self.redirect_url.clone()).set_auth_type(auth_type(metadata))
    }
}

/// As it is said in `amr` that somebody has shown more than one factor (RFC 8176).
const MANY_FACTORS: &str = "mfa";
/// Characters of a URL that an error repeats.
const URL_CHARS_SHOWN: usize = 200;

/// What a token that holds says.
struct Verified {
    subject: String,
    found: Found,
    has_shown_factors: bool,
}

/// What a provider said, as a cause.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Said(String);

/// An endpoint to which nothing should be sent, if there is one.
fn unsafe_endpoint(metadata: &CoreProviderMetadata) -> Option<String> {
    let always = [metadata.authorization_endpoint().as_str(), metadata.jwks_uri().as_str()];
    let optional = [
        metadata.token_endpoint().map(|url| url.as_str()),
        metadata.userinfo_endpoint().map(|url| url.as_str()),
    ];
    let mut all = always.into_iter().chain(optional.into_iter().flatten());
    all.find(|url| !is_safe_url(url)).map(str::to_owned)
}

/// How the client's secret is shown: by the header where that works, which is what most expect.
fn auth_type(metadata: &CoreProviderMetadata) -> AuthType {
    let known = metadata.token_endpoint_auth_methods_supported();
    let takes = |method| known.is_some_and(|known| known.contains(&method));
    if takes(CoreClientAuthMethod::ClientSecretPost) && !takes(CoreClientAuthMethod::ClientSecretBasic) {
        return AuthType::RequestBody;
    }
    AuthType::BasicAuth
}

/// Whether what is sent there can be read by nobody on the way: https, or this machine.
pub fn is_safe_url(text: &str) -> bool {
    let Ok(url) = IssuerUrl::new(text.to_owned()) else { return false };
    let url = url.url();
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    let is_local = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    let has_user = !url.username().is_empty() || url.password().is_some();
    !host.is_empty() && !has_user && (url.scheme() == "https" || (url.scheme() == "http" && is_local))
}

async fn in_time<T>(asking: impl Future<Output = Result<T, SsoError>>) -> Result<T, SsoError> {
    tokio::time::timeout(PROVIDER_TIME_MAX, asking).await.unwrap_or_else(|_| {
        Err(SsoError::Unavailable(format!("no complete answer within {} s", PROVIDER_TIME_MAX.as_secs())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_safe_url_is_https_or_this_machine() {
        for (url, safe) in [
            ("https://id.example.com/realms/a", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]/x", true),
            ("http://localhost:8080/x", true),
            ("http://id.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://localhost.example.com", false),
            ("https://user:password@id.example.com", false),
            ("http://user@localhost", false),
            ("ftp://127.0.0.1", false),
            ("id.example.com", false),
            ("file:///etc/passwd", false),
            ("", false),
        ] {
            assert_eq!(is_safe_url(url), safe, "{url}");
        }
    }
}
