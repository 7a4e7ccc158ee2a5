//! What operators come to: whether their operands fit, and whether both are evaluated at all.

use std::ops::Range;

use super::checker::{Checker, is_literal};
use super::kinds::Kinds;
use super::operators;
use super::problem::{ProblemKind, Severity};
use super::shape::Shape;
use crate::ast::{Binary, Node, NodeKind, Unary};
use crate::error::ErrorKind;
use crate::kinds::{Folded, fold};

impl Checker<'_> {
    pub(super) fn unary(&mut self, unary: Unary, operand: &Node, node: &Node) -> Shape {
        let shape = self.node(operand);
        let result = operators::unary(unary, shape.kinds());
        if result.is_none() {
            let (sign, wanted) = match unary {
                Unary::Not => ("not", "a truth value"),
                Unary::Negate => ("-", "a number"),
                Unary::Plus => ("+", "a number"),
            };
            let message = format!("`{sign}` takes {wanted}, not {}", shape.kinds());
            if let Some(problem) = self.fails(&[(operand, &shape)], &node.span, message)
                && unary == Unary::Not
            {
                problem.hint("compare it: `x == nil`, `len(x) == 0`");
            }
        }
        Shape::of_kinds(result)
    }

    pub(super) fn binary(&mut self, op: Binary, left: &Node, right: &Node, node: &Node) -> Shape {
        let (a, b) = (self.node(left), self.node(right));
        let result = self.operation(op, (left, &a), (right, &b), &node.span);
        self.never_equal(op, &a, &b, &node.span);
        if is_literal(left) && is_literal(right) && !result.is_none() {
            self.constant(node);
        }
        if op == Binary::Range { Shape::list(Shape::Int) } else { Shape::of_kinds(result) }
    }

    /// The types of `left op right`, none after saying that it fails.
    fn operation(
        &mut self,
        op: Binary,
        (left, a): (&Node, &Shape),
        (right, b): (&Node, &Shape),
        span: &Range<usize>,
    ) -> Kinds {
        let result = operators::binary(op, a.kinds(), b.kinds());
        if result.is_none() {
            let (message, hint) = mismatch(op, a.kinds(), b.kinds());
            if let Some(problem) = self.fails(&[(left, a), (right, b)], span, message)
                && let Some(hint) = hint
            {
                problem.hint(hint);
            }
        }
        result
    }

    /// Warns of a comparison that does not depend on the values: `inputs.sure == "true"`, where that is a truth
    /// value. Asking whether something is nil is no such thing.
    fn never_equal(&mut self, op: Binary, left: &Shape, right: &Shape, span: &Range<usize>) {
        let right = match (op, right) {
            (Binary::Equal | Binary::NotEqual, right) => right,
            (Binary::In, Shape::List(element)) => element,
            _ => return,
        };
        let comparable = |shape: &Shape| {
            let kinds = shape.kinds();
            if kinds.meets(Kinds::NUMBER) { kinds | Kinds::NUMBER } else { kinds }
        };
        let (a, b) = (comparable(left), comparable(right));
        if a.meets(b) || a == Kinds::NIL || b == Kinds::NIL {
            return;
        }
        let message = match op {
            Binary::In => format!("the list has no element that is {}", left.kinds()),
            _ => format!("{} is never equal to {}", left.kinds(), right.kinds()),
        };
        let problem = self.note(Severity::Warning, ProblemKind::NeverEqual, span, message);
        if a.meets(Kinds::TEXT) || b.meets(Kinds::TEXT) {
            problem.hint("make both of one type: `string(x)`, `int(x)`");
        }
    }

    /// `&&` and `||`, of which the right operand may be left out, or both.
    pub(super) fn logic(&mut self, node: &Node) -> Shape {
        let NodeKind::Binary(op, left, right) = &node.kind else { return Shape::Any };
        match fold(*op, left, right) {
            Some(Folded::Bool(_)) => {
                self.within(false, false, |checker| {
                    checker.node(left);
                    checker.node(right);
                });
                return Shape::Bool;
            }
            Some(Folded::Operand(operand)) => return self.node(operand),
            None => {}
        }
        let a = self.node(left);
        self.truth(op.as_str(), left, &a);
        let b = self.maybe(|checker| checker.node(right));
        if !b.kinds().meets(Kinds::BOOL) && !b.kinds().within(Kinds::NIL) {
            let message = format!("`{}` takes truth values, not {}", op.as_str(), b.kinds());
            self.note(Severity::Warning, ProblemKind::Fault(ErrorKind::Type), &right.span, message);
        }
        Shape::Bool.join(&b)
    }

    /// Says so if `node`, of that shape, is certainly no truth value.
    fn truth(&mut self, operator: &str, node: &Node, shape: &Shape) {
        if !shape.kinds().meets(Kinds::BOOL) {
            let message = format!("`{operator}` takes truth values, not {}", shape.kinds());
            if let Some(problem) = self.fails(&[(node, shape)], &node.span, message) {
                problem.hint("compare it: `x != nil`, `len(x) > 0`");
            }
        }
    }

    pub(super) fn coalesce(&mut self, left: &Node, right: &Node) -> Shape {
        let a = self.node(left);
        // Asking whether there is such a thing is what `??` is for.
        let b = if a == Shape::Nil { self.node(right) } else { self.maybe(|checker| checker.node(right)) };
        match a {
            Shape::Nil => b,
            a if !a.kinds().meets(Kinds::NIL) => a,
            a => a.without_nil().join(&b),
        }
    }

    pub(super) fn comparison(&mut self, first: &Node, rest: &[(Binary, Node)], span: &Range<usize>) -> Shape {
        let mut left = (first, self.node(first));
        let certain = self.certain;
        for (op, right) in rest {
            let shape = self.node(right);
            self.operation(*op, (left.0, &left.1), (right, &shape), span);
            left = (right, shape);
            // The others are compared only if this one holds.
            self.certain = false;
        }
        self.certain = certain;
        Shape::Bool
    }

    pub(super) fn conditional(&mut self, condition: &Node, then: Option<&Node>, otherwise: &Node) -> Shape {
        let shape = self.node(condition);
        if !shape.kinds().meets(Kinds::BOOL) {
            let message = format!("a condition is a truth value, not {}", shape.kinds());
            if let Some(problem) = self.fails(&[(condition, &shape)], &condition.span, message) {
                problem.hint("compare it: `x != nil`, `len(x) > 0`");
            }
        }
        let then = match then {
            Some(then) => self.maybe(|checker| checker.node(then)),
            None => Shape::Bool,
        };
        let otherwise = self.maybe(|checker| checker.node(otherwise));
        then.join(&otherwise)
    }
}

/// Why an operator fails, and what to do instead.
fn mismatch(op: Binary, left: Kinds, right: Kinds) -> (String, Option<&'static str>) {
    if op == Binary::In && !right.meets(Kinds::LIST | Kinds::MAP) {
        let hint = right.meets(Kinds::TEXT).then_some("for a part of a text use `text contains part`");
        return (format!("`in` looks into a list or a map, not {right}"), hint);
    }
    let message = match (left == Kinds::ALL, right == Kinds::ALL) {
        (true, _) => format!("`{}` does not work on {right}", op.as_str()),
        (_, true) => format!("`{}` does not work on {left}", op.as_str()),
        _ => format!("`{}` does not work on {left} and {right}", op.as_str()),
    };
    let texts = left == Kinds::TEXT || right == Kinds::TEXT;
    (message, (op == Binary::Add && texts).then_some("make text of the other side: `string(x)`"))
}
