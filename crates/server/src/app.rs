//! The server's parts, shared by all requests and jobs.

use std::sync::Arc;

use actions::Catalog;
use actions::http::{HttpClient, TokenCache};
use store::Db;
use tokio::sync::Semaphore;
use types::{Clock, Id, SystemRng};

use crate::action_catalog::ActionCatalog;
use crate::attachments::Attachments;
use crate::config::Config;
use crate::connection_kinds::ConnectionKinds;
use crate::driver::Driver;
use crate::error::ApiResult;
use crate::http::KnownUses;
use crate::identity::Identity;
use crate::mail::Mailer;
use crate::package_locks::PackageLocks;
use crate::passwords::Passwords;
use crate::single_sign_on::SingleSignOn;
use crate::vault::Vault;

/// The parts. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) identity: Identity,
    pub(crate) passwords: Passwords,
    pub(crate) vault: Arc<Vault>,
    pub(crate) kinds: Arc<ConnectionKinds>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) package_locks: Arc<PackageLocks>,
    pub(crate) attachments: Arc<Attachments>,
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
    pub(crate) known_uses: KnownUses,
    /// The provider with which people sign in.
    pub(crate) single_sign_on: Option<SingleSignOn>,
    /// What sends mail.
    pub(crate) mailer: Option<Mailer>,
    /// A place for each answer that follows a run.
    pub(crate) followers: Arc<Semaphore>,
    /// Told when a workspace is to go.
    pub(crate) removals: tokio::sync::Notify,
}

impl App {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn db(&self) -> &Db {
        &self.0.db
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.0.identity
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    /// The provider with which people sign in, if there is one.
    pub(crate) fn single_sign_on(&self) -> Option<&SingleSignOn> {
        self.0.single_sign_on.as_ref()
    }

    /// What sends mail, if anything does.
    pub(crate) fn mailer(&self) -> Option<&Mailer> {
        self.0.mailer.as_ref()
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.0.vault
    }

    pub(crate) fn kinds(&self) -> &ConnectionKinds {
        &self.0.kinds
    }

    /// The files of records.
    pub(crate) fn attachments(&self) -> &Attachments {
        &self.0.attachments
    }

    pub(crate) fn driver(&self) -> &Driver {
        &self.0.driver
    }

    /// The Python packages of documents.
    pub(crate) fn package_locks(&self) -> &PackageLocks {
        &self.0.package_locks
    }

    pub(crate) fn http(&self) -> &HttpClient {
        &self.0.http
    }

    pub(crate) fn token_cache(&self) -> &TokenCache {
        &self.0.token_cache
    }

    pub(crate) fn started_at(&self) -> types::Timestamp {
        self.0.started_at
    }

    pub(crate) fn public_url(&self) -> &str {
        &self.0.public_url
    }

    pub(crate) fn network(&self) -> &crate::network::NetworkRules {
        &self.0.network
    }

    /// The API's description, rendered when it is first asked for: few ask, and it is large.
    pub(crate) fn documents(&self) -> &crate::http::Documents {
        self.0.openapi.get_or_init(crate::http::Documents::render)
    }

    /// What workflows' documents use, as far as it has been read.
    pub(crate) fn known_uses(&self) -> &KnownUses {
        &self.0.known_uses
    }

    /// Told when a workspace is to go.
    pub(crate) fn removals(&self) -> &tokio::sync::Notify {
        &self.0.removals
    }

    /// A place for each answer that follows a run.
    pub(crate) fn followers(&self) -> &Arc<Semaphore> {
        &self.0.followers
    }

    /// A new id, from the clock and the system's randomness.
    pub(crate) fn new_id<K>(&self) -> Id<K> {
        Id::new(self.0.clock.now(), &mut SystemRng)
    }

    /// The actions that there are.
    pub(crate) fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    /// What workflows of the tenant may use.
    pub(crate) async fn action_catalog(&self, tenant: types::TenantId) -> ApiResult<ActionCatalog> {
        Ok(ActionCatalog::new(&self.0.catalog, &self.0.kinds.names(tenant).await?))
    }
}
