//! Workflow files as commands take them: read within the limit, compiled against the catalog of actions.

use std::io::Read as _;
use std::path::Path;

use actions::Catalog;
use actions::connection_types::Registry;
use server::ActionCatalog;
use types::limits::WORKFLOW_DOCUMENT_BYTES_MAX;
use workflow::{Diagnostic, Plan, Severity};

use crate::diagnostics;
use crate::exit::Exit;
use crate::failure::{Context as _, Failure, Outcome};
use crate::printer::{Printer, Target};

/// A workflow file that was read and compiled.
pub(crate) struct Checked {
    /// As the command line names it.
    pub(crate) file: String,
    pub(crate) text: String,
    /// There if no diagnostic is an error.
    pub(crate) plan: Option<Plan>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// The actions that ship, with the connection types that ship and `more_types`.
pub(crate) fn catalog(more_types: impl IntoIterator<Item = String>) -> ActionCatalog {
    let mut types: Vec<String> = Registry::builtin().iter().map(|kind| kind.name.clone()).collect();
    types.extend(more_types);
    ActionCatalog::new(&Catalog::builtin(), &types)
}

impl Checked {
    /// Reads and compiles; `-` is stdin.
    ///
    /// # Errors
    /// A file that cannot be read or holds no text.
    pub(crate) fn read(path: &Path, catalog: &ActionCatalog) -> Outcome<Self> {
        let file = if path == Path::new("-") { "<stdin>".to_owned() } else { path.display().to_string() };
        let text = read_text(path, &file)?;
        Ok(Self::of(file, text, catalog))
    }

    /// Compiles a text that was read.
    pub(crate) fn of(file: String, text: String, catalog: &ActionCatalog) -> Self {
        let (plan, diagnostics) = workflow::compile(&text, catalog);
        Self { file, text, plan, diagnostics }
    }

    /// How many errors and how many warnings.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let errors =
            self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
        (errors, self.diagnostics.len() - errors)
    }

    /// Shows all diagnostics.
    pub(crate) fn print(&self, printer: &Printer, target: Target) {
        for diagnostic in &self.diagnostics {
            printer.write(target, &diagnostics::render(printer, target, &self.file, &self.text, diagnostic));
        }
    }
}

fn read_text(path: &Path, file: &str) -> Outcome<String> {
    // One byte more than allowed, so that the compiler is the one to say that it is too much.
    let most = WORKFLOW_DOCUMENT_BYTES_MAX as u64 + 1;
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|opened| opened.take(most).read_to_end(&mut bytes))
    };
    let missing = read.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    let exit = if missing { Exit::NotFound } else { Exit::Invalid };
    read.context(exit, || format!("read the workflow file `{file}`"))?;
    if bytes.len() as u64 == most {
        // The cut may have gone through a character.
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::new(
            Exit::Invalid,
            format!("the workflow file `{file}` is no text in UTF-8: byte {at} is not valid"),
        )
    })
}
