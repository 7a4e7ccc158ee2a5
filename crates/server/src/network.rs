//! What steps and connection tests may reach beyond the public Internet.

use std::net::SocketAddr;

use actions::guard::NetworkPolicy;
use types::ConnectionId;

use crate::config::Config;

/// The type whose connections lead to a server like this one.
const OWN_TYPE: &str = "nictate";

/// The deployment's rules.
#[derive(Clone, Debug)]
pub(crate) struct NetworkRules {
    policy: NetworkPolicy,
    private_connections: Vec<String>,
    public_url: String,
    own_endpoint: SocketAddr,
}

/// As much of a connection as decides what it may reach.
pub(crate) struct Use<'c> {
    /// None for a connection that is not stored.
    pub(crate) id: Option<ConnectionId>,
    pub(crate) type_name: &'c str,
    /// The attribute `base_url`, if the type has one.
    pub(crate) base_url: Option<String>,
}

impl NetworkRules {
    /// The rules of the configuration, for a server that listens on `address`.
    pub(crate) fn new(config: &Config, public_url: &str, address: SocketAddr) -> Self {
        Self {
            policy: policy(config),
            private_connections: config.http.private_connections.clone(),
            public_url: public_url.trim_end_matches('/').to_owned(),
            own_endpoint: address,
        }
    }

    /// The policy for a request that uses these connections: private addresses for those that the
    /// configuration names by id (a name could be taken by anybody who may make connections), this server's
    /// own address and port for connections to it.
    pub(crate) fn for_uses<'c>(&self, uses: impl IntoIterator<Item = Use<'c>>) -> NetworkPolicy {
        let mut policy = self.policy.clone();
        for Use { id, type_name, base_url } in uses {
            policy.allow_private |= id.is_some_and(|id| self.private_connections.contains(&id.to_string()));
            let leads_here = base_url.is_some_and(|url| url.trim_end_matches('/') == self.public_url);
            if type_name == OWN_TYPE && leads_here {
                policy.allowed_endpoints.push(self.own_endpoint);
            }
        }
        policy
    }
}

/// What the configuration opens for everybody.
pub(crate) fn policy(config: &Config) -> NetworkPolicy {
    // The configuration was checked when it was loaded: every entry is a network.
    let networks = config.http.allowed_networks.iter().filter_map(|network| network.parse().ok());
    NetworkPolicy {
        allow_private: config.http.allow_private,
        allowed_networks: networks.collect(),
        allowed_endpoints: Vec::new(),
    }
}

/// The same as it travels to a runner.
pub(crate) fn for_runner(policy: &NetworkPolicy) -> protocol::NetworkPolicy {
    protocol::NetworkPolicy {
        allow_private: policy.allow_private,
        allowed_networks: policy.allowed_networks.iter().map(ToString::to_string).collect(),
        allowed_endpoints: policy.allowed_endpoints.iter().map(ToString::to_string).collect(),
    }
}

/// The attribute `base_url` of a stored connection's public attributes.
pub(crate) fn base_url_of(attributes: &str) -> Option<String> {
    let attributes: serde_json::Value = serde_json::from_str(attributes).ok()?;
    Some(attributes.pointer("/base_url/value")?.as_str()?.to_owned())
}
