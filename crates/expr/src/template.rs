//! Texts with expressions in them: `Hello {{ inputs.name }}`.
//!
//! Read once, rendered often. Whatever is not an expression is kept byte for byte.

use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::lexer::Stop;
use crate::limits::TEMPLATE_BYTES_MAX;
use crate::{Context, Expression, Reference, Value};

/// A read template. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Template(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    source: Arc<str>,
    parts: Vec<Part>,
    /// Whether it is one expression with nothing but whitespace around it.
    sole: bool,
}

#[derive(Debug)]
enum Part {
    /// Bytes of the source.
    Text(std::ops::Range<usize>),
    Expression(Expression),
}

impl Template {
    /// Reads a template. An error's span is in `source`.
    pub fn parse(source: &str) -> Result<Self, Error> {
        if source.len() > TEMPLATE_BYTES_MAX {
            let message = format!("the template is longer than {TEMPLATE_BYTES_MAX} bytes");
            return Err(Error::new(ErrorKind::Limit, 0..0, message));
        }
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(open) = source[at..].find("{{").map(|i| at + i) {
            if open > at {
                parts.push(Part::Text(at..open));
            }
            let (expression, end) = Expression::parse_at(source, open + 2, Stop::Braces)?;
            parts.push(Part::Expression(expression));
            at = end + 2;
        }
        if at < source.len() {
            parts.push(Part::Text(at..source.len()));
        }
        let blank = |part: &Part| matches!(part, Part::Text(span) if source[span.clone()].trim().is_empty());
        let expressions = parts.iter().filter(|part| matches!(part, Part::Expression(_))).count();
        let sole = expressions == 1 && parts.iter().all(|p| blank(p) || matches!(p, Part::Expression(_)));
        Ok(Self(Arc::new(Parsed { source: source.into(), parts, sole })))
    }

    /// Whether there is an expression in it at all.
    pub fn has_expressions(&self) -> bool {
        self.0.parts.iter().any(|part| matches!(part, Part::Expression(_)))
    }

    /// The text that was read.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The value of the template: of its expression, with its type, if the template is nothing but that
    /// expression (whitespace around it is allowed); otherwise text.
    pub fn render(&self, context: &mut Context<'_>) -> Result<Value, Error> {
        if !self.has_expressions() {
            return Ok(Value::String(self.0.source.clone()));
        }
        let mut text = String::new();
        for part in &self.0.parts {
            match part {
                Part::Expression(expression) if self.0.sole => return expression.evaluate(context),
                Part::Expression(expression) => text.push_str(&expression.evaluate(context)?.render()),
                Part::Text(span) => text.push_str(&self.0.source[span.clone()]),
            }
            if text.len() > context.limits.string_bytes {
                let message = format!("the text is longer than {} bytes", context.limits.string_bytes);
                return Err(Error::new(ErrorKind::Limit, 0..self.0.source.len(), message));
            }
        }
        Ok(text.into())
    }

    /// Where the expressions read from their roots, in the order of the text; spans are in the template.
    pub fn references(&self) -> Vec<Reference> {
        let references = self.0.parts.iter().map(|part| match part {
            Part::Expression(expression) => expression.references(),
            Part::Text(_) => &[],
        });
        references.flatten().cloned().collect()
    }
}
