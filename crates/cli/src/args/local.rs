//! Commands that need no server: `nictate run` and `nictate validate`.

use std::path::PathBuf;

use clap::Args;

use super::assignment::pair;
use super::{Assignment, DatabaseArgs};

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The workflow file
    pub(crate) file: PathBuf,
    /// One input: `name=value`, `name=@FILE` reads a file, `name:=JSON` is not text
    #[arg(long = "input", short, value_name = "NAME=VALUE", value_parser = Assignment::input)]
    pub(crate) inputs: Vec<Assignment>,
    /// A stored connection to use for a type, instead of the one that the file names
    #[arg(long = "connection", short, value_name = "TYPE=NAME", value_parser = pair)]
    pub(crate) connections: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    /// Seconds that the run may take; those of its waits do not count
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// The workflow files; `-` reads stdin
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// A connection type of the server's own that the files may use
    #[arg(long = "connection-type", value_name = "TYPE")]
    pub(crate) connection_types: Vec<String>,
}
