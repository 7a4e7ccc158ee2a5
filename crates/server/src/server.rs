//! Starting and stopping the server: puts the parts together in the order in which they need each other.

use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actions::Catalog;
use actions::http::{HttpClient, TokenCache};
use secrets::{KeyFile, KeyFileError};
use store::{DatabaseUrl, Db, Options, StoreError};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};
use types::{Clock, ServerId, SystemRng};

use crate::app::{App, Parts};
use crate::attachments::Attachments;
use crate::blobs::Blobs;
use crate::bootstrap::{BootstrapError, FirstStart, bootstrap};
use crate::config::Config;
use crate::connection_kinds::ConnectionKinds;
use crate::driver::{self, Driver, RunnerChannel};
use crate::http::{Api, FOLLOWERS_MAX, KnownUses};
use crate::identity::Identity;
use crate::jobs::{self, Membership};
use crate::mail::Mailer;
use crate::network::NetworkRules;
use crate::package_locks::PackageLocks;
use crate::passwords::Passwords;
use crate::predecessor::Held;
use crate::record_events;
use crate::retention;
use crate::single_sign_on::SingleSignOn;
use crate::vault::{Vault, VaultError};
use crate::{audit_sealing, blob_removal, blobs, invite_mail, workspace_removal};
use crate::{listen, network};

/// How late a server with an embedded database may see what another process writes into it. No other server does;
/// `nictate keys rotate` does, and leaves the keys that it replaces in force for longer than that.
pub const SNAPSHOT_TIME: Duration = Duration::from_millis(50);

/// Why the server does not start. Each message says what to do about it.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum StartError {
    #[error("the database URL cannot be used: {0}")]
    Url(#[from] store::UrlError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(
        "the key file `{}` is missing, but the database holds secrets that were sealed with it: put the file back, \
         from a backup as a rule; without it the secrets cannot be opened",
        .0.display()
    )]
    KeyFileMissing(PathBuf),
    #[error("the key file `{}` does not open the secrets in the database: it is not the file they were sealed with ({source})", path.display())]
    WrongKey { path: PathBuf, source: VaultError },
    #[error("another server uses the database `{}`", .0.display())]
    DataInUse(PathBuf),
    #[error("cannot use `{}`: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("cannot listen on `{address}`: {source}")]
    Listen { address: String, source: std::io::Error },
    #[error("`http.ca_file`: {0}")]
    Authorities(String),
    #[error("`bootstrap.password`: {0}")]
    Password(String),
    #[error("`smtp`: {0}")]
    Mail(String),
    #[error("`attachments`: {0}")]
    Attachments(String),
    #[error("`sso`: {0}")]
    SingleSignOn(String),
}

impl From<BootstrapError> for StartError {
    fn from(error: BootstrapError) -> Self {
        match error {
            BootstrapError::Store(error) => Self::Store(error),
            BootstrapError::Vault(error) => Self::Vault(error),
            BootstrapError::Password(why) => Self::Password(why),
        }
    }
}

/// The stores of a deployment: its database and what opens its secrets. Also for commands that work without
/// a server.
pub struct Stores {
    /// The database, with its schema up to date.
    pub db: Db,
    /// What seals and opens.
    pub vault: Arc<Vault>,
    /// Finds callers.
    pub identity: Identity,
}

impl Stores {
    /// Opens them, making what is missing on an empty database.
    ///
    /// # Errors
    /// If the database or the key file cannot be used, or do not belong together.
    pub async fn open(config: &Config) -> Result<Self, StartError> {
        Self::open_with(config, Duration::ZERO).await
    }

    async fn open_with(config: &Config, snapshot_time: Duration) -> Result<Self, StartError> {
        make_folder(&config.server.data)?;
        let url: DatabaseUrl = config.database_url().parse()?;
        let connections_max = config.database.connections_max;
        let options = Options { connections_max, snapshot_time, ..Options::default() };
        let db = Db::open(&url, &options).await?;
        db.migrate().await?;
        let path = config.key_file();
        // A new key would not open what an old one sealed: better no start than a second key.
        if !path.exists() && store::tenants::first(&db).await?.is_some() {
            return Err(StartError::KeyFileMissing(path));
        }
        let file = KeyFile::load_or_create(&path, &mut SystemRng)?;
        let identity = Identity::new(db.clone(), file.keys.api_key_hasher());
        let vault = Arc::new(Vault::new(db.clone(), file));
        vault.check().await.map_err(|source| match source {
            VaultError::Store(error) => StartError::Store(error),
            source => StartError::WrongKey { path, source },
        })?;
        Ok(Self { db, vault, identity })
    }
}

/// The client with which steps and connection tests reach out.
///
/// # Errors
/// If `http.ca_file` cannot be read or holds no certificates.
pub fn http_client(config: &Config) -> Result<HttpClient, StartError> {
    let client = HttpClient::new(network::policy(config));
    match authorities(config)? {
        Some(pem) => client.trusting(&pem).map_err(|error| StartError::Authorities(error.message)),
        None => Ok(client),
    }
}

/// What `http.ca_file` holds, if it is set.
fn authorities(config: &Config) -> Result<Option<String>, StartError> {
    let path = &config.http.ca_file;
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    let read = std::fs::read_to_string(path);
    read.map(Some).map_err(|source| StartError::Io { path: path.clone(), source })
}

/// A server that is ready to serve.
pub struct Server {
    app: App,
    member: Membership,
    api: Api,
    listener: TcpListener,
    address: SocketAddr,
    first_start: Option<FirstStart>,
    // Ends the renewal of the lease, also when the server is dropped before it runs.
    lease: DropGuard,
    // Held as long as the server lives.
    _lock: Option<File>,
    _folder: Option<Held>,
}

impl Server {
    /// Opens everything and adopts the runs that were in flight when the last server stopped.
    ///
    /// # Errors
    /// If any part cannot be used.
    pub async fn start(
        config: Config,
        channel: RunnerChannel,
        http: HttpClient,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        make_folder(&config.server.data)?;
        let lock = match config.database_url().parse()? {
            DatabaseUrl::Sqlite(path) => Some(lock_database(&path)?),
            DatabaseUrl::Postgres(_) => None,
        };
        let listening = |source| StartError::Listen { address: config.server.listen.clone(), source };
        let listener = TcpListener::bind(&config.server.listen).await.map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;
        let stores = Stores::open_with(&config, SNAPSHOT_TIME).await?;
        let first_start = bootstrap(&stores, &config.bootstrap, &*clock).await?;
        let id = ServerId::new(clock.now(), &mut SystemRng);
        let mut folder = None;
        if lock.is_some() {
            jobs::forget_all(&stores.db).await?;
        } else {
            folder = forget_predecessor(&config.server.data, &stores.db, id).await?;
        }
        let member = Membership {
            db: stores.db.clone(),
            clock: Arc::clone(&clock),
            id,
            length: config.server.lease(),
            lease: Arc::clone(&channel.lease),
            alone: lock.is_some(),
        };
        member.register().await?;
        let lease = CancellationToken::new();
        tokio::spawn(jobs::keep_lease(member.clone(), lease.clone()));
        let app = assemble(config, stores, channel, http, clock, id, address)?;
        if let Err(error) = app.driver().adopt().await {
            tracing::error!(
                cause = error.cause().unwrap_or(error.message()),
                "runs in flight could not be adopted"
            );
        }
        let (api, _) = crate::http::service(&app);
        let lease = lease.drop_guard();
        Ok(Self { app, member, api, listener, address, first_start, lease, _lock: lock, _folder: folder })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where people reach it.
    pub fn public_url(&self) -> &str {
        self.app.public_url()
    }

    /// What the first start made; none if this is not the first.
    pub fn first_start(&self) -> Option<&FirstStart> {
        self.first_start.as_ref()
    }

    /// The parts, for what else runs in this process.
    pub fn app(&self) -> App {
        self.app.clone()
    }

    /// Serves until `stop` is ready, then stops: first taking nothing new, then giving what is in flight its
    /// grace, then letting go of the runs and the database.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self { app, member, api, listener, lease, .. } = self;
        let id = member.id;
        let adopting = CancellationToken::new();
        let keeping = tokio::spawn(retention::keep(app.clone(), member.clone(), adopting.clone()));
        let sealing = tokio::spawn(audit_sealing::keep(app.clone(), member.clone(), adopting.clone()));
        let removing = tokio::spawn(workspace_removal::keep(app.clone(), member.clone(), adopting.clone()));
        let tidying = tokio::spawn(blob_removal::keep(app.clone(), member.clone(), adopting.clone()));
        let mailing = tokio::spawn(invite_mail::keep(app.clone(), adopting.clone()));
        let delivering = tokio::spawn(record_events::keep(app.clone(), adopting.clone()));
        let job = tokio::spawn(jobs::adopt(app.clone(), member, adopting.clone()));
        let server = &app.config().server;
        let grace = server.shutdown_grace();
        let asked = async {
            stop.await;
            tracing::info!("stopping");
            adopting.cancel();
            // Runs and requests share one grace: a request may wait for a run.
            app.driver().begin_stop();
        };
        listen::serve(listener, api, server.head_timeout(), asked, grace).await;
        app.driver().stop(grace).await;
        app.driver().links().cut_all_off();
        // The jobs end by themselves; if one panicked, that has been logged.
        let _ = job.await;
        let _ = keeping.await;
        let _ = removing.await;
        let _ = tidying.await;
        let _ = sealing.await;
        let _ = mailing.await;
        let _ = delivering.await;
        drop(lease);
        if let Err(error) = app.db().write(async move |tx| store::servers::remove(tx, id).await).await {
            tracing::warn!(%error, "the server's lease could not be given back");
        }
        app.db().close().await;
    }
}

fn assemble(
    config: Config,
    stores: Stores,
    channel: RunnerChannel,
    http: HttpClient,
    clock: Arc<dyn Clock>,
    server: ServerId,
    address: SocketAddr,
) -> Result<App, StartError> {
    let Stores { db, vault, identity } = stores;
    let catalog = Arc::new(Catalog::builtin());
    let kinds = Arc::new(ConnectionKinds::new(db.clone()));
    let public_url = match config.server.public_url.as_str() {
        "" => format!("http://{address}"),
        configured => configured.to_owned(),
    };
    let single_sign_on = SingleSignOn::new(&config, &http, &public_url)
        .map_err(|error| StartError::SingleSignOn(error.to_string()))?;
    let authorities = authorities(&config)?;
    let mailer = Mailer::new(&config.smtp, authorities.as_deref()).map_err(StartError::Mail)?;
    let network = NetworkRules::new(&config, &public_url, address);
    let package_locks = Arc::new(PackageLocks::new(
        db.clone(),
        config.packages.settings(&config.server.data),
        config.sandbox.interpreter(),
    ));
    let files =
        Blobs::new(&config.server.data, &config.attachments, &http).map_err(StartError::Attachments)?;
    let drafts = blobs::drafts(&config.server.data);
    let attachments = Arc::new(Attachments::new(db.clone(), files, drafts, config.attachments.clone()));
    let driver = Driver::new(driver::Parts {
        db: db.clone(),
        clock: Arc::clone(&clock),
        channel,
        vault: Arc::clone(&vault),
        kinds: Arc::clone(&kinds),
        catalog: Arc::clone(&catalog),
        package_locks: Arc::clone(&package_locks),
        attachments: Arc::clone(&attachments),
        server,
        network: network.clone(),
        public_url: public_url.clone(),
        bounds: config.limits.bounds(),
        runner_heartbeat: config.server.runner_heartbeat(),
        run_time: Duration::from_millis(u64::try_from(config.limits.execution_run_time_ms).unwrap_or(1)),
    });
    let started_at = clock.now();
    Ok(App::new(Parts {
        config,
        db,
        clock,
        identity,
        passwords: Passwords::new(),
        vault,
        kinds,
        catalog,
        package_locks,
        attachments,
        driver,
        started_at,
        public_url,
        network,
        http,
        token_cache: TokenCache::default(),
        openapi: std::sync::OnceLock::new(),
        known_uses: KnownUses::new(),
        single_sign_on,
        mailer,
        followers: Arc::new(Semaphore::new(FOLLOWERS_MAX)),
        removals: tokio::sync::Notify::new(),
    }))
}

fn make_folder(path: &Path) -> Result<(), StartError> {
    std::fs::create_dir_all(path).map_err(|source| StartError::Io { path: path.to_owned(), source })
}

/// The last server on this data folder is gone if the folder can be had: its runs are anybody's, before its lease ends.
async fn forget_predecessor(folder: &Path, db: &Db, id: ServerId) -> Result<Option<Held>, StartError> {
    let io = |source| StartError::Io { path: folder.to_owned(), source };
    let Some(mut held) = Held::take(folder).map_err(io)? else { return Ok(None) };
    if let Some(predecessor) = held.predecessor() {
        db.write(async move |tx| store::servers::remove(tx, predecessor).await).await?;
    }
    held.name(id).map_err(io)?;
    Ok(Some(held))
}

/// An embedded database belongs to one server at a time: the lock lies beside it.
fn lock_database(database: &Path) -> Result<File, StartError> {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    let path = PathBuf::from(name);
    let io = |source| StartError::Io { path: path.clone(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::DataInUse(database.to_owned())),
        Err(TryLockError::Error(source)) => Err(StartError::Io { path, source }),
    }
}
