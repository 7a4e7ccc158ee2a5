//! The sandbox of a runner, as its actions use it: started once, in its own time, under what the operator decided.

use std::collections::HashMap;
use std::path::PathBuf;

use sandbox::{CONCURRENT_DEFAULT, HostCommand, Language, Level, Sandbox, SandboxSettings};
use tokio::sync::OnceCell;

use crate::{ActionError, ErrorCode};

/// Bytes of memory that a step's code may use if the operator does not say.
pub const CODE_MEMORY_BYTES_DEFAULT: u64 = 512 * 1024 * 1024;

const PYTHON_PRELUDE: &str = include_str!("prelude.py");
const JAVASCRIPT_PRELUDE: &str = include_str!("prelude.js");

/// What the operator of a runner decides about code steps.
#[derive(Clone, Debug)]
pub struct CodeSettings {
    /// What is accepted where the kernel forbids a part of the sandbox.
    pub level: Level,
    /// The Python interpreter; `None` looks for `python3` on `PATH`.
    pub python: Option<PathBuf>,
    /// Programs at the same time; others wait their turn.
    pub concurrent: usize,
    /// Bytes of memory that one program may use.
    pub memory_bytes: u64,
    /// Whether a step may open the network for its code.
    pub network: bool,
}

impl Default for CodeSettings {
    fn default() -> Self {
        Self {
            level: Level::Full,
            python: None,
            concurrent: CONCURRENT_DEFAULT,
            memory_bytes: CODE_MEMORY_BYTES_DEFAULT,
            network: true,
        }
    }
}

/// Where a runner runs the code of steps.
pub struct CodeHost {
    on: Option<On>,
}

struct On {
    settings: CodeSettings,
    host: HostCommand,
    sandbox: OnceCell<Sandbox>,
}

impl CodeHost {
    /// A sandbox whose host process is started by `host`. Nothing is started until it is asked for.
    pub fn new(settings: CodeSettings, host: HostCommand) -> Self {
        Self { on: Some(On { settings, host, sandbox: OnceCell::new() }) }
    }

    /// Refuses every program.
    pub fn off() -> Self {
        Self { on: None }
    }

    /// The sandbox, started if it is not yet.
    ///
    /// # Errors
    /// `sandbox_unavailable` if there is to be none, or it does not start.
    pub async fn sandbox(&self) -> Result<&Sandbox, ActionError> {
        let Some(on) = &self.on else {
            let message = "this runner runs no code: its operator has switched the sandbox off";
            return Err(ActionError::new(ErrorCode::SandboxUnavailable, message));
        };
        let start = || async {
            let CodeSettings { level, python, concurrent, .. } = on.settings.clone();
            let preludes = [(Language::Python, PYTHON_PRELUDE), (Language::JavaScript, JAVASCRIPT_PRELUDE)];
            let preludes: HashMap<_, _> =
                preludes.into_iter().map(|(language, text)| (language, text.to_owned())).collect();
            let settings = SandboxSettings::new(on.host.clone());
            Sandbox::start(SandboxSettings { python, preludes, level, concurrent, ..settings }).await
        };
        on.sandbox
            .get_or_try_init(start)
            .await
            .map_err(|error| ActionError::transient(ErrorCode::SandboxUnavailable, error.to_string()))
    }

    /// Starts the sandbox and says in one line of the log what the kernel allows and whether code is run.
    pub async fn announce(&self) {
        let Some(on) = &self.on else { return tracing::info!("code steps are refused: the sandbox is off") };
        let sandbox = match self.sandbox().await {
            Ok(sandbox) => sandbox,
            Err(error) => {
                return tracing::error!(%error, "code steps are refused: the sandbox does not start");
            }
        };
        let report = sandbox.report();
        let python = match sandbox.python() {
            Ok(version) => version.to_owned(),
            Err(why) => format!("none, {why}"),
        };
        if report.is_full() {
            tracing::info!(sandbox = %report, python, "code steps run in a sandbox");
        } else if on.settings.level == Level::Reduced && report.allows_reduced() {
            tracing::warn!(sandbox = %report, python, "code steps run in a reduced sandbox, as the operator accepts");
        } else {
            tracing::warn!(sandbox = %report, "code steps are refused: the kernel forbids a part of the sandbox");
        }
    }

    pub(super) fn allows_network(&self) -> bool {
        self.on.as_ref().is_some_and(|on| on.settings.network)
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.on.as_ref().map_or(CODE_MEMORY_BYTES_DEFAULT, |on| on.settings.memory_bytes)
    }
}
