//! What follows a value: members, methods, elements, slices, each also with `?.`.

use super::Parser;
use crate::ast::{Node, NodeKind};
use crate::error::Error;
use crate::lexer::{TokenKind, is_word};
use crate::value::Value;

impl Parser<'_, '_> {
    pub(super) fn postfix(&mut self, mut node: Node) -> Result<Node, Error> {
        while let TokenKind::Op(op) = *self.peek() {
            node = match op {
                "." => {
                    self.at += 1;
                    self.member(node, false)?
                }
                "?." => {
                    self.at += 1;
                    if self.accept("[") { self.element(node, true)? } else { self.member(node, true)? }
                }
                "[" => {
                    self.at += 1;
                    self.element(node, false)?
                }
                _ => break,
            };
        }
        Ok(node)
    }

    /// `.name` or `.name(arguments)`. It joins the chain before it, so that a nil there skips it too.
    fn member(&mut self, node: Node, optional: bool) -> Result<Node, Error> {
        let start = node.span.start;
        let name_span = self.span();
        let name = match *self.peek() {
            TokenKind::Ident(name) => name,
            // `x.not` and `x.matches` are members like any other.
            TokenKind::Op(op) if op.starts_with(is_word) => op,
            _ => return Err(self.unexpected("the name of a member")),
        };
        self.at += 1;
        let (of, chained) = match node.kind {
            NodeKind::Chain(inner) => (inner, true),
            kind => (Box::new(Node { kind, ..node }), false),
        };
        let kind = if self.accept("(") {
            let arguments = self.list(")", |parser| parser.expression(0))?;
            NodeKind::Method { of, name: name.into(), arguments, optional }
        } else {
            let property = Box::new(Node::new(NodeKind::Literal(name.into()), name_span));
            NodeKind::Member { of, property, optional }
        };
        let node = self.node(kind, start)?;
        if chained || optional { self.node(NodeKind::Chain(Box::new(node)), start) } else { Ok(node) }
    }

    /// `[index]` or `[from:to]`, the bracket already stepped over.
    fn element(&mut self, node: Node, optional: bool) -> Result<Node, Error> {
        let start = node.span.start;
        let of = Box::new(node);
        let from = if self.is(":") { None } else { Some(Box::new(self.expression(0)?)) };
        if self.accept(":") {
            let to = if self.is("]") { None } else { Some(Box::new(self.expression(0)?)) };
            self.expect("]")?;
            return self.node(NodeKind::Slice { of, from, to }, start);
        }
        self.expect("]")?;
        let property =
            from.unwrap_or_else(|| Box::new(Node::new(NodeKind::Literal(Value::Nil), start..start)));
        let node = self.node(NodeKind::Member { of, property, optional }, start)?;
        if optional { self.node(NodeKind::Chain(Box::new(node)), start) } else { Ok(node) }
    }
}
