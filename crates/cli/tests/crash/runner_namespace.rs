//! A server and its runner in a network namespace of their own, whose network is really cut: the kernel drops what
//! they send each other. Nothing is lost, and nothing is done twice that need not be.
//!
//! Where the kernel gives no namespaces this says so and passes; `runner_network` cuts a proxy between them everywhere.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

const LISTEN: &str = "127.0.0.1:8700";
const RUNS: usize = 12;
/// Sets the namespace's loopback interface up (`1`) or down (`0`): `SIOCSIFFLAGS`.
const SET_LOOPBACK: &str = "import fcntl, socket, struct, sys
with socket.socket() as socket:
    fcntl.ioctl(socket, 0x8914, struct.pack('16sh14x', b'lo', int(sys.argv[1])))";

/// A network namespace with nothing but its own loopback interface.
struct Namespace(Child);

impl Namespace {
    /// None where the kernel gives none.
    fn make() -> Option<Self> {
        let mut keeper = Command::new("unshare");
        keeper.args(["--user", "--map-root-user", "--net", "sleep", "600"]);
        let keeper = keeper.stdin(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let namespace = Self(keeper);
        // The namespaces are there a moment after the process is.
        (0..40)
            .any(|_| {
                sleep(Duration::from_millis(50));
                namespace.set_network(true)
            })
            .then_some(namespace)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.0.id())).args(["--user", "--net", "--preserve-credentials"]);
        command.arg(program).stdin(Stdio::null());
        command
    }

    fn set_network(&self, up: bool) -> bool {
        let mut python = self.command("python3");
        python.args(["-c", SET_LOOPBACK, if up { "1" } else { "0" }]);
        python.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What runs within the namespace, killed with its guard.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Site {
    namespace: Namespace,
    key: String,
    _server: Running,
}

impl Site {
    fn start(namespace: Namespace, folder: &Path) -> Self {
        let mut server = namespace.command(env!("CARGO_BIN_EXE_nictate"));
        server.args(["serve", "--json", "--listen", LISTEN, "--data"]).arg(folder.join("data"));
        let mut server = Running(server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
        let mut document = String::new();
        for line in BufReader::new(server.0.stdout.take().unwrap()).lines() {
            document += &line.unwrap();
            if let Ok(started) = serde_json::from_str::<Value>(&document) {
                let key = started["first_start"]["api_key"].as_str().unwrap().to_owned();
                return Self { namespace, key, _server: server };
            }
        }
        panic!("the server did not start: {document}");
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.namespace.command(env!("CARGO_BIN_EXE_nictate"));
        command
            .args(arguments)
            .env("NICTATE_URL", format!("http://{LISTEN}"))
            .env("NICTATE_API_KEY", &self.key);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    fn text(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.run(arguments).stdout).unwrap().trim().to_owned()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_slice(&self.run(arguments).stdout).unwrap()
    }

    /// The run once it has ended.
    fn ended(&self, id: &str) -> Value {
        for _ in 0..600 {
            let run = self.json(&["executions", "get", id, "--json"]);
            if run["state_ui"] == "Completed" || run["state_ui"] == "Failed" {
                return run;
            }
            sleep(Duration::from_millis(100));
        }
        panic!("run {id} does not end");
    }
}

/// Starts runs whose step takes a second, cuts the network for so long, and answers the attempts of each.
fn attempts_with_a_cut(site: &Site, cut: Duration) -> Vec<i64> {
    let start = || {
        site.json(&["workflows", "execute", "slow", "--json"])["execution_id"].as_str().unwrap().to_owned()
    };
    let runs: Vec<String> = (0..RUNS).map(|_| start()).collect();
    assert!(site.namespace.set_network(false));
    sleep(cut);
    assert!(site.namespace.set_network(true));
    let attempts = |id: &String| {
        let run = site.ended(id);
        assert_eq!(run["state_ui"], "Completed", "{run:#}");
        let steps = site.json(&["executions", "logs", id, "--json"]);
        let step = &steps["results"][0];
        assert_eq!(step["output_data"], "done", "{step:#}");
        step["execution_count"].as_i64().unwrap()
    };
    runs.iter().map(attempts).collect()
}

#[test]
fn a_network_that_is_really_cut_loses_nothing() {
    let Some(namespace) = Namespace::make() else {
        println!("skipped: the kernel gives no network namespace here");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start(namespace, folder.path());
    let token = site.text(&["runner-groups", "create", "far", "--default"]);
    let mut runner = site.namespace.command(env!("CARGO_BIN_EXE_nictate"));
    runner.args(["runner", "--capacity", "4", "--server"]).arg(format!("http://{LISTEN}"));
    runner.env("NICTATE_RUNNER_TOKEN", token).stdout(Stdio::null()).stderr(Stdio::null());
    let _runner = Running(runner.spawn().unwrap());
    let step = json!({"id": "S1", "action": "core.bash", "inputs": {"code": "sleep 1; echo done"}});
    let document = json!({"name": "slow", "workflow": [{"section": "Steps", "steps": [step]}]});
    let path = folder.path().join("slow.json");
    std::fs::write(&path, document.to_string()).unwrap();
    site.run(&["workflows", "apply", path.to_str().unwrap()]);

    // Shorter than three heartbeats of 2 s: what was under way is delivered late.
    assert_eq!(attempts_with_a_cut(&site, Duration::from_secs(2)), [1; RUNS]);
    // Longer: the runner counts as lost, and what it had begun is begun again.
    let attempts = attempts_with_a_cut(&site, Duration::from_secs(9));
    assert!(attempts.iter().all(|attempts| (1..=3).contains(attempts)), "{attempts:?}");
}
