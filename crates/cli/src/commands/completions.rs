//! `nictate completions SHELL`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Cli;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::printer::Printer;

pub(crate) fn run(shell: Shell, printer: &Printer) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "nictate", &mut script);
    printer.raw(&String::from_utf8_lossy(&script));
    Ok(Exit::Ok)
}
