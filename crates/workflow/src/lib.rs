//! A YAML document to a workflow, every diagnostic with its span, and the compiled plan.
//!
//! [`parse`] reads a document and says what is wrong with its form, [`check`] what it lacks to run with a
//! catalog of actions, [`compile`] does both and makes the [`plan::Plan`] that the engine walks. Values in, values out:
//! no files, no clock, no network.

mod bind;
mod call;
mod check;
mod code;
pub mod codes;
mod data;
mod diagnostic;
mod document;
mod file_name;
mod instant;
mod lower;
mod metadata;
mod near;
pub mod plan;
mod read;
mod scopes;
mod source;
mod yaml;

pub use bind::{InputError, bind_inputs};
pub use call::{subflow_flag, subflow_timeout};
pub use check::{ActionSignature, Catalog, Parameter, check};
pub use code::{CODE_INPUTS, CodeInput};
pub use data::{Data, read_data};
pub use diagnostic::{Diagnostic, Severity, Span};
pub use document::{
    AutomationType, Document, RECORD_CHANGE_TRIGGER, RecordTrigger, Trigger, TriggerCategory, UsedAction,
};
pub use file_name::file_name_problem;
pub use instant::instant;
pub use metadata::Metadata;
pub use plan::{InputDefinition, InputKind, Plan};

/// What was read of a document.
#[derive(Debug)]
pub struct Parsed {
    /// The workflow; none if the text is no YAML, beyond a limit, or nothing like a workflow. It may be there
    /// though there are errors, with what could be read.
    pub document: Option<Document>,
    /// Every problem, in the order of the document.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a document. Never panics, and does not stop at the first problem if it can go on.
pub fn parse(text: &str) -> Parsed {
    let (document, diagnostics) = read::read(text);
    Parsed { document, diagnostics }
}

/// Reads and checks a document. The plan is there if no diagnostic is an error.
pub fn compile(text: &str, catalog: &dyn Catalog) -> (Option<Plan>, Vec<Diagnostic>) {
    let Parsed { document, mut diagnostics } = parse(text);
    let Some(document) = document else { return (None, diagnostics) };
    diagnostics.extend(check(&document, catalog));
    diagnostic::sort(&mut diagnostics);
    let sound = diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error);
    (sound.then(|| lower::lower(document)), diagnostics)
}
