//! Section `database`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where everything is stored.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`; empty: SQLite in the data folder.
    pub url: String,
    /// Connections to PostgreSQL that are kept open at most.
    pub connections_max: usize,
}

/// The URL may hold a password, so it is not shown.
impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("connections_max", &self.connections_max).finish_non_exhaustive()
    }
}

impl Default for Database {
    fn default() -> Self {
        Self { url: String::new(), connections_max: 16 }
    }
}
