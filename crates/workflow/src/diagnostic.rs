//! What is said about a document: a problem, where it is, and what to do about it.
//!
//! `Problems` collects them while a document is read; it is bounded, so that a hostile document cannot
//! make us write a novel.

use std::collections::HashSet;
use std::fmt;

use serde::Serialize;

use crate::codes;
use crate::source::{Extent, Source};

/// Problems reported of one document; what is beyond is counted, not listed.
pub(crate) const PROBLEMS_MAX: usize = 200;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The workflow cannot be run as it stands.
    Error,
    /// It can be run, and probably does not do what was meant.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// A place in the document. Lines and columns start at 1; columns count characters, not bytes. The end
/// is the position after the last character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[allow(missing_docs)] // the names say it
pub struct Span {
    pub line: u32,
    pub column: u32,
    pub end_line: u32,
    pub end_column: u32,
}

/// One problem of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, for programs: one of [`codes::ALL`].
    pub code: &'static str,
    /// What it is, for people; names the thing and the value.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Where it is.
    pub span: Span,
}

/// `3:14: error: message [code]`, without the hint.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, code, message, span, .. } = self;
        write!(f, "{}:{}: {severity}: {message} [{code}]", span.line, span.column)
    }
}

/// Collects the problems of one document.
#[derive(Debug)]
pub(crate) struct Problems<'a> {
    source: &'a Source,
    list: Vec<Diagnostic>,
    /// How many were not listed, and whether an error was among them.
    unlisted: usize,
    unlisted_error: bool,
}

impl<'a> Problems<'a> {
    pub(crate) fn new(source: &'a Source) -> Self {
        Self { source, list: Vec::new(), unlisted: 0, unlisted_error: false }
    }

    pub(crate) fn source(&self) -> &'a Source {
        self.source
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether what comes now is only counted: no need to work out a hint for it.
    pub(crate) fn is_full(&self) -> bool {
        self.list.len() >= PROBLEMS_MAX
    }

    pub(crate) fn error(&mut self, code: &'static str, at: Extent, message: impl Into<String>) -> Noted<'_> {
        self.note(Severity::Error, code, at, message.into())
    }

    pub(crate) fn warning(
        &mut self,
        code: &'static str,
        at: Extent,
        message: impl Into<String>,
    ) -> Noted<'_> {
        self.note(Severity::Warning, code, at, message.into())
    }

    fn note(&mut self, severity: Severity, code: &'static str, at: Extent, message: String) -> Noted<'_> {
        if self.is_full() {
            self.unlisted += 1;
            self.unlisted_error |= severity == Severity::Error;
            return Noted(None);
        }
        let span = self.source.span(at);
        self.list.push(Diagnostic { severity, code, message, hint: None, span });
        Noted(self.list.last_mut())
    }

    /// All of them, in the order of the document.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        sort(&mut self.list);
        // What an alias stands for is read as often as it is used, and is wrong only once.
        let mut seen = HashSet::new();
        self.list.retain(|it| seen.insert((it.span, it.code, it.message.clone())));
        if self.unlisted > 0 {
            let severity = if self.unlisted_error { Severity::Error } else { Severity::Warning };
            let message = format!("{} more problems are not listed", self.unlisted);
            let end = self.source.text().len();
            let span = self.source.span(Extent::new(end, end));
            self.list.push(Diagnostic { severity, code: codes::MORE_PROBLEMS, message, hint: None, span });
        }
        self.list
    }
}

/// Puts diagnostics in the order of the document.
pub(crate) fn sort(list: &mut [Diagnostic]) {
    list.sort_by_key(|diagnostic| (diagnostic.span.line, diagnostic.span.column));
}

/// The problem that was just noted, to add a hint to.
pub(crate) struct Noted<'a>(Option<&'a mut Diagnostic>);

impl Noted<'_> {
    pub(crate) fn hint(self, hint: impl Into<String>) {
        if let Some(diagnostic) = self.0 {
            diagnostic.hint = Some(hint.into());
        }
    }

    /// "did you mean `x`?", if there is an `x`.
    pub(crate) fn did_you_mean(self, closest: Option<&str>) {
        if let Some(closest) = closest {
            self.hint(format!("did you mean `{closest}`?"));
        }
    }
}
