//! What an interpreter is, as far as packages are made for one: asked of itself, in isolation.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::process::Command;
use tokio::time::timeout;

use super::{Lock, PackagesError};

const ASK_TIMEOUT: Duration = Duration::from_secs(20);
const ASK: &str = "import json, sys, sysconfig
abi = sysconfig.get_config_var('SOABI') or sys.implementation.cache_tag
print(json.dumps({'version': list(sys.version_info[:3]), 'abi': abi, 'platform': sysconfig.get_platform()}))";

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Interpreter {
    pub(super) version: (u32, u32, u32),
    abi: String,
    platform: String,
}

impl Interpreter {
    pub(super) async fn ask(python: &Path) -> Result<Self, String> {
        let shown = python.display();
        let mut command = Command::new(python);
        command.args(["-I", "-S", "-c", ASK]).env_clear().current_dir("/").kill_on_drop(true);
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let output = timeout(ASK_TIMEOUT, command.output()).await;
        let output = output.map_err(|_| format!("`{shown}` does not answer"))?;
        let output = output.map_err(|error| format!("`{shown}` does not start: {error}"))?;
        serde_json::from_slice(&output.stdout)
            .map_err(|_| format!("`{shown}` does not say which Python it is; {}", output.status))
    }

    /// Its minor version, `3.11`.
    pub(super) fn minor(&self) -> String {
        let (major, minor, _) = self.version;
        format!("{major}.{minor}")
    }

    /// Refuses a lock that is for newer ones.
    pub(super) fn fits(&self, lock: &Lock) -> Result<(), PackagesError> {
        let (major, minor, patch) = self.version;
        let (wanted_major, wanted_minor) = lock.python();
        if (major, minor) >= (wanted_major, wanted_minor) {
            return Ok(());
        }
        Err(PackagesError::Interpreter(format!(
            "the packages were resolved for Python `{wanted_major}.{wanted_minor}` and newer, this one is `{major}.{minor}.{patch}`"
        )))
    }

    /// The name of the environment of a lock for this interpreter.
    pub(super) fn key(&self, lock: &Lock) -> String {
        let Self { version: (major, minor, patch), abi, platform } = self;
        let text = format!("environment 1\n{major}.{minor}.{patch}\n{abi}\n{platform}\n{lock}");
        Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
