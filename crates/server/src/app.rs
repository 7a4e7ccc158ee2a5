//! The server's parts, shared by all requests and jobs.

use std::sync::Arc;

use actions::Catalog;
use actions::http::{HttpClient, TokenCache};
use store::Db;
use types::{Clock, Id, SystemRng};

use crate::action_catalog::ActionCatalog;
use crate::config::Config;
use crate::connection_kinds::ConnectionKinds;
use crate::driver::Driver;
use crate::error::ApiResult;
use crate::http::KnownUses;
use crate::identity::Identity;
use crate::vault::Vault;

/// The parts. Cheap to clone.
#[derive(Clone)]
pub struct App {
    parts: Arc<Parts>,
    known_uses: KnownUses,
}

pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) identity: Identity,
    pub(crate) vault: Arc<Vault>,
    pub(crate) kinds: Arc<ConnectionKinds>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) driver: Driver,
    pub(crate) started_at: types::Timestamp,
    /// Where people and workflows reach the server.
    pub(crate) public_url: String,
    /// What connection tests may reach.
    pub(crate) network: crate::network::NetworkRules,
    /// For connection tests, which the server makes itself.
    pub(crate) http: HttpClient,
    pub(crate) token_cache: TokenCache,
    pub(crate) openapi: std::sync::OnceLock<crate::http::Documents>,
}

impl App {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts), known_uses: KnownUses::new() }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.parts.config
    }

    pub(crate) fn db(&self) -> &Db {
        &self.parts.db
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.parts.clock
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.parts.identity
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.parts.vault
    }

    pub(crate) fn kinds(&self) -> &ConnectionKinds {
        &self.parts.kinds
    }

    pub(crate) fn driver(&self) -> &Driver {
        &self.parts.driver
    }

    pub(crate) fn http(&self) -> &HttpClient {
        &self.parts.http
    }

    pub(crate) fn token_cache(&self) -> &TokenCache {
        &self.parts.token_cache
    }

    pub(crate) fn started_at(&self) -> types::Timestamp {
        self.parts.started_at
    }

    pub(crate) fn public_url(&self) -> &str {
        &self.parts.public_url
    }

    pub(crate) fn network(&self) -> &crate::network::NetworkRules {
        &self.parts.network
    }

    /// The API's description, rendered once at start.
    pub(crate) fn documents(&self) -> Option<&crate::http::Documents> {
        self.parts.openapi.get()
    }

    pub(crate) fn set_documents(&self, documents: crate::http::Documents) {
        // Set once, when the router is made.
        let _ = self.parts.openapi.set(documents);
    }

    /// What workflows' documents use, as far as it has been read.
    pub(crate) fn known_uses(&self) -> &KnownUses {
        &self.known_uses
    }

    /// A new id, from the clock and the system's randomness.
    pub(crate) fn new_id<K>(&self) -> Id<K> {
        Id::new(self.parts.clock.now(), &mut SystemRng)
    }

    /// What workflows of the tenant may use.
    pub(crate) async fn action_catalog(&self, tenant: types::TenantId) -> ApiResult<ActionCatalog> {
        Ok(ActionCatalog::new(&self.parts.catalog, &self.parts.kinds.names(tenant).await?))
    }
}
