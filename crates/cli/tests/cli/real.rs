//! A server that really runs, for the tests that need more than answers made up.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::support::{Ran, nictate, run_with_input};

/// A server on a free port; killed with its guard.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    pub(crate) url: String,
    pub(crate) first_start: Value,
    pub(crate) key: String,
}

impl Server {
    pub(crate) fn start(folder: &Path, more: &[&str]) -> Self {
        Self::start_with(folder, more, &[])
    }

    /// With these settings in its environment.
    pub(crate) fn start_with(folder: &Path, more: &[&str], settings: &[(String, String)]) -> Self {
        let log = folder.join("server.log");
        let mut command = nictate(&["serve", "--listen", "127.0.0.1:0", "--json"]);
        command.arg("--data").arg(folder.join("data")).args(more).envs(settings.iter().cloned());
        command.stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let mut document = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            document += &line.unwrap();
            if serde_json::from_str::<Value>(&document).is_ok() {
                break;
            }
        }
        let announced: Value = serde_json::from_str(&document)
            .unwrap_or_else(|_| panic!("no start: {}", fs::read_to_string(&log).unwrap()));
        let first_start = announced["first_start"].clone();
        let key = first_start["api_key"].as_str().unwrap_or_default().to_owned();
        Self { child, log, url: announced["url"].as_str().unwrap().to_owned(), first_start, key }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = nictate(arguments);
        command.env("NICTATE_URL", &self.url).env("NICTATE_API_KEY", &self.key);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        run_with_input(self.command(arguments), "")
    }

    /// Waits until the example's run is over: the log says so.
    pub(crate) fn wait_for_example(&self) {
        for _ in 0..200 {
            if fs::read_to_string(&self.log).unwrap().contains("Completed") {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("no example within 10 s: {}", fs::read_to_string(&self.log).unwrap());
    }

    /// Asks it to stop, as a service manager does; answers its exit code and its log.
    pub(crate) fn stop(mut self) -> (Option<i32>, String) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        let code = self.child.wait().unwrap().code();
        (code, fs::read_to_string(&self.log).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server's data folder in the folder of the test.
pub(crate) fn data(folder: &Path) -> String {
    folder.join("data").to_str().unwrap().to_owned()
}
