//! The remote runner under test: the real binary, and a way to its server that can be cut.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::proxy::Proxy;
use super::server::Api;

/// Signs of life in milliseconds: a runner counts as gone after three.
pub(crate) const HEARTBEAT_MS: &str = "300";
/// The settings of a server whose runners are missed soon.
pub(crate) const SETTINGS: &[(&str, &str)] = &[("NICTATE_SERVER_RUNNER_HEARTBEAT_MS", HEARTBEAT_MS)];
/// For anything to come about.
const PATIENCE: Duration = Duration::from_secs(30);

/// A runner; killed with its guard.
pub(crate) struct Remote {
    child: Child,
    log: PathBuf,
}

impl Remote {
    /// Starts one for the server at `url`.
    pub(crate) fn start(folder: &Path, url: &str, token: &str, more: &[&str]) -> Self {
        let log = folder.join("runner.log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_nictate"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("NICTATE_") {
                command.env_remove(name);
            }
        }
        command.args(["runner", "--server", url]).args(more).env("NICTATE_RUNNER_TOKEN", token);
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn().unwrap();
        Self { child, log }
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal, by its name without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        let words = [&format!("-{name}"), &self.child.id().to_string()];
        assert!(Command::new("kill").args(words).status().unwrap().success());
    }

    /// Waits for it to end by itself; its exit code.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(began.elapsed() < PATIENCE, "the runner goes on: {}", self.said());
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until it has said that.
    pub(crate) async fn says(&self, text: &str) {
        let began = Instant::now();
        while !self.said().contains(text) {
            assert!(began.elapsed() < PATIENCE, "no `{text}`: {}", self.said());
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Everything that it has said.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A way to the server that can be cut, and its address.
pub(crate) fn way_to(api: &Api) -> (Proxy, String) {
    let proxy = Proxy::start(&format!("postgres://{}/x", api.url.trim_start_matches("http://")));
    let near = proxy.url.trim_start_matches("postgres://").split('/').next().unwrap();
    let url = format!("http://{near}");
    (proxy, url)
}

/// Makes a runner group; its token.
pub(crate) async fn make_group(api: &Api, name: &str) -> (String, String) {
    let made = api.post("/runner_groups", &json!({"name": name})).await;
    let text = |member: &str| made[member].as_str().unwrap().to_owned();
    (text("id"), text("runner_group_api_key"))
}

/// Waits until so many runners are connected.
pub(crate) async fn connected(api: &Api, count: usize) {
    let began = Instant::now();
    loop {
        let page = api.get("/runners").await;
        let rows = page["results"].as_array().unwrap();
        if rows.iter().filter(|row| row["status"] == "Connected").count() == count {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{page:#}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// A workflow of one step for the group `dmz`.
pub(crate) fn one_step(name: &str, method: &str) -> String {
    format!(
        "name: {name}\nrunner: dmz\ninputs: {{tool: {{type: text}}, tag: {{type: text}}}}\nworkflow:\n  - section: Steps\n    steps:\n      \
         - id: S1\n        action: http.requestV2\n        inputs: {{method: {method}, url: '{{{{ inputs.tool }}}}/{{{{ inputs.tag }}}}/{name}'}}\n\
         outputs:\n  said: {{value: '{{{{ steps.S1.output.said }}}}'}}\n"
    )
}

/// Starts a run.
pub(crate) async fn execute(api: &Api, workflow: &str, tool: &str, tag: &str) -> String {
    let (status, _, answer) = api.execute(workflow, tool, tag).await;
    assert_eq!(status, 200, "{answer}");
    answer["execution_id"].as_str().unwrap().to_owned()
}

/// The run, once it is in one of those states.
pub(crate) async fn in_state(api: &Api, run: &str, states: &[&str]) -> Value {
    let began = Instant::now();
    loop {
        let full = api.get(&format!("/executions/{run}")).await;
        if states.contains(&full["state"].as_str().unwrap()) {
            return full;
        }
        assert!(began.elapsed() < PATIENCE, "{full:#}");
        sleep(Duration::from_millis(20)).await;
    }
}
