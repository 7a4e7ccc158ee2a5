//! What steps and connection tests may reach beyond the public Internet.

use actions::guard::NetworkPolicy;
use store::connections::Connection;

use crate::config::Config;

/// The type whose connections lead to a server like this one.
const OWN_TYPE: &str = "nictate";

/// The deployment's rules.
#[derive(Clone, Debug)]
pub(crate) struct NetworkRules {
    policy: NetworkPolicy,
    private_connections: Vec<String>,
    public_url: String,
    own_network: Option<ipnet::IpNet>,
}

impl NetworkRules {
    /// The rules of the configuration, for a server that listens on `address`.
    pub(crate) fn new(config: &Config, public_url: &str, address: std::net::SocketAddr) -> Self {
        let ip = address.ip();
        Self {
            policy: policy(config),
            private_connections: config.http.private_connections.clone(),
            public_url: public_url.trim_end_matches('/').to_owned(),
            // A server that listens on all addresses has none of its own.
            own_network: (!ip.is_unspecified()).then(|| ip.into()),
        }
    }

    /// The policy for a request that uses these connections: private addresses for those that the
    /// configuration names, this server's own for connections to it.
    pub(crate) fn for_connections<'c>(
        &self,
        rows: impl IntoIterator<Item = &'c Connection>,
    ) -> NetworkPolicy {
        let mut policy = self.policy.clone();
        for row in rows {
            policy.allow_private |= self.private_connections.contains(&row.name);
            if row.type_name == OWN_TYPE && self.leads_here(row) {
                policy.allowed_networks.extend(self.own_network);
            }
        }
        policy
    }

    fn leads_here(&self, row: &Connection) -> bool {
        let attributes: serde_json::Value = serde_json::from_str(&row.attributes).unwrap_or_default();
        let url = attributes.pointer("/base_url/value").and_then(serde_json::Value::as_str);
        url.is_some_and(|url| url.trim_end_matches('/') == self.public_url)
    }
}

/// What the configuration opens for everybody.
pub(crate) fn policy(config: &Config) -> NetworkPolicy {
    // The configuration was checked when it was loaded: every entry is a network.
    let networks = config.http.allowed_networks.iter().filter_map(|network| network.parse().ok());
    NetworkPolicy { allow_private: config.http.allow_private, allowed_networks: networks.collect() }
}

/// The same as it travels to a runner.
pub(crate) fn for_runner(policy: &NetworkPolicy) -> protocol::NetworkPolicy {
    protocol::NetworkPolicy {
        allow_private: policy.allow_private,
        allowed_networks: policy.allowed_networks.iter().map(ToString::to_string).collect(),
    }
}
