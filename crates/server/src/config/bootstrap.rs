//! Section `bootstrap`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an unattended installation begins with. Used at the first start only.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Bootstrap {
    /// The first admin's API key, 1 to 256 bytes without white space; empty: one is made and shown once.
    pub api_key: String,
    /// The first workspace's id; empty: one is made.
    pub workspace_id: String,
    /// The first admin's e-mail address.
    pub email: String,
    /// The password with which the first admin signs in, 12 to 256 characters that are hard to guess; empty: a link to
    /// set one is made and shown once.
    pub password: String,
}

/// Key and password are secrets, so they are not shown.
impl std::fmt::Debug for Bootstrap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bootstrap").field("workspace_id", &self.workspace_id).finish_non_exhaustive()
    }
}
