//! Servers to test, on both databases, and callers of every kind.

mod browser;
mod log;
mod people;
mod provider;
mod reply;
mod running;
pub(crate) mod smtp;
mod visit;

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use server::config::Config;
use store::{Db, StoreError, Tx};
use tempfile::TempDir;

pub(crate) use browser::{Browser, SESSION};
pub(crate) use log::logged;
pub(crate) use people::Person;
pub(crate) use provider::{CLIENT_SECRET, Forgery, Provider};
pub(crate) use reply::{Reply, SHAPE_OF_ERRORS};
pub(crate) use running::{RunnerKind, Running, ShiftedClock, start, start_with};
pub(crate) use visit::{CALLBACK, START, Visit};

use crate::tool::Tool;

/// The first admin's key.
pub(crate) const KEY: &str = "key-of-the-first-admin";
/// The first workspace.
pub(crate) const WORKSPACE: &str = "01920000-0000-7000-8000-000000000001";
/// An id of nothing.
pub(crate) const NOBODY: &str = "01920000-0000-7000-8000-00000000dead";
/// How long anything may take before the test has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How long a server is believed to live after its last sign of life, and a bit.
pub(crate) const LEASE: Duration = Duration::from_secs(11);

/// A configuration under which one run of a workspace goes at a time.
pub(crate) fn one_at_a_time(config: &mut Config) {
    config.limits.executions_active_per_workspace_max = 1;
}

/// A server on one database, and everything to talk to it.
pub(crate) struct Nictate {
    /// The server; none while it is stopped.
    pub(crate) running: Option<Running>,
    /// What it is started with.
    pub(crate) config: Config,
    /// Its clock, which tests may put forward.
    pub(crate) clock: Arc<ShiftedClock>,
    /// Another look into its database.
    pub(crate) db: Db,
    /// Where it listens.
    pub(crate) url: String,
    /// What stands for vendors.
    pub(crate) tool: Tool,
    client: reqwest::Client,
    _folder: TempDir,
}

/// Tells a story on SQLite, then on PostgreSQL, each time to a server of its own on an empty database.
pub(crate) async fn on_both<F: AsyncFn(&mut Nictate)>(story: F) {
    on_both_with(|_| {}, story).await;
}

/// The same with a configuration of the story's own.
pub(crate) async fn on_both_with<F: AsyncFn(&mut Nictate)>(configure: impl Fn(&mut Config), story: F) {
    let databases = store::testing::databases().await;
    let mut outcome = Ok(());
    for url in databases.urls() {
        let told = AssertUnwindSafe(async {
            let mut nictate = Nictate::start(url, &configure).await;
            story(&mut nictate).await;
            nictate.stop().await;
            nictate.db.close().await;
        });
        outcome = told.catch_unwind().await;
        if outcome.is_err() {
            break;
        }
    }
    databases.drop_all().await;
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

/// A configuration for tests: everything under `folder`, private addresses open for the tool.
fn config(folder: &TempDir, database: &str) -> Config {
    let mut config = Config::default();
    config.server.data = folder.path().to_owned();
    config.server.listen = "127.0.0.1:0".to_owned();
    config.server.shutdown_grace_ms = 5_000;
    config.database.url = database.to_owned();
    config.http.allow_private = true;
    config.bootstrap.api_key = KEY.to_owned();
    config.bootstrap.workspace_id = WORKSPACE.to_owned();
    config.bootstrap.email = "ada@example.com".to_owned();
    config
}

impl Nictate {
    async fn start(database: &str, configure: &impl Fn(&mut Config)) -> Self {
        log::capture();
        // A second install answers with the first one, which is the same.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(&folder, database);
        configure(&mut config);
        let clock = Arc::new(ShiftedClock::default());
        let running = start(&config, &clock).await.unwrap();
        let db = Db::open(&database.parse().unwrap(), &store::Options::default()).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self {
            url: running.url(),
            running: Some(running),
            config,
            clock,
            db,
            tool: Tool::start().await,
            client,
            _folder: folder,
        }
    }

    /// Whether this is the embedded database.
    pub(crate) fn is_sqlite(&self) -> bool {
        self.config.database_url().starts_with("sqlite:")
    }

    /// The files of the embedded database.
    pub(crate) fn database_files(&self) -> Vec<PathBuf> {
        let url = self.config.database_url();
        let Some(path) = url.strip_prefix("sqlite:") else { return Vec::new() };
        ["", "-wal", "-shm"].iter().map(|end| PathBuf::from(format!("{path}{end}"))).collect()
    }

    /// Writes into the database as another process would, and waits until the server must see it.
    pub(crate) async fn write_beside<T, F>(&self, body: F) -> T
    where
        T: Send + 'static,
        F: AsyncFn(&Tx<'_>) -> Result<T, StoreError> + Send + Sync + 'static,
    {
        let written = self.db.write(body).await.unwrap();
        tokio::time::sleep(server::SNAPSHOT_TIME * 2).await;
        written
    }

    /// Asks the server to stop and waits until it has.
    pub(crate) async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    /// Ends the server as a crash would: nothing in it runs on.
    pub(crate) async fn crash(&mut self) {
        if let Some(running) = self.running.take() {
            running.crash().await;
        }
    }

    /// Ends it as a crash would and starts another one, which must not believe that the first one lives.
    pub(crate) async fn crash_and_start(&mut self) {
        self.crash().await;
        self.clock.put_forward(LEASE);
        self.start_again().await;
    }

    /// Starts it again on the same data.
    pub(crate) async fn start_again(&mut self) {
        self.start_again_with(RunnerKind::Sound).await;
    }

    /// The same with another runner.
    pub(crate) async fn start_again_with(&mut self, runner: RunnerKind) {
        let running = start_with(&self.config, &self.clock, runner).await.unwrap();
        self.url = running.url();
        self.running = Some(running);
    }

    /// The whole address: `rest` lies in the first workspace, unless it begins with `/api/`, `/docs`, `/invite` or
    /// `/password_reset`.
    pub(crate) fn address(&self, rest: &str) -> String {
        if ["/api/", "/docs", "/invite", "/password_reset"].iter().any(|own| rest.starts_with(own)) {
            format!("{}{rest}", self.url)
        } else {
            format!("{}/api/v1/workspace/{WORKSPACE}{rest}", self.url)
        }
    }

    /// A request of the first admin.
    pub(crate) fn request(&self, method: Method, rest: &str) -> RequestBuilder {
        self.request_as(Some(KEY), method, rest)
    }

    /// A request with that key, or without one.
    pub(crate) fn request_as(&self, key: Option<&str>, method: Method, rest: &str) -> RequestBuilder {
        let request = self.client.request(method, self.address(rest));
        match key {
            Some(key) => request.header("BLINK-API-KEY", key),
            None => request,
        }
    }

    pub(crate) async fn get(&self, rest: &str) -> Reply {
        Reply::of(self.request(Method::GET, rest)).await
    }

    /// What somebody with that key is answered.
    pub(crate) async fn get_as(&self, key: &str, rest: &str) -> Reply {
        Reply::of(self.request_as(Some(key), Method::GET, rest)).await
    }

    /// The same with any method and a body.
    pub(crate) async fn call_as(&self, key: &str, method: Method, rest: &str, body: Value) -> Reply {
        Reply::of(self.request_as(Some(key), method, rest).json(&body)).await
    }

    /// A list, asked for with `q`.
    pub(crate) async fn list(&self, rest: &str, q: &Value) -> Reply {
        self.list_raw(rest, &q.to_string()).await
    }

    pub(crate) async fn list_raw(&self, rest: &str, q: &str) -> Reply {
        Reply::of(self.request(Method::GET, rest).query(&[("q", q)])).await
    }

    pub(crate) async fn post(&self, rest: &str, body: Value) -> Reply {
        Reply::of(self.request(Method::POST, rest).json(&body)).await
    }

    /// A POST without a body.
    pub(crate) async fn post_nothing(&self, rest: &str) -> Reply {
        Reply::of(self.request(Method::POST, rest)).await
    }

    pub(crate) async fn put(&self, rest: &str, body: Value) -> Reply {
        Reply::of(self.request(Method::PUT, rest).json(&body)).await
    }

    pub(crate) async fn delete(&self, rest: &str) -> Reply {
        Reply::of(self.request(Method::DELETE, rest)).await
    }

    /// A bearer connection to the tool.
    pub(crate) async fn connect(&self, name: &str, token: &str) -> Value {
        let attributes = json!({"base_url": {"value": self.tool.url()}, "token": {"value": token}});
        let body = json!({"name": name, "type_name": "http_bearer", "attributes": attributes});
        self.post("/connections", body).await.ok()
    }

    /// A new published, active workflow; its id.
    pub(crate) async fn publish(&self, name: &str, document: &str) -> String {
        let reply =
            self.post("/playbooks", json!({"name": name, "playbook": document, "active": true})).await;
        text(&reply.ok(), "id")
    }

    /// Starts the published version; the run's id.
    pub(crate) async fn execute(&self, workflow: &str, body: Value) -> String {
        text(&self.post(&format!("/playbooks/{workflow}/execute"), body).await.ok(), "execution_id")
    }

    /// Runs the published version to its end; what the call answers.
    pub(crate) async fn run_sync(&self, workflow: &str, body: Value) -> Reply {
        self.post(&format!("/playbooks/{workflow}/execute?run_sync=true&timeout=20"), body).await
    }

    /// The run, as soon as it is in that state.
    pub(crate) async fn execution_in(&self, id: &str, state: &str) -> Value {
        let what = format!("execution {id} is {state}");
        until(&what, async || {
            let run = self.get(&format!("/executions/{id}")).await.ok();
            (run["state"] == state).then_some(run)
        })
        .await
    }

    /// How many connections, workflows, executions and audit entries the first workspace has.
    pub(crate) async fn row_counts(&self) -> [u64; 4] {
        let (tenant, workspace) = (self.tenant().await, WORKSPACE.parse().unwrap());
        let all = |fields| store::Query::parse(Some(r#"{"limit": 1}"#), fields).unwrap();
        let db = &self.db;
        [
            store::connections::list(db, workspace, &all(&store::connections::FIELDS)).await.unwrap().total,
            store::workflows::list(db, workspace, &all(&store::workflows::FIELDS)).await.unwrap().total,
            store::executions::list(db, workspace, &all(&store::executions::FIELDS)).await.unwrap().total,
            store::audit::list(db, tenant, workspace, &all(&store::audit::FIELDS)).await.unwrap().total,
        ]
    }

    /// The audit entries of the first workspace with that action, the oldest first.
    pub(crate) async fn audited(&self, action: &str) -> Vec<store::audit::AuditEntry> {
        let (tenant, workspace) = (self.tenant().await, WORKSPACE.parse().unwrap());
        let q = json!({"filter": {"action": action}, "sort": ["at"], "limit": 1000}).to_string();
        let query = store::Query::parse(Some(&q), &store::audit::FIELDS).unwrap();
        store::audit::list(&self.db, tenant, workspace, &query).await.unwrap().rows
    }
}

/// Asks again and again until there is an answer.
pub(crate) async fn until<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("never came about: {what}"))
}

/// The text at a member; panics if there is none.
pub(crate) fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_else(|| panic!("no text `{member}` in {value}")).to_owned()
}

/// The names of an object's members, sorted.
pub(crate) fn members(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}
