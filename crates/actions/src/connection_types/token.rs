//! Tokens that a request carries and that must be got first: with a client's id and secret (RFC 6749,
//! section 4.4), with a token that we sign (RFC 7523, GitHub Apps), or that signed token itself. Kept in the
//! runner's cache for half their life; two steps that want the same one cause one request.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, header};
use secrets::Secret;
use serde_json::Value;
use types::Timestamp;

use super::authenticate::basic_value;
use super::credential::{Credential, header as header_pair, invalid};
use super::{Authentication, Basic, ClientCredentials, CredentialStyle, Exchange, ExchangeStyle, Jwt, jwt};
use crate::http::{AuthContext, OutgoingRequest, Response, SendOptions, Token};
use crate::{ActionError, ErrorCode};

/// For the whole token request.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of an answer with a token.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// How long a token is taken to live if the service does not say.
const LIFETIME_DEFAULT: Duration = Duration::from_secs(10 * 60);
/// The cache stops using a token this long before its end.
const CACHE_MARGIN: Duration = Duration::from_secs(60);

/// The token for `credential`, kept or fetched.
pub(super) async fn get(
    credential: &Credential,
    scheme: &Authentication,
    cx: &AuthContext<'_>,
) -> Result<Arc<Token>, ActionError> {
    let key = credential.fingerprint();
    cx.token_cache.get_or_fetch(&key, cx.now, fetch(credential, scheme, cx)).await
}

/// A new token, past the cache: proves that the credential works now.
pub(super) async fn fetch(
    credential: &Credential,
    scheme: &Authentication,
    cx: &AuthContext<'_>,
) -> Result<Token, ActionError> {
    match scheme {
        Authentication::ClientCredentials(oauth) => {
            let answer = send(credential, client_credentials_request(credential, oauth)?, cx).await?;
            read(credential, &answer, "/access_token", cx.now)
        }
        Authentication::Jwt(scheme) => from_jwt(credential, scheme, cx).await,
        _ => Err(invalid(format!("type `{}` gets no token", credential.kind().name))),
    }
}

fn client_credentials_request(
    credential: &Credential,
    oauth: &ClientCredentials,
) -> Result<OutgoingRequest, ActionError> {
    let mut form = vec![("grant_type".to_owned(), "client_credentials".to_owned())];
    let mut request =
        OutgoingRequest::new(Method::POST, credential.url(&credential.rendered(&oauth.token_url)?)?);
    match oauth.style {
        CredentialStyle::Body => {
            form.push(("client_id".to_owned(), credential.rendered(&oauth.client_id)?));
            form.push(("client_secret".to_owned(), credential.rendered(&oauth.client_secret)?));
        }
        CredentialStyle::Basic => {
            let basic = Basic { username: oauth.client_id.clone(), password: oauth.client_secret.clone() };
            let (name, value) = header_pair("authorization", &basic_value(credential, &basic)?, true)?;
            request.headers.insert(name, value);
        }
    }
    for (name, template) in [("scope", &oauth.scope), ("audience", &oauth.audience)] {
        if let Some(value) =
            template.as_ref().map(|template| credential.rendered_if_filled(template)).transpose()?
        {
            form.extend(value.map(|value| (name.to_owned(), value)));
        }
    }
    for (name, template) in &oauth.parameters {
        if let Some(value) = credential.rendered_if_filled(template)? {
            form.retain(|(other, _)| other != name);
            form.push((name.clone(), value));
        }
    }
    set_form(&mut request, &form);
    Ok(request)
}

async fn from_jwt(credential: &Credential, scheme: &Jwt, cx: &AuthContext<'_>) -> Result<Token, ActionError> {
    let signed = jwt::sign(credential, scheme, cx.now)?;
    let Some(exchange) = &scheme.exchange else {
        return Ok(token(signed, Duration::from_secs(scheme.lifetime_s), cx.now));
    };
    let answer = send(credential, exchange_request(credential, exchange, &signed)?, cx).await?;
    read(credential, &answer, &exchange.token, cx.now)
}

fn exchange_request(
    credential: &Credential,
    exchange: &Exchange,
    signed: &str,
) -> Result<OutgoingRequest, ActionError> {
    let url = credential.url(&credential.rendered(&exchange.token_url)?)?;
    let mut request = OutgoingRequest::new(Method::POST, url);
    match exchange.style {
        ExchangeStyle::Assertion => set_form(
            &mut request,
            &[
                ("grant_type".to_owned(), "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned()),
                ("assertion".to_owned(), signed.to_owned()),
            ],
        ),
        ExchangeStyle::Bearer => {
            let (name, value) = header_pair("authorization", &format!("Bearer {signed}"), true)?;
            request.headers.insert(name, value);
        }
    }
    Ok(request)
}

fn set_form(request: &mut OutgoingRequest, form: &[(String, String)]) {
    let mut query = request.url.clone();
    query.set_query(None);
    query.query_pairs_mut().extend_pairs(form);
    request.body = query.query().unwrap_or_default().to_owned().into();
    let form = header::HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers.insert(header::CONTENT_TYPE, form);
}

/// Sends a token request: to the hosts of the type only, without redirects, told to the audit.
async fn send(
    credential: &Credential,
    mut request: OutgoingRequest,
    cx: &AuthContext<'_>,
) -> Result<Response, ActionError> {
    credential.check_target(&request.url)?;
    request.headers.insert(header::ACCEPT, header::HeaderValue::from_static("application/json"));
    let mut options =
        SendOptions { timeout: TIMEOUT, redirects: 0, max_bytes: ANSWER_BYTES_MAX, ..SendOptions::default() };
    credential.configure_tls(&mut options)?;
    let host = request.host();
    (cx.secret_sent_to)(&host);
    let answer = cx.http.send(request, &options).await?;
    if answer.status.is_success() {
        return Ok(answer);
    }
    let reason = reason(credential, &answer);
    let message = format!("`{host}` gave no token: status {}{reason}", answer.status.as_u16());
    let passing = answer.status.is_server_error() || answer.status == http::StatusCode::TOO_MANY_REQUESTS;
    let error = if passing { ActionError::transient } else { ActionError::new };
    Err(error(ErrorCode::AuthenticationFailed, message))
}

/// `error` and `error_description` as RFC 6749 has them, or what others write in their place.
fn reason(credential: &Credential, answer: &Response) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    let texts = ["error", "error_description", "message"].map(|key| body.get(key).and_then(Value::as_str));
    let said: Vec<&str> = texts.into_iter().flatten().collect();
    if said.is_empty() {
        String::new()
    } else {
        format!(", {}", credential.without_secrets(&said.join(": ")))
    }
}

fn read(
    credential: &Credential,
    answer: &Response,
    pointer: &str,
    now: Timestamp,
) -> Result<Token, ActionError> {
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let text = body.as_ref().and_then(|body| body.pointer(pointer)).and_then(Value::as_str);
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        // Some answer 200 to an error.
        let host = answer.url.host_str().unwrap_or_default();
        let message =
            format!("`{host}` answered without a token at `{pointer}`{}", reason(credential, answer));
        return Err(ActionError::new(ErrorCode::AuthenticationFailed, message));
    };
    let lifetime = body.as_ref().and_then(|body| lifetime(body, now)).unwrap_or(LIFETIME_DEFAULT);
    Ok(token(text.to_owned(), lifetime, now))
}

/// `expires_in` in seconds, as a number or, against the standard, as a text; or `expires_at` as an instant.
fn lifetime(body: &Value, now: Timestamp) -> Option<Duration> {
    let seconds = match body.get("expires_in") {
        Some(Value::String(text)) => text.trim().parse().ok()?,
        Some(number) => number.as_f64()?,
        None => {
            let instant: jiff::Timestamp = body.get("expires_at")?.as_str()?.parse().ok()?;
            return Some(Timestamp::from_millis(instant.as_millisecond()).since(now));
        }
    };
    // A week at most: whatever it says, it is asked for again then.
    Some(Duration::from_secs_f64(if seconds.is_finite() { seconds.clamp(0.0, 604_800.0) } else { 0.0 }))
}

/// A token to be kept for half its life, so that a clock that is off or a slow run does not meet its end.
fn token(value: String, lifetime: Duration, now: Timestamp) -> Token {
    Token { value: Secret::new(value), expires_at: now.saturating_add(lifetime / 2 + CACHE_MARGIN) }
}
