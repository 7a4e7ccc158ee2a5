//! Every template of a connection type with the key it stands under. One list, read by the check of types
//! and by whoever asks which fields decide where a connection's secrets go.

use std::collections::BTreeSet;

use super::{AllowedHosts, Authentication, ConnectionType, Template, Verification};

/// What a template's text becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// An address or a host: decides where requests go.
    Target,
    /// Anything else.
    Value,
}

impl ConnectionType {
    /// The fields that decide where requests go, and with them the secrets. Whoever changes one of these
    /// without knowing the secrets could have them sent to a place of their own: an edit that touches one
    /// must bring the secrets anew.
    pub fn target_fields(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        each_template(self, &mut |_, template, place| {
            if place == Place::Target {
                names.extend(template.fields());
            }
        });
        names
    }
}

/// Calls `visit` with the key, the template and its place, in the document's order.
pub(super) fn each_template<'a>(kind: &'a ConnectionType, visit: &mut dyn FnMut(&str, &'a Template, Place)) {
    if let Some(base_url) = &kind.base_url {
        visit("base_url", base_url, Place::Target);
    }
    if let AllowedHosts::Listed(hosts) = &kind.allowed_hosts {
        for host in hosts {
            visit("allowed_hosts", host, Place::Target);
        }
    }
    for scheme in kind.authentication.flatten() {
        each_in_scheme(scheme, visit);
    }
    if let Some(tls) = &kind.tls {
        for template in [&tls.certificate, &tls.private_key, &tls.ca].into_iter().flatten() {
            visit("tls", template, Place::Value);
        }
    }
    for template in kind.headers.values() {
        visit("headers", template, Place::Value);
    }
    match &kind.verification {
        Some(Verification::Request(request)) => {
            // Where hosts are listed it can lead nowhere else.
            let bounded = matches!(kind.allowed_hosts, AllowedHosts::Listed(_));
            let place = if bounded { Place::Value } else { Place::Target };
            visit("verification.request.url", &request.url, place);
        }
        Some(Verification::Handshake(handshake)) => {
            visit("verification.handshake.host", &handshake.host, Place::Target);
            visit("verification.handshake.port", &handshake.port, Place::Target);
        }
        Some(Verification::Token) | None => {}
    }
}

fn each_in_scheme<'a>(scheme: &'a Authentication, visit: &mut dyn FnMut(&str, &'a Template, Place)) {
    let mut value = |key: &str, template: &'a Template| visit(key, template, Place::Value);
    match scheme {
        Authentication::None | Authentication::Choice(_) => {}
        Authentication::Basic(basic) => {
            value("authentication.basic.username", &basic.username);
            value("authentication.basic.password", &basic.password);
        }
        Authentication::Bearer(bearer) => value("authentication.bearer.token", &bearer.token),
        Authentication::HeaderLines(lines) => value("authentication.header_lines", lines),
        Authentication::Headers(map) => map.iter().for_each(|(name, template)| {
            value("authentication.headers", name);
            value("authentication.headers", template);
        }),
        Authentication::Query(map) => map.iter().for_each(|(name, template)| {
            value("authentication.query", name);
            value("authentication.query", template);
        }),
        Authentication::AwsSigv4(aws) => {
            let required = [&aws.access_key_id, &aws.secret_access_key, &aws.region];
            for template in required.into_iter().chain(&aws.session_token).chain(&aws.service) {
                value("authentication.aws_sigv4", template);
            }
        }
        Authentication::ClientCredentials(oauth) => {
            let required = [&oauth.client_id, &oauth.client_secret];
            let all = required
                .into_iter()
                .chain(&oauth.scope)
                .chain(&oauth.audience)
                .chain(oauth.parameters.values());
            all.for_each(|template| value("authentication.oauth2_client_credentials", template));
            visit("authentication.oauth2_client_credentials.token_url", &oauth.token_url, Place::Target);
        }
        Authentication::Jwt(jwt) => {
            let all = [&jwt.private_key].into_iter().chain(&jwt.key_id).chain(jwt.claims.values());
            all.for_each(|template| value("authentication.jwt", template));
            if let Some(exchange) = &jwt.exchange {
                visit("authentication.jwt.exchange.token_url", &exchange.token_url, Place::Target);
            }
        }
    }
}
