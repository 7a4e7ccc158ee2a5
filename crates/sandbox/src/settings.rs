//! What an owner decides about its sandbox.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::{Language, Part};

/// Programs at the same time, if the settings do not say.
pub const CONCURRENT_DEFAULT: usize = 32;
/// Cells per language that are prepared ahead, if the settings do not say.
pub const PREPARED_DEFAULT: usize = 2;

/// How the host process is started: a program whose `main` becomes the host when it is given these arguments.
#[derive(Clone, Debug)]
pub struct HostCommand {
    /// The program; usually this one again.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// What is accepted where the kernel forbids a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Nothing less than every required part: programs are refused.
    #[default]
    Full,
    /// Programs run behind the parts that there are. Only the operator can say so.
    Reduced,
}

/// What an owner decides about its sandbox.
#[derive(Clone, Debug)]
pub struct SandboxSettings {
    /// How the host process is started.
    pub host: HostCommand,
    /// The Python interpreter; `None` looks for `python3` on `PATH`.
    pub python: Option<PathBuf>,
    /// Text that is loaded once when a language warms up. For Python it defines `run(code: str, context: bytes) ->
    /// bytes`, for JavaScript `run(code, context) -> string`; what it returns is the result. Without one, a small
    /// prelude binds `context` and returns what the code leaves in `result`. Bash has none.
    pub preludes: HashMap<Language, String>,
    /// What is accepted where the kernel forbids a part.
    pub level: Level,
    /// Programs at the same time; others wait their turn.
    pub concurrent: usize,
    /// Cells per language that are prepared ahead once the language has been used. Each is used once.
    pub prepared: usize,
    /// Parts that are not used although the kernel has them, to see that the others hold by themselves. Only those
    /// that are not required can be left out.
    pub without: Vec<Part>,
}

impl SandboxSettings {
    /// The usual ones.
    pub fn new(host: HostCommand) -> Self {
        Self {
            host,
            python: None,
            preludes: HashMap::new(),
            level: Level::Full,
            concurrent: CONCURRENT_DEFAULT,
            prepared: PREPARED_DEFAULT,
            without: Vec::new(),
        }
    }
}
