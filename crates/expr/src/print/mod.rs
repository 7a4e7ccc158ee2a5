//! Tree to text: an expression in its canonical form, with only the parentheses that it needs.
//!
//! Reading the text again gives the same tree, which the tests hold for generated trees and for every row of the
//! conformance data. A call that was written with `|` and a condition written with `if` stay so; the tree tells
//! by its spans. Comments are not in the tree.

mod atoms;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::ast::{Binary, Loop, Node, NodeKind, Pointer, Unary};
use crate::parser::{PRECEDENCE_NOT, PRECEDENCE_SIGN, tightness};
use crate::value::Value;

/// The expression of the tree as text.
pub(crate) fn print(node: &Node) -> String {
    let mut printer = Printer { out: String::new() };
    printer.node(node, Place::ANYTHING);
    printer.out
}

/// What may stand in a place without parentheses, besides operators that bind more tightly.
const SEQUENCE: u8 = 0;
/// Also `let`, `if` and `? :`.
const EXPRESSION: u8 = 1;
/// Also `|`.
const PIPE: u8 = 2;
/// Nothing that an element or a member could not be read of.
const VALUE: u8 = u8::MAX;

/// Where a node stands.
#[derive(Clone, Copy)]
struct Place {
    /// How tightly the node must bind to need no parentheses.
    min: u8,
    /// How tightly the operator binds that follows on the node; a sign takes all that binds as it does.
    follow: u8,
    /// Whether a `;` may follow, which a `let` would take for its own.
    semicolon: bool,
}

impl Place {
    const ANYTHING: Self = Self::bracketed(SEQUENCE);

    /// A place that a bracket, a comma or the like ends.
    const fn bracketed(min: u8) -> Self {
        Self { min, follow: 0, semicolon: false }
    }
}

struct Printer {
    out: String,
}

impl Printer {
    fn node(&mut self, node: &Node, place: Place) {
        if self.needs_parentheses(node, place) {
            self.out.push('(');
            self.bare(node, Place::ANYTHING);
            self.out.push(')');
        } else {
            self.bare(node, place);
        }
    }

    fn needs_parentheses(&self, node: &Node, place: Place) -> bool {
        let own = match &node.kind {
            NodeKind::Sequence(_) => SEQUENCE,
            NodeKind::Let { .. } => return place.min > EXPRESSION || place.semicolon,
            NodeKind::Conditional { .. } => EXPRESSION,
            NodeKind::Binary(binary, ..) => tightness(*binary),
            NodeKind::Comparison(..) => tightness(Binary::Less),
            NodeKind::Unary(unary, operand) => match negated(*unary, operand) {
                Some((binary, ..)) => tightness(binary),
                None => return place.min == VALUE || place.follow >= strength(*unary),
            },
            // Nothing follows these: `1.x` and `nil[0]` are no expressions.
            NodeKind::Literal(value) => return place.min == VALUE && value.as_str().is_none(),
            _ => return false,
        };
        own < place.min
    }

    /// The node without parentheses around it.
    fn bare(&mut self, node: &Node, place: Place) {
        match &node.kind {
            NodeKind::Literal(value) => atoms::literal(value, &mut self.out),
            NodeKind::Name(name) => self.out.push_str(name),
            NodeKind::Pointer(pointer) => self.out.push_str(match pointer {
                Pointer::Item => "#",
                Pointer::Index => "#index",
                Pointer::Accumulator => "#acc",
            }),
            NodeKind::List(nodes) => self.listed("[", nodes, "]"),
            NodeKind::Map(pairs) => self.map(pairs),
            NodeKind::Unary(unary, operand) => self.unary(*unary, operand, place),
            NodeKind::Binary(binary, left, right) => self.binary("", *binary, left, right, place),
            NodeKind::Comparison(first, rest) => self.comparison(first, rest, place),
            NodeKind::Conditional { .. } => self.conditional(node, place),
            NodeKind::Member { of, property, optional } => self.member(of, property, *optional),
            NodeKind::Method { of, name, arguments, optional } => {
                self.dotted(of, name, *optional);
                self.listed("(", arguments, ")");
            }
            NodeKind::Chain(inner) => self.bare(inner, place),
            NodeKind::Slice { of, from, to } => self.slice(of, from.as_deref(), to.as_deref()),
            NodeKind::Call { name, name_span, arguments } => self.call(name, name_span, arguments, place),
            NodeKind::Loop { .. } => self.repeat(node, place),
            NodeKind::Let { name, value, body, .. } => {
                self.out.push_str("let ");
                self.out.push_str(name);
                self.out.push_str(" = ");
                self.node(value, Place { semicolon: true, ..Place::bracketed(EXPRESSION) });
                self.out.push_str("; ");
                self.node(body, Place { min: SEQUENCE, ..place });
            }
            NodeKind::Sequence(nodes) => self.sequence(nodes, place),
        }
    }

    fn listed(&mut self, open: &str, nodes: &[Node], close: &str) {
        self.out.push_str(open);
        for (i, node) in nodes.iter().enumerate() {
            self.out.push_str(if i > 0 { ", " } else { "" });
            self.node(node, Place::bracketed(EXPRESSION));
        }
        self.out.push_str(close);
    }

    fn map(&mut self, pairs: &[(Node, Node)]) {
        self.out.push('{');
        for (i, (key, value)) in pairs.iter().enumerate() {
            self.out.push_str(if i > 0 { ", " } else { "" });
            match &key.kind {
                NodeKind::Literal(Value::String(text)) => atoms::key(text, &mut self.out),
                _ => {
                    self.out.push('(');
                    self.bare(key, Place::ANYTHING);
                    self.out.push(')');
                }
            }
            self.out.push_str(": ");
            self.node(value, Place::bracketed(EXPRESSION));
        }
        self.out.push('}');
    }

    fn unary(&mut self, unary: Unary, operand: &Node, place: Place) {
        if let Some((binary, left, right)) = negated(unary, operand) {
            return self.binary("not ", binary, left, right, place);
        }
        self.out.push_str(match unary {
            Unary::Not => "not ",
            Unary::Negate => "-",
            Unary::Plus => "+",
        });
        self.node(operand, Place { min: strength(unary), ..place });
    }

    /// `left operator right`, with `not ` before the operator or nothing.
    fn binary(&mut self, not: &str, binary: Binary, left: &Node, right: &Node, place: Place) {
        let tightness = tightness(binary);
        let from_right = binary == Binary::Power;
        self.left(binary, left, tightness + u8::from(from_right));
        let operator = match binary {
            Binary::And => "and",
            Binary::Or => "or",
            other => other.as_str(),
        };
        if binary == Binary::Range && is_short(left) && is_short(right) {
            self.out.push_str(operator);
        } else {
            self.out.push(' ');
            self.out.push_str(not);
            self.out.push_str(operator);
            self.out.push(' ');
        }
        self.node(right, Place { min: tightness + u8::from(!from_right), ..place });
    }

    /// The left operand of `binary`, which must bind as tightly as `min`.
    fn left(&mut self, binary: Binary, left: &Node, min: u8) {
        // Nothing but `??` may follow on `??`, and `a < b < c` is one comparison.
        let mixes = matches!(left.kind, NodeKind::Binary(Binary::Coalesce, ..)) && binary != Binary::Coalesce;
        let chains = binary.is_ordering()
            && match &left.kind {
                NodeKind::Comparison(..) => true,
                NodeKind::Binary(other, ..) => other.is_ordering(),
                _ => false,
            };
        let min = if mixes || chains { VALUE } else { min };
        self.node(left, Place { min, follow: tightness(binary), semicolon: false });
    }

    fn comparison(&mut self, first: &Node, rest: &[(Binary, Node)], place: Place) {
        let tightness = tightness(Binary::Less);
        self.left(Binary::Less, first, tightness);
        for (i, (binary, operand)) in rest.iter().enumerate() {
            self.out.push(' ');
            self.out.push_str(binary.as_str());
            self.out.push(' ');
            let follow = if i + 1 < rest.len() { tightness } else { place.follow };
            self.node(operand, Place { min: tightness + 1, follow, ..place });
        }
    }

    fn conditional(&mut self, node: &Node, place: Place) {
        let NodeKind::Conditional { condition, then, otherwise } = &node.kind else { return };
        if let (true, Some(then)) = (is_written_as_if(node), then) {
            self.out.push_str("if ");
            self.node(condition, Place::bracketed(PIPE));
            self.block(then);
            self.out.push_str(" else");
            if is_written_as_if(otherwise) {
                self.out.push(' ');
                self.bare(otherwise, place);
            } else {
                self.block(otherwise);
            }
            return;
        }
        self.node(condition, Place::bracketed(PIPE));
        match then {
            Some(then) => {
                self.out.push_str(" ? ");
                self.node(then, Place::bracketed(EXPRESSION));
                self.out.push_str(" : ");
            }
            None => self.out.push_str(" ?: "),
        }
        self.node(otherwise, Place { min: EXPRESSION, ..place });
    }

    fn block(&mut self, node: &Node) {
        self.out.push_str(" { ");
        self.node(node, Place::ANYTHING);
        self.out.push_str(" }");
    }

    /// `of.name` or `of?.name`; the element of a loop needs not be written.
    fn dotted(&mut self, of: &Node, name: &str, optional: bool) {
        if !matches!(of.kind, NodeKind::Pointer(Pointer::Item)) || optional {
            self.node(of, Place::bracketed(VALUE));
        }
        self.out.push_str(if optional { "?." } else { "." });
        self.out.push_str(name);
    }

    fn member(&mut self, of: &Node, property: &Node, optional: bool) {
        match &property.kind {
            // A name joins the chain before it, so what is not in the chain is in brackets.
            NodeKind::Literal(Value::String(name))
                if atoms::is_name(name) && !matches!(of.kind, NodeKind::Chain(_)) =>
            {
                self.dotted(of, name, optional);
            }
            _ => {
                self.node(of, Place::bracketed(VALUE));
                self.out.push_str(if optional { "?.[" } else { "[" });
                self.node(property, Place::bracketed(EXPRESSION));
                self.out.push(']');
            }
        }
    }

    fn slice(&mut self, of: &Node, from: Option<&Node>, to: Option<&Node>) {
        self.node(of, Place::bracketed(VALUE));
        self.out.push('[');
        if let Some(from) = from {
            self.node(from, Place::bracketed(EXPRESSION));
        }
        self.out.push(':');
        if let Some(to) = to {
            self.node(to, Place::bracketed(EXPRESSION));
        }
        self.out.push(']');
    }

    fn call(&mut self, name: &str, name_span: &Range<usize>, arguments: &[Node], place: Place) {
        match arguments {
            [first, rest @ ..] if place.min <= PIPE && first.span.start < name_span.start => {
                self.node(first, Place::bracketed(PIPE));
                self.out.push_str(" | ");
                self.out.push_str(name);
                self.listed("(", rest, ")");
            }
            _ => {
                // A name that is else a literal.
                let literal = matches!(name, "true" | "false" | "nil" | "null");
                self.out.push_str(if literal { "::" } else { "" });
                self.out.push_str(name);
                self.listed("(", arguments, ")");
            }
        }
    }

    fn repeat(&mut self, node: &Node, place: Place) {
        let NodeKind::Loop { kind, list, body, extra } = &node.kind else { return };
        let piped = node.span.start == list.span.start && !node.span.is_empty();
        if place.min <= PIPE && piped {
            self.node(list, Place::bracketed(PIPE));
            self.out.push_str(" | ");
            self.loop_arguments(*kind, None, body.as_deref(), extra.as_deref());
        } else {
            self.loop_arguments(*kind, Some(list), body.as_deref(), extra.as_deref());
        }
    }

    fn loop_arguments(&mut self, kind: Loop, list: Option<&Node>, body: Option<&Node>, extra: Option<&Node>) {
        self.out.push_str(kind.name());
        self.out.push('(');
        if let Some(list) = list {
            self.node(list, Place::bracketed(EXPRESSION));
        }
        if let Some(body) = body {
            self.out.push_str(if list.is_some() { ", " } else { "" });
            self.body(body);
        }
        if let Some(extra) = extra {
            self.out.push_str(", ");
            self.node(extra, Place::bracketed(EXPRESSION));
        }
        self.out.push(')');
    }

    /// A loop's body. In braces if it would else be several things, or be taken for something in braces.
    fn body(&mut self, body: &Node) {
        let start = self.out.len();
        self.node(body, Place::ANYTHING);
        let several = matches!(body.kind, NodeKind::Sequence(_) | NodeKind::Let { .. });
        if several || self.out[start..].starts_with('{') {
            self.out.insert(start, '{');
            self.out.push('}');
        }
    }

    fn sequence(&mut self, nodes: &[Node], place: Place) {
        for (i, node) in nodes.iter().enumerate() {
            self.out.push_str(if i > 0 { "; " } else { "" });
            let semicolon = place.semicolon || i + 1 < nodes.len() || nodes.len() == 1;
            self.node(node, Place { min: EXPRESSION, follow: 0, semicolon });
        }
        if nodes.len() == 1 {
            self.out.push(';');
        }
    }
}

/// How tightly a sign binds.
fn strength(unary: Unary) -> u8 {
    match unary {
        Unary::Not => PRECEDENCE_NOT,
        Unary::Negate | Unary::Plus => PRECEDENCE_SIGN,
    }
}

/// The operator and operands of `a not in b` and its like, which is `not (a in b)`.
fn negated(unary: Unary, operand: &Node) -> Option<(Binary, &Node, &Node)> {
    match &operand.kind {
        NodeKind::Binary(
            binary
            @ (Binary::In | Binary::Matches | Binary::Contains | Binary::StartsWith | Binary::EndsWith),
            left,
            right,
        ) if unary == Unary::Not => Some((*binary, left, right)),
        _ => None,
    }
}

/// Whether the condition was written with `if`, which stands before it then.
fn is_written_as_if(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Conditional { condition, then: Some(_), .. } => node.span.start < condition.span.start,
        _ => false,
    }
}

/// Whether `node` is short enough for a range without spaces.
fn is_short(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Literal(Value::Int(_)) | NodeKind::Name(_))
}
