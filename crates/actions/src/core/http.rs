//! `http.requestV2`: one HTTP request, authenticated by a connection if the step names one.
//!
//! A repeated POST is not the same as one, so the step may name a header (`idempotency_key_header`) under
//! which the run's idempotency key is sent: only a service that knows such a header makes repeating safe,
//! therefore none is sent unasked.

mod inputs;
mod output;
mod spec;

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use reqwest::Url;
use serde_json::{Map, Value as Json};

use self::inputs::Inputs;
use crate::connection_types::{Authentication, Credential};
use crate::http::{AuthContext, OutgoingRequest, Response, SendOptions, Signer};
use crate::{ActionContext, ActionError, ActionSpec, Connection, Effect, ErrorCode};

/// The action.
pub(crate) struct RequestV2;

impl Effect for RequestV2 {
    fn spec(&self) -> ActionSpec {
        spec::spec()
    }

    fn run<'a>(&'a self, cx: ActionContext<'a>) -> BoxFuture<'a, Result<Json, ActionError>> {
        Box::pin(run(cx))
    }
}

impl RequestV2 {
    /// Whether a request with these inputs may be sent twice.
    pub(crate) fn is_idempotent(inputs: &Map<String, Json>) -> bool {
        Inputs::method_and_key_header(inputs)
            .is_ok_and(|(method, key_header)| method.is_idempotent() || key_header.is_some())
    }
}

async fn run(cx: ActionContext<'_>) -> Result<Json, ActionError> {
    let (inputs, unknown) = Inputs::parse(cx.inputs)?;
    for name in unknown {
        cx.sink.log(&format!("input `{name}` is unknown to `http.requestV2` and was ignored"));
    }
    let connection = the_connection(cx.connections)?;
    let credential = connection.map(|connection| &connection.credential);

    let request = build(&inputs, credential.map(AsRef::as_ref), cx.idempotency_key)?;
    let mut options = SendOptions {
        ca_pem: inputs.ca_certificate.clone(),
        insecure: inputs.insecure,
        timeout: inputs.timeout.unwrap_or(Duration::MAX).min(cx.timeout),
        redirects: if inputs.follow_redirects { crate::http::REDIRECTS_MAX } else { 0 },
        max_bytes: inputs.max_bytes,
        ..SendOptions::default()
    };
    if let Some(credential) = credential {
        credential.configure(&mut options)?;
    }
    let response = send(&cx, connection, request, &options).await?;

    let redirected = !inputs.follow_redirects && response.status.is_redirection();
    if inputs.fail_on_error && !response.status.is_success() && !redirected {
        return Err(output::status_error(&response));
    }
    Ok(if cx.include_full_response { output::full(&response) } else { output::body(&response) })
}

fn the_connection(connections: &[Connection]) -> Result<Option<&Connection>, ActionError> {
    match connections {
        [] => Ok(None),
        [connection] => Ok(Some(connection)),
        [first, second, ..] => {
            let message = format!(
                "a request is authenticated by one connection; the step names `{}` and `{}`",
                first.name, second.name
            );
            Err(ActionError::new(ErrorCode::InvalidInput, message))
        }
    }
}

fn build(
    inputs: &Inputs,
    credential: Option<&Credential>,
    idempotency_key: &str,
) -> Result<OutgoingRequest, ActionError> {
    let mut url = match credential {
        Some(credential) => credential.url(&inputs.url)?,
        None => absolute(&inputs.url)?,
    };
    url.set_fragment(None);
    if !inputs.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&inputs.query);
    }
    let mut request = OutgoingRequest::new(inputs.method.clone(), url);
    request.headers = inputs.headers.clone();
    if let Some((body, content_type)) = &inputs.body {
        request.body = body.clone();
        request.headers.entry(http::header::CONTENT_TYPE).or_insert(content_type.clone());
    }
    if let Some(name) = &inputs.idempotency_key_header {
        request.headers.entry(name.clone()).or_insert(key_value(name, idempotency_key)?);
    }
    Ok(request)
}

fn key_value(name: &HeaderName, key: &str) -> Result<HeaderValue, ActionError> {
    HeaderValue::from_str(key).map_err(|_| {
        ActionError::new(
            ErrorCode::Internal,
            format!("the idempotency key does not fit into header `{name}`"),
        )
    })
}

fn absolute(text: &str) -> Result<Url, ActionError> {
    Url::parse(text).ok().filter(|url| url.has_host() || text.contains("://")).ok_or_else(|| {
        let shown: String = text.split(['?', '#']).next().unwrap_or_default().chars().take(200).collect();
        let message = format!(
            "`{shown}` is not an absolute URL; write `https://` and the host in front, or give the step a \
             connection that has a base URL"
        );
        ActionError::new(ErrorCode::UrlInvalid, message)
    })
}

async fn send(
    cx: &ActionContext<'_>,
    connection: Option<&Connection>,
    request: OutgoingRequest,
    options: &SendOptions,
) -> Result<Response, ActionError> {
    let Some(connection) = connection else {
        return cx.http.send(request, options).await;
    };
    let record = |host: &str| cx.sink.secret_used(connection.id, host);
    let credential = connection.credential.as_ref();
    let auth = AuthContext {
        http: cx.http,
        now: cx.clock.now(),
        token_cache: cx.token_cache,
        secret_sent_to: &record,
    };
    let signer = RecordingSigner { credential, cx: &auth };
    let response = cx.http.send_signed(request.clone(), options, Some(&signer)).await?;
    if response.status != StatusCode::UNAUTHORIZED || !uses_token(&credential.kind().authentication) {
        return Ok(response);
    }
    // The service may have voided the token before its time. A refused request has done nothing, so it can
    // be sent again, once, with a new one.
    credential.forget_token(&auth).await;
    cx.http.send_signed(request, options, Some(&signer)).await
}

fn uses_token(scheme: &Authentication) -> bool {
    match scheme {
        Authentication::ClientCredentials(_) | Authentication::Jwt(_) => true,
        Authentication::Choice(choice) => choice.schemes.values().any(uses_token),
        _ => false,
    }
}

/// Authenticates, and tells where the secret is about to go.
struct RecordingSigner<'a> {
    credential: &'a Credential,
    cx: &'a AuthContext<'a>,
}

impl Signer for RecordingSigner<'_> {
    fn sign<'a>(&'a self, request: &'a mut OutgoingRequest) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async {
            self.credential.authenticate(request, self.cx).await?;
            if self.credential.kind().fields.iter().any(|field| field.secret) {
                (self.cx.secret_sent_to)(&request.host());
            }
            Ok(())
        })
    }
}

/// The methods that the form offers; others may be written.
const METHODS: [Method; 7] =
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD, Method::OPTIONS];
