//! One file per command. A command gets its arguments and the printer, and answers with an exit code it has
//! already explained, or with a `Failure` that `main` prints.

mod completions;
mod connection_types;
mod connections;
mod executions;
mod generate;
mod validate;
mod workflows;

use std::future::Future;

use crate::args::Command;
use crate::exit::Exit;
use crate::failure::{Context as _, Failure, Outcome};
use crate::printer::Printer;

/// Runs one command.
pub(crate) fn run(command: Command, printer: &Printer) -> Outcome {
    match command {
        Command::Validate(args) => validate::run(&args, printer),
        Command::Connections(args) => wait_for(connections::run(&args, printer)),
        Command::ConnectionTypes(args) => wait_for(connection_types::run(&args, printer)),
        Command::Workflows(args) => wait_for(workflows::run(&args, printer)),
        Command::Executions(args) => wait_for(executions::run(&args, printer)),
        Command::Completions { shell } => completions::run(shell, printer),
        Command::Generate { what } => generate::run(what, printer),
        _ => Err(Failure::new(Exit::Failed, "not there yet")),
    }
}

/// Runs a client's command: one thread is enough for one request after the other.
fn wait_for(command: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context(Exit::Failed, || "start the runtime".to_owned())?.block_on(command)
}
