//! Section `secrets`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How connections' secrets are kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Secrets {
    /// The file of master keys, mode 0600, made at first start; empty: `keys/master.key` in the data folder.
    #[schema(value_type = String)]
    pub key_file: PathBuf,
}
