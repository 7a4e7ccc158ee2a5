//! Single sign-on as this server is configured for it: the provider, and what it takes to be let in.

use std::sync::Arc;

use actions::guard::NetworkPolicy;
use actions::http::{HttpClient, OutgoingRequest, SendOptions};
use futures_util::future::BoxFuture;
use secrets::Secret;
use sso::{HttpRequest, HttpResponse, PROVIDER_TIME_MAX, Provider, ProviderSettings, SendError, SsoError};
use types::{Assigned, TenantRole};

use crate::config::{self, Config};
use crate::http::{BASE, SSO_CALLBACK};

/// Bytes of one answer of a provider: tokens, keys and discovery documents are a few kilobytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// A provider, and who of its people may enter as what.
pub(crate) struct SingleSignOn {
    pub(crate) provider: Provider,
    /// What people read on the button.
    pub(crate) name: String,
    pub(crate) rules: Arc<Rules>,
}

/// Who may enter as what.
pub(crate) struct Rules {
    /// Domains of addresses, in lower case; none: all.
    pub(crate) email_domains: Vec<String>,
    /// Which value gives which role.
    pub(crate) roles: Vec<(String, TenantRole)>,
    /// Which value puts people into the group of which name.
    pub(crate) groups: Vec<(String, String)>,
    /// The role of people who were not invited; none: they may not enter.
    pub(crate) role_of_strangers: Option<TenantRole>,
}

impl SingleSignOn {
    /// As the configuration says; none if there is no provider.
    ///
    /// # Errors
    /// If it cannot be so.
    pub(crate) fn new(
        config: &Config,
        http: &HttpClient,
        public_url: &str,
    ) -> Result<Option<Self>, SsoError> {
        let section: &config::Sso = &config.sso;
        if !section.is_on() {
            return Ok(None);
        }
        let settings = ProviderSettings {
            issuer: section.issuer.clone(),
            client_id: section.client_id.clone(),
            client_secret: Secret::new(section.client_secret.clone()),
            redirect_url: format!("{}{BASE}{SSO_CALLBACK}", public_url.trim_end_matches('/')),
            scopes: section.scopes.clone(),
            email_verified_claim: section.email_verified_claim.clone(),
            values_claim: section.roles_claim.clone(),
        };
        // The operator has named it, wherever it is: many stand in a private network.
        let policy = NetworkPolicy { allow_private: true, ..crate::network::policy(config) };
        let provider = Provider::new(settings, Arc::new(Outgoing(http.under(policy))))?;
        let rules = Rules {
            email_domains: section.email_domains.iter().map(|domain| domain.to_ascii_lowercase()).collect(),
            roles: section.role_mapping(),
            groups: section.group_mapping(),
            role_of_strangers: section.role_of_strangers(),
        };
        Ok(Some(Self { provider, name: section.name.clone(), rules: Arc::new(rules) }))
    }
}

impl Rules {
    /// Whether people with that address may come.
    pub(crate) fn let_in(&self, email: &str) -> bool {
        let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
        self.email_domains.is_empty()
            || self.email_domains.iter().any(|known| known.eq_ignore_ascii_case(domain))
    }

    /// The role of somebody who has `role` and comes with these values. Roles that no value gives are not the
    /// provider's to take.
    pub(crate) fn role_of(&self, values: &[String], role: &Assigned<TenantRole>) -> Assigned<TenantRole> {
        let given =
            self.roles.iter().filter(|(value, _)| values.contains(value)).map(|(_, role)| *role).max();
        let is_the_providers = self.roles.iter().any(|(_, known)| role.is(*known));
        match given {
            Some(given) => given.into(),
            None if is_the_providers => self.role_of_strangers.unwrap_or(TenantRole::Guest).into(),
            None => role.clone(),
        }
    }
}

/// The server's own client, which follows nothing.
struct Outgoing(HttpClient);

impl sso::HttpClient for Outgoing {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, SendError>> {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let url = parts.uri.to_string().parse();
            let url = url.map_err(|_| SendError("its address is no URL".to_owned()))?;
            let outgoing =
                OutgoingRequest { method: parts.method, url, headers: parts.headers, body: body.into() };
            let options = SendOptions {
                timeout: PROVIDER_TIME_MAX,
                redirects: 0,
                max_bytes: ANSWER_BYTES_MAX,
                ..SendOptions::default()
            };
            let answer = self.0.send(outgoing, &options).await.map_err(|error| SendError(error.message))?;
            let mut response = HttpResponse::new(answer.body.to_vec());
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            Ok(response)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_value_counts_and_other_roles_are_left_alone() {
        use TenantRole::{Admin, Builder, Consumer, Guest};
        let rules = |role_of_strangers| Rules {
            email_domains: Vec::new(),
            roles: vec![("a".to_owned(), Admin), ("b".to_owned(), Builder)],
            groups: Vec::new(),
            role_of_strangers,
        };
        for (values, before, strangers, after) in [
            (vec!["b", "a", "x"], Guest, None, Admin),
            (vec!["b"], Admin, None, Builder),
            (vec!["A"], Guest, None, Guest),
            (vec![], Admin, None, Guest),
            (vec![], Builder, Some(Consumer), Consumer),
            (vec![], Consumer, None, Consumer),
        ] {
            let values: Vec<String> = values.into_iter().map(str::to_owned).collect();
            assert_eq!(
                rules(strangers).role_of(&values, &before.into()),
                after.into(),
                "{values:?} {before:?}"
            );
        }
    }
}
