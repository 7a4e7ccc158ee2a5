//! What an expression begins with: literals, names, calls, loops, lists, maps, parentheses, unary operators.

use std::sync::Arc;

use super::{PRECEDENCE_NOT, PRECEDENCE_SIGN, Parser};
use crate::ast::{Loop, Node, NodeKind, Pointer, Unary};
use crate::error::{Error, ErrorKind};
use crate::functions::{self, unknown_function};
use crate::lexer::TokenKind;
use crate::value::Value;

impl Parser<'_, '_> {
    pub(super) fn primary(&mut self) -> Result<Node, Error> {
        let start = self.span().start;
        let TokenKind::Op(op) = *self.peek() else {
            return self.literal_or_name();
        };
        match op {
            "not" | "!" => self.unary(Unary::Not, PRECEDENCE_NOT),
            "-" => self.unary(Unary::Negate, PRECEDENCE_SIGN),
            "+" => self.unary(Unary::Plus, PRECEDENCE_SIGN),
            "(" => {
                self.at += 1;
                let node = self.sequence()?;
                self.expect(")")?;
                self.postfix(node)
            }
            "[" => {
                self.at += 1;
                let nodes = self.list("]", Self::any_expression)?;
                let node = self.node(NodeKind::List(nodes), start)?;
                self.postfix(node)
            }
            "{" => {
                self.at += 1;
                let pairs = self.list("}", Self::pair)?;
                let node = self.node(NodeKind::Map(pairs), start)?;
                self.postfix(node)
            }
            "#" | "." => self.pointer(),
            "::" => {
                self.at += 1;
                self.function()
            }
            _ => Err(self.unexpected("a value")),
        }
    }

    fn unary(&mut self, unary: Unary, precedence: u8) -> Result<Node, Error> {
        let start = self.span().start;
        self.at += 1;
        let operand = Box::new(self.expression(precedence)?);
        let node = self.node(NodeKind::Unary(unary, operand), start)?;
        self.postfix(node)
    }

    fn literal_or_name(&mut self) -> Result<Node, Error> {
        let start = self.span().start;
        let value = match self.peek().clone() {
            TokenKind::Ident("true") => Value::Bool(true),
            TokenKind::Ident("false") => Value::Bool(false),
            // `null` is Blink's spelling; a root of that name could not be told from nothing anyway.
            TokenKind::Ident("nil" | "null") => Value::Nil,
            TokenKind::Int(int) => Value::Int(int),
            TokenKind::Float(float) => Value::Float(float),
            TokenKind::Text(text) => {
                self.at += 1;
                let node = self.node(NodeKind::Literal(text.into()), start)?;
                return self.postfix(node);
            }
            TokenKind::Bytes(bytes) => {
                let span = self.span();
                self.at += 1;
                // As in the reference bytes are a list of ints in all that can be done with them.
                let byte = |byte: u8| Node::new(NodeKind::Literal(Value::Int(byte.into())), span.clone());
                let node = self.node(NodeKind::List(bytes.into_iter().map(byte).collect()), start)?;
                return self.postfix(node);
            }
            TokenKind::Ident(_) if self.is_call() => return self.function(),
            TokenKind::Ident(name) => {
                self.at += 1;
                let node = self.node(NodeKind::Name(name.into()), start)?;
                return self.postfix(node);
            }
            TokenKind::End | TokenKind::Op(_) => return Err(self.unexpected("a value")),
        };
        // As in the reference nothing follows these: `1.x` and `nil[0]` are no expressions.
        self.at += 1;
        self.node(NodeKind::Literal(value), start)
    }

    fn is_call(&self) -> bool {
        matches!(self.tokens.get(self.at + 1).map(|token| &token.kind), Some(TokenKind::Op("(")))
    }

    /// `#`, `#acc`, `#index`, or the `.` of `.field`, which `postfix` reads.
    fn pointer(&mut self) -> Result<Node, Error> {
        let span = self.span();
        if self.loops == 0 {
            let message = "`#` and `.field` have a meaning only inside a loop such as `filter(list, .field)`";
            return Err(Error::syntax(span, message));
        }
        let mut pointer = Pointer::Item;
        if self.accept("#") {
            // `# acc` with a space is two things, `#acc` is one.
            if let TokenKind::Ident(name) = *self.peek() {
                let name_span = self.span();
                if name_span.start == span.end {
                    pointer = match name {
                        "acc" => Pointer::Accumulator,
                        "index" => Pointer::Index,
                        _ => {
                            let message = format!("`#{name}` is not known");
                            return Err(Error::syntax(span.start..name_span.end, message)
                                .with_hint("there are `#`, `#index` and, in `reduce`, `#acc`"));
                        }
                    };
                    self.at += 1;
                }
            }
        }
        let node = Node::new(NodeKind::Pointer(pointer), span.start..self.end().max(span.start));
        self.postfix(node)
    }

    /// `name(arguments)`, the parser standing on the name.
    fn function(&mut self) -> Result<Node, Error> {
        let node = self.call(None)?;
        self.postfix(node)
    }

    /// The call after a `|`, whose first argument is `left`.
    pub(super) fn piped(&mut self, left: Node) -> Result<Node, Error> {
        let node = self.call(Some(left))?;
        self.postfix(node)
    }

    fn call(&mut self, first: Option<Node>) -> Result<Node, Error> {
        let name_span = self.span();
        let start = first.as_ref().map_or(name_span.start, |node| node.span.start);
        let TokenKind::Ident(name) = *self.peek() else {
            return Err(self.unexpected("the name of a function"));
        };
        self.at += 1;
        self.expect("(")?;
        if let Some(kind) = Loop::from_name(name) {
            return self.loop_call(kind, first, start);
        }
        let mut arguments: Vec<Node> = first.into_iter().collect();
        let rest = self.list(")", Self::any_expression);
        // That the function does not exist explains `#` among its arguments better than they do.
        let known = |error: &Error| error.kind != ErrorKind::Syntax || functions::find(name).is_some();
        arguments.extend(
            rest.map_err(|error| if known(&error) { error } else { unknown_function(name, &name_span) })?,
        );
        self.node(NodeKind::Call { name: Arc::from(name), name_span, arguments }, start)
    }

    /// The arguments of a loop: the list, the body, for some a third.
    fn loop_call(&mut self, kind: Loop, first: Option<Node>, start: usize) -> Result<Node, Error> {
        let few = |parser: &Self| {
            let message = format!("`{}` needs a list and what to do with each element", kind.name());
            Error::new(ErrorKind::ArgumentCount, start..parser.end(), message)
                .with_hint(format!("for example `{}(list, # == 1)`", kind.name()))
        };
        let piped = first.is_some();
        let list = match first {
            Some(node) => node,
            None if self.is(")") => return Err(few(self)),
            None => self.expression(0)?,
        };
        let comma = piped || self.accept(",");
        let body = if self.is(")") || !comma { None } else { Some(Box::new(self.loop_body()?)) };
        if body.is_none() && !kind.body_is_optional() {
            return Err(if self.is(")") { few(self) } else { self.unexpected("`,` or `)`") });
        }
        let mut extra = None;
        if kind.takes_extra() && self.accept(",") && !self.is(")") {
            extra = Some(Box::new(self.expression(0)?));
        }
        self.accept(",");
        self.expect(")")?;
        self.node(NodeKind::Loop { kind, list: Box::new(list), body, extra }, start)
    }

    /// A body, in braces or bare: a bare `{` is always the brace, never a map.
    fn loop_body(&mut self) -> Result<Node, Error> {
        let braces = self.accept("{");
        self.loops += 1;
        let node = if braces { self.sequence() } else { self.expression(0) };
        self.loops -= 1;
        let node = node?;
        if braces && !self.accept("}") {
            let error = self.unexpected("`}`");
            return Err(match self.peek() {
                TokenKind::Op(":" | ",") => {
                    error.with_hint("a map made for each element is written `{{key: value}}`")
                }
                _ => error,
            });
        }
        if !braces && self.is(";") {
            return Err(self.unexpected("`)`").with_hint("put the body in braces: `{ a; b }`"));
        }
        Ok(node)
    }

    fn any_expression(&mut self) -> Result<Node, Error> {
        self.expression(0)
    }

    fn pair(&mut self) -> Result<(Node, Node), Error> {
        let start = self.span().start;
        let key = match self.peek().clone() {
            TokenKind::Text(text) => text,
            TokenKind::Ident(name) => name.to_owned(),
            TokenKind::Int(int) => int.to_string(),
            TokenKind::Float(float) => Value::Float(float).render(),
            TokenKind::Op("(") => {
                let key = self.expression(0)?;
                self.expect(":")?;
                return Ok((key, self.expression(0)?));
            }
            _ => {
                return Err(
                    self.unexpected("a key: a name, a text, a number or an expression in parentheses")
                );
            }
        };
        self.at += 1;
        let key = self.node(NodeKind::Literal(key.into()), start)?;
        self.expect(":")?;
        Ok((key, self.expression(0)?))
    }

    /// Elements with commas between them up to `close`, a last comma allowed.
    pub(super) fn list<T>(
        &mut self,
        close: &str,
        mut element: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut elements = Vec::new();
        while !self.accept(close) {
            if !elements.is_empty() {
                if !self.accept(",") {
                    return Err(self.unexpected(&format!("`,` or `{close}`")));
                }
                if self.accept(close) {
                    break;
                }
            }
            elements.push(element(self)?);
        }
        Ok(elements)
    }
}
