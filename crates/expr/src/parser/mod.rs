//! Tokens to tree: a Pratt parser. This file has the frame and the operators; literals, calls and loops are
//! in `primary`, what follows a value (`.x`, `[0]`, `?.y`) in `postfix`.

mod postfix;
mod primary;

use std::ops::Range;

use crate::ast::{Binary, Node, NodeKind, Unary};
use crate::error::{Error, ErrorKind, nearest};
use crate::lexer::{Token, TokenKind};
use crate::limits::{SOURCE_DEPTH_MAX, SOURCE_NESTING_MAX};

/// How tightly operators bind, the reference's numbers.
const PRECEDENCE_PIPE: u8 = 0;
pub(crate) const PRECEDENCE_NOT: u8 = 50;
pub(crate) const PRECEDENCE_SIGN: u8 = 90;

/// How tightly an operator binds.
pub(crate) fn tightness(binary: Binary) -> u8 {
    match binary {
        Binary::Or => 10,
        Binary::And => 15,
        Binary::Equal
        | Binary::NotEqual
        | Binary::Less
        | Binary::LessOrEqual
        | Binary::More
        | Binary::MoreOrEqual
        | Binary::In
        | Binary::Matches
        | Binary::Contains
        | Binary::StartsWith
        | Binary::EndsWith => 20,
        Binary::Range => 25,
        Binary::Add | Binary::Subtract => 30,
        Binary::Multiply | Binary::Divide | Binary::Modulo => 60,
        Binary::Power => 100,
        // Not 255: an operand is read at the precedence plus one.
        Binary::Coalesce => 200,
    }
}

/// The operator that a token is between two operands, how tightly it binds, and whether from the right.
fn binary(op: &str) -> Option<(Binary, u8, bool)> {
    let binary = match op {
        "or" | "||" => Binary::Or,
        "and" | "&&" => Binary::And,
        "==" => Binary::Equal,
        "!=" => Binary::NotEqual,
        "<" => Binary::Less,
        "<=" => Binary::LessOrEqual,
        ">" => Binary::More,
        ">=" => Binary::MoreOrEqual,
        "in" => Binary::In,
        "matches" => Binary::Matches,
        "contains" => Binary::Contains,
        "startsWith" => Binary::StartsWith,
        "endsWith" => Binary::EndsWith,
        ".." => Binary::Range,
        "+" => Binary::Add,
        "-" => Binary::Subtract,
        "*" => Binary::Multiply,
        "/" => Binary::Divide,
        "%" => Binary::Modulo,
        "**" | "^" => Binary::Power,
        "??" => Binary::Coalesce,
        _ => return None,
    };
    Some((binary, tightness(binary), binary == Binary::Power))
}

/// Reads `tokens`, which end with `End`, as one expression.
pub(crate) fn parse(tokens: &[Token<'_>]) -> Result<Node, Error> {
    parse_inside(tokens, 0)
}

/// As [`parse`], for a part that stands inside of so many bodies of loops.
pub(crate) fn parse_inside(tokens: &[Token<'_>], loops: usize) -> Result<Node, Error> {
    let mut parser = Parser { tokens, at: 0, loops, nesting: 0 };
    let node = parser.sequence()?;
    match parser.peek() {
        TokenKind::End => Ok(node),
        _ => Err(parser.unexpected("the end of the expression")),
    }
}

struct Parser<'t, 's> {
    tokens: &'t [Token<'s>],
    at: usize,
    /// How many loop bodies this is inside of.
    loops: usize,
    /// How many calls of `expression` are under way.
    nesting: usize,
}

impl<'s> Parser<'_, 's> {
    /// `a; b; c`, a last `;` allowed.
    fn sequence(&mut self) -> Result<Node, Error> {
        let first = self.expression(0)?;
        if !self.is(";") {
            return Ok(first);
        }
        let start = first.span.start;
        let mut nodes = vec![first];
        while self.accept(";") {
            if matches!(self.peek(), TokenKind::End) {
                break;
            }
            nodes.push(self.expression(0)?);
        }
        self.node(NodeKind::Sequence(nodes), start)
    }

    /// An expression whose operators bind at least as tightly as `precedence`.
    fn expression(&mut self, precedence: u8) -> Result<Node, Error> {
        self.nesting += 1;
        if self.nesting > SOURCE_NESTING_MAX {
            return Err(self.too_deep(self.span()));
        }
        let node = if precedence == 0 && self.is("let") {
            self.variable()
        } else if precedence == 0 && self.is("if") {
            self.condition()
        } else {
            self.operation(precedence)
        };
        self.nesting -= 1;
        node
    }

    fn operation(&mut self, precedence: u8) -> Result<Node, Error> {
        let mut left = self.primary()?;
        let start = left.span.start;
        let mut previous = None;
        while let TokenKind::Op(op) = *self.peek() {
            let op_span = self.span();
            let negated = op == "not";
            let op = if negated { self.negated_operator()? } else { op };
            if op == "|" && precedence == PRECEDENCE_PIPE {
                self.at += 1;
                left = self.piped(left)?;
                previous = None;
                continue;
            }
            let Some((binary, tightness, from_right)) = binary(op).filter(|(_, t, _)| *t >= precedence)
            else {
                break;
            };
            self.at += if negated { 2 } else { 1 };
            if previous == Some(Binary::Coalesce) && binary != Binary::Coalesce {
                let message = format!("`??` and `{op}` cannot be mixed without parentheses");
                return Err(Error::syntax(op_span, message));
            }
            if binary.is_ordering() {
                left = self.comparison(left, binary, tightness)?;
            } else {
                let right = self.expression(if from_right { tightness } else { tightness + 1 })?;
                left = self.node(NodeKind::Binary(binary, Box::new(left), Box::new(right)), start)?;
            }
            if negated {
                left = self.node(NodeKind::Unary(Unary::Not, Box::new(left)), start)?;
            }
            previous = Some(binary);
        }
        if precedence == 0 { self.ternary(left) } else { Ok(left) }
    }

    /// The operator after the `not` that the parser stands on, which it does not step over.
    fn negated_operator(&self) -> Result<&'static str, Error> {
        match self.tokens.get(self.at + 1).map(|token| &token.kind) {
            Some(TokenKind::Op(op @ ("in" | "matches" | "contains" | "startsWith" | "endsWith"))) => Ok(op),
            _ => Err(self.unexpected("an operator").with_hint(
                "`not` between two values goes with `in`, `contains`, `matches`, `startsWith` or `endsWith`",
            )),
        }
    }

    /// `left < b <= c …`, the first operator already stepped over.
    fn comparison(&mut self, left: Node, first: Binary, tightness: u8) -> Result<Node, Error> {
        let start = left.span.start;
        let mut rest = vec![(first, self.expression(tightness + 1)?)];
        while let TokenKind::Op(op) = self.peek() {
            let Some((binary, ..)) = binary(op).filter(|(binary, ..)| binary.is_ordering()) else { break };
            self.at += 1;
            rest.push((binary, self.expression(tightness + 1)?));
        }
        match (rest.pop(), rest.is_empty()) {
            (Some((binary, right)), true) => {
                self.node(NodeKind::Binary(binary, Box::new(left), Box::new(right)), start)
            }
            (last, _) => {
                rest.extend(last);
                self.node(NodeKind::Comparison(Box::new(left), rest), start)
            }
        }
    }

    fn ternary(&mut self, mut node: Node) -> Result<Node, Error> {
        let start = node.span.start;
        while self.accept("?") {
            let then = if self.is(":") { None } else { Some(Box::new(self.expression(0)?)) };
            self.expect(":")?;
            let otherwise = Box::new(self.expression(0)?);
            node = self.node(NodeKind::Conditional { condition: Box::new(node), then, otherwise }, start)?;
        }
        Ok(node)
    }

    /// `let name = value; body`.
    fn variable(&mut self) -> Result<Node, Error> {
        let start = self.span().start;
        self.at += 1;
        let name_span = self.span();
        let TokenKind::Ident(name) = *self.peek() else {
            return Err(self.unexpected("the name of a variable"));
        };
        self.at += 1;
        self.expect("=")?;
        let value = Box::new(self.expression(0)?);
        self.expect(";")?;
        let body = Box::new(self.sequence()?);
        self.node(NodeKind::Let { name: name.into(), name_span, value, body }, start)
    }

    /// `if a { b } else if c { d } else { e }`.
    fn condition(&mut self) -> Result<Node, Error> {
        let start = self.span().start;
        self.at += 1;
        let condition = Box::new(self.expression(0)?);
        let then = Some(Box::new(self.block()?));
        self.expect("else")?;
        let otherwise = Box::new(if self.is("if") { self.expression(0)? } else { self.block()? });
        self.node(NodeKind::Conditional { condition, then, otherwise }, start)
    }

    fn block(&mut self) -> Result<Node, Error> {
        self.expect("{")?;
        let node = self.sequence()?;
        self.expect("}")?;
        Ok(node)
    }

    fn peek(&self) -> &TokenKind<'s> {
        // `at` never passes the `End` that closes the tokens.
        self.tokens.get(self.at).map_or(&TokenKind::End, |token| &token.kind)
    }

    fn span(&self) -> Range<usize> {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(0..0, |token| token.span.clone())
    }

    /// Where the last token that was stepped over ends.
    fn end(&self) -> usize {
        self.tokens.get(self.at.saturating_sub(1)).map_or(0, |token| token.span.end)
    }

    fn is(&self, op: &str) -> bool {
        matches!(self.peek(), TokenKind::Op(other) if *other == op)
    }

    fn accept(&mut self, op: &str) -> bool {
        let is = self.is(op);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, op: &str) -> Result<(), Error> {
        if self.accept(op) { Ok(()) } else { Err(self.unexpected(&format!("`{op}`"))) }
    }

    /// A node from byte `start` to the last token that was stepped over.
    fn node(&self, kind: NodeKind, start: usize) -> Result<Node, Error> {
        let node = Node::new(kind, start..self.end());
        if node.depth > SOURCE_DEPTH_MAX { Err(self.too_deep(node.span)) } else { Ok(node) }
    }

    fn too_deep(&self, span: Range<usize>) -> Error {
        Error::new(ErrorKind::Limit, span, "the expression is nested too deeply")
            .with_hint("split it: `let part = …; …`")
    }

    /// The error that something else was expected here, with a guess at what was meant.
    fn unexpected(&self, wanted: &str) -> Error {
        let found = match self.peek() {
            TokenKind::End => "the expression ends".to_owned(),
            TokenKind::Ident(name) => format!("found `{name}`"),
            TokenKind::Op(op) => format!("found `{op}`"),
            TokenKind::Int(int) => format!("found `{int}`"),
            TokenKind::Float(float) => format!("found `{float}`"),
            TokenKind::Text(_) | TokenKind::Bytes(_) => "found a text".to_owned(),
        };
        let error = Error::syntax(self.span(), format!("expected {wanted}, {found}"));
        match *self.peek() {
            TokenKind::Ident(name) => match misspelt_operator(name) {
                Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
                None => error,
            },
            TokenKind::Op("=") => error.with_hint("did you mean `==`?"),
            TokenKind::Float(_) => error.with_hint("an element of a list is read with `[0]`"),
            _ => error,
        }
    }
}

fn misspelt_operator(name: &str) -> Option<&'static str> {
    match name {
        "has" | "includes" | "include" | "like" => Some("contains"),
        "is" | "equals" | "eq" => Some("=="),
        "AND" => Some("and"),
        "OR" => Some("or"),
        name => nearest(name, ["contains", "matches", "startsWith", "endsWith", "and", "or", "in", "not"]),
    }
}
