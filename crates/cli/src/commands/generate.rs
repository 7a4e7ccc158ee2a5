//! `nictate generate WHAT`: the files that `cargo xtask generate` keeps in step with the code.

mod cli_reference;

use crate::args::GenerateWhat;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::printer::Printer;

pub(crate) fn run(what: GenerateWhat, printer: &Printer) -> Outcome {
    match what {
        GenerateWhat::CliReference => printer.raw(&cli_reference::page()),
        _ => return Err(Failure::new(Exit::Failed, "not there yet")),
    }
    Ok(Exit::Ok)
}
