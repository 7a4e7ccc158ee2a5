//! What the checker says about an expression.

use std::ops::Range;

use crate::error::{Error, ErrorKind};

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The expression fails whenever it is evaluated.
    Error,
    /// It can be evaluated, and probably does not do what was meant.
    Warning,
}

/// What sort of problem it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// What [`Expression::parse`](crate::Expression::parse) or the evaluation refuses.
    Fault(ErrorKind),
    /// A name that is no root, which reads as `nil`.
    UnknownName,
    /// A member that a map does not have, which reads as `nil`.
    UnknownMember,
    /// A comparison of types that are never equal.
    NeverEqual,
    /// A variable that is never read.
    UnusedVariable,
}

/// One problem of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What sort of problem it is.
    pub kind: ProblemKind,
    /// The sentence: lowercase, without a full stop.
    pub message: String,
    /// The bytes of the source that it is about.
    pub span: Range<usize>,
    /// What the writer may have meant.
    pub hint: Option<String>,
}

impl Problem {
    /// The message, the line of `source` it is about with carets under the place, and the hint; see
    /// [`Error::explain`].
    ///
    /// ```
    /// let problems = expr::check("\"a\" + 1", &expr::Shape::Any);
    /// assert!(problems[0].explain("\"a\" + 1").contains("^"));
    /// ```
    pub fn explain(&self, source: &str) -> String {
        let kind = ErrorKind::Syntax; // which is not shown
        Error { kind, message: self.message.clone(), span: self.span.clone(), hint: self.hint.clone() }
            .explain(source)
    }

    /// The same problem with a hint.
    pub(super) fn hint(&mut self, hint: impl Into<String>) {
        self.hint = Some(hint.into());
    }

    /// "did you mean `x`?", if there is an `x`.
    pub(super) fn did_you_mean(&mut self, meant: Option<&str>) {
        if let Some(meant) = meant {
            self.hint(format!("did you mean `{meant}`?"));
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let Error { kind, message, span, hint } = error;
        Self { severity: Severity::Error, kind: ProblemKind::Fault(kind), message, span, hint }
    }
}
