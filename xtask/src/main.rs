//! The developers' commands: `cargo xtask serve|test|simulate|crashtest|fuzz|generate|tidy|bench`. One file per command.
//! This crate builds and drives the product from outside, so it depends on no crate of it.

// A command line tool for people at a terminal: its output is its answer.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[cfg(feature = "bare-handler")]
mod bare_handler;
mod bench;
mod crashtest;
mod failure;
mod fuzz;
mod generate;
mod http;
mod packages;
mod pip;
mod postgres;
mod process;
mod scratch;
mod serve;
mod shell;
mod simulate;
mod stopwatch;
mod test;
mod tidy;
mod uv;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The developers' commands of Nictate", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build and start the server on ./data, and run the example workflow once.
    Serve(serve::Arguments),
    /// Check everything: format, house rules, lints, tests on both databases, the browser.
    Test(test::Arguments),
    /// Run the engine's simulation over many seeds, or over one that failed.
    Simulate(simulate::Arguments),
    /// Kill the real server under load, again and again, and see whether it keeps its promises.
    Crashtest(crashtest::Arguments),
    /// Call every operation of a scratch server with what its own description allows and forbids.
    Fuzz,
    /// Write the files that are made from the code.
    Generate(generate::Arguments),
    /// Check the house rules that no compiler knows.
    Tidy,
    /// Measure this machine: requests a second, start, memory, disk.
    Bench(bench::Arguments),
    /// Answer every request with the bytes of a file: what `bench` compares with.
    #[cfg(feature = "bare-handler")]
    #[command(hide = true)]
    BareHandler(bare_handler::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Crashtest(arguments) => crashtest::run(&arguments),
        Command::Fuzz => fuzz::run(),
        Command::Generate(arguments) => generate::run(&arguments),
        Command::Tidy => tidy::run(),
        Command::Bench(arguments) => bench::run(&arguments),
        #[cfg(feature = "bare-handler")]
        Command::BareHandler(arguments) => bare_handler::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
