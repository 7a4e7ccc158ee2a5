//! Texts with expressions in them: `Hello {{ inputs.name }}`.
//!
//! Read once, rendered often. Whatever is not an expression is kept byte for byte.

mod bash;
mod javascript;
mod program;
mod python;

use std::sync::Arc;

use program::Program;

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
    /// An expression, and the bytes of the source that it stands on, its braces included.
    Expression(Expression, std::ops::Range<usize>),
}

/// What takes the place of an expression in a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendering {
    /// The value, if the template is nothing else, or its text: see [`Template::render`].
    Text,
    /// A literal of Python (`'a'`, `None`, `{'b': [True]}`), also if the template is nothing else: the template is a
    /// program, and no value can become a part of its code. Inside of a text of that program it is what may stand
    /// there: `"https://{{ host }}/"`. In formatted (`f"…"`) and raw texts and in bytes there can be no expression.
    Python,
    /// As in [`Python`](Self::Python), for the code of bash: one word between single quotes, or what may stand inside
    /// of the quotes or the here-document around it. Lists and maps are their JSON, `nil` is the empty text. Where bash
    /// counts (`$(( … ))`, `a[…]`) only whole numbers can stand. In backquotes and in `${…}` there can be no expression.
    Bash,
    /// As in [`Python`](Self::Python), for the code of JavaScript: a literal (`"a"`, `null`, `({"b": [true]})`), or what
    /// may stand inside of the text, the template or the comment around it. In regular expressions and tagged templates
    /// there can be no expression.
    JavaScript,
}

impl Rendering {
    /// What reads the program that a template is, if it is one.
    fn program(self) -> Option<Box<dyn Program>> {
        match self {
            Self::Text => None,
            Self::Python => Some(Box::<python::Reader>::default()),
            Self::Bash => Some(Box::<bash::Reader>::default()),
            Self::JavaScript => Some(Box::<javascript::Reader>::default()),
        }
    }
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
            parts.push(Part::Expression(expression, open..end + 2));
            at = end + 2;
        }
        if at < source.len() {
            parts.push(Part::Text(at..source.len()));
        }
        let blank = |part: &Part| matches!(part, Part::Text(span) if source[span.clone()].trim().is_empty());
        let expressions = parts.iter().filter(|part| matches!(part, Part::Expression(..))).count();
        let sole = expressions == 1 && parts.iter().all(|p| blank(p) || matches!(p, Part::Expression(..)));
        Ok(Self(Arc::new(Parsed { source: source.into(), parts, sole })))
    }

    /// Whether there is an expression in it at all.
    pub fn has_expressions(&self) -> bool {
        self.0.parts.iter().any(|part| matches!(part, Part::Expression(..)))
    }

    /// The text that was read.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The value of the template: of its expression, with its type, if the template is nothing but that
    /// expression (whitespace around it is allowed); otherwise text.
    pub fn render(&self, context: &mut Context<'_>) -> Result<Value, Error> {
        self.render_with(context, Rendering::Text)
    }

    /// As [`render`](Self::render), with the choice of what takes an expression's place.
    pub fn render_with(&self, context: &mut Context<'_>, rendering: Rendering) -> Result<Value, Error> {
        if !self.has_expressions() {
            return Ok(Value::String(self.0.source.clone()));
        }
        let mut program = rendering.program();
        let mut text = String::new();
        let mut last = 0..0;
        for part in &self.0.parts {
            match (part, &mut program) {
                (Part::Expression(expression, _), None) if self.0.sole => {
                    return expression.evaluate(context);
                }
                (Part::Expression(expression, _), None) => {
                    text.push_str(&expression.evaluate(context)?.render());
                }
                (Part::Expression(expression, span), Some(program)) => {
                    let value = expression.evaluate(context)?;
                    program.put(&value, &mut text).map_err(|fault| fault.at(span.clone()))?;
                    last = span.clone();
                }
                (Part::Text(span), program) => {
                    let part = &self.0.source[span.clone()];
                    if let Some(program) = program {
                        text.push_str(program.read(part).map_err(|fault| fault.at(last.clone()))?);
                    }
                    text.push_str(part);
                }
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
            Part::Expression(expression, _) => expression.references(),
            Part::Text(_) => &[],
        });
        references.flatten().cloned().collect()
    }
}
