//! The connection test: does this connection work now? Called by the server's `connections/test` through
//! the runner, and by `nictate connections test`. Past every cache, so that yes means yes.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, header};
use serde_json::{Value, json};

use super::{Credential, Verification, VerificationRequest, handshake, token};
use crate::guard::NetworkPolicy;
use crate::http::{AuthContext, OutgoingRequest, Response, SendOptions};
use crate::{ActionError, ErrorCode};

/// For the whole test request.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of the answer that are read at most: tests ask for little.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Tests the connection as its type says. `Ok` means that it works; the error says what the service said,
/// without the connection's secrets. `policy` is the one of `cx.http`, for tests that are no HTTP.
pub async fn verify(
    credential: &Arc<Credential>,
    cx: &AuthContext<'_>,
    policy: &NetworkPolicy,
) -> Result<(), ActionError> {
    credential.forget_token(cx).await;
    match &credential.kind().verification {
        Some(Verification::Request(request)) => ask(credential, request, cx).await,
        Some(Verification::Token) => token::fetch(credential, credential.scheme()?, cx).await.map(drop),
        Some(Verification::Handshake(greeting)) => handshake::greet(credential, greeting, policy).await,
        None => {
            let message =
                format!("type `{}` does not say how to test its connections", credential.kind().name);
            Err(ActionError::new(ErrorCode::InvalidInput, message))
        }
    }
}

async fn ask(
    credential: &Arc<Credential>,
    verification: &VerificationRequest,
    cx: &AuthContext<'_>,
) -> Result<(), ActionError> {
    let url = credential.url(&credential.rendered(&verification.url)?)?;
    // Checked when the type was loaded.
    let method = Method::from_bytes(verification.method.as_bytes()).unwrap_or(Method::GET);
    let mut request = OutgoingRequest::new(method, url);
    if let Some(body) = &verification.json {
        request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.body = body.to_string().into();
    }
    let mut options =
        SendOptions { timeout: TIMEOUT, redirects: 0, max_bytes: ANSWER_BYTES_MAX, ..SendOptions::default() };
    credential.configure(&mut options)?;
    (cx.secret_sent_to)(&request.host());
    let answer = cx.http.send_signed(request, &options, Some(&credential.signer(cx))).await?;
    judge(credential, verification, &answer)
}

fn judge(
    credential: &Credential,
    verification: &VerificationRequest,
    answer: &Response,
) -> Result<(), ActionError> {
    let status = answer.status.as_u16();
    let host = answer.url.host_str().unwrap_or_default();
    let said = credential.without_secrets(&String::from_utf8_lossy(&answer.body));
    let refuse = |code: ErrorCode, why: String| {
        let message = format!("`{host}` {why}");
        Err(ActionError::new(code, message).with_data(json!({ "status": status, "body": said })))
    };
    if !verification.statuses.iter().any(|statuses| statuses.contains(status)) {
        return match status {
            401 | 403 => {
                refuse(ErrorCode::AuthenticationFailed, format!("refused the credentials: status {status}"))
            }
            _ => refuse(ErrorCode::HttpStatus, format!("answered the test with status {status}")),
        };
    }
    if verification.must_equal.is_empty() && verification.must_not_have.is_empty() {
        return Ok(());
    }
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    let at = |pointer: &str| body.pointer(pointer).filter(|value| !value.is_null());
    let unequal = verification.must_equal.iter().find(|(pointer, value)| at(pointer) != Some(value));
    if let Some((pointer, value)) = unequal {
        return refuse(
            ErrorCode::AuthenticationFailed,
            format!("answered the test without {value} at `{pointer}`"),
        );
    }
    match verification.must_not_have.iter().find(|pointer| at(pointer).is_some()) {
        Some(pointer) => {
            refuse(ErrorCode::AuthenticationFailed, format!("answered the test with `{pointer}`"))
        }
        None => Ok(()),
    }
}
