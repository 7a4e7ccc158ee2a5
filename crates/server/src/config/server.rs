//! Section `server`.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The listening side.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// The folder that holds the embedded database, the key file and the files of records.
    #[schema(value_type = String)]
    pub data: PathBuf,
    /// Address and port to listen on.
    pub listen: String,
    /// Where people and workflows reach the server; empty: `http://` and the address it listens on.
    pub public_url: String,
    /// Networks of the proxies in front of the server, `10.1.0.0/16`: what they say in `X-Forwarded-For` and
    /// `X-Forwarded-Proto` is believed. It decides what is shown as the address of a runner, from where signing in has
    /// failed too often, and whether the cookie of a session is for https alone.
    pub trusted_proxies: Vec<String>,
    /// Bytes of a request's body; more is answered with 413.
    pub body_bytes_max: usize,
    /// Milliseconds in which a request's body must arrive.
    pub body_timeout_ms: u64,
    /// Milliseconds in which a request's head must arrive; also how long a connection may be idle.
    pub head_timeout_ms: u64,
    /// Milliseconds that requests and steps in flight get to finish when the server is asked to stop.
    pub shutdown_grace_ms: u64,
    /// Milliseconds after its last sign of life for which a server is believed to live, by others that share its
    /// PostgreSQL database; then they take its runs over. At least 500; the clocks of the machines must differ by
    /// less than a fifth of it.
    pub lease_ms: u64,
    /// Milliseconds between two signs of life of a runner; after three that are missing it is taken to be gone, and what
    /// it had to be lost.
    pub runner_heartbeat_ms: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            data: PathBuf::from("data"),
            listen: "127.0.0.1:8700".to_owned(),
            public_url: String::new(),
            trusted_proxies: Vec::new(),
            body_bytes_max: 8 * 1024 * 1024,
            body_timeout_ms: 30_000,
            head_timeout_ms: 30_000,
            shutdown_grace_ms: 10_000,
            lease_ms: 10_000,
            runner_heartbeat_ms: 2_000,
        }
    }
}

impl Server {
    /// [`Server::trusted_proxies`]; the configuration was checked when it was loaded.
    pub(crate) fn proxies(&self) -> Vec<IpNet> {
        self.trusted_proxies.iter().filter_map(|network| network.parse().ok()).collect()
    }

    /// [`Server::body_timeout_ms`] as a length of time.
    pub fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    /// [`Server::head_timeout_ms`] as a length of time.
    pub fn head_timeout(&self) -> Duration {
        Duration::from_millis(self.head_timeout_ms)
    }

    /// [`Server::runner_heartbeat_ms`] as a length of time; at least one millisecond.
    pub fn runner_heartbeat(&self) -> Duration {
        Duration::from_millis(self.runner_heartbeat_ms.max(1))
    }

    /// [`Server::lease_ms`] as a length of time.
    pub fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms)
    }

    /// [`Server::shutdown_grace_ms`] as a length of time.
    pub fn shutdown_grace(&self) -> Duration {
        Duration::from_millis(self.shutdown_grace_ms)
    }
}
