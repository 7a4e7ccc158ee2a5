//! `cargo xtask serve`: the first command of the README. Builds the server and becomes it, on an embedded
//! SQLite database in ./data. Address, first API key and the example's outcome are printed by the server.

use std::os::unix::process::CommandExt;

use crate::failure::{Context, Outcome};
use crate::shell::{self, Profile, build_nictate};

/// The workflow that a first start runs once.
const EXAMPLE: &str = "examples/01-first-run.yaml";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Build with optimizations.
    #[arg(long)]
    release: bool,
    /// More options of `nictate serve`, such as `--listen 127.0.0.1:9000`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    more: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let nictate = build_nictate(if arguments.release { Profile::Release } else { Profile::Debug })?;
    // Becoming the server, not starting it: signals and the exit code are its own then.
    let error = shell::program_at_root(&nictate)
        .args(["serve", "--data", "data", "--example", EXAMPLE])
        .args(&arguments.more)
        .exec();
    Err(error).context(format!("start `{}`", nictate.display()))
}
