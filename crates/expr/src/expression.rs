//! One expression, read once and evaluated as often as wanted.

use std::ops::Range;
use std::sync::Arc;

use crate::ast::{Node, NodeKind};
use crate::lexer::{self, Stop};
use crate::program::Program;
use crate::value::Value;
use crate::{Context, Error, compiler, parser, print, vm};

/// A read expression. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Expression(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    program: Program,
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
    /// Reads an expression: what is no expression, calls a function that does not exist or has too few
    /// arguments is refused here. Takes time linear in the source, which is at most
    /// [`limits::SOURCE_BYTES_MAX`](crate::limits::SOURCE_BYTES_MAX) long.
    pub fn parse(source: &str) -> Result<Self, Error> {
        Ok(Self::parse_at(source, 0, Stop::End)?.0)
    }

    /// The expression in its canonical form: one spacing, one spelling of every operator and literal, and only the
    /// parentheses that it needs. It means the same, which is to say it reads as the same tree. Comments are not
    /// kept. What is no expression is refused, but no function needs to exist.
    ///
    /// ```
    /// let canonical = expr::Expression::canonical("((inputs['age']>=18))&&!(inputs.name in  banned)");
    /// assert_eq!(canonical.unwrap(), "inputs.age >= 18 and inputs.name not in banned");
    /// ```
    pub fn canonical(source: &str) -> Result<String, Error> {
        let (tokens, _) = lexer::lex(source, 0, Stop::End)?;
        Ok(print::print(&parser::parse(&tokens)?))
    }

    /// Reads the expression that starts at byte `start` of `source`; also tells where it ends.
    pub(crate) fn parse_at(source: &str, start: usize, stop: Stop) -> Result<(Self, usize), Error> {
        let (tokens, end) = lexer::lex(source, start, stop)?;
        let tree = parser::parse(&tokens)?;
        let program = compiler::compile(&tree)?;
        let mut references = Vec::new();
        collect(&tree, &mut Vec::new(), &mut references);
        Ok((Self(Arc::new(Compiled { program, references })), end))
    }

    /// The value of the expression. An error's span is in the source that was read.
    pub fn evaluate(&self, context: &mut Context<'_>) -> Result<Value, Error> {
        self.measure(context).0
    }

    /// As [`evaluate`](Self::evaluate), with the units of work that were used up, which are never more than the
    /// limit of the context: that many are enough to evaluate it again.
    pub fn measure(&self, context: &mut Context<'_>) -> (Result<Value, Error>, u64) {
        vm::run(&self.0.program, context)
    }

    /// Where the expression reads from its roots, in the order of the text.
    pub fn references(&self) -> &[Reference] {
        &self.0.references
    }
}

/// Adds the references of the tree below `node`, `locals` being the variables in sight.
fn collect<'a>(node: &'a Node, locals: &mut Vec<&'a str>, references: &mut Vec<Reference>) {
    if let Some(reference) = reference(node, locals) {
        references.push(reference);
        return;
    }
    match &node.kind {
        NodeKind::Let { name, value, body, .. } => {
            collect(value, locals, references);
            locals.push(name);
            collect(body, locals, references);
            locals.pop();
        }
        kind => kind.for_each_child(&mut |child| collect(child, locals, references)),
    }
}

/// The reference that `node` as a whole is, if it is nothing but a path.
fn reference(node: &Node, locals: &[&str]) -> Option<Reference> {
    match &node.kind {
        NodeKind::Name(name) if locals.contains(&name.as_ref()) => None,
        NodeKind::Name(name) => {
            // `$env.x` is `x`; the environment itself is no root.
            let path = if name.as_ref() == "$env" { Vec::new() } else { vec![name.to_string()] };
            Some(Reference { path, span: node.span.clone() })
        }
        NodeKind::Chain(inner) => reference(inner, locals),
        NodeKind::Member { of, property, .. } => {
            let mut reference = reference(of, locals)?;
            let NodeKind::Literal(Value::String(text)) = &property.kind else { return None };
            // What comes after a part that is not written out belongs to it no more.
            if reference.span.end != of.span.end {
                return None;
            }
            reference.path.push(text.to_string());
            reference.span.end = node.span.end;
            Some(reference)
        }
        _ => None,
    }
}
