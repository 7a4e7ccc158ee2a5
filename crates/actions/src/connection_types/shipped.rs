//! What every type that ships must keep, driven over all of them with attributes made from their own
//! placeholders. Tests only.

use std::sync::Arc;

use http::Method;
use types::Timestamp;

use super::*;
use crate::guard::NetworkPolicy;
use crate::http::{Attributes, AuthContext, HttpClient, OutgoingRequest, TokenCache};

/// A value that fits the field: its default, option or placeholder, or one of these.
fn sample(kind: &ConnectionType, field: &Field) -> String {
    let made = match (kind.name.as_str(), field.name.as_str()) {
        ("slack", "token") => "xoxb-1-a",
        ("github", "token") => "github_pat_1a",
        ("virustotal", "api_key") => &"0f".repeat(32),
        ("splunk_hec", "token") => "00000000-0000-0000-0000-000000000001",
        ("http_custom_headers", "headers") => "X-Auth-Id: 7\nX-Auth-Key: k",
        ("ssh", "host_key") => "ssh-ed25519 AAAA",
        (_, "service_account_key") => {
            r#"{"client_email": "robot@acme.iam.gserviceaccount.com", "private_key": "k", "private_key_id": "1"}"#
        }
        (_, "username") => "robot",
        _ => "",
    };
    let default = field.default.as_ref().map(values::text_of);
    let candidates =
        [Some(made.to_owned()), default, field.options.first().cloned(), field.placeholder.clone()];
    let fits = |text: &String| {
        !text.is_empty() && attributes::check_value(field, &serde_json::Value::String(text.clone())).is_ok()
    };
    candidates.into_iter().flatten().find(fits).unwrap_or_else(|| format!("sample-{}", field.name))
}

fn samples(kind: &ConnectionType) -> Attributes {
    kind.fields.iter().map(|field| (field.name.clone(), sample(kind, field).into())).collect()
}

fn all() -> impl Iterator<Item = (Arc<ConnectionType>, Credential)> {
    Registry::builtin()
        .iter()
        .map(|kind| (Arc::clone(kind), Credential::new(Arc::clone(kind), &samples(kind))))
}

#[test]
fn placeholders_and_options_make_valid_attributes() {
    for (kind, _) in all() {
        let attributes =
            samples(&kind).iter().map(|(name, text)| (name.clone(), text.expose().clone().into())).collect();
        assert_eq!(validate_attributes(&kind, &attributes), Ok(()), "{}", kind.name);
        for field in &kind.fields {
            if let (Some(pattern), Some(placeholder)) = (&field.pattern, &field.placeholder)
                && !placeholder.ends_with("...")
            {
                assert!(pattern.matches(placeholder), "{}: {} {placeholder}", kind.name, field.name);
            }
        }
    }
}

#[test]
fn every_type_can_be_tested_and_says_where_it_may_be_used() {
    for (kind, credential) in all() {
        assert!(kind.verification.is_some(), "{}", kind.name);
        assert!(kind.documentation_url.starts_with("https://"), "{}", kind.name);
        let secrets = kind.fields.iter().filter(|field| field.secret).count();
        match &kind.allowed_hosts {
            AllowedHosts::Any => assert_eq!(secrets, 0, "{}", kind.name),
            AllowedHosts::Listed(_) => {
                assert!(secrets > 0, "{}", kind.name);
                assert!(!credential.allows("evil.example"), "{}", kind.name);
                assert!(!credential.allows("127.0.0.1"), "{}", kind.name);
            }
        }
    }
}

#[test]
fn the_addresses_of_a_type_are_hosts_it_allows() {
    for (kind, credential) in all() {
        let mut addresses = Vec::new();
        addresses.extend(kind.base_url.as_ref().map(|_| "/".to_owned()));
        if let Some(Verification::Request(request)) = &kind.verification {
            addresses.push(credential.rendered(&request.url).unwrap());
        }
        for scheme in kind.authentication.flatten() {
            let token_url = match scheme {
                Authentication::ClientCredentials(oauth) => Some(&oauth.token_url),
                Authentication::Jwt(jwt) => jwt.exchange.as_ref().map(|exchange| &exchange.token_url),
                _ => None,
            };
            addresses.extend(token_url.map(|url| credential.rendered(url).unwrap()));
        }
        for address in addresses {
            let url = credential.url(&address).unwrap();
            assert_eq!(url.scheme(), "https", "{}: {url}", kind.name);
            assert!(credential.check_target(&url).is_ok(), "{}: {url}", kind.name);
        }
    }
}

#[tokio::test]
async fn every_type_that_needs_no_token_authenticates_its_own_test() {
    let http = HttpClient::new(NetworkPolicy::default());
    let cache = TokenCache::default();
    let now = Timestamp::from_millis(1_700_000_000_000);
    let cx = AuthContext { http: &http, now, token_cache: &cache, secret_sent_to: &|_| {} };
    let mut seen = Vec::new();
    for (kind, credential) in all() {
        let Some(Verification::Request(verification)) = &kind.verification else { continue };
        let scheme = credential.scheme().unwrap();
        if matches!(scheme, Authentication::ClientCredentials(_) | Authentication::Jwt(_)) {
            continue;
        }
        let url = credential.url(&credential.rendered(&verification.url).unwrap()).unwrap();
        let mut request = OutgoingRequest::new(Method::GET, url);
        credential.authenticate(&mut request, &cx).await.unwrap();
        let carried = request.headers.values().any(http::HeaderValue::is_sensitive)
            || request.url.query().is_some_and(|query| query.contains("sample-"));
        assert_eq!(carried, kind.fields.iter().any(|field| field.secret), "{}", kind.name);
        seen.push(kind.name.clone());
    }
    assert!(seen.len() > 35, "{seen:?}");
}

#[test]
fn the_form_is_the_contracts() {
    let slack = Registry::builtin().get("slack").unwrap();
    let form = serde_json::to_string_pretty(&slack.form_attributes()).unwrap();
    insta::assert_snapshot!(form, @r#"
    {
      "token": {
        "default_value": null,
        "description": "The bot or user token of your app: OAuth & Permissions.",
        "display_name": "Token",
        "field_type": 0,
        "format": "",
        "index": 0,
        "input_type": "password",
        "is_multi": false,
        "options": [],
        "pattern": "xox[a-z](\\.xox[a-z])?-[A-Za-z0-9.-]+",
        "placeholder": "xoxb-...",
        "required": true,
        "secret": true,
        "source_url": ""
      }
    }
    "#);
}

#[test]
fn the_fields_that_steer_secrets_are_known() {
    let check = |name: &str, expected: &[&str]| {
        let kind = Registry::builtin().get(name).unwrap();
        assert_eq!(kind.target_fields().into_iter().collect::<Vec<_>>(), expected, "{name}");
    };
    check("slack", &[]);
    check("okta", &["domain"]);
    check("http_oauth2_client_credentials", &["base_url", "more_hosts", "token_url"]);
    check("postgresql", &["host", "port"]);
}

#[test]
fn the_users_page_lists_every_type() {
    let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/connection-types.md"));
    for kind in Registry::builtin().iter() {
        let row = format!("| `{}` | {} |", kind.name, kind.display_name);
        assert!(page.contains(&row), "{row}");
    }
}
