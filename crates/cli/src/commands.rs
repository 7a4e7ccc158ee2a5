//! One file per command. A command gets its arguments and the printer, and answers with an exit code it has
//! already explained, or with a `Failure` that `main` prints.

mod actions;
mod audit;
mod completions;
mod connection_types;
mod connections;
mod doctor;
mod eval;
mod executions;
mod generate;
mod keys;
mod migrate;
mod pull;
mod push;
mod run;
mod runner;
mod runners;
mod serve;
mod tables;
mod users;
mod validate;
mod workflows;

use std::future::Future;

use tokio::runtime::Builder;

use crate::args::Command;
use crate::exit::Exit;
use crate::failure::{Context as _, Outcome};
use crate::printer::Printer;

/// Runs one command.
pub(crate) fn run(command: Command, printer: &Printer) -> Outcome {
    match command {
        Command::Serve(args) => on_all_cores(serve::run(&args, printer)),
        Command::Migrate(args) => on_one_thread(migrate::run(&args, printer)),
        Command::Run(args) => on_all_cores(run::run(&args, printer)),
        Command::Validate(args) => validate::run(&args, printer),
        Command::Eval(args) => eval::run(&args, printer),
        Command::Connections(args) => on_one_thread(connections::run(&args, printer)),
        Command::ConnectionTypes(args) => on_one_thread(connection_types::run(&args, printer)),
        Command::Workflows(args) => on_one_thread(workflows::run(&args, printer)),
        Command::Pull(args) => on_one_thread(pull::run(&args, printer)),
        Command::Push(args) => on_one_thread(push::run(&args, printer)),
        Command::Actions(args) => on_one_thread(actions::run(&args, printer)),
        Command::Executions(args) => on_one_thread(executions::run(&args, printer)),
        Command::Runner(args) => on_all_cores(runner::run(&args, printer)),
        Command::RunnerGroups(args) => on_one_thread(runners::run_groups(&args, printer)),
        Command::Runners(args) => on_one_thread(runners::run(&args, printer)),
        Command::Tables(args) => on_one_thread(tables::run(&args, printer)),
        Command::Audit(args) => on_one_thread(audit::run(&args, printer)),
        Command::Users(args) => on_one_thread(users::run(&args, printer)),
        Command::Keys(args) => on_one_thread(keys::run(&args, printer)),
        Command::Doctor(args) => on_one_thread(doctor::run(&args, printer)),
        Command::Completions { shell } => completions::run(shell, printer),
        Command::Generate { what } => generate::run(what, printer),
    }
}

/// For commands that do one thing after the other.
fn on_one_thread(command: impl Future<Output = Outcome>) -> Outcome {
    wait_for(Builder::new_current_thread(), command)
}

/// For commands that run workflows.
fn on_all_cores(command: impl Future<Output = Outcome>) -> Outcome {
    wait_for(Builder::new_multi_thread(), command)
}

fn wait_for(mut builder: Builder, command: impl Future<Output = Outcome>) -> Outcome {
    let runtime = builder.enable_all().build();
    runtime.context(Exit::Failed, || "start the runtime".to_owned())?.block_on(command)
}
