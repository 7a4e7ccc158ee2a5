//! From the tree of YAML to a [`Document`]: one file for each part, everything noted, nothing given up.
//!
//! Knows no catalog: what depends on it is `check`'s.

mod concurrency;
mod cron;
mod expressions;
mod flow;
mod gotos;
mod inputs;
mod legacy;
mod outline;
mod outputs;
mod record_triggers;
mod requirements;
mod retry;
mod settings;
mod steps;
mod top;
mod triggers;
mod values;

use std::collections::HashSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use types::Requirement;
use types::limits::WORKFLOW_DOCUMENT_BYTES_MAX;

use expressions::Written;
pub(crate) use flow::FLOW_ACTIONS;
pub(crate) use gotos::Goto;
use outline::{Outline, Place, Use};

use crate::codes;
use crate::diagnostic::{Diagnostic, Problems};
use crate::document::Document;
use crate::near::{closest, normal};
use crate::source::{Extent, Source};
use crate::yaml::{self, Entry, Node};

/// Reads a document. `None` if there is nothing that could be called a workflow.
pub(crate) fn read(text: &str) -> (Option<Document>, Vec<Diagnostic>) {
    if text.len() > WORKFLOW_DOCUMENT_BYTES_MAX {
        let source = Source::new("");
        let mut problems = Problems::new(&source);
        let message =
            format!("the document has {} bytes, more than {WORKFLOW_DOCUMENT_BYTES_MAX}", text.len());
        problems.error(codes::DOCUMENT_TOO_LARGE, Extent::default(), message);
        return (None, problems.finish());
    }
    let source = Source::new(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut problems = Problems::new(&source);
    let Some(root) = yaml::load(&source, &mut problems) else {
        if problems.is_empty() {
            problems.error(codes::NOT_A_WORKFLOW, Extent::default(), "the document is empty");
        }
        return (None, problems.finish());
    };
    let mut reader = Reader {
        problems,
        lacking: Problems::new(&source),
        uses: Vec::new(),
        written: Vec::new(),
        members_of_inputs: HashSet::new(),
        place: Place::Outside,
        outline: Outline::default(),
        inputs: HashSet::new(),
        workflow_requirements: Arc::default(),
        requirement_lists: Vec::new(),
        variables: HashSet::new(),
        variables_unknown: false,
        idle: false,
        too_many_steps: false,
        is_legacy: false,
        made_steps: 0,
    };
    let mut document = reader.document(&root);
    if let Some(document) = &mut document {
        reader.check_references();
        reader.check_expressions(&document.inputs);
        document.source = source.clone();
        document.hash = hex(&Sha256::digest(text.as_bytes()));
        document.lacking = reader.lacking.finish();
    }
    (document, reader.problems.finish())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What is gathered while a document is read.
struct Reader<'a> {
    problems: Problems<'a>,
    /// What a draft may lack as long as it is one: said by [`crate::check`].
    lacking: Problems<'a>,
    /// Every reference of every expression, resolved when all steps are known.
    uses: Vec<Use>,
    /// Every text with expressions, checked when all scopes are known.
    written: Vec<Written>,
    /// The inputs of which a member is read somewhere.
    members_of_inputs: HashSet<String>,
    /// Whose expressions are being read.
    place: Place,
    outline: Outline,
    /// The names of the declared inputs, of the broken ones too.
    inputs: HashSet<String>,
    /// The packages that the whole workflow requires.
    workflow_requirements: Arc<[Requirement]>,
    /// The different lists of packages that steps require.
    requirement_lists: Vec<Arc<[Requirement]>>,
    /// The variables that some step sets.
    variables: HashSet<String>,
    /// Some step sets a variable whose name only its run knows.
    variables_unknown: bool,
    /// The step being read is disabled or mocked: what it lacks does not matter.
    idle: bool,
    too_many_steps: bool,
    /// The document is of the format of 2021.
    is_legacy: bool,
    /// How many steps stand for a `goto`.
    made_steps: usize,
}

/// Small readers of single values; what is wrong is noted, and then it is as if nothing had been there.
impl Reader<'_> {
    fn wrong_type(&mut self, node: &Node, what: &str, expected: &str) {
        let message = format!("{what} must be {expected}, not {}", node.describe());
        self.problems.error(codes::WRONG_TYPE, node.at, message);
    }

    /// The text of a scalar of any kind; none for nothing and for an empty text.
    fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        match node.scalar() {
            Some(_) if node.is_empty() => None,
            Some(scalar) => Some(scalar.text.to_string()),
            None => {
                self.wrong_type(node, what, "text");
                None
            }
        }
    }

    /// The entries of a map; nothing counts as an empty one.
    fn map<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Entry] {
        match node.entries() {
            Some(entries) => entries,
            None if node.is_empty() => &[],
            None => {
                self.wrong_type(node, what, "a map");
                &[]
            }
        }
    }

    /// The items of a list; nothing counts as an empty one.
    fn list<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        match node.items() {
            Some(items) => items,
            None if node.is_empty() => &[],
            None => {
                self.wrong_type(node, what, "a list");
                &[]
            }
        }
    }

    /// Warns of an unknown key that looks like a known one. Other unknown keys are nobody's business.
    fn near_miss(&mut self, entry: &Entry, of: &str, known: &[&'static str]) {
        if self.problems.is_full() {
            return;
        }
        let key = &entry.key.text;
        let meant = known.iter().copied().find(|known| normal(known) == normal(key));
        if let Some(meant) = meant.or_else(|| closest(key, known.iter().copied())) {
            self.problems
                .warning(
                    codes::NEAR_MISS_KEY,
                    entry.key.at,
                    format!("{of} has no key `{key}`: it is ignored"),
                )
                .did_you_mean(Some(meant));
        }
    }
}
