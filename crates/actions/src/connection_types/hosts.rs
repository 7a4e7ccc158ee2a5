//! Where a connection may be used. Every request that carries its credentials is asked about here first,
//! redirects and token requests included, so that a workflow cannot send a vendor's key elsewhere.
//! Names only: which networks may be reached at all is the guard's business.

use super::template::RenderError;
use super::{AllowedHosts, ConnectionType, Values};

/// A host, or all hosts under a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HostPattern {
    Exact(String),
    /// With the dot in front; the domain itself is not meant.
    Under(String),
}

impl HostPattern {
    /// Reads `host`, `*.domain` or an address whose host is meant. Nothing if it is none of these.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.contains("://") {
            let url = reqwest::Url::parse(text).ok()?;
            return canonical_host(url.host_str()?).map(Self::Exact);
        }
        match text.strip_prefix("*.") {
            // An address has no subdomains, but `*.0.0.1` would look like one.
            Some(domain) => {
                canonical_host(domain).filter(|host| !is_ip(host)).map(|host| Self::Under(format!(".{host}")))
            }
            None => canonical_host(text).map(Self::Exact),
        }
    }

    fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == host,
            Self::Under(domain) => {
                !is_ip(host) && host.len() > domain.len() && host.ends_with(domain.as_str())
            }
        }
    }
}

/// One spelling for every spelling of a host: lower case, punycode, no dot at the end, no brackets, IPv4
/// as four decimal numbers. Nothing if it is not a host alone.
fn canonical_host(host: &str) -> Option<String> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let written = if bare.contains(':') { format!("http://[{bare}]/") } else { format!("http://{bare}/") };
    if bare.contains(['/', '\\', '?', '#', '@', '*', '%']) || bare.contains(char::is_whitespace) {
        return None;
    }
    let url = reqwest::Url::parse(&written).ok()?;
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
    let host = host.strip_suffix('.').unwrap_or(host);
    (!host.is_empty()).then(|| host.to_owned())
}

fn is_ip(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_ok()
}

/// Whether a connection of type `kind` that holds `values` may be used for `host` (a name or an address,
/// without a port). False where the list cannot be made out.
pub fn allowed_host(kind: &ConnectionType, values: &Values, host: &str) -> bool {
    let AllowedHosts::Listed(templates) = &kind.allowed_hosts else {
        return true;
    };
    let Some(host) = canonical_host(host) else {
        return false;
    };
    let rendered = templates.iter().map(|template| template.render(values).unwrap_or_default());
    rendered.into_iter().any(|text| {
        let entries = text.split([',', ' ', '\t', '\n', '\r']).filter(|entry| !entry.is_empty());
        entries.filter_map(HostPattern::parse).any(|pattern| pattern.matches(&host))
    })
}

/// The address at which relative ones start; nothing if the type or the connection has none.
pub fn base_url(kind: &ConnectionType, values: &Values) -> Result<Option<String>, RenderError> {
    let Some(template) = &kind.base_url else {
        return Ok(None);
    };
    Ok(Some(template.render(values)?).filter(|url| !url.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "
name: acme
display_name: Acme
description: The Acme console.
category: endpoint
plugin_name: acme
documentation_url: https://acme.example/docs
fields:
  - {name: base_url, display_name: Address, input_type: url}
  - {name: more, display_name: Hosts, pattern: '.*'}
base_url: '{base_url}'
allowed_hosts: ['{base_url}', '{more}', 'Static.Example']
";

    fn check(base_url: &str, more: &str, host: &str, expected: bool) {
        let kind = ConnectionType::from_yaml("acme.yaml", TYPE).unwrap();
        let values = Values::from_pairs([("base_url", base_url), ("more", more)]);
        assert_eq!(allowed_host(&kind, &values, host), expected, "{base_url:?} {more:?} {host:?}");
    }

    #[test]
    fn a_host_is_compared_in_one_spelling() {
        check("https://Acme.Example:8443/api", "", "acme.example", true);
        check("https://acme.example/", "", "ACME.example.", true);
        check("https://bücher.example", "", "xn--bcher-kva.example", true);
        check("", "", "static.example", true);
        check("", "a.example, b.example\nc.example", "c.example", true);
    }

    #[test]
    fn nothing_else_is_allowed() {
        check("https://acme.example", "", "evil.example", false);
        check("https://acme.example", "", "acme.example.evil.example", false);
        check("https://acme.example", "", "notacme.example", false);
        check("https://acme.example", "", "sub.acme.example", false);
        check("https://acme.example", "", "acme.example:443", false);
        check("https://acme.example", "", "acme.example/x", false);
        check("https://acme.example", "", "x@acme.example", false);
        check("https://acme.example", "", "", false);
        check("", "", "", false);
    }

    #[test]
    fn a_wildcard_means_subdomains_only() {
        check("", "*.acme.example", "a.acme.example", true);
        check("", "*.acme.example", "a.b.ACME.example", true);
        check("", "*.acme.example", "acme.example", false);
        check("", "*.acme.example", "notacme.example", false);
        check("", "*.acme.example", ".acme.example", false);
        check("", "*", "anything.example", false);
        check("", "*.", "anything.example", false);
        check("", "a.*.example", "a.b.example", false);
    }

    #[test]
    fn an_address_is_allowed_exactly_or_not_at_all() {
        check("http://127.0.0.1:8080", "", "127.0.0.1", true);
        check("http://127.0.0.1:8080", "", "2130706433", true);
        check("http://127.0.0.1", "", "127.0.0.2", false);
        check("http://[::1]:80", "", "[::1]", true);
        check("http://[::1]:80", "", "0:0:0:0:0:0:0:1", true);
        check("", "*.0.0.1", "127.0.0.1", false);
        check("", "*.1", "127.0.0.1", false);
    }
}
