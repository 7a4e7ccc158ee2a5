//! The sandbox of a runner, as its actions use it: started once, in its own time, under what the operator decided.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use sandbox::{CONCURRENT_DEFAULT, Environment, HostCommand, Language, Level, Lock, Packages, PackagesError};
use sandbox::{PackagesSettings, Sandbox, SandboxSettings};
use tokio::sync::OnceCell;
use types::Requirement;

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
    /// Where Python packages come from and are kept.
    pub packages: PackagesSettings,
}

impl CodeSettings {
    /// The usual ones.
    pub fn new(packages: PackagesSettings) -> Self {
        Self {
            level: Level::Full,
            python: None,
            concurrent: CONCURRENT_DEFAULT,
            memory_bytes: CODE_MEMORY_BYTES_DEFAULT,
            network: true,
            packages,
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
    packages: OnceCell<Packages>,
}

impl CodeHost {
    /// A sandbox whose host process is started by `host`. Nothing is started until it is asked for.
    pub fn new(settings: CodeSettings, host: HostCommand) -> Self {
        Self { on: Some(On { settings, host, sandbox: OnceCell::new(), packages: OnceCell::new() }) }
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
        let on = self.on()?;
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

    fn on(&self) -> Result<&On, ActionError> {
        self.on.as_ref().ok_or_else(|| {
            let message = "this runner runs no code: its operator has switched the sandbox off";
            ActionError::new(ErrorCode::SandboxUnavailable, message)
        })
    }

    /// Exact versions for what code requires, as the text of a lock.
    ///
    /// # Errors
    /// `packages_unavailable` if there are none, `sandbox_unavailable` if no code is run.
    pub async fn lock(&self, requirements: &[Requirement]) -> Result<String, ActionError> {
        let (packages, python) = self.packages().await?;
        packages.lock(requirements, python).await.map(|lock| lock.to_string()).map_err(unavailable)
    }

    /// The packages of a lock, installed if they are not yet; held for as long as a program uses them.
    ///
    /// # Errors
    /// As of [`Self::lock`].
    pub async fn environment(&self, lock: &str) -> Result<Environment, ActionError> {
        let (packages, python) = self.packages().await?;
        let lock: Lock = lock.parse().map_err(unavailable)?;
        packages.install(&lock, python).await.map_err(unavailable)
    }

    async fn packages(&self) -> Result<(&Packages, &Path), ActionError> {
        let on = self.on()?;
        let python = self.sandbox().await?.python_executable().ok_or_else(|| {
            ActionError::new(ErrorCode::SandboxUnavailable, "there is no Python to have packages for")
        })?;
        let open = || async { Packages::new(on.settings.packages.clone()) };
        Ok((on.packages.get_or_try_init(open).await.map_err(unavailable)?, python))
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

fn unavailable(error: PackagesError) -> ActionError {
    let retryable = error.is_retryable();
    ActionError { retryable, ..ActionError::new(ErrorCode::PackagesUnavailable, error.to_string()) }
}
