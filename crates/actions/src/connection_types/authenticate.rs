//! How each scheme puts its credentials into a request. Called by [`Credential::authenticate`] once the
//! target is known to be allowed. Schemes that need a token get it in `token.rs`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::AUTHORIZATION;
use indexmap::IndexMap;

use super::credential::{Credential, header, invalid};
use super::sigv4::{Signing, service_and_region};
use super::{Authentication, AwsSigv4, Basic, Template, token};
use crate::ActionError;
use crate::http::{AuthContext, OutgoingRequest};

/// Adds the credentials of `scheme` to `request`.
pub(super) async fn apply(
    credential: &Credential,
    scheme: &Authentication,
    request: &mut OutgoingRequest,
    cx: &AuthContext<'_>,
) -> Result<(), ActionError> {
    match scheme {
        Authentication::None => Ok(()),
        Authentication::Basic(basic) => {
            set(request, AUTHORIZATION.as_str(), &basic_value(credential, basic)?)
        }
        Authentication::Bearer(bearer) => {
            let token = credential.rendered(&bearer.token)?;
            set(request, AUTHORIZATION.as_str(), &format!("Bearer {}", token.trim()))
        }
        Authentication::Headers(headers) => {
            for (name, value) in filled(credential, headers)? {
                set(request, &name, &value)?;
            }
            Ok(())
        }
        Authentication::HeaderLines(lines) => set_lines(request, &credential.rendered(lines)?),
        Authentication::Query(parameters) => {
            let parameters = filled(credential, parameters)?;
            set_query(request, &parameters);
            Ok(())
        }
        Authentication::AwsSigv4(aws) => sign_aws(credential, aws, request, cx),
        Authentication::ClientCredentials(_) | Authentication::Jwt(_) => {
            let token = token::get(credential, scheme, cx).await?;
            set(request, AUTHORIZATION.as_str(), &format!("Bearer {}", token.value.expose()))
        }
        Authentication::Choice(_) => Err(invalid("a choice of authentications in a choice")),
    }
}

/// `Basic` and the encoded pair.
pub(super) fn basic_value(credential: &Credential, basic: &Basic) -> Result<String, ActionError> {
    let username = credential.rendered(&basic.username)?;
    if username.contains(':') {
        return Err(invalid("a user's name with a colon in it cannot be sent with Basic authentication"));
    }
    let password = credential.rendered(&basic.password)?;
    Ok(format!("Basic {}", BASE64.encode(format!("{username}:{password}"))))
}

fn set(request: &mut OutgoingRequest, name: &str, value: &str) -> Result<(), ActionError> {
    let (name, value) = header(name, value, true)?;
    request.headers.insert(name, value);
    Ok(())
}

fn set_lines(request: &mut OutgoingRequest, lines: &str) -> Result<(), ActionError> {
    for (index, line) in lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| invalid(format!("line {} of the headers has no colon", index + 1)))?;
        // The line may be all secret: the name is not repeated either.
        let (name, value) = header(name, value, true)
            .map_err(|_| invalid(format!("line {} of the headers is no header", index + 1)))?;
        request.headers.insert(name, value);
    }
    Ok(())
}

/// Replaces parameters of the same names, so that a redirect or a retry does not double them.
fn set_query(request: &mut OutgoingRequest, parameters: &[(String, String)]) {
    let kept: Vec<(String, String)> = request
        .url
        .query_pairs()
        .filter(|(name, _)| parameters.iter().all(|(added, _)| added != name))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    request.url.query_pairs_mut().clear().extend_pairs(kept.iter().chain(parameters));
}

fn filled(
    credential: &Credential,
    map: &IndexMap<Template, Template>,
) -> Result<Vec<(String, String)>, ActionError> {
    let mut pairs = Vec::with_capacity(map.len());
    for (name, value) in map {
        if let Some(value) = credential.rendered_if_filled(value)? {
            pairs.push((credential.rendered(name)?, value));
        }
    }
    Ok(pairs)
}

fn sign_aws(
    credential: &Credential,
    aws: &AwsSigv4,
    request: &mut OutgoingRequest,
    cx: &AuthContext<'_>,
) -> Result<(), ActionError> {
    let optional = |template: &Option<Template>| match template {
        Some(template) => credential.rendered(template),
        None => Ok(String::new()),
    };
    let host = request.url.host_str().unwrap_or_default().to_owned();
    let (host_service, host_region) = service_and_region(&host);
    let service = Some(optional(&aws.service)?).filter(|service| !service.is_empty());
    let service = service.as_deref().or(host_service).ok_or_else(|| {
        invalid(format!("host `{host}` does not say which service of AWS it is, nor does the connection"))
    })?;
    // A global endpoint, `iam.amazonaws.com`, is signed for `us-east-1`; elsewhere the connection decides.
    let region = credential.rendered(&aws.region)?;
    let region = match (host_region, host_service) {
        (Some(region), _) => region,
        (None, Some(_)) => "us-east-1",
        (None, None) if region.is_empty() => "us-east-1",
        (None, None) => &region,
    };
    let signing = Signing {
        access_key_id: &credential.rendered(&aws.access_key_id)?,
        secret_access_key: &credential.rendered(&aws.secret_access_key)?,
        session_token: &optional(&aws.session_token)?,
        region,
        service,
        time: &basic_time(cx.now),
    };
    signing
        .sign(request)
        .map_err(|_| invalid("the request or the key holds characters that cannot be signed"))
}

/// `20150830T123600Z`.
fn basic_time(now: types::Timestamp) -> String {
    let instant = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
    instant.strftime("%Y%m%dT%H%M%SZ").to_string()
}
