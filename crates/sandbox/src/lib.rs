//! Runs the code of a step where it can do no harm: namespaces of its own, a read-only root, no network, no
//! privileges, bounded memory, time, processes, files and output. The runner owns one [`Sandbox`]; what the code's
//! `context` is and what becomes of its result is decided by who calls, not here.
//!
//! The runner's process starts a host process, which keeps a warm interpreter per language and forks it for each
//! program. Linux only, without privileges beyond user namespaces.

mod attempt;
mod egress;
mod error;
mod host;
mod link;
mod output;
pub mod packages;
mod payload;
mod program;
mod python;
mod report;
mod sandbox;
mod settings;
mod wire;

pub use egress::CONNECTIONS_MAX;
pub use error::SandboxError;
pub use host::{HOST_ARGUMENT, host_main, is_host};
pub use output::LINE_BYTES_MAX;
pub use packages::{Environment, Hidden, Lock, Packages, PackagesError, PackagesSettings};
pub use program::{
    CODE_BYTES_MAX, CONTEXT_BYTES_MAX, Egress, End, FILES_BYTES_MAX, FILES_MAX, Finished, Language, Limits,
    Network, Program, Stream,
};
pub use python::find_python;
pub use report::{Part, PartState, Report};
pub use sandbox::Sandbox;
pub use settings::{CONCURRENT_DEFAULT, HostCommand, Level, PREPARED_DEFAULT, SandboxSettings};
