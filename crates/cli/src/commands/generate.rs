//! `nictate generate WHAT`: the files that `cargo xtask generate` keeps in step with the code.

mod cli_reference;
mod functions;

use crate::args::GenerateWhat;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::printer::Printer;

pub(crate) fn run(what: GenerateWhat, printer: &Printer) -> Outcome {
    let text = match what {
        GenerateWhat::Openapi => server::openapi(),
        GenerateWhat::Openapi30 => server::openapi_3_0(),
        GenerateWhat::ConfigReference => server::config::reference(),
        GenerateWhat::CliReference => cli_reference::page(),
        GenerateWhat::Errors => server::error_reference(),
        GenerateWhat::Actions => server::action_reference(),
        GenerateWhat::Functions => functions::page(),
    };
    printer.raw(&text);
    Ok(Exit::Ok)
}
