//! Section `sandbox`.

use std::path::PathBuf;

use actions::CodeSettings;
use sandbox::{Level, PackagesSettings};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Bytes of a mebibyte.
const MIB: u64 = 1024 * 1024;

/// How the embedded runner runs the code of steps. A runner elsewhere has flags of the same names.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sandbox {
    /// `full`: code steps are refused where the kernel forbids a required part of the sandbox. `reduced`: they run behind
    /// the parts that there are, at least system call filter, limits and Landlock. `off`: they are refused.
    pub mode: SandboxMode,
    /// The Python interpreter, with its path; empty: `python3` on `PATH`.
    #[schema(value_type = String)]
    pub python: PathBuf,
    /// Code steps that run at a time; more wait, and their time runs.
    pub concurrent: usize,
    /// MiB of memory that the code of one step may use.
    pub memory_mib: u64,
    /// Whether a step may let its code reach the Internet. Private networks are kept from it as from all requests.
    pub network: bool,
}

/// What is accepted where the kernel forbids a part of the sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SandboxMode {
    /// Nothing less than every required part.
    #[default]
    Full,
    /// Fewer walls.
    Reduced,
    /// No code at all.
    Off,
}

impl SandboxMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Full, Self::Reduced, Self::Off];

    /// As it is written in settings and flags.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Reduced => "reduced",
            Self::Off => "off",
        }
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self {
            mode: SandboxMode::Full,
            python: PathBuf::new(),
            concurrent: sandbox::CONCURRENT_DEFAULT,
            memory_mib: actions::CODE_MEMORY_BYTES_DEFAULT / MIB,
            network: true,
        }
    }
}

impl Sandbox {
    /// MiB that a program can be started with at least.
    pub const MEMORY_MIB_MIN: u64 = sandbox::Limits::LEAST.memory_bytes / MIB;
    /// MiB that a program may be given at most.
    pub const MEMORY_MIB_MAX: u64 = sandbox::Limits::MOST.memory_bytes / MIB;

    /// The Python interpreter, if one is named.
    pub fn interpreter(&self) -> Option<PathBuf> {
        Some(self.python.clone()).filter(|path| !path.as_os_str().is_empty())
    }

    /// What the runner's code host is made of, with its packages; none if there is to be none.
    pub fn code_settings(&self, packages: PackagesSettings) -> Option<CodeSettings> {
        let level = match self.mode {
            SandboxMode::Full => Level::Full,
            SandboxMode::Reduced => Level::Reduced,
            SandboxMode::Off => return None,
        };
        Some(CodeSettings {
            level,
            python: self.interpreter(),
            concurrent: self.concurrent,
            memory_bytes: self.memory_mib.saturating_mul(MIB),
            network: self.network,
            packages,
        })
    }
}
