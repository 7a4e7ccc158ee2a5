//! HashiCorp Vault and OpenBao: the key-value engine of version 2, with a token or an AppRole.
//!
//! A reference is `PATH#KEY`. Nothing is kept but the token of an AppRole, as long as the vault says that it holds.

use std::sync::Arc;
use std::time::Duration;

use actions::guard::NetworkPolicy;
use actions::http::{HttpClient, OutgoingRequest, Response, SendOptions};
use http::{HeaderValue, Method, StatusCode};
use reqwest::Url;
use secrets::Secret;
use serde_json::{Value as Json, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{SECRET_BYTES_MAX, SecretError};

/// The mount that is asked if the address names none.
const MOUNT_DEFAULT: &str = "secret";
/// For one answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer: a secret may stand among others.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// A token is asked for anew when so much of its time is left.
const RENEW_BEFORE: Duration = Duration::from_secs(30);

/// How the runner makes itself known to a vault.
pub enum VaultLogin {
    /// A token that somebody else keeps alive.
    Token(Secret<String>),
    /// `auth/approle/login`.
    AppRole {
        /// The role.
        role_id: String,
        /// Its secret.
        secret_id: Secret<String>,
    },
}

pub(super) struct Vault {
    address: Url,
    mount: String,
    login: Arc<VaultLogin>,
    http: HttpClient,
    held: Mutex<Option<Held>>,
}

/// A token that an AppRole was given.
struct Held {
    token: Secret<String>,
    until: Instant,
}

impl Vault {
    /// `place` is the vault's address, with the mount as its path.
    pub(super) fn new(
        place: &str,
        login: Option<&Arc<VaultLogin>>,
        http: &HttpClient,
    ) -> Result<Self, SecretError> {
        let wrong = |why: &str| SecretError::new(format!("the vault `{place}` cannot be used: {why}"));
        let mut address = Url::parse(place).map_err(|_| wrong("it is no address"))?;
        if !matches!(address.scheme(), "https" | "http") || address.host_str().is_none() {
            return Err(wrong("it does not begin with `https://` or `http://`"));
        }
        if !address.username().is_empty() || address.password().is_some() {
            return Err(SecretError::new("the address of a vault holds a password: use `VAULT_TOKEN`"));
        }
        let login = login.ok_or_else(|| {
            wrong("a vault needs a token: set `VAULT_TOKEN`, or `VAULT_ROLE_ID` and `VAULT_SECRET_ID`")
        })?;
        let mount = address.path().trim_matches('/').to_owned();
        let mount = if mount.is_empty() { MOUNT_DEFAULT.to_owned() } else { mount };
        address.set_path("");
        // The operator names it, so it may be anywhere but where clouds keep credentials.
        let policy = NetworkPolicy { allow_private: true, ..NetworkPolicy::default() };
        Ok(Self {
            address,
            mount,
            login: Arc::clone(login),
            http: http.under(policy),
            held: Mutex::new(None),
        })
    }

    pub(super) async fn read(&self, reference: &str) -> Result<Secret<String>, SecretError> {
        let named = reference.split_once('#').filter(|(path, key)| !path.is_empty() && !key.is_empty());
        let is_plain = |path: &str| path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        let Some((path, key)) = named.filter(|(path, _)| is_plain(path)) else {
            return Err(SecretError::new(format!(
                "`{reference}` names no secret of a vault: write `PATH#KEY`"
            )));
        };
        let url = self.url(&["v1", &self.mount, "data", path]);
        let mut answer = self.get(&url, false).await?;
        // A token may have been revoked before its time.
        if answer.status == StatusCode::FORBIDDEN && matches!(*self.login, VaultLogin::AppRole { .. }) {
            answer = self.get(&url, true).await?;
        }
        if answer.status != StatusCode::OK {
            return Err(SecretError::new(format!(
                "the vault answered {} when it was asked for `{path}`",
                answer.status.as_u16()
            )));
        }
        let body: Json = serde_json::from_slice(&answer.body)
            .map_err(|_| SecretError::new(format!("the vault's answer for `{path}` is no JSON")))?;
        let secret = body.pointer("/data/data").and_then(|data| data.get(key)).and_then(Json::as_str);
        let secret = secret
            .ok_or_else(|| SecretError::new(format!("the vault's secret `{path}` has no text `{key}`")))?;
        if secret.len() > SECRET_BYTES_MAX {
            return Err(SecretError::new(format!(
                "the secret `{reference}` has more than {SECRET_BYTES_MAX} bytes"
            )));
        }
        Ok(Secret::from(secret))
    }

    /// The parts below the vault's address. Each may be a path itself.
    fn url(&self, parts: &[&str]) -> Url {
        let mut url = self.address.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(parts.iter().flat_map(|part| part.split('/')));
        }
        url
    }

    async fn get(&self, url: &Url, anew: bool) -> Result<Response, SecretError> {
        let token = self.token(anew).await?;
        let mut request = OutgoingRequest::new(Method::GET, url.clone());
        let mut value = HeaderValue::from_str(token.expose())
            .map_err(|_| SecretError::new("the vault's token cannot stand in a header"))?;
        value.set_sensitive(true);
        request.headers.insert("x-vault-token", value);
        self.send(request).await
    }

    async fn token(&self, anew: bool) -> Result<Secret<String>, SecretError> {
        let (role_id, secret_id) = match &*self.login {
            VaultLogin::Token(token) => return Ok(token.duplicate()),
            VaultLogin::AppRole { role_id, secret_id } => (role_id, secret_id),
        };
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| !anew && held.until > Instant::now()) {
            return Ok(held.token.duplicate());
        }
        let mut request = OutgoingRequest::new(Method::POST, self.url(&["v1", "auth", "approle", "login"]));
        let body = json!({"role_id": role_id, "secret_id": secret_id.expose()}).to_string();
        request.body = body.into();
        request.headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let answer = self.send(request).await?;
        if answer.status != StatusCode::OK {
            let status = answer.status.as_u16();
            return Err(SecretError::new(format!("the vault answered {status} to the login of the role")));
        }
        let body: Json = serde_json::from_slice(&answer.body).unwrap_or_default();
        let token = body.pointer("/auth/client_token").and_then(Json::as_str);
        let token = token.ok_or_else(|| SecretError::new("the vault gave no token for the role"))?;
        let seconds = body.pointer("/auth/lease_duration").and_then(Json::as_u64).unwrap_or(0);
        let until = Instant::now() + Duration::from_secs(seconds).saturating_sub(RENEW_BEFORE);
        let token = Secret::from(token);
        *held = Some(Held { token: token.duplicate(), until });
        Ok(token)
    }

    async fn send(&self, request: OutgoingRequest) -> Result<Response, SecretError> {
        let options = SendOptions {
            timeout: TIMEOUT,
            redirects: 0,
            max_bytes: ANSWER_BYTES_MAX,
            ..SendOptions::default()
        };
        let sent = self.http.send(request, &options).await;
        sent.map_err(|error| SecretError::new(format!("the vault cannot be asked: {}", error.message)))
    }
}
