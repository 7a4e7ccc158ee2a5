//! The product as a process: started on its own data folder and a free port, asked
//! over its public API, stopped with its guard.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::failure::{Context, Failure, Outcome};
use crate::http::{Client, Response};
use crate::postgres::free_port;
use crate::shell::{self, Profile};
use crate::stopwatch::Stopwatch;

/// Preset for the first admin of a scratch server, which listens on loopback only.
const API_KEY: &str = "nictate-xtask-0123456789abcdef0123456789abcdef";
pub(crate) const WORKSPACE_ID: &str = "00000000-0000-7000-8000-00000000be7c";
/// The type of the connection that is read, by name.
const CONNECTION_TYPE: &str =
    "/api/v1/connection_types?q=%7B%22filter%22%3A%7B%22name%22%3A%22http_bearer%22%7D%7D";
const READY_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// A process that ends with its guard.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(mut command: Command) -> Outcome<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Ok(Self(child.context(format!("start `{}`", command.get_program().display()))?))
    }

    /// Resident memory in megabytes (10^6 bytes), as the kernel counts it now.
    pub(crate) fn rss_mb(&self) -> Outcome<f64> {
        let file = format!("/proc/{}/status", self.0.id());
        let status = fs::read_to_string(&file).context(format!("read `{file}`"))?;
        parse_rss_mb(&status).ok_or_else(|| Failure::new(format!("`{file}` has no `VmRSS`")))
    }
}

impl Process {
    /// Ends it as a failing machine would.
    pub(crate) fn kill(mut self) {
        // What has ended by itself is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Asking, so that the database is closed as in real life; killing whatever does not listen.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let waited = Stopwatch::start();
        while matches!(self.0.try_wait(), Ok(None)) {
            if waited.elapsed() > READY_TIMEOUT {
                let _ = self.0.kill();
            }
            sleep(POLL_INTERVAL);
        }
    }
}

/// How to start `nictate serve` again and again on the same data.
pub(crate) struct Product {
    data: PathBuf,
    /// Absent: SQLite in the data folder.
    database: Option<String>,
    address: String,
    settings: Vec<(&'static str, String)>,
    profile: Profile,
}

impl Product {
    /// The release build of it, on that folder.
    pub(crate) fn new(data: PathBuf, database: Option<String>) -> Outcome<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        Ok(Self { data, database, address, settings: Vec::new(), profile: Profile::Release })
    }

    /// The debug build of it, which overflows and broken assertions end.
    pub(crate) fn debug(self) -> Self {
        Self { profile: Profile::Debug, ..self }
    }

    /// With one more environment variable.
    pub(crate) fn with(mut self, setting: &'static str, value: &str) -> Self {
        self.settings.push((setting, value.to_owned()));
        self
    }

    pub(crate) fn start(&self) -> Outcome<Process> {
        Ok(self.start_timed()?.0)
    }

    /// Also the milliseconds from spawning to ready.
    pub(crate) fn start_timed(&self) -> Outcome<(Process, f64)> {
        let mut command = shell::program_at_root(&shell::binary(self.profile, "nictate"));
        command.arg("serve").arg("--data").arg(&self.data).args(["--listen", &self.address]);
        if let Some(url) = &self.database {
            command.args(["--database", url]);
        }
        command.env("NICTATE_BOOTSTRAP_API_KEY", API_KEY).env("NICTATE_BOOTSTRAP_WORKSPACE_ID", WORKSPACE_ID);
        command.envs(self.settings.iter().map(|(name, value)| (*name, value)));
        let stopwatch = Stopwatch::start();
        let process = Process::start(command)?;
        while stopwatch.elapsed() < READY_TIMEOUT {
            if self.client().get("/api/v1/api/readiness").is_ok_and(|response| response.status == 200) {
                let took_ms = stopwatch.elapsed_ms();
                return Ok((process, took_ms));
            }
            sleep(POLL_INTERVAL);
        }
        Err(Failure::new(format!("the server was not ready after {} s", READY_TIMEOUT.as_secs())))
    }

    /// Makes a connection with a sealed secret and answers the path that reads it.
    pub(crate) fn make_connection(&self) -> Outcome<String> {
        let kind = first_id(&success(CONNECTION_TYPE, self.client().get(CONNECTION_TYPE)?)?)?;
        let connections = format!("/api/v1/workspace/{WORKSPACE_ID}/connections");
        let connection = serde_json::json!({
            "name": "bench",
            "connection_type_id": kind,
            "attributes": {
                "base_url": {"value": "https://example.com"},
                "token": {"value": "one sealed attribute"},
            },
        });
        let made = self.client().post(&connections, &connection.to_string())?;
        Ok(format!("{connections}/{}", first_id(&success(&connections, made)?)?))
    }

    /// Makes a runner group of that name, and starts a runner of it on this machine, as a process of its own; answers when
    /// it has connected.
    pub(crate) fn start_runner(&self, group: &str) -> Outcome<Process> {
        let groups = format!("/api/v1/workspace/{WORKSPACE_ID}/runner_groups");
        let body = serde_json::json!({"name": group}).to_string();
        let made = success(&groups, self.client().post(&groups, &body)?)?;
        let made: serde_json::Value = serde_json::from_str(&made).context("read the new runner group")?;
        let token = made["runner_group_api_key"].as_str().unwrap_or_default();
        let mut command = shell::program_at_root(&shell::binary(Profile::Release, "nictate"));
        command
            .args(["runner", "--server", &self.url(""), "--group", group])
            .env("NICTATE_RUNNER_TOKEN", token);
        let runner = Process::start(command)?;
        let runners = format!("/api/v1/workspace/{WORKSPACE_ID}/runners");
        let waited = Stopwatch::start();
        while waited.elapsed() < READY_TIMEOUT {
            if self.client().get(&runners).is_ok_and(|answer| answer.body.contains("\"Connected\"")) {
                return Ok(runner);
            }
            sleep(POLL_INTERVAL);
        }
        Err(Failure::new(format!("the runner had not connected after {} s", READY_TIMEOUT.as_secs())))
    }

    pub(crate) fn client(&self) -> Client {
        Client { address: self.address.clone(), api_key: API_KEY.to_owned() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// Waits until something accepts connections at the address.
pub(crate) fn wait_until_listening(address: &str) -> Outcome {
    let waited = Stopwatch::start();
    while waited.elapsed() < READY_TIMEOUT {
        if TcpStream::connect(address).is_ok() {
            return Ok(());
        }
        sleep(POLL_INTERVAL);
    }
    Err(Failure::new(format!("nothing listens on `{address}` after {} s", READY_TIMEOUT.as_secs())))
}

/// The body of an answer, which has to be a success.
pub(crate) fn success(path: &str, response: Response) -> Outcome<String> {
    match response.status {
        200..=299 => Ok(response.body),
        status => Err(Failure::new(format!("`{path}` answered {status}: {}", response.body))),
    }
}

/// The id in an answer: of the object itself, or of the first of a list or a page.
pub(crate) fn first_id(body: &str) -> Outcome<String> {
    let answer: serde_json::Value = serde_json::from_str(body).context(format!("read `{body}` as JSON"))?;
    let list = answer.get("results").unwrap_or(&answer);
    let object = list.get(0).unwrap_or(list);
    let id = object.get("id").and_then(|id| id.as_str());
    id.map(str::to_owned).ok_or_else(|| Failure::new(format!("no id in `{body}`")))
}

fn parse_rss_mb(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_megabytes() {
        assert_eq!(parse_rss_mb("Name:\tx\nVmRSS:\t   50000 kB\nThreads:\t1\n"), Some(51.2));
        assert_eq!(parse_rss_mb("Name:\tx\n"), None);
    }

    #[test]
    fn the_id_is_found_in_an_object_an_array_and_a_page() {
        for body in [r#"{"id":"a"}"#, r#"[{"id":"a"}]"#, r#"{"total":1,"results":[{"id":"a"}]}"#] {
            assert_eq!(first_id(body).unwrap(), "a");
        }
        assert_eq!(first_id("{}").unwrap_err().to_string(), "no id in `{}`");
    }
}
