//! The binary `nictate`: reads the command line, runs one command, turns its outcome into an exit code.
//! Words stand in `args/`, what they do in `commands/`, how it looks in `printer.rs`.

mod args;
mod client;
mod code_host;
mod commands;
mod diagnostics;
mod documents;
mod exit;
mod failure;
mod inputs;
mod printer;
mod settings;
mod signals;
mod steps;
mod sync;
mod table;
mod text;
mod watch;

use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory as _, FromArgMatches as _};

use crate::args::Cli;
use crate::exit::Exit;
use crate::printer::Printer;

// Many small, short-lived allocations from several threads: what the system's allocator is worst at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Not a command: this process was started by a runner, to run code steps in. It must not have threads yet.
    if sandbox::is_host() {
        sandbox::host_main();
    }
    let cli = match parse() {
        Ok(cli) => cli,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Ok };
            // Nobody is there to tell that nobody reads the help.
            let _ = error.print();
            return exit.into();
        }
    };
    let printer = Printer::new(cli.global.json, cli.global.color);
    let exit = commands::run(cli.command, &printer).unwrap_or_else(|failure| {
        printer.failure(&failure);
        failure.exit
    });
    exit.into()
}

fn parse() -> Result<Cli, clap::Error> {
    let arguments: Vec<_> = std::env::args_os().collect();
    let matches = Cli::command().color(help_color(&arguments)).try_get_matches_from(arguments)?;
    Cli::from_arg_matches(&matches)
}

/// Help and usage errors are printed while the command line is being read, so `--color` is looked up first.
fn help_color(arguments: &[std::ffi::OsString]) -> ColorChoice {
    let mut choice = ColorChoice::Auto;
    for (index, argument) in arguments.iter().enumerate() {
        let next = arguments.get(index + 1).and_then(|next| next.to_str());
        let value = match argument.to_str() {
            Some("--") => break,
            Some("--color") => next,
            Some(argument) => argument.strip_prefix("--color="),
            None => None,
        };
        choice = match value {
            Some("always") => ColorChoice::Always,
            Some("never") => ColorChoice::Never,
            _ => choice,
        };
    }
    choice
}
