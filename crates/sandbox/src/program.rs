//! What is to be run, within which limits, and what came of it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::SandboxError;

/// Bytes of a program's code.
pub const CODE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of a program's context.
pub const CONTEXT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Input files of a program.
pub const FILES_MAX: usize = 64;
/// Bytes of all input files of a program.
pub const FILES_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of an input file's name.
const FILE_NAME_BYTES_MAX: usize = 200;

/// The languages a program can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// CPython, at least 3.9, of the machine.
    Python,
    /// `/bin/bash` of the machine.
    Bash,
    /// The engine within this crate; no Node.js and none of its modules.
    JavaScript,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Python, Self::Bash, Self::JavaScript];

    /// As it is written in settings, reports and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Bash => "bash",
            Self::JavaScript => "javascript",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A way out for a program, offered by who runs it. The sandbox itself has no route: its programs speak to a proxy on
/// their own loopback address, and what they ask for is dialled outside, through this.
pub trait Egress: Send + Sync {
    /// Connects to a host by name or address, or says why that is not allowed. Names are resolved and checked here.
    fn dial<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<tokio::net::TcpStream>>;
}

/// Whether a program reaches anything.
#[derive(Clone, Default)]
pub enum Network {
    /// An empty network namespace, no sockets but local ones.
    #[default]
    Closed,
    /// An HTTP proxy on the program's own loopback, for `http_proxy` and `https_proxy`, whose way out is given.
    Guarded(Arc<dyn Egress>),
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Closed => "Closed",
            Self::Guarded(_) => "Guarded",
        })
    }
}

/// What a program may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// From its start to its end; then it is killed.
    pub wall: Duration,
    /// Processor time of each of its processes, in whole seconds, rounded up.
    pub cpu: Duration,
    /// Memory of its own that all of its processes hold together, also the address space of each beyond what the
    /// interpreter has at its start.
    pub memory_bytes: u64,
    /// Processes and threads at the same time.
    pub processes: u32,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all of its files together; they are gone afterwards.
    pub tmp_bytes: u64,
    /// Bytes that it prints on both streams together; then it is killed.
    pub output_bytes: u64,
    /// Bytes of its result.
    pub result_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(60),
            cpu: Duration::from_secs(60),
            memory_bytes: 512 * 1024 * 1024,
            processes: 64,
            file_bytes: 64 * 1024 * 1024,
            tmp_bytes: 128 * 1024 * 1024,
            output_bytes: 4 * 1024 * 1024,
            result_bytes: 8 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// The least of each that a program can be started with.
    pub const LEAST: Self = Self {
        wall: Duration::from_millis(10),
        cpu: Duration::from_millis(10),
        memory_bytes: 16 * 1024 * 1024,
        processes: 1,
        file_bytes: 0,
        tmp_bytes: 64 * 1024,
        output_bytes: 0,
        result_bytes: 0,
    };
    /// The most of each that may be asked for.
    pub const MOST: Self = Self {
        wall: Duration::from_secs(24 * 60 * 60),
        cpu: Duration::from_secs(24 * 60 * 60),
        memory_bytes: 64 * 1024 * 1024 * 1024,
        processes: 4096,
        file_bytes: 64 * 1024 * 1024 * 1024,
        tmp_bytes: 64 * 1024 * 1024 * 1024,
        output_bytes: 1024 * 1024 * 1024,
        result_bytes: 1024 * 1024 * 1024,
    };

    fn check(&self) -> Result<(), SandboxError> {
        let (least, most) = (Self::LEAST, Self::MOST);
        let milliseconds = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let row = |name, of: fn(&Self) -> u64| (name, of(self), of(&least), of(&most));
        let rows = [
            ("wall_ms", milliseconds(self.wall), milliseconds(least.wall), milliseconds(most.wall)),
            ("cpu_ms", milliseconds(self.cpu), milliseconds(least.cpu), milliseconds(most.cpu)),
            row("memory_bytes", |limits| limits.memory_bytes),
            row("processes", |limits| limits.processes.into()),
            row("file_bytes", |limits| limits.file_bytes),
            row("tmp_bytes", |limits| limits.tmp_bytes),
            row("output_bytes", |limits| limits.output_bytes),
            row("result_bytes", |limits| limits.result_bytes),
        ];
        for (name, value, least, most) in rows {
            if value < least || value > most {
                return Err(SandboxError::invalid(format!(
                    "limit `{name}` is `{value}`, not between `{least}` and `{most}`"
                )));
            }
        }
        Ok(())
    }
}

/// A program to run once.
#[derive(Clone, Debug)]
pub struct Program {
    /// What it is written in.
    pub language: Language,
    /// The user's text; at most [`CODE_BYTES_MAX`].
    pub code: String,
    /// One JSON document that the prelude's `run` is given beside the code; at most [`CONTEXT_BYTES_MAX`]. Bash has no
    /// prelude and is not given it.
    pub context: Vec<u8>,
    /// A folder of Python packages, mounted read-only and first on `sys.path`.
    pub packages: Option<PathBuf>,
    /// Name and content of files that lie in the program's working folder when it starts. Names are relative, have
    /// neither `.` nor `..` as a part, and no folder is made twice.
    pub files: Vec<(String, Vec<u8>)>,
    /// Whether it reaches anything.
    pub network: Network,
    /// What it may use up.
    pub limits: Limits,
}

impl Program {
    /// A program with nothing but its code, within the usual limits.
    pub fn new(language: Language, code: impl Into<String>) -> Self {
        Self {
            language,
            code: code.into(),
            context: Vec::new(),
            packages: None,
            files: Vec::new(),
            network: Network::Closed,
            limits: Limits::default(),
        }
    }

    /// Refuses what is out of bounds, before anything is started. Running it does this first.
    pub fn check(&self) -> Result<(), SandboxError> {
        self.limits.check()?;
        let bytes = |what: &str, bytes: usize, most: usize| {
            if bytes > most {
                return Err(SandboxError::invalid(format!("{what}: `{bytes}` bytes, at most `{most}`")));
            }
            Ok(())
        };
        bytes("code", self.code.len(), CODE_BYTES_MAX)?;
        bytes("context", self.context.len(), CONTEXT_BYTES_MAX)?;
        if self.files.len() > FILES_MAX {
            let count = self.files.len();
            return Err(SandboxError::invalid(format!("`{count}` input files, at most `{FILES_MAX}`")));
        }
        bytes("input files", self.files.iter().map(|(_, content)| content.len()).sum(), FILES_BYTES_MAX)?;
        for (name, _) in &self.files {
            let part = |part: &str| !matches!(part, "" | "." | "..");
            let fine = name.len() <= FILE_NAME_BYTES_MAX && !name.contains('\0') && name.split('/').all(part);
            if !fine {
                return Err(SandboxError::invalid(format!("`{name}` is no name for an input file")));
            }
        }
        if let Some(packages) = self.packages.as_ref().filter(|packages| !packages.is_absolute()) {
            let path = packages.display();
            return Err(SandboxError::invalid(format!("the folder of packages `{path}` is not absolute")));
        }
        Ok(())
    }
}

/// Where a line was printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The prelude's `run` returned; what it returned is the result.
    Returned,
    /// The code raised (Python) or threw (JavaScript).
    Raised {
        /// One line: kind and message.
        message: String,
        /// Where in the user's code, as the language prints it.
        traceback: String,
    },
    /// It exited by itself. All that bash does; `sys.exit` in Python.
    Exited {
        /// 0 to 255.
        code: i32,
    },
    /// A signal ended it.
    Signaled {
        /// Its number.
        signal: i32,
    },
    /// It was killed when its time was over.
    TimedOut {
        /// The time it had.
        limit: Duration,
    },
    /// It was killed when it had used its processor time.
    OutOfCpu {
        /// The time it had.
        limit: Duration,
    },
    /// It asked for more memory than it may have.
    OutOfMemory {
        /// What it may have.
        limit_bytes: u64,
    },
    /// It was killed because it printed too much; what it printed until then is kept.
    TooMuchOutput {
        /// What it may print.
        limit_bytes: u64,
    },
    /// Its result is larger than it may be and was dropped.
    ResultTooLarge {
        /// What it may return.
        limit_bytes: u64,
    },
    /// Who runs it wanted it no longer.
    Cancelled,
}

/// What came of a program.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it ended.
    pub end: End,
    /// What it printed; within the limit for output.
    pub stdout: Vec<u8>,
    /// What it printed as errors; within the limit for output, which both share.
    pub stderr: Vec<u8>,
    /// What the prelude's `run` returned.
    pub result: Option<Vec<u8>>,
    /// From the call until the program's process had its code.
    pub started_in: Duration,
    /// From there until its end.
    pub ran_for: Duration,
}
