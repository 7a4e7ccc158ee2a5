//! Section `http`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What steps and connection tests may reach over the network.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Whether private and loopback addresses may be reached. Link-local ones and the metadata addresses of
    /// cloud providers may not, unless `allowed_networks` names them.
    pub allow_private: bool,
    /// Networks that may be reached although they are private, `10.1.0.0/16`.
    pub allowed_networks: Vec<String>,
    /// Connections, by id, whose steps may reach private addresses.
    pub private_connections: Vec<String>,
    /// A PEM file of certificate authorities to trust besides the public ones; empty: none.
    #[schema(value_type = String)]
    pub ca_file: PathBuf,
}
