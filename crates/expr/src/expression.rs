//! One expression, read once and evaluated as often as wanted.

use std::ops::Range;
use std::sync::Arc;

use crate::lexer::{self, Stop};
use crate::{Context, Error, Value};

/// A read expression. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Expression(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    references: Vec<Reference>,
}

/// A place where an expression reads from a root by a path that the text itself tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The root and what follows it, as far as it is written out: `steps["S1"].output[0].x` gives
    /// `["steps", "S1", "output"]`.
    pub path: Vec<String>,
    /// The bytes of the source that the path stands on.
    pub span: Range<usize>,
}

impl Expression {
    /// Reads an expression.
    pub fn parse(source: &str) -> Result<Self, Error> {
        Ok(Self::parse_at(source, 0, Stop::End)?.0)
    }

    /// Reads the expression that starts at byte `start` of `source`; also tells where it ends.
    pub(crate) fn parse_at(source: &str, start: usize, stop: Stop) -> Result<(Self, usize), Error> {
        let (_tokens, end) = lexer::lex(source, start, stop)?;
        Ok((Self(Arc::new(Compiled { references: Vec::new() })), end))
    }

    /// The value of the expression. An error's span is in the source that was read.
    pub fn evaluate(&self, _context: &mut Context<'_>) -> Result<Value, Error> {
        Err(Error::syntax(0..0, "evaluation is not there yet"))
    }

    /// Where the expression reads from its roots, in the order of the text.
    pub fn references(&self) -> &[Reference] {
        &self.0.references
    }
}
