//! The server under test: the real binary on a folder of the test's, and a client of its API.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::{Value, json};

const API_KEY: &str = "nct_a-key-for-crash-tests-0123456789abcdef";
const WORKSPACE: &str = "0192d0c0-0000-7000-8000-0000000000aa";
const NICTATE: &str = env!("CARGO_BIN_EXE_nictate");
/// Rows that a list answers at a time.
const PAGE: usize = 100;

/// A server on a free port; killed with its guard.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    pub(crate) api: Api,
}

impl Server {
    /// Starts one and waits until it serves. `database` is the URL; empty: SQLite in the folder.
    pub(crate) fn start(folder: &Path, database: &str, settings: &[(&str, &str)]) -> Self {
        Self::start_as(Command::new(NICTATE), folder, database, "127.0.0.1:0", settings)
    }

    /// One on SQLite that listens at that address.
    pub(crate) fn start_at(folder: &Path, listen: &str, settings: &[(&str, &str)]) -> Self {
        Self::start_as(Command::new(NICTATE), folder, "", listen, settings)
    }

    /// One whose files can be kept small with [`Server::limit_files`]: it is told by an error, not by a signal.
    pub(crate) fn start_on_small_disk(folder: &Path) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#, NICTATE]);
        Self::start_as(shell, folder, "", "127.0.0.1:0", &[])
    }

    fn start_as(
        mut command: Command,
        folder: &Path,
        database: &str,
        listen: &str,
        settings: &[(&str, &str)],
    ) -> Self {
        let log = folder.join("server.log");
        command.args(["serve", "--listen", listen, "--json", "--data"]).arg(folder.join("data"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("NICTATE_") {
                command.env_remove(name);
            }
        }
        command
            .env("NICTATE_DATABASE_URL", database)
            .env("NICTATE_BOOTSTRAP_API_KEY", API_KEY)
            .env("NICTATE_BOOTSTRAP_WORKSPACE_ID", WORKSPACE)
            .env("NICTATE_HTTP_ALLOW_PRIVATE", "true")
            .env("NICTATE_LOG_FORMAT", "json")
            .envs(settings.iter().copied());
        let more = File::options().create(true).append(true).open(&log).unwrap();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(more).spawn().unwrap();
        let mut document = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            document += &line.unwrap();
            if serde_json::from_str::<Value>(&document).is_ok() {
                break;
            }
        }
        let announced: Value = serde_json::from_str(&document)
            .unwrap_or_else(|_| panic!("no start: {}", fs::read_to_string(&log).unwrap()));
        Self { child, log, api: Api::new(announced["url"].as_str().unwrap()) }
    }

    /// As a power cut would: nothing is said, nothing is finished.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, as a service manager does, and waits for it.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        self.ask_to_stop();
        tokio::task::spawn_blocking(move || self.child.wait().unwrap()).await.unwrap()
    }

    pub(crate) fn ask_to_stop(&self) {
        self.signal("TERM");
    }

    /// Sends a signal, by its name without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        let words = [&format!("-{name}"), &self.child.id().to_string()];
        assert!(Command::new("kill").args(words).status().unwrap().success());
    }

    /// Lets no file of the server grow past so many bytes, as if the disk were full then; none: as it likes.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let soft = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
        let words = ["--pid", &self.child.id().to_string(), &format!("--fsize={soft}:unlimited")];
        assert!(Command::new("prlimit").args(words).status().unwrap().success());
    }

    /// Lines of the log, of all servers on the folder, that tell of an error or a panic.
    pub(crate) fn errors(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap();
        let bad = |line: &&str| line.contains(r#""level":"ERROR""#) || line.contains("panicked");
        log.lines().filter(bad).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed or stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The API of one server.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) url: String,
    http: reqwest::Client,
}

impl Api {
    fn new(url: &str) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { url: url.to_owned(), http }
    }

    /// A request with the key, ready to be sent.
    pub(crate) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}/api/v1{path}", self.url)).header("BLINK-API-KEY", API_KEY)
    }

    /// An answer; an error if the server is gone or refuses.
    pub(crate) async fn try_post(&self, path: &str, body: &Value) -> Result<Value, reqwest::Error> {
        let request = self.request(reqwest::Method::POST, path).json(body);
        request.send().await?.error_for_status()?.json().await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        self.try_post(path, body).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.request(reqwest::Method::GET, path).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }

    /// Stores a connection with a bearer token.
    pub(crate) async fn connect(&self, name: &str, base_url: &str) {
        let attributes = json!({"base_url": {"value": base_url}, "token": {"value": "open sesame"}});
        let body = json!({"name": name, "type_name": "http_bearer", "attributes": attributes});
        self.post("/connections", &body).await;
    }

    /// Stores and publishes a workflow; answers its id.
    pub(crate) async fn publish(&self, document: &str) -> String {
        let name = document.lines().next().unwrap().strip_prefix("name: ").unwrap();
        let made = self.post("/playbooks/ui", &json!({"name": name, "playbook": document})).await;
        let id = made["id"].as_str().unwrap().to_owned();
        let public = json!({"playbook": document, "branched_from": 0, "source": "manual"});
        self.post(&format!("/playbooks/{id}/public"), &public).await;
        id
    }

    /// Starts a run, whatever becomes of it: status, `Retry-After`, body.
    pub(crate) async fn execute(&self, workflow: &str, tool: &str, tag: &str) -> (u16, String, Value) {
        let body = json!({"input_values": {"tool": tool, "tag": tag}});
        self.answer(
            self.request(reqwest::Method::POST, &format!("/playbooks/{workflow}/execute")).json(&body),
        )
        .await
    }

    /// What a request is answered with: status, `Retry-After`, body.
    pub(crate) async fn answer(&self, request: reqwest::RequestBuilder) -> (u16, String, Value) {
        let answer = request.send().await.unwrap();
        let again = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), again.unwrap_or_default(), answer.json().await.unwrap())
    }

    /// Every run there is, as its list shows it.
    pub(crate) async fn runs(&self) -> Vec<Value> {
        let mut runs = Vec::new();
        loop {
            let q = json!({"limit": PAGE, "offset": runs.len(), "sort": ["id"]}).to_string();
            let request = self.request(reqwest::Method::GET, "/executions").query(&[("q", q)]);
            let answer = request.send().await.unwrap().error_for_status().unwrap();
            let page: Value = answer.json().await.unwrap();
            let rows = page["results"].as_array().unwrap().clone();
            if rows.is_empty() {
                return runs;
            }
            runs.extend(rows);
        }
    }
}
